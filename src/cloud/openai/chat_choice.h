// One of the n answers of a chat completion: from its deltas, or its whole message, to parts. What
// servers do differently from OpenAI is accepted here, a rule each.
#ifndef INFER_SRC_CLOUD_OPENAI_CHAT_CHOICE_H_
#define INFER_SRC_CLOUD_OPENAI_CHAT_CHOICE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "infer/event.h"
#include "src/cloud/event_queue.h"
#include "src/cloud/openai/lenient_json.h"
#include "src/cloud/openai/token_logprobs.h"
#include "src/core/json.h"

namespace infer::cloud {

// Where the bytes of a delta stand.
enum class DeltaField : std::uint8_t {
  kContent,
  kRefusal,
  kReasoningContent,  // DeepSeek, vLLM, llama-server, xAI, Moonshot
  kReasoning,         // OpenRouter, Groq, Ollama
  kReasoningText,     // GitHub Copilot
  kThinking,          // Mistral: a part of the content
  kArguments,         // of a function call
};
Event::PartKind part_kind(DeltaField field) noexcept;
// Its name in a message; what reasoning goes back by (chat_request.cc).
std::string_view field_name(DeltaField field) noexcept;

// Tells where a JSON value ends that comes in pieces: an object or an array; of anything else the
// end is not known.
class JsonProgress {
 public:
  void feed(std::string_view bytes);
  bool complete() const noexcept { return state_ == State::kDone; }

 private:
  enum class State : std::uint8_t { kStart, kInside, kString, kEscape, kScalar, kDone };
  State state_ = State::kStart;
  std::size_t depth_ = 0;
};

class ChatChoice {
 public:
  // What is wrong with an answer, in words; nothing: it is fine.
  using Flaw = std::optional<std::string>;

  explicit ChatChoice(std::uint32_t index) : index_(index) {}

  // An entry of "choices": `raw` are its bytes. `whole`: it holds a message, not a delta.
  Flaw read(const core::Json& choice, std::string_view raw, EventQueue& out);
  // The bytes of one delta of the field, `call` is the index of a tool call on the wire: as read()
  // would with a delta that holds nothing else. False, and nothing is done, if that would be more
  // than one event. `borrowed`: the bytes live until the queue has run empty.
  bool plain(DeltaField field, std::uint32_t call, std::string_view bytes, bool borrowed,
             EventQueue& out);
  // As read() would with a delta that holds nothing but text, or nothing but a reason.
  Flaw text(DeltaField field, std::string_view bytes, EventQueue& out);
  void set_finish(std::string_view reason);

  bool finished() const noexcept { return finish_.has_value(); }
  // The facts about the choice that are kept have changed since the last call.
  bool facts_changed();
  // The fact with that name is kept as these bytes already.
  bool has_fact(std::string_view name, std::string_view raw) const;
  // Ends all parts. `answer_facts`: raw JSON members that belong to the answer as a whole.
  void end_parts(std::string_view answer_facts, EventQueue& out);
  void put_finish(EventQueue& out);

 private:
  struct Call {
    EventQueue::Key key = 0;
    std::string id{}, name{}, held{};
    std::string extra{};  // members of the call that this library does not know, raw
    bool custom = false;
    bool begun = false, ended = false;
    JsonProgress progress{};
  };

  // Kept with the bytes that it came in, unless it came in pieces.
  struct Member {
    std::string name{}, raw{};
    std::optional<core::Json> merged{};
  };

  Flaw read_facts(const core::Json& choice, std::string_view raw);
  Flaw message(const core::Json& message, std::string_view raw, EventQueue& out);
  Flaw content(const core::Json& content, std::string_view raw, EventQueue& out);
  Flaw content_part(const core::Json& part, std::string_view raw, EventQueue& out);
  Flaw unknown_member(const std::string& name, const core::Json& value, std::string_view raw);
  void read_logprobs(const core::Json& logprobs);
  void read_finish(const core::Json& choice);

  void opaque(std::string_view type, std::string_view json, EventQueue& out);
  void end_text(EventQueue& out, std::string_view more_facts = {});
  EventQueue::Key new_key();

  Flaw calls(const core::Json& list, std::string_view raw, EventQueue& out);
  Flaw call_delta(const core::Json& delta, std::string_view raw, std::size_t position,
                  EventQueue& out);
  Flaw function_call(const core::Json& delta, EventQueue& out);
  Flaw slot_of(const core::Json& delta, std::size_t position, std::size_t& slot);
  Flaw name_call(Call& call, const core::Json& delta, std::string_view raw);
  Flaw arguments(Call& call, std::string_view bytes, EventQueue& out);
  void begin_call(Call& call, EventQueue& out);
  void end_call(Call& call, EventQueue& out, std::string_view more_facts = {});
  void end_complete_calls(EventQueue& out, const Call* but);

  std::uint32_t index_;
  std::uint64_t keys_ = 0;
  std::optional<DeltaField> current_{};  // the open part that is no call
  EventQueue::Key current_key_ = 0;
  bool refused_ = false;
  std::vector<Call> calls_{};
  std::map<std::uint64_t, std::size_t> slots_{};  // index on the wire -> place in calls_
  TokenLogprobs logprobs_{};                      // that wait for the text they belong to
  std::string annotations_{};                     // elements, joined by commas, of the open text
  std::vector<Member> members_{};                 // of the message, that this library does not know
  std::vector<std::pair<std::string, std::string>> facts_{};  // of the choice: name, raw JSON
  bool facts_changed_ = false;
  std::string message_facts_{};  // JSON: of these, what no part was left to hold
  std::size_t kept_bytes_ = 0;   // of members and facts
  std::optional<std::string> finish_{};
  std::string stopped_by_{};  // the stop text, where a server says it
};

}  // namespace infer::cloud

#endif  // INFER_SRC_CLOUD_OPENAI_CHAT_CHOICE_H_
