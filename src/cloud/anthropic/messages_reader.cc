#include "src/cloud/anthropic/messages_reader.h"

#include <algorithm>
#include <bit>
#include <initializer_list>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "src/cloud/anthropic/anthropic.h"
#include "src/cloud/anthropic/json_check.h"
#include "src/cloud/anthropic/raw_view.h"
#include "src/cloud/delta_template.h"
#include "src/cloud/rate_limits.h"
#include "src/cloud/raw_object.h"
#include "src/core/utf8.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace infer::cloud {
namespace {

using Kind = Event::PartKind;
using MaybeError = std::optional<Error>;

// A content array longer than this is no answer, and an index beyond it must not grow a table.
constexpr std::int64_t kMaxBlocks = 1024;

template <class Names>
bool is_one_of(std::string_view name, const Names& names) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

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

struct KnownDelta {
  std::string_view name{};
  std::string_view member{};
  DeltaType type{};
};
constexpr KnownDelta kKnownDeltas[] = {
    {"text_delta", "text", DeltaType::kText},
    {"thinking_delta", "thinking", DeltaType::kThinking},
    {"input_json_delta", "partial_json", DeltaType::kInput},
};

// Without the brace that closes the event and the spaces before it: some servers pad events there,
// each with another number of spaces.
std::string_view unpadded(std::string_view event) {
  if (event.empty() || event.back() != '}') return {};
  event.remove_suffix(1);
#if defined(__SSE2__)
  // How many there are is random; a loop would guess wrong at most of its ends.
  if (event.size() >= 16) {
    const __m128i last =
        _mm_loadu_si128(reinterpret_cast<const __m128i*>(event.data() + event.size() - 16));
    const int spaces = _mm_movemask_epi8(_mm_cmpeq_epi8(last, _mm_set1_epi8(' ')));
    const auto others = static_cast<std::uint16_t>(~spaces);
    event.remove_suffix(static_cast<std::size_t>(std::countl_zero(others)));
    if (others != 0) return event;
  }
#endif
  while (!event.empty() && event.back() == ' ') event.remove_suffix(1);
  return event;
}

// As has_escapes(), of a string whose 16 bytes behind it are readable.
bool has_escapes_padded(std::string_view inside) {
#if defined(__SSE2__)
  for (std::size_t i = 0; i < inside.size(); i += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(inside.data() + i));
    const auto slashes =
        static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'))));
    if (slashes != 0)
      return i + static_cast<std::size_t>(std::countr_zero(slashes)) < inside.size();
  }
  return false;
#else
  return has_escapes(inside);
#endif
}

