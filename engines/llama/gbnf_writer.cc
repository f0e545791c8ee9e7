#include "gbnf_writer.h"

#include <algorithm>
#include <cctype>
#include <cstdio>

namespace infer::llama {
namespace {

struct JsonRule {
  const char* body;
  std::vector<const char*> needs;
};

// Only whole characters: a lone half of a surrogate pair is no JSON text. Exponents have at most
// two digits, so that every number is finite as a double.
const std::map<std::string, JsonRule>& json_rules() {
  static const auto* const kRules = new std::map<std::string, JsonRule>{
      {"ws", {R"((" " | "\n" [ \t]{0,20})?)", {}}},
      {"plain", {R"([^"\\\x00-\x1F])", {}}},
      {"hex", {R"([0-9A-Fa-f])", {}}},
      {"unit",
       {R"([0-9A-Ca-cE-Fe-f] hex{3} | [Dd] [0-7] hex{2})"
        R"( | [Dd] [89ABab] hex{2} "\\u" [Dd] [C-Fc-f] hex{2})",
        {"hex"}}},
      {"char", {R"(plain | "\\" (["\\/bfnrt] | "u" unit))", {"plain", "unit"}}},
      {"string", {R"("\"" char* "\"")", {"char"}}},
      {"integer", {R"("-"? ("0" | [1-9] [0-9]{0,15}))", {}}},
      {"number", {R"(integer ("." [0-9]{1,16})? ([Ee] [-+]? [0-9]{1,2})?)", {"integer"}}},
      {"pair", {R"(string ":" ws value ws)", {"string", "ws", "value"}}},
      {"object", {R"("{" ws (pair ("," ws pair)*)? "}")", {"ws", "pair"}}},
      {"array", {R"("[" ws (value ws ("," ws value ws)*)? "]")", {"ws", "value"}}},
      {"value",
       {R"(object | array | string | number | "true" | "false" | "null")",
        {"object", "array", "string", "number"}}},
  };
  return *kRules;
}

std::string digit_range(char low, char high) {
  if (low == high) return std::string("\"") + low + "\"";
  return std::string("[") + low + "-" + high + "]";
}

std::string any_digits(std::size_t count) {
  return count == 1 ? "[0-9]" : "[0-9]{" + std::to_string(count) + "}";
}

bool all(const std::string& text, char c) {
  return std::all_of(text.begin(), text.end(), [c](char each) { return each == c; });
}

// Texts of digits of the same length, from low to high.
std::string same_length(const std::string& low, const std::string& high) {
  if (low == high) return "\"" + low + "\"";
  if (low.size() == 1) return digit_range(low[0], high[0]);
  if (all(low, '0') && all(high, '9')) return any_digits(low.size());
  const std::size_t rest = low.size() - 1;
  const std::string low_rest = low.substr(1), high_rest = high.substr(1);
  if (low[0] == high[0])
    return digit_range(low[0], low[0]) + " " + same_length(low_rest, high_rest);
  char first = low[0], last = high[0];
  std::vector<std::string> out;
  if (!all(low_rest, '0')) {
    out.push_back(digit_range(first, first) + " " + same_length(low_rest, std::string(rest, '9')));
    ++first;
  }
  std::string end;
  if (!all(high_rest, '9')) {
    end = digit_range(last, last) + " " + same_length(std::string(rest, '0'), high_rest);
    --last;
  }
  if (first <= last) out.push_back(digit_range(first, last) + " " + any_digits(rest));
  if (!end.empty()) out.push_back(end);
  return any_of(out);
}

void append_char(std::string& out, uint32_t c) {
  if (c < 0x80 && std::isalnum(static_cast<int>(c)) != 0) {
    out += static_cast<char>(c);
    return;
  }
  char text[16];
  std::snprintf(text, sizeof(text), c < 0x100 ? "\\x%02X" : c < 0x10000 ? "\\u%04X" : "\\U%08X", c);
  out += text;
}

}  // namespace

std::string GbnfWriter::rule(const std::string& body) {
  const auto known = by_body_.find(body);
  if (known != by_body_.end()) return known->second;
  std::string name = declare();
  define(name, body);
  by_body_.emplace(body, name);
  return name;
}

std::string GbnfWriter::declare() {
  std::string name = "r" + std::to_string(next_++);
  rules_.emplace(name, std::string());
  return name;
}

void GbnfWriter::define(const std::string& name, const std::string& body) { rules_[name] = body; }

std::string GbnfWriter::json(const std::string& name) {
  if (rules_.count(name) == 0) {
    const JsonRule& rule = json_rules().at(name);
    rules_.emplace(name, rule.body);
    for (const char* need : rule.needs) json(need);
  }
  return name;
}

std::string GbnfWriter::text(const std::string& root) const {
  std::string out = "root ::= " + root + "\n";
  for (const auto& rule : rules_) out += rule.first + " ::= " + rule.second + "\n";
  return out;
}

std::string any_of(const std::vector<std::string>& alternatives) {
  if (alternatives.empty()) return "\"\"";
  if (alternatives.size() == 1) return alternatives[0];
  std::string out;
  for (const std::string& alternative : alternatives)
    out += (out.empty() ? "(" : " | ") + alternative;
  return out + ")";
}

std::string char_set(const CharRanges& ranges, bool negated) {
  std::string out = negated ? "[^" : "[";
  for (const auto& range : ranges) {
    append_char(out, range.first);
    if (range.second == range.first) continue;
    out += '-';
    append_char(out, range.second);
  }
  return out + "]";
}

std::vector<std::string> digits_between(uint64_t low, uint64_t high) {
  std::vector<std::string> out;
  const std::string last = std::to_string(high);
  for (std::string first = std::to_string(low); first.size() <= last.size();
       first = "1" + std::string(first.size(), '0')) {
    out.push_back(
        same_length(first, first.size() == last.size() ? last : std::string(first.size(), '9')));
  }
  return out;
}

}  // namespace infer::llama
