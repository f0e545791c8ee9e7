#include "devices.h"

#include <algorithm>

#include "json_fields.h"

namespace infer::llama {
namespace {

std::string names(const std::vector<ggml_backend_dev_t>& devices) {
  std::string list;
  for (ggml_backend_dev_t device : devices)
    list += (list.empty() ? "" : ", ") + std::string(ggml_backend_dev_name(device));
  return list.empty() ? "this build of the engine sees no device but the processor"
                      : "there are " + list;
}

std::vector<ggml_backend_dev_t> named_devices(const Config& config,
                                              const std::vector<ggml_backend_dev_t>& all) {
  if (!config.devices) return all;
  std::vector<ggml_backend_dev_t> chosen;
  for (const std::string& name : *config.devices) {
    const std::string field = "devices[" + std::to_string(chosen.size()) + "]";
    const auto found = std::find_if(all.begin(), all.end(), [&](ggml_backend_dev_t device) {
      return name == ggml_backend_dev_name(device);
    });
    if (found == all.end()) invalid(field, "is no device of this engine: " + names(all));
    if (std::find(chosen.begin(), chosen.end(), *found) != chosen.end())
      invalid(field, "is named twice");
    chosen.push_back(*found);
  }
  return chosen;
}

bool splits_rows(ggml_backend_dev_t device) {
  ggml_backend_reg_t registry = ggml_backend_dev_backend_reg(device);
  return registry != nullptr &&
         ggml_backend_reg_get_proc_address(registry, "ggml_backend_split_buffer_type") != nullptr;
}

}  // namespace

std::vector<ggml_backend_dev_t> chosen_devices(const Config& config) {
  std::vector<ggml_backend_dev_t> chosen = named_devices(config, engine::accelerators());
  if (config.main_gpu > 0 && static_cast<std::size_t>(config.main_gpu) >= chosen.size())
    invalid("main_gpu", "must be less than the number of devices: " + names(chosen));
  if (!config.tensor_split.empty() && config.tensor_split.size() > chosen.size())
    invalid("tensor_split", "must have at most one number for each device: " + names(chosen));
  if (config.split_mode == LLAMA_SPLIT_MODE_ROW) {
    for (ggml_backend_dev_t device : chosen) {
      if (!splits_rows(device)) {
        unsupported("split_mode", "row is not possible on " +
                                      std::string(ggml_backend_dev_name(device)) +
                                      "; layer and none are");
      }
    }
  }
  return chosen;
}

}  // namespace infer::llama
