#include "src/structured/flat_schema.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <map>
#include <string_view>
#include <utility>

namespace infer::structured {
namespace {

using core::Json;

constexpr std::size_t kMaxRows = 20000;
constexpr int kMaxWay = 200;  // rows within rows: who reads them recurses
constexpr std::string_view kRowPath = "#/definitions/";

constexpr std::array<std::string_view, 7> kTypes = {"null",   "boolean", "object", "array",
                                                    "number", "string",  "integer"};
// What changes the verdict and is not checked; everything else that is unknown says nothing.
constexpr std::array<std::string_view, 6> kRefused = {
    "$dynamicRef", "$recursiveRef", "minContains", "maxContains", "$dynamicAnchor", "extends"};
// Beside one of these, what is "unevaluated" depends on how they came out.
constexpr std::array<std::string_view, 9> kInPlace = {
    "$ref", "allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas"};

class Flattener {
 public:
  explicit Flattener(const Json& root) : root_(root) {}

  Result<FlatSchema> run() {
    row(root_, "");
    if (!wrong_) find_circles();
    if (wrong_) return std::move(*wrong_);
    return std::move(out_);
  }

 private:
  void fail(const std::string& pointer, std::string_view rule, const std::string& what) {
    if (wrong_) return;
    const std::string at = pointer + (rule.empty() ? "" : "/" + std::string(rule));
    wrong_ = Error(Errc::kInvalidRequest, "schema: " + (at.empty() ? "/" : at) + ": " + what)
                 .with_detail("field", "schema")
                 .with_detail("pointer", at)
                 .with_detail("rule", std::string(rule));
  }

  // The row of a subschema, made at the first sight of it.
  std::size_t row(const Json& schema, const std::string& pointer) {
    if (const auto known = rows_.find(&schema); known != rows_.end()) return known->second;
    const std::size_t made = out_.own.size();
    if (made == kMaxRows) fail(pointer, "", "more than 20000 subschemas");
    if (way_ == kMaxWay) fail(pointer, "", "its references lead more than 200 deep");
    if (wrong_) return 0;
    rows_.emplace(&schema, made);
    out_.own.emplace_back();
    out_.table.push_back(Json::object());
    in_place_.emplace_back();
    ++way_;
    Json written = written_of(schema, pointer, made);
    --way_;
    // The validator goes through these lists for each value, about eight to a step.
    for (const char* keyword : {"enum", "properties", "required"})
      if (const Json* list = core::find(written, keyword)) out_.own[made].steps += list->size() / 8;
    out_.table[made] = std::move(written);
    return made;
  }

  Json child(const Json& schema, const std::string& pointer) {
    return FlatSchema::reference(row(schema, pointer));
  }
  // A child that looks at the same value as the row does.
  Json beside(const Json& schema, const std::string& pointer, std::size_t of) {
    const std::size_t made = row(schema, pointer);
    in_place_[of].push_back(made);
    return FlatSchema::reference(made);
  }

  Json written_of(const Json& schema, const std::string& pointer, std::size_t at) {
    Json out = Json::object();
    if (schema.is_boolean()) {
      // Not as false: of that the validator would say no more than that.
      if (!schema.get<bool>()) out["not"] = Json::object();
      return out;
    }
    if (!schema.is_object()) {
      fail(pointer, "", "must be a schema: an object, true or false");
      return out;
    }
    refused(schema, pointer);
    combined(schema, pointer, at, out);
    items(schema, pointer, out);
    values(schema, pointer, out);
    sizes(schema, pointer, out);
    members(schema, pointer, at, out);
    own_rules(schema, pointer, at);
    return out;
  }

  void refused(const Json& schema, const std::string& pointer) {
    for (const std::string_view keyword : kRefused)
      if (core::find(schema, keyword))
        fail(pointer, keyword, "this keyword is not checked here; leave it out of the schema");
    if (core::find(schema, "$id") && &schema != &root_)
      fail(pointer, "$id", "a schema within a schema cannot have an address of its own");
    const bool has_in_place = std::any_of(kInPlace.begin(), kInPlace.end(), [&](auto keyword) {
      return core::find(schema, keyword) != nullptr;
    });
    for (const char* keyword : {"unevaluatedProperties", "unevaluatedItems"})
      if (has_in_place && core::find(schema, keyword))
        fail(pointer, keyword, "is not checked beside allOf, anyOf, oneOf, not, if or $ref");
  }

  // ---- subschemas for the same value

