// infer/registry.h - from a name to a model.
//
// A name is scheme:rest, split at the first colon: "llama:tiny-chat", "llama:/models/qwen3.gguf",
// "echo:500". The scheme picks the backend; the rest is the backend's business.
//
//   auto model = infer::text("llama:/models/qwen3.gguf", infer::LocalConfig{.context = 4096});
//
// A scheme is either a provider of cloud.h or a plugin: a shared object infer-SCHEME.so in one of
// plugin_directories(). An engine may come in flavours for graphics processors,
// infer-SCHEME-cuda.so, -metal.so and -vulkan.so: the scheme takes the first of these, in this
// order, that loads and finds its driver and a device, else the plain one (the reasons go to
// set_log); SCHEME-cuda names one exactly. A local model's rest is a path if it holds a '/', else a
// name that is looked up in model_directories(). Loading equal names with equal configuration gives
// one loaded model, shared while any handle lives.
//
// The library reads no file by itself and looks at no environment variable but INFER_PLUGIN_PATH,
// MODELS_PATH, DIFFUSION_MODELS_PATH and those of the providers (cloud.h). It never looks in the
// working directory. Beside a model file may lie a card, NAME.card.json, which says how it is
// loaded where the caller does not: docs/formats/model-card.md.
//
// Models of plugins do not survive a fork: in the child they, their replies and further loads fail
// with kEngine. Load after the fork, or exec.
//
// Thread rule: a Registry may be used from several threads once it is filled.
#ifndef INFER_REGISTRY_H_
#define INFER_REGISTRY_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "infer/cloud.h"
#include "infer/model.h"
#include "infer/result.h"
#include "infer/stop.h"

