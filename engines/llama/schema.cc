#include "schema.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "gbnf.h"
#include "gbnf_writer.h"
#include "infer/plugin.h"
#include "pattern.h"
#include "refusal.h"

namespace infer::llama {
namespace {

using J = nlohmann::ordered_json;

constexpr char kField[] = "output.schema";
constexpr std::size_t kMostText = std::size_t{256} << 10;
constexpr int kDeepestSchema = 64;
constexpr std::size_t kMostRules = 20000, kMostProperties = 2048;
constexpr int64_t kMostItems = 10000;
// Bounds of numbers beyond this are taken as this: 17 digits.
constexpr int64_t kLargest = 99999999999999999;
constexpr int64_t kUsualLargest = 9999999999999999;  // 16 digits

[[noreturn]] void fail(const std::string& path, const std::string& what) {
  throw field_refusal(INFER_E_INVALID_REQUEST, kField, "at " + path + ": " + what);
}

// What type of value a keyword speaks of; "" for those that speak of all, or that are not known.
const char* kind_of_keyword(const std::string& key) {
  static const std::pair<const char*, const char*> kKinds[] = {{"properties", "object"},
                                                               {"required", "object"},
                                                               {"additionalProperties", "object"},
                                                               {"patternProperties", "object"},
                                                               {"propertyNames", "object"},
                                                               {"minProperties", "object"},
                                                               {"maxProperties", "object"},
                                                               {"dependentRequired", "object"},
                                                               {"dependentSchemas", "object"},
                                                               {"unevaluatedProperties", "object"},
                                                               {"items", "array"},
                                                               {"prefixItems", "array"},
                                                               {"additionalItems", "array"},
                                                               {"minItems", "array"},
                                                               {"maxItems", "array"},
                                                               {"uniqueItems", "array"},
                                                               {"contains", "array"},
                                                               {"minContains", "array"},
                                                               {"maxContains", "array"},
                                                               {"unevaluatedItems", "array"},
                                                               {"minLength", "string"},
                                                               {"maxLength", "string"},
                                                               {"pattern", "string"},
                                                               {"format", "string"},
                                                               {"minimum", "number"},
                                                               {"maximum", "number"},
                                                               {"exclusiveMinimum", "number"},
                                                               {"exclusiveMaximum", "number"},
                                                               {"multipleOf", "number"}};
  for (const auto& kind : kKinds) {
    if (key == kind.first) return kind.second;
  }
  return "";
}

bool is_annotation(const std::string& key) {
  static const char* const kKeys[] = {
      "title",    "description", "default",     "example",    "examples", "$schema",  "$id",
      "$comment", "$defs",       "definitions", "deprecated", "readOnly", "writeOnly"};
  return key.rfind("x-", 0) == 0 ||
         std::find(std::begin(kKeys), std::end(kKeys), key) != std::end(kKeys);
}

bool has_type(const J& value, const std::string& type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_boolean();
  if (type == "null") return value.is_null();
  if (type == "number") return value.is_number();
  if (type != "integer" || !value.is_number()) return false;
  return value.is_number_integer() || value.get<double>() == std::floor(value.get<double>());
}

// A schema object while it is read: which of its keywords nobody has seen to yet.
struct Node {
  const J& json;
  std::string path;
  std::set<std::string> left{};

  Node(const J& object, std::string where) : json(object), path(std::move(where)) {
    for (const auto& item : json.items()) {
      if (!is_annotation(item.key())) left.insert(item.key());
    }
  }
  const J* take(const char* key) {
    left.erase(key);
    const auto found = json.find(key);
    return found == json.end() ? nullptr : &*found;
  }
  bool has(const char* key) const { return json.contains(key); }
};

struct Bound {
  int64_t value;
  bool exclusive = false;
};

class SchemaWriter {
 public:
  SchemaWriter(const J& root, bool strict, std::vector<Warning>& warnings)
      : root_(root), strict_(strict), warnings_(warnings) {}

  std::string grammar() {
    const std::string root = visit(root_, "#", 0);
    while (!pending_.empty()) {
      const Pending next = pending_.front();
      pending_.pop_front();
      writer_.define(next.rule, visit(*next.schema, next.pointer, 0));
    }
    return writer_.text(root);
  }

 private:
  struct Pending {
    std::string rule, pointer;
    const J* schema;
  };

  void unsupported(const std::string& path, const std::string& key, const std::string& why) {
    const std::string what = "at " + path + ": the keyword \"" + key + "\" " + why;
    if (strict_) {
      throw field_refusal(INFER_E_UNSUPPORTED, kField,
                          what + "; leave it out, or set strict to false");
    }
    warnings_.push_back(unsupported_setting(kField, what + "; the answer may not satisfy it"));
  }

