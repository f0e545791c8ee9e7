#include "gbnf.h"

#include <algorithm>
#include <map>
#include <optional>

namespace infer::llama {
namespace {

using Kind = GrammarItem::Kind;
using Ranges = std::vector<std::pair<uint32_t, uint32_t>>;

constexpr std::size_t kMostText = std::size_t{1} << 20;
constexpr std::size_t kMostRules = 32768, kMostItems = 262144;
constexpr uint64_t kMostRepeats = 10000;
constexpr int kDeepest = 64;
constexpr uint32_t kLastChar = 0x10FFFF;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || is_digit(c);
}

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

class Parser {
 public:
  Parser(std::string_view text, const std::function<int32_t(std::string_view)>& token)
      : text_(text), token_(token) {}

  GrammarRules parse() {
    if (text_.size() > kMostText) throw GrammarError("the grammar is larger than 1 MiB");
    if (text_.find('\0') != std::string_view::npos)
      throw GrammarError("the grammar holds a zero byte");
    skip_space(true);
    while (!at_end()) rule();
    const auto root = names_.find("root");
    if (root == names_.end() || !defined_[root->second])
      throw GrammarError("the grammar has no rule named root");
    for (const auto& name : names_) {
      if (!defined_[name.second]) {
        throw GrammarError("line " + std::to_string(first_use_[name.second]) + ": the rule " +
                           name.first + " is used but not defined");
      }
    }
    rules_.root = root->second;
    return std::move(rules_);
  }

  // For errors that are found later: of each rule the named one that it is or stands in.
  std::vector<std::string> names() const {
    std::vector<std::string> out(owner_.size());
    for (const auto& name : names_) out[name.second] = name.first;
    for (uint32_t rule = 0; rule < out.size(); ++rule) out[rule] = out[owner_[rule]];
    return out;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    const auto line = 1 + std::count(text_.begin(), text_.begin() + static_cast<long>(at_), '\n');
    throw GrammarError("line " + std::to_string(line) + ": " + what);
  }
  bool at_end() const { return at_ >= text_.size(); }
  char peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  bool take(char c) {
    if (peek() != c || at_end()) return false;
    ++at_;
    return true;
  }

  void skip_space(bool newlines) {
    for (; !at_end(); ++at_) {
      const char c = peek();
      if (c == '#') {
        while (!at_end() && peek() != '\n' && peek() != '\r') ++at_;
        if (at_end()) return;
        --at_;
      } else if (c != ' ' && c != '\t' && !(newlines && (c == '\n' || c == '\r'))) {
        return;
      }
    }
  }

  uint32_t new_rule(uint32_t owner) {
    if (rules_.alternatives.size() >= kMostRules)
      fail("the grammar has more than " + std::to_string(kMostRules) + " rules and groups");
    const auto id = static_cast<uint32_t>(rules_.alternatives.size());
    rules_.alternatives.emplace_back();
    defined_.push_back(false);
    first_use_.push_back(0);
    owner_.push_back(owner == kItself ? id : owner);
    return id;
  }
  uint32_t named_rule(const std::string& name) {
    const auto found = names_.find(name);
    if (found != names_.end()) return found->second;
    const uint32_t id = new_rule(kItself);
    first_use_[id] = 1 + std::count(text_.begin(), text_.begin() + static_cast<long>(at_), '\n');
    names_.emplace(name, id);
    return id;
  }

  std::string name() {
    const std::size_t begin = at_;
    while (is_word(peek())) ++at_;
    if (at_ == begin) fail("a rule's name is expected (letters, digits and -)");
    return std::string(text_.substr(begin, at_ - begin));
  }

  void rule() {
    const std::string called = name();
    const uint32_t id = named_rule(called);
    if (defined_[id]) fail("the rule " + called + " is defined twice");
    skip_space(false);
    if (text_.substr(at_, 3) != "::=") fail("::= is expected after the name " + called);
    at_ += 3;
    skip_space(true);
    current_ = id;
    alternates(id, 0);
    defined_[id] = true;
    if (!at_end() && peek() != '\n' && peek() != '\r')
      fail(std::string("unexpected '") + peek() + "'");
    skip_space(true);
  }

