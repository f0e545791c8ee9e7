#include "bench/llama_bare.h"

#include <algorithm>
#include <ctime>
#include <stdexcept>

#include "engines/llama/testing/random_model.h"

namespace infer::bench {
namespace {

constexpr int32_t kBatch = 512;

using SteadyClock = std::chrono::steady_clock;
double since(SteadyClock::time_point start) {
  return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

}  // namespace

double processor_time() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

Tokens chat_tokens(std::string_view user) {
  Tokens out;
  const auto bytes = [&](std::string_view text) {
    for (const char c : text) out.push_back(static_cast<unsigned char>(c));
  };
  out.push_back(llama::testing::kBeginTurn);
  bytes("user\n");
  bytes(user);
  out.push_back(llama::testing::kEndTurn);
  bytes("\n");
  out.push_back(llama::testing::kBeginTurn);
  bytes("assistant\n");
  return out;
}

Bare::Bare(const std::string& path, uint32_t context, uint32_t sequences, bool unified)
    : held_(sequences), outputs_(sequences), next_(sequences) {
  llama_log_set([](ggml_log_level, const char*, void*) {}, nullptr);
  model_.reset(llama_model_load_from_file(path.c_str(), llama_model_default_params()));
  if (model_ == nullptr) throw std::runtime_error("llama.cpp cannot load " + path);
  llama_context_params params = llama_context_default_params();
  params.n_ctx = context * sequences;
  params.n_batch = params.n_ubatch = kBatch;
  params.n_seq_max = sequences;
  params.n_outputs_max = sequences;
  params.n_threads = params.n_threads_batch = 1;
  params.kv_unified = unified;
  params.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_DISABLED;  // as the plugin has it by default
  params.no_perf = true;
  context_.reset(llama_init_from_model(model_.get(), params));
  if (context_ == nullptr) throw std::runtime_error("llama.cpp cannot make a context");
  batch_ = llama_batch_init(kBatch, 0, 1);
}

Bare::~Bare() { llama_batch_free(batch_); }

void Bare::add(llama_token token, std::size_t position, std::size_t sequence, bool output) {
  const int32_t at = batch_.n_tokens++;
  batch_.token[at] = token;
  batch_.pos[at] = static_cast<llama_pos>(position);
  batch_.n_seq_id[at] = 1;
  batch_.seq_id[at][0] = static_cast<llama_seq_id>(sequence);
  batch_.logits[at] = output ? 1 : 0;
  if (output) outputs_[sequence] = at;
  held_[sequence].push_back(token);
  if (batch_.n_tokens == kBatch) flush();
}

// Decodes what is in the batch and draws the next token of each sequence that has an output.
void Bare::flush() {
  if (batch_.n_tokens == 0) return;
  if (llama_decode(context_.get(), batch_) != 0) throw std::runtime_error("llama_decode failed");
  for (std::size_t s = 0; s < outputs_.size(); ++s) {
    if (outputs_[s] >= 0) next_[s] = likeliest(outputs_[s]);
    outputs_[s] = -1;
  }
  batch_.n_tokens = 0;
}

llama_token Bare::likeliest(int32_t output) const {
  const float* logits = llama_get_logits_ith(context_.get(), output);
  const int32_t size = llama_vocab_n_tokens(llama_model_get_vocab(model_.get()));
  return static_cast<llama_token>(std::max_element(logits, logits + size) - logits);
}

void Bare::prefill(const std::vector<Tokens>& prompts, std::size_t keep) {
  std::fill(outputs_.begin(), outputs_.end(), -1);
  for (std::size_t s = 0; s < prompts.size(); ++s) {
    const Tokens& prompt = prompts[s];
    Tokens& held = held_[s];
    const std::size_t most = std::min({keep, held.size(), prompt.size() - 1});
    std::size_t kept = 0;
    while (kept < most && prompt[kept] == held[kept]) ++kept;
    llama_memory_seq_rm(llama_get_memory(context_.get()), static_cast<llama_seq_id>(s),
                        static_cast<llama_pos>(kept), -1);
    held.resize(kept);
    for (std::size_t i = kept; i < prompt.size(); ++i) add(prompt[i], i, s, i + 1 == prompt.size());
  }
  flush();
}

Bare::Run Bare::run(const std::vector<Tokens>& prompts, std::size_t count, std::size_t keep) {
  Run out;
  out.written.resize(prompts.size());
  const double processor = processor_time();
  const auto start = SteadyClock::now();
  prefill(prompts, keep);
  out.first = since(start);
  for (std::size_t i = 1;; ++i) {
    for (std::size_t s = 0; s < prompts.size(); ++s) out.written[s].push_back(next_[s]);
    if (i == count) break;
    for (std::size_t s = 0; s < prompts.size(); ++s) add(next_[s], held_[s].size(), s, true);
    flush();
  }
  out.seconds = since(start);
  out.processor = processor_time() - processor;
  return out;
}

std::string Bare::text(const Tokens& tokens) const {
  std::string out;
  for (const llama_token token : tokens) {
    char piece[32];
    const int32_t size = llama_token_to_piece(llama_model_get_vocab(model_.get()), token, piece,
                                              sizeof(piece), 0, false);
    out.append(piece, static_cast<std::size_t>(std::max(size, 0)));
  }
  return out;
}

}  // namespace infer::bench
