#include "config.h"

#include <algorithm>
#include <iterator>
#include <limits>

#include "json_fields.h"
#include "src/port/cpu.h"

namespace infer::llama {
namespace {

// A setting that is one of some words.
template <class T>
struct Named {
  const char* word;
  T value;
};

template <class T, std::size_t N>
T get_choice(const Json& value, const std::string& field, const Named<T> (&choices)[N]) {
  std::string words;
  for (const Named<T>& choice : choices) {
    if (value.is_string() && value == choice.word) return choice.value;
    words += (words.empty() ? "" : ", ") + std::string(choice.word);
  }
  invalid(field, "must be one of " + words);
}

constexpr Named<llama_split_mode> kSplitModes[] = {{"none", LLAMA_SPLIT_MODE_NONE},
                                                   {"layer", LLAMA_SPLIT_MODE_LAYER},
                                                   {"row", LLAMA_SPLIT_MODE_ROW}};
constexpr Named<ggml_numa_strategy> kNuma[] = {{"off", GGML_NUMA_STRATEGY_DISABLED},
                                               {"distribute", GGML_NUMA_STRATEGY_DISTRIBUTE},
                                               {"isolate", GGML_NUMA_STRATEGY_ISOLATE},
                                               {"numactl", GGML_NUMA_STRATEGY_NUMACTL}};
constexpr Named<llama_flash_attn_type> kFlashAttention[] = {
    {"auto", LLAMA_FLASH_ATTN_TYPE_AUTO},
    {"on", LLAMA_FLASH_ATTN_TYPE_ENABLED},
    {"off", LLAMA_FLASH_ATTN_TYPE_DISABLED}};
constexpr Named<ggml_type> kCacheTypes[] = {
    {"f32", GGML_TYPE_F32},       {"f16", GGML_TYPE_F16},   {"bf16", GGML_TYPE_BF16},
    {"q8_0", GGML_TYPE_Q8_0},     {"q4_0", GGML_TYPE_Q4_0}, {"q4_1", GGML_TYPE_Q4_1},
    {"iq4_nl", GGML_TYPE_IQ4_NL}, {"q5_0", GGML_TYPE_Q5_0}, {"q5_1", GGML_TYPE_Q5_1}};
constexpr Named<enum llama_pooling_type> kPooling[] = {
    {"unspecified", LLAMA_POOLING_TYPE_UNSPECIFIED},
    {"none", LLAMA_POOLING_TYPE_NONE},
    {"mean", LLAMA_POOLING_TYPE_MEAN},
    {"cls", LLAMA_POOLING_TYPE_CLS},
    {"last", LLAMA_POOLING_TYPE_LAST},
    {"rank", LLAMA_POOLING_TYPE_RANK}};

const Json& get_array(const Json& value, const std::string& field, std::size_t most) {
  if (!value.is_array() || value.size() > most)
    invalid(field, "must be an array of at most " + std::to_string(most) + " entries");
  return value;
}

std::string at(const std::string& field, std::size_t i) {
  return field + "[" + std::to_string(i) + "]";
}

std::vector<std::string> get_devices(const Json& value, const std::string& field) {
  std::vector<std::string> names;
  for (const Json& name : get_array(value, field, llama_max_devices()))
    names.push_back(get_string(name, at(field, names.size())));
  return names;
}

std::vector<float> get_tensor_split(const Json& value, const std::string& field) {
  std::vector<float> parts;
  for (const Json& part : get_array(value, field, llama_max_devices()))
    parts.push_back(static_cast<float>(get_number(part, at(field, parts.size()), 0, 1e6)));
  const bool all_zero = std::all_of(parts.begin(), parts.end(), [](float p) { return !(p > 0); });
  if (!parts.empty() && all_zero) invalid(field, "must hold a number above 0");
  return parts;
}

AdapterConfig get_adapter(const Json& value, const std::string& field) {
  if (!value.is_object()) invalid(field, "must be an object with path and scale");
  AdapterConfig adapter;
  for (const auto& item : value.items()) {
    const std::string inner = field + "." + item.key();
    if (item.key() == "path") {
      adapter.path = get_string(item.value(), inner);
    } else if (item.key() == "scale") {
      adapter.scale = static_cast<float>(get_number(item.value(), inner, -1000, 1000));
    } else {
      invalid(inner, "is no setting of an adapter; it has path and scale");
    }
  }
  if (adapter.path.empty()) invalid(field + ".path", "must be the path of a GGUF file");
  return adapter;
}

std::vector<AdapterConfig> get_adapters(const Json& value, const std::string& field) {
  constexpr std::size_t kMost = 64;
  std::vector<AdapterConfig> adapters;
  for (const Json& adapter : get_array(value, field, kMost))
    adapters.push_back(get_adapter(adapter, at(field, adapters.size())));
  return adapters;
}

uint32_t get_count(const Json& value, const std::string& field, int64_t low, int64_t high) {
  return static_cast<uint32_t>(get_int(value, field, low, high));
}

float get_rope(const Json& value, const std::string& field, double high) {
  return static_cast<float>(get_number(value, field, 0, high));
}

constexpr int64_t kMostTokens = 1 << 24, kMostThreads = 256, kMostBatch = 16384;

struct Setting {
  const char* key;
  void (*read)(const Json& value, const std::string& field, Config& config);
};

// NOLINTBEGIN(readability-identifier-length): the table is read as a table.
constexpr Setting kSettings[] = {
    {"context", [](const Json& v, const std::string& f,
                   Config& c) { c.context = get_count(v, f, 16, kMostTokens); }},
    {"batch", [](const Json& v, const std::string& f,
                 Config& c) { c.batch = get_count(v, f, 32, kMostBatch); }},
    {"micro_batch", [](const Json& v, const std::string& f,
                       Config& c) { c.micro_batch = get_count(v, f, 32, kMostBatch); }},
    {"threads", [](const Json& v, const std::string& f,
                   Config& c) { c.threads = get_count(v, f, 1, kMostThreads); }},
    {"batch_threads", [](const Json& v, const std::string& f,
                         Config& c) { c.batch_threads = get_count(v, f, 1, kMostThreads); }},
    {"parallel",
     [](const Json& v, const std::string& f, Config& c) { c.parallel = get_count(v, f, 1, 64); }},
    {"gpu_layers",
     [](const Json& v, const std::string& f, Config& c) {
       c.gpu_layers = static_cast<int32_t>(get_int(v, f, -1, 10000));
     }},
    {"devices",
     [](const Json& v, const std::string& f, Config& c) { c.devices = get_devices(v, f); }},
    {"main_gpu",
     [](const Json& v, const std::string& f, Config& c) {
       c.main_gpu =
           static_cast<int32_t>(get_int(v, f, 0, static_cast<int64_t>(llama_max_devices()) - 1));
     }},
    {"split_mode", [](const Json& v, const std::string& f,
                      Config& c) { c.split_mode = get_choice(v, f, kSplitModes); }},
    {"tensor_split", [](const Json& v, const std::string& f,
                        Config& c) { c.tensor_split = get_tensor_split(v, f); }},
    {"mmap", [](const Json& v, const std::string& f, Config& c) { c.mmap = get_bool(v, f); }},
    {"mlock", [](const Json& v, const std::string& f, Config& c) { c.mlock = get_bool(v, f); }},
    {"numa",
     [](const Json& v, const std::string& f, Config& c) { c.numa = get_choice(v, f, kNuma); }},
    {"flash_attention", [](const Json& v, const std::string& f,
                           Config& c) { c.flash_attention = get_choice(v, f, kFlashAttention); }},
    {"cache_type_k", [](const Json& v, const std::string& f,
                        Config& c) { c.cache_type_k = get_choice(v, f, kCacheTypes); }},
    {"cache_type_v", [](const Json& v, const std::string& f,
                        Config& c) { c.cache_type_v = get_choice(v, f, kCacheTypes); }},
    {"adapters",
     [](const Json& v, const std::string& f, Config& c) { c.adapters = get_adapters(v, f); }},
    {"rope_frequency_base", [](const Json& v, const std::string& f,
                               Config& c) { c.rope_frequency_base = get_rope(v, f, 1e12); }},
    {"rope_frequency_scale", [](const Json& v, const std::string& f,
                                Config& c) { c.rope_frequency_scale = get_rope(v, f, 1000); }},
    {"pooling", [](const Json& v, const std::string& f,
                   Config& c) { c.pooling = get_choice(v, f, kPooling); }},
    {"chat_template",
     [](const Json& v, const std::string& f, Config& c) { c.chat_template = get_string(v, f); }},
    {"prefix_cache",
     [](const Json& v, const std::string& f, Config& c) { c.prefix_cache = get_bool(v, f); }},
};
// NOLINTEND(readability-identifier-length)

void read_setting(const std::string& key, const Json& value, Config& config) {
  const auto* const found =
      std::find_if(std::begin(kSettings), std::end(kSettings),
                   [&](const Setting& setting) { return key == setting.key; });
  if (found != std::end(kSettings)) return found->read(value, key, config);
  std::string known;
  for (const Setting& setting : kSettings)
    known += (known.empty() ? "" : ", ") + std::string(setting.key);
  invalid(key, "is no setting of this engine; it has " + known);
}

// What follows from settings that were not given.
void fill_in(const Json& json, Config& config) {
  if (!json.contains("threads")) config.threads = port::physical_cores();
  if (!json.contains("batch_threads")) config.batch_threads = config.threads;
  if (!json.contains("micro_batch")) config.micro_batch = std::min(config.batch, 512U);
}

void check_together(const Config& config) {
  if (config.batch < config.parallel) invalid("batch", "must be at least as large as parallel");
  if (config.micro_batch > config.batch)
    invalid("micro_batch", "must be at most batch, " + std::to_string(config.batch));
  if (ggml_is_quantized(config.cache_type_v) &&
      config.flash_attention == LLAMA_FLASH_ATTN_TYPE_DISABLED) {
    invalid("cache_type_v",
            "a quantised type needs flash_attention on or auto; without it f32, f16 and bf16 are "
            "allowed");
  }
  if (config.devices && config.tensor_split.size() > config.devices->size())
    invalid("tensor_split", "must have at most as many numbers as there are devices");
}

}  // namespace

Config parse_config(std::string_view text) {
  Config config;
  const Json json = text.empty() ? Json::object() : parse_object(text, "the config");
  for (const auto& item : json.items()) read_setting(item.key(), item.value(), config);
  fill_in(json, config);
  check_together(config);
  return config;
}

}  // namespace infer::llama