  void alternates(uint32_t id, int depth) {
    std::vector<std::vector<GrammarItem>> found;
    do {
      if (!found.empty()) skip_space(true);
      found.push_back(sequence(depth));
    } while (take('|'));
    define(id, found);
  }

  void define(uint32_t id, const std::vector<std::vector<GrammarItem>>& alternatives) {
    for (const auto& sequence : alternatives) {
      if (rules_.items.size() + sequence.size() >= kMostItems)
        fail("the grammar has more than " + std::to_string(kMostItems) + " items");
      rules_.alternatives[id].push_back(static_cast<uint32_t>(rules_.items.size()));
      rules_.items.insert(rules_.items.end(), sequence.begin(), sequence.end());
      rules_.items.push_back({});
    }
    defined_[id] = true;
  }

  // A rule of its own for these items, where there is not just one.
  GrammarItem as_one(std::vector<GrammarItem> items) {
    if (items.size() == 1) return items[0];
    const uint32_t id = new_rule(current_);
    define(id, {std::move(items)});
    return {Kind::kRule, id};
  }

  std::vector<GrammarItem> sequence(int depth) {
    std::vector<GrammarItem> out;
    std::size_t last = 0;  // where the last symbol begins in `out`
    const bool nested = depth > 0;
    for (; !at_end(); skip_space(nested)) {
      const char c = peek();
      if (c == '*' || c == '+' || c == '?' || c == '{') {
        if (last == out.size()) fail(std::string("nothing stands before '") + c + "'");
        std::vector<GrammarItem> symbol(out.begin() + static_cast<long>(last), out.end());
        out.resize(last);
        out.push_back(repeated(std::move(symbol)));
        continue;
      }
      const std::size_t begin = out.size();
      if (!symbol(depth, out)) break;
      last = begin;
    }
    return out;
  }

  // One symbol appended; false where none begins here.
  bool symbol(int depth, std::vector<GrammarItem>& out) {
    const char c = peek();
    if (c == '"') {
      literal(out);
    } else if (c == '[') {
      out.push_back(set());
    } else if (c == '.') {
      ++at_;
      out.push_back(add_set(CharSet({{0, kLastChar}}, false)));
    } else if (c == '<' || c == '!') {
      out.push_back(token_item());
    } else if (c == '(') {
      if (depth + 1 > kDeepest) fail("groups are nested deeper than " + std::to_string(kDeepest));
      ++at_;
      skip_space(true);
      const uint32_t id = new_rule(current_);
      alternates(id, depth + 1);
      if (!take(')')) fail("')' is expected");
      out.push_back({Kind::kRule, id});
    } else if (is_word(c)) {
      const std::string called = name();
      out.push_back({Kind::kRule, named_rule(called)});
    } else {
      return false;
    }
    return true;
  }

  void literal(std::vector<GrammarItem>& out) {
    ++at_;
    while (!take('"')) {
      if (at_end()) fail("the literal has no closing '\"'");
      const uint32_t c = character();
      out.push_back(single(c));
      if (out.size() > kMostItems)
        fail("the grammar has more than " + std::to_string(kMostItems) + " items");
    }
  }

  GrammarItem single(uint32_t c) {
    const auto known = singles_.find(c);
    if (known != singles_.end()) return {Kind::kChars, known->second};
    const GrammarItem item = add_set(CharSet({{c, c}}, false));
    singles_.emplace(c, item.value);
    return item;
  }
  GrammarItem add_set(CharSet set) {
    rules_.sets.push_back(std::move(set));
    return {Kind::kChars, static_cast<uint32_t>(rules_.sets.size() - 1)};
  }

  GrammarItem set() {
    ++at_;
    const bool negated = take('^');
    Ranges ranges;
    while (!take(']')) {
      if (at_end()) fail("the character set has no closing ']'");
      const uint32_t low = character();
      uint32_t high = low;
      if (peek() == '-' && peek(1) != ']') {
        ++at_;
        if (at_end()) fail("the character set has no closing ']'");
        high = character();
        if (high < low) fail("a range of characters runs backwards");
      }
      ranges.emplace_back(low, high);
    }
    return add_set(CharSet(std::move(ranges), negated));
  }

