// A TextRequest as the body of POST /chat/completions. Written by hand and in the order of the
// request, since schemas, tool arguments and unknown items must go out with the bytes they have.
#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "src/cloud/media_limits.h"
#include "src/cloud/object_writer.h"
#include "src/cloud/openai/chat_reader.h"
#include "src/cloud/openai/extra.h"
#include "src/cloud/openai/media_part.h"
#include "src/cloud/openai/openai.h"
#include "src/cloud/openai/request_fields.h"
#include "src/cloud/raw_json.h"
#include "src/core/json.h"
#include "src/core/text_checks.h"

namespace infer::cloud {
namespace {

// Writes the messages of one request; the first thing that cannot be sent stops it.
class MessageWriter {
 public:
  // `marks`: the places where the provider shall cache the prompt are sent.
  MessageWriter(const ServerModel& model, bool marks, std::vector<Warning>& warnings)
      : model_(model), dialect_(*model.dialect), marks_(marks), warnings_(warnings) {}

  Result<std::string> write(const std::vector<Message>& messages) {
    for (std::size_t i = 0; i < messages.size() && !wrong_; ++i) {
      message_ = i;
      message(messages[i]);
    }
    if (wrong_) return std::move(*wrong_);
    return array_of(written_);
  }

 private:
  using Elements = std::vector<std::string>;

  bool is_issued(const Part& part) const { return part.issuer == model_.issuer; }

  std::string where(std::size_t part) const {
    return "messages[" + std::to_string(message_) + "].parts[" + std::to_string(part) + "]";
  }
  void fail(std::size_t part, const std::string& why) {
    if (!wrong_) wrong_ = unsupported_field(where(part), why);
  }
  void drop(std::size_t part, const std::string& what) {
    warnings_.push_back(dropped_part(where(part), what));
  }

  void message(const Message& m) {
    // Results of tools stand in messages of their own, right after the calls.
    for (std::size_t i = 0; i < m.parts.size(); ++i)
      if (const auto* result = m.parts[i].get<ToolResult>()) tool_result(*result, m.parts[i], i);
    switch (m.role) {
      case Role::kSystem: return instructions(m, "system");
      case Role::kDeveloper: return instructions(m, dialect_.developer_role);
      case Role::kUser: return user(m);
      case Role::kAssistant: return assistant(m);
      case Role::kTool: break;
    }
    for (std::size_t i = 0; i < m.parts.size(); ++i)
      if (!m.parts[i].get<ToolResult>())
        fail(i, "a message of the role tool holds results of tools and nothing else");
  }

  void tool_result(const ToolResult& result, const Part& whole, std::size_t at) {
    if (result.provider_executed)
      return drop(at, "the result of a tool that another provider ran is not sent");
    Elements parts;
    bool marked = false;
    for (const Part& part : result.content) {
      const Text* text = part.get<Text>();
      if (!text) return fail(at, "a tool's result can be text only at this provider");
      const bool here = marks(part) || (marks(whole) && &part == &result.content.back());
      parts.push_back(text_part(text->text, here));
      marked = marked || here;
    }
    ObjectWriter out;
    out.text("role", "tool");
    out.text("tool_call_id", result.call_id);
    if (parts.size() > 1 || marked)
      out.raw("content", array_of(parts));
    else
      out.text("content", parts.empty() ? "" : result.content[0].get<Text>()->text);
    if (result.is_error) say_once_that_errors_are_not_marked(at);
    written_.push_back(out.str());
  }

  void say_once_that_errors_are_not_marked(std::size_t at) {
    if (std::exchange(said_errors_, true)) return;
    warnings_.push_back(
        {.code = "unsupported_setting",
         .message = where(at) + ".is_error has no effect: the model sees the result's text only",
         .extra = "{\"setting\":\"is_error\"}"});
  }

  bool marks(const Part& part) const { return marks_ && part.cache != CacheHint::kNone; }

  static std::string text_part(std::string_view text, bool marked = false) {
    ObjectWriter out;
    out.text("type", "text");
    out.text("text", text);
    return marked ? with_cache_mark(out.str()) : out.str();
  }
  // One text goes as a string, which all servers take; several as parts.
  static std::string content_of(const Elements& parts, const std::string* single) {
    if (parts.empty()) return "\"\"";
    return parts.size() == 1 && single ? json_string(*single) : array_of(parts);
  }

