#include "src/cloud/schema.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

#include "src/cloud/raw_json.h"
#include "src/cloud/raw_object.h"
#include "src/core/json.h"

namespace infer::cloud {
namespace {

// Keywords that say what fits. Those of them that a provider does not take are told in words; all
// else that it does not take describes, and is left out.
constexpr std::string_view kAsserting =
    " multipleOf minimum maximum exclusiveMinimum exclusiveMaximum minLength maxLength pattern "
    "format minItems maxItems uniqueItems contains minContains maxContains minProperties "
    "maxProperties propertyNames dependencies dependentRequired dependentSchemas not if then else "
    "prefixItems additionalItems enum const unevaluatedItems unevaluatedProperties ";
// Kept wherever they stand; close_object looks at the last two once more.
constexpr std::string_view kStructure = " type title description required additionalProperties ";

bool has_word(std::string_view words, std::string_view word) {
  return words.find(" " + std::string(word) + " ") != words.npos;
}

std::string string_of(std::string_view json) {
  const auto parsed = core::parse_json(json);
  return parsed && parsed->is_string() ? parsed->get<std::string>() : std::string();
}

std::string escaped_token(std::string_view name) {
  std::string out;
  for (const char c : name) out += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return out;
}

std::string json_array(const std::vector<std::string>& elements) {
  std::string out = "[";
  for (const std::string& element : elements) {
    if (out.size() > 1) out += ',';
    out += element;
  }
  return out + ']';
}

// The name of a JSON value's type in a schema, from its first character.
std::string_view type_of_value(std::string_view json) {
  switch (json.empty() ? 'n' : json[0]) {
    case '{': return "object";
    case '[': return "array";
    case '"': return "string";
    case 't':
    case 'f': return "boolean";
    case 'n': return "null";
    default: return "number";
  }
}

class Fitter {
 public:
  Fitter(std::string_view root, const SchemaDialect& dialect) : root_(root), dialect_(dialect) {}

  Result<std::string> run() {
    std::string text = whole();
    if (!dialect_.recursion && !wrong_) find_recursion();
    if (properties_ > dialect_.max_properties) too_many("members", dialect_.max_properties);
    if (enum_values_ > dialect_.max_enum_values)
      too_many("values of \"enum\"", dialect_.max_enum_values);
    if (characters_ > dialect_.max_characters)
      too_many("characters of names and values", dialect_.max_characters);
    if (wrong_) return std::move(*wrong_);
    return text;
  }

 private:
  void fail(const std::string& pointer, const std::string& what) {
    if (wrong_) return;
    wrong_ = Error(Errc::kUnsupported, (pointer.empty() ? "/" : pointer) + ": " + what)
                 .with_detail("pointer", pointer);
  }
  void too_many(const std::string& what, std::size_t most) {
    fail("", std::string(dialect_.provider) + " takes at most " + std::to_string(most) + " " +
                 what + " in a schema");
  }

  std::string whole() {
    RawObject root{root_};
    // Some generators put the whole into a definition.
    if (const std::string* reference = root.find("$ref"); reference && dialect_.object_root) {
      const std::string* const target = definition(string_of(*reference));
      if (!target) {
        fail("/$ref", "leads to no member of \"$defs\"");
        return {};
      }
      RawObject inner(*target);
      for (const char* definitions : {"$defs", "definitions"})
        if (const std::string* kept = root.find(definitions)) inner.set(definitions, *kept);
      copied_root_ = inner.text();
      root_ = copied_root_;
      root = inner;
    }
    if (dialect_.object_root) {
      const std::string* const type = root.find("type");
      const bool is_object = (type && *type == "\"object\"") || (!type && root.find("properties"));
      if (!is_object || root.find("anyOf") || root.find("oneOf"))
        fail("", "the whole answer must be one object: the type \"object\", without \"anyOf\"");
    }
    return schema(root_, "", 0);
  }

  const std::string* definition(const std::string& reference) {
    if (definitions_.empty())
      for (const char* keyword : {"$defs", "definitions"})
        if (const auto members = raw_member(root_, keyword))
          for (const RawMember& one : raw_members(*members))
            definitions_[std::string("#/") + keyword + "/" + escaped_token(one.key)] =
                std::string(one.value);
    const auto found = definitions_.find(reference);
    return found == definitions_.end() ? nullptr : &found->second;
  }

