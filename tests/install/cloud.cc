// Asks a provider where none is, and says how that fails: "network" with the providers built in.
#include <infer/infer.h>

#include <iostream>

int main() {
  const infer::ApiConfig nobody{
      .key = "none", .base_url = "http://127.0.0.1:1/v1", .proxy = "none"};
  const auto model = infer::text("openai:any", nobody);
  const auto answer = model ? model->generate("hi") : model.error();
  std::cout << (answer ? "an answer" : infer::to_string(answer.error().code())) << '\n';
  return answer ? 1 : 0;
}
