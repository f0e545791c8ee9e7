#include "describe.h"

#include <nlohmann/json.hpp>

namespace infer::llama {

std::string describe_json(const ModelFacts& facts) {
  nlohmann::json tasks = nlohmann::json::array();
  if (facts.writes) tasks = {"text", "count"};
  if (facts.embeds) tasks.push_back("embed");
  if (facts.ranks) tasks.push_back("rerank");
  const nlohmann::json json = {
      {"name", facts.name},
      {"tasks", tasks},
      {"context", facts.context},
      {"family", facts.family},
      {"parameters", facts.parameters},
      {"quantization", facts.quantization},
      {"size_bytes", facts.size_bytes},
      {"capabilities",
       {{"tools", facts.tools},
        {"json_schema", facts.writes},
        {"grammar", facts.writes},
        {"vision", false},
        {"logprobs", facts.writes},
        {"reasoning", facts.thinks},
        {"seed", facts.writes},
        {"stop", facts.writes},
        {"n", facts.writes}}},
  };
  // Names in a file may be any bytes.
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace infer::llama