  // Whatever is left is a keyword that says nothing of these types, or one that nobody sees to.
  void finish(const Node& node, const std::vector<std::string>& types) {
    for (const std::string& key : node.left) {
      const std::string kind = kind_of_keyword(key);
      const bool matters = kind.empty() || types.empty() ||
                           std::any_of(types.begin(), types.end(), [&](const std::string& type) {
                             return type == kind || (kind == "number" && type == "integer");
                           });
      if (matters) unsupported(node.path, key, "cannot be held to the letter");
    }
  }

  // A fragment that stands for one value.
  std::string visit(const J& schema, const std::string& path, int depth) {
    if (depth > kDeepestSchema) fail(path, "is nested deeper than 64");
    if (writer_.size() > kMostRules) fail(path, "the schema is too large");
    if (schema.is_boolean()) {
      if (!schema.get<bool>()) fail(path, "false allows no value");
      return writer_.json("value");
    }
    if (!schema.is_object()) fail(path, "a schema must be an object or a boolean");
    Node node(schema, path);
    if (node.has("$ref")) return reference(node);
    if (node.has("const") || node.has("enum")) return values(node);
    if (node.has("allOf")) return all_of(node, depth);
    if (node.has("anyOf")) return alternatives(node, "anyOf", depth);
    if (node.has("oneOf")) return alternatives(node, "oneOf", depth);
    return typed(node, depth);
  }

  // ---- references

  const J& resolve(const J& pointer, const std::string& path) const {
    if (!pointer.is_string()) fail(path, "$ref must be a string");
    const std::string& text = pointer.get_ref<const std::string&>();
    if (text.empty() || text[0] != '#') {
      throw field_refusal(
          INFER_E_UNSUPPORTED, kField,
          "at " + path + ": $ref " + text + " leads out of the schema; only #/... is supported");
    }
    if (text.size() > 1 && text[1] != '/') fail(path, "$ref " + text + " is no JSON pointer");
    const J* at = &root_;
    for (std::size_t begin = 2; begin <= text.size() && text.size() > 1;) {
      const std::size_t end = std::min(text.find('/', begin), text.size());
      const std::string step = unescaped(text.substr(begin, end - begin));
      begin = end + 1;
      if (at->is_object() && at->contains(step)) {
        at = &(*at)[step];
      } else if (at->is_array() && !step.empty() && step.size() < 7 &&
                 step.find_first_not_of("0123456789") == std::string::npos &&
                 std::stoul(step) < at->size()) {
        at = &(*at)[std::stoul(step)];
      } else {
        fail(path, "$ref " + text + " leads nowhere");
      }
    }
    return *at;
  }

  static std::string unescaped(const std::string& step) {
    std::string out;
    for (std::size_t i = 0; i < step.size(); ++i) {
      const auto hex = [](char c) { return std::string("0123456789abcdef").find(c | 0x20); };
      if (step[i] == '~' && i + 1 < step.size()) {
        out += step[++i] == '1' ? '/' : '~';
      } else if (step[i] == '%' && i + 2 < step.size() && hex(step[i + 1]) < 16 &&
                 hex(step[i + 2]) < 16) {
        out += static_cast<char>(hex(step[i + 1]) * 16 + hex(step[i + 2]));
        i += 2;
      } else {
        out += step[i];
      }
    }
    return out;
  }

  std::string reference(Node& node) {
    const J& pointer = *node.take("$ref");
    const J& target = resolve(pointer, node.path);
    finish(node, {});
    const std::string& text = pointer.get_ref<const std::string&>();
    const auto known = references_.find(&target);
    if (known != references_.end()) return known->second;
    const std::string rule = writer_.declare();
    references_.emplace(&target, rule);
    pending_.push_back({rule, text, &target});
    return rule;
  }

  // ---- const and enum

  std::string values(Node& node) {
    const J* fixed = node.take("const");
    const J* listed = node.take("enum");
    if (listed != nullptr && (!listed->is_array() || listed->empty()))
      fail(node.path, "enum must be an array of at least one value");
    const std::vector<std::string> types = types_of(node, false);
    std::vector<std::string> out;
    const auto offer = [&](const J& value) {
      const bool fits =
          types.empty() || std::any_of(types.begin(), types.end(),
                                       [&](const auto& t) { return has_type(value, t); });
      if (fits) out.push_back(gbnf_literal(value.dump()));
    };
    if (fixed != nullptr) {
      if (listed == nullptr || std::find(listed->begin(), listed->end(), *fixed) != listed->end())
        offer(*fixed);
    } else {
      for (const J& value : *listed) offer(value);
    }
    finish(node, types);
    if (out.empty()) fail(node.path, "no value of enum or const has the type");
    return writer_.rule(any_of(out));
  }

