#include "src/plugin/config.h"

#include <array>
#include <cmath>
#include <optional>
#include <utility>
#include <variant>

#include "src/core/json.h"
#include "src/core/utf8.h"
#include "src/port/paths.h"

namespace infer::plugin {
namespace {

Error about(const std::string& field, const std::string& what) {
  return Error(Errc::kInvalidRequest, field + ": " + what).with_detail("field", field);
}

// The words of an enumeration, in the order of its enumerators.
template <class T>
struct Words;
template <>
struct Words<SplitMode> {
  static constexpr std::array kAll = {"none", "layer", "row"};
};
template <>
struct Words<Numa> {
  static constexpr std::array kAll = {"off", "distribute", "isolate", "numactl"};
};
template <>
struct Words<FlashAttention> {
  static constexpr std::array kAll = {"auto", "on", "off"};
};
template <>
struct Words<CacheType> {
  static constexpr std::array kAll = {"f32",  "f16",    "bf16", "q8_0", "q4_0",
                                      "q4_1", "iq4_nl", "q5_0", "q5_1"};
};
template <>
struct Words<Pooling> {
  static constexpr std::array kAll = {"unspecified", "none", "mean", "cls", "last", "rank"};
};

// Collects the settings and the first thing that is wrong with one.
class Writer {
 public:
  void put(const char* key, const std::optional<std::int64_t>& value) { plain(key, value); }
  void put(const char* key, const std::optional<std::int32_t>& value) { plain(key, value); }
  void put(const char* key, const std::optional<bool>& value) { plain(key, value); }
  void put(const char* key, const std::optional<double>& value) {
    if (value) json_[key] = number(key, *value);
  }
  void put(const char* key, const std::optional<std::string>& value) {
    if (value) json_[key] = text(key, *value);
  }
  template <class Enum, class = decltype(Words<Enum>::kAll)>
  void put(const char* key, const std::optional<Enum>& value) {
    if (!value) return;
    const auto& words = Words<Enum>::kAll;
    const auto at = static_cast<std::size_t>(*value);
    if (at < words.size()) {
      json_[key] = words[at];
      return;
    }
    std::string all;
    for (const char* word : words) all += (all.empty() ? "" : ", ") + std::string(word);
    fail(about(key, "must be one of " + all));
  }
  void put(const char* key, const std::optional<std::vector<std::string>>& values) {
    list(key, values, [this](const auto& field, const auto& value) { return text(field, value); });
  }
  void put(const char* key, const std::optional<std::vector<double>>& values) {
    list(key, values, [this](const auto& field, double value) { return number(field, value); });
  }
  void put(const char* key, const std::optional<std::vector<LoraAdapter>>& values) {
    list(key, values,
         [this](const auto& field, const auto& value) { return adapter(field, value); });
  }

  Result<std::string> done() {
    if (error_) return std::move(*error_);
    return core::dump_json(json_);
  }

 private:
  template <class T>
  void plain(const char* key, const std::optional<T>& value) {
    if (value) json_[key] = *value;
  }
  template <class T, class One>
  void list(const char* key, const std::optional<std::vector<T>>& values, One one) {
    if (!values) return;
    core::Json& items = json_[key] = core::Json::array();
    for (const T& value : *values)
      items.push_back(one(std::string(key) + "[" + std::to_string(items.size()) + "]", value));
  }
  double number(const std::string& field, double value) {
    if (!std::isfinite(value)) fail(about(field, "must be a finite number"));
    return value;
  }
  const std::string& text(const std::string& field, const std::string& value) {
    if (core::utf8_error(value) != core::kValidUtf8) fail(about(field, "must be UTF-8"));
    return value;
  }
  core::Json adapter(const std::string& field, const LoraAdapter& adapter) {
    const std::string path = field + ".path";
    core::Json json = {{"path", text(path, adapter.path)},
                       {"scale", number(field + ".scale", adapter.scale)}};
    if (adapter.path.empty() || adapter.path.front() != '/') {
      fail(about(path, "must be an absolute path"));
    } else if (const auto real = port::canonical(adapter.path)) {
      json["path"] = *real;
    } else {
      fail(Error(Errc::kNotFound, path + ": no file " + adapter.path).with_detail("field", path));
    }
    return json;
  }
  void fail(Error error) {
    if (!error_) error_ = std::move(error);
  }

  core::Json json_ = core::Json::object();
  std::optional<Error> error_;
};

Result<std::string> local_json(const LocalConfig& local) {
  Writer out;
  out.put("context", local.context);
  out.put("batch", local.batch);
  out.put("micro_batch", local.micro_batch);
  out.put("threads", local.threads);
  out.put("batch_threads", local.batch_threads);
  out.put("parallel", local.parallel);
  out.put("gpu_layers", local.gpu_layers);
  out.put("devices", local.devices);
  out.put("main_gpu", local.main_gpu);
  out.put("split_mode", local.split_mode);
  out.put("tensor_split", local.tensor_split);
  out.put("mmap", local.mmap);
  out.put("mlock", local.mlock);
  out.put("numa", local.numa);
  out.put("flash_attention", local.flash_attention);
  out.put("cache_type_k", local.cache_type_k);
  out.put("cache_type_v", local.cache_type_v);
  out.put("adapters", local.adapters);
  out.put("rope_frequency_base", local.rope_frequency_base);
  out.put("rope_frequency_scale", local.rope_frequency_scale);
  out.put("pooling", local.pooling);
  out.put("chat_template", local.chat_template);
  out.put("prefix_cache", local.prefix_cache);
  return out.done();
}

Result<std::string> plugin_json(const PluginConfig& plugin) {
  if (plugin.json.empty()) return std::string("{}");
  auto json = core::parse_json(plugin.json);
  if (!json || !json->is_object())
    return Error(Errc::kInvalidRequest, "PluginConfig::json must be a JSON object")
        .with_detail("field", "json");
  return core::dump_json(*json);
}

}  // namespace

Result<std::string> config_json(const Config& config) {
  if (const auto* plugin = std::get_if<PluginConfig>(&config)) return plugin_json(*plugin);
  if (const auto* local = std::get_if<LocalConfig>(&config)) return local_json(*local);
  if (std::holds_alternative<ApiConfig>(config))
    return Error(
        Errc::kInvalidRequest,
        "an ApiConfig is for providers that are reached over HTTP; this scheme is a plugin "
        "and takes a LocalConfig or a PluginConfig");
  return std::string("{}");
}

}  // namespace infer::plugin
