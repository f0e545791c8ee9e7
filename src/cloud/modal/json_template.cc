#include "src/cloud/modal/json_template.h"

#include <algorithm>

#include "src/cloud/object_writer.h"
#include "src/cloud/raw_json.h"
#include "src/core/json.h"

namespace infer::cloud {
namespace {

constexpr std::string_view kOpen = "{{", kClose = "}}";

Error wrong_template(const std::string& what) { return Error(Errc::kInvalidRequest, what); }

std::string_view without_spaces(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

std::string list_of(std::span<const std::string_view> known) {
  std::string list;
  for (const std::string_view name : known) list.append(list.empty() ? "" : ", ").append(name);
  return list;
}

}  // namespace

void TemplateValues::text(std::string_view name, std::string_view value) {
  values_[std::string(name)] = {json_string(value), std::string(value)};
}
void TemplateValues::json(std::string_view name, std::string value) {
  values_[std::string(name)] = {value, value};
}

Result<JsonTemplate> JsonTemplate::parse(const std::string& text,
                                         std::span<const std::string_view> known) {
  if (text.empty()) return wrong_template("is empty; it is the JSON that the function takes");
  if (auto json = core::parse_json(text, core::kMaxInnerJsonDepth); !json)
    return wrong_template("is no JSON: " + json.error().message());
  JsonTemplate made;
  auto root = made.node(text, known);
  if (!root) return root.error();
  made.root_ = std::move(*root);
  return made;
}

Result<JsonTemplate::Node> JsonTemplate::node(std::string_view json,
                                              std::span<const std::string_view> known) {
  const std::size_t at = json.find_first_not_of(" \t\r\n");
  const char first = at == json.npos ? ' ' : json[at];
  if (first == '"') {
    const auto text = core::parse_json(json);
    if (!text) return text.error();
    return string_node(text->get<std::string>(), known);
  }
  Node made;
  if (first == '{') {
    made.kind = Node::Kind::kObject;
    for (const RawMember& member : raw_members(json)) {
      if (member.key.find(kOpen) != member.key.npos)
        return wrong_template("has a name in the key " + json_string(member.key) +
                              "; values can stand for values only");
      auto child = node(member.value, known);
      if (!child) return child;
      child->key = json_string(member.key);
      made.children.push_back(std::move(*child));
    }
  } else if (first == '[') {
    made.kind = Node::Kind::kArray;
    for (const std::string_view element : raw_elements(json)) {
      auto child = node(element, known);
      if (!child) return child;
      made.children.push_back(std::move(*child));
    }
  } else {
    made.text = json.substr(at, json.find_last_not_of(" \t\r\n") + 1 - at);
  }
  return made;
}

Result<JsonTemplate::Node> JsonTemplate::string_node(const std::string& text,
                                                     std::span<const std::string_view> known) {
  Node made;
  made.kind = Node::Kind::kString;
  std::string_view rest = text;
  for (std::size_t open = rest.find(kOpen); open != rest.npos; open = rest.find(kOpen)) {
    if (open != 0) made.pieces.push_back({false, std::string(rest.substr(0, open))});
    rest.remove_prefix(open + kOpen.size());
    const std::size_t close = rest.find(kClose);
    if (close == rest.npos)
      return wrong_template("has a '{{' without its '}}' in the string " + json_string(text));
    const std::string name(without_spaces(rest.substr(0, close)));
    if (std::find(known.begin(), known.end(), name) == known.end())
      return wrong_template("names {{" + name + "}}, which is no value of a request; there are " +
                            list_of(known));
    names_.insert(name);
    made.pieces.push_back({true, name});
    rest.remove_prefix(close + kClose.size());
  }
  if (!rest.empty()) made.pieces.push_back({false, std::string(rest)});
  if (made.pieces.size() == 1 && made.pieces.front().is_name) {
    made.kind = Node::Kind::kValue;
    made.text = made.pieces.front().text;
  }
  return made;
}

std::optional<std::string> JsonTemplate::fill(const TemplateValues& values) const {
  std::string out;
  if (!write(root_, values, out)) return std::nullopt;
  return out;
}

// False: there is nothing to be written.
bool JsonTemplate::write(const Node& node, const TemplateValues& values, std::string& out) {
  switch (node.kind) {
    case Node::Kind::kRaw: out += node.text; return true;
    case Node::Kind::kObject:
    case Node::Kind::kArray: write_children(node, values, out); return true;
    case Node::Kind::kValue: {
      const auto found = values.values_.find(node.text);
      if (found == values.values_.end()) return false;
      out += found->second.json;
      return true;
    }
    case Node::Kind::kString: break;
  }
  std::string text;
  for (const Piece& piece : node.pieces) {
    if (!piece.is_name) text += piece.text;
    const auto found = piece.is_name ? values.values_.find(piece.text) : values.values_.end();
    if (found != values.values_.end()) text += found->second.text;
  }
  append_json_string(out, text);
  return true;
}

void JsonTemplate::write_children(const Node& node, const TemplateValues& values,
                                  std::string& out) {
  const bool object = node.kind == Node::Kind::kObject;
  out += object ? '{' : '[';
  bool any = false;
  for (const Node& child : node.children) {
    const std::size_t before = out.size();
    if (any) out += ',';
    if (object) out.append(child.key) += ':';
    if (write(child, values, out))
      any = true;
    else
      out.resize(before);
  }
  out += object ? '}' : ']';
}

}  // namespace infer::cloud