  // ---- combinations

  std::string alternatives(Node& node, const char* key, int depth) {
    const J& list = *node.take(key);
    if (!list.is_array() || list.empty())
      fail(node.path, std::string(key) + " must be an array of at least one schema");
    const J* type = node.take("type");
    finish(node, {});
    if (std::string(key) == "oneOf" && !exclusive(list, node.path))
      unsupported(node.path, key, "has alternatives that may both fit; use anyOf");
    std::vector<std::string> out;
    for (std::size_t i = 0; i < list.size(); ++i) {
      const std::string path = node.path + "/" + key + "/" + std::to_string(i);
      J alternative = list[i];
      if (type != nullptr && alternative.is_object()) {
        if (alternative.contains("$ref")) {
          unsupported(node.path, "type",
                      std::string("beside ") + key + " cannot be held to the letter");
        } else if (!alternative.contains("type")) {
          alternative["type"] = *type;
        } else if (alternative["type"] != *type) {
          unsupported(node.path, "type",
                      std::string("beside ") + key + " cannot be held to the letter");
        }
      }
      out.push_back(visit(keep(std::move(alternative)), path, depth + 1));
    }
    return writer_.rule(any_of(out));
  }

  // Schemas that are made here must live as long as pending references into them.
  const J& keep(J schema) {
    made_.push_back(std::move(schema));
    return made_.back();
  }

  // The values that a schema lists, and whether it lists them.
  std::optional<std::vector<J>> finite(const J& schema) const {
    if (!schema.is_object()) return std::nullopt;
    if (schema.contains("const")) return std::vector<J>{schema["const"]};
    if (schema.contains("enum") && schema["enum"].is_array())
      return std::vector<J>(schema["enum"].begin(), schema["enum"].end());
    return std::nullopt;
  }
  const J& followed(const J& schema, const std::string& path) const {
    const J* at = &schema;
    for (int i = 0; i < kDeepestSchema && at->is_object() && at->contains("$ref"); ++i)
      at = &resolve((*at)["$ref"], path);
    return *at;
  }

  bool exclude(const J& a, const J& b, const std::string& path) const {
    const auto a_values = finite(a), b_values = finite(b);
    if (a_values && b_values) {
      return std::none_of(a_values->begin(), a_values->end(), [&](const J& value) {
        return std::find(b_values->begin(), b_values->end(), value) != b_values->end();
      });
    }
    const auto types = [](const J& s) {
      std::set<std::string> out;
      if (!s.is_object() || !s.contains("type")) return out;
      const J& type = s["type"];
      for (const J& each : type.is_array() ? type : J::array({type})) {
        if (each.is_string()) out.insert(each == "integer" ? "number" : each.get<std::string>());
      }
      return out;
    };
    const std::set<std::string> a_types = types(a), b_types = types(b);
    const bool apart = !a_types.empty() && !b_types.empty() &&
                       std::none_of(a_types.begin(), a_types.end(), [&](const std::string& type) {
                         return b_types.count(type) > 0;
                       });
    if (apart) return true;
    if (a_types != std::set<std::string>{"object"} || b_types != a_types) return false;
    return told_apart(a, b, path);
  }

  // Two objects are told apart by a property that both require and that has other values in each.
  bool told_apart(const J& a, const J& b, const std::string& path) const {
    for (const J* schema : {&a, &b}) {
      if (!schema->contains("properties") || !(*schema)["properties"].is_object() ||
          !schema->contains("required") || !(*schema)["required"].is_array())
        return false;
    }
    for (const J& name : a["required"]) {
      const bool both = name.is_string() && std::find(b["required"].begin(), b["required"].end(),
                                                      name) != b["required"].end();
      if (!both || !a["properties"].contains(name.get<std::string>()) ||
          !b["properties"].contains(name.get<std::string>()))
        continue;
      const auto ours = finite(followed(a["properties"][name.get<std::string>()], path));
      const auto theirs = finite(followed(b["properties"][name.get<std::string>()], path));
      if (ours && theirs && std::none_of(ours->begin(), ours->end(), [&](const J& value) {
            return std::find(theirs->begin(), theirs->end(), value) != theirs->end();
          }))
        return true;
    }
    return false;
  }

  bool exclusive(const J& list, const std::string& path) const {
    if (list.size() > 256) return false;
    for (std::size_t i = 0; i < list.size(); ++i) {
      for (std::size_t k = i + 1; k < list.size(); ++k) {
        if (!exclude(followed(list[i], path), followed(list[k], path), path)) return false;
      }
    }
    return true;
  }

