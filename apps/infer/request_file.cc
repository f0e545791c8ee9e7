#include "apps/infer/request_file.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include "src/core/json.h"
#include "src/core/request_json.h"
#include "src/core/utf8.h"

namespace infer::cli {
namespace {

// Keeps the order of keys: that of a schema's properties steers what a model writes.
using Json = nlohmann::ordered_json;

constexpr std::size_t kMaxFile = 64u << 20;

Error wrong(const std::string& what) { return Error(Errc::kInvalidRequest, what); }
Error wrong(const std::string& where, const std::string& what) {
  return wrong(where + ": " + what).with_detail("field", where);
}

// The same error, with what it is about before it.
Error in_file(const Error& error, const std::string& option, const std::string& path) {
  Error named(error.code(), option + ": " + path + ": " + error.message());
  for (const auto& [key, value] : error.details()) named = std::move(named).with_detail(key, value);
  return named;
}

std::string line_and_column(std::string_view text, std::size_t offset) {
  std::size_t line = 1, column = 1;
  for (std::size_t i = 0; i < offset && i < text.size(); ++i) {
    if (text[i] == '\n') {
      ++line;
      column = 1;
    } else if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) {
      ++column;
    }
  }
  return "line " + std::to_string(line) + ", column " + std::to_string(column);
}

std::optional<Error> check_json(std::string_view text) {
  auto parsed = core::parse_json(text, core::kMaxInnerJsonDepth);
  if (parsed) return std::nullopt;
  const std::string offset(parsed.error().detail("offset"));
  const std::size_t at = offset.empty() ? 0 : static_cast<std::size_t>(std::stoull(offset));
  return wrong(parsed.error().message() + " (" + line_and_column(text, at) + ")")
      .with_detail("offset", offset);
}

Result<Json> parse(std::string_view text) {
  if (auto error = check_json(text)) return *error;
  return Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
}

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

const Json* member(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

// Reads members; keeps the first that does not fit.
class Reader {
 public:
  std::optional<Error> error;

  void fail(const std::string& where, const std::string& what) {
    if (!error) error = wrong(where, what);
  }
  std::string text(const Json& object, const std::string& where, const char* key,
                   bool needed = false) {
    const Json* value = member(object, key);
    if (!value) {
      if (needed) fail(where + "." + key, "is missing; it must be a string");
      return {};
    }
    if (!value->is_string()) {
      fail(where + "." + key, "must be a string, not " + std::string(value->type_name()));
      return {};
    }
    return value->get<std::string>();
  }
  // An object, or the text of one.
  std::string json(const Json& object, const std::string& where, const char* key) {
    const Json* value = member(object, key);
    if (!value) return {};
    if (value->is_object()) return dump(*value);
    if (value->is_string()) return value->get<std::string>();
    fail(where + "." + key, "must be an object");
    return {};
  }

  Tool tool(const Json& j, const std::string& where);
  Message message(const Json& j, const std::string& where);

 private:
  Role role(const Json& j, const std::string& where);
  void content(const Json& j, const std::string& where, std::vector<Part>& parts);
  void content_part(const Json& j, const std::string& where, std::vector<Part>& parts);
  void tool_calls(const Json& j, const std::string& where, std::vector<Part>& parts);
  void tool_message(const Json& j, const std::string& where, Message& message);
  Message own_message(const Json& j, const std::string& where);

  std::vector<std::pair<std::string, std::string>> called_;  // id, name: what results belong to
};

Tool Reader::tool(const Json& j, const std::string& where) {
  Tool tool;
  if (!j.is_object()) return fail(where, "must be an object"), tool;
  const Json* function = member(j, "function");
  if (function && !function->is_object())
    return fail(where + ".function", "must be an object"), tool;
  const Json& f = function ? *function : j;
  const std::string place = function ? where + ".function" : where;
  if (member(j, "provider_json")) {
    tool.provider_json = json(j, where, "provider_json");
    tool.name = text(j, where, "name");
    return tool;
  }
  if (const std::string type = text(j, where, "type"); !type.empty() && type != "function")
    return fail(where + ".type", "'" + type + "' is not known here; only functions are"), tool;
  tool.name = text(f, place, "name", true);
  tool.description = text(f, place, "description");
  for (const char* key : {"schema", "parameters", "input_schema"})
    if (tool.schema.empty()) tool.schema = json(f, place, key);
  if (const Json* strict = member(f, "strict")) {
    if (!strict->is_boolean())
      fail(place + ".strict", "must be true or false");
    else
      tool.strict = strict->get<bool>();
  }
  return tool;
}

Role Reader::role(const Json& j, const std::string& where) {
  const std::string name = text(j, where, "role", true);
  for (const Role role :
       {Role::kSystem, Role::kDeveloper, Role::kUser, Role::kAssistant, Role::kTool})
    if (to_string(role) == name) return role;
  fail(where + ".role", "'" + name + "' is none of system, developer, user, assistant, tool");
  return Role::kUser;
}

void Reader::content_part(const Json& j, const std::string& where, std::vector<Part>& parts) {
  if (!j.is_object()) return fail(where, "must be an object with a type");
  const std::string type = text(j, where, "type", true);
  if (type == "text" || type == "input_text" || type == "output_text") {
    parts.push_back({.value = Text{text(j, where, "text", true)}});
  } else if (type == "refusal") {
    parts.push_back({.value = Refusal{text(j, where, "refusal", true)}});
  } else if (type == "image_url") {
    const Json* image = member(j, "image_url");
    if (!image || !image->is_object()) return fail(where + ".image_url", "must be an object");
    Media media;
    media.source = Url{text(*image, where + ".image_url", "url", true)};
    media.detail = text(*image, where + ".image_url", "detail");
    parts.push_back({.value = std::move(media)});
  } else if (!error) {
    fail(where + ".type", "'" + type + "' is none of text, image_url, refusal");
  }
}

void Reader::content(const Json& j, const std::string& where, std::vector<Part>& parts) {
  const Json* content = member(j, "content");
  if (!content) return;
  const std::string place = where + ".content";
  if (content->is_string()) {
    if (const auto text = content->get<std::string>(); !text.empty() || !member(j, "tool_calls"))
      parts.push_back({.value = Text{text}});
  } else if (content->is_array()) {
    for (std::size_t i = 0; i < content->size(); ++i)
      content_part((*content)[i], place + "[" + std::to_string(i) + "]", parts);
  } else {
    fail(place, "must be a string or an array of parts");
  }
}

void Reader::tool_calls(const Json& j, const std::string& where, std::vector<Part>& parts) {
  const Json* calls = member(j, "tool_calls");
  if (!calls) return;
  if (!calls->is_array()) return fail(where + ".tool_calls", "must be an array");
  for (std::size_t i = 0; i < calls->size() && !error; ++i) {
    const std::string place = where + ".tool_calls[" + std::to_string(i) + "]";
    const Json& one = (*calls)[i];
    const Json* function = one.is_object() ? member(one, "function") : nullptr;
    if (!function || !function->is_object())
      return fail(place, "must be an object with a function");
    ToolCall call;
    call.id = text(one, place, "id");
    call.name = text(*function, place + ".function", "name", true);
    call.arguments = json(*function, place + ".function", "arguments");
    called_.emplace_back(call.id, call.name);
    parts.push_back({.value = std::move(call)});
  }
}

void Reader::tool_message(const Json& j, const std::string& where, Message& message) {
  ToolResult result;
  result.call_id = text(j, where, "tool_call_id");
  result.name = message.name;
  for (const auto& [id, name] : called_)
    if (id == result.call_id && result.name.empty()) result.name = name;
  result.content = std::move(message.parts);
  message.name.clear();
  message.parts.clear();
  message.parts.push_back({.value = std::move(result)});
}

// The library's own reader knows its shape; what it says is told of this message.
Message Reader::own_message(const Json& j, const std::string& where) {
  Json request;
  request["task"] = "text";
  request["messages"] = Json::array({j});
  auto read = core::from_json(dump(request), {});
  if (!read) return fail(where, read.error().message()), Message();
  Message message = std::move(std::get<TextRequest>(*read).messages.front());
  for (const Part& part : message.parts)
    if (const auto* call = part.get<ToolCall>()) called_.emplace_back(call->id, call->name);
  return message;
}

Message Reader::message(const Json& j, const std::string& where) {
  Message message;
  if (!j.is_object()) return fail(where, "must be an object with a role"), message;
  message.role = role(j, where);
  if (error) return message;
  if (member(j, "parts")) return own_message(j, where);
  if (!member(j, "content") && !member(j, "tool_calls"))
    return fail(where, "needs content (or parts, or tool_calls)"), message;
  message.name = text(j, where, "name");
  if (const std::string thought = text(j, where, "reasoning_content"); !thought.empty())
    message.parts.push_back({.value = Reasoning{.text = thought}});
  content(j, where, message.parts);
  if (const std::string refusal = text(j, where, "refusal"); !refusal.empty())
    message.parts.push_back({.value = Refusal{refusal}});
  tool_calls(j, where, message.parts);
  if (message.role == Role::kTool) tool_message(j, where, message);
  return message;
}

// The array itself, or the one member of an object that it may be wrapped in.
Result<Json> list_of(std::string_view text, const char* name) {
  auto json = parse(text);
  if (!json) return json;
  if (json->is_object()) {
    for (const auto& [key, value] : json->items())
      if (key != name)
        return wrong(key, "is not read from this file; it must hold an array of " +
                              std::string(name) + ", nothing else");
    if (const Json* inner = member(*json, name)) {
      Json list = *inner;
      *json = std::move(list);
    }
  }
  if (!json->is_array()) return wrong(std::string("must hold a JSON array of ") + name);
  return json;
}

struct Close {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

}  // namespace

Result<std::string> read_text_file(const std::string& option, const std::string& path) {
  const auto failed = [&](Errc code, const std::string& what) {
    return in_file(Error(code, what), option, path);
  };
  const std::unique_ptr<std::FILE, Close> file(std::fopen(path.c_str(), "rb"));
  if (!file)
    return failed(errno == ENOENT ? Errc::kNotFound : Errc::kIo,
                  errno == ENOENT ? "there is no such file"
                                  : std::string("cannot be read: ") + std::strerror(errno));
  std::string text;
  char chunk[16384];
  for (std::size_t n; (n = std::fread(chunk, 1, sizeof chunk, file.get())) > 0;) {
    text.append(chunk, n);
    if (text.size() > kMaxFile) return failed(Errc::kTooLarge, "is longer than 64 MiB");
  }
  if (std::ferror(file.get()))
    return failed(Errc::kIo, std::string("cannot be read: ") + std::strerror(errno));
  if (const std::size_t bad = core::utf8_error(text); bad != core::kValidUtf8)
    return failed(Errc::kInvalidRequest, "not valid UTF-8 at byte " + std::to_string(bad) + " (" +
                                             line_and_column(text, bad) + ")");
  return text;
}

std::optional<Error> check_object(const std::string& option, const std::string& text) {
  const auto json = parse(text);
  if (json && json->is_object()) return std::nullopt;
  const std::string what = json ? "must be a JSON object" : json.error().message();
  return Error(Errc::kInvalidRequest, option + ": " + what + "; it takes JSON, not a file's name")
      .with_detail("field", option.substr(2));
}

Result<std::string> read_json_file(const std::string& option, const std::string& path) {
  auto text = read_text_file(option, path);
  if (!text) return text;
  if (auto error = check_json(*text)) return in_file(*error, option, path);
  return text;
}

Result<std::vector<Tool>> read_tools_file(const std::string& path) {
  auto text = read_text_file("--tools", path);
  if (!text) return text.error();
  auto tools = tools_of(*text);
  if (!tools) return in_file(tools.error(), "--tools", path);
  return tools;
}

Result<std::vector<Message>> read_messages_file(const std::string& option,
                                                const std::string& path) {
  auto text = read_text_file(option, path);
  if (!text) return text.error();
  auto messages = messages_of(*text);
  if (!messages) return in_file(messages.error(), option, path);
  return messages;
}

Result<std::vector<Tool>> tools_of(std::string_view text) {
  auto list = list_of(text, "tools");
  if (!list) return list.error();
  Reader reader;
  std::vector<Tool> tools;
  for (std::size_t i = 0; i < list->size() && !reader.error; ++i)
    tools.push_back(reader.tool((*list)[i], "[" + std::to_string(i) + "]"));
  if (reader.error) return *reader.error;
  if (tools.empty()) return wrong("holds no tools");
  return tools;
}

Result<std::vector<Message>> messages_of(std::string_view text) {
  auto list = list_of(text, "messages");
  if (!list) return list.error();
  Reader reader;
  std::vector<Message> messages;
  for (std::size_t i = 0; i < list->size() && !reader.error; ++i)
    messages.push_back(reader.message((*list)[i], "[" + std::to_string(i) + "]"));
  if (reader.error) return *reader.error;
  return messages;
}

Result<std::string> messages_json(const std::vector<Message>& messages) {
  const core::RequestJson request = core::to_json(Request(TextRequest{.messages = messages}));
  if (!request.blobs.empty())
    return Error(Errc::kUnsupported, "a conversation with pictures cannot be saved as JSON");
  const auto json = core::parse_json(request.text);
  if (!json) return json.error();
  return json->at("messages").dump(2, ' ', false, core::Json::error_handler_t::replace) + "\n";
}

}  // namespace infer::cli
