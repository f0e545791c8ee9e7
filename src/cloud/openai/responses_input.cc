#include "src/cloud/openai/responses_input.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "src/cloud/object_writer.h"
#include "src/cloud/openai/media_part.h"
#include "src/cloud/openai/request_fields.h"
#include "src/cloud/openai/responses_items.h"
#include "src/cloud/raw_json.h"
#include "src/core/text_checks.h"

namespace infer::cloud {
namespace {

using core::Json;

// The item that a part of Responses keeps; parsed, since the caller may have changed its bytes.
struct KeptItem {
  std::string_view raw{};
  Json json{};
  std::optional<std::vector<std::string>> said{};
};

std::optional<Json> extra_of(const Part& part) {
  if (part.extra.empty()) return std::nullopt;
  auto json = core::parse_json(part.extra);
  if (!json || !json->is_object()) return std::nullopt;
  return std::move(*json);
}

std::optional<KeptItem> kept_item(const Part& part) {
  auto extra = extra_of(part);
  const Json* const item = extra ? core::find(*extra, "item") : nullptr;
  if (!item || !item->is_object()) return std::nullopt;
  KeptItem kept;
  kept.raw = raw_member(part.extra, "item").value_or("{}");
  if (const Json* said = core::find(*extra, "said"); said && said->is_array()) {
    kept.said.emplace();
    for (const Json& text : *said)
      kept.said->push_back(text.is_string() ? text.get<std::string>() : std::string());
  }
  kept.json = *item;
  return kept;
}

// What the part says, as item_parts() has it.
Event::PartKind kind_of_part(const Part& part) {
  if (part.get<Text>()) return Event::PartKind::kText;
  if (part.get<Refusal>()) return Event::PartKind::kRefusal;
  if (part.get<Reasoning>()) return Event::PartKind::kReasoning;
  if (part.get<ToolCall>()) return Event::PartKind::kToolCall;
  return part.get<Opaque>() ? Event::PartKind::kOpaque : Event::PartKind::kNone;
}
std::string_view text_of_part(const Part& part) {
  if (const auto* text = part.get<Text>()) return text->text;
  if (const auto* refusal = part.get<Refusal>()) return refusal->text;
  if (const auto* reasoning = part.get<Reasoning>()) return reasoning->text;
  if (const auto* call = part.get<ToolCall>()) return call->arguments;
  const auto* opaque = part.get<Opaque>();
  return opaque ? std::string_view(opaque->json) : std::string_view();
}

using Parts = std::vector<const Part*>;

// Whether the parts are still what the item became.
bool unchanged(const Parts& parts, const KeptItem& kept) {
  std::vector<std::string> texts;
  const std::vector<ItemPart> of_item = item_parts(kept.json, kept.raw);
  for (const ItemPart& part : of_item) texts.push_back(part.text);
  if (kept.said) texts = *kept.said;
  if (texts.size() != parts.size()) return false;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (text_of_part(*parts[i]) != texts[i]) return false;
    if (!kept.said && kind_of_part(*parts[i]) != of_item[i].kind) return false;
  }
  if (const auto* call = parts[0]->get<ToolCall>())
    return call->name == core::string_or(kept.json, "name") &&
           (call->id == call_id_of(kept.json) || call_id_of(kept.json).empty());
  if (const auto* reasoning = parts[0]->get<Reasoning>())
    return reasoning->signature == core::string_or(kept.json, "encrypted_content");
  return true;
}

// Writes the messages of one request; the first thing that cannot be sent stops it.
class InputWriter {
 public:
  InputWriter(const ServerModel& model, const TextRequest& request, std::vector<Warning>& warnings)
      : model_(model),
        dialect_(*model.dialect),
        request_(request),
        marks_(request.cache_explicit && model.dialect->cache_control),
        custom_tools_(custom_tools_of(request)),
        warnings_(warnings) {}

  Result<ResponsesInput> write() {
    for (message_ = 0; message_ < request_.messages.size() && !wrong_; ++message_)
      message(request_.messages[message_]);
    if (wrong_) return std::move(*wrong_);
    return ResponsesInput{.items = array_of(items_), .reasoning = reasoning_};
  }

