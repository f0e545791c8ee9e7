#include "src/cloud/anthropic/messages_reader.h"

#include <simdjson.h>

#include <algorithm>
#include <initializer_list>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "src/cloud/anthropic/anthropic.h"
#include "src/cloud/anthropic/raw_object.h"
#include "src/cloud/delta_template.h"
#include "src/cloud/raw_json.h"
#include "src/core/json.h"
#include "src/core/utf8.h"

namespace infer::cloud {
namespace {

using core::Json;
using Kind = Event::PartKind;
using MaybeError = std::optional<Error>;

// A content array longer than this is no answer, and an index beyond it must not grow a table.
constexpr std::int64_t kMaxBlocks = 1024;

Finish finish_of(std::string_view reason) {
  if (reason.empty()) return Finish::kUnknown;
  if (reason == "end_turn") return Finish::kStop;
  if (reason == "stop_sequence") return Finish::kStopSequence;
  if (reason == "max_tokens") return Finish::kLength;
  if (reason == "tool_use") return Finish::kToolCalls;
  if (reason == "pause_turn") return Finish::kPaused;
  if (reason == "refusal") return Finish::kRefusal;
  if (reason == "model_context_window_exceeded") return Finish::kContextFull;
  return Finish::kOther;
}

Kind kind_of(std::string_view block_type) {
  if (block_type == "text") return Kind::kText;
  if (block_type == "thinking" || block_type == "redacted_thinking") return Kind::kReasoning;
  if (block_type == "tool_use") return Kind::kToolCall;
  return Kind::kOpaque;
}

// A block that has begun and not ended.
struct Block {
  EventQueue::Key key = 0;
  Kind kind = Kind::kNone;
  bool redacted = false;
  bool streamed = false;    // its input is going out piece by piece
  std::string input{};      // kToolCall: as it stood in the block's beginning
  std::string signature{};  // kReasoning
  RawObject rest{};         // members that go out at its end; of kOpaque all
};

// The deltas that make a stream long.
enum class DeltaType : std::uint8_t { kText, kThinking, kInput };
struct Shape {
  std::int64_t index = 0;
  DeltaType type = DeltaType::kText;
};

bool fits(const Block& block, DeltaType type) {
  switch (type) {
    case DeltaType::kText: return block.kind == Kind::kText;
    case DeltaType::kThinking: return block.kind == Kind::kReasoning && !block.redacted;
    case DeltaType::kInput: return block.kind == Kind::kToolCall || block.kind == Kind::kOpaque;
  }
  return false;
}

std::optional<DeltaType> delta_type_of(std::string_view type, std::string_view member) {
  if (type == "text_delta" && member == "text") return DeltaType::kText;
  if (type == "thinking_delta" && member == "thinking") return DeltaType::kThinking;
  if (type == "input_json_delta" && member == "partial_json") return DeltaType::kInput;
  return std::nullopt;
}

// Without the brace that closes the event and white space around it: some servers pad events there,
// each with another number of spaces.
std::string_view unpadded(std::string_view event) {
  constexpr std::string_view kSpace = " \t\r\n";
  std::size_t size = event.find_last_not_of(kSpace) + 1;
  if (size == 0 || event[size - 1] != '}') return {};
  size = event.substr(0, size - 1).find_last_not_of(kSpace) + 1;
  return event.substr(0, size);
}

// The figures of all usage objects so far. A later one may leave out what an earlier one said, or
// say it again larger; each figure keeps its largest value.
class Figures {
 public:
  void add(const Json& usage, std::string_view raw) {
    raise(input_, core::int_at(usage, "input_tokens"));
    raise(cache_read_, core::int_at(usage, "cache_read_input_tokens"));
    raise(cache_write_, core::int_at(usage, "cache_creation_input_tokens"));
    raise(output_, core::int_at(usage, "output_tokens"));
    if (const Json* details = core::find(usage, "output_tokens_details"))
      raise(reasoning_, core::int_at(*details, "thinking_tokens"));
    raw_.update(RawObject(raw));
  }
  // A fact of the answer that comes with its figures.
  void keep(std::string_view name, std::string json) { raw_.set(name, std::move(json)); }

