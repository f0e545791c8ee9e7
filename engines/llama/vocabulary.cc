#include "vocabulary.h"

#include <algorithm>
#include <cctype>
#include <limits>

#include "refusal.h"

namespace infer::llama {
namespace {

bool is_space(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }

std::size_t character_size(std::string_view text, std::size_t at) {
  std::size_t end = at + 1;
  while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) ++end;
  return end - at;
}

void erase_all(std::string& text, std::string_view piece) {
  if (piece.empty()) return;
  std::string kept;
  std::size_t at = 0;
  for (std::size_t found; (found = text.find(piece, at)) != std::string::npos;) {
    kept.append(text, at, found - at);
    at = found + piece.size();
  }
  if (at != 0) text = kept.append(text, at, std::string::npos);
}

}  // namespace

Vocabulary::Vocabulary(const llama_vocab* vocab)
    : vocab_(vocab), size_(llama_vocab_n_tokens(vocab)) {
  for (llama_token id = 0; id < size_; ++id) {
    const unsigned attr = llama_vocab_get_attr(vocab, id);
    if ((attr & (LLAMA_TOKEN_ATTR_CONTROL | LLAMA_TOKEN_ATTR_UNKNOWN)) == 0) continue;
    std::string text = llama_vocab_get_text(vocab, id);
    if (text.empty()) continue;
    auto& bucket = controls_[static_cast<unsigned char>(text[0])];
    bucket.push_back(Control{std::move(text), id, (attr & LLAMA_TOKEN_ATTR_LSTRIP) != 0,
                             (attr & LLAMA_TOKEN_ATTR_RSTRIP) != 0});
  }
  for (auto& bucket : controls_) {
    std::stable_sort(bucket.begin(), bucket.end(), [](const Control& a, const Control& b) {
      return a.text.size() > b.text.size();
    });
  }
}

void Vocabulary::append_piece(llama_token token, std::string& out) const {
  char buffer[128];
  const int32_t size = llama_token_to_piece(vocab_, token, buffer, sizeof(buffer), 0, false);
  if (size >= 0) {
    out.append(buffer, static_cast<std::size_t>(size));
    return;
  }
  const std::size_t old = out.size();
  out.resize(old + static_cast<std::size_t>(-size));
  if (llama_token_to_piece(vocab_, token, &out[old], -size, 0, false) < 0) out.resize(old);
}

std::string Vocabulary::control_text(llama_token token) const {
  return token == LLAMA_TOKEN_NULL ? std::string()
                                   : std::string(llama_vocab_get_text(vocab_, token));
}

const TokenPieces& Vocabulary::pieces() const {
  std::call_once(pieces_once_, [this] { pieces_ = std::make_unique<const TokenPieces>(vocab_); });
  return *pieces_;
}

llama_token Vocabulary::token_named(std::string_view text) const {
  llama_token token = -1;
  const int32_t count = llama_tokenize(vocab_, text.data(), static_cast<int32_t>(text.size()),
                                       &token, 1, /*add_special=*/false, /*parse_special=*/true);
  return count == 1 ? token : -1;
}

std::vector<llama_token> Vocabulary::suppressed() const {
  int32_t count = 0;
  const llama_token* ids = llama_vocab_get_suppress_tokens(vocab_, &count);
  return count > 0 ? std::vector<llama_token>(ids, ids + count) : std::vector<llama_token>();
}

const Vocabulary::Control* Vocabulary::control_at(std::string_view text, std::size_t at) const {
  for (const Control& control : controls_[static_cast<unsigned char>(text[at])]) {
    if (text.compare(at, control.text.size(), control.text) == 0) return &control;
  }
  return nullptr;
}

std::vector<llama_token> Vocabulary::tokenize_plain(std::string_view text) const {
  if (text.size() > static_cast<std::size_t>(std::numeric_limits<int32_t>::max()))
    throw Refusal(INFER_E_TOO_LARGE, "the prompt is larger than 2 GiB: shorten it");
  const auto length = static_cast<int32_t>(text.size());
  std::vector<llama_token> tokens(text.size() / 2 + 8);
  int32_t count = llama_tokenize(vocab_, text.data(), length, tokens.data(),
                                 static_cast<int32_t>(tokens.size()),
                                 /*add_special=*/false, /*parse_special=*/false);
  if (count < 0) {
    tokens.resize(static_cast<std::size_t>(-static_cast<int64_t>(count)));
    count = llama_tokenize(vocab_, text.data(), length, tokens.data(),
                           static_cast<int32_t>(tokens.size()), false, false);
  }
  if (count < 0) throw Refusal(INFER_E_ENGINE, "the engine could not tokenise the prompt");
  tokens.resize(static_cast<std::size_t>(count));
  return tokens;
}

// Tokenises the text between two control tokens and empties it; a control token may swallow the
// space beside it.
void Vocabulary::append_run(std::string& run, std::string_view guard, bool strip_left,
                            bool strip_right, std::vector<llama_token>& out) const {
  erase_all(run, guard);
  std::size_t begin = 0, end = run.size();
  while (strip_left && begin < end && is_space(run[begin])) ++begin;
  while (strip_right && end > begin && is_space(run[end - 1])) --end;
  if (begin < end) {
    const std::vector<llama_token> tokens =
        tokenize_plain(std::string_view(run).substr(begin, end - begin));
    out.insert(out.end(), tokens.begin(), tokens.end());
  }
  run.clear();
}

std::vector<llama_token> Vocabulary::tokenize(const std::vector<PromptPart>& parts,
                                              std::string_view guard) const {
  std::vector<llama_token> out;
  std::string run;
  bool strip_left = false;
  for (const PromptPart& part : parts) {
    if (part.from_user) {
      run += part.text;
      continue;
    }
    for (std::size_t at = 0; at < part.text.size();) {
      const Control* control = control_at(part.text, at);
      if (control == nullptr) {
        run += part.text[at++];
        continue;
      }
      append_run(run, guard, strip_left, control->strip_left, out);
      out.push_back(control->id);
      strip_left = control->strip_right;
      at += control->text.size();
    }
  }
  append_run(run, guard, strip_left, false, out);
  // Templates differ in whether they write the begin token themselves.
  const bool wanted = llama_vocab_get_add_bos(vocab_) && bos() != LLAMA_TOKEN_NULL;
  if (wanted && (out.empty() || out[0] != bos())) out.insert(out.begin(), bos());
  return out;
}

bool Vocabulary::holds_control_text(std::string_view text) const {
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (control_at(text, at) != nullptr) return true;
  }
  return false;
}

std::string Vocabulary::hide(std::string_view text, std::string_view guard) const {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = character_size(text, at);
    out.append(text, at, size);
    if (control_at(text, at) != nullptr) out += guard;
    at += size;
  }
  return out;
}

std::string guard_for(const std::vector<std::string_view>& texts) {
  const auto free = [&](const std::string& candidate) {
    return std::none_of(texts.begin(), texts.end(), [&](std::string_view text) {
      return text.find(candidate) != std::string_view::npos;
    });
  };
  // U+FDD0 to U+FDEF are noncharacters: nobody exchanges them.
  for (int i = 0; i < 32; ++i) {
    const int code = 0xFDD0 + i;
    const std::string candidate = {static_cast<char>(0xE0 | (code >> 12)),
                                   static_cast<char>(0x80 | ((code >> 6) & 63)),
                                   static_cast<char>(0x80 | (code & 63))};
    if (free(candidate)) return candidate;
  }
  throw Refusal(INFER_E_INVALID_REQUEST,
                "the messages hold all of the noncharacters U+FDD0 to U+FDEF");
}

}  // namespace infer::llama
