#include "pattern.h"

#include <algorithm>
#include <vector>

#include "gbnf.h"

namespace infer::llama {
namespace {

constexpr uint32_t kLastPatternChar = 0x10FFFF;
constexpr int kDeepestGroup = 64, kMostPatternRepeats = 1000;

const CharRanges kDecimalDigits = {{'0', '9'}};
const CharRanges kWord = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
const CharRanges kSpace = {{9, 13},          {' ', ' '},       {0xA0, 0xA0},     {0x1680, 0x1680},
                           {0x2000, 0x200A}, {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F},
                           {0x3000, 0x3000}, {0xFEFF, 0xFEFF}};
const CharRanges kLineEnds = {{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}};

CharRanges others(CharRanges ranges) {
  std::sort(ranges.begin(), ranges.end());
  CharRanges out;
  uint32_t next = 0;
  for (const auto& range : ranges) {
    if (range.first > next) out.emplace_back(next, range.first - 1);
    next = std::max(next, range.second + 1);
  }
  if (next <= kLastPatternChar) out.emplace_back(next, kLastPatternChar);
  return out;
}

class PatternParser {
 public:
  PatternParser(std::string_view pattern, GbnfWriter& writer) : writer_(writer) { decode(pattern); }

  std::string parse() {
    std::vector<std::string> alternatives;
    do {
      const bool begins = take('^');
      std::string body = sequence(0);
      const bool ends = take('$');
      if (!begins) body = writer_.json("char") + "* " + body;
      if (!ends) body += " " + writer_.json("char") + "*";
      alternatives.push_back(std::move(body));
    } while (take('|'));
    if (!at_end()) {
      if (peek() == ')') bad("a ')' without its '('");
      lacking("anchors within a pattern are");
    }
    return R"("\"" )" + writer_.rule(any_of(alternatives)) + R"( "\"")";
  }

 private:
  [[noreturn]] static void bad(const std::string& what) { throw PatternError(true, what); }
  [[noreturn]] static void lacking(const std::string& what) {
    throw PatternError(false, what + " not supported");
  }

  void decode(std::string_view text) {
    for (std::size_t i = 0; i < text.size();) {
      const auto first = static_cast<unsigned char>(text[i++]);
      const int more = first < 0x80 ? 0 : first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : 1;
      uint32_t value = more == 0 ? first : first & (0x3Fu >> more);
      for (int k = 0; k < more && i < text.size(); ++k)
        value = (value << 6) | (static_cast<unsigned char>(text[i++]) & 0x3Fu);
      text_.push_back(value);
    }
  }

  bool at_end() const { return at_ >= text_.size(); }
  uint32_t peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : kLastPatternChar + 1;
  }
  bool take(char c) {
    if (peek() != static_cast<unsigned char>(c)) return false;
    ++at_;
    return true;
  }

  std::string sequence(int depth) {
    std::string out;
    while (!at_end() && peek() != '|' && peek() != ')' && peek() != '$') {
      const std::string one = quantified(atom(depth));
      out += (out.empty() ? "" : " ") + one;
    }
    return out.empty() ? "\"\"" : out;
  }

  std::string atom(int depth) {
    const uint32_t c = peek();
    if (c == '*' || c == '+' || c == '?' || c == '{') bad("a quantifier with nothing before it");
    if (c == '^') lacking("anchors within a pattern are");
    ++at_;
    if (c == '(') return group(depth);
    if (c == '[') return one_of(set());
    if (c == '.') return one_of(others(kLineEnds));
    if (c == '\\') return one_of(escape(false));
    if (c == ']' || c == '}') bad("a closing bracket without its opening one");
    return one_of({{c, c}});
  }

  std::string group(int depth) {
    if (depth + 1 > kDeepestGroup) lacking("groups nested deeper than 64 are");
    if (take('?')) {
      if (take('<')) {
        if (peek() == '=' || peek() == '!') lacking("look-behind is");
        while (!at_end() && !take('>')) ++at_;
      } else if (!take(':')) {
        if (peek() == '=' || peek() == '!') lacking("look-ahead is");
        bad("an unknown group (?");
      }
    }
    std::vector<std::string> alternatives;
    do {
      alternatives.push_back(sequence(depth + 1));
    } while (take('|'));
    if (peek() == '$') lacking("anchors within a pattern are");
    if (!take(')')) bad("a '(' without its ')'");
    return writer_.rule(any_of(alternatives));
  }

  std::string quantified(const std::string& one) {
    std::string out = one;
    if (take('*')) {
      out += "*";
    } else if (take('+')) {
      out += "+";
    } else if (take('?')) {
      out += "?";
    } else if (take('{')) {
      const int least = number();
      int most = least;
      if (take(',')) most = peek() == '}' ? -1 : number();
      if (!take('}')) bad("a quantifier without its '}'");
      if (most >= 0 && most < least) bad("a quantifier whose least is above its most");
      out += "{" + std::to_string(least) + "," + (most >= 0 ? std::to_string(most) : "") + "}";
    } else {
      return out;
    }
    take('?');  // lazy: the same texts
    const uint32_t c = peek();
    if (c == '*' || c == '+' || c == '?' || c == '{') bad("two quantifiers in a row");
    return out;
  }