  // ---- one schema

  // What is as it was keeps its bytes.
  static std::string text_of(const RawObject& out, const RawObject& in, std::string_view text) {
    return out.members() == in.members() ? std::string(text) : out.text();
  }

  std::string schema(std::string_view text, const std::string& pointer, std::size_t level) {
    if (wrong_) return {};
    if (text.empty() || text[0] != '{') {
      fail(pointer, text == "true" ? "anything may stand here; say what" : "is no object");
      return {};
    }
    RawObject in(text);
    if (in.find("$ref")) return reference(in, text, pointer);
    if (in.find("allOf")) return single(in, pointer, level);
    if (in.find("oneOf") && in.find("anyOf")) fail(pointer, "has both \"anyOf\" and \"oneOf\"");
    if (in.find("patternProperties"))
      fail(pointer + "/patternProperties",
           "members by patterns cannot be told to " + std::string(dialect_.provider));
    RawObject out, left_out;
    for (const auto& [keyword, value] : in.members())
      member(keyword, value, pointer, level, out, left_out);
    if (dialect_.typed) add_type(in, out, pointer);
    close_object(in, out, left_out, pointer, level);
    if (dialect_.typed && has_type(out, "array") && !out.find("items"))
      fail(pointer, "an array must say what it holds, by \"items\"");
    if (!left_out.empty()) tell(left_out, out);
    return text_of(out, in, text);
  }

  void member(const std::string& keyword, const std::string& value, const std::string& pointer,
              std::size_t level, RawObject& out, RawObject& left_out) {
    const std::string there = pointer + "/" + escaped_token(keyword);
    if (keyword == "properties") {
      out.set(keyword, members_of(value, there, level + 1));
    } else if (keyword == "$defs" || keyword == "definitions") {
      out.set(keyword, definitions(value, there));
    } else if (keyword == "items" && value[0] != '[') {
      out.set(keyword, schema(value, there, level));
    } else if (keyword == "anyOf" || keyword == "oneOf") {
      choice(keyword, value, there, level, out);
    } else if (keyword == "enum" || keyword == "const") {
      values(keyword, value, out, left_out);
    } else if (has_word(kStructure, keyword) || is_taken(keyword, value)) {
      out.set(keyword, value);
    } else if (has_word(kAsserting, keyword) || keyword == "items") {
      left_out.set(keyword, value);
    }
  }

  bool is_taken(const std::string& keyword, const std::string& value) const {
    if (keyword == "format") return has_word(dialect_.formats, string_of(value));
    if (!has_word(dialect_.keywords, keyword)) return false;
    if (value == "true" || value == "false") return false;  // exclusiveMinimum as of draft 4
    if (keyword != "minItems") return true;
    const auto number = core::parse_json(value);
    return number && number->is_number() &&
           number->get<double>() <= static_cast<double>(dialect_.max_min_items);
  }

  std::string members_of(const std::string& map, const std::string& pointer, std::size_t level) {
    const RawObject in(map);
    RawObject out;
    for (const auto& [name, inner] : in.members()) {
      characters_ += name.size();
      ++properties_;
      out.set(name, schema(inner, pointer + "/" + escaped_token(name), level));
    }
    return text_of(out, in, map);
  }

  std::string definitions(const std::string& map, const std::string& pointer) {
    const RawObject in(map);
    RawObject out;
    for (const auto& [name, inner] : in.members()) {
      characters_ += name.size();
      const std::string path = pointer + "/" + escaped_token(name);
      const std::string outer = std::exchange(inside_, "#" + path);
      out.set(name, schema(inner, path, 0));
      inside_ = outer;
    }
    return text_of(out, in, map);
  }

  // "oneOf" goes as "anyOf", which all take: that only one fits is held here.
  void choice(const std::string& keyword, const std::string& value, const std::string& pointer,
              std::size_t level, RawObject& out) {
    const auto all = raw_elements(value);
    std::vector<std::string> fitted;
    for (const std::string_view one : all)
      fitted.push_back(schema(one, pointer + "/" + std::to_string(fitted.size()), level));
    if (fitted.empty()) fail(pointer, "\"" + keyword + "\" must be a list of schemas");
    const bool same = std::equal(all.begin(), all.end(), fitted.begin(), fitted.end());
    out.set("anyOf", same ? value : json_array(fitted));
  }