  const Json* target(const Json& schema, const std::string& pointer) {
    const Json* reference = core::find(schema, "$ref");
    if (!reference) return nullptr;
    const std::string text = reference->is_string() ? reference->get<std::string>() : "";
    if (text.empty() || text[0] != '#') {
      fail(pointer, "$ref", "must lead inside of the schema (\"#/$defs/...\"); nothing is fetched");
      return nullptr;
    }
    const Json* found = &root_;
    for (std::size_t begin = 1; found && begin < text.size();) {
      if (text[begin] != '/') {
        found = nullptr;
        break;
      }
      const std::size_t end = std::min(text.find('/', begin + 1), text.size());
      found = member(*found, unescaped(text.substr(begin + 1, end - begin - 1)));
      begin = end;
    }
    if (!found) fail(pointer, "$ref", text.substr(0, 200) + " leads nowhere");
    return found;
  }

  static const Json* member(const Json& of, const std::string& name) {
    if (!of.is_array()) return core::find(of, name);
    std::size_t index = 0;
    for (const char c : name) {
      if (c < '0' || c > '9' || index > of.size()) return nullptr;
      index = index * 10 + static_cast<std::size_t>(c - '0');
    }
    return name.empty() || index >= of.size() ? nullptr : &of[index];
  }

  // Of a URI's fragment first, of a JSON pointer then.
  static std::string unescaped(const std::string& token) {
    std::string plain, out;
    for (std::size_t i = 0; i < token.size(); ++i) {
      const std::string hex = token[i] == '%' ? token.substr(i + 1, 2) : "";
      if (hex.size() == 2 && hex.find_first_not_of("0123456789abcdefABCDEF") == hex.npos) {
        plain += static_cast<char>(std::stoi(hex, nullptr, 16));
        i += 2;
      } else {
        plain += token[i];
      }
    }
    for (std::size_t i = 0; i < plain.size(); ++i) {
      const bool escaped = plain[i] == '~' && i + 1 < plain.size();
      if (escaped && (plain[i + 1] == '0' || plain[i + 1] == '1'))
        out += plain[++i] == '0' ? '~' : '/';
      else
        out += plain[i];
    }
    return out;
  }

  void combined(const Json& schema, const std::string& pointer, std::size_t at, Json& out) {
    for (const char* keyword : {"allOf", "anyOf", "oneOf"}) {
      const Json* list = core::find(schema, keyword);
      if (!list) continue;
      if (!list->is_array() || list->empty()) fail(pointer, keyword, "must be a list of schemas");
      Json written = Json::array();
      for (std::size_t i = 0; i < list->size() && !wrong_; ++i)
        written.push_back(
            beside((*list)[i], pointer + "/" + keyword + "/" + std::to_string(i), at));
      out[keyword] = std::move(written);
    }
    if (const Json* to = target(schema, pointer)) out["allOf"].push_back(beside(*to, pointer, at));
    const bool has_if = core::find(schema, "if") != nullptr;
    for (const char* keyword : {"if", "then", "else", "not"})
      if (const Json* one = core::find(schema, keyword); one && (has_if || *keyword == 'n'))
        out[keyword] = beside(*one, pointer + "/" + keyword, at);
  }

  // ---- arrays

  void items(const Json& schema, const std::string& pointer, Json& out) {
    const Json* first = core::find(schema, "prefixItems");
    const Json* items = core::find(schema, "items");
    const Json* rest = first ? items : core::find(schema, "additionalItems");
    const char* list_name = "prefixItems";
    const char* rest_name = first ? "items" : "additionalItems";
    if (!first && items && items->is_array()) {
      first = std::exchange(items, nullptr);
      list_name = "items";
    } else if (!first) {
      rest = items ? items : core::find(schema, "unevaluatedItems");
      rest_name = items ? "items" : "unevaluatedItems";
    }
    if (first && !rest && core::find(schema, "unevaluatedItems"))
      rest = core::find(schema, rest_name = "unevaluatedItems");
    if (const Json* contains = core::find(schema, "contains"))
      out["contains"] = child(*contains, pointer + "/contains");
    if (!first) {
      if (rest) out["items"] = child(*rest, pointer + "/" + rest_name);
      return;
    }
    if (!first->is_array()) return fail(pointer, list_name, "must be a list of schemas");
    Json list = Json::array();
    for (std::size_t i = 0; i < first->size() && !wrong_; ++i)
      list.push_back(child((*first)[i], pointer + "/" + list_name + "/" + std::to_string(i)));
    out["items"] = std::move(list);
    out["additionalItems"] = rest ? child(*rest, pointer + "/" + rest_name) : Json::object();
  }

  // ---- plain values

