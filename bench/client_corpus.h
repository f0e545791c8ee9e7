// Answers as the providers send them: what bench client's server serves and what its decoders read.
#ifndef INFER_BENCH_CLIENT_CORPUS_H_
#define INFER_BENCH_CLIENT_CORPUS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace infer::bench {

enum class Dialect : std::uint8_t { kOpenAi, kAnthropic };

// How much the events of one answer resemble each other.
enum class Variety : std::uint8_t {
  kReal,     // as the provider sends them: ids and times are those of the answer, padding varies
  kHostile,  // ids, times or spacing differ from event to event: nothing can be learnt
};

// The blocks of one streamed answer of `tokens` pieces of text, each with the empty line that ends
// it; the first and last ones are the provider's own frame. The same for the same seed.
std::vector<std::string> stream_events(Dialect dialect, std::size_t tokens, Variety variety,
                                       std::uint32_t seed);
// A short answer in one piece.
std::string whole_answer(Dialect dialect);

}  // namespace infer::bench

#endif  // INFER_BENCH_CLIENT_CORPUS_H_
