#include "loader.h"

#include <algorithm>
#include <mutex>
#include <new>
#include <string>
#include <utility>

#include "devices.h"
#include "engines/common/abi.h"
#include "gguf_file.h"
#include "host.h"
#include "json_fields.h"
#include "refusal.h"
#include "src/local/split_name.h"

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

llama_load_mode load_mode(const Config& config) {
  if (config.mmap) return config.mlock ? LLAMA_LOAD_MODE_MMAP_MLOCK : LLAMA_LOAD_MODE_MMAP;
  return config.mlock ? LLAMA_LOAD_MODE_MLOCK : LLAMA_LOAD_MODE_NONE;
}

// The parameters of a load, and the lists that they point into.
class Parameters {
 public:
  Parameters(const Config& config, Progress* progress) : devices_(chosen_devices(config)) {
    devices_.push_back(nullptr);
    split_ = config.tensor_split;
    split_.resize(llama_max_devices(), 0);
    params_.devices = devices_.data();
    params_.n_gpu_layers = config.gpu_layers;
    params_.split_mode = config.split_mode;
    params_.main_gpu = config.main_gpu;
    if (!config.tensor_split.empty()) params_.tensor_split = split_.data();
    params_.load_mode = load_mode(config);
    params_.progress_callback = on_progress;
    params_.progress_callback_user_data = progress;
    // With no named device llama.cpp leaves out what would be counted twice.
    if (!config.devices) params_.devices = nullptr;
  }
  Parameters(const Parameters&) = delete;
  Parameters& operator=(const Parameters&) = delete;
  const llama_model_params& get() const { return params_; }

 private:
  std::vector<ggml_backend_dev_t> devices_;
  std::vector<float> split_;
  llama_model_params params_ = llama_model_default_params();
};

// The memory of a NUMA machine is set up once in a process, for all models.
void set_numa(ggml_numa_strategy wanted) {
  if (wanted == GGML_NUMA_STRATEGY_DISABLED) return;
  static std::mutex mutex;
  static ggml_numa_strategy chosen = GGML_NUMA_STRATEGY_DISABLED;
  const std::lock_guard lock(mutex);
  if (chosen == wanted) return;
  if (chosen != GGML_NUMA_STRATEGY_DISABLED)
    invalid("numa", "another model of this process was loaded with another setting, which holds");
  llama_numa_init(wanted);
  chosen = wanted;
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

// What the rest of a split model is called, from the name of its first file.
std::vector<std::string> further_pieces(const infer_file& first) {
  const std::string path(engine::to_view(first.path));
  const auto piece = local::split_name(path);
  if (!piece || piece->count == 1) return {};
  if (piece->number != 1) {
    throw Refusal(INFER_E_INVALID_REQUEST, path + " is piece " + std::to_string(piece->number) +
                                               " of a split model; name the first, " +
                                               piece->piece(1));
  }
  std::vector<std::string> names;
  for (int number = 2; number <= piece->count; ++number) names.push_back(piece->piece(number));
  return names;
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

llama_model* load_files(std::vector<infer_file> files, const llama_model_params& params) {
  const std::vector<std::string> further =
      files.size() == 1 ? further_pieces(files[0]) : std::vector<std::string>();
  for (const std::string& path : further) {
    infer_file file = {};
    file.fd = -1;
    file.path = engine::to_str(path);
    files.push_back(file);
  }
  if (files.size() > 1) return load_split(files, params);
  const FilePtr file = open_model_file(files[0]);
  check_gguf_header(file.get(), file_name(files[0]));
  return llama_model_load_from_file_ptr(file.get(), params);
}

[[noreturn]] void refuse(const std::string& name, const std::string& reason) {
  throw Refusal(INFER_E_MODEL_INVALID, name + " cannot be loaded: " +
                                           (reason.empty() ? "llama.cpp gave no reason" : reason));
}

// Runs what reads a file; what goes wrong in it is the file's fault.
template <class Body>
auto reading(const std::string& name, Body&& body) {
  const AbortGuard guard;
  clear_engine_error();
  try {
    return body();
  } catch (const Refusal&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& e) {
    refuse(name, e.what());
  }
}

}  // namespace

Weights::Weights(const infer_load& how, const Config& config) {
  Progress progress = {how.progress, how.ctx, false};
  const Parameters params(config, &progress);
  if (config.mlock && !llama_supports_mlock())
    unsupported("mlock", "memory cannot be locked on this system");
  set_numa(config.numa);
  const std::vector<infer_file> files = model_files(how);
  const std::string name = file_name(files[0]);
  // Without a share of the processor budget: a load may take minutes, and where there is one
  // processor the replies of other models would wait for it.
  model_.reset(reading(name, [&] { return load_files(files, params.get()); }));
  if (progress.stopped) throw Refusal(INFER_E_CANCELLED, "the load was stopped");
  if (model_ == nullptr) refuse(name, engine_error());
  if (config.mlock && engine_could_not_lock()) {
    unsupported("mlock", "the system does not let this process lock so much memory (ulimit -l)");
  }
  load_adapters(config);
}

void Weights::load_adapters(const Config& config) {
  for (const AdapterConfig& adapter : config.adapters) {
    const std::string field = "adapters[" + std::to_string(adapters_.size()) + "]";
    infer_file described = {};
    described.fd = -1;
    described.path = engine::to_str(adapter.path);
    llama_adapter_lora* loaded = reading(adapter.path, [&] {
      const FilePtr file = open_model_file(described);
      check_gguf_header(file.get(), adapter.path);
      return llama_adapter_lora_init_from_file_ptr(model_.get(), file.get());
    });
    if (loaded == nullptr) {
      throw Refusal(
          INFER_E_MODEL_INVALID,
          field + ": " + adapter.path + " is no LoRA adapter of this model: " + engine_error(),
          "{\"field\":" + engine::json_quote(field) + "}");
    }
    adapters_.push_back(loaded);
    scales_.push_back(adapter.scale);
  }
}

void Weights::apply_adapters(llama_context* context) const {
  if (adapters_.empty()) return;
  std::vector<llama_adapter_lora*> adapters = adapters_;
  std::vector<float> scales = scales_;
  if (llama_set_adapters_lora(context, adapters.data(), adapters.size(), scales.data()) != 0)
    throw Refusal(INFER_E_ENGINE, "the adapters could not be applied: " + engine_error());
}

}  // namespace infer::llama
