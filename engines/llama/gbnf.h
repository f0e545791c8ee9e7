// GBNF, the grammar language of llama.cpp, read into rules that a matcher can walk.
//
// Read is the language of llama.cpp's grammars/README.md: rules `name ::= ...`, literals, character
// sets, `.`, groups, alternatives, `* + ? {m} {m,} {m,n}`, references, tokens `<name>`, `<[id]>`
// and their negations `!<...>`, comments. What llama.cpp's own reader dies of (50,000 parentheses),
// never ends on, or prints to the terminal is an error here, with its line: groups nested deeper
// than 64, more than 1 MiB of text, 32,768 rules or 262,144 items, repetitions above 10,000, rules
// that are not defined or begin with themselves, and a root that no finite text satisfies.
#ifndef INFER_ENGINES_LLAMA_GBNF_H_
#define INFER_ENGINES_LLAMA_GBNF_H_

#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace infer::llama {

// What is wrong with a grammar; what() begins with the line where it has one.
class GrammarError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Characters, as ranges of code points: sorted, disjoint, without surrogates.
class CharSet {
 public:
  // Any order, may overlap. `negated`: all others.
  CharSet(std::vector<std::pair<uint32_t, uint32_t>> ranges, bool negated);
  bool has(uint32_t c) const;
  bool overlaps(uint32_t low, uint32_t high) const;
  bool empty() const { return ranges_.empty(); }

 private:
  std::vector<std::pair<uint32_t, uint32_t>> ranges_;
};

struct GrammarItem {
  enum class Kind : uint8_t { kEnd, kRule, kChars, kToken, kNotToken };
  Kind kind = Kind::kEnd;
  uint32_t value = 0;  // index of a rule, index of a set, id of a token
};

// Immutable, safe for concurrent use.
struct GrammarRules {
  std::vector<GrammarItem> items;                   // sequences, each ended by kEnd
  std::vector<std::vector<uint32_t>> alternatives;  // of each rule: where in `items` they begin
  std::vector<CharSet> sets;
  uint32_t root = 0;
};

// `token`: the id of the token with this text, as `<name>` writes it, or -1. Throws GrammarError.
GrammarRules parse_gbnf(std::string_view text,
                        const std::function<int32_t(std::string_view)>& token);

// A literal of this text.
std::string gbnf_literal(std::string_view text);

}  // namespace infer::llama

#endif  // INFER_ENGINES_LLAMA_GBNF_H_
