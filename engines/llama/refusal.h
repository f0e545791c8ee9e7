// How the plugin's own functions fail, under this plugin's name.
#ifndef INFER_ENGINES_LLAMA_REFUSAL_H_
#define INFER_ENGINES_LLAMA_REFUSAL_H_

#include "engines/common/refusal.h"

namespace infer::llama {

using engine::field_refusal;
using engine::Refusal;

}  // namespace infer::llama

#endif  // INFER_ENGINES_LLAMA_REFUSAL_H_