  void put(ObjectWriter& out, const Message& m) {
    if (dialect_.names)
      out.text_if("name", m.name);
    else if (!m.name.empty() && !std::exchange(said_names_, true))
      warnings_.push_back(
          core::unsupported_warning("messages.name", "the chat of " + model_.provider));
    written_.push_back(out.str());
  }

  void instructions(const Message& m, std::string_view role) {
    Elements parts;
    const std::string* single = nullptr;
    for (std::size_t i = 0; i < m.parts.size(); ++i) {
      const Text* text = m.parts[i].get<Text>();
      if (!text && !m.parts[i].get<ToolResult>())
        return fail(i, "instructions can be text only at this provider");
      if (!text) continue;
      single = marks(m.parts[i]) ? nullptr : &text->text;
      parts.push_back(text_part(text->text, !single));
    }
    ObjectWriter out;
    out.text("role", role);
    out.raw("content", content_of(parts, single));
    put(out, m);
  }

  void user(const Message& m) {
    Elements parts;
    const std::string* single = nullptr;
    std::size_t results = 0;
    for (std::size_t i = 0; i < m.parts.size() && !wrong_; ++i) {
      const Part& part = m.parts[i];
      if (part.get<ToolResult>()) {
        ++results;
      } else if (const auto* text = part.get<Text>()) {
        single = marks(part) ? nullptr : &text->text;
        parts.push_back(text_part(text->text, !single));
      } else if (const auto* picture = part.get<Media>()) {
        auto written = chat_media_part(*picture, dialect_, where(i), warnings_);
        if (!written) return void(wrong_ = std::move(written.error()));
        parts.push_back(marks(part) ? with_cache_mark(std::move(*written)) : std::move(*written));
        single = nullptr;
      } else if (const auto* item = part.get<Opaque>()) {
        if (!is_issued(part)) {
          drop(i, "an item of another provider is not sent");
        } else if (!is_content_part(*item)) {
          fail(i, "a user's message can hold no item of the type " + item->type);
        } else {
          parts.push_back(item->json);
          single = nullptr;
        }
      } else {
        fail(i, "a user's message can hold text, media and results of tools only");
      }
    }
    if (parts.empty() && results > 0) return;
    ObjectWriter out;
    out.text("role", "user");
    out.raw("content", content_of(parts, single));
    put(out, m);
  }

  // ---- what the model said

  struct Said {
    Elements parts{}, calls{};
    const std::string* single = nullptr;
    std::string refusal{};
    ObjectWriter members{};
    std::vector<std::pair<std::string, std::string>> reasoning{};  // field, text
  };

  void assistant(const Message& m) {
    Said said;
    for (std::size_t i = 0; i < m.parts.size() && !wrong_; ++i) assistant_part(m.parts[i], i, said);
    ObjectWriter out;
    out.text("role", "assistant");
    if (!said.refusal.empty() && said.parts.empty()) {
      out.raw("content", "null");
      out.text("refusal", said.refusal);
    } else {
      if (!said.refusal.empty()) said.parts.push_back(refusal_part(said.refusal));
      const bool only_text = said.parts.size() == 1;
      const bool nothing = said.parts.empty() && !said.calls.empty();
      out.raw("content",
              nothing ? "null" : content_of(said.parts, only_text ? said.single : nullptr));
    }
    for (const auto& [field, text] : said.reasoning) out.text(field, text);
    if (!said.calls.empty()) out.raw("tool_calls", array_of(said.calls));
    for (const auto& [name, json] : members_) out.raw(name, json);
    members_.clear();
    put(out, m);
  }

  static std::string refusal_part(std::string_view text) {
    ObjectWriter out;
    out.text("type", "refusal");
    out.text("refusal", text);
    return out.str();
  }

  void assistant_part(const Part& part, std::size_t at, Said& said) {
    if (const auto* text = part.get<Text>()) {
      said.single = marks(part) ? nullptr : &text->text;
      said.parts.push_back(text_part(text->text, !said.single));
    } else if (const auto* refusal = part.get<Refusal>()) {
      said.refusal += refusal->text;
    } else if (const auto* call = part.get<ToolCall>()) {
      tool_call(*call, part, at, said);
    } else if (const auto* reasoning = part.get<Reasoning>()) {
      thought(*reasoning, part, at, said);
    } else if (const auto* item = part.get<Opaque>()) {
      if (!is_issued(part)) return drop(at, "an item of another provider is not sent");
      opaque(*item, said);
    } else if (part.get<Media>()) {
      fail(at, "media cannot be sent as the model's own words at this provider");
    }
  }

