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

template <class F>
void each_part(const ImageParts& parts, F&& part) {
  part("vae", parts.vae);
  part("taesd", parts.taesd);
  part("clip_l", parts.clip_l);
  part("clip_g", parts.clip_g);
  part("t5xxl", parts.t5xxl);
  part("llm", parts.llm);
  part("llm_vision", parts.llm_vision);
  part("clip_vision", parts.clip_vision);
  part("control_net", parts.control_net);
  part("photo_maker", parts.photo_maker);
  part("upscaler", parts.upscaler);
}

// Collects the settings and the first thing that is wrong with one.
class Writer {
 public:
  // `where`: what stands before the keys in messages.
  explicit Writer(std::string where = {}) : where_(std::move(where)) {}

  void put(const char* key, const std::optional<std::int64_t>& value) { plain(key, value); }
  void put(const char* key, const std::optional<std::uint32_t>& value) { plain(key, value); }
  void put(const char* key, const std::optional<std::int32_t>& value) { plain(key, value); }
  void put(const char* key, const std::optional<bool>& value) { plain(key, value); }
  void put(const char* key, const std::optional<double>& value) {
    if (value) json_[key] = number(where_ + key, *value);
  }
  void put(const char* key, const std::optional<std::string>& value) {
    if (value) json_[key] = text(where_ + key, *value);
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
  void put(const char* key, const std::optional<ImageParts>& parts) {
    if (!parts) return;
    core::Json json = core::Json::object();
    each_part(*parts, [&](const char* name, const std::string& path) {
      if (!path.empty()) json[name] = file(std::string(key) + "." + name, path);
    });
    for (const auto& [word, path] : parts->embeddings) {
      const std::string field = std::string(key) + ".embeddings." + word;
      json["embeddings"][text(field, word)] = file(field, path);
    }
    if (!json.empty()) json_[key] = std::move(json);
  }
  void put(const char* key, const std::optional<ImageDefaults>& defaults) {
    if (!defaults) return;
    Writer inner(std::string(key) + ".");
    inner.put("width", defaults->width);
    inner.put("height", defaults->height);
    inner.put("steps", defaults->steps);
    inner.put("guidance", defaults->guidance);
    inner.put("distilled_guidance", defaults->distilled_guidance);
    inner.put("flow_shift", defaults->flow_shift);
    inner.put("clip_skip", defaults->clip_skip);
    inner.put("sample_method", named(defaults->sample_method));
    inner.put("scheduler", named(defaults->scheduler));
    inner.put("negative_prompt", named(defaults->negative_prompt));
    if (inner.error_) fail(std::move(*inner.error_));
    if (!inner.json_.empty()) json_[key] = std::move(inner.json_);
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
    return {{"path", file(field + ".path", adapter.path)},
            {"scale", number(field + ".scale", adapter.scale)}};
  }
  // Its canonical path.
  std::string file(const std::string& field, const std::string& path) {
    text(field, path);
    if (path.empty() || path.front() != '/') {
      fail(about(field, "must be an absolute path"));
    } else if (auto real = port::canonical(path)) {
      return std::move(*real);
    } else {
      fail(Error(Errc::kNotFound, field + ": no file " + path).with_detail("field", field));
    }
    return path;
  }
  static std::optional<std::string> named(const std::string& value) {
    return value.empty() ? std::nullopt : std::optional(value);
  }
  void fail(Error error) {
    if (!error_) error_ = std::move(error);
  }

  std::string where_;
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
  out.put("parts", local.parts);
  out.put("defaults", local.defaults);
  out.put("weight_type", local.weight_type);
  out.put("offload", local.offload);
  out.put("keep_on_cpu", local.keep_on_cpu);
  out.put("vae_encoder", local.vae_encoder);
  out.put("rng", local.rng);
  out.put("prediction", local.prediction);
  out.put("allow_pickle", local.allow_pickle);
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

namespace {

bool merges_by_member(std::string_view key) { return key == "parts" || key == "defaults"; }

// What `below` has and `above` has not; the names of what was taken go into `taken`.
void lay_beneath(core::Json& above, const core::Json& below, const std::string& where,
                 std::vector<std::string>& taken) {
  for (const auto& [key, value] : below.items()) {
    const auto there = above.find(key);
    if (there == above.end()) {
      above[key] = value;
      taken.push_back(where + key);
    } else if (where.empty() && merges_by_member(key) && there->is_object() && value.is_object()) {
      lay_beneath(*there, value, key + ".", taken);
    }
  }
}

// "parts" is of "parts.vae" and of "parts[0]", not of "parts_of".
bool is_of(std::string_view field, std::string_view setting) {
  if (field.substr(0, setting.size()) != setting) return false;
  return field.size() == setting.size() || field[setting.size()] == '.' ||
         field[setting.size()] == '[';
}

}  // namespace

MergedConfig MergedConfig::of(std::string_view caller, std::string_view card,
                              std::string card_file) {
  MergedConfig merged;
  merged.card_file_ = std::move(card_file);
  auto above = core::parse_json(caller);
  const auto below = core::parse_json(card);
  if (above && below && above->is_object() && below->is_object())
    lay_beneath(*above, *below, "", merged.from_card_);
  merged.text_ = above ? core::dump_json(*above) : std::string(caller);
  return merged;
}

Error MergedConfig::explained(Error error) const {
  const std::string_view field = error.detail("field");
  for (const std::string& setting : from_card_) {
    if (field.empty() || !is_of(field, setting)) continue;
    Error named(error.code(), error.message() + " (so says " + card_file_ + ")");
    for (const auto& [key, value] : error.details())
      named = std::move(named).with_detail(key, value);
    return std::move(named).with_provider(error.provider()).with_detail("card", card_file_);
  }
  return error;
}

}  // namespace infer::plugin
