#include "src/cloud/anthropic/content.h"

#include <optional>
#include <string_view>
#include <utility>

#include "src/cloud/anthropic/anthropic.h"
#include "src/cloud/anthropic/media_block.h"
#include "src/cloud/raw_json.h"
#include "src/cloud/raw_object.h"
#include "src/core/json.h"

namespace infer::cloud {
namespace {

// Source: the Messages API refuses a request with more.
constexpr int kMaxCacheHints = 4;

// The roles of the wire.
enum class WireRole : std::uint8_t { kSystem, kUser, kAssistant };

WireRole speaker_of(Role role) {
  switch (role) {
    case Role::kSystem:
    case Role::kDeveloper: return WireRole::kSystem;
    case Role::kAssistant: return WireRole::kAssistant;
    case Role::kUser:
    case Role::kTool: break;
  }
  return WireRole::kUser;
}

std::string_view name_of(WireRole speaker) {
  switch (speaker) {
    case WireRole::kSystem: return "system";
    case WireRole::kAssistant: return "assistant";
    case WireRole::kUser: break;
  }
  return "user";
}

// Elements with commas between them.
class Blocks {
 public:
  void add(std::string_view json) {
    if (!json_.empty()) json_ += ',';
    json_ += json;
  }
  bool empty() const noexcept { return json_.empty(); }
  std::string take() { return std::exchange(json_, {}); }
  std::string take_array() { return '[' + take() + ']'; }

 private:
  std::string json_{};
};

// Goes through a conversation and keeps the first thing that is wrong.
class ContentWriter {
 public:
  ContentWriter(std::string_view issuer, std::vector<Warning>& warnings)
      : issuer_(issuer), warnings_(warnings) {}

  Result<AnthropicContent> write(const std::vector<Message>& messages);

 private:
  void message(const Message& message, const std::string& where);
  void part(const Part& part, const std::string& where, WireRole speaker);
  void text(const Part& part, const std::string& text);
  void media(const Part& part, const Media& media, const std::string& where, WireRole speaker);
  void reasoning(const Part& part, const Reasoning& reasoning, const std::string& where,
                 WireRole speaker);
  void call(const Part& part, const ToolCall& call, const std::string& where, WireRole speaker);
  void result(const Part& part, const ToolResult& result, const std::string& where,
              WireRole speaker);
  void opaque(const Part& part, const Opaque& opaque, const std::string& where);
  void put(RawObject block, const Part& part);
  void flush();

  void fail(const std::string& where, const std::string& what) {
    if (wrong_) return;
    wrong_ = Error(Errc::kInvalidRequest, where + ": " + what)
                 .with_provider(std::string(kAnthropic))
                 .with_detail("field", where);
  }
  void leave_out(const std::string& where, const std::string& what) {
    std::string extra = "{\"field\":";
    append_json_string(extra, where);
    warnings_.push_back({"part_left_out", where + ": " + what + " is not sent", extra + '}'});
  }

  bool is_ours(const Part& part) const { return part.issuer == issuer_; }

