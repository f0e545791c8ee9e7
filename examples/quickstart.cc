#include <infer/infer.h>

#include <iostream>

int main() {
  auto model = infer::text("llama:tiny-chat");  // or "llama:/models/qwen3.gguf"
  if (!model) {
    std::cerr << model.error() << '\n';
    return 1;
  }

  auto reply = model->stream("What is the capital of France?");
  for (std::string_view chunk : reply.text()) std::cout << chunk << std::flush;

  auto done = reply.finish();
  if (!done) {
    std::cerr << done.error() << '\n';
    return 1;
  }
  std::cout << '\n' << done->usage << '\n';
}
