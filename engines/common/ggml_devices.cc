#include "ggml_devices.h"

#include <nlohmann/json.hpp>

namespace infer::engine {
namespace {

const char* type_name(ggml_backend_dev_t device) {
  switch (ggml_backend_dev_type(device)) {
    case GGML_BACKEND_DEVICE_TYPE_CPU: return "cpu";
    case GGML_BACKEND_DEVICE_TYPE_GPU: return "gpu";
    case GGML_BACKEND_DEVICE_TYPE_IGPU: return "igpu";
    default: return "accel";
  }
}

}  // namespace

std::vector<ggml_backend_dev_t> accelerators() {
  std::vector<ggml_backend_dev_t> found;
  for (std::size_t i = 0; i < ggml_backend_dev_count(); ++i) {
    ggml_backend_dev_t device = ggml_backend_dev_get(i);
    const auto type = ggml_backend_dev_type(device);
    if (type == GGML_BACKEND_DEVICE_TYPE_GPU || type == GGML_BACKEND_DEVICE_TYPE_IGPU)
      found.push_back(device);
  }
  return found;
}

std::string devices_json() {
  nlohmann::json list = nlohmann::json::array();
  for (std::size_t i = 0; i < ggml_backend_dev_count(); ++i) {
    ggml_backend_dev_t device = ggml_backend_dev_get(i);
    std::size_t free = 0, total = 0;
    ggml_backend_dev_memory(device, &free, &total);
    list.push_back({{"name", ggml_backend_dev_name(device)},
                    {"description", ggml_backend_dev_description(device)},
                    {"type", type_name(device)},
                    {"memory_free", free},
                    {"memory_total", total}});
  }
  return list.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace infer::engine
