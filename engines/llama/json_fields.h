// Reading the members of a JSON object, under this plugin's name.
#ifndef INFER_ENGINES_LLAMA_JSON_FIELDS_H_
#define INFER_ENGINES_LLAMA_JSON_FIELDS_H_

#include "engines/common/json_fields.h"

namespace infer::llama {

using engine::get_bool;
using engine::get_int;
using engine::get_number;
using engine::get_string;
using engine::invalid;
using engine::Json;
using engine::member;
using engine::parse_object;
using engine::unsupported;

}  // namespace infer::llama

#endif  // INFER_ENGINES_LLAMA_JSON_FIELDS_H_