  std::string_view issuer_;
  std::vector<Warning>& warnings_;
  std::optional<Error> wrong_{};
  AnthropicContent content_{};
  Blocks messages_{};
  Blocks blocks_{};  // of the message under way
  std::optional<WireRole> speaker_{};
  int cache_hints_ = 0;
};

Result<AnthropicContent> ContentWriter::write(const std::vector<Message>& messages) {
  for (std::size_t i = 0; i < messages.size(); ++i) {
    message(messages[i], "messages[" + std::to_string(i) + "]");
    if (wrong_) return std::move(*wrong_);
  }
  flush();
  if (messages_.empty())
    fail("messages", "there must be one that is not a system message and not empty");
  if (wrong_) return std::move(*wrong_);
  content_.messages = messages_.take_array();
  return std::move(content_);
}

void ContentWriter::message(const Message& message, const std::string& where) {
  const WireRole speaker = speaker_of(message.role);
  Blocks before = std::exchange(blocks_, {});
  for (std::size_t i = 0; i < message.parts.size() && !wrong_; ++i)
    part(message.parts[i], where + ".parts[" + std::to_string(i) + "]", speaker);
  Blocks own = std::exchange(blocks_, std::move(before));
  if (own.empty()) return;
  if (speaker_ != speaker) flush();
  speaker_ = speaker;
  blocks_.add(own.take());
}

// The message under way has all its blocks.
void ContentWriter::flush() {
  if (blocks_.empty()) return;
  const bool leads = *speaker_ == WireRole::kSystem && messages_.empty();
  if (leads && content_.system.empty()) {
    content_.system = blocks_.take_array();
    return;
  }
  std::string json = "{\"role\":\"" + std::string(name_of(*speaker_)) + "\",\"content\":";
  messages_.add(json + blocks_.take_array() + '}');
}

void ContentWriter::part(const Part& part, const std::string& where, WireRole speaker) {
  const bool is_text = part.get<Text>() || part.get<Refusal>();
  if (speaker == WireRole::kSystem && !is_text)
    return fail(where, "a system message can hold text only");
  if (auto* v = part.get<Text>()) return text(part, v->text);
  if (auto* v = part.get<Refusal>()) return text(part, v->text);
  if (auto* v = part.get<Media>()) return media(part, *v, where, speaker);
  if (auto* v = part.get<Reasoning>()) return reasoning(part, *v, where, speaker);
  if (auto* v = part.get<ToolCall>()) return call(part, *v, where, speaker);
  if (auto* v = part.get<ToolResult>()) return result(part, *v, where, speaker);
  if (auto* v = part.get<Opaque>()) return opaque(part, *v, where);
}

// What the issuer said beside the part goes back, and the cache is asked for.
void ContentWriter::put(RawObject block, const Part& part) {
  if (is_ours(part) && !part.extra.empty()) {
    const auto extra = core::parse_json(part.extra);
    if (extra && extra->is_object()) block.update(RawObject(part.extra));
  }
  if (part.cache == CacheHint::kShort) block.set("cache_control", R"({"type":"ephemeral"})");
  if (part.cache == CacheHint::kLong)
    block.set("cache_control", R"({"type":"ephemeral","ttl":"1h"})");
  if (part.cache != CacheHint::kNone && ++cache_hints_ > kMaxCacheHints)
    fail("messages", "more than 4 parts have a cache hint, which is all that Anthropic takes");
  blocks_.add(block.text());
}

void ContentWriter::text(const Part& part, const std::string& text) {
  if (text.empty()) return;
  RawObject block;
  block.set_string("type", "text");
  block.set_string("text", text);
  put(std::move(block), part);
}

void ContentWriter::media(const Part& part, const Media& media, const std::string& where,
                          WireRole speaker) {
  if (speaker == WireRole::kAssistant) return leave_out(where, "media in an assistant's message");
  warn_of_detail(media, "Anthropic", warnings_);
  auto block = anthropic_media_block(media, where);
  if (block) return put(std::move(*block), part);
  if (!wrong_) wrong_ = std::move(block.error());
}

void ContentWriter::reasoning(const Part& part, const Reasoning& reasoning,
                              const std::string& where, WireRole speaker) {
  if (speaker != WireRole::kAssistant)
    return fail(where, "reasoning belongs in an assistant's message");
  if (!is_ours(part)) return leave_out(where, "reasoning of another provider");
  if (reasoning.signature.empty()) return leave_out(where, "reasoning without a signature");
  Part without_hint = part;  // reasoning cannot be where a cached prompt ends
  without_hint.cache = CacheHint::kNone;
  RawObject block;
  block.set_string("type", reasoning.redacted ? "redacted_thinking" : "thinking");
  if (!reasoning.redacted) block.set_string("thinking", reasoning.text);
  block.set_string(reasoning.redacted ? "data" : "signature", reasoning.signature);
  put(std::move(block), without_hint);
}

void ContentWriter::call(const Part& part, const ToolCall& call, const std::string& where,
                         WireRole speaker) {
  if (speaker != WireRole::kAssistant)
    return fail(where, "a tool call belongs in an assistant's message");
  if (call.provider_executed) return leave_out(where, "a call that another provider has run");
  if (call.id.empty()) return fail(where + ".id", "a tool call needs an id");
  if (call.name.empty()) return fail(where + ".name", "a tool call needs a name");
  RawObject block;
  block.set_string("type", "tool_use");
  block.set_string("id", call.id);
  block.set_string("name", call.name);
  std::string input = call.arguments.empty() ? "{}" : call.arguments;
  if (call.custom) {  // free text, where this wire has objects only
    RawObject wrapped;
    wrapped.set_string("input", call.arguments);
    input = wrapped.text();
  }
  const auto json = core::parse_json(input, core::kMaxInnerJsonDepth);
  if (!json) return fail(where + ".arguments", json.error().message());
  if (!json->is_object()) return fail(where + ".arguments", "must be a JSON object");
  block.set("input", std::move(input));
  put(std::move(block), part);
}

void ContentWriter::result(const Part& part, const ToolResult& result, const std::string& where,
                           WireRole speaker) {
  if (result.provider_executed)
    return leave_out(where, "the result of a call that another provider has run");
  if (speaker != WireRole::kUser)
    return fail(where, "a tool result belongs in a message of role tool or user");
  if (result.call_id.empty())
    return fail(where + ".call_id", "of which call is it the result? Give the call's id");
  Blocks outer = std::exchange(blocks_, {});
  for (std::size_t i = 0; i < result.content.size() && !wrong_; ++i) {
    const Part& inner = result.content[i];
    const std::string inner_where = where + ".content[" + std::to_string(i) + "]";
    if (inner.get<ToolCall>() || inner.get<Reasoning>())
      return fail(inner_where, "a tool result can hold text and media only");
    this->part(inner, inner_where, WireRole::kUser);
  }
  RawObject block;
  block.set_string("type", "tool_result");
  block.set_string("tool_use_id", result.call_id);
  if (!blocks_.empty()) block.set("content", blocks_.take_array());
  if (result.is_error) block.set("is_error", "true");
  blocks_ = std::move(outer);
  put(std::move(block), part);
}

void ContentWriter::opaque(const Part& part, const Opaque& opaque, const std::string& where) {
  if (!is_ours(part)) return leave_out(where, "an item of another provider");
  const auto json = core::parse_json(opaque.json, core::kMaxInnerJsonDepth);
  if (!json) return fail(where + ".json", json.error().message());
  if (!json->is_object()) return fail(where + ".json", "must be a JSON object");
  if (part.cache == CacheHint::kNone && part.extra.empty()) return blocks_.add(opaque.json);
  put(RawObject(opaque.json), part);
}

}  // namespace

Result<AnthropicContent> write_anthropic_content(const std::vector<Message>& messages,
                                                 std::string_view issuer,
                                                 std::vector<Warning>& warnings) {
  return ContentWriter(issuer, warnings).write(messages);
}

}  // namespace infer::cloud
