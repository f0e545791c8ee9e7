#include "model.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "engines/common/utf8.h"
#include "host.h"
#include "refusal.h"

namespace infer::llama {

Model::Model(const infer_load& how) {
  const Config config = parse_config(engine::to_view(how.config));
  weights_ = std::make_unique<Weights>(how, config);
  // A file whose tables llama.cpp could read may still hold what its assertions refuse.
  const AbortGuard guard;
  try {
    prepare(how, config);
  } catch (const EngineAbort& e) {
    throw Refusal(INFER_E_MODEL_INVALID, std::string("the model is damaged: ") + e.what());
  }
}

void Model::prepare(const infer_load& how, const Config& config) {
  const llama_model* model = weights_->model();
  const llama_vocab* vocab = llama_model_get_vocab(model);
  if (llama_vocab_type(vocab) == LLAMA_VOCAB_TYPE_NONE || llama_vocab_n_tokens(vocab) <= 0) {
    throw Refusal(INFER_E_UNSUPPORTED, "the model has no vocabulary and cannot read text");
  }
  if (llama_model_has_encoder(model) || !llama_model_has_decoder(model) ||
      llama_model_is_diffusion(model)) {
    throw Refusal(INFER_E_UNSUPPORTED,
                  "models with an encoder beside the decoder, and those that write by diffusion, "
                  "are not supported in this version");
  }
  vocabulary_ = std::make_unique<Vocabulary>(vocab);
  choose_context(config);
  facts_.writes = writes();
  embed_ = embed_facts(model, config);
  facts_.embeds = !embed_->ranks();
  facts_.ranks = embed_->ranks();
  if (facts_.writes) read_template(config);
  read_facts(how);
  clear_engine_error();
  std::unique_ptr<Decoder> decoder;
  if (facts_.writes) decoder = std::make_unique<Decoder>(*weights_, config, context_);
  auto embedder = std::make_unique<Embedder>(*weights_, config, *embed_, context_);
  engine_ = std::make_unique<Engine>(std::move(decoder), std::move(embedder), config.parallel);
  scheduler_ = std::make_unique<engine::Scheduler>(*engine_, config.parallel);
}

// A model that pools, or whose tokens look ahead, was made for vectors or scores.
bool Model::writes() const {
  const std::string family = meta("general.architecture");
  const std::string pooling = meta(family + ".pooling_type");
  return (pooling.empty() || pooling == "0") && meta(family + ".attention.causal") != "false";
}

const Chat& Model::chat() const {
  if (!facts_.writes) {
    throw Refusal(INFER_E_UNSUPPORTED, std::string("this model does not write text: it makes ") +
                                           (facts_.ranks ? "rankings" : "embeddings"));
  }
  if (!template_error_.empty()) throw Refusal(INFER_E_INVALID_REQUEST, template_error_);
  return *chat_;
}

const EmbedFacts& Model::embedding() const {
  if (!facts_.embeds) {
    throw Refusal(INFER_E_UNSUPPORTED,
                  "this model makes no embeddings: it ranks documents, which rerank() asks for");
  }
  return *embed_;
}

const EmbedFacts& Model::ranking() const {
  if (!facts_.ranks) {
    throw Refusal(INFER_E_UNSUPPORTED,
                  "this model cannot rank: it has no head for scores (its pooling is not rank)");
  }
  return *embed_;
}

void Model::choose_context(const Config& config) {
  const int32_t trained = llama_model_n_ctx_train(weights_->model());
  const auto most = static_cast<uint32_t>(std::max<int32_t>(trained, 16));
  if (config.context > most) {
    throw field_refusal(
        INFER_E_INVALID_REQUEST, "context",
        "must be at most " + std::to_string(most) + ", for which the model was trained");
  }
  context_ = config.context != 0 ? config.context : std::min(most, Config::kDefaultContext);
}

void Model::read_template(const Config& config) {
  const auto own = [this](const char* name) {
    const char* source = llama_model_chat_template(weights_->model(), name);
    return std::string(source == nullptr ? "" : source);
  };
  const bool given = !config.chat_template.empty();
  try {
    chat_ = std::make_unique<Chat>(given ? config.chat_template : own(nullptr),
                                   given ? std::string() : own("tool_use"), *vocabulary_);
  } catch (const Refusal& e) {
    if (given) throw field_refusal(INFER_E_INVALID_REQUEST, "chat_template", e.what());
    template_error_ = e.what();  // the model is loaded all the same; whoever opens a reply is told
  }
}

std::string Model::meta(const std::string& key) const {
  char text[256];
  const int32_t size = llama_model_meta_val_str(weights_->model(), key.c_str(), text, sizeof(text));
  if (size < 0) return {};
  // Names in a file may be any bytes, and a long one is cut; what comes out of the plugin is UTF-8.
  std::string clean;
  engine::Utf8Stream stream;
  stream.feed(text, clean);
  stream.finish(clean);
  return clean;
}

void Model::read_facts(const infer_load& how) {
  facts_.name = meta("general.name");
  if (facts_.name.empty()) facts_.name = std::string(engine::to_view(how.name));
  if (facts_.name.empty()) facts_.name = "llama";
  facts_.family = meta("general.architecture");
  const char* quantization = llama_ftype_name(llama_model_ftype(weights_->model()));
  if (quantization != nullptr) facts_.quantization = quantization;
  facts_.context = context_;
  facts_.parameters = static_cast<int64_t>(llama_model_n_params(weights_->model()));
  facts_.size_bytes = static_cast<int64_t>(llama_model_size(weights_->model()));
  facts_.tools = chat_ != nullptr && chat_->calls_tools();
  facts_.thinks = chat_ != nullptr && chat_->thinks();
  describe_ = describe_json(facts_);
}

}  // namespace infer::llama
