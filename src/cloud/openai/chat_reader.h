// Reads chat completions, streamed and whole: docs/formats/wire-proofs.md says what proves them.
#ifndef INFER_SRC_CLOUD_OPENAI_CHAT_READER_H_
#define INFER_SRC_CLOUD_OPENAI_CHAT_READER_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/cloud/delta_template.h"
#include "src/cloud/openai/chat_choice.h"
#include "src/cloud/openai/dialect.h"
#include "src/cloud/openai/openai.h"
#include "src/cloud/openai/plain_delta.h"
#include "src/cloud/wire.h"
#include "src/core/json.h"

namespace infer::cloud {

class ChatReader final : public Reader {
 public:
  // Which of the ways to read an event are used; all give the same, each is faster than the next.
  enum class Path : std::uint8_t { kTemplates, kPlain, kFull };

  // `n`: how many answers were asked for. `model` must outlive the reader.
  ChatReader(const ServerModel& model, std::uint32_t n, Path path = Path::kTemplates)
      : model_(model), dialect_(*model.dialect), n_(n), path_(path) {
    meta_.issuer = model.issuer;
  }

  void head(const http::HttpHead& head) override;
  std::optional<Error> event(std::string_view type, std::string_view data,
                             EventQueue& out) override;
  std::optional<Error> whole(std::string_view body, EventQueue& out) override;
  bool proven() const override;
  bool done() const override { return done_; }
  void close(EventQueue& out) override;

 private:
  struct Meaning {
    std::uint32_t choice = 0;
    DeltaField field = DeltaField::kContent;
    std::uint32_t call = 0;
  };

  ChatChoice* find_choice(std::uint32_t index);
  bool plain(const Meaning& meaning, std::string_view inside, EventQueue& out);
  bool read_plain(std::string_view data, EventQueue& out);
  bool apply_plain(const PlainDelta& delta, EventQueue& out);
  void learn(std::string_view data, const PlainDelta& delta);
  bool whole_plain(std::string_view body, EventQueue& out);
  std::optional<Error> mark_of_the_end();
  std::optional<Error> full(std::string_view data, EventQueue& out);
  std::optional<Error> answer(const core::Json& json, std::string_view raw, EventQueue& out);
  std::optional<Error> choices(const core::Json& list, std::string_view raw, EventQueue& out);
  std::optional<Error> stopped_early(const core::Json& json, std::string_view raw) const;
  Error server_error(std::string_view body) const;
  Error wrong(std::string_view what, std::string_view bytes) const;
  std::optional<Error> missing_choices() const;
  void note_facts(const core::Json& json, std::string_view raw);
  void note_groq(const core::Json& groq, std::string_view raw);
  bool is_seen(std::string_view name) const;
  void note_fact(std::string_view name, std::string_view raw);
  void note_model(std::string_view model, EventQueue& out);
  void note_usage(const core::Json& json, std::string_view raw, EventQueue& out);
  void note_usage_of_choice(const core::Json& json, std::string_view raw, EventQueue& out);
  void start(EventQueue& out);
  bool all_finished() const;

  const ServerModel& model_;
  const Dialect& dialect_;
  std::uint32_t n_;
  Path path_;
  const http::HttpHead* head_ = &no_head();
  std::size_t events_ = 0;
  bool started_ = false;
  bool done_ = false;
  Meta meta_{};
  std::string start_facts_{};        // members of Meta::extra, raw
  std::string late_facts_{};         // members that came after the start, raw
  std::vector<std::string> seen_{};  // names of both
  std::map<std::uint32_t, ChatChoice> choices_{};
  std::uint32_t last_index_ = 0;  // of last_, found before: pieces of one choice come in a row
  ChatChoice* last_ = nullptr;    // nodes of a map stay where they are
  DeltaTemplates<Meaning> templates_{};
  std::string scratch_{};
};

// Figures of a usage object; `raw` are its bytes. Nothing: it has none.
std::optional<Usage> chat_usage(const core::Json& usage, std::string_view raw);
std::optional<Usage> chat_usage(const ChatFigures& figures, std::string_view raw);

}  // namespace infer::cloud

#endif  // INFER_SRC_CLOUD_OPENAI_CHAT_READER_H_
