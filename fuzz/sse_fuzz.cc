// The decoder of server-sent events, fed in random pieces, gives what the standard's prose gives;
// with a small limit, what it gives for the bytes in one piece.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "src/http/sse_oracle.h"

namespace {

void demand(bool same, const char* what) {
  if (same) return;
  std::fprintf(stderr, "sse_fuzz: %s\n", what);
  std::abort();
}

}  // namespace

// The first byte says how many cuts there are (up to 7), each of the next ones where, in 256ths of
// the rest.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t n = std::min<std::size_t>(data[0] % 8, size - 1);
  const std::string_view wire(reinterpret_cast<const char*>(data) + 1 + n, size - 1 - n);
  std::vector<std::size_t> cuts;
  for (std::size_t i = 0; i < n; ++i) cuts.push_back(wire.size() * data[1 + i] / 255);
  std::sort(cuts.begin(), cuts.end());
  demand(infer::test::sse_decode(wire, cuts) == infer::test::SseOracle::read(wire),
         "not what the oracle gives");
  const std::size_t limit = data[0] / 8;
  demand(infer::test::sse_decode(wire, cuts, limit) == infer::test::sse_decode(wire, {}, limit),
         "with a limit, not what the whole gives");
  return 0;
}