 private:
  bool is_issued(const Part& part) const { return part.issuer == model_.responses_issuer; }
  std::string where() const {
    return "messages[" + std::to_string(message_) + "].parts[" + std::to_string(part_) + "]";
  }
  void fail(const std::string& why) {
    if (!wrong_) wrong_ = unsupported_field(where(), why);
  }
  void drop(const std::string& what) { warnings_.push_back(dropped_part(where(), what)); }
  void warn_once(bool& said, core::Setting setting) {
    if (!std::exchange(said, true))
      warnings_.push_back(
          core::unsupported_warning(setting, "the Responses API of " + model_.provider));
  }

  void message(const Message& m) {
    if (!m.name.empty()) warn_once(said_names_, "messages.name");
    for (part_ = 0; part_ < m.parts.size() && !wrong_; ++part_) {
      const Part& next = m.parts[part_];
      if (!group_.empty() && (!is_issued(next) || next.id != group_.back()->id)) end_group();
      part(m, next);
    }
    if (m.parts.empty() && m.role != Role::kAssistant && m.role != Role::kTool)
      content(m.role, text_content({}), nothing_);
    end_group();
    flush();
  }

  void part(const Message& m, const Part& part) {
    if (const auto* v = part.get<ToolResult>()) return result(*v);
    if (const auto* v = part.get<Opaque>()) return opaque(m, part, *v);
    if (m.role == Role::kTool)
      return fail("a message of the role tool holds results of tools and nothing else");
    if (m.role == Role::kAssistant) return said(part);
    if (const auto* v = part.get<Text>()) return content(m.role, text_content(v->text), part);
    if (const auto* v = part.get<Media>()) return media(m.role, part, *v);
    fail("a message of this role can hold text, media and results of tools only");
  }

  // ---- what is said to the model: contents of a message under way

  static std::string text_content(std::string_view text) {
    ObjectWriter out;
    out.text("type", "input_text");
    out.text("text", text);
    return out.str();
  }

  void content(Role role, std::string json, const Part& part) {
    const auto* text = part.get<Text>();
    const bool marked = marks_ && part.cache != CacheHint::kNone;
    single_ = contents_.empty() && text && !marked ? &text->text : nullptr;
    role_ = role;
    contents_.push_back(marked ? with_cache_mark(std::move(json)) : std::move(json));
  }

  void media(Role role, const Part& part, const Media& m) {
    auto json = responses_media_part(m, dialect_, where());
    if (json) return content(role, std::move(*json), part);
    if (!wrong_) wrong_ = std::move(json.error());
  }

  // One text goes as a string; all else as a list.
  void flush() {
    flush_plain();
    if (contents_.empty()) return;
    ObjectWriter out;
    out.text("role", role_ == Role::kSystem      ? "system"
                     : role_ == Role::kDeveloper ? dialect_.developer_role
                                                 : "user");
    out.raw("content", single_ ? json_string(*single_) : array_of(contents_));
    contents_.clear();
    items_.push_back(out.str());
  }

  void item(std::string json) {
    flush();
    items_.push_back(std::move(json));
  }

  // ---- what the model said

  void said(const Part& part) {
    if (part.get<Media>())
      return fail("media cannot be sent as the model's own words at this provider");
    if (!is_issued(part)) return plain(part);
    group_.push_back(&part);
    const auto kept = kept_item(part);
    if (!kept) {
      if (continues(part)) return;
      return plain_group(nullptr);
    }
    if (!unchanged(group_, *kept)) return plain_group(&*kept);
    group_.clear();
    note_call(part, &*kept);
    reasoning_ = reasoning_ || part.get<Reasoning>();
    item(std::string(kept->raw));
  }

  // The part with the item has been taken away: what is left goes as it is.
  void end_group() {
    if (!group_.empty()) plain_group(nullptr);
  }