  // Objects are merged: all their properties, all that they require.
  std::string all_of(Node& node, int depth) {
    const J& list = *node.take("allOf");
    if (!list.is_array() || list.empty())
      fail(node.path, "allOf must be an array of at least one schema");
    if (node.left.empty() && list.size() == 1)
      return visit(list[0], node.path + "/allOf/0", depth + 1);
    J merged = {{"type", "object"}, {"properties", J::object()}, {"required", J::array()}};
    J own = node.json;
    own.erase("allOf");
    std::vector<J> parts;
    if (!node.left.empty()) parts.push_back(own);
    for (const J& part : list) parts.push_back(followed(part, node.path));
    for (const J& part : parts) {
      if (!merge(part, merged)) {
        unsupported(node.path, "allOf", "is supported for objects that only list properties");
        return visit(parts.front(), node.path + "/allOf/0", depth + 1);
      }
    }
    return visit(keep(std::move(merged)), node.path, depth + 1);
  }

  static bool merge(const J& part, J& merged) {
    if (!part.is_object()) return false;
    for (const auto& item : part.items()) {
      const std::string& key = item.key();
      if (is_annotation(key) || (key == "type" && item.value() == "object")) continue;
      if (key == "additionalProperties" && item.value() == true) continue;
      if (key == "required" && item.value().is_array()) {
        for (const J& name : item.value()) merged["required"].push_back(name);
      } else if (key == "properties" && item.value().is_object()) {
        for (const auto& property : item.value().items()) {
          J& place = merged["properties"][property.key()];
          place = place.is_null() || place == property.value()
                      ? property.value()
                      : J{{"allOf", J::array({place, property.value()})}};
        }
      } else {
        return false;
      }
    }
    return part.contains("properties") || part.contains("required") || part.contains("type");
  }

  // ---- types

  // The types that the schema names, or else the one that its keywords speak of.
  std::vector<std::string> types_of(Node& node, bool infer) {
    std::vector<std::string> out;
    if (const J* type = node.take("type")) {
      static const char* const kTypes[] = {"object",  "array",   "string", "number",
                                           "integer", "boolean", "null"};
      for (const J& each : type->is_array() ? *type : J::array({*type})) {
        const bool known =
            each.is_string() && std::find(std::begin(kTypes), std::end(kTypes),
                                          each.get_ref<const std::string&>()) != std::end(kTypes);
        if (!known) {
          fail(node.path,
               "type must be object, array, string, number, integer, boolean or null, or several");
        }
        out.push_back(each.get<std::string>());
      }
      if (out.empty()) fail(node.path, "type names no type");
    } else if (infer) {
      for (const auto& item : node.json.items()) {
        const std::string kind = kind_of_keyword(item.key());
        if (!kind.empty()) return {kind};
      }
    }
    return out;
  }

  std::string typed(Node& node, int depth) {
    const std::vector<std::string> types = types_of(node, true);
    std::vector<std::string> out;
    for (const std::string& type : types) {
      if (type == "object") {
        out.push_back(object(node, depth));
      } else if (type == "array") {
        out.push_back(array(node, depth));
      } else if (type == "string") {
        out.push_back(string(node));
      } else if (type == "number" || type == "integer") {
        out.push_back(number(node, type == "integer"));
      } else if (type == "boolean") {
        out.push_back(R"(("true" | "false"))");
      } else {
        out.push_back(R"("null")");
      }
    }
    finish(node, types);
    if (types.empty()) return writer_.json("value");
    return out.size() == 1 ? out[0] : writer_.rule(any_of(out));
  }

  // A count of repetitions.
  std::optional<int64_t> count(Node& node, const char* key) {
    const J* value = node.take(key);
    if (value == nullptr) return std::nullopt;
    if (!has_type(*value, "integer") || value->get<double>() < 0)
      fail(node.path, std::string(key) + " must be a whole number of 0 or more");
    if (value->get<double>() > static_cast<double>(kMostItems)) {
      unsupported(node.path, key, "is above 10000");
      return std::nullopt;
    }
    return value->get<int64_t>();
  }

  // ---- objects

  struct Property {
    std::string name, pair;
    bool required;
  };

