#include "context.h"

#include <algorithm>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <system_error>
#include <vector>

#include "devices.h"
#include "engines/common/abi.h"
#include "engines/common/refusal.h"
#include "family.h"
#include "host.h"
#include "infer_sd.h"
#include "parts.h"
#include "request.h"

namespace infer::diffusion {
namespace {

using engine::Refusal;
using engine::to_view;

// Tells the host how far a load is, and the engine to give up when the host says so.
class Loading {
 public:
  explicit Loading(const infer_load& how) : how_(how) {}

  // Runs what makes an object of a file, or null. Throws Refusal for null, for a failed assertion,
  // which is one about the file, and where the host stopped it.
  template <class Make>
  auto make(const std::string& path, const char* as, Make make) -> decltype(make()) {
    decltype(make()) made;
    std::string why;
    bool no_memory = false;
    clear_engine_error();
    {
      const Watch watch(*this);
      try {
        made = make();
      } catch (const std::bad_alloc&) {
        no_memory = true;
      } catch (const std::system_error&) {
        no_memory = true;  // for the stack of a thread
      } catch (const std::exception& e) {
        why = e.what();
      }
    }
    if (stopped_) throw Refusal(INFER_E_CANCELLED, "the load was stopped");
    if (made) return made;
    const std::string told = engine_error();
    if (no_memory || is_of_memory(told)) {
      throw Refusal(INFER_E_OUT_OF_MEMORY, path + " does not fit into memory" +
                                               (told.empty() ? "" : ": " + told) +
                                               "; a weight_type of fewer bits needs less");
    }
    if (why.empty()) why = told;
    throw Refusal(INFER_E_MODEL_INVALID,
                  path + " cannot be loaded" + as + (why.empty() ? "" : ": " + why));
  }

 private:
  // ggml says so, and then an assertion fails.
  static bool is_of_memory(const std::string& told) {
    return told.find("failed to allocate") != std::string::npos ||
           told.find("insufficient memory") != std::string::npos ||
           told.find("bad_alloc") != std::string::npos;
  }

  class Watch final : public Watcher {
   public:
    explicit Watch(Loading& of) : of_(of) {}
    bool loading(int step, int steps) override { return of_.tell(step, steps); }
    void sampled(int, int, float) override {}
    void tiled(int, int) override {}
    void preview(const sd_image_t&) override {}

   private:
    Loading& of_;
  };

  // The engine counts anew for each group of files: what is told never falls.
  bool tell(int step, int steps) {
    if (steps > 0)
      fraction_ = std::max(fraction_, static_cast<float>(step) / static_cast<float>(steps));
    if (how_.progress != nullptr && how_.progress(how_.ctx, fraction_) != 0) stopped_ = true;
    return !stopped_;
  }