  void values(const std::string& keyword, const std::string& value, RawObject& out,
              RawObject& left_out) {
    const auto all = keyword == "enum" ? raw_elements(value)
                                       : std::vector<std::string_view>{std::string_view(value)};
    for (const std::string_view one : all) {
      if (one[0] == '{' || one[0] == '[') return left_out.set(keyword, value);
      characters_ += one.size();
    }
    if (keyword == "enum") enum_values_ += all.size();
    out.set(keyword, value);
  }

  static bool has_type(const RawObject& object, std::string_view type) {
    const std::string* const types = object.find("type");
    if (!types) return false;
    const std::string quoted = "\"" + std::string(type) + "\"";
    if ((*types)[0] != '[') return *types == quoted;
    const auto list = raw_elements(*types);
    return std::find(list.begin(), list.end(), quoted) != list.end();
  }

  void add_type(const RawObject& in, RawObject& out, const std::string& pointer) {
    if (out.find("type") || (out.find("anyOf") && !in.find("properties"))) return;
    if (in.find("properties")) return out.set_string("type", "object");
    if (in.find("items")) return out.set_string("type", "array");
    std::set<std::string> types;
    if (const std::string* list = out.find("enum"))
      for (const std::string_view one : raw_elements(*list))
        types.insert("\"" + std::string(type_of_value(one)) + "\"");
    if (const std::string* value = out.find("const"))
      types = {"\"" + std::string(type_of_value(*value)) + "\""};
    if (types.empty()) return fail(pointer, "anything may stand here; say what, by \"type\"");
    out.set("type", types.size() == 1 ? *types.begin() : json_array({types.begin(), types.end()}));
  }

  // Objects have the members that they name, and no others.
  void close_object(const RawObject& in, RawObject& out, RawObject& left_out,
                    const std::string& pointer, std::size_t level) {
    if (!has_type(out, "object")) {
      for (const char* keyword : {"required", "additionalProperties"}) {
        // Beside a choice they may say something of its objects.
        if (const std::string* value = out.find(keyword); value && out.find("anyOf"))
          left_out.set(keyword, *value);
        out.erase(keyword);
      }
      return;
    }
    if (out.find("anyOf"))
      return fail(pointer, "an object with members of its own beside \"anyOf\" cannot be closed");
    if (level >= dialect_.max_levels) too_many("levels of objects", dialect_.max_levels);
    const std::string* const rest = in.find("additionalProperties");
    const bool is_map = rest && (*rest)[0] == '{' && !raw_members(*rest).empty();
    const bool is_open = !in.find("properties") && !(rest && *rest == "false");
    if (is_map || is_open)
      return fail(pointer + (is_map ? "/additionalProperties" : ""),
                  "an object whose members have no names in \"properties\" cannot be told to " +
                      std::string(dialect_.provider));
    out.set("additionalProperties", "false");
    if (!out.find("properties")) out.set("properties", "{}");  // OpenAI misses it
    require(out, pointer);
  }

  void require(RawObject& out, const std::string& pointer) {
    const std::string* const list = out.find("required");
    const std::string* const properties = out.find("properties");
    std::set<std::string> named, required;
    std::vector<std::string> all;
    const RawObject members(properties ? std::string_view(*properties) : std::string_view("{}"));
    for (const auto& [name, inner] : members.members()) {
      named.insert(name);
      append_json_string(all.emplace_back(), name);
    }
    if (list)
      for (const std::string_view one : raw_elements(*list)) required.insert(string_of(one));
    for (const std::string& name : required)
      if (named.count(name) == 0)
        fail(pointer + "/required", "\"" + name + "\" is no member of \"properties\"");
    if (dialect_.all_required && required != named) out.set("required", json_array(all));
    if (dialect_.all_required && !list && named.empty()) out.set("required", "[]");
  }

  // What was left out, in words for the model.
  static void tell(const RawObject& left_out, RawObject& out) {
    const std::string* const old = out.find("description");
    std::string text = old ? string_of(*old) : "";
    if (!text.empty()) text += "\n\n";
    out.set_string("description", text + "Must also fit: " + left_out.text());
  }