  // Anthropic counts the parts of the prompt apart: what was read from the cache and what was
  // written to it is not in input_tokens.
  Usage usage() const {
    Usage usage;
    usage.cache_read = cache_read_;
    usage.cache_write = cache_write_;
    usage.output = output_;
    usage.reasoning = reasoning_;
    if (input_) usage.input = sum(sum(*input_, cache_read_), cache_write_);
    if (!raw_.empty()) usage.raw = raw_.text();
    return usage;
  }

 private:
  using Figure = std::optional<std::int64_t>;
  static void raise(Figure& figure, Figure to) {
    if (to && *to >= 0 && (!figure || *figure < *to)) figure = to;
  }
  static std::int64_t sum(std::int64_t a, Figure b) {
    return b && *b <= INT64_MAX - a ? a + *b : a;
  }
  Figure input_{}, cache_read_{}, cache_write_{}, output_{}, reasoning_{};
  RawObject raw_{};
};

class MessagesReader final : public Reader {
 public:
  explicit MessagesReader(const MessagesReaderOptions& options) : options_(options) {}

  void head(const http::HttpHead& head) override { head_ = head; }
  MaybeError event(std::string_view type, std::string_view data, EventQueue& out) override;
  MaybeError whole(std::string_view body, EventQueue& out) override;
  bool proven() const override { return stopped_; }
  bool done() const override { return stopped_; }
  void close(EventQueue& out) override;

 private:
  // The deltas that make a stream long, by templates or by a fast parser. True: it was one, and is
  // in the queue. False: nothing has happened; whoever looks closer says what it is.
  bool guess_delta(std::string_view data, EventQueue& out);
  bool parse_delta(std::string_view data, EventQueue& out);
  bool put_delta(const Shape& shape, std::string_view inside, EventQueue& out);

  // All else. `raw` are the bytes of the JSON value beside it.
  MaybeError take_event(std::string_view type, const Json& json, std::string_view raw,
                        EventQueue& out);
  MaybeError message_start(const Json& json, std::string_view raw, EventQueue& out);
  MaybeError message(const Json& message, std::string_view raw, EventQueue& out);
  MaybeError message_delta(const Json& json, std::string_view raw, EventQueue& out);
  void message_stop(EventQueue& out);
  MaybeError block_start(const Json& json, std::string_view raw, EventQueue& out);
  MaybeError block_delta(const Json& json, std::string_view raw, EventQueue& out);
  MaybeError block_stop(const Json& json, std::string_view raw, EventQueue& out);

  MaybeError begin_block(const Json& content, std::string_view raw, Block& block, EventQueue& out);
  std::string_view known_delta(Block& block, const Json& delta, std::string_view raw,
                               EventQueue& out);
  void put_bytes(Block& block, std::string_view bytes, EventQueue& out);
  void end_block(Block& block, EventQueue& out);
  MaybeError read_usage(const Json& of, std::string_view raw);
  MaybeError read_stop(const Json& of, std::string_view raw, EventQueue& out);
  std::string meta_extra(const RawObject& message) const;
  std::optional<std::int64_t> index_of(const Json& json) const;
  MaybeError hold(std::size_t bytes);
  Error bad(std::string_view what, std::string_view bytes) const {
    return bad_answer(kAnthropic, what, events_, bytes);
  }

