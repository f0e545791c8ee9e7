// Reads the answers of OpenAI's Images: docs/formats/wire-proofs.md says what proves them.
#ifndef INFER_SRC_CLOUD_OPENAI_IMAGE_READER_H_
#define INFER_SRC_CLOUD_OPENAI_IMAGE_READER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "infer/media.h"
#include "src/cloud/openai/bulk_json.h"
#include "src/cloud/openai/openai.h"
#include "src/cloud/wire.h"
#include "src/core/json.h"

namespace infer::cloud {

// What was asked for, as far as an answer is held against it.
struct PictureOrder {
  std::uint32_t n = 1;
  std::uint32_t previews = 0;
  std::string format{};  // empty: any
  std::optional<PictureSize> size{};
};

class ImageReader final : public Reader {
 public:
  // `model` must outlive the reader.
  ImageReader(const ServerModel& model, PictureOrder order);

  void head(const http::HttpHead& head) override;
  std::optional<Error> event(std::string_view type, std::string_view data,
                             EventQueue& out) override;
  std::optional<Error> whole(std::string_view body, EventQueue& out) override;
  bool proven() const override { return pictures_ >= order_.n; }
  bool done() const override { return proven(); }
  void close(EventQueue& out) override { out.finish(0, Finish::kStop, {}); }

 private:
  // An object and its bytes.
  struct Entry {
    const BulkJson& document;  // that it is in
    const core::Json& json;
    std::string_view raw{};
  };

  // `name`: what a stream calls the event beside its data.
  std::optional<Error> read(std::string_view data, std::string_view name, bool stream,
                            EventQueue& out);
  std::optional<Error> answer(const Entry& body, EventQueue& out);
  std::optional<Error> partial(const Entry& event, EventQueue& out);
  std::optional<Error> completed(const Entry& event, EventQueue& out);
  std::optional<Error> add(const Entry& entry, std::string_view format, std::string_view where,
                           EventQueue& out);
  Result<Media> picture(const Entry& entry, std::string_view format, std::string_view where) const;
  void hold_against_order(const Media& picture, EventQueue& out) const;
  std::optional<Error> too_few() const;
  void start(const Entry& entry, EventQueue& out);
  static void note_usage(const Entry& entry, EventQueue& out);
  Error server_error(std::string_view body) const;
  Error wrong(std::string_view what, std::string_view bytes) const;

  const ServerModel& model_;
  const PictureOrder order_;
  const http::HttpHead* head_ = &no_head();
  std::size_t events_ = 0;
  std::uint32_t pictures_ = 0;  // whole ones
  bool started_ = false;
};

}  // namespace infer::cloud

#endif  // INFER_SRC_CLOUD_OPENAI_IMAGE_READER_H_
