#include "config.h"

#include "json_fields.h"

namespace infer::llama {

Config parse_config(std::string_view text) {
  Config config;
  if (text.empty()) return config;
  constexpr int64_t kMost = 1 << 24;
  const Json json = parse_object(text, "the config");
  for (const auto& item : json.items()) {
    const std::string& key = item.key();
    const Json& v = item.value();
    if (key == "context") {
      config.context = static_cast<uint32_t>(get_int(v, key, 16, kMost));
    } else if (key == "batch") {
      config.batch = static_cast<uint32_t>(get_int(v, key, 32, 16384));
    } else if (key == "threads") {
      config.threads = static_cast<uint32_t>(get_int(v, key, 1, 256));
    } else if (key == "parallel") {
      config.parallel = static_cast<uint32_t>(get_int(v, key, 1, 64));
    } else if (key == "gpu_layers") {
      config.gpu_layers = static_cast<int32_t>(get_int(v, key, -1, 10000));
    } else if (key == "mmap") {
      if (!v.is_boolean()) invalid(key, "must be true or false");
      config.mmap = v.get<bool>();
    } else {
      invalid(key,
              "is no setting of this engine; it has context, batch, threads, parallel, mmap and "
              "gpu_layers");
    }
  }
  if (config.batch < config.parallel) invalid("batch", "must be at least as large as parallel");
  return config;
}

}  // namespace infer::llama
