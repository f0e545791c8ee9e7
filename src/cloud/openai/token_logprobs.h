// Log-probabilities as both of OpenAI's text APIs list them:
// [{"token":..., "logprob":..., "bytes":[...], "top_logprobs":[...]}, ...]
#ifndef INFER_SRC_CLOUD_OPENAI_TOKEN_LOGPROBS_H_
#define INFER_SRC_CLOUD_OPENAI_TOKEN_LOGPROBS_H_

#include <cstddef>
#include <list>
#include <string>
#include <vector>

#include "infer/event.h"
#include "src/core/json.h"

namespace infer::cloud {

// Those that wait for the text they belong to.
struct TokenLogprobs {
  // Of one answer, alternatives included: what a server may make this process keep.
  static constexpr std::size_t kMax = 4 * 1000 * 1000;

  std::vector<TokenLogprob> entries{};
  std::list<std::string> bytes{};  // what the entries point to
  std::size_t count = 0;  // of all that were read, taken ones included; beyond kMax dropped

  void read(const core::Json& tokens);
  bool empty() const noexcept { return entries.empty(); }
  // Those that wait; `count` goes on.
  TokenLogprobs take();

 private:
  void put(const core::Json& token, std::uint32_t n_top);
};

}  // namespace infer::cloud

#endif  // INFER_SRC_CLOUD_OPENAI_TOKEN_LOGPROBS_H_
