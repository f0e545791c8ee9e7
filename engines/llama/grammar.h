// A grammar that an answer must follow: compiled once per request, walked by each of its choices.
//
// The walk is ours, not llama.cpp's (llama_sampler_init_grammar), for four reasons. Its time for
// one token is bounded here: an ambiguous grammar such as ("a"?){500} takes llama.cpp time
// exponential in the token's length. Only valid UTF-8 is let through, so that JSON from a model
// that works in bytes is JSON. Nothing is printed, and no reader recurses over what a caller wrote.
// And control tokens, of which an answer shows nothing, do not count as text where the caller reads
// the answer. grammar_test.cc holds both against each other.
//
// How it works: the places in the rules where an answer may stand are stacks, kept as a tree whose
// nodes are shared, so that equal stacks are one number; a state is a set of such numbers, and
// states remember where each ASCII character leads. Strings and numbers thus take one table look-up
// a byte.
#ifndef INFER_ENGINES_LLAMA_GRAMMAR_H_
#define INFER_ENGINES_LLAMA_GRAMMAR_H_

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <regex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "gbnf.h"
#include "llama.h"
#include "settings.h"
#include "vocabulary.h"

namespace infer::llama {

struct GrammarSpec {
  std::string gbnf;  // empty: none
  // Lazy: binding only from the first place on where one of these is met (a tool call's beginning).
  // A token that completes a trigger but that the grammar does not allow there is not drawn.
  bool lazy = false;
  std::vector<std::string> trigger_words;     // plain text
  std::vector<std::string> trigger_patterns;  // ECMAScript; begins at the first group that matched
  std::vector<llama_token> trigger_tokens;
  // Control tokens do not stand for their names: for an answer whose text a caller reads. Otherwise
  // they do, as the markers of tool calls must.
  bool text_only = false;
  std::string field = "tools";  // of the request, for errors

  bool empty() const { return gbnf.empty(); }
};

// The grammar of the form that the request demands: none for text.
GrammarSpec grammar_of(const OutputForm& output);

// Immutable, safe for concurrent use. Lifetime: within that of the vocabulary.
class Grammar {
 public:
  // Throws Refusal, naming the field, the line and what is wrong.
  Grammar(const GrammarSpec& spec, const Vocabulary& vocabulary);

  const GrammarRules& rules() const { return rules_; }
  const TokenPieces& pieces() const { return pieces_; }
  const GrammarSpec& spec() const { return spec_; }
  const std::vector<std::regex>& patterns() const { return patterns_; }

 private:
  const GrammarSpec spec_;
  const TokenPieces& pieces_;
  GrammarRules rules_;
  std::vector<std::regex> patterns_;
};

// Where one answer stands. One thread at a time. All but the constructor throw Refusal where the
// grammar is so ambiguous that the work for one token would leave its bounds (some tenths of a
// second).
class GrammarState {
 public:
  explicit GrammarState(std::shared_ptr<const Grammar> grammar);

  // Whether this token may come next. The tokens that end a reply may where the grammar is
  // complete.
  bool allows(llama_token token);
  // Moves on. The token must be allowed.
  void accept(llama_token token);
  // Of the whole vocabulary, by token id: 1 where it may come next. Valid until the next call. Null
  // while a lazy grammar still waits: then only single tokens can be asked for.
  const std::vector<uint8_t>* allowed();
  // The answer may end here.
  bool complete() const;

 private:
  // A stack: the item that comes next, and the stack below, where the walk goes on after the end of
  // its sequence. 0 is the empty stack.
  struct Node {
    uint32_t item, below;
  };
  struct State {
    std::vector<uint32_t> nodes;  // sorted; their items are characters or tokens; 0: complete
    std::vector<uint32_t> wide;   // those whose characters are not all ASCII
    bool has_tokens = false;
    std::array<int32_t, 128> next;  // by ASCII character
  };
  // A state, and the beginning of a character.
  struct Place {
    int32_t state = 0;
    uint32_t value = 0, least = 0;
    int more = 0;  // bytes that are still missing
  };
  struct Said {
    llama_token token;
    std::size_t begin;  // in said_
  };

  void begin_work();
  void spend(std::size_t work);
  uint32_t node(uint32_t item, uint32_t below);
  void close(std::vector<uint32_t> open, std::vector<uint32_t>& out);
  const std::vector<uint32_t>& after(uint32_t node);
  int32_t state_of(std::vector<uint32_t> nodes);
  int32_t initial();
  int32_t step(int32_t state, uint32_t character);
  bool step(Place& place, unsigned char byte);
  bool may_stop(const Place& place) const;
  bool walk(Place& place, std::string_view bytes);
  int32_t step_token(int32_t state, llama_token token);
  std::optional<Place> after_token(const Place& place, llama_token token);
  std::optional<std::size_t> find_trigger() const;
  std::optional<Place> triggered(llama_token token, bool& hit);
  void forget();

  std::shared_ptr<const Grammar> grammar_;
  std::vector<Node> nodes_;
  std::unordered_map<uint64_t, uint32_t> node_ids_;
  std::unordered_map<uint32_t, std::vector<uint32_t>> after_;
  std::vector<State> states_;
  std::map<std::vector<uint32_t>, int32_t> state_ids_;
  std::vector<uint32_t> marks_;  // by node: the last close() that met it
  uint32_t mark_ = 0;
  std::size_t work_ = 0;
  Place place_;
  std::vector<uint8_t> allowed_;
  // While a lazy grammar waits: what was said, the last of it.
  bool waiting_;
  bool cut_ = false;  // the beginning of said_ was dropped
  std::string said_;
  std::vector<Said> tokens_said_;
};

}  // namespace infer::llama

#endif  // INFER_ENGINES_LLAMA_GRAMMAR_H_
