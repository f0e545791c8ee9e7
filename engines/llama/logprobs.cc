#include "logprobs.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace infer::llama {
namespace {

// A heap of the likeliest so far, the least likely of them in front.
struct Likelier {
  bool operator()(const TokenProbability& a, const TokenProbability& b) const {
    return a.logprob != b.logprob ? a.logprob > b.logprob : a.token < b.token;
  }
};

}  // namespace

void logprobs_of(const float* logits, int32_t vocabulary, llama_token chosen, uint32_t top,
                 std::vector<TokenProbability>& out) {
  out.clear();
  out.push_back({chosen, logits[chosen]});
  const std::size_t most = std::min<std::size_t>(top, static_cast<std::size_t>(vocabulary));
  const auto begin = [&] { return out.begin() + 1; };
  const float highest = *std::max_element(logits, logits + vocabulary);
  double sum = 0;
  for (llama_token token = 0; token < vocabulary; ++token) {
    const TokenProbability candidate{token, logits[token]};
    sum += std::exp(static_cast<double>(candidate.logprob) - highest);
    if (out.size() - 1 < most) {
      out.push_back(candidate);
      std::push_heap(begin(), out.end(), Likelier());
    } else if (most > 0 && Likelier()(candidate, *begin())) {
      std::pop_heap(begin(), out.end(), Likelier());
      out.back() = candidate;
      std::push_heap(begin(), out.end(), Likelier());
    }
  }
  std::sort_heap(begin(), out.end(), Likelier());
  const double total = highest + std::log(sum);
  for (TokenProbability& item : out) {
    item.logprob =
        std::max(static_cast<float>(item.logprob - total), std::numeric_limits<float>::lowest());
  }
}

}  // namespace infer::llama
