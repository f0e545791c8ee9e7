// The smallest program that uses the installed library: streams from the echo plugin.
#include <infer/infer.h>

#include <iostream>

int main() {
  auto model = infer::text("echo:3");
  if (!model) {
    std::cerr << model.error() << '\n';
    return 1;
  }
  auto reply = model->stream("hi");
  for (std::string_view chunk : reply.text()) std::cout << chunk;
  std::cout << '\n';
  auto done = reply.finish();
  if (!done) {
    std::cerr << done.error() << '\n';
    return 1;
  }
  return 0;
}