  std::string object(Node& node, int depth) {
    const J* properties = node.take("properties");
    const J* required = node.take("required");
    const J* additional = node.take("additionalProperties");
    if (properties != nullptr && !properties->is_object())
      fail(node.path, "properties must be an object");
    if (additional != nullptr && !additional->is_object() && !additional->is_boolean())
      fail(node.path, "additionalProperties must be a schema or a boolean");
    const std::vector<std::string> names = required_names(required, node.path);
    std::vector<Property> found;
    if (properties != nullptr) {
      for (const auto& item : properties->items()) {
        const std::string path = node.path + "/properties/" + item.key();
        const bool needed = std::find(names.begin(), names.end(), item.key()) != names.end();
        // A property that must not be there is left out.
        if (item.value() == false && !needed) continue;
        found.push_back(
            {item.key(), pair(item.key(), visit(item.value(), path, depth + 1)), needed});
      }
    }
    const bool closed = additional != nullptr && *additional == false;
    const bool open = additional != nullptr ? !closed : properties == nullptr;
    std::string extra;
    const auto extra_value = [&] {
      if (extra.empty()) {
        extra = additional != nullptr && additional->is_object()
                    ? visit(*additional, node.path + "/additionalProperties", depth + 1)
                    : writer_.json("value");
      }
      return extra;
    };
    for (const std::string& name : names) {
      const bool listed = std::any_of(found.begin(), found.end(),
                                      [&](const Property& p) { return p.name == name; });
      if (listed) continue;
      if (closed) fail(node.path, "requires \"" + name + "\" and does not allow it");
      found.push_back({name, pair(name, extra_value()), true});
    }
    if (found.size() > kMostProperties) fail(node.path, "has more than 2048 properties");
    if (found.empty() && open && (additional == nullptr || !additional->is_object()))
      return sized(node, writer_.json("object"), found, open);
    return sized(node, members(found, open ? extra_pair(found, properties, extra_value()) : ""),
                 found, open);
  }

  // minProperties and maxProperties hold by themselves, or not at all.
  std::string sized(Node& node, std::string out, const std::vector<Property>& found, bool open) {
    const auto needed =
        std::count_if(found.begin(), found.end(), [](const Property& p) { return p.required; });
    const auto least = count(node, "minProperties"), most = count(node, "maxProperties");
    if (least && *least > needed)
      unsupported(node.path, "minProperties", "is above the number of required properties");
    if (most && (open || *most < static_cast<int64_t>(found.size())))
      unsupported(node.path, "maxProperties", "is below the number of possible properties");
    return out;
  }

  static std::vector<std::string> required_names(const J* required, const std::string& path) {
    std::vector<std::string> out;
    if (required == nullptr) return out;
    if (!required->is_array()) fail(path, "required must be an array of names");
    for (const J& name : *required) {
      if (!name.is_string()) fail(path, "required must be an array of names");
      if (std::find(out.begin(), out.end(), name.get<std::string>()) == out.end())
        out.push_back(name.get<std::string>());
      if (out.size() > kMostProperties) fail(path, "requires more than 2048 properties");
    }
    return out;
  }

  std::string pair(const std::string& name, const std::string& value) {
    const std::string ws = writer_.json("ws");
    return writer_.rule(gbnf_literal(J(name).dump()) + " \":\" " + ws + " " + value + " " + ws);
  }

  // "{", the properties in order, "}". Two rules for each tail: whether something stands before it,
  // so that a comma is due.
  std::string members(const std::vector<Property>& properties, const std::string& extra) {
    const std::string ws = writer_.json("ws"), comma = "\",\" " + ws + " ";
    std::string more = extra.empty() ? "\"\"" : "(" + comma + extra + ")*";
    std::string first = extra.empty() ? "\"\"" : "(" + extra + " " + more + ")?";
    for (auto it = properties.rbegin(); it != properties.rend(); ++it) {
      const std::string rest = writer_.rule(more);
      const std::string head = it->pair + " " + rest;
      first = it->required ? head : head + " | " + writer_.rule(first);
      more = it->required ? comma + head : comma + head + " | " + rest;
    }
    return writer_.rule("\"{\" " + ws + " " + writer_.rule(first) + " \"}\"");
  }

  // A further property: its name is none of those that the schema speaks of.
  std::string extra_pair(const std::vector<Property>& found, const J* properties,
                         const std::string& value) {
    std::set<std::string> names;
    for (const Property& property : found) names.insert(property.name);
    if (properties != nullptr) {
      for (const auto& item : properties->items()) names.insert(item.key());
    }
    const std::string ws = writer_.json("ws");
    const std::string key =
        names.empty() ? writer_.json("string") : R"("\"" )" + other_name(names) + R"( "\"")";
    return writer_.rule(key + " \":\" " + ws + " " + value + " " + ws);
  }

  struct Trie {
    std::map<uint32_t, Trie> next;
    bool end = false;
  };

