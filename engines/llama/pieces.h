// The bytes of every token of a vocabulary, in order, so that a grammar can be held against all of
// them by walking the beginnings that they share only once.
#ifndef INFER_ENGINES_LLAMA_PIECES_H_
#define INFER_ENGINES_LLAMA_PIECES_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "llama.h"

namespace infer::llama {

// Immutable, safe for concurrent use.
class TokenPieces {
 public:
  explicit TokenPieces(const llama_vocab* vocab);

  std::size_t size() const { return spans_.size(); }
  // What the token stands for in a text; a control token's name.
  std::string_view bytes(llama_token token) const {
    const Span& span = spans_[static_cast<std::size_t>(token)];
    return std::string_view(text_).substr(span.begin, span.size);
  }
  // An answer shows nothing of it.
  bool is_control(llama_token token) const { return flags_[static_cast<std::size_t>(token)] & 1; }
  bool ends_reply(llama_token token) const { return flags_[static_cast<std::size_t>(token)] & 2; }
  // All tokens that have bytes, by these.
  const std::vector<llama_token>& by_bytes() const { return by_bytes_; }
  // How many bytes by_bytes()[i] shares with the token before it.
  uint32_t shared(std::size_t i) const { return shared_[i]; }
  const std::vector<llama_token>& ending() const { return ending_; }

 private:
  struct Span {
    uint32_t begin, size;
  };
  std::string text_;
  std::vector<Span> spans_;
  std::vector<uint8_t> flags_;
  std::vector<llama_token> by_bytes_, ending_;
  std::vector<uint32_t> shared_;
};

}  // namespace infer::llama

#endif  // INFER_ENGINES_LLAMA_PIECES_H_