  void tool_call(const ToolCall& call, const Part& part, std::size_t at, Said& said) {
    if (call.provider_executed)
      return drop(at, "a call of a tool that another provider ran is not sent");
    ObjectWriter inner;
    inner.text("name", call.name);
    inner.text(call.custom ? "input" : "arguments", call.arguments);
    ObjectWriter out;
    out.text("id", call.id);
    out.text("type", call.custom ? "custom" : "function");
    out.raw(call.custom ? "custom" : "function", inner.str());
    if (dialect_.reasoning_goes_back && is_issued(part))
      for (const RawMember& member : raw_members(part.extra))
        if (member.key != "choice" && member.key != "answer")
          out.raw(member.key, std::string(member.value));
    said.calls.push_back(out.str());
  }

  void thought(const Reasoning& reasoning, const Part& part, std::size_t at, Said& said) {
    if (!is_issued(part)) return drop(at, "the reasoning of another provider is not sent");
    if (!dialect_.reasoning_goes_back || reasoning.text.empty()) return;
    std::string field = "reasoning_content";
    if (const auto json = core::parse_json(part.extra))
      field = core::string_or(*json, "field", field);
    if (field == field_name(DeltaField::kThinking)) {
      ObjectWriter out;
      out.text("type", "thinking");
      out.raw("thinking", array_of({text_part(reasoning.text)}));
      said.single = nullptr;
      return said.parts.push_back(out.str());
    }
    for (auto& [name, text] : said.reasoning)
      if (name == field) return void(text += reasoning.text);
    said.reasoning.emplace_back(field, reasoning.text);
  }

  // An item is a part of the content if it says that it is one, else a member of the message.
  static bool is_content_part(const Opaque& item) {
    const auto json = core::parse_json(item.json);
    return json && json->is_object() && core::string_or(*json, "type") == item.type;
  }
  void opaque(const Opaque& item, Said& said) {
    if (is_content_part(item)) {
      said.single = nullptr;
      return said.parts.push_back(item.json);
    }
    // The provider knows its own recordings by their id, and takes nothing else.
    if (item.type == "audio")
      if (const auto id = raw_member(item.json, "id"))
        return members_.emplace_back("audio", "{\"id\":" + std::string(*id) + "}"), void();
    members_.emplace_back(item.type, item.json);
  }

