#include "describe.h"

#include <nlohmann/json.hpp>

namespace infer::llama {

std::string describe_json(const ModelFacts& facts) {
  const nlohmann::json json = {
      {"name", facts.name},
      {"tasks", {"text", "count"}},
      {"context", facts.context},
      {"family", facts.family},
      {"parameters", facts.parameters},
      {"quantization", facts.quantization},
      {"size_bytes", facts.size_bytes},
      {"capabilities",
       {{"tools", false},
        {"json_schema", false},
        {"grammar", false},
        {"vision", false},
        {"logprobs", false},
        {"seed", true},
        {"stop", true},
        {"n", false}}},
  };
  // Names in a file may be any bytes.
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace infer::llama