// The figures of all usage objects so far. A later one may leave out what an earlier one said, or
// say it again larger; each figure keeps its largest value.
class Figures {
 public:
  void add(std::string_view json) {
    const RawView usage(json);
    raise(input_, usage.integer("input_tokens"));
    raise(cache_read_, usage.integer("cache_read_input_tokens"));
    raise(cache_write_, usage.integer("cache_creation_input_tokens"));
    raise(output_, usage.integer("output_tokens"));
    const std::string_view details = usage.find("output_tokens_details");
    if (!details.empty()) raise(reasoning_, RawView(details).integer("thinking_tokens"));
    for (const RawMember& member : usage.members())
      if (member.value != "null" || !raw_.find(member.key))
        raw_.set(member.key, std::string(member.value));
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

  void head(const http::HttpHead& head) override;
  MaybeError event(std::string_view type, std::string_view data, EventQueue& out) override;
  MaybeError whole(std::string_view body, EventQueue& out) override;
  bool proven() const override { return stopped_; }
  bool done() const override { return stopped_; }
  void close(EventQueue& out) override;

 private:
  // A delta as its template says; false: nothing has happened, and whoever looks closer says why.
  bool guess_delta(std::string_view data, EventQueue& out);
  bool put_delta(const Shape& shape, std::string_view inside, EventQueue& out);

  MaybeError look_closely(std::string_view type, std::string_view data, EventQueue& out);
  // Nothing: it is JSON. Else what is wrong with it.
  MaybeError check_json(std::string_view json) const;
  MaybeError take_event(std::string_view type, const RawView& event, std::string_view data,
                        EventQueue& out);
  MaybeError message_start(const RawView& event, std::string_view data, EventQueue& out);
  MaybeError message(std::string_view json, EventQueue& out);
  MaybeError message_delta(const RawView& event, std::string_view data, EventQueue& out);
  void message_stop(EventQueue& out);
  MaybeError block_start(const RawView& event, std::string_view data, EventQueue& out);
  MaybeError block_delta(const RawView& event, std::string_view data, EventQueue& out);
  MaybeError block_stop(const RawView& event, std::string_view data, EventQueue& out);

  MaybeError begin_block(std::string_view json, Block& block, EventQueue& out);
  std::string_view known_delta(Block& block, std::int64_t index, const RawView& delta,
                               std::string_view data, EventQueue& out);
  void put_bytes(Block& block, std::string_view bytes, EventQueue& out);
  void end_block(Block& block, EventQueue& out);
  MaybeError read_usage(const RawView& of, std::string_view data);
  MaybeError read_stop(const RawView& of, std::string_view data, EventQueue& out);
  std::string meta_extra(const RawView& message) const;
  MaybeError hold(std::size_t bytes);
  Error bad(std::string_view what, std::string_view bytes) const {
    return bad_answer(kAnthropic, what, events_, bytes);
  }

  MessagesReaderOptions options_;
  const http::HttpHead* head_ = &no_head();
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
  const std::string_view event = unpadded(data);
  const Shape* const shape =
      templates_.match(event, holes, data.size() - event.size() + http::kPadding);
  return shape && put_delta(*shape, holes[0], out);
}

bool MessagesReader::put_delta(const Shape& shape, std::string_view inside, EventQueue& out) {
  if (!last_ || last_index_ != shape.index) {
    const auto found = blocks_.find(shape.index);
    if (found == blocks_.end()) return false;
    last_index_ = shape.index;
    last_ = &found->second;
  }
  if (!fits(*last_, shape.type)) return false;
  if (has_escapes_padded(inside)) {
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

bool is_known_event(std::string_view type) { return is_one_of(type, kKnownEvents); }

void MessagesReader::head(const http::HttpHead& head) { head_ = &head; }

MaybeError MessagesReader::event(std::string_view type, std::string_view data, EventQueue& out) {
  ++events_;
  if (guess_delta(data, out)) return std::nullopt;
  return stopped_ ? std::nullopt : look_closely(type, data, out);
}

// The type in the data counts, if there is one.
MaybeError MessagesReader::look_closely(std::string_view type, std::string_view data,
                                        EventQueue& out) {
  MaybeError wrong = check_json(data);
  const std::size_t begin = std::min(data.find_first_not_of(" \t\r\n"), data.size());
  if (!wrong && !is_raw_object(data.substr(begin))) wrong = bad("its data is no JSON object", data);
  if (!wrong) {
    const RawView event(data);
    return take_event(event.text_or("type", type), event, data, out);
  }
  if (type == "error") return provider_error(kAnthropic, *head_, data, anthropic_complaint(data));
  if (!type.empty() && !is_known_event(type)) return std::nullopt;
  return wrong;
}

MaybeError MessagesReader::check_json(std::string_view json) const {
  const std::size_t at = json_error(json);
  if (at == kGoodJson) return std::nullopt;
  const std::string offset = std::to_string(at);
  return bad("it is not valid JSON at byte " + offset, json).with_detail("offset", offset);
}

MaybeError MessagesReader::take_event(std::string_view type, const RawView& event,
                                      std::string_view data, EventQueue& out) {
  if (type == "error" || (type.empty() && !event.find("error").empty()))
    return provider_error(kAnthropic, *head_, data, anthropic_complaint(data));
  if (!is_known_event(type)) return std::nullopt;
  if (type == "message_start") return message_start(event, data, out);
  if (!started_) return bad(std::string(type) + " before message_start", data);
  if (type == "content_block_start") return block_start(event, data, out);
  if (type == "content_block_delta") return block_delta(event, data, out);
  if (type == "content_block_stop") return block_stop(event, data, out);
  if (type == "message_delta") return message_delta(event, data, out);
  message_stop(out);
  return std::nullopt;
}

MaybeError MessagesReader::whole(std::string_view body, EventQueue& out) {
  if (auto error = check_json(body)) return error;
  const RawView json(body);
  const bool answer = is_raw_array(json.find("content"));
  if (json.text_or("type") == "error" || (!answer && !json.find("error").empty()))
    return provider_error(kAnthropic, *head_, body, anthropic_complaint(body));
  if (!answer) return bad("it has no array \"content\"", body);
  if (auto error = message(body, out)) return error;
  message_stop(out);
  return std::nullopt;
}

// ---- the message

MaybeError MessagesReader::message_start(const RawView& event, std::string_view data,
                                         EventQueue& out) {
  const std::string_view json = event.find("message");
  if (!is_raw_object(json)) return bad("message_start has no object \"message\"", data);
  if (!started_) return message(json, out);
  // Said twice by some gateways. Another message, though, is not the rest of this one.
  if (RawView(json).text_or("id") == message_id_) return std::nullopt;
  return bad("another message begins before this one has ended", data);
}

MaybeError MessagesReader::message(std::string_view json, EventQueue& out) {
  const RawView message(json);
  started_ = true;
  message_id_ = message.text_or("id");
  Meta meta;
  meta.response_id = message_id_;
  meta.model = message.text_or("model");
  meta.issuer = options_.issuer;
  meta.rate_limits = typed_rate_limits(*head_);
  for (const char* name : {"x-request-id", "request-id"})  // the second is Anthropic's own
    if (const std::string* id = head_->find(name)) meta.request_id = *id;
  meta.extra = meta_extra(message);
  out.start(std::move(meta));

  if (auto error = read_usage(message, json)) return error;
  out.usage(figures_.usage());
  const std::string_view content = message.value("content");
  if (!content.empty() && !is_raw_array(content)) return bad("\"content\" is no array", json);
  for (const std::string_view element : raw_elements(content)) {
    Block block;
    if (auto error = begin_block(element, block, out)) return error;
    end_block(block, out);
  }
  return read_stop(message, json, out);
}

std::string MessagesReader::meta_extra(const RawView& message) const {
  constexpr std::string_view kOwn[] = {"id",      "type",        "role",          "model",
                                       "content", "stop_reason", "stop_sequence", "usage"};
  RawObject extra;
  for (const RawMember& member : message.members())
    if (member.value != "null" && !is_one_of(member.key, kOwn))
      extra.set(member.key, std::string(member.value));
  if (std::string limits = rate_limits(*head_, "anthropic-ratelimit-"); !limits.empty())
    extra.set("rate_limits", std::move(limits));
  return extra.empty() ? std::string() : extra.text();
}

MaybeError MessagesReader::message_delta(const RawView& event, std::string_view data,
                                         EventQueue& out) {
  if (auto error = hold(data.size())) return error;
  const auto keep = [&](const RawView& object, std::initializer_list<std::string_view> but) {
    for (const RawMember& member : object.members())
      if (member.value != "null" && !is_one_of(member.key, but))
        figures_.keep(member.key, std::string(member.value));
  };
  keep(event, {"type", "delta", "usage"});
  if (auto error = read_usage(event, data)) return error;
  if (const std::string_view json = event.value("delta"); !json.empty()) {
    if (!is_raw_object(json)) return bad("\"delta\" is no object", data);
    const RawView delta(json);
    keep(delta, {"stop_reason", "stop_sequence"});
    if (auto error = read_stop(delta, data, out)) return error;
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

MaybeError MessagesReader::read_usage(const RawView& of, std::string_view data) {
  const std::string_view usage = of.value("usage");
  if (usage.empty()) return std::nullopt;
  if (!is_raw_object(usage)) return bad("\"usage\" is no object", data);
  figures_.add(usage);
  return std::nullopt;
}

MaybeError MessagesReader::read_stop(const RawView& of, std::string_view data, EventQueue& out) {
  for (const auto& [name, to] :
       {std::pair{"stop_reason", &stop_reason_}, std::pair{"stop_sequence", &stop_sequence_}}) {
    if (of.value(name).empty()) continue;
    auto text = of.text(name);
    if (!text) return bad("\"" + std::string(name) + "\" is no string", data);
    *to = std::move(*text);
  }
  const std::string_view json = of.find("stop_details");
  if (!is_raw_object(json)) return std::nullopt;
  const RawView details(json);
  std::string why = details.text_or("explanation", "the provider gives no explanation");
  const std::string category = details.text_or("category");
  if (!category.empty()) why = category + ": " + why;
  out.warning({"stop_details", "the answer was stopped; " + why, std::string(json)});
  return std::nullopt;
}

// ---- blocks

std::optional<std::int64_t> index_of(const RawView& event) {
  const auto index = event.integer("index");
  return index && *index >= 0 && *index < kMaxBlocks ? index : std::nullopt;
}

MaybeError MessagesReader::hold(std::size_t bytes) {
  held_ += bytes;
  if (held_ <= options_.held_bytes) return std::nullopt;
  const std::string limit = std::to_string(options_.held_bytes);
  return Error(Errc::kTooLarge,
               "the answer is larger than " + limit + " bytes (ApiLimits::answer_bytes)")
      .with_provider(std::string(kAnthropic))
      .with_detail("limit", "answer_bytes")
      .with_detail("have", limit);
}

MaybeError MessagesReader::block_start(const RawView& event, std::string_view data,
                                       EventQueue& out) {
  const auto index = index_of(event);
  if (!index) return bad("content_block_start needs an \"index\" from 0 to 1023", data);
  if (blocks_.count(*index)) return bad("a block begins twice", data);
  if (auto error = hold(data.size())) return error;
  Block block;
  if (auto error = begin_block(event.find("content_block"), block, out)) return error;
  blocks_.emplace(*index, std::move(block));
  last_ = nullptr;
  return std::nullopt;
}

MaybeError MessagesReader::begin_block(std::string_view json, Block& block, EventQueue& out) {
  const RawView content(json);
  const std::string type = content.text_or("type");
  if (type.empty()) return bad("a block needs a \"type\"", json);
  if (next_key_ >= static_cast<EventQueue::Key>(kMaxBlocks)) return bad("too many blocks", json);
  block.key = next_key_++;
  block.kind = kind_of(type);
  block.redacted = type == "redacted_thinking";
  const auto keep = [&](std::initializer_list<std::string_view> but) {
    for (const RawMember& member : content.members())
      if (!is_one_of(member.key, but)) block.rest.set(member.key, std::string(member.value));
  };
  switch (block.kind) {
    case Kind::kText:
      out.begin(block.key, 0, Kind::kText);
      out.delta(block.key, content.text_or("text"));
      keep({"type", "text"});
      break;
    case Kind::kReasoning:
      out.begin(block.key, 0, Kind::kReasoning, {}, {},
                block.redacted ? std::string_view("{\"redacted\":true}") : std::string_view());
      if (!block.redacted) out.delta(block.key, content.text_or("thinking"));
      block.signature = content.text_or(block.redacted ? "data" : "signature");
      keep({"type", "thinking", "signature", "data"});
      break;
    case Kind::kToolCall:
      out.begin(block.key, 0, Kind::kToolCall, content.text_or("name"), content.text_or("id"));
      block.input = content.value("input");
      keep({"type", "id", "name", "input"});
      break;
    default: out.begin(block.key, 0, Kind::kOpaque, type); keep({});
  }
  return std::nullopt;
}

MaybeError MessagesReader::block_delta(const RawView& event, std::string_view data,
                                       EventQueue& out) {
  const auto index = index_of(event);
  if (!index) return bad("content_block_delta needs an \"index\" from 0 to 1023", data);
  const auto found = blocks_.find(*index);
  if (found == blocks_.end()) return bad("a delta of a block that is not open", data);
  const std::string_view json = event.find("delta");
  const RawView delta(json);
  if (delta.text_or("type").empty())
    return bad("content_block_delta needs a \"delta\" with a \"type\"", data);
  const std::string_view taken = known_delta(found->second, *index, delta, data, out);
  // These are kept until the block ends.
  if (taken == "citation" || taken == "signature")
    if (auto error = hold(data.size())) return error;
  if (delta.members().size() == (taken.empty() ? 1u : 2u)) return std::nullopt;
  if (auto error = hold(data.size())) return error;
  for (const RawMember& member : delta.members())
    if (member.key != "type" && member.key != taken)
      found->second.rest.append(member.key, member.value);
  return std::nullopt;
}

// Gives the name of the member that it has dealt with; empty if there is none that is known.
std::string_view MessagesReader::known_delta(Block& block, std::int64_t index, const RawView& delta,
                                             std::string_view data, EventQueue& out) {
  const std::string type = delta.text_or("type");
  for (const KnownDelta& known : kKnownDeltas) {
    const std::string_view json = delta.find(known.member);
    if (type != known.name || !is_raw_string(json)) continue;
    if (!put_delta({index, known.type}, raw_inside(json), out)) continue;
    // What is like it but for the text is this as well.
    if (options_.templates && delta.members().size() == 2)
      templates_.learn(unpadded(data), {raw_inside(json)}, {index, known.type});
    return known.member;
  }
  if (type == "signature_delta" && block.kind == Kind::kReasoning && !block.redacted) {
    block.signature = delta.text_or("signature");
    return "signature";
  }
  const std::string_view citation = delta.find("citation");
  if (type != "citations_delta" || citation.empty()) return {};
  const std::string* const so_far = block.rest.find("citations");
  if (!so_far || *so_far == "null") block.rest.set("citations", "[]");
  block.rest.append("citations", "[" + std::string(citation) + "]");
  return "citation";
}

MaybeError MessagesReader::block_stop(const RawView& event, std::string_view data,
                                      EventQueue& out) {
  const auto index = index_of(event);
  const auto found = index ? blocks_.find(*index) : blocks_.end();
  if (found == blocks_.end()) return bad("the end of a block that is not open", data);
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
