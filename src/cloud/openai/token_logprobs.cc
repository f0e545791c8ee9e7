#include "src/cloud/openai/token_logprobs.h"

#include <utility>

namespace infer::cloud {

void TokenLogprobs::read(const core::Json& tokens) {
  if (!tokens.is_array()) return;
  for (const core::Json& token : tokens) {
    if (!token.is_object()) continue;
    const core::Json* top = core::find(token, "top_logprobs");
    const bool has_top = top && top->is_array();
    put(token, has_top ? static_cast<std::uint32_t>(top->size()) : 0);
    if (!has_top) continue;
    for (const core::Json& other : *top) put(other, 0);
  }
}

void TokenLogprobs::put(const core::Json& token, std::uint32_t n_top) {
  std::string text = core::string_or(token, "token");
  if (const core::Json* list = core::find(token, "bytes"); list && list->is_array()) {
    text.clear();
    for (const core::Json& byte : *list)
      if (byte.is_number_integer()) text += static_cast<char>(byte.get<std::uint8_t>());
  }
  if (++count > kMax) return;
  TokenLogprob& entry = entries.emplace_back();
  entry.logprob = -9999;  // OpenAI's own figure for "very unlikely"
  if (const core::Json* value = core::find(token, "logprob"); value && value->is_number())
    entry.logprob = value->get<float>();
  if (const auto id = core::int_at(token, "id"); id && *id >= 0 && *id <= INT32_MAX)
    entry.token = static_cast<std::int32_t>(*id);  // llama-server
  entry.bytes = bytes.emplace_back(std::move(text));
  entry.n_top = n_top;
}

TokenLogprobs TokenLogprobs::take() {
  TokenLogprobs taken;
  taken.entries = std::exchange(entries, {});
  taken.bytes = std::exchange(bytes, {});
  taken.count = count;
  return taken;
}

}  // namespace infer::cloud
