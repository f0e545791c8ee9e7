// The tokens of the repository's tiny model, for tests.
#ifndef INFER_ENGINES_LLAMA_VOCAB_FIXTURE_H_
#define INFER_ENGINES_LLAMA_VOCAB_FIXTURE_H_

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>

#include "grammar.h"
#include "llama.h"
#include "refusal.h"
#include "vocabulary.h"

namespace infer::llama {

struct FreeModel {
  void operator()(llama_model* model) const { llama_model_free(model); }
};

inline llama_model* tiny_model() {
  static const std::unique_ptr<llama_model, FreeModel> model = [] {
    llama_log_set([](ggml_log_level, const char*, void*) {}, nullptr);
    return std::unique_ptr<llama_model, FreeModel>(llama_model_load_from_file(
        INFER_SOURCE_DIR "/models/tiny-chat/tiny-chat.gguf", llama_model_default_params()));
  }();
  return model.get();
}

inline const Vocabulary& tiny_vocabulary() {
  static const Vocabulary vocabulary(llama_model_get_vocab(tiny_model()));
  return vocabulary;
}

inline GrammarState state_of(const std::string& gbnf, bool text_only = true) {
  GrammarSpec spec;
  spec.gbnf = gbnf;
  spec.text_only = text_only;
  spec.field = "output.grammar";
  return GrammarState(std::make_shared<const Grammar>(spec, tiny_vocabulary()));
}

// Accepts the tokens of the text one by one; false where one is not allowed.
inline bool feed(GrammarState& state, const std::string& text) {
  for (const llama_token token : tiny_vocabulary().tokenize_plain(text)) {
    if (!state.allows(token)) return false;
    state.accept(token);
  }
  return true;
}

// Whether the whole text satisfies the grammar.
inline bool satisfies(const std::string& gbnf, const std::string& text) {
  GrammarState state = state_of(gbnf);
  return feed(state, text) && state.complete();
}

inline std::string refusal_of(const std::string& gbnf) {
  try {
    state_of(gbnf);
  } catch (const Refusal& e) {
    return std::to_string(e.code()) + " " + e.what();
  }
  return {};
}

}  // namespace infer::llama

#endif  // INFER_ENGINES_LLAMA_VOCAB_FIXTURE_H_