  MessagesReaderOptions options_;
  http::HttpHead head_{};
  simdjson::ondemand::parser parser_{};
  DeltaTemplates<Shape> templates_{};
  std::string unescaped_{};  // of the last delta
  std::map<std::int64_t, Block> blocks_{};
  std::int64_t last_index_ = -1;  // of last_, found before: deltas of one block come in a row
  Block* last_ = nullptr;
  EventQueue::Key next_key_ = 0;
  std::size_t events_ = 0;
  std::size_t held_ = 0;
  bool started_ = false;
  bool stopped_ = false;
  std::string message_id_{};
  Figures figures_{};
  std::string stop_reason_{};
  std::string stop_sequence_{};
};

// ---- deltas that are many

bool MessagesReader::guess_delta(std::string_view data, EventQueue& out) {
  DeltaHoles holes;
  const Shape* const shape = templates_.match(unpadded(data), holes);
  return shape && put_delta(*shape, holes[0], out);
}

bool MessagesReader::parse_delta(std::string_view data, EventQueue& out) {
  namespace od = simdjson::ondemand;
  od::document document;
  od::object event;
  const simdjson::padded_string_view padded(data.data(), data.size(), data.size() + http::kPadding);
  if (parser_.iterate(padded).get(document) || document.get_object().get(event)) return false;

  std::string_view type, delta_type, member, inside;
  std::optional<std::int64_t> index;
  const auto take_inside = [&](od::value value) {
    od::raw_json_string string;
    if (value.get_raw_json_string().get(string)) return false;
    inside = data.substr(static_cast<std::size_t>(string.raw() - data.data()));
    const std::size_t size = json_string_length(inside);
    inside = inside.substr(0, size);
    return size != std::string_view::npos;
  };
  const auto take_delta = [&](od::object delta) {
    for (auto field : delta) {
      std::string_view key;
      od::value value;
      if (field.unescaped_key().get(key) || field.value().get(value)) return false;
      const bool taken = key == "type" ? !value.get_string().get(delta_type)
                                       : member.empty() && take_inside(value);
      if (!taken) return false;
      if (key != "type") member = key;
    }
    return true;
  };
  for (auto field : event) {
    std::string_view key;
    od::value value;
    od::object delta;
    std::int64_t number = 0;
    if (field.unescaped_key().get(key) || field.value().get(value)) return false;
    if (key == "type") {
      if (value.get_string().get(type)) return false;
    } else if (key == "index") {
      if (value.get_int64().get(number)) return false;
      index = number;
    } else if (key != "delta" || value.get_object().get(delta) || !take_delta(delta)) {
      return false;
    }
  }
  const bool at_end = document.current_location().error() == simdjson::OUT_OF_BOUNDS;
  if (type != "content_block_delta" || !index || !at_end) return false;
  const auto known = delta_type_of(delta_type, member);
  if (!known || !put_delta({*index, *known}, inside, out)) return false;
  if (options_.templates) templates_.learn(unpadded(data), {inside}, {*index, *known});
  return true;
}

bool MessagesReader::put_delta(const Shape& shape, std::string_view inside, EventQueue& out) {
  if (!last_ || last_index_ != shape.index) {
    const auto found = blocks_.find(shape.index);
    if (found == blocks_.end()) return false;
    last_index_ = shape.index;
    last_ = &found->second;
  }
  if (!fits(*last_, shape.type)) return false;
  if (has_escapes(inside)) {
    unescaped_.clear();
    append_unescaped(unescaped_, inside);
    inside = unescaped_;
  }
  put_bytes(*last_, inside, out);
  return true;
}

// Bytes of the part that live until the queue has run empty.
void MessagesReader::put_bytes(Block& block, std::string_view bytes, EventQueue& out) {
  if (bytes.empty()) return;
  if (block.kind == Kind::kOpaque && !block.streamed) {
    // What has come of the block is its beginning; the input follows as its last member but for
    // those that other deltas bring.
    block.rest.erase("input");
    std::string beginning = block.rest.text();
    beginning.back() = ',';
    beginning += "\"input\":";
    out.delta(block.key, beginning);
    block.rest = {};
  }
  block.streamed = true;
  out.delta_view(block.key, bytes);
}

// ---- events

constexpr std::string_view kKnownEvents[] = {
    "message_start",       "message_delta",      "message_stop", "content_block_start",
    "content_block_delta", "content_block_stop", "error"};

bool is_known_event(std::string_view type) {
  return std::find(std::begin(kKnownEvents), std::end(kKnownEvents), type) !=
         std::end(kKnownEvents);
}

MaybeError MessagesReader::event(std::string_view type, std::string_view data, EventQueue& out) {
  ++events_;
  if (stopped_ || type == "ping") return std::nullopt;
  if (type.empty() || type == "content_block_delta")
    if (guess_delta(data, out) || parse_delta(data, out)) return std::nullopt;
  const auto json = core::parse_json(data);
  if (json && json->is_object())
    return take_event(core::string_or(*json, "type", type), *json, data, out);
  if (type == "error") return provider_error(kAnthropic, head_, data, anthropic_complaint(data));
  if (!type.empty() && !is_known_event(type)) return std::nullopt;
  return bad(json ? "its data is no JSON object" : json.error().message(), data);
}

MaybeError MessagesReader::take_event(std::string_view type, const Json& json, std::string_view raw,
                                      EventQueue& out) {
  if (type == "error" || (type.empty() && core::find(json, "error")))
    return provider_error(kAnthropic, head_, raw, anthropic_complaint(raw));
  if (!is_known_event(type)) return std::nullopt;
  if (type == "message_start") return message_start(json, raw, out);
  if (!started_) return bad(std::string(type) + " before message_start", raw);
  if (type == "content_block_start") return block_start(json, raw, out);
  if (type == "content_block_delta") return block_delta(json, raw, out);
  if (type == "content_block_stop") return block_stop(json, raw, out);
  if (type == "message_delta") return message_delta(json, raw, out);
  message_stop(out);
  return std::nullopt;
}

MaybeError MessagesReader::whole(std::string_view body, EventQueue& out) {
  const auto json = core::parse_json(body);
  if (!json) return bad(json.error().message(), body);
  const Json* const content = core::find(*json, "content");
  const bool answer = content && content->is_array();
  if (core::string_or(*json, "type") == "error" || (!answer && core::find(*json, "error")))
    return provider_error(kAnthropic, head_, body, anthropic_complaint(body));
  if (!answer) return bad("it has no array \"content\"", body);
  if (auto error = message(*json, body, out)) return error;
  message_stop(out);
  return std::nullopt;
}

// ---- the message

MaybeError MessagesReader::message_start(const Json& json, std::string_view raw, EventQueue& out) {
  const Json* const start = core::find(json, "message");
  if (!start || !start->is_object()) return bad("message_start has no object \"message\"", raw);
  if (!started_) return message(*start, *raw_member(raw, "message"), out);
  // Said twice by some gateways. Another message, though, is not the rest of this one.
  if (core::string_or(*start, "id") == message_id_) return std::nullopt;
  return bad("another message begins before this one has ended", raw);
}

MaybeError MessagesReader::message(const Json& message, std::string_view raw, EventQueue& out) {
  started_ = true;
  message_id_ = core::string_or(message, "id");
  Meta meta;
  meta.response_id = message_id_;
  meta.model = core::string_or(message, "model");
  if (const std::string* id = head_.find("request-id")) meta.request_id = *id;
  const RawObject members(raw);
  meta.extra = meta_extra(members);
  out.start(std::move(meta));

  if (auto error = read_usage(message, raw)) return error;
  out.usage(figures_.usage());
  if (const Json* content = core::find(message, "content"); content && !content->is_null()) {
    if (!content->is_array()) return bad("\"content\" is no array", raw);
    const auto elements = raw_elements(*members.find("content"));
    for (std::size_t i = 0; i < elements.size(); ++i) {
      Block block;
      if (auto error = begin_block((*content)[i], elements[i], block, out)) return error;
      end_block(block, out);
    }
  }
  return read_stop(message, raw, out);
}

std::string MessagesReader::meta_extra(const RawObject& message) const {
  constexpr std::string_view kOwn[] = {"id",      "type",        "role",          "model",
                                       "content", "stop_reason", "stop_sequence", "usage"};
  RawObject extra;
  for (const auto& [name, json] : message.members())
    if (json != "null" && std::find(std::begin(kOwn), std::end(kOwn), name) == std::end(kOwn))
      extra.set(name, json);
  RawObject limits;
  const std::string_view prefix = "anthropic-ratelimit-";
  for (const http::Header& header : head_.headers) {
    std::string name = header.name;
    for (char& c : name)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (name.compare(0, prefix.size(), prefix) == 0)
      limits.set_string(name, core::utf8_repaired(header.value));
  }
  if (!limits.empty()) extra.set("rate_limits", limits.text());
  return extra.empty() ? std::string() : extra.text();
}

MaybeError MessagesReader::message_delta(const Json& json, std::string_view raw, EventQueue& out) {
  if (auto error = hold(raw.size())) return error;
  const auto keep = [&](std::string_view object, std::initializer_list<std::string_view> but) {
    for (const RawMember& member : raw_members(object))
      if (member.value != "null" && std::find(but.begin(), but.end(), member.key) == but.end())
        figures_.keep(member.key, std::string(member.value));
  };
  keep(raw, {"type", "delta", "usage"});
  if (auto error = read_usage(json, raw)) return error;
  if (const Json* delta = core::find(json, "delta"); delta && !delta->is_null()) {
    if (!delta->is_object()) return bad("\"delta\" is no object", raw);
    const std::string_view inner = *raw_member(raw, "delta");
    keep(inner, {"stop_reason", "stop_sequence"});
    if (auto error = read_stop(*delta, inner, out)) return error;
  }
  out.usage(figures_.usage());
  return std::nullopt;
}

void MessagesReader::message_stop(EventQueue& out) {
  for (auto& [index, block] : blocks_) end_block(block, out);
  blocks_.clear();
  last_ = nullptr;
  stopped_ = true;
}

void MessagesReader::close(EventQueue& out) {
  if (stop_reason_ == "max_tokens" && options_.default_max_tokens > 0) {
    const std::string limit = std::to_string(options_.default_max_tokens);
    out.warning({.code = "default_max_tokens",
                 .message = "the answer was cut at " + limit +
                            " tokens, which is what is asked for where max_tokens is not set",
                 .extra = "{\"setting\":\"max_tokens\",\"value\":" + limit + "}"});
  }
  const Finish finish = finish_of(stop_reason_);
  out.finish(0, finish, finish == Finish::kStopSequence ? stop_sequence_ : stop_reason_);
}

MaybeError MessagesReader::read_usage(const Json& of, std::string_view raw) {
  const Json* const usage = core::find(of, "usage");
  if (!usage || usage->is_null()) return std::nullopt;
  if (!usage->is_object()) return bad("\"usage\" is no object", raw);
  figures_.add(*usage, *raw_member(raw, "usage"));
  return std::nullopt;
}

MaybeError MessagesReader::read_stop(const Json& of, std::string_view raw, EventQueue& out) {
  for (const auto& [name, to] :
       {std::pair{"stop_reason", &stop_reason_}, std::pair{"stop_sequence", &stop_sequence_}}) {
    const Json* const value = core::find(of, name);
    if (!value || value->is_null()) continue;
    if (!value->is_string()) return bad("\"" + std::string(name) + "\" is no string", raw);
    *to = value->get<std::string>();
  }
  const Json* const details = core::find(of, "stop_details");
  if (!details || !details->is_object()) return std::nullopt;
  std::string why = core::string_or(*details, "explanation");
  const std::string category = core::string_or(*details, "category");
  if (why.empty()) why = "the provider gives no explanation";
  if (!category.empty()) why = category + ": " + why;
  out.warning({"stop_details", "the answer was stopped; " + why,
               std::string(*raw_member(raw, "stop_details"))});
  return std::nullopt;
}

// ---- blocks

std::optional<std::int64_t> MessagesReader::index_of(const Json& json) const {
  const auto index = core::int_at(json, "index");
  return index && *index >= 0 && *index < kMaxBlocks ? index : std::nullopt;
}

MaybeError MessagesReader::hold(std::size_t bytes) {
  held_ += bytes;
  if (held_ <= options_.held_bytes) return std::nullopt;
  return Error(Errc::kTooLarge, "the answer is larger than " + std::to_string(options_.held_bytes) +
                                    " bytes (ApiLimits::answer_bytes)")
      .with_provider(std::string(kAnthropic))
      .with_detail("limit", "answer_bytes")
      .with_detail("have", std::to_string(options_.held_bytes));
}

MaybeError MessagesReader::block_start(const Json& json, std::string_view raw, EventQueue& out) {
  const auto index = index_of(json);
  if (!index) return bad("content_block_start needs an \"index\" from 0 to 1023", raw);
  if (blocks_.count(*index)) return bad("a block begins twice", raw);
  const Json* const content = core::find(json, "content_block");
  if (!content) return bad("content_block_start has no \"content_block\"", raw);
  if (auto error = hold(raw.size())) return error;
  Block block;
  if (auto error = begin_block(*content, *raw_member(raw, "content_block"), block, out))
    return error;
  blocks_.emplace(*index, std::move(block));
  last_ = nullptr;
  return std::nullopt;
}

MaybeError MessagesReader::begin_block(const Json& content, std::string_view raw, Block& block,
                                       EventQueue& out) {
  const std::string type = core::string_or(content, "type");
  if (type.empty()) return bad("a block needs a \"type\"", raw);
  if (next_key_ >= static_cast<EventQueue::Key>(kMaxBlocks)) return bad("too many blocks", raw);
  block.key = next_key_++;
  block.kind = kind_of(type);
  block.redacted = type == "redacted_thinking";
  block.rest = RawObject(raw);
  if (block.kind == Kind::kOpaque) {
    out.begin(block.key, 0, Kind::kOpaque, type);
    return std::nullopt;
  }
  block.rest.erase("type");
  if (block.kind == Kind::kToolCall) {
    out.begin(block.key, 0, Kind::kToolCall, core::string_or(content, "name"),
              core::string_or(content, "id"));
    if (const std::string* input = block.rest.find("input"); input && *input != "null")
      block.input = *input;
    for (const char* name : {"id", "name", "input"}) block.rest.erase(name);
    return std::nullopt;
  }
  if (block.kind == Kind::kText) {
    out.begin(block.key, 0, Kind::kText);
    out.delta(block.key, core::string_or(content, "text"));
    block.rest.erase("text");
    return std::nullopt;
  }
  out.begin(block.key, 0, Kind::kReasoning, {}, {},
            block.redacted ? std::string_view("{\"redacted\":true}") : std::string_view());
  if (!block.redacted) out.delta(block.key, core::string_or(content, "thinking"));
  block.signature = core::string_or(content, block.redacted ? "data" : "signature");
  for (const char* name : {"thinking", "signature", "data"}) block.rest.erase(name);
  return std::nullopt;
}

MaybeError MessagesReader::block_delta(const Json& json, std::string_view raw, EventQueue& out) {
  const auto index = index_of(json);
  if (!index) return bad("content_block_delta needs an \"index\" from 0 to 1023", raw);
  const auto found = blocks_.find(*index);
  if (found == blocks_.end()) return bad("a delta of a block that is not open", raw);
  const Json* const delta = core::find(json, "delta");
  if (!delta || core::string_or(*delta, "type").empty())
    return bad("content_block_delta needs a \"delta\" with a \"type\"", raw);
  if (auto error = hold(raw.size())) return error;
  Block& block = found->second;
  const std::string_view inner = *raw_member(raw, "delta");
  const std::string_view taken = known_delta(block, *delta, inner, out);
  for (const RawMember& member : raw_members(inner))
    if (member.key != "type" && member.key != taken) block.rest.append(member.key, member.value);
  return std::nullopt;
}

// Gives the name of the member that it has dealt with; empty if there is none that is known.
std::string_view MessagesReader::known_delta(Block& block, const Json& delta, std::string_view raw,
                                             EventQueue& out) {
  const std::string type = core::string_or(delta, "type");
  for (const char* member : {"text", "thinking", "partial_json"}) {
    const auto known = delta_type_of(type, member);
    const Json* const value = core::find(delta, member);
    if (!known || !fits(block, *known) || !value || !value->is_string()) continue;
    unescaped_ = value->get<std::string>();
    put_bytes(block, unescaped_, out);
    return member;
  }
  if (type == "signature_delta" && block.kind == Kind::kReasoning && !block.redacted) {
    block.signature = core::string_or(delta, "signature");
    return "signature";
  }
  const auto citation = raw_member(raw, "citation");
  if (type != "citations_delta" || !citation) return {};
  const std::string* const so_far = block.rest.find("citations");
  if (!so_far || *so_far == "null") block.rest.set("citations", "[]");
  block.rest.append("citations", "[" + std::string(*citation) + "]");
  return "citation";
}

MaybeError MessagesReader::block_stop(const Json& json, std::string_view raw, EventQueue& out) {
  const auto index = index_of(json);
  const auto found = index ? blocks_.find(*index) : blocks_.end();
  if (found == blocks_.end()) return bad("the end of a block that is not open", raw);
  end_block(found->second, out);
  blocks_.erase(found);
  last_ = nullptr;
  return std::nullopt;
}

void MessagesReader::end_block(Block& block, EventQueue& out) {
  if (block.kind == Kind::kOpaque) {
    std::string rest = block.rest.text();
    if (block.streamed) rest.erase(0, 1);  // of what has gone out, the brace is still open
    if (block.streamed && !block.rest.empty()) rest.insert(0, ",");
    out.delta(block.key, rest);
    return out.end(block.key);
  }
  if (block.kind == Kind::kToolCall && !block.streamed)
    out.delta(block.key, block.input.empty() ? std::string_view("{}") : block.input);
  const std::string* const citations = block.rest.find("citations");
  if (citations && (*citations == "null" || *citations == "[]")) block.rest.erase("citations");
  const std::string extra = block.rest.empty() ? std::string() : block.rest.text();
  out.end(block.key, block.signature, {}, extra);
}

}  // namespace

std::unique_ptr<Reader> messages_reader(const MessagesReaderOptions& options) {
  return std::make_unique<MessagesReader>(options);
}

}  // namespace infer::cloud
