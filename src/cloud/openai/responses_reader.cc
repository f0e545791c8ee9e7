#include "src/cloud/openai/responses_reader.h"

#include <algorithm>
#include <array>
#include <utility>

#include "src/cloud/openai/chat_reader.h"
#include "src/cloud/openai/lenient_json.h"
#include "src/cloud/rate_limits.h"
#include "src/cloud/raw_json.h"

namespace infer::cloud {

using core::Json;

namespace {

// Bounds on what a server may make this process keep besides the answer itself.
constexpr std::int64_t kMaxItems = 10 * 1000;
constexpr std::int64_t kMaxContents = 1024;                    // of one item
constexpr std::size_t kMaxAllContents = 10 * 1000;             // of all messages
constexpr std::size_t kMaxHeldBytes = 64 * 1024 * 1024;        // that wait for their turn
constexpr std::size_t kMaxAnnotationBytes = 16 * 1024 * 1024;  // of one text
constexpr std::size_t kMaxResponseFacts = 256;
constexpr std::size_t kMaxResponseFactBytes = 1024 * 1024;

// Members of a response that have a place of their own, or only repeat the request.
constexpr std::array<std::string_view, 11> kOwnMembers = {
    "id",     "object",      "model",        "status", "error", "incomplete_details",
    "output", "output_text", "instructions", "tools",  "usage"};

bool is_own_member(std::string_view name) {
  return std::find(kOwnMembers.begin(), kOwnMembers.end(), name) != kOwnMembers.end();
}

bool take_suffix(std::string_view& text, std::string_view suffix) {
  if (text.size() < suffix.size() || text.substr(text.size() - suffix.size()) != suffix)
    return false;
  text.remove_suffix(suffix.size());
  return true;
}

void add_json_member(std::string& members, std::string_view name, std::string_view raw) {
  if (!members.empty()) members += ',';
  append_json_string(members, name);
  members += ':';
  members += raw;
}

bool begins_with(std::string_view text, std::string_view begin) {
  return text.substr(0, begin.size()) == begin;
}

ChatFigures figures_of(const Json& usage) {
  const auto figure = [](const Json* object, std::string_view key) -> ChatFigures::Figure {
    const auto number = object ? core::int_at(*object, key) : std::nullopt;
    return number && *number >= 0 ? number : std::nullopt;
  };
  ChatFigures figures;
  figures.prompt = figure(&usage, "input_tokens");
  figures.completion = figure(&usage, "output_tokens");
  figures.total = figure(&usage, "total_tokens");
  const Json* const input = core::find(usage, "input_tokens_details");
  figures.cached = figure(input, "cached_tokens");
  figures.cache_write = figure(input, "cache_write_tokens");
  figures.reasoning = figure(core::find(usage, "output_tokens_details"), "reasoning_tokens");
  return figures;
}

}  // namespace

// ---- the stream

void ResponsesReader::head(const http::HttpHead& head) {
  head_ = &head;
  if (const std::string* id = head.find("x-request-id")) meta_.request_id = *id;
  rate_limits_ = rate_limits(head, "x-ratelimit-");
  meta_.rate_limits = typed_rate_limits(head, model_.dialect->windows);
}

std::optional<Error> ResponsesReader::event(std::string_view type, std::string_view data,
                                            EventQueue& out) {
  ++events_;
  if (ended_) return std::nullopt;
  if (path_ == Path::kPlain && plain(data, out)) return std::nullopt;
  data = trimmed_json(data);
  if (data.empty()) return std::nullopt;
  if (data == "[DONE]")  // of servers that end all their streams so; it proves nothing here
    return Error(Errc::kTruncated,
                 "the stream said [DONE] before the response was completed: it may be cut")
        .with_provider(model_.provider)
        .with_retry(RetryHint::kAmbiguous);
  return full(type, data, out);
}

ResponsesReader::MaybeError ResponsesReader::full(std::string_view type, std::string_view data,
                                                  EventQueue& out) {
  std::string repaired;
  const auto json = parse_lenient(data, repaired);
  if (!json) return type == "error" ? server_error(data) : wrong(json.error().message(), data);
  if (!json->is_object()) return wrong("it is not a JSON object", data);
  const std::string own = core::string_or(*json, "type", type);
  const Json* const error = core::find(*json, "error");
  // An event of a response may speak of a tool's error.
  const bool of_response = begins_with(own, "response.");
  if (own == "error" || own == "response.error" || (!of_response && error && !says_nothing(*error)))
    return server_error(data);
  if (own.empty() && core::find(*json, "choices"))
    return wrong("it is one of chat completions; set ApiConfig::text_api to kChat", data);
  return take(own, *json, data, out);
}

ResponsesReader::MaybeError ResponsesReader::take(std::string_view type, const Json& event,
                                                  std::string_view raw, EventQueue& out) {
  if (!begins_with(type, "response.")) return std::nullopt;
  type.remove_prefix(std::string_view("response.").size());
  if (core::find(event, "response")) return response_event(type, event, raw, out);
  if (type == "completed" || type == "incomplete" || type == "failed")
    return end_of_response(Json::object(), "{}", type, out);
  if (type == "output_item.added") return item_event(event, false, raw, out);
  if (type == "output_item.done") return item_event(event, true, raw, out);
  if (type == "content_part.added") return content_event(event, false, raw, out);
  if (type == "content_part.done") return content_event(event, true, raw, out);
  if (type == "output_text.annotation.added") return annotation_event(event, raw);
  const bool done = take_suffix(type, ".done");
  if (!done && !take_suffix(type, ".delta")) return std::nullopt;
  const Delta* const known = delta_of(type);
  return known ? text_event(*known, event, done, out) : std::nullopt;
}

const ResponsesReader::Delta* ResponsesReader::delta_of(std::string_view event) {
  using Kind = Event::PartKind;
  static constexpr std::array<Delta, 6> kDeltas = {
      Delta{"output_text", "message", "content_index", "text", Kind::kText},
      Delta{"refusal", "message", "content_index", "refusal", Kind::kRefusal},
      Delta{"reasoning_summary_text", "reasoning", "summary_index", "text", Kind::kReasoning},
      Delta{"reasoning_text", "reasoning", "content_index", "text", Kind::kReasoning},
      Delta{"function_call_arguments", "function_call", "", "arguments", Kind::kToolCall},
      Delta{"custom_tool_call_input", "custom_tool_call", "", "input", Kind::kToolCall},
  };
  for (const Delta& known : kDeltas)
    if (known.event == event) return &known;
  return nullptr;
}

ResponsesReader::MaybeError ResponsesReader::response_event(std::string_view type,
                                                            const Json& event, std::string_view raw,
                                                            EventQueue& out) {
  const Json& response = *core::find(event, "response");
  const std::string_view bytes = raw_member(raw, "response").value_or("{}");
  if (!response.is_object()) return wrong("\"response\" is not an object", raw);
  constexpr std::array<std::string_view, 4> kEnds = {"completed", "incomplete", "failed",
                                                     "cancelled"};
  for (std::string_view end : kEnds)
    if (type == end) {
      // Some servers call every last event completed, and say in the response how it went.
      const std::string status = core::string_or(response, "status");
      if (end == "completed" && std::find(kEnds.begin(), kEnds.end(), status) != kEnds.end())
        end = status;
      return end_of_response(response, bytes, end, out);
    }
  note_start(response, bytes);
  start(out);
  note_usage(response, bytes, out);
  return std::nullopt;
}

// ---- items

ResponsesReader::MaybeError ResponsesReader::add_item(std::int64_t index, std::string_view type,
                                                      Item*& item) {
  if (static_cast<std::int64_t>(items_.size()) >= kMaxItems)
    return wrong("the answer has more than 10,000 items", {});
  if (index >= 0) {
    shared_index_ = shared_index_ || by_index_.count(index) != 0;
    by_index_[index] = items_.size();
  }
  item = &items_.emplace_back();
  item->type = type;
  return std::nullopt;
}

ResponsesReader::Item* ResponsesReader::item_with(std::string_view id) {
  if (id.empty()) return nullptr;
  const auto found = std::find_if(items_.rbegin(), items_.rend(),
                                  [id](const Item& item) { return item.id == id; });
  return found == items_.rend() ? nullptr : &*found;
}

// By its place in the output, else by its id, else the last one of that type. One that has not been
// announced begins here.
ResponsesReader::MaybeError ResponsesReader::find_item(const Json& event, std::string_view type,
                                                       Item*& item) {
  const std::int64_t index = core::int_at(event, "output_index").value_or(-1);
  const std::string id = core::string_or(event, "item_id");
  if (const auto place = by_index_.find(index); place != by_index_.end()) {
    item = &items_[place->second];
    if (Item* own = shared_index_ ? item_with(id) : nullptr) item = own;
    return std::nullopt;
  }
  for (auto at = items_.rbegin(); index < 0 && at != items_.rend(); ++at) {
    if (id.empty() ? at->type != type : at->id != id) continue;
    item = &*at;
    return std::nullopt;
  }
  if (auto error = add_item(index, type, item)) return error;
  item->id = id;
  return hold(id.size());
}

ResponsesReader::MaybeError ResponsesReader::item_event(const Json& event, bool done,
                                                        std::string_view raw, EventQueue& out) {
  const Json* const json = core::find(event, "item");
  if (!json || !json->is_object()) return wrong("\"item\" is not an object", raw);
  const std::string_view bytes = raw_member(raw, "item").value_or("{}");
  const std::string id = core::string_or(*json, "id");
  const std::int64_t index = core::int_at(event, "output_index").value_or(-1);
  Item* item = nullptr;
  const auto place = by_index_.find(index);
  if (place != by_index_.end()) item = &items_[place->second];
  if (Item* own = index < 0 || shared_index_ ? item_with(id) : nullptr) item = own;
  // Servers that give every item the same index; others make a new id for every event.
  const std::string type = core::string_or(*json, "type");
  if (item && !item->id.empty() && item->id != id && (!done || item->done || item->type != type))
    item = nullptr;
  if (!item)
    if (auto error = add_item(index, type, item)) return error;
  if (item->done) return std::nullopt;
  if (done) {
    if (auto error = complete(*item, *json, bytes)) return error;
  } else {
    note_item(*item, *json, bytes);
    if (auto error = hold(bytes.size())) return error;
  }
  start(out);
  pump(out);
  return std::nullopt;
}

// What stands in an item from its beginning.
void ResponsesReader::note_item(Item& item, const Json& json, std::string_view raw) {
  item.type = core::string_or(json, "type", item.type);
  if (const std::string id = core::string_or(json, "id"); !id.empty()) item.id = id;
  if (item.call_id.empty()) item.call_id = call_id_of(json);
  if (item.name.empty()) item.name = core::string_or(json, "name");
  held_ -= std::min(held_, item.raw.size());
  item.raw = raw;
  const Event::PartKind kind = kind_of_item(item.type);
  if (kind == Event::PartKind::kNone || !item.contents.empty()) return;
  Content& content = item.contents.emplace_back();
  content.kind = kind;
  if (kind == Event::PartKind::kOpaque) content.type = item.type;
}

// The item as it is when it is done: the parts say what it says, if they have not said otherwise.
ResponsesReader::MaybeError ResponsesReader::complete(Item& item, const Json& json,
                                                      std::string_view raw) {
  note_item(item, json, raw);
  item.whole = item.done = true;
  const std::vector<ItemPart> parts = item_parts(json, item.raw);
  if (parts.size() > static_cast<std::size_t>(kMaxContents))
    return wrong("an item has more than 1024 contents", {});
  // A message that has lost its content: what was streamed counts.
  const bool empty = parts.front().kind == Event::PartKind::kOpaque && !item.contents.empty() &&
                     item.contents.front().kind != Event::PartKind::kOpaque &&
                     item.contents.front().kind != Event::PartKind::kNone;
  if (auto error = make_room(item, empty ? 0 : parts.size())) return error;
  item.mended = empty || item.contents.size() > parts.size();
  std::size_t waiting = item.raw.size();
  for (std::size_t i = 0; i < parts.size() && !empty; ++i) {
    Content& content = item.contents[i];
    const ItemPart& part = parts[i];
    if (!content.begun && content.text.empty()) content.kind = part.kind;
    if (content.kind != part.kind || !begins_with(part.text, content.text)) {
      item.mended = true;
      continue;
    }
    waiting += part.text.size() - content.text.size();
    content.text = part.text;
    content.type = part.type;
    if (!part.annotations.empty())
      content.annotations = part.annotations.substr(1, part.annotations.size() - 2);
    if (part.logprobs && content.logprobs.count == 0)
      if (auto error = read_logprobs(content, *part.logprobs)) return error;
  }
  return hold(waiting);
}

ResponsesReader::MaybeError ResponsesReader::hold(std::size_t bytes) {
  held_ += bytes;
  if (held_ <= kMaxHeldBytes) return std::nullopt;
  return wrong("more than 64 MiB of it wait for an item that is not done", {});
}

// ---- the contents of items

ResponsesReader::MaybeError ResponsesReader::find_content(Item& item, const Json& event,
                                                          std::string_view key, Content*& content) {
  std::int64_t index = 0;
  // Of a message each content is a part; everything else is one part.
  if (item.type == "message" && !key.empty()) index = core::int_at(event, key).value_or(0);
  if (index < 0 || index >= kMaxContents)
    return wrong("the index of a content is not a number from 0 to 1023", {});
  const auto at = static_cast<std::size_t>(index);
  if (auto error = make_room(item, at + 1)) return error;
  content = &item.contents[at];
  return std::nullopt;
}

ResponsesReader::MaybeError ResponsesReader::make_room(Item& item, std::size_t contents) {
  if (item.contents.size() >= contents) return std::nullopt;
  contents_ += contents - item.contents.size();
  if (contents_ > kMaxAllContents) return wrong("the answer has more than 10,000 contents", {});
  item.contents.resize(contents);
  return std::nullopt;
}

ResponsesReader::MaybeError ResponsesReader::append(Content& content, std::string_view bytes) {
  content.text += bytes;
  return hold(bytes.size());
}

// All of a text is there, which may be more than came in pieces.
ResponsesReader::MaybeError ResponsesReader::complete_text(Content& content,
                                                           std::string_view said) {
  content.closed = true;
  if (!begins_with(said, content.text)) return std::nullopt;
  return append(content, said.substr(content.text.size()));
}

ResponsesReader::MaybeError ResponsesReader::read_logprobs(Content& content, const Json& list) {
  const std::size_t before = content.logprobs.count;
  content.logprobs.read(list);
  logprobs_ += content.logprobs.count - before;
  if (logprobs_ <= TokenLogprobs::kMax) return std::nullopt;
  return wrong("it holds more than 4,000,000 log-probabilities", {});
}

ResponsesReader::MaybeError ResponsesReader::text_event(const Delta& what, const Json& event,
                                                        bool done, EventQueue& out) {
  Item* item = nullptr;
  Content* content = nullptr;
  if (auto error = find_item(event, what.item, item)) return error;
  if (item->done) return std::nullopt;  // it has said all
  if (auto error = find_content(*item, event, what.index, content)) return error;
  // What its beginning says it is, some servers have other words for.
  if (item->type == what.item && !content->begun && content->text.empty())
    content->kind = what.kind;
  if (content->kind != what.kind) return std::nullopt;  // the item will tell
  if (item->name.empty()) item->name = core::string_or(event, "name");
  if (const Json* logprobs = core::find(event, "logprobs"); logprobs && !done)
    if (auto error = read_logprobs(*content, *logprobs)) return error;
  const std::string said = core::string_or(event, done ? what.text : "delta");
  if (what.kind == Event::PartKind::kReasoning) {
    const std::int64_t source = what.source(core::int_at(event, what.index).value_or(0));
    if (done ? content->source == source : said.empty()) return std::nullopt;  // nothing new
    const bool another = content->source >= 0 && content->source != source;
    content->source = source;
    if (another && !content->text.empty() && !said.empty())
      if (auto error = append(*content, kBetweenThoughts)) return error;
    if (auto error = append(*content, said)) return error;
  } else if (!done) {
    if (auto error = append(*content, said)) return error;
  } else if (auto error = complete_text(*content, said)) {
    return error;
  }
  start(out);
  pump(out);
  return std::nullopt;
}

ResponsesReader::MaybeError ResponsesReader::content_event(const Json& event, bool done,
                                                           std::string_view raw, EventQueue& out) {
  const Json* const part = core::find(event, "part");
  if (!part || !part->is_object()) return std::nullopt;
  Item* item = nullptr;
  Content* content = nullptr;
  const bool thought = core::string_or(*part, "type") == "reasoning_text";
  if (auto error = find_item(event, thought ? "reasoning" : "message", item)) return error;
  if (item->done || item->type != "message") return std::nullopt;
  if (auto error = find_content(*item, event, "content_index", content)) return error;
  const std::string type = core::string_or(*part, "type");
  if (content->kind == Event::PartKind::kNone) content->kind = kind_of_content(type);
  if (content->kind == Event::PartKind::kOpaque) content->type = type;
  if (!done || content->kind != kind_of_content(type) || content->kind == Event::PartKind::kOpaque)
    return std::nullopt;
  const Json* const annotations = core::find(*part, "annotations");
  if (annotations && annotations->is_array() && !annotations->empty()) {
    const std::string_view bytes = raw_member(raw, "part").value_or("{}");
    const std::string_view list = raw_member(bytes, "annotations").value_or("[]");
    content->annotations = list.substr(1, list.size() - 2);
    if (auto error = hold(list.size())) return error;
  }
  if (auto error = complete_text(*content, core::string_or(*part, text_member(type)))) return error;
  start(out);
  pump(out);
  return std::nullopt;
}

ResponsesReader::MaybeError ResponsesReader::annotation_event(const Json& event,
                                                              std::string_view raw) {
  const auto annotation = raw_member(raw, "annotation");
  Item* item = nullptr;
  Content* content = nullptr;
  if (!annotation) return std::nullopt;
  if (auto error = find_item(event, "message", item)) return error;
  if (item->done) return std::nullopt;
  if (auto error = find_content(*item, event, "content_index", content)) return error;
  if (content->annotations.size() + annotation->size() > kMaxAnnotationBytes)
    return wrong("a text has more than 16 MiB of annotations", {});
  if (!content->annotations.empty()) content->annotations += ',';
  content->annotations += *annotation;
  return hold(annotation->size());
}

// ---- what comes out

// Everything that is not held back by an item before it.
void ResponsesReader::pump(EventQueue& out) {
  while (head_item_ < items_.size()) {
    Item& item = items_[head_item_];
    if (!put(item, out)) return;
    ++head_item_;
    held_ -= std::min(held_, item.raw.size());
    item.raw = {};
    item.contents = {};
  }
}

// True: all of the item is out.
bool ResponsesReader::put(Item& item, EventQueue& out) {
  for (std::size_t i = 0; i < item.contents.size(); ++i) {
    Content& content = item.contents[i];
    const bool last = i + 1 == item.contents.size();
    const bool ended = content.begun && content.key == 0;
    if (ended) continue;
    if (content.kind == Event::PartKind::kNone && item.done) content.kind = Event::PartKind::kText;
    if (!content.begun && !may_begin(item, content)) return false;
    if (!content.begun) begin(item, content, out);
    const std::string_view text = std::string_view(content.text).substr(content.sent);
    if (!text.empty() || !content.logprobs.empty()) {
      const TokenLogprobs logprobs = content.logprobs.take();
      out.delta(content.key, text, logprobs.entries);
      held_ -= std::min(held_, text.size());
      content.sent = content.text.size();
    }
    if (!item.done && (last || !content.closed)) return false;
    end(item, content, last, out);
    content.key = 0;
  }
  return item.done;
}

bool ResponsesReader::may_begin(const Item& item, const Content& content) const {
  if (item.done) return true;
  switch (content.kind) {
    case Event::PartKind::kNone: return false;
    case Event::PartKind::kText:
    case Event::PartKind::kRefusal:
      return content.closed || !content.text.empty() || !content.logprobs.empty();
    case Event::PartKind::kToolCall: return !item.name.empty() && !item.call_id.empty();
    // The contents of a message are known when the message is done.
    case Event::PartKind::kOpaque: return item.type != "message";
    case Event::PartKind::kReasoning: break;
  }
  return true;
}

void ResponsesReader::begin(const Item& item, Content& content, EventQueue& out) {
  flush_end({}, out);
  content.begun = true;
  content.key = ++keys_;
  refused_ = refused_ || content.kind == Event::PartKind::kRefusal;
  if (content.kind != Event::PartKind::kToolCall)
    return out.begin(content.key, 0, content.kind, content.type);
  const bool custom = item.type == "custom_tool_call";
  const bool own =
      custom && custom_tools_ &&
      std::find(custom_tools_->begin(), custom_tools_->end(), item.name) == custom_tools_->end();
  calls_ = calls_ || !own;
  // Results must be able to name it.
  const std::string id =
      item.call_id.empty() ? "call_" + std::to_string(content.key) : item.call_id;
  out.begin(content.key, 0, content.kind, item.name, id,
            own      ? R"({"custom":true,"provider_executed":true})"
            : custom ? R"({"custom":true})"
                     : "");
}

// The part's end waits for the next part, or for the end of the answer.
void ResponsesReader::end(const Item& item, const Content& content, bool last, EventQueue& out) {
  flush_end({}, out);
  Ending ending;
  ending.key = content.key;
  ending.id = item.id;
  std::string& members = ending.members;
  if (!content.annotations.empty())
    add_json_member(members, "annotations", '[' + content.annotations + ']');
  if (!last) add_json_member(members, "continues", "true");
  const bool is_item = content.kind == Event::PartKind::kOpaque && content.text == item.raw;
  if (last && item.whole && !is_item) {
    add_json_member(members, "item", item.raw);
    if (item.mended) {
      std::string said;
      for (const Content& one : item.contents) {
        if (!said.empty()) said += ',';
        append_json_string(said, one.text);
      }
      add_json_member(members, "said", '[' + said + ']');
    }
  }
  if (content.kind == Event::PartKind::kReasoning && item.whole)
    if (const auto json = core::parse_json(item.raw))
      ending.data = core::string_or(*json, "encrypted_content");
  ending_ = std::move(ending);
}

void ResponsesReader::flush_end(std::string_view answer_facts, EventQueue& out) {
  if (!ending_) return;
  std::string& members = ending_->members;
  if (!answer_facts.empty()) add_json_member(members, "answer", answer_facts);
  out.end(ending_->key, ending_->data, ending_->id,
          members.empty() ? std::string() : '{' + members + '}');
  ending_.reset();
}

// ---- the response as a whole

std::optional<Error> ResponsesReader::whole(std::string_view body, EventQueue& out) {
  body = trimmed_json(body);
  std::string repaired;
  const auto json = parse_lenient(body, repaired);
  if (!json) return wrong(json.error().message(), body);
  if (!json->is_object()) return wrong("it is not a JSON object", body);
  const Json* const list = core::find(*json, "output");
  const Json* const error = core::find(*json, "error");
  if (!list && ((error && !says_nothing(*error)) || core::string_or(*json, "object") == "error"))
    return server_error(body);
  if (core::find(*json, "choices"))
    return wrong("it is one of chat completions; set ApiConfig::text_api to kChat", body);
  if (!list || !list->is_array()) return wrong("it has no list \"output\"", body);
  note_start(*json, body);
  start(out);
  return end_of_response(*json, body, core::string_or(*json, "status", "completed"), out);
}

ResponsesReader::MaybeError ResponsesReader::end_of_response(const Json& response,
                                                             std::string_view raw,
                                                             std::string_view status,
                                                             EventQueue& out) {
  if (auto error = status_error(response, raw, status)) return error;
  if (!started_) note_start(response, raw);
  start(out);
  if (const Json* list = core::find(response, "output"); list && list->is_array())
    if (auto error = output(*list, raw_member(raw, "output").value_or("[]"))) return error;
  for (Item& item : items_) item.done = true;
  // What never got further than its beginning is kept as it began.
  for (std::size_t i = head_item_; i < items_.size(); ++i)
    for (Content& content : items_[i].contents)
      if (content.kind == Event::PartKind::kOpaque && content.text.empty())
        content.text = items_[i].raw;
  pump(out);
  note_end(response, raw);
  note_usage(response, raw, out);
  set_finish(response, status);
  ended_ = true;
  return std::nullopt;
}

ResponsesReader::MaybeError ResponsesReader::status_error(const Json& response,
                                                          std::string_view raw,
                                                          std::string_view status) const {
  const Json* const error = core::find(response, "error");
  if (status == "failed" || (error && !says_nothing(*error))) return server_error(raw);
  if (status == "completed" || status == "incomplete") return std::nullopt;
  if (status == "cancelled")
    return Error(Errc::kTruncated, "the response was cancelled at the provider's")
        .with_provider(model_.provider);
  if (status == "queued" || status == "in_progress")
    return Error(Errc::kUnsupported,
                 "the response " + core::string_or(response, "id") + " is " + std::string(status) +
                     ": answers in the background are not waited for; leave \"background\" out")
        .with_provider(model_.provider);
  return std::nullopt;
}

// Items that have not come, or not to their end, in the stream. By their ids; where servers make
// new ids for every event, in the order of those of their type.
ResponsesReader::MaybeError ResponsesReader::output(const Json& list, std::string_view raw) {
  const auto elements = raw_elements(raw);
  const std::size_t streamed = items_.size();
  const std::size_t n = std::min(list.size(), elements.size());
  std::map<std::string, std::size_t> by_id;
  for (std::size_t i = 0; i < streamed; ++i)
    if (!items_[i].id.empty()) by_id.emplace(items_[i].id, i);
  std::vector<std::size_t> match(n, SIZE_MAX);
  std::vector<bool> matched(streamed, false);
  for (std::size_t i = 0; i < n; ++i) {
    if (!list[i].is_object()) return wrong("an entry of \"output\" is not an object", elements[i]);
    const auto found = by_id.find(core::string_or(list[i], "id"));
    if (found == by_id.end() || matched[found->second]) continue;
    match[i] = found->second;
    matched[found->second] = true;
  }
  std::map<std::string, std::size_t> next;  // of each type: the first that may be unmatched
  for (std::size_t i = 0; i < n; ++i) {
    const std::string type = core::string_or(list[i], "type");
    if (match[i] == SIZE_MAX) {
      std::size_t& at = next[type];
      while (at < streamed && (matched[at] || items_[at].type != type)) ++at;
      if (at < streamed) {
        match[i] = at;
        matched[at] = true;
      }
    }
    Item* item = match[i] == SIZE_MAX ? nullptr : &items_[match[i]];
    if (!item)
      if (auto error = add_item(-1, type, item)) return error;
    if (item->done) continue;
    if (auto error = complete(*item, list[i], elements[i])) return error;
  }
  return std::nullopt;
}

void ResponsesReader::set_finish(const Json& response, std::string_view status) {
  finish_raw_ = status;
  if (status != "incomplete") {
    finish_ = calls_ ? Finish::kToolCalls : refused_ ? Finish::kRefusal : Finish::kStop;
    if (status != "completed") finish_ = Finish::kOther;
    return;
  }
  finish_ = Finish::kOther;
  const Json* const details = core::find(response, "incomplete_details");
  const std::string reason = details ? core::string_or(*details, "reason") : std::string();
  if (reason == "max_output_tokens" || reason == "max_tokens") finish_ = Finish::kLength;
  if (reason == "content_filter") finish_ = Finish::kFiltered;
  if (!reason.empty()) finish_raw_ = reason;
}

void ResponsesReader::close(EventQueue& out) {
  start(out);
  const std::string facts = late_facts_.empty() ? std::string() : late_facts_.text();
  const bool to_part = ending_.has_value();
  flush_end(facts, out);
  out.finish(0, finish_, finish_raw_,
             to_part || facts.empty() ? std::string() : "{\"answer\":" + facts + "}");
}

// ---- facts

void ResponsesReader::start(EventQueue& out) {
  if (std::exchange(started_, true)) return;
  RawObject extra = start_facts_;
  if (!rate_limits_.empty()) extra.set("rate_limits", rate_limits_);
  if (!extra.empty()) meta_.extra = extra.text();
  out.start(std::exchange(meta_, {}));
}

void ResponsesReader::note_start(const Json& response, std::string_view raw) {
  if (started_) return;
  if (meta_.response_id.empty()) meta_.response_id = core::string_or(response, "id");
  if (meta_.model.empty()) meta_.model = core::string_or(response, "model");
  std::size_t bytes = 0;
  for (const RawMember& member : raw_members(raw)) {
    const Json* value = core::find(response, member.key);
    if (is_own_member(member.key) || !value || says_nothing(*value)) continue;
    bytes += member.key.size() + member.value.size();
    if (bytes > kMaxResponseFactBytes || start_facts_.members().size() >= kMaxResponseFacts) return;
    start_facts_.set(member.key, std::string(member.value));
  }
}

// What is not as it was at the start.
void ResponsesReader::note_end(const Json& response, std::string_view raw) {
  std::size_t bytes = 0;
  for (const RawMember& member : raw_members(raw)) {
    const Json* value = core::find(response, member.key);
    if (is_own_member(member.key) || !value || says_nothing(*value)) continue;
    const std::string* const before = start_facts_.find(member.key);
    if (before && *before == member.value) continue;
    bytes += member.key.size() + member.value.size();
    if (bytes > kMaxResponseFactBytes || late_facts_.members().size() >= kMaxResponseFacts) return;
    late_facts_.set(member.key, std::string(member.value));
  }
}

void ResponsesReader::note_usage(const Json& response, std::string_view raw, EventQueue& out) {
  const Json* const usage = core::find(response, "usage");
  if (!usage || !usage->is_object()) return;
  auto figures = chat_usage(figures_of(*usage), raw_member(raw, "usage").value_or("{}"));
  if (figures) out.usage(std::move(*figures));
}

// {"error":{...}}, or an event of the type "error" that has the error's members itself.
Error ResponsesReader::server_error(std::string_view body) const {
  Complaint complaint = openai_complaint(body);
  if (complaint.type == "error" || complaint.type == "response.error") complaint.type = {};
  return provider_error(model_.provider, *head_, body, complaint);
}

Error ResponsesReader::wrong(std::string_view what, std::string_view bytes) const {
  return bad_answer(model_.provider, what, events_, bytes);
}

}  // namespace infer::cloud