  uint32_t character() {
    if (take('\\')) return escape();
    const auto first = static_cast<unsigned char>(peek());
    const int more = first < 0x80 ? 0 : first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : 1;
    uint32_t value = more == 0 ? first : first & (0x3Fu >> more);
    for (int i = 1; i <= more; ++i) {
      const auto next = static_cast<unsigned char>(peek(static_cast<std::size_t>(i)));
      if ((next & 0xC0) != 0x80 || (first & 0xC0) == 0x80) fail("the grammar is not UTF-8");
      value = (value << 6) | (next & 0x3Fu);
    }
    at_ += static_cast<std::size_t>(more) + 1;
    return checked(value);
  }
  uint32_t checked(uint32_t c) const {
    if (c > kLastChar || (c >= 0xD800 && c <= 0xDFFF)) fail("this is no character of Unicode");
    return c;
  }

  uint32_t escape() {
    const char c = peek();
    ++at_;
    switch (c) {
      case 'x': return hex(2);
      case 'u': return hex(4);
      case 'U': return hex(8);
      case 't': return '\t';
      case 'r': return '\r';
      case 'n': return '\n';
      case '\\':
      case '"':
      case '[':
      case ']':
      case '-': return static_cast<unsigned char>(c);
      default:
        --at_;
        fail("unknown escape; known are \\x \\u \\U \\t \\r \\n \\\\ \\\" \\[ \\] \\-");
    }
  }
  uint32_t hex(int digits) {
    uint32_t value = 0;
    for (int i = 0; i < digits; ++i, ++at_) {
      const int digit = hex_value(peek());
      if (digit < 0) fail(std::to_string(digits) + " hexadecimal digits are expected");
      value = (value << 4) | static_cast<uint32_t>(digit);
    }
    return checked(value);
  }

  GrammarItem token_item() {
    const Kind kind = take('!') ? Kind::kNotToken : Kind::kToken;
    if (peek() != '<') fail("a token <name> or <[id]> is expected");
    const std::size_t end = text_.find('>', at_);
    if (end == std::string_view::npos) fail("the token has no closing '>'");
    const std::string_view text = text_.substr(at_, end + 1 - at_);
    if (text.find('\n') != std::string_view::npos) fail("the token has no closing '>'");
    std::optional<int64_t> id;
    if (text.size() >= 5 && text[1] == '[' && text[text.size() - 2] == ']') {
      const std::string digits(text.substr(2, text.size() - 4));
      if (digits.size() <= 9 && std::all_of(digits.begin(), digits.end(), is_digit))
        id = std::stoll(digits);
    } else {
      id = token_(text);
    }
    if (!id || *id < 0) fail("the model has no token " + std::string(text));
    at_ = end + 1;
    return {kind, static_cast<uint32_t>(*id)};
  }

  uint64_t number() {
    const std::size_t begin = at_;
    uint64_t value = 0;
    for (; is_digit(peek()); ++at_)
      value = std::min<uint64_t>(value * 10 + static_cast<uint64_t>(peek() - '0'), 1u << 30);
    if (at_ == begin) fail("a number of repetitions is expected");
    if (value > kMostRepeats)
      fail("more than " + std::to_string(kMostRepeats) + " repetitions are not supported");
    return value;
  }

  GrammarItem repeated(std::vector<GrammarItem> symbol) {
    const char c = peek();
    ++at_;
    uint64_t least = c == '+' ? 1 : 0;
    std::optional<uint64_t> most;
    if (c == '?') most = 1;
    if (c == '{') {
      skip_space(true);
      least = number();
      skip_space(true);
      most = least;
      if (take(',')) {
        skip_space(true);
        most.reset();
        if (is_digit(peek())) most = number();
        skip_space(true);
      }
      if (!take('}')) fail("'}' is expected");
      if (most && *most < least) fail("the least number of repetitions is above the most");
    }
    return repeat(as_one(std::move(symbol)), least, most);
  }

  // S{m,n} becomes S S S (m times) and a chain of n - m rules, each S and the next or nothing.
  GrammarItem repeat(GrammarItem one, uint64_t least, std::optional<uint64_t> most) {
    std::vector<GrammarItem> out(least, one);
    if (!most) {
      const uint32_t id = new_rule(current_);
      define(id, {{one, {Kind::kRule, id}}, {}});
      out.push_back({Kind::kRule, id});
    } else if (*most > least) {
      std::optional<uint32_t> rest;
      for (uint64_t i = least; i < *most; ++i) {
        const uint32_t id = new_rule(current_);
        std::vector<GrammarItem> go_on{one};
        if (rest) go_on.push_back({Kind::kRule, *rest});
        define(id, {go_on, {}});
        rest = id;
      }
      out.push_back({Kind::kRule, *rest});
    }
    return as_one(std::move(out));
  }

