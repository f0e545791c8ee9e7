// A model's tokens: pieces, and prompts in which only the template's own text can become a control
// token.
//
// A prompt comes as parts, each either the template's or the user's. Control tokens are looked for
// in the template's parts alone, and only where their whole text stands in one part; everything
// between two of them is then tokenised as one run of plain text, so that an ordinary prompt gets
// exactly the tokens that the flattened text would get.
//
// Some template operations lose the mark of the user's text (a split, tojson). So it is also
// guarded while it passes through the template: a character that occurs nowhere in the request is
// put into each control token's text in it, and taken out again afterwards. Either protection
// suffices alone.
//
// Thread rule: immutable, safe for concurrent use. Lifetime: that of the llama_vocab.
#ifndef INFER_ENGINES_LLAMA_VOCABULARY_H_
#define INFER_ENGINES_LLAMA_VOCABULARY_H_

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "llama.h"
#include "pieces.h"

namespace infer::llama {

struct PromptPart {
  bool from_user = false;
  std::string text;
};

class Vocabulary {
 public:
  explicit Vocabulary(const llama_vocab* vocab);

  int32_t size() const { return size_; }
  // The engine's own handle, for its functions that take one.
  const llama_vocab* engine() const { return vocab_; }
  // The bytes of all tokens, made on first use.
  const TokenPieces& pieces() const;
  // The one token that this text is, control tokens by their names; -1 if there is none.
  llama_token token_named(std::string_view text) const;
  bool ends_reply(llama_token token) const { return llama_vocab_is_eog(vocab_, token); }
  // The bytes of a token as an answer shows them, appended: nothing for a control token.
  void append_piece(llama_token token, std::string& out) const;
  // The text of a control token; empty for LLAMA_TOKEN_NULL.
  std::string control_text(llama_token token) const;
  llama_token bos() const { return llama_vocab_bos(vocab_); }
  llama_token eos() const { return llama_vocab_eos(vocab_); }
  // The tokens that the model must never emit, to be given a bias of minus infinity.
  std::vector<llama_token> suppressed() const;

  // Tokenises a prompt and puts the model's begin token before it where the model wants one.
  // `guard`: what Guard::hide put into it, or empty.
  std::vector<llama_token> tokenize(const std::vector<PromptPart>& parts,
                                    std::string_view guard) const;
  std::vector<llama_token> tokenize_plain(std::string_view text) const;

  // True if the text holds the text of a control token.
  bool holds_control_text(std::string_view text) const;
  // Puts `guard` after the first character of each control token's text.
  std::string hide(std::string_view text, std::string_view guard) const;

 private:
  struct Control {
    std::string text;
    llama_token id;
    bool strip_left, strip_right;
  };

  const Control* control_at(std::string_view text, std::size_t at) const;
  void append_run(std::string& run, std::string_view guard, bool strip_left, bool strip_right,
                  std::vector<llama_token>& out) const;

  const llama_vocab* vocab_;
  int32_t size_;
  mutable std::once_flag pieces_once_;
  mutable std::unique_ptr<const TokenPieces> pieces_;
  std::array<std::vector<Control>, 256> controls_;  // by first byte, the longest first
};

// A character that none of the texts holds: one of Unicode's noncharacters.
std::string guard_for(const std::vector<std::string_view>& texts);

}  // namespace infer::llama

#endif  // INFER_ENGINES_LLAMA_VOCABULARY_H_