  // Names without escapes other than these. Names that need escapes are no matter then.
  std::string other_name(const std::set<std::string>& names) {
    Trie trie;
    for (const std::string& name : names) {
      Trie* at = &trie;
      bool plain = name.size() <= 256;
      if (!plain) fail("#", "a property has a name of more than 256 bytes");
      for (std::size_t i = 0; i < name.size() && plain;) {
        const auto byte = static_cast<unsigned char>(name[i++]);
        const int more = byte < 0x80 ? 0 : byte >= 0xF0 ? 3 : byte >= 0xE0 ? 2 : 1;
        uint32_t c = more == 0 ? byte : byte & (0x3Fu >> more);
        for (int k = 0; k < more && i < name.size(); ++k)
          c = (c << 6) | (static_cast<unsigned char>(name[i++]) & 0x3Fu);
        plain = c >= 0x20 && c != '"' && c != '\\';
        if (plain) at = &at->next[c];
      }
      if (plain) at->end = true;
    }
    return other_name(trie);
  }
  std::string other_name(const Trie& at) {
    std::vector<std::string> out;
    if (!at.end) out.push_back("\"\"");
    CharRanges taken = {{0, 0x1F}, {'"', '"'}, {'\\', '\\'}};
    for (const auto& next : at.next) {
      taken.emplace_back(next.first, next.first);
      out.push_back(char_set({{next.first, next.first}}) + " " + other_name(next.second));
    }
    out.push_back(char_set(taken, true) + " " + writer_.json("plain") + "*");
    return writer_.rule(any_of(out));
  }

  // ---- arrays

  std::string array(Node& node, int depth) {
    const J* items = node.take("items");
    const J* prefix = node.take("prefixItems");
    if (items != nullptr && items->is_array()) {  // drafts before 2020-12
      prefix = items;
      items = node.take("additionalItems");
    }
    const J* unique = node.take("uniqueItems");
    const int64_t least = count(node, "minItems").value_or(0);
    const std::optional<int64_t> most = count(node, "maxItems");
    if (unique != nullptr && *unique != false && !(most && *most <= 1))
      unsupported(node.path, "uniqueItems", "cannot be held to the letter");
    if (most && *most < least) fail(node.path, "maxItems is below minItems");
    if (prefix != nullptr && !prefix->is_array())
      fail(node.path, "prefixItems must be an array of schemas");
    std::vector<std::string> first;
    const std::size_t fixed = prefix == nullptr ? 0 : prefix->size();
    for (std::size_t i = 0; i < fixed && (!most || first.size() < static_cast<std::size_t>(*most));
         ++i)
      first.push_back(
          visit((*prefix)[i], node.path + "/prefixItems/" + std::to_string(i), depth + 1));
    return list(node, first, items, least, most, prefix != nullptr, depth);
  }

  std::string list(const Node& node, const std::vector<std::string>& first, const J* items,
                   int64_t least, std::optional<int64_t> most, bool tuple, int depth) {
    const auto fixed = static_cast<int64_t>(first.size());
    int64_t rest_least = std::max<int64_t>(0, least - fixed);
    std::optional<int64_t> rest_most;
    if (most) rest_most = *most - fixed;
    const bool none = items != nullptr && *items == false;
    if (none && rest_least > 0) fail(node.path, "minItems is above the number of items it allows");
    if (none || (items == nullptr && tuple)) rest_most = rest_least;
    const std::string ws = writer_.json("ws"), comma = "\",\" " + ws + " ";
    std::string out = "\"[\" " + ws;
    for (std::size_t i = 0; i < first.size(); ++i)
      out += (i == 0 ? " " : " " + comma) + first[i] + " " + ws;
    if (!rest_most || *rest_most > 0) {
      const std::string item = (items != nullptr ? visit(*items, node.path + "/items", depth + 1)
                                                 : writer_.json("value")) +
                               " " + ws;
      const std::string next = "(" + comma + item + ")";
      if (fixed > 0) {
        out += " " + next + times(rest_least, rest_most);
      } else {
        std::optional<int64_t> after;
        if (rest_most) after = *rest_most - 1;
        out += " (" + item + " " + next + times(std::max<int64_t>(0, rest_least - 1), after) + ")" +
               (rest_least == 0 ? "?" : "");
      }
    }
    return writer_.rule(out + " \"]\"");
  }

  static std::string times(int64_t least, std::optional<int64_t> most) {
    if (!most) return least == 0 ? "*" : "{" + std::to_string(least) + ",}";
    return "{" + std::to_string(least) + "," + std::to_string(*most) + "}";
  }

  // ---- strings

