// Reads OpenAI's Responses, streamed and whole: docs/formats/wire-proofs.md says what proves them.
//
// What becomes of what:
//   - the contents of a message are parts of kText and kRefusal, a reasoning item is one part of
//     kReasoning (its texts joined by an empty line, its encrypted content as the signature), a
//     function_call and a custom_tool_call are parts of kToolCall;
//   - every other item, those of built-in tools among them, is a part of kOpaque: its JSON as it
//     was when it was done. The events on its way (code, queries, pictures that are not ready) are
//     passed over, since the item has all that they say;
//   - parts keep their item, so that it can go back byte for byte: responses_items.h;
//   - items come out in the order in which they began: what belongs to a later one is held back
//     until those before it are done;
//   - members of the response that have no place of their own are in Meta::extra if they were there
//     at its beginning; if they came with its end, in the last part's extra as "answer", or the
//     message's where there is no part. What only repeats the request (instructions, tools) is
//     left out.
#ifndef INFER_SRC_CLOUD_OPENAI_RESPONSES_READER_H_
#define INFER_SRC_CLOUD_OPENAI_RESPONSES_READER_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "src/cloud/openai/openai.h"
#include "src/cloud/openai/responses_items.h"
#include "src/cloud/openai/token_logprobs.h"
#include "src/cloud/raw_object.h"
#include "src/cloud/wire.h"
#include "src/core/json.h"

namespace infer::cloud {

class ResponsesReader final : public Reader {
 public:
  // Whether text deltas may be read without a tree; both give the same.
  enum class Path : std::uint8_t { kPlain, kFull };

  // `custom_tools`: names of the free-text tools that the request offers; a call of another one is
  // of a tool that the provider has and runs itself (xAI's search). Nothing: every call is the
  // caller's. `model` must outlive the reader.
  explicit ResponsesReader(const ServerModel& model,
                           std::optional<std::vector<std::string>> custom_tools = std::nullopt,
                           Path path = Path::kPlain)
      : model_(model), custom_tools_(std::move(custom_tools)), path_(path) {
    meta_.issuer = model.responses_issuer;
  }

  void head(const http::HttpHead& head) override;
  std::optional<Error> event(std::string_view type, std::string_view data,
                             EventQueue& out) override;
  std::optional<Error> whole(std::string_view body, EventQueue& out) override;
  bool proven() const override { return ended_; }
  bool done() const override { return ended_; }
  void close(EventQueue& out) override;

 private:
  using MaybeError = std::optional<Error>;

  // A part of an item on its way.
  struct Content {
    Event::PartKind kind = Event::PartKind::kNone;  // kNone: nothing has come of it
    EventQueue::Key key = 0;
    std::string type{};         // of kOpaque
    std::string text{};         // all so far
    std::size_t sent = 0;       // of the text
    std::string annotations{};  // JSON elements, joined by commas
    TokenLogprobs logprobs{};
    std::int64_t source = -1;  // of reasoning: which of its texts came last
    bool begun = false;
    bool closed = false;  // its last text has come
  };
  struct Item {
    std::string id{}, type{}, call_id{}, name{};
    std::string raw{};  // the item's JSON: when it is done, else as it began
    std::vector<Content> contents{};
    bool whole = false;   // `raw` is the item as it was when it was done
    bool done = false;    // nothing more comes
    bool mended = false;  // what was streamed is not what the item says
  };
  // A text of an item that streams: the events NAME.delta and NAME.done.
  struct Delta {
    std::string_view event{};  // NAME, without "response."
    std::string_view item{};   // the type of the item that it belongs to
    std::string_view index{};  // the member that says which of the item's texts
    std::string_view text{};   // the member of NAME.done that has all of it
    Event::PartKind kind = Event::PartKind::kNone;
    std::int64_t source(std::int64_t at) const { return at * 2 + (event == "reasoning_text"); }
  };
  static const Delta* delta_of(std::string_view event);