  const infer_load& how_;
  float fraction_ = 0;
  bool stopped_ = false;
};

std::string model_path(const infer_load& how) {
  for (std::size_t i = 0; i < how.n_files; ++i) {
    const infer_file file = engine::read_struct(how.files[i]);
    if (to_view(file.role) == "model") return std::string(to_view(file.path));
  }
  throw Refusal(INFER_E_NOT_FOUND, "no model file '" + std::string(to_view(how.name)) + "'");
}

std::string plain_name(const std::string& path) {
  const std::string file = path.substr(path.rfind('/') + 1);
  return file.substr(0, file.rfind('.'));
}

const char* or_null(const std::string& path) { return path.empty() ? nullptr : path.c_str(); }

sd_ctx_params_t engine_config(const ModelFiles& files, const Config& config,
                              std::vector<sd_embedding_t>& embeddings) {
  sd_ctx_params_t params;
  sd_ctx_params_init(&params);
  (files.denoiser_alone ? params.diffusion_model_path : params.model_path) = files.path.c_str();
  const Parts& parts = config.parts;
  params.vae_path = or_null(parts.vae);
  params.taesd_path = or_null(parts.taesd);
  params.clip_l_path = or_null(parts.clip_l);
  params.clip_g_path = or_null(parts.clip_g);
  params.t5xxl_path = or_null(parts.t5xxl);
  params.llm_path = or_null(parts.llm);
  params.llm_vision_path = or_null(parts.llm_vision);
  params.clip_vision_path = or_null(parts.clip_vision);
  params.control_net_path = or_null(parts.control_net);
  params.photo_maker_path = or_null(parts.photo_maker);
  for (const auto& [word, file] : parts.embeddings)
    embeddings.push_back(sd_embedding_t{word.c_str(), file.c_str()});
  params.embeddings = embeddings.data();
  params.embedding_count = static_cast<uint32_t>(embeddings.size());
  params.vae_decode_only = !config.vae_encoder.value_or(files.vae_encoder);
  // A model paints many pictures.
  params.free_params_immediately = false;
  params.n_threads = static_cast<int>(config.threads);
  if (config.weight_type) params.wtype = *config.weight_type;
  if (config.rng) params.rng_type = *config.rng;
  if (config.prediction) params.prediction = *config.prediction;
  // Added while it computes, so that no request changes the weights that the next one finds.
  params.lora_apply_mode = LORA_APPLY_AT_RUNTIME;
  params.offload_params_to_cpu = config.offload;
  params.enable_mmap = config.mmap;
  params.keep_clip_on_cpu = config.text_encoder_on_cpu;
  params.keep_vae_on_cpu = config.vae_on_cpu;
  params.keep_control_net_on_cpu = config.control_net_on_cpu;
  params.flash_attn = params.diffusion_flash_attn = config.flash_attention;
  return params;
}

}  // namespace

Context::Context(const infer_load& how, const Config& config) {
  const Device device(config);
  const ModelFiles files = look_at(model_path(how), config);
  if (config.vae_encoder.value_or(false) && !files.vae_encoder) {
    throw engine::field_refusal(INFER_E_MODEL_INVALID, "vae_encoder",
                                "none of the files has the half of a VAE that reads pictures");
  }
  check_adapters(config.adapters, "adapters", config.allow_pickle);
  std::vector<sd_embedding_t> embeddings;
  const sd_ctx_params_t params = engine_config(files, config, embeddings);
  Loading loading(how);
  context_ = loading.make(files.path, "",
                          [&] { return std::unique_ptr<sd_ctx_t, Free>(new_sd_ctx(&params)); });
  if (const std::string& upscaler = config.parts.upscaler; !upscaler.empty()) {
    upscaler_ = loading.make(upscaler, " as an upscaler", [&] {
      return std::unique_ptr<upscaler_ctx_t, Free>(
          new_upscaler_ctx(upscaler.c_str(), config.offload, false,
                           static_cast<int>(config.threads), kUpscalerTile));
    });
  }
  read_facts(files, config);
}

void Context::read_facts(const ModelFiles& files, const Config& config) {
  const infer_sd_facts_t told = infer_sd_facts(context_.get());
  if (!told.paints) throw Refusal(INFER_E_UNSUPPORTED, files.path + " makes films, not pictures");
  facts_.name = plain_name(files.path);
  facts_.family = told.family;
  facts_.size_multiple = static_cast<uint32_t>(told.size_multiple);
  facts_.dit = told.dit;
  facts_.flow = told.flow;
  facts_.inpaints = told.inpaints;
  facts_.edits = told.edits;
  facts_.controls = told.controls;
  facts_.photo_maker = told.photo_maker;
  facts_.references = told.references;
  facts_.starts_from_pictures = told.has_encoder;
  facts_.has_control = told.has_control;
  facts_.has_small_vae = told.tiny_decoder;
  facts_.flash_attention = config.flash_attention;
  facts_.weight_bytes = told.weight_bytes;
  facts_.parameters = files.parameters;
  facts_.allow_pickle = config.allow_pickle;
  facts_.defaults = defaults_of(facts_.family, config.defaults);
  if (upscaler_) {
    facts_.upscaler = config.parts.upscaler;
    facts_.upscale_factor = static_cast<uint32_t>(get_upscale_factor(upscaler_.get()));
  }
}

}  // namespace infer::diffusion