  static constexpr uint32_t kItself = UINT32_MAX;

  std::string_view text_;
  const std::function<int32_t(std::string_view)>& token_;
  std::size_t at_ = 0;
  uint32_t current_ = 0;
  GrammarRules rules_;
  std::map<std::string, uint32_t> names_;
  std::map<uint32_t, uint32_t> singles_;
  std::vector<bool> defined_;
  std::vector<long> first_use_;  // line
  std::vector<uint32_t> owner_;  // the named rule that a group or repetition stands in
};

// Which rules have the property that one of their alternatives has: that all its items have it.
template <class Has>
std::vector<bool> rules_where(const GrammarRules& rules, Has&& item_has) {
  // For each rule the rules that wait for it, so that the whole takes linear time.
  std::vector<std::vector<uint32_t>> waiting(rules.alternatives.size());
  std::vector<bool> has(rules.alternatives.size(), false);
  std::vector<uint32_t> work;
  const auto look = [&](uint32_t rule) {
    for (const uint32_t begin : rules.alternatives[rule]) {
      uint32_t at = begin;
      while (rules.items[at].kind != Kind::kEnd && item_has(rules.items[at], has)) ++at;
      if (rules.items[at].kind == Kind::kEnd) return true;
      if (rules.items[at].kind == Kind::kRule) waiting[rules.items[at].value].push_back(rule);
    }
    return false;
  };
  const auto settle = [&](uint32_t rule) {
    if (has[rule] || !look(rule)) return;
    has[rule] = true;
    work.push_back(rule);
  };
  for (uint32_t rule = 0; rule < has.size(); ++rule) settle(rule);
  while (!work.empty()) {
    const uint32_t done = work.back();
    work.pop_back();
    const std::vector<uint32_t> waits = std::move(waiting[done]);
    waiting[done].clear();
    for (const uint32_t rule : waits) settle(rule);
  }
  return has;
}

// Takes out alternatives that no finite text satisfies: a matcher must not walk into them.
void drop_endless(GrammarRules& rules, const std::vector<std::string>& names) {
  const auto item_ends = [&](const GrammarItem& item, const std::vector<bool>& ends) {
    if (item.kind == Kind::kChars) return !rules.sets[item.value].empty();
    return item.kind != Kind::kRule || ends[item.value];
  };
  const std::vector<bool> ends = rules_where(rules, item_ends);
  if (!ends[rules.root]) {
    for (uint32_t rule = 0; rule < ends.size(); ++rule) {
      if (!ends[rule] && names[rule] != "root") {
        throw GrammarError("no text of finite length satisfies root: the rule " + names[rule] +
                           " never ends");
      }
    }
    throw GrammarError("no text of finite length satisfies root");
  }
  for (auto& alternatives : rules.alternatives) {
    const auto endless = [&](uint32_t at) {
      while (rules.items[at].kind != Kind::kEnd && item_ends(rules.items[at], ends)) ++at;
      return rules.items[at].kind != Kind::kEnd;
    };
    alternatives.erase(std::remove_if(alternatives.begin(), alternatives.end(), endless),
                       alternatives.end());
  }
}

// Which rules reach which before any character: an edge to each item that only empty things stand
// before. A cycle is harmless if all its edges lead to the last item of their alternative, for the
// stack of a matcher does not grow on it; any other is left recursion.
class LeftRecursion {
 public:
  explicit LeftRecursion(const GrammarRules& rules) : rules_(rules) {
    empty_ = rules_where(rules, [](const GrammarItem& item, const std::vector<bool>& empty) {
      return item.kind == Kind::kRule && empty[item.value];
    });
    order_.assign(rules.alternatives.size(), 0);
    component_.assign(rules.alternatives.size(), 0);
    for (uint32_t rule = 0; rule < order_.size(); ++rule) {
      if (order_[rule] == 0) visit(rule);
    }
  }