  const ServerModel& model_;
  const Dialect& dialect_;
  const bool marks_;
  std::vector<Warning>& warnings_;
  std::optional<Error> wrong_{};
  std::vector<std::string> written_{};
  std::vector<std::pair<std::string, std::string>> members_{};  // of the message being written
  std::size_t message_ = 0;
  bool said_errors_ = false;
  bool said_names_ = false;
};

// ---- settings

std::optional<Error> refused(const Dialect& dialect, const TextRequest& r) {
  using namespace core;  // NOLINT(google-build-using-namespace): the flags of one expression
  if (!r.previous_response_id.empty())
    return unsupported_field(
        "previous_response_id",
        "chat completions continue no answer; set ApiConfig::text_api to "
        "TextApi::kResponses where the server has Responses, or send the whole "
        "conversation as messages");
  std::uint32_t honours =
      kHonoursTools | kHonoursOutput | kHonoursMaxTokens | kHonoursStop | kHonoursMedia;
  if (dialect.several) honours |= kHonoursN;
  if (dialect.logprobs) honours |= kHonoursLogprobs;
  if (dialect.store) honours |= kHonoursStore;
  if (auto error = refuse_promises(r, honours)) return error;
  if (r.output.form == Output::Form::kGrammar)
    return unsupported_field("output.grammar", "this provider takes no grammar; use a JSON schema");
  if (r.output.form == Output::Form::kJsonSchema && raw_members(r.output.schema).empty())
    return unsupported_field("output.schema",
                             "this provider takes an object with members as a schema");
  if (dialect.max_stop != 0 && r.stop.size() > dialect.max_stop)
    return unsupported_field("stop", "this provider takes at most " +
                                         std::to_string(dialect.max_stop) +
                                         " stop sequences, not " + std::to_string(r.stop.size()));
  if (dialect.max_top_logprobs != 0 && r.logprobs && r.logprobs->top > dialect.max_top_logprobs)
    return unsupported_field(
        "logprobs.top", "this provider gives at most " + std::to_string(dialect.max_top_logprobs) +
                            " alternatives, not " + std::to_string(r.logprobs->top));
  return std::nullopt;
}

std::string tools_of(const Dialect& dialect, const TextRequest& r, std::vector<Warning>& warnings) {
  std::vector<std::string> tools;
  for (const Tool& tool : r.tools) {
    if (!tool.provider_json.empty()) {
      tools.push_back(tool.provider_json);
      continue;
    }
    ObjectWriter function, out;
    if (const auto strict = write_function(tool, dialect, function, warnings))
      function.flag("strict", *strict);
    out.text("type", "function");
    out.raw("function", function.str());
    tools.push_back(out.str());
  }
  return array_of(tools);
}

// The provider's own tools are named by their own type: {"type":"custom","custom":{"name":...}}.
std::string type_of_tool(const TextRequest& r) {
  for (const Tool& tool : r.tools) {
    if (tool.provider_json.empty()) continue;
    const auto json = core::parse_json(tool.provider_json);
    const std::string type = json ? core::string_or(*json, "type") : std::string();
    const core::Json* inner = json ? core::find(*json, type) : nullptr;
    if (inner && core::string_or(*inner, "name") == r.tool_choice.name) return type;
  }
  return "function";
}

std::string named_in_chat(const TextRequest& r) {
  const std::string type = type_of_tool(r);
  ObjectWriter name, choice;
  name.text("name", r.tool_choice.name);
  choice.text("type", type);
  choice.raw(type, name.str());
  return choice.str();
}

void write_effort(const Dialect& dialect, const TextRequest& r, ObjectWriter& body,
                  std::vector<Warning>& warnings) {
  using Effort = ReasoningOptions::Effort;
  const Effort effort = r.reasoning.effort;
  if (effort == Effort::kUnset) return;
  body.text("reasoning_effort", effort_word(dialect, effort, warnings));
  const bool plain = r.tools.empty() && r.output.form == Output::Form::kText;
  if (!plain && effort != Effort::kNone) body.text_if("reasoning_format", dialect.reasoning_format);
}

void write_bias(const Dialect& dialect, const TextRequest& r, ObjectWriter& body,
                std::vector<Warning>& warnings) {
  if (r.logit_bias.empty() || !dialect.logit_bias) return;
  ObjectWriter biases;
  bool rounded = false;
  for (const auto& [token, bias] : r.logit_bias) {
    const double sent = dialect.integer_bias ? std::round(bias) : bias;
    rounded = rounded || sent != bias;
    biases.raw(std::to_string(token), number_text(sent));
  }
  body.raw("logit_bias", biases.str());
  if (rounded)
    warnings.push_back(
        adjusted_setting("logit_bias", "is rounded: this provider takes whole numbers"));
}

void write_sampling(const Dialect& dialect, const TextRequest& r, ObjectWriter& body,
                    std::vector<Warning>& warnings) {
  body.number("temperature", r.temperature);
  body.number("top_p", r.top_p);
  if (r.seed && *r.seed <= static_cast<std::uint64_t>(INT64_MAX))
    body.integer("seed", static_cast<std::int64_t>(*r.seed));
  const Sampling& s = r.sampling;
  body.number("presence_penalty", s.presence_penalty);
  body.number("frequency_penalty", s.frequency_penalty);
  write_bias(dialect, r, body, warnings);
  if (!dialect.local_sampling) return;
  body.number("top_k", s.top_k);
  body.number("min_p", s.min_p);
  body.number("typical_p", s.typical_p);
  body.number("top_n_sigma", s.top_n_sigma);
  body.number("repeat_penalty", s.repeat_penalty);
  body.number("repetition_penalty", s.repeat_penalty);  // what vLLM and OpenRouter call it
  body.number("repeat_last_n", s.repeat_last_n);
  body.number("mirostat", s.mirostat);
  body.number("mirostat_tau", s.mirostat_tau);
  body.number("mirostat_eta", s.mirostat_eta);
  body.number("xtc_probability", s.xtc_probability);
  body.number("xtc_threshold", s.xtc_threshold);
  body.number("dry_multiplier", s.dry_multiplier);
  body.number("dry_base", s.dry_base);
  body.number("dry_allowed_length", s.dry_allowed_length);
  body.number("dry_penalty_last_n", s.dry_last_n);
  body.number("dynatemp_range", s.dynatemp_range);
  body.number("dynatemp_exponent", s.dynatemp_exponent);
}

void warn_of_settings(const ServerModel& model, const TextRequest& r,
                      std::vector<Warning>& warnings) {
  const Dialect& dialect = *model.dialect;
  constexpr std::array<std::string_view, 7> kSent = {"temperature",
                                                     "top_p",
                                                     "seed",
                                                     "sampling.presence_penalty",
                                                     "sampling.frequency_penalty",
                                                     "logit_bias",
                                                     "reasoning.effort"};
  const auto warn = [&](core::Setting setting) {
    warnings.push_back(core::unsupported_warning(setting, "the chat of " + model.provider));
  };
  for (const core::Setting setting : core::quality_settings(r)) {
    if (setting == "seed" && *r.seed > static_cast<std::uint64_t>(INT64_MAX)) {
      warnings.push_back(
          adjusted_setting("seed", "is not sent: this provider takes seeds up to 2^63 - 1"));
      continue;
    }
    const bool sent = setting != "logit_bias" || dialect.logit_bias;
    if (sent && std::find(kSent.begin(), kSent.end(), setting) != kSent.end()) continue;
    if (dialect.local_sampling && setting.substr(0, 9) == "sampling.") continue;
    warn(setting);
  }
  if (!r.reasoning.summary.empty()) warn("reasoning.summary");
}

void write_stream(const Dialect& dialect, ObjectWriter& body) {
  ObjectWriter options;
  options.flag("include_usage", true);
  if (dialect.obfuscation_off) options.flag("include_obfuscation", false);
  body.flag("stream", true);
  body.raw("stream_options", options.str());
}

}  // namespace

Result<Outgoing> write_openai_chat(const ServerModel& model, const TextRequest& r,
                                   const Call& call) {
  const Dialect& dialect = *model.dialect;
  if (auto error = refused(dialect, r)) return std::move(*error);
  if (auto error = check_media(r, *dialect.media)) return std::move(*error);
  Outgoing out;
  out.path = "/chat/completions";
  out.stream = call.wire != infer::Wire::kWhole;
  const bool marks = dialect.cache_control && r.cache_explicit;
  auto messages = MessageWriter(model, marks, out.warnings).write(r.messages);
  if (!messages) return std::move(messages.error());

  ObjectWriter body;
  body.text_if("model", model.name);
  body.raw("messages", std::move(*messages));
  // Without tools their settings are refused.
  if (!r.tools.empty())
    write_tool_use(r, tools_of(dialect, r, out.warnings), named_in_chat(r), body);
  const auto format = output_format(r.output, dialect, "json_schema");
  if (!format) return format.error();
  if (!format->empty()) body.raw("response_format", format->text());
  if (r.max_tokens) body.integer(dialect.max_tokens, *r.max_tokens);
  if (!r.stop.empty()) {
    std::vector<std::string> stop;
    for (const std::string& text : r.stop) stop.push_back(json_string(text));
    body.raw("stop", array_of(stop));
  }
  if (r.n > 1) body.integer("n", r.n);
  if (r.logprobs) body.flag("logprobs", true);
  if (r.logprobs && r.logprobs->top > 0) body.integer("top_logprobs", r.logprobs->top);
  write_sampling(dialect, r, body, out.warnings);
  write_effort(dialect, r, body, out.warnings);
  warn_of_settings(model, r, out.warnings);
  if (dialect.store && r.store) body.flag("store", *r.store);
  write_labels(dialect, r, body);
  if (out.stream) write_stream(dialect, body);
  // The caller's own members, last. What the reader must know of has fields of its own.
  if (auto error = merge_extra(r.extra, model.provider,
                               {{"stream", "Call::wire"}, {"n", "TextRequest::n"}}, body.object()))
    return std::move(*error);
  out.body = body.str();
  if (auto error = check_request_bytes(r, out.body.size(), *dialect.media))
    return std::move(*error);
  out.reader = std::make_unique<ChatReader>(model, r.n);
  return out;
}

}  // namespace infer::cloud