  void values(const Json& schema, const std::string& pointer, Json& out) {
    if (const Json* type = core::find(schema, "type")) {
      const Json list = type->is_array() ? *type : Json::array({*type});
      for (const Json& one : list)
        if (!one.is_string() ||
            std::find(kTypes.begin(), kTypes.end(), one.get<std::string>()) == kTypes.end())
          fail(pointer, "type", core::dump_json(one).substr(0, 80) + " is no type of JSON");
      if (list.empty()) fail(pointer, "type", "must name a type");
      out["type"] = list;
    }
    if (const Json* list = core::find(schema, "enum")) {
      if (!list->is_array() || list->empty()) fail(pointer, "enum", "must be a list of values");
      out["enum"] = *list;
      normalise_numbers(out["enum"]);
    }
    if (const Json* value = core::find(schema, "const")) {
      out["const"] = *value;
      normalise_numbers(out["const"]);
    }
    bounds(schema, pointer, out);
  }

  void bounds(const Json& schema, const std::string& pointer, Json& out) {
    for (const char* keyword : {"minimum", "maximum"}) {
      const std::string exclusive = *(keyword + 1) == 'i' ? "exclusiveMinimum" : "exclusiveMaximum";
      const Json* bound = core::find(schema, keyword);
      const Json* beyond = core::find(schema, exclusive);
      if (bound && !bound->is_number()) fail(pointer, keyword, "must be a number");
      if (beyond && !beyond->is_number() && !beyond->is_boolean())
        fail(pointer, exclusive, "must be a number");
      if (wrong_) return;
      const bool draft4 = beyond && beyond->is_boolean();
      if (draft4 && beyond->get<bool>() && bound)
        out[exclusive] = *bound;
      else if (bound)
        out[keyword] = *bound;
      if (beyond && !draft4) out[exclusive] = *beyond;
    }
  }

  void sizes(const Json& schema, const std::string& pointer, Json& out) {
    for (const char* keyword :
         {"minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"}) {
      const Json* size = core::find(schema, keyword);
      if (!size) continue;
      Json whole = *size;
      normalise_numbers(whole);
      if (!whole.is_number_integer() || whole.get<std::int64_t>() < 0)
        return fail(pointer, keyword, "must be a whole number, 0 or more");
      out[keyword] = whole.get<std::int64_t>();
    }
  }

  // ---- objects

  bool is_name(const std::string& pointer, std::string_view keyword, const std::string& name) {
    if (name.find('\0') != name.npos) fail(pointer, keyword, "a name with a NUL is not checked");
    return !wrong_;
  }

  void members(const Json& schema, const std::string& pointer, std::size_t at, Json& out) {
    for (const char* keyword : {"properties", "patternProperties"}) {
      const Json* list = core::find(schema, keyword);
      if (!list) continue;
      if (!list->is_object()) return fail(pointer, keyword, "must be an object of schemas");
      const bool patterns = *(keyword + 1) == 'a';
      Json written = Json::object();
      for (const auto& [name, inner] : list->items()) {
        if (!is_name(pointer, keyword, name)) return;
        if (patterns) check_name_pattern(pointer, name);
        if (wrong_) return;
        written[name] = child(inner, pointer + "/" + keyword + "/" + pointer_token(name));
      }
      out[keyword] = std::move(written);
    }
    const char* rest_name = "additionalProperties";
    const Json* rest = core::find(schema, rest_name);
    if (!rest) rest = core::find(schema, rest_name = "unevaluatedProperties");
    // Plainly false, so that the validator names what should not be there.
    if (rest && rest->is_boolean())
      out["additionalProperties"] = *rest;
    else if (rest)
      out["additionalProperties"] = child(*rest, pointer + "/" + rest_name);
    if (const Json* names = core::find(schema, "propertyNames"))
      out["propertyNames"] = child(*names, pointer + "/propertyNames");
    if (const Json* names = core::find(schema, "required"))
      out["required"] = list_of_names(*names, pointer, "required");
    dependencies(schema, pointer, at, out);
  }

  void check_name_pattern(const std::string& pointer, const std::string& pattern) {
    if (!is_simple_pattern(pattern) || !Pattern::of(pattern))
      fail(pointer, "patternProperties",
           "only simple patterns of names are checked, without groups and with one \"*\" or \"+\"");
    out_.name_patterns = true;
  }

  Json list_of_names(const Json& list, const std::string& pointer, const char* keyword) {
    bool right = list.is_array();
    for (std::size_t i = 0; right && i < list.size(); ++i)
      right = list[i].is_string() && is_name(pointer, keyword, list[i].get<std::string>());
    if (!right) fail(pointer, keyword, "must be a list of names");
    return list;
  }

