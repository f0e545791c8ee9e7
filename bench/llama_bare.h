// The bound of bench/llama: llama.cpp without this library, as one would write it for speed. A
// prompt is decoded in one go, then a token at a time, the likeliest of the logits.
#ifndef INFER_BENCH_LLAMA_BARE_H_
#define INFER_BENCH_LLAMA_BARE_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "llama.h"

namespace infer::bench {

using Tokens = std::vector<llama_token>;

// Processor time of the whole process so far, in seconds.
double processor_time();

// What the random model's ChatML template makes of one user message.
Tokens chat_tokens(std::string_view user);

class Bare {
 public:
  struct Run {
    double first = 0, seconds = 0;  // to the first token, and in all
    double processor = 0;           // seconds of processor time of the whole process
    std::vector<Tokens> written;    // by each sequence
  };

  // `context`: tokens per sequence. `unified`: all sequences share one cache. One thread.
  Bare(const std::string& path, uint32_t context, uint32_t sequences, bool unified);
  ~Bare();
  Bare(const Bare&) = delete;
  Bare& operator=(const Bare&) = delete;

  // Writes `count` tokens after each of the prompts, all of them together. A sequence keeps what
  // its prompt has in common with what it did before, but at most the first `keep` tokens.
  Run run(const std::vector<Tokens>& prompts, std::size_t count, std::size_t keep);
  std::string text(const Tokens& tokens) const;

 private:
  void add(llama_token token, std::size_t position, std::size_t sequence, bool output);
  void flush();
  llama_token likeliest(int32_t output) const;
  void prefill(const std::vector<Tokens>& prompts, std::size_t keep);

  struct Free {
    void operator()(llama_model* m) const { llama_model_free(m); }
    void operator()(llama_context* c) const { llama_free(c); }
  };
  std::unique_ptr<llama_model, Free> model_;
  std::unique_ptr<llama_context, Free> context_;
  llama_batch batch_;
  std::vector<Tokens> held_;      // in the cache, of each sequence
  std::vector<int32_t> outputs_;  // of each sequence in the batch; -1: none
  Tokens next_;                   // of each sequence
};

}  // namespace infer::bench

#endif  // INFER_BENCH_LLAMA_BARE_H_