namespace infer {
inline namespace v0 {

// How layers are spread over several devices.
enum class SplitMode {
  kNone = 0,   // all on one device, LocalConfig::main_gpu
  kLayer = 1,  // whole layers on each
  kRow = 2,    // the rows of each layer on each; not every kind of device can
};

// How threads and memory are placed on a machine with several memory nodes.
enum class Numa {
  kOff = 0,
  kDistribute = 1,  // spread over all nodes
  kIsolate = 2,     // keep to the node on which the model is loaded
  kNumactl = 3,     // as numactl placed the process
};

// kAuto: on a GPU where it can, on a processor only for a quantised cache_type_v: there it is
// faster and smaller for long prompts, but a text then depends on what lay in memory before.
enum class FlashAttention { kAuto = 0, kOn = 1, kOff = 2 };

// How the keys and values that attention remembers are stored: a smaller type takes less memory
// and is less exact. From kQ8_0 on they are quantised.
enum class CacheType {
  kF32 = 0,
  kF16 = 1,
  kBf16 = 2,
  kQ8_0 = 3,
  kQ4_0 = 4,
  kQ4_1 = 5,
  kIq4Nl = 6,
  kQ5_0 = 7,
  kQ5_1 = 8,
};

// How the vectors of an input's tokens become one.
enum class Pooling {
  kUnspecified = 0,  // as the model was trained
  kNone = 1,         // not at all
  kMean = 2,
  kCls = 3,   // the first token's
  kLast = 4,  // the last token's
  kRank = 5,  // a score, of a model that was trained to rank
};

// The files of a model that paints, beside the one that names it. All absolute; empty: not there,
// or inside the named one. What a file is, is seen from its tensors: one that is in the wrong place
// is kModelInvalid, naming the right one. A model that lacks a part says at loading which.
struct ImageParts {
  std::string vae{};    // from latent pictures to pixels and back
  std::string taesd{};  // a small one instead of it: faster, less exact
  // Text encoders.
  std::string clip_l{};
  std::string clip_g{};
  std::string t5xxl{};
  std::string llm{};         // Qwen and others (Qwen Image, Z-Image, Flux.2, Ovis)
  std::string llm_vision{};  // lets it see references
  std::string clip_vision{};
  std::string control_net{};
  std::string photo_maker{};
  std::string upscaler{};                           // ESRGAN
  std::map<std::string, std::string> embeddings{};  // textual inversions: word -> file
  bool operator==(const ImageParts&) const = default;
};

// What a request means where it says nothing; unset: the engine's own default, which is made for
// the model's family. A model's card (docs/formats/model-card.md) brings its own.
struct ImageDefaults {
  std::optional<std::uint32_t> width{};
  std::optional<std::uint32_t> height{};
  std::optional<std::uint32_t> steps{};
  std::optional<double> guidance{};
  std::optional<double> distilled_guidance{};
  std::optional<double> flow_shift{};
  std::optional<std::int32_t> clip_skip{};
  std::string sample_method{};
  std::string scheduler{};
  std::string negative_prompt{};
  bool operator==(const ImageDefaults&) const = default;
};

// How to load a model into this process. Unset: the engine's default, given by each field; an
// engine refuses a field that it does not have. A field out of its range is kInvalidRequest, naming
// it and what is allowed, before anything is loaded; so is one that this machine or this model
// cannot do, kUnsupported where it names something that exists elsewhere.
struct LocalConfig {
  // Tokens that a conversation may hold, prompt and answer; 16 to the model's training length;
  // default: that length, at most 4096. The memory of the attention grows with context * parallel.
  std::optional<std::int64_t> context{};
  // Tokens read in one step, 32 to 16384 and at least `parallel`; default 512.
  std::optional<std::int32_t> batch{};
  // Of these, tokens computed at once, 32 to `batch`; default 512 or `batch`. More is faster to
  // read long prompts and takes more memory.
  std::optional<std::int32_t> micro_batch{};
  // Threads that compute one step, 1 to 256; default: the physical cores that this process may
  // use, by its affinity and its control groups' quota. All models of a process share one budget
  // of that many: a step gets fewer threads while another model is computing.
  std::optional<std::int32_t> threads{};
  // The same for steps that read a prompt; default: `threads`.
  std::optional<std::int32_t> batch_threads{};
  std::optional<std::int32_t> parallel{};    // replies that run at once, others wait; 1 to 64;
                                             // default 4
  std::optional<std::int32_t> gpu_layers{};  // layers put on a GPU, -1: all; to 10000; default -1
  // Devices to use, by the names that `infer doctor` prints; default: all; an empty list: only the
  // processor.
  std::optional<std::vector<std::string>> devices{};
  std::optional<std::int32_t> main_gpu{};  // for SplitMode::kNone: which of the devices, from 0;
                                           // default 0
  std::optional<SplitMode> split_mode{};   // default kLayer
  // How much of the model each device gets, in proportion; each from 0 to 1e6, not all 0, at most
  // one for each device; default: by their free memory.
  std::optional<std::vector<double>> tensor_split{};
  std::optional<bool> mmap{};   // map the file instead of reading it; default true
  std::optional<bool> mlock{};  // keep the weights from being swapped out; default false.
                                // kUnsupported if the system does not allow so much (ulimit -l)
  // Default kOff. Set once in a process: a second model may leave it out or say the same.
  std::optional<Numa> numa{};
  std::optional<FlashAttention> flash_attention{};  // default kAuto
  std::optional<CacheType> cache_type_k{};          // of the keys; default kF16
  std::optional<CacheType> cache_type_v{};          // of the values; default kF16. A quantised one
                                                    // needs flash_attention
  // Default: none. At most 64. A file that is damaged or made for another model is kModelInvalid,
  // naming it. Models that paint: part of every picture.
  std::optional<std::vector<LoraAdapter>> adapters{};
  std::optional<double> rope_frequency_base{};   // 0 to 1e12; 0, the default: the model's own
  std::optional<double> rope_frequency_scale{};  // 0 to 1000; 0, the default: the model's own
  std::optional<Pooling> pooling{};              // of embeddings; default kUnspecified
  // A Jinja template that turns messages into the prompt; default: the model's own.
  std::optional<std::string> chat_template{};
  // Keep what was computed for a prompt, for others that begin alike; default true.
  std::optional<bool> prefix_cache{};

  // ---- models that paint
  std::optional<ImageParts> parts{};
  std::optional<ImageDefaults> defaults{};
  // Weights are brought to this type when they are loaded: "f32", "f16", "bf16", "q8_0", "q4_0",
  // ...; default: as in the file.
  std::optional<std::string> weight_type{};
  // Keep the weights in main memory and bring them to the GPU while they are used; default false.
  std::optional<bool> offload{};
  // What stays on the processor: "text_encoder", "vae", "control_net"; default: nothing.
  std::optional<std::vector<std::string>> keep_on_cpu{};
  // Load what turns pictures into latent ones, which starting from a picture needs; default: where
  // the files have it.
  std::optional<bool> vae_encoder{};
  // Random numbers: "cuda" (as the first programs had it, on any device), "cpu" (as PyTorch on a
  // processor), "std"; default "cuda".
  std::optional<std::string> rng{};
  // What the model was trained to predict: "eps", "v", "edm_v", "sd3_flow", "flux_flow",
  // "flux2_flow"; default: as its tensors say.
  std::optional<std::string> prediction{};
  // Read .ckpt, .pt and .pth, which are pickles: a format that was made to run code. The engine
  // reads the tensors only, and still they are refused unless this is true.
  std::optional<bool> allow_pickle{};
};

// Configuration of a plugin in its own words: a JSON object. Default: empty. Engines that take a
// LocalConfig take its fields by these names; docs/design/llama-engine.md has the table.
struct PluginConfig {
  std::string json{};
};

// LocalConfig and PluginConfig are for schemes that load a model, ApiConfig (cloud.h) for those
// that ask a server: "openai", "anthropic", "groq", "modal".
using Config = std::variant<std::monostate, LocalConfig, PluginConfig, ApiConfig>;

// How to behave while a model loads, which can take minutes.
struct Load {
  StopToken stop{};                        // stops the load: kCancelled
  std::function<void(double)> progress{};  // 0..1, never falling, on the loading thread
};

// A model file that discovery found; read from its header alone. A model that is split into several
// files, NAME-00001-of-00004.gguf and so on, is one, under the name of the first.
struct ModelFile {
  std::string id{};  // what to pass to text() or image(): "llama:tiny-chat"
  std::string path{};
  std::string family{};  // "llama", "qwen3", ...
  std::string quantization{};
  std::int64_t parameters = 0;
  std::int64_t size_bytes = 0;
  std::int64_t context = 0;  // training length in tokens; 0 unknown
  std::string task{};        // "text", "image"; empty: not known
  // Not empty: no model of its own but a part of one, by its name in ImageParts, or "lora".
  std::string part{};
  std::string problem{};  // not empty: why it cannot be loaded
};

// What an engine computes on.
struct Device {
  std::string name{};  // for LocalConfig::devices
  std::string description{};
  std::string type{};             // "cpu", "gpu", "igpu" (no memory of its own), "accel"
  std::int64_t memory_free = 0;   // bytes, at the time of asking
  std::int64_t memory_total = 0;  // bytes; 0 unknown
};

// A plugin that was found, whether or not it can be loaded.
struct PluginFile {
  std::string scheme{};
  std::string path{};
  std::string version{};  // the engine's
  std::string licence{};  // SPDX
  std::string problem{};  // not empty: why it is refused
  // The scheme that this plugin answers beside its own, being the best flavour of it: "llama" for
  // "llama-cuda". Empty: none.
  std::string taken_for{};
  std::vector<Device> devices{};  // empty if the plugin does not tell
};

class INFER_API Registry {
 public:
  // Makes a backend for what stands behind the scheme's colon.
  using Factory = std::function<Result<std::shared_ptr<const Backend>>(
      std::string_view rest, const Config& config, const Load& load)>;

  // An empty registry: no scheme at all.
  Registry() = default;
  // With plugins: schemes that add() did not name are looked for as plugins.
  static Registry with_plugins();
  // The one behind the free functions below: plugins and the providers of cloud.h. Filled on first
  // use, immutable afterwards.
  static const Registry& builtin();

  // kInvalidRequest if the scheme is taken or not made of lower-case letters, digits, '-', '+', or
  // the factory is empty.
  Result<void> add(std::string scheme, Factory factory);
  std::vector<std::string> schemes() const;

  Result<TextModel> text(std::string_view id, const Config& config = {},
                         const Load& load = {}) const;
  Result<ImageModel> image(std::string_view id, const Config& config = {},
                           const Load& load = {}) const;
  Result<EmbeddingModel> embedding(std::string_view id, const Config& config = {},
                                   const Load& load = {}) const;
  Result<RerankModel> rerank(std::string_view id, const Config& config = {},
                             const Load& load = {}) const;
  Result<std::shared_ptr<const Backend>> open(std::string_view id, const Config& config = {},
                                              const Load& load = {}) const;

 private:
  std::map<std::string, Factory, std::less<>> factories_;
  bool plugins_ = false;
};

// Of Registry::builtin().
INFER_API Result<TextModel> text(std::string_view id, const Config& config = {},
                                 const Load& load = {});
INFER_API Result<ImageModel> image(std::string_view id, const Config& config = {},
                                   const Load& load = {});
INFER_API Result<EmbeddingModel> embedding(std::string_view id, const Config& config = {},
                                           const Load& load = {});
INFER_API Result<RerankModel> rerank(std::string_view id, const Config& config = {},
                                     const Load& load = {});

// Where plugins are looked for, in order: INFER_PLUGIN_PATH (absolute, separated by ':'), then the
// plugin directory of this library's installation or build tree.
INFER_API std::vector<std::string> plugin_directories();
INFER_API std::vector<PluginFile> list_plugins();

// Where local models of a scheme are looked for, in order: for "diffusion" DIFFUSION_MODELS_PATH,
// then MODELS_PATH (both separated by ':'), then the models shipped with this library. An empty
// scheme: all of these.
INFER_API std::vector<std::string> model_directories(std::string_view scheme = {});
// Every model file there, headers read, sorted by id: .gguf, .safetensors, and .ckpt, whose header
// says nothing. A file that cannot be read says why; one that cannot be loaded without leave
// (LocalConfig::allow_pickle) does too.
INFER_API std::vector<ModelFile> list_models();

// The names that ImageRequest's sample_method and scheduler take for models of this scheme's
// engine, as its plugin tells them. kNotFound without such a plugin, kUnsupported if it tells none.
struct SamplerNames {
  std::vector<std::string> sample_methods{};
  std::vector<std::string> schedulers{};
};
INFER_API Result<SamplerNames> sampler_names(std::string_view scheme = "diffusion");

// What engines have to say, for people who look for a fault. Without a function nothing is said.
// `level`: 0 debug, 1 info, 2 warning, 3 error, 4 the process is about to
// abort. Called from any thread; must not throw.
using LogFn = void (*)(void* context, int level, std::string_view line);
INFER_API void set_log(LogFn fn, void* context) noexcept;

// This library's version, "0.1.0".
INFER_API const char* version() noexcept;

}  // namespace v0
}  // namespace infer

#endif  // INFER_REGISTRY_H_