  void dependencies(const Json& schema, const std::string& pointer, std::size_t at, Json& out) {
    for (const char* keyword : {"dependencies", "dependentRequired", "dependentSchemas"}) {
      const Json* list = core::find(schema, keyword);
      if (!list) continue;
      if (!list->is_object()) return fail(pointer, keyword, "must be an object");
      for (const auto& [name, needs] : list->items()) {
        if (!is_name(pointer, keyword, name)) return;
        Json one = Json::object();
        const std::string there = pointer + "/" + keyword + "/" + pointer_token(name);
        one["dependencies"][name] =
            needs.is_array() ? list_of_names(needs, pointer, keyword) : beside(needs, there, at);
        out["allOf"].push_back(std::move(one));
      }
    }
  }

  void own_rules(const Json& schema, const std::string& pointer, std::size_t at) {
    if (const Json* pattern = core::find(schema, "pattern")) {
      if (!pattern->is_string()) return fail(pointer, "pattern", "must be a string");
      auto made = Pattern::of(pattern->get<std::string>());
      if (!made) return fail(pointer, "pattern", made.error().message());
      out_.own[at].pattern = std::move(*made);
    }
    if (const Json* divisor = core::find(schema, "multipleOf")) {
      if (!divisor->is_number() || !(divisor->get<double>() > 0))
        return fail(pointer, "multipleOf", "must be a number over 0");
      out_.own[at].multiple_of = divisor->get<double>();
    }
    if (const Json* unique = core::find(schema, "uniqueItems")) {
      if (!unique->is_boolean()) return fail(pointer, "uniqueItems", "must be true or false");
      out_.own[at].unique_items = unique->get<bool>();
    }
  }

  // Rows that look at the same value and lead back to themselves would be looked at for ever.
  void find_circles() {
    std::vector<std::size_t> length(in_place_.size(), 0);
    std::vector<char> colour(in_place_.size(), 'w');
    for (std::size_t start = 0; start < in_place_.size(); ++start) {
      std::vector<std::pair<std::size_t, std::size_t>> open;
      if (colour[start] == 'w') open.emplace_back(start, 0);
      while (!open.empty()) {
        auto& [row, next] = open.back();
        colour[row] = 'g';
        if (next == in_place_[row].size()) {
          for (const std::size_t child : in_place_[row])
            length[row] = std::max(length[row], length[child] + 1);
          out_.chain = std::max(out_.chain, length[row]);
          colour[row] = 'b';
          open.pop_back();
          continue;
        }
        const std::size_t child = in_place_[row][next++];
        if (colour[child] == 'g')
          return fail("", "$ref", "a reference leads back to itself without a step into the value");
        if (colour[child] == 'w') open.emplace_back(child, 0);
      }
    }
  }

  const Json& root_;
  FlatSchema out_{};
  std::map<const Json*, std::size_t> rows_{};
  std::vector<std::vector<std::size_t>> in_place_{};
  int way_ = 0;
  std::optional<Error> wrong_{};
};

}  // namespace

core::Json FlatSchema::reference(std::size_t row) {
  return core::Json{{"$ref", std::string(kRowPath) + std::to_string(row)}};
}

std::size_t FlatSchema::row_of(const core::Json& reference) {
  const std::string path = core::string_or(reference, "$ref");
  std::size_t row = 0;
  for (std::size_t i = kRowPath.size(); i < path.size(); ++i)
    row = row * 10 + static_cast<std::size_t>(path[i] - '0');
  return row;
}

Result<FlatSchema> flatten(const core::Json& schema) { return Flattener(schema).run(); }

std::string pointer_token(std::string_view name) {
  std::string out;
  for (const char c : name) out += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return out;
}

bool is_multiple(double value, double of) {
  const double times = value / of;
  return std::abs(times - std::round(times)) <= 1e-9 * std::max(1.0, std::abs(times));
}

void normalise_numbers(core::Json& value) {
  if (value.is_structured()) {
    for (auto& inner : value) normalise_numbers(inner);
  } else if (value.is_number_unsigned() && value.get<std::uint64_t>() > std::uint64_t{INT64_MAX}) {
    value = INT64_MAX;
  } else if (value.is_number_float()) {
    const double number = value.get<double>();
    constexpr double kBeyond = 9223372036854775808.0;  // 2^63
    if (number >= kBeyond)
      value = INT64_MAX;
    else if (number < -kBeyond)
      value = INT64_MIN;
    else if (std::trunc(number) == number)
      value = static_cast<std::int64_t>(number);
  }
}

}  // namespace infer::structured