  std::optional<uint32_t> find() const {
    for (uint32_t rule = 0; rule < order_.size(); ++rule) {
      bool found = false;
      edges(rule,
            [&](uint32_t to, bool last) { found |= !last && component_[rule] == component_[to]; });
      if (found) return rule;
    }
    return std::nullopt;
  }

 private:
  template <class Visit>
  void edges(uint32_t rule, Visit&& visit_edge) const {
    for (uint32_t at : rules_.alternatives[rule]) {
      for (; rules_.items[at].kind == Kind::kRule; ++at) {
        visit_edge(rules_.items[at].value, rules_.items[at + 1].kind == Kind::kEnd);
        if (!empty_[rules_.items[at].value]) break;
      }
    }
  }

  struct Frame {
    uint32_t rule;
    std::vector<uint32_t> to;
    std::size_t next;
  };
  Frame frame(uint32_t rule) {
    order_[rule] = low_[rule] = ++counter_;
    stack_.push_back(rule);
    Frame out{rule, {}, 0};
    edges(rule, [&](uint32_t to, bool) { out.to.push_back(to); });
    return out;
  }

  // Tarjan's strongly connected components, without recursion: rules may chain 32,768 deep.
  void visit(uint32_t start) {
    low_.resize(order_.size());
    std::vector<Frame> frames;
    frames.push_back(frame(start));
    while (!frames.empty()) {
      Frame& top = frames.back();
      if (top.next < top.to.size()) {
        const uint32_t to = top.to[top.next++];
        if (order_[to] == 0) {
          frames.push_back(frame(to));
        } else if (component_[to] == 0) {
          low_[top.rule] = std::min(low_[top.rule], order_[to]);
        }
        continue;
      }
      const uint32_t rule = top.rule;
      frames.pop_back();
      if (!frames.empty())
        low_[frames.back().rule] = std::min(low_[frames.back().rule], low_[rule]);
      if (low_[rule] == order_[rule]) close(rule);
    }
  }
  void close(uint32_t rule) {
    ++components_;
    uint32_t member;
    do {
      member = stack_.back();
      stack_.pop_back();
      component_[member] = components_;
    } while (member != rule);
  }

  const GrammarRules& rules_;
  std::vector<bool> empty_;
  std::vector<uint32_t> order_, low_, component_, stack_;
  uint32_t counter_ = 0, components_ = 0;
};

}  // namespace

CharSet::CharSet(std::vector<std::pair<uint32_t, uint32_t>> ranges, bool negated) {
  std::sort(ranges.begin(), ranges.end());
  Ranges merged;
  for (const auto& range : ranges) {
    if (!merged.empty() && range.first <= merged.back().second + 1) {
      merged.back().second = std::max(merged.back().second, range.second);
    } else {
      merged.push_back(range);
    }
  }
  if (negated) {
    Ranges others;
    uint32_t next = 0;
    for (const auto& range : merged) {
      if (range.first > next) others.emplace_back(next, range.first - 1);
      next = range.second + 1;
    }
    if (next <= kLastChar) others.emplace_back(next, kLastChar);
    merged = std::move(others);
  }
  // Surrogates are no characters.
  for (const auto& range : merged) {
    const auto low = std::pair(range.first, std::min(range.second, 0xD7FFu));
    const auto high = std::pair(std::max(range.first, 0xE000u), range.second);
    if (low.first <= low.second) ranges_.push_back(low);
    if (high.first <= high.second) ranges_.push_back(high);
  }
}

bool CharSet::has(uint32_t c) const { return overlaps(c, c); }

bool CharSet::overlaps(uint32_t low, uint32_t high) const {
  const auto after =
      std::upper_bound(ranges_.begin(), ranges_.end(), high,
                       [](uint32_t value, const auto& range) { return value < range.first; });
  return after != ranges_.begin() && std::prev(after)->second >= low;
}

GrammarRules parse_gbnf(std::string_view text,
                        const std::function<int32_t(std::string_view)>& token) {
  Parser parser(text, token);
  GrammarRules rules = parser.parse();
  const std::vector<std::string> names = parser.names();
  drop_endless(rules, names);
  if (const std::optional<uint32_t> rule = LeftRecursion(rules).find()) {
    throw GrammarError("the rule " + names[*rule] +
                       " begins with itself (left recursion), which is not supported");
  }
  return rules;
}

std::string gbnf_literal(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
  }
  return out += '"';
}

}  // namespace infer::llama
