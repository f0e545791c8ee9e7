#include "devices.h"

#include <string>

#include "engines/common/json_fields.h"
#include "ggml-backend.h"
#include "infer_sd.h"

namespace infer::diffusion {
namespace {

ggml_backend_dev_t find_device(const std::string& name) {
  std::string all;
  for (std::size_t i = 0; i < ggml_backend_dev_count(); ++i) {
    ggml_backend_dev_t device = ggml_backend_dev_get(i);
    if (name == ggml_backend_dev_name(device)) return device;
    all += (all.empty() ? "" : ", ") + std::string(ggml_backend_dev_name(device));
  }
  engine::invalid("devices[0]", "is no device of this engine: there are " + all);
}

ggml_backend_dev_t device_of(const Config& config) {
  if (!config.devices) return nullptr;
  if (config.devices->size() > 1) {
    engine::unsupported("devices",
                        "a model that paints lies on one device; what may stay on the "
                        "processor is said by keep_on_cpu");
  }
  if (config.devices->empty()) return ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU);
  return find_device(config.devices->front());
}

}  // namespace

Device::Device(const Config& config) {
  ggml_backend_dev_t device = device_of(config);
  infer_sd_use_device(device == nullptr ? nullptr : ggml_backend_dev_name(device));
}

Device::~Device() { infer_sd_use_device(nullptr); }

}  // namespace infer::diffusion
