#include "engine.h"

#include <utility>

namespace infer::llama {
namespace {

bool is_job(const engine::Sequence& sequence) {
  return dynamic_cast<const EmbedJob*>(&sequence) != nullptr;
}

}  // namespace

Engine::Engine(std::unique_ptr<Decoder> decoder, std::unique_ptr<Embedder> embedder,
               std::size_t width)
    : decoder_(std::move(decoder)), embedder_(std::move(embedder)) {
  choices_.reserve(width);
  jobs_.reserve(width);
}

void Engine::admit(engine::Sequence& sequence) {
  if (is_job(sequence)) {
    embedder_->admit(sequence);
  } else {
    decoder_->admit(sequence);
  }
}

void Engine::step(const std::vector<engine::Sequence*>& ready) {
  choices_.clear();
  jobs_.clear();
  for (engine::Sequence* sequence : ready)
    (is_job(*sequence) ? jobs_ : choices_).push_back(sequence);
  if (!choices_.empty()) decoder_->step(choices_);
  if (!jobs_.empty()) embedder_->step(jobs_);
}

void Engine::retire(engine::Sequence& sequence) {
  if (is_job(sequence)) {
    embedder_->retire(sequence);
  } else {
    decoder_->retire(sequence);
  }
}

}  // namespace infer::llama