  std::string string(Node& node) {
    const J* pattern = node.take("pattern");
    const J* format = node.take("format");
    const bool sized = node.has("minLength") || node.has("maxLength");
    const int64_t least = count(node, "minLength").value_or(0);
    const std::optional<int64_t> most = count(node, "maxLength");
    if (most && *most < least) fail(node.path, "maxLength is below minLength");
    if (pattern != nullptr) {
      if (format != nullptr)
        unsupported(node.path, "format", "beside pattern cannot be held to the letter");
      if (sized)
        unsupported(node.path, node.has("maxLength") ? "maxLength" : "minLength",
                    "beside pattern cannot be held to the letter; write it into the pattern");
      if (auto out = pattern_rule(*pattern, node.path)) return *out;
    } else if (format != nullptr) {
      if (sized)
        unsupported(node.path, node.has("maxLength") ? "maxLength" : "minLength",
                    "beside format cannot be held to the letter");
      if (auto out = format_rule(*format, node.path)) return *out;
    }
    if (!sized) return writer_.json("string");
    return writer_.rule(R"("\"" )" + writer_.json("char") + times(least, most) + R"( "\"")");
  }

  std::optional<std::string> pattern_rule(const J& pattern, const std::string& path) {
    if (!pattern.is_string()) fail(path, "pattern must be a string");
    try {
      return writer_.rule(pattern_string(pattern.get_ref<const std::string&>(), writer_));
    } catch (const PatternError& e) {
      if (e.invalid) fail(path, std::string("pattern is no regular expression: ") + e.what());
      unsupported(path, "pattern", std::string("cannot be held to the letter: ") + e.what());
    }
    return std::nullopt;
  }

  std::optional<std::string> format_rule(const J& format, const std::string& path) {
    if (!format.is_string()) fail(path, "format must be a string");
    // Days that exist in every year.
    static const std::string kDate =
        R"([0-9]{4} "-" (("0" [13578] | "1" [02]) "-" ("0" [1-9] | [12] [0-9] | "3" [01]))"
        R"( | ("0" [469] | "11") "-" ("0" [1-9] | [12] [0-9] | "30"))"
        R"( | "02-" ("0" [1-9] | "1" [0-9] | "2" [0-8])))";
    static const std::string kTime =
        R"(([01] [0-9] | "2" [0-3]) ":" [0-5] [0-9] ":" [0-5] [0-9] ("." [0-9]{1,6})?)"
        R"( ("Z" | [+-] ([01] [0-9] | "2" [0-3]) ":" [0-5] [0-9]))";
    static const std::string kByte =
        R"(("25" [0-5] | "2" [0-4] [0-9] | "1" [0-9] [0-9] | [1-9] [0-9] | [0-9]))";
    const std::map<std::string, std::string> known = {
        {"date", kDate},
        {"time", kTime},
        {"date-time", kDate + " \"T\" " + kTime},
        {"uuid", R"([0-9a-f]{8} "-" [0-9a-f]{4} "-" [0-9a-f]{4} "-" [0-9a-f]{4} "-" [0-9a-f]{12})"},
        {"ipv4", kByte + " (\".\" " + kByte + "){3}"},
    };
    const auto found = known.find(format.get_ref<const std::string&>());
    if (found != known.end()) return writer_.rule(R"("\"" )" + found->second + R"( "\"")");
    unsupported(path, "format",
                "has the value " + format.dump() + "; known are date, time, date-time, uuid, ipv4");
    return std::nullopt;
  }

  // ---- numbers

  std::optional<Bound> bound(Node& node, const char* key, bool lower, bool integer) {
    const J* value = node.take(key);
    if (value == nullptr) return std::nullopt;
    if (!value->is_number()) fail(node.path, std::string(key) + " must be a number");
    const double number = value->get<double>();
    const double whole = lower ? std::ceil(number) : std::floor(number);
    const bool exclusive = std::string(key).rfind("exclusive", 0) == 0 && whole == number;
    if (whole != number && !integer) {
      unsupported(node.path, key, "is no whole number");
      return std::nullopt;
    }
    int64_t exact = 0;
    if (std::fabs(whole) >= static_cast<double>(kLargest)) {
      if ((whole > 0) == lower)
        fail(node.path, std::string(key) + " leaves no number of 17 digits");
      exact = whole > 0 ? kLargest : -kLargest;
      return Bound{exact, false};
    }
    exact = value->is_number_integer() ? value->get<int64_t>() : static_cast<int64_t>(whole);
    return Bound{exact, exclusive};
  }

  // The tighter of the two keywords.
  std::optional<Bound> tighter(std::optional<Bound> a, std::optional<Bound> b, bool lower) {
    if (!a || !b) return a ? a : b;
    if (a->value == b->value) return a->exclusive ? a : b;
    return (a->value > b->value) == lower ? a : b;
  }

