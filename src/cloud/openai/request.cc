// A TextRequest as the body of POST /chat/completions. Written by hand and in the order of the
// request, since schemas, tool arguments and unknown items must go out with the bytes they have.
#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "src/cloud/openai/chat_reader.h"
#include "src/cloud/openai/openai.h"
#include "src/cloud/raw_json.h"
#include "src/cloud/raw_object.h"
#include "src/core/base64.h"
#include "src/core/json.h"
#include "src/core/text_checks.h"

namespace infer::cloud {
namespace {

std::string json_string(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}
std::string number_text(double value) {
  const bool whole = std::floor(value) == value && std::fabs(value) < 1e15;
  return whole ? std::to_string(static_cast<std::int64_t>(value))
               : core::dump_json(core::Json(value));
}

// A RawObject that is being written: a name that comes again replaces what it had.
class ObjectWriter {
 public:
  void raw(std::string_view name, std::string value) { object_.set(name, std::move(value)); }
  void text(std::string_view name, std::string_view value) { object_.set_string(name, value); }
  void text_if(std::string_view name, std::string_view value) {
    if (!value.empty()) text(name, value);
  }
  void flag(std::string_view name, bool value) { raw(name, value ? "true" : "false"); }
  template <class Number>
  void number(std::string_view name, const std::optional<Number>& value) {
    if (value) raw(name, number_text(static_cast<double>(*value)));
  }
  void integer(std::string_view name, std::int64_t value) { raw(name, std::to_string(value)); }
  bool has(std::string_view name) const { return object_.find(name) != nullptr; }
  std::string str() const { return object_.text(); }

 private:
  RawObject object_{};
};

std::string array_of(const std::vector<std::string>& elements) {
  std::string out = "[";
  for (const std::string& element : elements) {
    if (out.size() > 1) out += ',';
    out += element;
  }
  return out + "]";
}

Error unsupported(const std::string& field, const std::string& why) {
  return Error(Errc::kUnsupported, field + ": " + why)
      .with_provider(std::string(kOpenAi))
      .with_detail("field", field);
}

// What the bytes begin with, for media that came without a type.
std::string_view sniffed(std::string_view bytes) {
  const auto begins = [&](std::string_view with) { return bytes.substr(0, with.size()) == with; };
  if (begins("\x89PNG\r\n")) return "image/png";
  if (begins("\xFF\xD8\xFF")) return "image/jpeg";
  if (begins("GIF8")) return "image/gif";
  if (begins("RIFF") && bytes.substr(0, 12).substr(8) == "WEBP") return "image/webp";
  if (begins("RIFF") && bytes.substr(0, 12).substr(8) == "WAVE") return "audio/wav";
  if (begins("%PDF-")) return "application/pdf";
  return {};
}

bool is_issued(const Part& part) { return part.issuer == kOpenAi; }

// Writes the messages of one request; the first thing that cannot be sent stops it.
class MessageWriter {
 public:
  MessageWriter(const Dialect& dialect, std::vector<Warning>& warnings)
      : dialect_(dialect), warnings_(warnings) {}

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

  std::string where(std::size_t part) const {
    return "messages[" + std::to_string(message_) + "].parts[" + std::to_string(part) + "]";
  }
  void fail(std::size_t part, const std::string& why) {
    if (!wrong_) wrong_ = unsupported(where(part), why);
  }
  void drop(std::size_t part, const std::string& what) {
    warnings_.push_back({.code = "dropped_part",
                         .message = where(part) + ": " + what,
                         .extra = "{\"part\":" + json_string(where(part)) + "}"});
  }

