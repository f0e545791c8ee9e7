#include "src/cloud/openai/chat_choice.h"

#include <algorithm>
#include <array>
#include <utility>

#include "src/cloud/raw_json.h"

namespace infer::cloud {
namespace {

using core::Json;
using Flaw = ChatChoice::Flaw;

// Bounds on what a server may make this process keep besides the answer itself.
constexpr std::size_t kMaxKept = 16 * 1024 * 1024;  // bytes of members that are not known
constexpr std::size_t kMaxNameless = 1024 * 1024;   // bytes of arguments before the tool's name
constexpr std::size_t kMaxFacts = 256;              // members of a choice that are not known
constexpr std::uint64_t kMaxParts = 100 * 1000;     // of one choice
constexpr std::int64_t kMaxCallIndex = 1023;
constexpr std::uint64_t kLegacySlot = UINT64_MAX;  // of "function_call", which has no index

constexpr std::array kReasoningFields = {DeltaField::kReasoningContent, DeltaField::kReasoning,
                                         DeltaField::kReasoningText};

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

const std::string* text_at(const Json& object, std::string_view key) {
  const Json* value = core::find(object, key);
  return value ? value->get_ptr<const std::string*>() : nullptr;
}

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string_view raw_at(std::string_view object, std::string_view key) {
  return raw_member(object, key).value_or("null");
}

void add_member(std::string& to, std::string_view name, std::string_view raw) {
  if (!to.empty()) to += ',';
  append_json_string(to, name);
  to += ':';
  to += raw;
}

std::string object_of(std::string_view members) {
  return members.empty() ? std::string() : "{" + std::string(members) + "}";
}

// Pieces of a value that streams: text grows, lists grow, objects are merged; all else is replaced.
void merge_piece(Json& into, const Json& piece) {
  if (into.is_object() && piece.is_object()) {
    for (const auto& [key, value] : piece.items()) {
      const bool label = is_one_of(key, {"id", "type", "format", "role"});
      if (!into.contains(key) || label)
        into[key] = value;
      else if (!value.is_null())
        merge_piece(into[key], value);
    }
  } else if (into.is_string() && piece.is_string()) {
    into.get_ref<std::string&>() += piece.get_ref<const std::string&>();
  } else if (into.is_array() && piece.is_array()) {
    into.insert(into.end(), piece.begin(), piece.end());
  } else {
    into = piece;
  }
}

Finish finish_of(std::string_view raw, bool refused, bool calls) {
  if (is_one_of(raw, {"stop", "eos", "eos_token", "end_turn", "stop_sequence"}))
    return refused ? Finish::kRefusal : calls ? Finish::kToolCalls : Finish::kStop;
  if (is_one_of(raw, {"length", "max_tokens", "max_output_tokens"})) return Finish::kLength;
  if (raw == "model_length") return Finish::kContextFull;  // Mistral
  if (is_one_of(raw, {"tool_calls", "function_call", "tool_use"})) return Finish::kToolCalls;
  if (raw == "content_filter") return Finish::kFiltered;
  if (raw == "refusal") return Finish::kRefusal;
  return Finish::kOther;
}

}  // namespace

Event::PartKind part_kind(DeltaField field) noexcept {
  switch (field) {
    case DeltaField::kContent: return Event::PartKind::kText;
    case DeltaField::kRefusal: return Event::PartKind::kRefusal;
    case DeltaField::kArguments: return Event::PartKind::kToolCall;
    default: return Event::PartKind::kReasoning;
  }
}

std::string_view field_name(DeltaField field) noexcept {
  switch (field) {
    case DeltaField::kContent: return "content";
    case DeltaField::kRefusal: return "refusal";
    case DeltaField::kReasoningContent: return "reasoning_content";
    case DeltaField::kReasoning: return "reasoning";
    case DeltaField::kReasoningText: return "reasoning_text";
    case DeltaField::kThinking: return "thinking";
    case DeltaField::kArguments: return "arguments";
  }
  return {};
}

void JsonProgress::feed(std::string_view bytes) {
  for (const char c : bytes) {
    switch (state_) {
      case State::kStart:
        if (is_space(c)) break;
        state_ = c == '{' || c == '[' ? State::kInside : State::kScalar;
        depth_ = 1;
        break;
      case State::kInside:
        if (c == '"') state_ = State::kString;
        if (c == '{' || c == '[') ++depth_;
        if ((c == '}' || c == ']') && --depth_ == 0) state_ = State::kDone;
        break;
      case State::kString:
        if (c == '"') state_ = State::kInside;
        if (c == '\\') state_ = State::kEscape;
        break;
      case State::kEscape: state_ = State::kString; break;
      case State::kScalar:
      case State::kDone: return;
    }
  }
}

// ---- the entry of "choices"

Flaw ChatChoice::read(const Json& choice, std::string_view raw, EventQueue& out) {
  if (const Json* logprobs = core::find(choice, "logprobs")) read_logprobs(*logprobs);
  if (logprobs_.count > TokenLogprobs::kMax)
    return "it holds more than 4,000,000 log-probabilities";
  // "message" is what whole answers have, and some streams: in the place of a delta, or beside it
  // with all that was said so far (Perplexity).
  bool begun = keys_ > 0 || !calls_.empty();
  for (const char* name : {"delta", "message"}) {
    const Json* said = core::find(choice, name);
    if (!said || said->is_null()) continue;
    if (!said->is_object()) return "\"" + std::string(name) + "\" is not an object";
    const bool repeats = begun && std::string_view(name) == "message";
    if (said->empty() || repeats) continue;
    begun = true;
    if (auto wrong = message(*said, raw_at(raw, name), out)) return wrong;
  }
  read_finish(choice);
  return read_facts(choice, raw);
}

Flaw ChatChoice::read_facts(const Json& choice, std::string_view raw) {
  for (const RawMember& member : raw_members(raw)) {
    const std::string& name = member.key;
    if (is_one_of(name, {"index", "delta", "message", "logprobs", "finish_reason", "usage"}))
      continue;
    const Json* value = core::find(choice, name);
    if (!value || says_nothing(*value) || has_fact(name, member.value)) continue;
    const auto same = [&](const auto& fact) { return fact.first == name; };
    const auto found = std::find_if(facts_.begin(), facts_.end(), same);
    kept_bytes_ += name.size() + member.value.size();
    if (kept_bytes_ > kMaxKept || (found == facts_.end() && facts_.size() >= kMaxFacts))
      return "it holds more than 256 members, or 16 MiB of them, that are not known";
    facts_changed_ = true;
    if (found == facts_.end())
      facts_.emplace_back(name, member.value);
    else
      found->second = member.value;
  }
  return std::nullopt;
}

bool ChatChoice::facts_changed() { return std::exchange(facts_changed_, false); }

bool ChatChoice::has_fact(std::string_view name, std::string_view raw) const {
  return std::any_of(facts_.begin(), facts_.end(),
                     [&](const auto& fact) { return fact.first == name && fact.second == raw; });
}

void ChatChoice::read_finish(const Json& choice) {
  const std::string* reason = text_at(choice, "finish_reason");
  if (!reason || reason->empty() || finish_) return;
  set_finish(*reason);
  // vLLM and SGLang say which stop text it was; a number is the id of a token.
  for (const char* name : {"stop_reason", "matched_stop"})
    if (const std::string* stop = text_at(choice, name); stop && *reason == "stop")
      stopped_by_ = *stop;
}

void ChatChoice::set_finish(std::string_view reason) {
  if (!reason.empty() && !finish_) finish_ = reason;  // "" is what some servers have for null
}

// ---- the message

Flaw ChatChoice::message(const Json& message, std::string_view raw, EventQueue& out) {
  std::string_view reasoning;
  for (const DeltaField field : kReasoningFields) {
    const std::string* said = text_at(message, field_name(field));
    // Servers on the way from one name to the other send the same under both.
    if (!said || said->empty() || *said == reasoning) continue;
    reasoning = *said;
    if (auto wrong = text(field, *said, out)) return wrong;
  }
  if (const Json* said = core::find(message, "content"); said && !said->is_null())
    if (auto wrong = content(*said, said->is_array() ? raw_at(raw, "content") : "", out))
      return wrong;
  if (const std::string* said = text_at(message, "refusal"); said && !said->empty())
    if (auto wrong = text(DeltaField::kRefusal, *said, out)) return wrong;
  if (const Json* list = core::find(message, "annotations"); list && list->is_array()) {
    for (const std::string_view element : raw_elements(raw_at(raw, "annotations"))) {
      kept_bytes_ += element.size();
      if (kept_bytes_ > kMaxKept) return "it holds more than 16 MiB of annotations";
      annotations_ += annotations_.empty() ? "" : ",";
      annotations_ += element;
    }
  }
  if (const Json* list = core::find(message, "tool_calls"); list && !list->is_null())
    if (auto wrong = calls(*list, raw_at(raw, "tool_calls"), out)) return wrong;
  if (const Json* call = core::find(message, "function_call"); call && call->is_object())
    if (auto wrong = function_call(*call, out)) return wrong;
  const auto members = raw_members(raw);
  for (std::size_t i = 0; i < members.size(); ++i) {
    const std::string& name = members[i].key;
    if (is_one_of(name, {"role", "content", "refusal", "annotations", "tool_calls", "name",
                         "function_call"}))
      continue;
    const auto same = [&](const RawMember& other) { return other.key == name; };
    const Json* value = core::find(message, name);
    if (!value ||
        std::any_of(members.begin() + static_cast<std::ptrdiff_t>(i) + 1, members.end(), same))
      continue;  // of a name that is there twice the last one counts
    if (value->is_string() && is_one_of(name, {"reasoning_content", "reasoning", "reasoning_text"}))
      continue;
    if (auto wrong = unknown_member(name, *value, members[i].value)) return wrong;
  }
  return std::nullopt;
}

Flaw ChatChoice::unknown_member(const std::string& name, const Json& value, std::string_view raw) {
  if (says_nothing(value)) return std::nullopt;
  kept_bytes_ += name.size() + raw.size();
  if (kept_bytes_ > kMaxKept) return "it holds more than 16 MiB of members that are not known";
  const auto same = [&](const Member& member) { return member.name == name; };
  const auto found = std::find_if(members_.begin(), members_.end(), same);
  if (found == members_.end()) {
    if (members_.size() >= kMaxFacts) return "its message holds more than 256 members";
    members_.push_back({.name = name, .raw = std::string(raw)});
    return std::nullopt;
  }
  if (!found->merged) {
    auto first = core::parse_json(found->raw);
    found->merged = first ? std::move(*first) : Json();
  }
  merge_piece(*found->merged, value);
  return std::nullopt;
}

Flaw ChatChoice::content(const Json& content, std::string_view raw, EventQueue& out) {
  if (const auto* said = content.get_ptr<const std::string*>())
    return text(DeltaField::kContent, *said, out);
  if (content.is_object()) return content_part(content, core::dump_json(content), out);
  if (!content.is_array()) return "\"content\" is neither text nor a list of parts";
  const auto elements = raw_elements(raw);
  for (std::size_t i = 0; i < content.size(); ++i)
    if (auto wrong = content_part(content[i], i < elements.size() ? elements[i] : "{}", out))
      return wrong;
  return std::nullopt;
}

Flaw ChatChoice::content_part(const Json& part, std::string_view raw, EventQueue& out) {
  if (const auto* said = part.get_ptr<const std::string*>())
    return text(DeltaField::kContent, *said, out);
  if (!part.is_object()) return "a part of \"content\" is not an object";
  const std::string type = core::string_or(part, "type");
  if (const std::string* said = text_at(part, "text"); said && is_one_of(type, {"text", ""}))
    return text(DeltaField::kContent, *said, out);
  if (const std::string* said = text_at(part, "refusal"); said && type == "refusal")
    return text(DeltaField::kRefusal, *said, out);
  const Json* thinking = core::find(part, "thinking");
  if (type != "thinking" || !thinking) {
    if (keys_ > kMaxParts) return "it holds more than 100,000 parts";
    opaque(type, raw, out);
    return std::nullopt;
  }
  if (const auto* said = thinking->get_ptr<const std::string*>())
    return text(DeltaField::kThinking, *said, out);
  for (const Json& piece : *thinking)
    if (const std::string* said = text_at(piece, "text"))
      if (auto wrong = text(DeltaField::kThinking, *said, out)) return wrong;
  return std::nullopt;
}

// ---- log-probabilities

void ChatChoice::read_logprobs(const Json& logprobs) {
  for (const char* name : {"content", "refusal"})
    if (const Json* tokens = core::find(logprobs, name)) logprobs_.read(*tokens);
}

// ---- text, reasoning, refusals

EventQueue::Key ChatChoice::new_key() { return std::uint64_t{index_} << 32 | keys_++; }

Flaw ChatChoice::text(DeltaField field, std::string_view bytes, EventQueue& out) {
  if (bytes.empty() && logprobs_.empty()) return std::nullopt;
  if (current_ != field) {
    if (keys_ > kMaxParts) return "it holds more than 100,000 parts";
    end_text(out);
    end_complete_calls(out, nullptr);
    current_ = field;
    current_key_ = new_key();
    refused_ = refused_ || field == DeltaField::kRefusal;
    out.begin(current_key_, index_, part_kind(field));
  }
  const TokenLogprobs logprobs = logprobs_.take();
  out.delta(current_key_, bytes, logprobs.entries);
  return std::nullopt;
}

void ChatChoice::opaque(std::string_view type, std::string_view json, EventQueue& out) {
  end_text(out);
  const EventQueue::Key key = new_key();
  out.begin(key, index_, Event::PartKind::kOpaque, type);
  out.delta(key, json);
  out.end(key);
}

void ChatChoice::end_text(EventQueue& out, std::string_view more_facts) {
  if (!current_) return;
  std::string members;
  if (!annotations_.empty()) add_member(members, "annotations", "[" + annotations_ + "]");
  annotations_.clear();
  if (part_kind(*current_) == Event::PartKind::kReasoning)
    add_member(members, "field", "\"" + std::string(field_name(*current_)) + "\"");
  if (!more_facts.empty()) members += (members.empty() ? "" : ",") + std::string(more_facts);
  out.end(current_key_, {}, {}, object_of(members));
  current_.reset();
}

bool ChatChoice::plain(DeltaField field, std::uint32_t call, std::string_view bytes, bool borrowed,
                       EventQueue& out) {
  if (!logprobs_.empty()) return false;
  EventQueue::Key key = current_key_;
  if (field == DeltaField::kArguments) {
    const auto slot = slots_.find(call);
    if (slot == slots_.end()) return false;
    Call& to = calls_[slot->second];
    if (!to.begun || to.ended || to.custom) return false;
    to.progress.feed(bytes);
    key = to.key;
  } else if (current_ != field) {
    return false;
  }
  if (borrowed)
    out.delta_view(key, bytes);
  else
    out.delta(key, bytes);
  return true;
}

// ---- tool calls

Flaw ChatChoice::calls(const Json& list, std::string_view raw, EventQueue& out) {
  if (!list.is_array()) return "\"tool_calls\" is not a list";
  const auto elements = raw_elements(raw);
  for (std::size_t i = 0; i < list.size() && i < elements.size(); ++i) {
    if (list[i].is_null()) continue;
    if (!list[i].is_object()) return "a tool call is not an object";
    if (auto wrong = call_delta(list[i], elements[i], i, out)) return wrong;
  }
  return std::nullopt;
}

Flaw ChatChoice::call_delta(const Json& delta, std::string_view raw, std::size_t position,
                            EventQueue& out) {
  std::size_t slot = 0;
  if (auto wrong = slot_of(delta, position, slot)) return wrong;
  Call& call = calls_[slot];
  if (auto wrong = name_call(call, delta, raw)) return wrong;
  const Json* function = core::find(delta, call.custom ? "custom" : "function");
  const Json* said =
      function ? core::find(*function, call.custom ? "input" : "arguments") : nullptr;
  std::string bytes;
  // Arguments are text; some servers send the object itself.
  if (said && said->is_structured()) bytes = core::dump_json(*said);
  if (said && said->is_string()) bytes = said->get<std::string>();
  return arguments(call, bytes, out);
}

Flaw ChatChoice::function_call(const Json& delta, EventQueue& out) {
  const auto [place, fresh] = slots_.emplace(kLegacySlot, calls_.size());
  if (fresh) calls_.emplace_back();
  Call& call = calls_[place->second];
  if (call.name.empty()) call.name = core::string_or(delta, "name");
  return arguments(call, core::string_or(delta, "arguments"), out);
}

// Which call a delta belongs to. By its index, if it has one; but a new name and id under the index
// of a call that is complete are a new call (servers that number every call 0). Without an index:
// by its id, else it goes on with the last call, unless several come in one list.
Flaw ChatChoice::slot_of(const Json& delta, std::size_t position, std::size_t& slot) {
  const std::string id = core::string_or(delta, "id");
  const Json* function = core::find(delta, "function");
  if (!function) function = core::find(delta, "custom");
  const bool named = function && !core::string_or(*function, "name").empty();
  const auto add = [&]() -> Flaw {
    if (calls_.size() > static_cast<std::size_t>(kMaxCallIndex))
      return "more than 1024 tool calls in one answer";
    slot = calls_.size();
    calls_.emplace_back();
    return std::nullopt;
  };
  const Json* index = core::find(delta, "index");
  if (index && !index->is_null()) {
    const auto number = core::int_at(delta, "index");
    if (!number || *number < 0 || *number > kMaxCallIndex)
      return "the index of a tool call is not a number from 0 to 1023";
    const auto [place, fresh] = slots_.emplace(static_cast<std::uint64_t>(*number), calls_.size());
    if (fresh) return add();
    slot = place->second;
    const Call& call = calls_[slot];
    const bool other = named && !id.empty() && !call.id.empty() && call.id != id;
    if (!other || !call.progress.complete()) return std::nullopt;
    place->second = calls_.size();
    return add();
  }
  if (!id.empty()) {
    for (slot = 0; slot < calls_.size(); ++slot)
      if (calls_[slot].id == id) return std::nullopt;
    if (named || calls_.empty()) return add();
  }
  const bool another = named && (position > 0 || calls_.empty() || calls_.back().begun);
  const bool repeated = !calls_.empty() && position == 0 && function &&
                        calls_.back().name == core::string_or(*function, "name") &&
                        !calls_.back().progress.complete();
  if (calls_.empty() || (another && !repeated)) return add();
  slot = calls_.size() - 1;
  return std::nullopt;
}

Flaw ChatChoice::name_call(Call& call, const Json& delta, std::string_view raw) {
  if (call.begun) return std::nullopt;  // names and ids that are repeated tell nothing
  const std::size_t before = call.id.size() + call.name.size();
  if (call.id.empty()) call.id = core::string_or(delta, "id");
  const Json* custom = core::find(delta, "custom");
  if (custom && custom->is_object()) call.custom = true;
  const Json* function = call.custom ? custom : core::find(delta, "function");
  if (function && call.name.empty()) call.name = core::string_or(*function, "name");
  kept_bytes_ += call.id.size() + call.name.size() - before;
  if (kept_bytes_ > kMaxKept) return "it holds more than 16 MiB of names and ids";
  for (const RawMember& member : raw_members(raw)) {
    if (is_one_of(member.key, {"index", "id", "type", "function", "custom"})) continue;
    const Json* value = core::find(delta, member.key);
    if (!value || says_nothing(*value)) continue;
    kept_bytes_ += member.key.size() + member.value.size();
    if (kept_bytes_ > kMaxKept) return "it holds more than 16 MiB of members that are not known";
    add_member(call.extra, member.key, member.value);
  }
  return std::nullopt;
}

Flaw ChatChoice::arguments(Call& call, std::string_view bytes, EventQueue& out) {
  if (call.ended) {
    if (std::all_of(bytes.begin(), bytes.end(), is_space)) return std::nullopt;
    return "more arguments for the tool call " + call.id + ", which was complete";
  }
  call.progress.feed(bytes);
  if (!call.begun) {
    // The id comes with the name or before it; a server that has none gives arguments at once.
    if (call.name.empty() || (call.id.empty() && bytes.empty() && call.held.empty())) {
      call.held += bytes;
      kept_bytes_ += bytes.size();
      if (call.held.size() > kMaxNameless) return "a tool call of 1 MiB without a name";
      if (kept_bytes_ > kMaxKept) return "it holds more than 16 MiB of tool calls without names";
      return std::nullopt;
    }
    begin_call(call, out);
  }
  if (!bytes.empty()) {
    const TokenLogprobs logprobs = logprobs_.take();
    out.delta(call.key, bytes, logprobs.entries);
  }
  return std::nullopt;
}

void ChatChoice::begin_call(Call& call, EventQueue& out) {
  end_text(out);
  end_complete_calls(out, &call);
  call.key = new_key();
  call.begun = true;
  if (call.id.empty())  // results must be able to name it
    call.id = "call_" + std::to_string(index_) + "_" + std::to_string(&call - calls_.data());
  out.begin(call.key, index_, Event::PartKind::kToolCall, call.name, call.id,
            call.custom ? "{\"custom\":true}" : "");
  if (!call.held.empty()) out.delta(call.key, call.held);
  call.held.clear();
}

void ChatChoice::end_call(Call& call, EventQueue& out, std::string_view more_facts) {
  if (!call.begun || call.ended) return;
  call.ended = true;
  std::string members = call.extra;
  if (!more_facts.empty()) members += (members.empty() ? "" : ",") + std::string(more_facts);
  out.end(call.key, {}, {}, object_of(members));
}

// A call ends when another part begins and its arguments are a whole JSON value. One that is not
// complete goes on: servers that run calls in parallel send their pieces in any order.
void ChatChoice::end_complete_calls(EventQueue& out, const Call* but) {
  for (Call& call : calls_)
    if (&call != but && !call.custom && call.progress.complete()) end_call(call, out);
}

// ---- the end

void ChatChoice::end_parts(std::string_view answer_facts, EventQueue& out) {
  if (!logprobs_.empty()) (void)text(current_.value_or(DeltaField::kContent), {}, out);
  for (Call& call : calls_)
    if (!call.begun && (!call.name.empty() || !call.held.empty())) begin_call(call, out);
  std::string facts;
  for (const auto& [name, raw] : facts_) add_member(facts, name, raw);
  std::string members;
  if (!facts.empty()) add_member(members, "choice", object_of(facts));
  if (!answer_facts.empty()) add_member(members, "answer", object_of(answer_facts));
  // They go to the last part that is still open.
  const auto is_open = [](const Call& call) { return call.begun && !call.ended; };
  const auto last = std::find_if(calls_.rbegin(), calls_.rend(), is_open);
  const bool to_call = !current_ && last != calls_.rend();
  for (Call& call : calls_) end_call(call, out, to_call && &call == &*last ? members : "");
  if (!current_ && !to_call) {  // none is open: they are the message's
    if (!annotations_.empty()) add_member(members, "annotations", "[" + annotations_ + "]");
    message_facts_ = object_of(members);
  }
  end_text(out, members);
  for (const Member& member : members_)
    opaque(member.name, member.merged ? core::dump_json(*member.merged) : member.raw, out);
}

void ChatChoice::put_finish(EventQueue& out) {
  if (!finish_) return out.finish(index_, Finish::kUnknown, {}, message_facts_);
  if (!stopped_by_.empty() && calls_.empty())
    return out.finish(index_, Finish::kStopSequence, stopped_by_, message_facts_);
  out.finish(index_, finish_of(*finish_, refused_, !calls_.empty()), *finish_, message_facts_);
}

}  // namespace infer::cloud
