// The runs of bench/llama through the public API.
#ifndef INFER_BENCH_LLAMA_API_H_
#define INFER_BENCH_LLAMA_API_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "infer/infer.h"

namespace infer::bench {

struct ApiRun {
  double first = 0, seconds = 0;  // from stream() to the first content, and to the end
  double processor = 0;           // seconds of processor time of the whole process
  Response response{};
};

// A failed call ends the benchmark with its message.
TextModel load(const std::string& path, std::int64_t context, std::int32_t parallel);

TextRequest greedy(std::string user, std::size_t tokens);
// One reply, read with next().
ApiRun run_one(const TextModel& model, const TextRequest& request);
struct Together {
  std::vector<ApiRun> runs{};
  double seconds = 0, processor = 0;
  // All were opened before the first of them had its first token. Where other work keeps this
  // thread from opening them, they run one after the other, and nothing was done together.
  bool joined = false;
};
// All at once, read on this thread.
Together run_together(const TextModel& model, const std::vector<TextRequest>& requests);

// A number of Usage::raw, or NaN.
double raw_figure(const Response& response, const char* name);

}  // namespace infer::bench

#endif  // INFER_BENCH_LLAMA_API_H_
