#include "names.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engines/common/json_fields.h"

namespace infer::diffusion {
namespace {

// Some of the engine's enumerators have names of its own, made for its program's menus, some none.
constexpr std::string_view kHiresNames[] = {"none",
                                            "latent",
                                            "latent-nearest",
                                            "latent-nearest-exact",
                                            "latent-antialiased",
                                            "latent-bicubic",
                                            "latent-bicubic-antialiased",
                                            "lanczos",
                                            "nearest",
                                            "model"};
static_assert(std::size(kHiresNames) == SD_HIRES_UPSCALER_COUNT);
constexpr std::string_view kCacheNames[] = {"none",       "easycache", "ucache",  "dbcache",
                                            "taylorseer", "cache-dit", "spectrum"};
static_assert(std::size(kCacheNames) == SD_CACHE_SPECTRUM + 1);
constexpr std::string_view kRngNames[] = {"std", "cuda", "cpu"};
static_assert(std::size(kRngNames) == RNG_TYPE_COUNT);

char folded(char c) {
  if (c >= 'A' && c <= 'Z') return static_cast<char>(c - 'A' + 'a');
  return c == '-' ? '_' : c;
}

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return folded(x) == folded(y); });
}

// The enumerator from `first` to the one before `end` that has this name.
template <class T, class NameOf>
T find_name(std::string_view name, const std::string& field, int first, int end, NameOf name_of) {
  std::string all;
  for (int i = first; i < end; ++i) {
    const std::string_view known = name_of(static_cast<T>(i));
    if (known.empty()) continue;
    if (same_name(known, name)) return static_cast<T>(i);
    all += (all.empty() ? "" : ", ") + std::string(known);
  }
  engine::invalid(field, "'" + std::string(name) + "' is none of " + all);
}

// Types that weights are brought to: the engine's list also has integers, types that need an
// importance matrix, and gaps.
std::string_view weight_name(sd_type_t type) {
  switch (type) {
    case SD_TYPE_F32:
    case SD_TYPE_F16:
    case SD_TYPE_BF16:
    case SD_TYPE_Q4_0:
    case SD_TYPE_Q4_1:
    case SD_TYPE_Q5_0:
    case SD_TYPE_Q5_1:
    case SD_TYPE_Q8_0:
    case SD_TYPE_Q2_K:
    case SD_TYPE_Q3_K:
    case SD_TYPE_Q4_K:
    case SD_TYPE_Q5_K:
    case SD_TYPE_Q6_K: return sd_type_name(type);
    default: return {};
  }
}

}  // namespace

sample_method_t sample_method_of(std::string_view name, const std::string& field) {
  return find_name<sample_method_t>(name, field, 0, SAMPLE_METHOD_COUNT, sd_sample_method_name);
}

scheduler_t scheduler_of(std::string_view name, const std::string& field) {
  return find_name<scheduler_t>(name, field, 0, SCHEDULER_COUNT, sd_scheduler_name);
}

sd_hires_upscaler_t hires_upscaler_of(std::string_view name, const std::string& field) {
  return find_name<sd_hires_upscaler_t>(
      name, field, SD_HIRES_UPSCALER_LATENT, SD_HIRES_UPSCALER_COUNT,
      [](sd_hires_upscaler_t upscaler) { return name_of(upscaler); });
}

sd_cache_mode_t cache_mode_of(std::string_view name, const std::string& field) {
  return find_name<sd_cache_mode_t>(name, field, SD_CACHE_EASYCACHE, SD_CACHE_SPECTRUM + 1,
                                    [](sd_cache_mode_t mode) { return name_of(mode); });
}

sd_type_t weight_type_of(std::string_view name, const std::string& field) {
  return find_name<sd_type_t>(name, field, 0, SD_TYPE_COUNT, weight_name);
}

rng_type_t rng_of(std::string_view name, const std::string& field) {
  return find_name<rng_type_t>(name, field, 0, RNG_TYPE_COUNT,
                               [](rng_type_t rng) { return kRngNames[rng]; });
}

prediction_t prediction_of(std::string_view name, const std::string& field) {
  return find_name<prediction_t>(name, field, 0, PREDICTION_COUNT, sd_prediction_name);
}

std::string_view name_of(sample_method_t method) { return sd_sample_method_name(method); }
std::string_view name_of(scheduler_t scheduler) { return sd_scheduler_name(scheduler); }
std::string_view name_of(sd_hires_upscaler_t upscaler) { return kHiresNames[upscaler]; }
std::string_view name_of(sd_cache_mode_t mode) { return kCacheNames[mode]; }

const std::string& names_json() {
  // Never destroyed: the host may ask until the process has ended.
  static const std::string* const text = [] {
    nlohmann::json methods = nlohmann::json::array(), schedulers = nlohmann::json::array();
    for (int i = 0; i < SAMPLE_METHOD_COUNT; ++i)
      methods.push_back(name_of(static_cast<sample_method_t>(i)));
    for (int i = 0; i < SCHEDULER_COUNT; ++i)
      schedulers.push_back(name_of(static_cast<scheduler_t>(i)));
    return new std::string(
        nlohmann::json{{"sample_methods", methods}, {"schedulers", schedulers}}.dump());
  }();
  return *text;
}

}  // namespace infer::diffusion
