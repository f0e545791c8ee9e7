// From the bytes of a stream to typed events, beside simdjson that takes out the text alone.
#ifndef INFER_BENCH_CLIENT_DECODE_H_
#define INFER_BENCH_CLIENT_DECODE_H_

#include <cstddef>

#include "bench/client_corpus.h"

namespace infer::bench {

struct Decoding {
  double ours_ns = 0;  // an event
  double theirs_ns = 0;
  double ratio = 0;  // the median of the rounds' ratios
  std::size_t events = 0;
  std::size_t bytes = 0;
};

// Answers of 500 tokens, in chunks of 16 KiB that both copy once. Ours: SseDecoder, the wire's
// reader, EventQueue, every event looked at. Theirs: BareDecoder. Both must find the same text.
Decoding decode(Dialect dialect, Variety variety, std::size_t answers, int rounds);

}  // namespace infer::bench

#endif  // INFER_BENCH_CLIENT_DECODE_H_