  // ---- references and allOf

  // A reference stands alone: what describes it is left out, what narrows it is held here.
  std::string reference(const RawObject& in, std::string_view text, const std::string& pointer) {
    const std::string target = string_of(*in.find("$ref"));
    if (target != "#" && !definition(target)) {
      fail(pointer + "/$ref", "leads to no member of \"$defs\"");
      return {};
    }
    leads_to_[inside_].insert(target == "#" ? "" : target);
    RawObject out;
    for (const auto& [keyword, value] : in.members()) {
      if (keyword == "$ref") out.set(keyword, value);
      if (keyword == "$defs" || keyword == "definitions")
        out.set(keyword, definitions(value, pointer + "/" + keyword));
    }
    return text_of(out, in, text);
  }

  // One schema within allOf, as generators write it to describe a reference, is that schema.
  std::string single(const RawObject& in, const std::string& pointer, std::size_t level) {
    const auto list = raw_elements(*in.find("allOf"));
    RawObject merged;
    if (list.size() == 1) merged = RawObject(list[0]);
    bool alone = list.size() == 1;
    for (const auto& [keyword, value] : in.members()) {
      if (keyword == "allOf") continue;
      alone = alone && !has_word(kAsserting, keyword) && !merged.find(keyword) &&
              keyword != "type" && keyword != "properties" && keyword != "required" &&
              keyword != "additionalProperties";  // of what stands beside it, not inside
      if (!merged.find(keyword)) merged.set(keyword, value);
    }
    if (!alone) {
      fail(pointer + "/allOf",
           "several schemas at once cannot be told to " + std::string(dialect_.provider));
      return {};
    }
    return schema(merged.text(), pointer, level);
  }

  void find_recursion() {
    for (const auto& [from, to] : leads_to_) {
      std::set<std::string> seen;
      std::vector<std::string> open(to.begin(), to.end());
      while (!open.empty()) {
        const std::string at = std::move(open.back());
        open.pop_back();
        if (at == from || at.empty())
          return fail(from.empty() ? from : from.substr(1),
                      std::string(dialect_.provider) + " takes no schema that contains itself");
        if (!seen.insert(at).second) continue;
        const auto next = leads_to_.find(at);
        if (next != leads_to_.end())
          open.insert(open.end(), next->second.begin(), next->second.end());
      }
    }
  }

  std::string_view root_;
  std::string copied_root_{};
  const SchemaDialect& dialect_;
  std::map<std::string, std::string> definitions_{};
  std::map<std::string, std::set<std::string>> leads_to_{};  // definition -> those it refers to
  std::string inside_{};                                     // the definition being fitted
  std::size_t properties_ = 0, enum_values_ = 0, characters_ = 0;
  std::optional<Error> wrong_{};
};

}  // namespace

Result<std::string> fit_schema(std::string_view schema, const SchemaDialect& dialect) {
  return Fitter(schema, dialect).run();
}

Result<std::string> output_schema(const Output& output, const SchemaDialect* dialect) {
  if (!dialect || !output.strict) return output.schema;
  auto fitted = fit_schema(output.schema, *dialect);
  if (fitted) return fitted;
  const Error& why = fitted.error();
  return Error(Errc::kUnsupported,
               "output.schema: " + why.message() + "; change it, or set Output::strict to false")
      .with_detail("field", "output.schema")
      .with_detail("pointer", std::string(why.detail("pointer")));
}

ToolSchema tool_schema(const Tool& tool, const SchemaDialect* dialect,
                       std::vector<Warning>& warnings) {
  ToolSchema out{tool.schema.empty() ? R"({"type":"object","properties":{}})" : tool.schema,
                 tool.strict};
  if (!dialect || !tool.strict.value_or(false)) return out;
  auto fitted = fit_schema(out.schema, *dialect);
  if (fitted) {
    out.schema = std::move(*fitted);
    return out;
  }
  out.strict = false;
  std::string extra = "{\"setting\":\"strict\",\"tool\":";
  append_json_string(extra, tool.name);
  warnings.push_back({.code = "adjusted_setting",
                      .message = "tools." + tool.name +
                                 ".strict is sent as false: in the schema, " +
                                 fitted.error().message(),
                      .extra = extra + '}'});
  return out;
}

}  // namespace infer::cloud
