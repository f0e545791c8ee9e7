#include "model.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "engines/common/utf8.h"
#include "gguf_file.h"
#include "guard.h"
#include "host.h"
#include "refusal.h"

namespace infer::llama {
namespace {

// What llama.cpp asks while it loads: whether to go on.
struct Progress {
  int (*report)(void* ctx, float fraction);
  void* ctx;
  bool stopped;
};

bool on_progress(float fraction, void* data) {
  auto* progress = static_cast<Progress*>(data);
  if (progress->report != nullptr && progress->report(progress->ctx, fraction) != 0)
    progress->stopped = true;
  return !progress->stopped;
}

llama_model_params model_params(const Config& config, Progress* progress) {
  llama_model_params params = llama_model_default_params();
  params.n_gpu_layers = config.gpu_layers;
  params.load_mode = config.mmap ? LLAMA_LOAD_MODE_MMAP : LLAMA_LOAD_MODE_NONE;
  params.progress_callback = on_progress;
  params.progress_callback_user_data = progress;
  return params;
}

std::vector<infer_file> model_files(const infer_load& how) {
  std::vector<infer_file> files;
  for (std::size_t i = 0; i < how.n_files; ++i) {
    const infer_file file = engine::read_struct(how.files[i]);
    const std::string role(engine::to_view(file.role));
    if (role != "model") {
      throw Refusal(INFER_E_UNSUPPORTED,
                    "a file of role \"" + role + "\" is not supported in this version");
    }
    files.push_back(file);
  }
  if (files.empty()) {
    throw Refusal(INFER_E_NOT_FOUND, "no model file for \"" +
                                         std::string(engine::to_view(how.name)) +
                                         "\": give the path of a GGUF file");
  }
  return files;
}

llama_model* load_split(const std::vector<infer_file>& files, const llama_model_params& params) {
  std::vector<std::string> paths;
  std::vector<const char*> pointers;
  for (const infer_file& file : files) {
    check_gguf_header(open_model_file(file).get(), file_name(file));
    // llama.cpp opens the pieces by name: by the host's own descriptors where it gave some.
    paths.push_back(file.fd >= 0 ? "/proc/self/fd/" + std::to_string(file.fd) : file_name(file));
  }
  for (const std::string& path : paths) pointers.push_back(path.c_str());
  return llama_model_load_from_splits(pointers.data(), pointers.size(), params);
}

llama_model* load_weights(const infer_load& how, const Config& config) {
  const std::vector<infer_file> files = model_files(how);
  Progress progress = {how.progress, how.ctx, false};
  const llama_model_params params = model_params(config, &progress);
  const std::string name = file_name(files[0]);
  clear_engine_error();
  llama_model* model = nullptr;
  try {
    // Without a share of the processor budget: a load may take minutes, and where there is one
    // processor the replies of other models would wait for it.
    if (files.size() > 1) {
      model = load_split(files, params);
    } else {
      const FilePtr file = open_model_file(files[0]);
      check_gguf_header(file.get(), name);
      model = llama_model_load_from_file_ptr(file.get(), params);
    }
  } catch (const Refusal&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& e) {
    throw Refusal(INFER_E_MODEL_INVALID, name + " cannot be loaded: " + e.what());
  }
  if (model != nullptr) return model;
  if (progress.stopped) throw Refusal(INFER_E_CANCELLED, "the load was stopped");
  const std::string reason = engine_error();
  throw Refusal(INFER_E_MODEL_INVALID, name + " cannot be loaded: " +
                                           (reason.empty() ? "llama.cpp gave no reason" : reason));
}

}  // namespace

Model::Model(const infer_load& how) {
  const Config config = parse_config(engine::to_view(how.config));
  model_.reset(load_weights(how, config));
  check_kind();
  vocabulary_ = std::make_unique<Vocabulary>(llama_model_get_vocab(model_.get()));
  choose_context(config);
  read_template();
  read_facts(how);
  clear_engine_error();
  decoder_ = std::make_unique<Decoder>(model_.get(), config, context_);
  scheduler_ = std::make_unique<engine::Scheduler>(*decoder_, static_cast<int>(config.parallel));
}

void Model::check_kind() const {
  const llama_vocab* vocab = llama_model_get_vocab(model_.get());
  if (llama_vocab_type(vocab) == LLAMA_VOCAB_TYPE_NONE || llama_vocab_n_tokens(vocab) <= 0) {
    throw Refusal(INFER_E_UNSUPPORTED, "the model has no vocabulary and cannot write text");
  }
  if (llama_model_has_encoder(model_.get()) || !llama_model_has_decoder(model_.get()) ||
      llama_model_is_diffusion(model_.get())) {
    throw Refusal(INFER_E_UNSUPPORTED,
                  "only models that write one token after the other are supported in this version");
  }
}

void Model::choose_context(const Config& config) {
  const int32_t trained = llama_model_n_ctx_train(model_.get());
  const auto most = static_cast<uint32_t>(std::max<int32_t>(trained, 16));
  if (config.context > most) {
    throw field_refusal(
        INFER_E_INVALID_REQUEST, "context",
        "must be at most " + std::to_string(most) + ", for which the model was trained");
  }
  context_ = config.context != 0 ? config.context : std::min(most, Config::kDefaultContext);
}

void Model::read_template() {
  const char* source = llama_model_chat_template(model_.get(), nullptr);
  if (source == nullptr || *source == '\0') return;
  has_template_ = true;
  try {
    template_ =
        std::make_unique<ChatTemplate>(source, vocabulary_->control_text(vocabulary_->bos()),
                                       vocabulary_->control_text(vocabulary_->eos()));
  } catch (const Refusal& e) {
    template_error_ = e.what();  // the model is loaded all the same; whoever opens a reply is told
  }
}

std::string Model::meta(const char* key) const {
  char text[256];
  const int32_t size = llama_model_meta_val_str(model_.get(), key, text, sizeof(text));
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
  const char* quantization = llama_ftype_name(llama_model_ftype(model_.get()));
  if (quantization != nullptr) facts_.quantization = quantization;
  facts_.context = context_;
  facts_.parameters = static_cast<int64_t>(llama_model_n_params(model_.get()));
  facts_.size_bytes = static_cast<int64_t>(llama_model_size(model_.get()));
  describe_ = describe_json(facts_);
}

std::vector<llama_token> Model::prompt(const std::vector<ChatMessage>& messages) const {
  if (!template_error_.empty()) throw Refusal(INFER_E_INVALID_REQUEST, template_error_);
  if (template_ == nullptr) {
    PromptPart all = {true, {}};
    for (const ChatMessage& m : messages) {
      if (!all.text.empty() && !m.text.empty()) all.text += "\n\n";
      all.text += m.text;
    }
    return vocabulary_->tokenize({all}, {});
  }
  const GuardedMessages guarded(messages, *vocabulary_);
  return vocabulary_->tokenize(template_->render(guarded.messages()), guarded.guard());
}

}  // namespace infer::llama
