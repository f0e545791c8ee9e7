// A model that calls a function of this program: the loop of infer/tools.h with the shipped model.
#include <infer/infer.h>
#include <infer/tools.h>

#include <iostream>

int main() {
  auto model = infer::text("llama:tiny-chat");
  if (!model) {
    std::cerr << model.error() << '\n';
    return 1;
  }

  infer::ToolFunction weather{
      .tool = {.name = "get_weather",
               .description = "The weather in a city",
               .schema = R"({"type":"object","properties":{"city":{"type":"string"}},)"
                         R"("required":["city"]})"},
      .run = [](std::string_view arguments) -> infer::Result<std::string> {
        std::cout << "get_weather(" << arguments << ")\n";
        return std::string(R"({"city": "Oslo", "weather": "sunny"})");
      }};

  infer::TextRequest request{.messages = {infer::user("What is the weather in Oslo?")}};
  const auto run = infer::run_tools(*model, request, {weather});
  if (!run.answer) {
    std::cerr << run.answer.error() << '\n';
    return 1;
  }
  std::cout << run.answer->text() << '\n' << run.usage << '\n';
}
