// Reads the answers of OpenAI's embeddings, and of the servers that give them in the same form.
#ifndef INFER_SRC_CLOUD_OPENAI_EMBEDDING_READER_H_
#define INFER_SRC_CLOUD_OPENAI_EMBEDDING_READER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "src/cloud/openai/bulk_json.h"
#include "src/cloud/openai/openai.h"
#include "src/cloud/wire.h"
#include "src/core/json.h"

namespace infer::cloud {

// What was asked for.
struct VectorOrder {
  std::size_t rows = 1;
  std::optional<std::uint32_t> dimensions{};
  bool normalize = false;
};

class EmbeddingReader final : public Reader {
 public:
  // `model` must outlive the reader.
  EmbeddingReader(const ServerModel& model, VectorOrder order) : model_(model), order_(order) {}

  void head(const http::HttpHead& head) override { head_ = &head; }
  std::optional<Error> event(std::string_view type, std::string_view data,
                             EventQueue& out) override;
  std::optional<Error> whole(std::string_view body, EventQueue& out) override;
  bool proven() const override { return read_; }
  bool done() const override { return read_; }
  void close(EventQueue& out) override { out.finish(0, Finish::kStop, {}); }

 private:
  // One row after the other, as they come.
  struct Rows {
    std::vector<float> values{};
    std::size_t width = 0;
    std::vector<std::size_t> places{};  // of the i-th that came: which input it is for
  };

  std::optional<Error> rows(const BulkJson& document, const core::Json& list, Rows& rows) const;
  std::optional<Error> row(const BulkJson& document, const core::Json& entry, std::size_t at,
                           Rows& rows) const;
  std::optional<Error> place(const core::Json& entry, std::size_t at, Rows& rows) const;
  std::optional<Error> check_row(std::size_t at, Rows& rows, std::size_t begin) const;
  std::vector<float> in_order(Rows rows) const;
  void start(const core::Json& json, std::string_view raw, EventQueue& out) const;
  Error wrong(std::string_view what, std::string_view bytes = {}) const;

  const ServerModel& model_;
  const VectorOrder order_;
  const http::HttpHead* head_ = &no_head();
  bool read_ = false;
};

}  // namespace infer::cloud

#endif  // INFER_SRC_CLOUD_OPENAI_EMBEDDING_READER_H_
