#include "src/structured/explain.h"

#include <algorithm>
#include <array>
#include <regex>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include "src/core/utf8.h"

namespace infer::structured {
namespace {

using core::Json;

struct Rule {
  std::string_view begins;  // of what the validator says
  std::string_view keyword;
  int weight;  // of two misfits in one place the heavier is told
};

constexpr int kWrapper = 1, kLeaf = 2, kChoice = 3;
constexpr std::array<Rule, 22> kRules{{
    {"Value type not permitted", "type", kLeaf},
    {"Missing required property", "required", kLeaf},
    {"Object contains a property", "additionalProperties", kLeaf},
    {"Failed to match expected value", "const", kLeaf},
    {"Failed to match against any enum", "enum", kLeaf},
    {"Failed to any values", "contains", kLeaf},
    {"Array contains more items than allowed", "additionalItems", kLeaf},
    {"Cannot validate item", "additionalItems", kLeaf},
    {"Expected number less than or equal", "maximum", kLeaf},
    {"Expected number less than", "exclusiveMaximum", kLeaf},
    {"Expected number greater than or equal", "minimum", kLeaf},
    {"Expected number greater than", "exclusiveMinimum", kLeaf},
    {"Array should contain no more", "maxItems", kLeaf},
    {"Array should contain no fewer", "minItems", kLeaf},
    {"String should be no more", "maxLength", kLeaf},
    {"String should be no fewer", "minLength", kLeaf},
    {"Object should have no more", "maxProperties", kLeaf},
    {"Object should have no fewer", "minProperties", kLeaf},
    {"Target should not validate", "not", kLeaf},
    {"Missing dependency", "dependentRequired", kLeaf},
    {"Failed to validate against any schemas allowed by anyOf", "anyOf", kChoice},
    {"Failed to validate against any child schemas allowed by oneOf", "oneOf", kChoice},
}};
constexpr Rule kOneOf{"Failed to validate against exactly one", "oneOf", kChoice};
constexpr Rule kOther{"", "schema", kWrapper};

const Rule& rule_of(const std::string& what) {
  const auto begins = [&what](const Rule& rule) {
    return what.compare(0, rule.begins.size(), rule.begins) == 0;
  };
  if (begins(kOneOf)) return kOneOf;
  const auto found = std::find_if(kRules.begin(), kRules.end(), begins);
  return found == kRules.end() ? kOther : *found;
}

// What the validator puts between quotes at its end: a member's name.
std::string quoted(const std::string& what) {
  const std::size_t begin =
      what.find(": '") != what.npos ? what.find(": '") + 3 : what.find('\'') + 1;
  const std::size_t end = what.rfind('\'');
  return end == what.npos || end < begin ? std::string() : what.substr(begin, end - begin);
}

// "[name]" without its brackets.
std::string token(const std::string& step) {
  return step.size() < 2 ? std::string() : step.substr(1, step.size() - 2);
}

std::string pointer_of(const std::vector<std::string>& path) {
  std::string out;
  for (std::size_t i = 1; i < path.size(); ++i) out += "/" + pointer_token(token(path[i]));
  return out;
}

const Json* value_at(const std::vector<std::string>& path, const Json& root) {
  const Json* at = &root;
  for (std::size_t i = 1; at && i < path.size(); ++i) {
    const std::string name = token(path[i]);
    if (at->is_array()) {
      const std::size_t index = std::strtoull(name.c_str(), nullptr, 10);
      at = index < at->size() ? &(*at)[index] : nullptr;
    } else {
      at = core::find(*at, name);
    }
  }
  return at;
}

std::string clipped(const Json& value) {
  std::string text = core::dump_json(value);
  constexpr std::size_t kMost = 80;
  if (text.size() <= kMost) return text;
  std::size_t end = kMost;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0u) == 0x80u) --end;
  return text.substr(0, end) + "...";
}

// The rows of the schema that look at a place of the value.
class Rows {
 public:
  Rows(const FlatSchema& schema, const Json& value) : schema_(schema), value_(&value) { add(0); }

  void step(const std::string& name) {
    const std::set<std::size_t> before = std::exchange(rows_, {});
    const bool array = value_ && value_->is_array();
    for (const std::size_t row : before) {
      const Json& schema = schema_.table[row];
      if (array)
        add_item(schema, std::strtoull(name.c_str(), nullptr, 10));
      else
        add_member(schema, name);
    }
    value_ = value_ ? value_at({"", "[" + name + "]"}, *value_) : nullptr;
  }
  const std::set<std::size_t>& here() const { return rows_; }