  std::string number(Node& node, bool integer) {
    const auto low = tighter(bound(node, "minimum", true, integer),
                             bound(node, "exclusiveMinimum", true, integer), true);
    const auto high = tighter(bound(node, "maximum", false, integer),
                              bound(node, "exclusiveMaximum", false, integer), false);
    if (const J* step = node.take("multipleOf")) {
      if (!step->is_number() || step->get<double>() <= 0)
        fail(node.path, "multipleOf must be a number above 0");
      if (!integer || *step != 1)
        unsupported(node.path, "multipleOf", "cannot be held to the letter");
    }
    if (!low && !high) return writer_.json(integer ? "integer" : "number");
    Bound from = low.value_or(Bound{-kUsualLargest}), to = high.value_or(Bound{kUsualLargest});
    if (!low) from.value = std::min(from.value, to.value >= 0 ? from.value : -kLargest);
    if (!high) to.value = std::max(to.value, from.value <= 0 ? to.value : kLargest);
    if (integer) {
      from = {from.value + (from.exclusive ? 1 : 0)};
      to = {to.value - (to.exclusive ? 1 : 0)};
    }
    std::vector<std::string> out;
    // Below zero the same with a sign; zero itself has none.
    if (from.value < 0) {
      const Bound nearest = to.value < 0 ? Bound{-to.value, to.exclusive} : Bound{0, true};
      std::vector<std::string> mirrored;
      if (integer) {
        span_whole(nearest.value + (nearest.exclusive ? 1 : 0), -from.value, mirrored);
      } else {
        span(nearest, {-from.value, from.exclusive}, mirrored);
      }
      if (!mirrored.empty()) out.push_back("\"-\" " + any_of(mirrored));
    }
    if (to.value >= 0) {
      const Bound nearest = from.value >= 0 ? from : Bound{0};
      if (integer) {
        span_whole(nearest.value, to.value, out);
      } else {
        span(nearest, to, out);
      }
    }
    if (out.empty()) fail(node.path, "no number lies between the bounds");
    return writer_.rule(any_of(out));
  }

  static void span_whole(int64_t low, int64_t high, std::vector<std::string>& out) {
    if (low > high) return;
    for (std::string& each :
         digits_between(static_cast<uint64_t>(low), static_cast<uint64_t>(high)))
      out.push_back(std::move(each));
  }

  // Numbers from low to high, 0 or more, with a fraction as long as a double keeps apart from an
  // excluded bound.
  static void span(Bound low, Bound high, std::vector<std::string>& out) {
    if (low.value > high.value) return;
    const auto digits = [](int64_t value) {
      return std::max<int>(2, 15 - static_cast<int>(std::to_string(value).size()));
    };
    if (low.value < high.value) {
      if (low.exclusive) {
        out.push_back("\"" + std::to_string(low.value) + ".\" [0-9]{0," +
                      std::to_string(digits(low.value) - 1) + "} [1-9]");
        ++low.value;
      }
      std::vector<std::string> whole;
      span_whole(low.value, high.value - 1, whole);
      const int most = high.exclusive ? digits(high.value) : 15;
      if (!whole.empty())
        out.push_back(any_of(whole) + " (\".\" [0-9]{1," + std::to_string(most) + "})?");
    } else if (low.exclusive) {
      return;
    }
    if (!high.exclusive) out.push_back("\"" + std::to_string(high.value) + "\"");
  }

  const J& root_;
  const bool strict_;
  std::vector<Warning>& warnings_;
  GbnfWriter writer_;
  std::map<const J*, std::string> references_;
  std::deque<Pending> pending_;
  std::deque<J> made_;
};

J parse(std::string_view text) {
  if (text.size() > kMostText)
    throw field_refusal(INFER_E_INVALID_REQUEST, kField, "is larger than 256 KiB");
  try {
    return J::parse(text.begin(), text.end(), [](int depth, J::parse_event_t, J&) {
      if (depth > 2 * kDeepestSchema)
        throw field_refusal(INFER_E_INVALID_REQUEST, kField, "is nested too deeply");
      return true;
    });
  } catch (const J::exception& e) {
    throw field_refusal(INFER_E_INVALID_REQUEST, kField,
                        std::string("is not valid JSON: ") + e.what());
  }
}

}  // namespace

std::string schema_grammar(std::string_view schema, bool strict, std::vector<Warning>& warnings) {
  const J root = parse(schema);
  return SchemaWriter(root, strict, warnings).grammar();
}

std::string json_object_grammar() {
  GbnfWriter writer;
  return writer.text(writer.json("object"));
}

}  // namespace infer::llama
