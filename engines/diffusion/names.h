// The engine's enumerators by name, both ways: sample methods, schedulers, upscalers of the hires
// fix, step caches, weight types, kinds of random numbers, predictions. The names are the engine's
// own where it has some. Thread rule: functions of their arguments.
#ifndef INFER_ENGINES_DIFFUSION_NAMES_H_
#define INFER_ENGINES_DIFFUSION_NAMES_H_

#include <string>
#include <string_view>

#include "stable-diffusion.h"

namespace infer::diffusion {

// Each throws Refusal (INFER_E_INVALID_REQUEST) that names the field and lists all names, for one
// that is not known. Names are taken in any case, '-' and '_' alike.
sample_method_t sample_method_of(std::string_view name, const std::string& field);
scheduler_t scheduler_of(std::string_view name, const std::string& field);
sd_hires_upscaler_t hires_upscaler_of(std::string_view name, const std::string& field);
sd_cache_mode_t cache_mode_of(std::string_view name, const std::string& field);
sd_type_t weight_type_of(std::string_view name, const std::string& field);
rng_type_t rng_of(std::string_view name, const std::string& field);
prediction_t prediction_of(std::string_view name, const std::string& field);

std::string_view name_of(sample_method_t method);
std::string_view name_of(scheduler_t scheduler);
std::string_view name_of(sd_hires_upscaler_t upscaler);
std::string_view name_of(sd_cache_mode_t mode);

// {"sample_methods":[...],"schedulers":[...]} in the engine's order, for infer_plugin::names.
const std::string& names_json();

}  // namespace infer::diffusion

#endif  // INFER_ENGINES_DIFFUSION_NAMES_H_
