#include <algorithm>
#include <utility>

#include "infer/plugin.h"
#include "parse.h"
#include "refusal.h"

namespace infer::llama {

Warning unsupported_setting(const std::string& setting, const std::string& message) {
  return Warning{"unsupported_setting", setting + ": " + message,
                 "{\"setting\":" + engine::json_quote(setting) + "}"};
}

namespace {

using OrderedJson = nlohmann::ordered_json;

Tree to_tree(const OrderedJson& value) {
  Tree tree;
  switch (value.type()) {
    case OrderedJson::value_t::boolean:
      tree.kind = Tree::Kind::kBool;
      tree.truth = value.get<bool>();
      break;
    case OrderedJson::value_t::number_integer:
    case OrderedJson::value_t::number_unsigned:
      tree.kind = Tree::Kind::kInt;
      tree.integer = value.get<int64_t>();
      // Above what an int64_t holds.
      if (value.is_number_unsigned() && tree.integer < 0) {
        tree.kind = Tree::Kind::kFloat;
        tree.number = value.get<double>();
      }
      break;
    case OrderedJson::value_t::number_float:
      tree.kind = Tree::Kind::kFloat;
      tree.number = value.get<double>();
      break;
    case OrderedJson::value_t::string:
      tree.kind = Tree::Kind::kString;
      tree.text = value.get<std::string>();
      break;
    case OrderedJson::value_t::array:
      tree.kind = Tree::Kind::kArray;
      for (const OrderedJson& item : value) tree.items.push_back(to_tree(item));
      break;
    case OrderedJson::value_t::object:
      tree.kind = Tree::Kind::kObject;
      for (const auto& item : value.items()) {
        tree.keys.push_back(item.key());
        tree.items.push_back(to_tree(item.value()));
      }
      break;
    default: break;
  }
  return tree;
}

}  // namespace

Tree parse_tree(std::string_view text, const char* what) {
  parse_object(text, what);  // checks the depth, and that it is an object
  return to_tree(OrderedJson::parse(text.begin(), text.end()));
}

namespace {

void append_text(std::string& text, const std::string& more) {
  if (!text.empty() && !more.empty()) text += '\n';
  text += more;
}

ToolCall parse_tool_call(const Json& part, const std::string& where) {
  ToolCall call;
  call.id = member(part, "call_id", where);
  call.name = member(part, "name", where);
  call.arguments = member(part, "arguments", where);
  if (call.name.empty()) invalid(where + ".name", "must be given");
  try {
    call.tree = parse_tree(call.arguments, "arguments");
  } catch (const Refusal&) {
    call.tree.reset();  // a custom tool's free text
  }
  return call;
}

std::string result_text(const Json& part, const std::string& where) {
  std::string text;
  const auto content = part.find("content");
  if (content == part.end()) return text;
  if (!content->is_array()) invalid(where + ".content", "must be an array");
  for (std::size_t i = 0; i < content->size(); ++i) {
    const Json& piece = (*content)[i];
    const std::string at = where + ".content[" + std::to_string(i) + "]";
    if (!piece.is_object()) invalid(at, "must be an object");
    if (member(piece, "type", at) != "text")
      unsupported(at, "only text is understood in a tool's result");
    append_text(text, member(piece, "text", at));
  }
  return text;
}

// Collects the parts of one message; a tool's result in between ends a message and begins another.
class MessageReader {
 public:
  MessageReader(std::vector<ChatMessage>& out, std::vector<Warning>& warnings, std::string role,
                std::string name)
      : out_(out), warnings_(warnings), role_(std::move(role)), name_(std::move(name)) {
    begin();
  }

  void add(const Json& part, const std::string& where) {
    const std::string type = member(part, "type", where);
    if (type == "text" || type == "refusal") {
      append_text(message_.text, member(part, "text", where));
      used_ = true;
    } else if (type == "reasoning") {
      append_text(message_.reasoning, member(part, "text", where));
      used_ = true;
    } else if (type == "tool_call") {
      message_.tool_calls.push_back(parse_tool_call(part, where));
      used_ = true;
    } else if (type == "tool_result") {
      finish();
      message_.role = "tool";
      message_.name = member(part, "name", where);
      message_.tool_call_id = member(part, "call_id", where);
      message_.text = result_text(part, where);
      used_ = true;
      finish();
      sent_ = true;
    } else if (type == "media") {
      unsupported(
          where,
          "this model is loaded without eyes and ears: media is not supported in this version");
    } else if (type == "opaque") {
      warnings_.push_back(Warning{"part_dropped",
                                  where + ": an item of another provider was left out",
                                  "{\"part\":" + engine::json_quote(where) + "}"});
    } else {
      invalid(where + ".type", "is unknown");
    }
  }

  // A message without any part is still a message, with an empty text.
  void close() {
    if (used_ || !sent_) {
      used_ = true;
      finish();
    }
  }

 private:
  void begin() {
    message_ = ChatMessage{};
    message_.role = role_;
    message_.name = name_;
    used_ = false;
  }
  void finish() {
    if (used_) out_.push_back(std::move(message_));
    begin();
  }

  std::vector<ChatMessage>& out_;
  std::vector<Warning>& warnings_;
  const std::string role_, name_;
  ChatMessage message_;
  bool used_ = false, sent_ = false;
};

void parse_message(const Json& message, const std::string& where, std::vector<ChatMessage>& out,
                   std::vector<Warning>& warnings) {
  static const char* const kRoles[] = {"system", "developer", "user", "assistant", "tool"};
  if (!message.is_object()) invalid(where, "must be an object");
  const std::string role = member(message, "role", where);
  if (std::find(std::begin(kRoles), std::end(kRoles), role) == std::end(kRoles)) {
    invalid(where + ".role", "must be system, developer, user, assistant or tool");
  }
  const auto parts = message.find("parts");
  if (parts == message.end() || !parts->is_array()) invalid(where + ".parts", "must be an array");
  MessageReader reader(out, warnings, role, member(message, "name", where));
  for (std::size_t i = 0; i < parts->size(); ++i) {
    const std::string at = where + ".parts[" + std::to_string(i) + "]";
    if (!(*parts)[i].is_object()) invalid(at, "must be an object");
    reader.add((*parts)[i], at);
  }
  reader.close();
}

}  // namespace

std::vector<ChatMessage> parse_messages(const Json& value, std::vector<Warning>& warnings) {
  std::vector<ChatMessage> out;
  if (!value.is_array() || value.empty())
    invalid("messages", "must be an array of at least one message");
  for (std::size_t i = 0; i < value.size(); ++i) {
    parse_message(value[i], "messages[" + std::to_string(i) + "]", out, warnings);
  }
  return out;
}

}  // namespace infer::llama
