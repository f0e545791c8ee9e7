// bench client: the shortest program with the library. Usage: bench_client_start_ours BASE_URL
#include <cstdio>
#include <string>

#include "infer/infer.h"

int main(int argc, char** argv) {
  infer::ApiConfig config;
  config.key = "none";
  config.base_url = argc > 1 ? argv[1] : "";
  auto model = infer::text("openai:gpt-5-nano", std::move(config));
  if (!model) return 1;
  const auto answer = model->generate("What is the capital of Denmark? Answer in one sentence.");
  if (!answer) return 1;
  std::puts(answer->text().c_str());
  return 0;
}
