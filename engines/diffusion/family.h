// What is known of the families of models before any of their weights are loaded: which parts they
// need, and what a request means that says nothing. Thread rule: functions of their arguments.
#ifndef INFER_ENGINES_DIFFUSION_FAMILY_H_
#define INFER_ENGINES_DIFFUSION_FAMILY_H_

#include <string>
#include <string_view>
#include <vector>

#include "config.h"
#include "facts.h"

namespace infer::diffusion {

// Text encoders that a model of this family reads its prompts with, by their names in Parts, where
// they are not in the same file. Empty for a family that is not known.
std::vector<std::string_view> encoders_of(std::string_view family);

// The family's own, with what the config says in their place.
Defaults defaults_of(std::string_view family, const GivenDefaults& given);

}  // namespace infer::diffusion

#endif  // INFER_ENGINES_DIFFUSION_FAMILY_H_
