#include "pieces.h"

#include <algorithm>

namespace infer::llama {
namespace {

// Appends the token's bytes, special tokens by their names.
void append(const llama_vocab* vocab, llama_token token, std::string& out) {
  char buffer[256];
  const int32_t size = llama_token_to_piece(vocab, token, buffer, sizeof(buffer), 0, true);
  if (size >= 0) {
    out.append(buffer, static_cast<std::size_t>(size));
    return;
  }
  const std::size_t old = out.size();
  out.resize(old + static_cast<std::size_t>(-size));
  if (llama_token_to_piece(vocab, token, &out[old], -size, 0, true) < 0) out.resize(old);
}

}  // namespace

TokenPieces::TokenPieces(const llama_vocab* vocab) {
  const int32_t count = llama_vocab_n_tokens(vocab);
  for (llama_token token = 0; token < count; ++token) {
    const auto begin = static_cast<uint32_t>(text_.size());
    append(vocab, token, text_);
    spans_.push_back({begin, static_cast<uint32_t>(text_.size()) - begin});
    char none;
    const bool hidden =
        spans_.back().size > 0 && llama_token_to_piece(vocab, token, &none, 0, 0, false) == 0;
    const bool ends = llama_vocab_is_eog(vocab, token);
    flags_.push_back(static_cast<uint8_t>((hidden ? 1 : 0) | (ends ? 2 : 0)));
    if (ends) ending_.push_back(token);
    if (spans_.back().size > 0) by_bytes_.push_back(token);
  }
  std::sort(by_bytes_.begin(), by_bytes_.end(), [this](llama_token a, llama_token b) {
    const int order = bytes(a).compare(bytes(b));
    return order != 0 ? order < 0 : a < b;
  });
  std::string_view before;
  for (const llama_token token : by_bytes_) {
    const std::string_view now = bytes(token);
    const auto differs = std::mismatch(before.begin(), before.end(), now.begin(), now.end());
    shared_.push_back(static_cast<uint32_t>(differs.second - now.begin()));
    before = now;
  }
}

}  // namespace infer::llama
