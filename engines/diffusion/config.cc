#include "config.h"

#include <algorithm>
#include <iterator>

#include "engines/common/json_fields.h"
#include "names.h"
#include "src/port/cpu.h"

namespace infer::diffusion {
namespace {

using engine::get_bool;
using engine::get_int;
using engine::get_number;
using engine::get_string;
using engine::invalid;
using engine::Json;

// A member of an object and who reads it into a T.
template <class T>
struct Setting {
  const char* key;
  void (*read)(const Json& value, const std::string& field, T& into);
};

template <class T, std::size_t N>
void read_settings(const Json& object, const std::string& where, const Setting<T> (&settings)[N],
                   T& into) {
  if (!object.is_object()) invalid(where, "must be an object");
  for (const auto& item : object.items()) {
    const std::string field = where.empty() ? item.key() : where + "." + item.key();
    const auto* setting =
        std::find_if(std::begin(settings), std::end(settings),
                     [&](const Setting<T>& known) { return item.key() == known.key; });
    if (setting == std::end(settings)) {
      std::string keys;
      for (const Setting<T>& known : settings)
        keys += (keys.empty() ? "" : ", ") + std::string(known.key);
      invalid(field, "is no setting of this engine; it has " + keys);
    }
    setting->read(item.value(), field, into);
  }
}

std::string get_path(const Json& value, const std::string& field) {
  const std::string& path = get_string(value, field);
  if (!path.empty() && path[0] != '/') invalid(field, "must be an absolute path");
  if (path.find('\0') != std::string::npos) invalid(field, "must be a path");
  return path;
}

// NOLINTBEGIN(readability-identifier-length): the tables are read as tables.
using J = const Json&;
using F = const std::string&;

constexpr Setting<Parts> kParts[] = {
    {"vae", [](J v, F f, Parts& p) { p.vae = get_path(v, f); }},
    {"taesd", [](J v, F f, Parts& p) { p.taesd = get_path(v, f); }},
    {"clip_l", [](J v, F f, Parts& p) { p.clip_l = get_path(v, f); }},
    {"clip_g", [](J v, F f, Parts& p) { p.clip_g = get_path(v, f); }},
    {"t5xxl", [](J v, F f, Parts& p) { p.t5xxl = get_path(v, f); }},
    {"llm", [](J v, F f, Parts& p) { p.llm = get_path(v, f); }},
    {"llm_vision", [](J v, F f, Parts& p) { p.llm_vision = get_path(v, f); }},
    {"clip_vision", [](J v, F f, Parts& p) { p.clip_vision = get_path(v, f); }},
    {"control_net", [](J v, F f, Parts& p) { p.control_net = get_path(v, f); }},
    {"photo_maker", [](J v, F f, Parts& p) { p.photo_maker = get_path(v, f); }},
    {"upscaler", [](J v, F f, Parts& p) { p.upscaler = get_path(v, f); }},
    {"embeddings",
     [](J v, F f, Parts& p) {
       if (!v.is_object() || v.size() > 1024) invalid(f, "must be an object: word -> file");
       for (const auto& item : v.items())
         p.embeddings[item.key()] = get_path(item.value(), f + "." + item.key());
     }},
};

uint32_t get_size(J v, F f) { return static_cast<uint32_t>(get_int(v, f, 1, 16384)); }
float get_float(J v, F f, double low, double high) {
  return static_cast<float>(get_number(v, f, low, high));
}

constexpr Setting<GivenDefaults> kDefaults[] = {
    {"width", [](J v, F f, GivenDefaults& d) { d.width = get_size(v, f); }},
    {"height", [](J v, F f, GivenDefaults& d) { d.height = get_size(v, f); }},
    {"steps",
     [](J v, F f, GivenDefaults& d) { d.steps = static_cast<uint32_t>(get_int(v, f, 1, 1000)); }},
    {"guidance", [](J v, F f, GivenDefaults& d) { d.guidance = get_float(v, f, 0, 1000); }},
    {"distilled_guidance",
     [](J v, F f, GivenDefaults& d) { d.distilled_guidance = get_float(v, f, 0, 1000); }},
    {"flow_shift", [](J v, F f, GivenDefaults& d) { d.flow_shift = get_float(v, f, 0.001, 1000); }},
    {"clip_skip",
     [](J v, F f, GivenDefaults& d) { d.clip_skip = static_cast<int>(get_int(v, f, 1, 12)); }},
    {"sample_method",
     [](J v, F f, GivenDefaults& d) { d.sample_method = sample_method_of(get_string(v, f), f); }},
    {"scheduler",
     [](J v, F f, GivenDefaults& d) { d.scheduler = scheduler_of(get_string(v, f), f); }},
    {"negative_prompt", [](J v, F f, GivenDefaults& d) { d.negative_prompt = get_string(v, f); }},
};

constexpr Setting<Adapter> kAdapter[] = {
    {"path", [](J v, F f, Adapter& a) { a.path = get_path(v, f); }},
    {"scale", [](J v, F f, Adapter& a) { a.scale = get_float(v, f, -1000, 1000); }},
};

std::vector<Adapter> get_adapters(J value, F field) {
  if (!value.is_array() || value.size() > kMostAdapters)
    invalid(field, "must be an array of at most " + std::to_string(kMostAdapters));
  std::vector<Adapter> adapters;
  for (J entry : value) {
    const std::string where = field + "[" + std::to_string(adapters.size()) + "]";
    Adapter adapter;
    read_settings(entry, where, kAdapter, adapter);
    if (adapter.path.empty()) invalid(where + ".path", "must be the path of a file");
    adapters.push_back(std::move(adapter));
  }
  return adapters;
}

void keep_on_cpu(J value, F field, Config& config) {
  if (!value.is_array()) invalid(field, "must be an array");
  for (J entry : value) {
    const std::string& part = get_string(entry, field);
    if (part == "text_encoder") {
      config.text_encoder_on_cpu = true;
    } else if (part == "vae") {
      config.vae_on_cpu = true;
    } else if (part == "control_net") {
      config.control_net_on_cpu = true;
    } else {
      invalid(field, "'" + part + "' is none of text_encoder, vae, control_net");
    }
  }
}

std::vector<std::string> get_devices(J value, F field) {
  if (!value.is_array() || value.size() > 16) invalid(field, "must be an array of device names");
  std::vector<std::string> names;
  for (J name : value) names.push_back(get_string(name, field));
  return names;
}

constexpr Setting<Config> kSettings[] = {
    {"parts", [](J v, F f, Config& c) { read_settings(v, f, kParts, c.parts); }},
    {"defaults", [](J v, F f, Config& c) { read_settings(v, f, kDefaults, c.defaults); }},
    {"adapters", [](J v, F f, Config& c) { c.adapters = get_adapters(v, f); }},
    {"threads",
     [](J v, F f, Config& c) { c.threads = static_cast<uint32_t>(get_int(v, f, 1, 256)); }},
    {"devices", [](J v, F f, Config& c) { c.devices = get_devices(v, f); }},
    {"offload", [](J v, F f, Config& c) { c.offload = get_bool(v, f); }},
    {"keep_on_cpu", keep_on_cpu},
    {"flash_attention",
     [](J v, F f, Config& c) {
       if (v != "auto" && v != "on" && v != "off") invalid(f, "must be one of auto, on, off");
       c.flash_attention = v == "on";
     }},
    {"weight_type",
     [](J v, F f, Config& c) { c.weight_type = weight_type_of(get_string(v, f), f); }},
    {"mmap", [](J v, F f, Config& c) { c.mmap = get_bool(v, f); }},
    {"vae_encoder", [](J v, F f, Config& c) { c.vae_encoder = get_bool(v, f); }},
    {"rng", [](J v, F f, Config& c) { c.rng = rng_of(get_string(v, f), f); }},
    {"prediction", [](J v, F f, Config& c) { c.prediction = prediction_of(get_string(v, f), f); }},
    {"allow_pickle", [](J v, F f, Config& c) { c.allow_pickle = get_bool(v, f); }},
};
// NOLINTEND(readability-identifier-length)

}  // namespace

Config parse_config(std::string_view json) {
  Config config;
  config.threads = std::min<uint32_t>(256, port::physical_cores());
  if (!json.empty()) read_settings(engine::parse_object(json, "the config"), "", kSettings, config);
  return config;
}

std::vector<Adapter> parse_adapters(const nlohmann::json& value, const std::string& field) {
  return get_adapters(value, field);
}

}  // namespace infer::diffusion