  static bool continues(const Part& part) {
    const auto extra = extra_of(part);
    const Json* const flag = extra ? core::find(*extra, "continues") : nullptr;
    return flag && flag->is_boolean() && flag->get<bool>();
  }

  void plain_group(const KeptItem* kept) {
    const Parts group = std::exchange(group_, {});
    if (kept && (group.back()->get<Text>() || group.back()->get<Refusal>())) {
      flush_plain();
      // Source: OpenAI's OpenAPI document, MessagePhase: it is to be sent back.
      if (const auto phase = raw_member(kept->raw, "phase"); phase && *phase != "null")
        phase_ = *phase;
    }
    for (const Part* part : group) plain(*part, kept);
  }

  void plain(const Part& part, const KeptItem* kept = nullptr) {
    if (const auto* v = part.get<Text>()) return plain_text(v->text);
    if (const auto* v = part.get<Refusal>()) return plain_text(v->text);
    if (const auto* v = part.get<ToolCall>()) return call(part, *v, kept);
    if (const auto* v = part.get<Reasoning>()) return thought(part, *v, kept);
  }

  // The document has no place for what an assistant said but an item with an id, or a text.
  void plain_text(const std::string& text) { plain_.append(text); }
  void flush_plain() {
    const std::string phase = std::exchange(phase_, {});
    if (plain_.empty()) return;
    ObjectWriter out;
    out.text("role", "assistant");
    out.text("content", std::exchange(plain_, {}));
    if (!phase.empty()) out.raw("phase", phase);
    items_.push_back(out.str());
  }

  void call(const Part& part, const ToolCall& call, const KeptItem* kept) {
    if (call.provider_executed && !kept)
      return drop("a call of a tool that another provider ran is not sent");
    ObjectWriter out;
    out.text("type", call.custom ? "custom_tool_call" : "function_call");
    out.text("call_id", call.id);
    out.text("name", call.name);
    out.text(call.custom ? "input" : "arguments", call.arguments);
    // Who asked for it, and in which namespace, holds for the changed call, too.
    if (kept)
      for (const char* name : {"namespace", "caller"})
        if (const auto member = raw_member(kept->raw, name)) out.raw(name, std::string(*member));
    note_call(part, kept);
    item(out.str());
  }

  void thought(const Part& part, const Reasoning& reasoning, const KeptItem* kept) {
    if (!is_issued(part)) return drop("the reasoning of another provider is not sent");
    if (reasoning.signature.empty() && !kept)
      return drop("reasoning without its encrypted content or its item is not sent");
    ObjectWriter summary;
    summary.text("type", "summary_text");
    summary.text("text", reasoning.text);
    RawObject out(kept ? kept->raw : std::string_view("{}"));
    out.set_string("type", "reasoning");
    if (!part.id.empty()) out.set_string("id", part.id);
    out.set("summary", reasoning.text.empty() ? "[]" : array_of({summary.str()}));
    out.erase("content");
    if (reasoning.signature.empty())
      out.erase("encrypted_content");
    else
      out.set_string("encrypted_content", reasoning.signature);
    reasoning_ = true;
    item(out.text());
  }

  void opaque(const Message& m, const Part& part, const Opaque& opaque) {
    if (!is_issued(part)) return drop("an item of another provider is not sent");
    const auto json = core::parse_json(opaque.json, core::kMaxInnerJsonDepth);
    if (!json || !json->is_object()) {
      if (!wrong_)
        wrong_ = Error(Errc::kInvalidRequest,
                       where() + ".json: " +
                           (json ? std::string("must be a JSON object") : json.error().message()))
                     .with_detail("field", where() + ".json");
      return;
    }
    // A content of a message, not an item of its own.
    const auto kept = m.role == Role::kAssistant ? kept_item(part) : std::nullopt;
    if (kept || (m.role == Role::kAssistant && continues(part))) return said(part);
    if (m.role != Role::kAssistant && opaque.type.substr(0, 6) == "input_")
      return content(m.role, opaque.json, part);
    item(opaque.json);
  }

  // ---- results

  struct Call {
    bool custom = false;
    std::string caller{};  // JSON
  };