  int number() {
    int value = 0;
    const std::size_t begin = at_;
    for (; peek() >= '0' && peek() <= '9'; ++at_)
      value = std::min(kMostPatternRepeats + 1, value * 10 + static_cast<int>(peek() - '0'));
    if (at_ == begin) bad("a quantifier without its number");
    if (value > kMostPatternRepeats) lacking("more than 1000 repetitions are");
    return value;
  }

  CharRanges set() {
    const bool negated = take('^');
    CharRanges out;
    while (!take(']')) {
      if (at_end()) bad("a '[' without its ']'");
      const CharRanges low = member();
      if (peek() == '-' && peek(1) != ']') {
        ++at_;
        const CharRanges high = member();
        const bool single = low.size() == 1 && low[0].first == low[0].second && high.size() == 1 &&
                            high[0].first == high[0].second;
        if (!single || high[0].first < low[0].first) bad("a range of characters runs backwards");
        out.emplace_back(low[0].first, high[0].first);
      } else {
        out.insert(out.end(), low.begin(), low.end());
      }
    }
    return negated ? others(out) : others(others(out));
  }
  CharRanges member() {
    if (at_end()) bad("a '[' without its ']'");
    if (take('\\')) return escape(true);
    const uint32_t c = peek();
    ++at_;
    return {{c, c}};
  }

  CharRanges escape(bool in_set) {
    if (at_end()) bad("a '\\' at the end");
    const uint32_t c = peek();
    ++at_;
    switch (c) {
      case 'd': return kDecimalDigits;
      case 'D': return others(kDecimalDigits);
      case 'w': return kWord;
      case 'W': return others(kWord);
      case 's': return kSpace;
      case 'S': return others(kSpace);
      case 't': return {{'\t', '\t'}};
      case 'n': return {{'\n', '\n'}};
      case 'r': return {{'\r', '\r'}};
      case 'f': return {{'\f', '\f'}};
      case 'v': return {{'\v', '\v'}};
      case '0': return {{0, 0}};
      case 'x': return hex(2);
      case 'u': return take('{') ? hex(0) : hex(4);
      case 'b':
        if (in_set) return {{'\b', '\b'}};
        lacking("\\b is");
      case 'B': lacking("\\B is");
      case 'p':
      case 'P': lacking("\\p is");
      case 'k': lacking("\\k is");
      default: break;
    }
    if (c >= '1' && c <= '9') lacking("back references are");
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (letter) bad(std::string("an unknown escape \\") + static_cast<char>(c));
    return {{c, c}};
  }

  // So many digits; 0: up to a '}'.
  CharRanges hex(int digits) {
    uint32_t value = 0;
    for (int i = 0; digits == 0 ? !take('}') : i < digits; ++i, ++at_) {
      const uint32_t c = peek();
      const uint32_t digit = c >= '0' && c <= '9'   ? c - '0'
                             : c >= 'a' && c <= 'f' ? c - 'a' + 10
                             : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                    : 16;
      if (digit == 16) bad("an escape without its hexadecimal digits");
      value = (value << 4) | digit;
      if (value > kLastPatternChar) bad("an escape beyond the last character");
    }
    if (value >= 0xD800 && value <= 0xDFFF) lacking("halves of surrogate pairs are");
    return {{value, value}};
  }

  // One of these characters as JSON writes them in a string.
  std::string one_of(const CharRanges& ranges) {
    static constexpr std::pair<uint32_t, const char*> kEscaped[] = {
        {'"', R"("\\\"")"}, {'\\', R"("\\\\")"}, {'\b', R"("\\b")"}, {'\f', R"("\\f")"},
        {'\n', R"("\\n")"}, {'\r', R"("\\r")"},  {'\t', R"("\\t")"}};
    const CharRanges outside = others(ranges);
    CharRanges blocked = outside;
    blocked.insert(blocked.end(), {{0, 0x1F}, {'"', '"'}, {'\\', '\\'}});
    const CharRanges raw = others(blocked);
    std::vector<std::string> out;
    if (!raw.empty()) {
      const bool one = raw.size() == 1 && raw[0].first == raw[0].second;
      out.push_back(one && raw[0].first < 0x7F
                        ? gbnf_literal(std::string(1, static_cast<char>(raw[0].first)))
                        : char_set(raw));
    }
    for (const auto& escaped : kEscaped) {
      const bool in = std::any_of(ranges.begin(), ranges.end(), [&](const auto& range) {
        return range.first <= escaped.first && escaped.first <= range.second;
      });
      if (in) out.push_back(escaped.second);
    }
    if (out.empty()) lacking("sets without a character that JSON writes plainly are");
    return out.size() == 1 ? out[0] : writer_.rule(any_of(out));
  }

  GbnfWriter& writer_;
  std::vector<uint32_t> text_;
  std::size_t at_ = 0;
};

}  // namespace

std::string pattern_string(std::string_view pattern, GbnfWriter& writer) {
  return PatternParser(pattern, writer).parse();
}

}  // namespace infer::llama