 private:
  void add_reference(const Json* reference) {
    if (reference && reference->is_object() && reference->contains("$ref"))
      add(FlatSchema::row_of(*reference));
  }
  void add(std::size_t row) {
    if (!rows_.insert(row).second) return;
    const Json& schema = schema_.table[row];
    for (const char* keyword : {"allOf", "anyOf", "oneOf"})
      if (const Json* list = core::find(schema, keyword))
        for (const Json& one : *list) add_reference(&one);
    for (const char* keyword : {"then", "else"}) add_reference(core::find(schema, keyword));
  }
  void add_member(const Json& schema, const std::string& name) {
    const Json* named = core::find(schema, "properties");
    const Json* one = named ? core::find(*named, name) : nullptr;
    add_reference(one ? one : core::find(schema, "additionalProperties"));
    if (const Json* patterns = core::find(schema, "patternProperties"))
      for (const auto& [pattern, inner] : patterns->items()) add_reference(&inner);
  }
  void add_item(const Json& schema, std::size_t index) {
    const Json* items = core::find(schema, "items");
    if (items && items->is_array())
      add_reference(index < items->size() ? &(*items)[index]
                                          : core::find(schema, "additionalItems"));
    else
      add_reference(items);
  }

  const FlatSchema& schema_;
  const Json* value_;
  std::set<std::size_t> rows_{};
};

// "an integer or null"
std::string types_in_words(const Json& types) {
  std::string out;
  for (std::size_t i = 0; i < types.size(); ++i) {
    if (i > 0) out += i + 1 == types.size() ? " or " : ", ";
    const std::string name = types[i].get<std::string>();
    const bool vowel = name[0] == 'a' || name[0] == 'i' || name[0] == 'o';
    out += (name == "null" ? "" : vowel ? "an " : "a ") + name;
  }
  return out;
}

struct Words {
  std::string rule, said;
};

// The validator's "const" stands for the rows' own rules as well.
Words own_rule(const Rows& rows, const FlatSchema& schema, const Json& value) {
  for (const std::size_t row : rows.here()) {
    const OwnRules& own = schema.own[row];
    if (own.pattern && value.is_string() &&
        !own.pattern->found_in(value.get_ref<const std::string&>()))
      return {"pattern", clipped(value) + " does not match \"pattern\""};
    if (own.multiple_of && value.is_number() && !is_multiple(value.get<double>(), *own.multiple_of))
      return {"multipleOf",
              clipped(value) + " does not fit \"multipleOf\": " + clipped(Json(*own.multiple_of))};
    if (own.unique_items && value.is_array()) {
      std::set<Json> seen;
      for (const Json& one : value)
        if (!seen.insert(one).second)
          return {"uniqueItems", "has " + clipped(one) + " twice, which \"uniqueItems\" forbids"};
    }
  }
  return {};
}

Words in_words(const Misfit& misfit, const Json& value, const Rows& rows,
               const FlatSchema& schema) {
  const Rule& rule = rule_of(misfit.what);
  const std::string keyword(rule.keyword);
  if (keyword == "required")
    return {keyword, "lacks " + clipped(quoted(misfit.what)) + ", which is required"};
  if (keyword == "additionalProperties")
    return {keyword, "has " + clipped(quoted(misfit.what)) + ", which may not be there"};
  if (keyword == "dependentRequired")
    return {keyword, "lacks " + clipped(quoted(misfit.what)) + ", which another member needs"};
  if (keyword == "const")
    if (Words own = own_rule(rows, schema, value); !own.rule.empty()) return own;
  for (const std::size_t row : rows.here()) {
    const Json* wanted = core::find(schema.table[row], keyword);
    if (!wanted) continue;
    if (keyword == "type") {
      return {keyword, "is " + kind_of(value) + ", must be " + types_in_words(*wanted)};
    }
    if (keyword == "anyOf" || keyword == "oneOf" || keyword == "not" || keyword == "contains")
      break;
    return {keyword, clipped(value) + " does not fit \"" + keyword + "\": " + clipped(*wanted)};
  }
  return {keyword, clipped(value) + " does not fit \"" + keyword + "\""};
}

}  // namespace

std::string kind_of(const core::Json& value) {
  if (value.is_null()) return "null";
  if (value.is_boolean()) return value.get<bool>() ? "true" : "false";
  if (value.is_string()) return "a string";
  if (value.is_array()) return "an array";
  if (value.is_object()) return "an object";
  return core::dump_json(value);
}

Error explain(const std::vector<Misfit>& misfits, const core::Json& value,
              const FlatSchema& schema) {
  const auto weight = [](const Misfit& misfit) {
    return std::make_tuple(rule_of(misfit.what).weight > kWrapper, misfit.path.size(),
                           rule_of(misfit.what).weight);
  };
  const Misfit& worst =
      *std::max_element(misfits.begin(), misfits.end(),
                        [&](const Misfit& a, const Misfit& b) { return weight(a) < weight(b); });
  Rows rows(schema, value);
  for (std::size_t i = 1; i < worst.path.size(); ++i) rows.step(token(worst.path[i]));
  const Json* const at = value_at(worst.path, value);
  const Words words = in_words(worst, at ? *at : value, rows, schema);
  const std::string pointer = pointer_of(worst.path);
  return Error(Errc::kInvalidOutput, (pointer.empty() ? "the JSON" : pointer) + ": " + words.said)
      .with_detail("pointer", pointer)
      .with_detail("rule", words.rule);
}

}  // namespace infer::structured