  MaybeError full(std::string_view type, std::string_view data, EventQueue& out);
  MaybeError take(std::string_view type, const core::Json& event, std::string_view raw,
                  EventQueue& out);
  MaybeError response_event(std::string_view type, const core::Json& event, std::string_view raw,
                            EventQueue& out);
  MaybeError item_event(const core::Json& event, bool done, std::string_view raw, EventQueue& out);
  MaybeError content_event(const core::Json& event, bool done, std::string_view raw,
                           EventQueue& out);
  MaybeError text_event(const Delta& what, const core::Json& event, bool done, EventQueue& out);
  MaybeError annotation_event(const core::Json& event, std::string_view raw);
  bool plain(std::string_view data, EventQueue& out);

  MaybeError find_item(const core::Json& event, std::string_view type, Item*& item);
  MaybeError add_item(std::int64_t index, std::string_view type, Item*& item);
  Item* item_with(std::string_view id);
  MaybeError find_content(Item& item, const core::Json& event, std::string_view key,
                          Content*& content);
  MaybeError make_room(Item& item, std::size_t contents);
  MaybeError append(Content& content, std::string_view bytes);
  MaybeError complete_text(Content& content, std::string_view said);
  MaybeError read_logprobs(Content& content, const core::Json& list);
  void note_item(Item& item, const core::Json& json, std::string_view raw);
  MaybeError complete(Item& item, const core::Json& json, std::string_view raw);
  MaybeError hold(std::size_t bytes);

  MaybeError end_of_response(const core::Json& response, std::string_view raw,
                             std::string_view status, EventQueue& out);
  MaybeError output(const core::Json& list, std::string_view raw);
  MaybeError status_error(const core::Json& response, std::string_view raw,
                          std::string_view status) const;
  void set_finish(const core::Json& response, std::string_view status);

  void pump(EventQueue& out);
  bool put(Item& item, EventQueue& out);
  bool may_begin(const Item& item, const Content& content) const;
  void begin(const Item& item, Content& content, EventQueue& out);
  void end(const Item& item, const Content& content, bool last, EventQueue& out);
  void flush_end(std::string_view answer_facts, EventQueue& out);

  void start(EventQueue& out);
  void note_start(const core::Json& response, std::string_view raw);
  void note_end(const core::Json& response, std::string_view raw);
  void note_usage(const core::Json& response, std::string_view raw, EventQueue& out);
  Error server_error(std::string_view body) const;
  Error wrong(std::string_view what, std::string_view bytes) const;

  // The end of the last part, which waits: facts that come with the end of the answer go with it.
  struct Ending {
    EventQueue::Key key = 0;
    std::string data{}, id{}, members{};
  };

  const ServerModel& model_;
  std::optional<std::vector<std::string>> custom_tools_;
  Path path_;
  const http::HttpHead* head_ = &no_head();
  std::size_t events_ = 0;
  bool started_ = false;
  bool ended_ = false;
  Meta meta_{};
  std::string rate_limits_{};  // JSON
  RawObject start_facts_{}, late_facts_{};
  std::vector<Item> items_{};                       // in the order in which they began
  std::map<std::int64_t, std::size_t> by_index_{};  // output_index -> place in items_
  bool shared_index_ = false;                       // it is that of several items
  std::size_t head_item_ = 0;                       // the first that is not out as a whole
  std::size_t held_ = 0;                            // bytes that wait for items before them
  std::size_t contents_ = 0;                        // of all messages
  std::size_t logprobs_ = 0;                        // that were read
  std::uint64_t keys_ = 0;
  std::optional<Ending> ending_{};
  bool calls_ = false, refused_ = false;
  Finish finish_ = Finish::kUnknown;
  std::string finish_raw_{};
  std::string scratch_{};
};

}  // namespace infer::cloud

#endif  // INFER_SRC_CLOUD_OPENAI_RESPONSES_READER_H_
