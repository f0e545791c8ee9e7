// A provider's model, asked again where that may help. The key comes from OPENAI_API_KEY or
// ANTHROPIC_API_KEY; OPENAI_BASE_URL names another server that speaks the same protocol.
//   cloud MODEL PROMPT          such as: cloud openai:gpt-5-mini "Why is the sky blue?"
#include <infer/infer.h>

#include <iostream>

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: cloud MODEL PROMPT\n";
    return 2;
  }

  infer::Retry retry;
  retry.on_retry = [](const infer::Error& error, std::uint32_t, std::chrono::milliseconds wait) {
    std::cerr << error << "; trying again in " << wait.count() << " ms\n";
  };
  auto model = infer::text(argv[1]) | retry;
  if (!model) {
    std::cerr << model.error() << '\n';
    return 1;
  }

  infer::Call call;
  call.timeouts.total = std::chrono::minutes(2);  // all attempts and waits together
  auto reply = model->stream(argv[2], call);
  for (std::string_view chunk : reply.text()) std::cout << chunk << std::flush;

  auto done = reply.finish();
  if (!done) {
    std::cerr << '\n' << done.error() << '\n';
    return 1;
  }
  std::cout << '\n' << done->usage << "; sent " << done->attempts << " times\n";
}