  void message(const Message& m) {
    // Results of tools stand in messages of their own, right after the calls.
    for (std::size_t i = 0; i < m.parts.size(); ++i)
      if (const auto* result = m.parts[i].get<ToolResult>()) tool_result(*result, i);
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

  void tool_result(const ToolResult& result, std::size_t at) {
    if (result.provider_executed)
      return drop(at, "the result of a tool that another provider ran is not sent");
    Elements parts;
    for (const Part& part : result.content) {
      const Text* text = part.get<Text>();
      if (!text) return fail(at, "a tool's result can be text only at this provider");
      parts.push_back(text_part(text->text));
    }
    ObjectWriter out;
    out.text("role", "tool");
    out.text("tool_call_id", result.call_id);
    if (parts.size() > 1)
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

  static std::string text_part(std::string_view text) {
    ObjectWriter out;
    out.text("type", "text");
    out.text("text", text);
    return out.str();
  }

  // One text goes as a string, which all servers take; several as parts.
  static std::string content_of(const Elements& parts, const std::string* single) {
    if (parts.empty()) return "\"\"";
    return parts.size() == 1 && single ? json_string(*single) : array_of(parts);
  }

  void put(ObjectWriter& out, const Message& m) {
    out.text_if("name", m.name);
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
      single = &text->text;
      parts.push_back(text_part(text->text));
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
        single = &text->text;
        parts.push_back(text_part(text->text));
      } else if (const auto* picture = part.get<Media>()) {
        media(*picture, i, parts);
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
      said.single = &text->text;
      said.parts.push_back(text_part(text->text));
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

  // ---- media

  void media(const Media& m, std::size_t at, Elements& parts) {
    if (auto* file = std::get_if<FileId>(&m.source)) return file_by_id(m, *file, at, parts);
    if (std::get_if<Pixels>(&m.source))
      return fail(at, "raw pixels cannot be sent; encode them as PNG or JPEG");
    const auto* url = std::get_if<Url>(&m.source);
    const auto* blob = std::get_if<Blob>(&m.source);
    std::string mime = m.mime;
    if (mime.empty() && blob) mime = sniffed(blob->view());
    if (mime.substr(0, 6) == "image/" || (mime.empty() && url)) {
      return picture(
          m, url ? url->url : "data:" + mime + ";base64," + core::to_base64(blob->view()), parts);
    }
    if (url) return fail(at, "only pictures can be sent by address; send the bytes");
    if (mime.empty()) return fail(at, "its type is unknown; set Media::mime");
    if (mime == "audio/wav" || mime == "audio/x-wav" || mime == "audio/wave")
      return sound("wav", blob->view(), parts);
    if (mime == "audio/mpeg" || mime == "audio/mp3") return sound("mp3", blob->view(), parts);
    if (mime != "application/pdf")
      return fail(at,
                  "media of the type " + mime + " cannot be sent; pictures, WAV, MP3 and PDF can");
    ObjectWriter file;
    file.text("filename", m.name.empty() ? "file.pdf" : m.name);
    file.text("file_data", "data:application/pdf;base64," + core::to_base64(blob->view()));
    put_part("file", file, parts);
  }

  void file_by_id(const Media& m, const FileId& id, std::size_t at, Elements& parts) {
    if (m.mime.substr(0, 6) == "image/" || m.mime.substr(0, 6) == "audio/")
      return fail(at, "pictures and sounds cannot be sent by file id; send the bytes");
    ObjectWriter file;
    file.text("file_id", id.id);
    put_part("file", file, parts);
  }

  static void picture(const Media& m, std::string_view url, Elements& parts) {
    ObjectWriter image;
    image.text("url", url);
    image.text_if("detail", m.detail);
    put_part("image_url", image, parts);
  }

  static void sound(std::string_view format, std::string_view bytes, Elements& parts) {
    ObjectWriter audio;
    audio.text("data", core::to_base64(bytes));
    audio.text("format", format);
    put_part("input_audio", audio, parts);
  }

  static void put_part(std::string_view type, const ObjectWriter& inner, Elements& parts) {
    ObjectWriter out;
    out.text("type", type);
    out.raw(type, inner.str());
    parts.push_back(out.str());
  }

  const Dialect& dialect_;
  std::vector<Warning>& warnings_;
  std::optional<Error> wrong_{};
  std::vector<std::string> written_{};
  std::vector<std::pair<std::string, std::string>> members_{};  // of the message being written
  std::size_t message_ = 0;
  bool said_errors_ = false;
};

// ---- settings

std::optional<Error> refused(const Dialect& dialect, const TextRequest& r) {
  using namespace core;  // NOLINT(google-build-using-namespace): the flags of one expression
  if (auto error =
          refuse_promises(r, kHonoursTools | kHonoursOutput | kHonoursMaxTokens | kHonoursStop |
                                 kHonoursN | kHonoursLogprobs | kHonoursMedia))
    return std::move(*error).with_provider(std::string(kOpenAi));
  if (r.output.form == Output::Form::kGrammar)
    return unsupported("output.grammar", "this provider takes no grammar; use a JSON schema");
  if (r.output.form == Output::Form::kJsonSchema && raw_members(r.output.schema).empty())
    return unsupported("output.schema", "this provider takes an object with members as a schema");
  if (dialect.max_stop != 0 && r.stop.size() > dialect.max_stop)
    return unsupported("stop", "this provider takes at most " + std::to_string(dialect.max_stop) +
                                   " stop sequences, not " + std::to_string(r.stop.size()));
  if (dialect.max_top_logprobs != 0 && r.logprobs && r.logprobs->top > dialect.max_top_logprobs)
    return unsupported("logprobs.top", "this provider gives at most " +
                                           std::to_string(dialect.max_top_logprobs) +
                                           " alternatives, not " + std::to_string(r.logprobs->top));
  return std::nullopt;
}

std::string tools_of(const TextRequest& r) {
  std::vector<std::string> tools;
  for (const Tool& tool : r.tools) {
    if (!tool.provider_json.empty()) {
      tools.push_back(tool.provider_json);
      continue;
    }
    ObjectWriter function;
    function.text("name", tool.name);
    function.text_if("description", tool.description);
    function.raw("parameters",
                 tool.schema.empty() ? "{\"type\":\"object\",\"properties\":{}}" : tool.schema);
    if (tool.strict) function.flag("strict", *tool.strict);
    ObjectWriter out;
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

void write_tools(const TextRequest& r, ObjectWriter& body) {
  if (r.tools.empty()) return;  // without tools their settings are refused
  body.raw("tools", tools_of(r));
  switch (r.tool_choice.mode) {
    case ToolChoice::Mode::kAuto: break;
    case ToolChoice::Mode::kNone: body.text("tool_choice", "none"); break;
    case ToolChoice::Mode::kRequired: body.text("tool_choice", "required"); break;
    case ToolChoice::Mode::kNamed: {
      const std::string type = type_of_tool(r);
      ObjectWriter name, choice;
      name.text("name", r.tool_choice.name);
      choice.text("type", type);
      choice.raw(type, name.str());
      body.raw("tool_choice", choice.str());
      break;
    }
  }
  if (r.parallel_tools) body.flag("parallel_tool_calls", *r.parallel_tools);
}

void write_output(const Output& output, ObjectWriter& body) {
  ObjectWriter format;
  if (output.form == Output::Form::kJsonObject) format.text("type", "json_object");
  if (output.form == Output::Form::kJsonSchema) {
    ObjectWriter schema;
    schema.text("name", output.name.empty() ? "answer" : output.name);
    schema.raw("schema", output.schema);
    schema.flag("strict", output.strict);
    format.text("type", "json_schema");
    format.raw("json_schema", schema.str());
  }
  if (format.has("type")) body.raw("response_format", format.str());
}

void adjusted(std::string setting, const std::string& how, std::vector<Warning>& warnings) {
  warnings.push_back({.code = "adjusted_setting",
                      .message = setting + " " + how,
                      .extra = "{\"setting\":" + json_string(setting) + "}"});
}

void write_effort(const Dialect& dialect, const TextRequest& r, ObjectWriter& body,
                  std::vector<Warning>& warnings) {
  using Effort = ReasoningOptions::Effort;
  constexpr std::array<std::string_view, 7> kNames = {"",       "none", "minimal", "low",
                                                      "medium", "high", ""};
  const Effort effort = r.reasoning.effort;
  if (effort == Effort::kUnset) return;
  const bool max = effort == Effort::kMax;
  body.text("reasoning_effort",
            max ? dialect.max_effort : kNames[static_cast<std::size_t>(effort)]);
  if (max && dialect.max_effort != "max")
    adjusted("reasoning.effort",
             "is sent as \"" + std::string(dialect.max_effort) + "\", the most all servers know",
             warnings);
}

void write_bias(const Dialect& dialect, const TextRequest& r, ObjectWriter& body,
                std::vector<Warning>& warnings) {
  if (r.logit_bias.empty()) return;
  ObjectWriter biases;
  bool rounded = false;
  for (const auto& [token, bias] : r.logit_bias) {
    const double sent = dialect.integer_bias ? std::round(bias) : bias;
    rounded = rounded || sent != bias;
    biases.raw(std::to_string(token), number_text(sent));
  }
  body.raw("logit_bias", biases.str());
  if (rounded) adjusted("logit_bias", "is rounded: this provider takes whole numbers", warnings);
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

void warn_of_settings(const Dialect& dialect, const TextRequest& r,
                      std::vector<Warning>& warnings) {
  constexpr std::array<std::string_view, 7> kSent = {"temperature",
                                                     "top_p",
                                                     "seed",
                                                     "sampling.presence_penalty",
                                                     "sampling.frequency_penalty",
                                                     "logit_bias",
                                                     "reasoning.effort"};
  const auto warn = [&](core::Setting setting) {
    warnings.push_back(core::unsupported_warning(setting, "the chat completions API"));
  };
  for (const core::Setting setting : core::quality_settings(r)) {
    if (setting == "seed" && *r.seed > static_cast<std::uint64_t>(INT64_MAX)) {
      adjusted("seed", "is not sent: this provider takes seeds up to 2^63 - 1", warnings);
      continue;
    }
    if (std::find(kSent.begin(), kSent.end(), setting) != kSent.end()) continue;
    if (dialect.local_sampling && setting.substr(0, 9) == "sampling.") continue;
    warn(setting);
  }
  if (!r.reasoning.summary.empty()) warn("reasoning.summary");
}

void write_labels(const Dialect& dialect, const TextRequest& r, ObjectWriter& body) {
  body.text_if("service_tier", r.service_tier);
  body.text_if(dialect.user, r.user);
  if (!dialect.labels) return;
  body.text_if("prompt_cache_key", r.cache_key);
  if (r.metadata.empty()) return;
  ObjectWriter metadata;
  for (const auto& [key, value] : r.metadata) metadata.text(key, value);
  body.raw("metadata", metadata.str());
}

void write_stream(const Dialect& dialect, ObjectWriter& body) {
  ObjectWriter options;
  options.flag("include_usage", true);
  if (dialect.obfuscation_off) options.flag("include_obfuscation", false);
  body.flag("stream", true);
  body.raw("stream_options", options.str());
}

// The caller's own members, last. What the reader must know of has fields of its own.
std::optional<Error> write_extra(const TextRequest& r, ObjectWriter& body) {
  const auto extra = r.extra.find(std::string(kOpenAi));
  if (extra == r.extra.end()) return std::nullopt;
  for (const RawMember& member : raw_members(extra->second)) {
    const char* instead = member.key == "stream" ? "Call::wire"
                          : member.key == "n"    ? "TextRequest::n"
                                                 : nullptr;
    if (instead) {
      const std::string field = "extra.openai." + member.key;
      return Error(Errc::kInvalidRequest, field + " cannot be set; use " + instead)
          .with_provider(std::string(kOpenAi))
          .with_detail("field", field);
    }
    body.raw(member.key, std::string(member.value));
  }
  return std::nullopt;
}

}  // namespace

Result<Outgoing> write_openai_chat(std::string_view model, const Dialect& dialect,
                                   const TextRequest& r, const Call& call) {
  if (auto error = refused(dialect, r)) return std::move(*error);
  Outgoing out;
  out.path = "/chat/completions";
  out.stream = call.wire != infer::Wire::kWhole;
  auto messages = MessageWriter(dialect, out.warnings).write(r.messages);
  if (!messages) return std::move(messages.error());

  ObjectWriter body;
  body.text("model", model);
  body.raw("messages", std::move(*messages));
  write_tools(r, body);
  write_output(r.output, body);
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
  warn_of_settings(dialect, r, out.warnings);
  write_labels(dialect, r, body);
  if (out.stream) write_stream(dialect, body);
  if (auto error = write_extra(r, body)) return std::move(*error);
  out.body = body.str();
  out.reader = std::make_unique<ChatReader>(dialect, r.n);
  return out;
}

}  // namespace infer::cloud