  // Who has called is asked for with the result: the provider's program, or the model itself.
  void note_call(const Part& part, const KeptItem* kept) {
    const auto* const call = part.get<ToolCall>();
    if (!call) return;
    Call& noted = calls_[call->id];
    noted.custom = call->custom;
    if (kept) noted.caller = raw_member(kept->raw, "caller").value_or("");
    if (noted.caller == "null") noted.caller.clear();
  }

  void result(const ToolResult& result) {
    if (result.provider_executed)
      return drop("the result of a tool that another provider ran is not sent");
    const auto noted = calls_.find(result.call_id);
    const bool custom = noted != calls_.end()
                            ? noted->second.custom
                            : std::find(custom_tools_.begin(), custom_tools_.end(), result.name) !=
                                  custom_tools_.end();
    std::vector<std::string> contents;
    for (std::size_t i = 0; i < result.content.size() && !wrong_; ++i)
      result_content(result.content[i], "content[" + std::to_string(i) + "]", contents);
    const Text* const text = result.content.size() == 1 ? result.content[0].get<Text>() : nullptr;
    ObjectWriter out;
    out.text("type", custom ? "custom_tool_call_output" : "function_call_output");
    out.text("call_id", result.call_id);
    if (contents.empty())
      out.text("output", "");
    else
      out.raw("output", text ? json_string(text->text) : array_of(contents));
    if (noted != calls_.end() && !noted->second.caller.empty())
      out.raw("caller", noted->second.caller);
    if (result.is_error) warn_once(said_errors_, "is_error");
    item(out.str());
  }

  void result_content(const Part& part, const std::string& place,
                      std::vector<std::string>& contents) {
    if (const auto* text = part.get<Text>()) return contents.push_back(text_content(text->text));
    const auto* const m = part.get<Media>();
    if (!m) return fail(place + " of a tool's result can be text and media only");
    auto json = responses_media_part(*m, dialect_, where() + "." + place);
    if (json) return contents.push_back(std::move(*json));
    if (!wrong_) wrong_ = std::move(json.error());
  }

  const ServerModel& model_;
  const Dialect& dialect_;
  const TextRequest& request_;
  const bool marks_;
  const Part nothing_{};  // of a message without parts
  const std::vector<std::string> custom_tools_;
  std::vector<Warning>& warnings_;
  std::optional<Error> wrong_{};
  std::vector<std::string> items_{};
  bool reasoning_ = false;
  std::size_t message_ = 0, part_ = 0;
  // The message under way.
  Role role_ = Role::kUser;
  std::vector<std::string> contents_{};
  const std::string* single_ = nullptr;  // its text, if that is all
  std::string plain_{}, phase_{};        // what the model said, as plain text
  Parts group_{};                        // parts of one item, whose item has not come
  std::map<std::string, Call> calls_{};
  bool said_errors_ = false, said_names_ = false;
};

// {"type":"custom","name":...}, at any depth: namespaces hold tools, too.
void add_custom_tools(const Json& json, std::vector<std::string>& names) {
  if (json.is_object() && core::string_or(json, "type") == "custom")
    names.push_back(core::string_or(json, "name"));
  if (json.is_structured())
    for (const Json& inner : json) add_custom_tools(inner, names);
}

}  // namespace

std::vector<std::string> custom_tools_of(const TextRequest& request) {
  std::vector<std::string> names;
  const auto look_in = [&names](const std::string& text) {
    if (text.find("\"custom\"") == std::string::npos) return;
    if (const auto json = core::parse_json(text)) add_custom_tools(*json, names);
  };
  for (const Tool& tool : request.tools) look_in(tool.provider_json);
  for (const Message& message : request.messages)
    for (const Part& part : message.parts)
      if (const auto* item = part.get<Opaque>()) look_in(item->json);
  return names;
}

Result<ResponsesInput> write_responses_input(const ServerModel& model, const TextRequest& request,
                                             std::vector<Warning>& warnings) {
  return InputWriter(model, request, warnings).write();
}

}  // namespace infer::cloud
