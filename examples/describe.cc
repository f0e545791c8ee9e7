// What is to be seen in a picture. The key comes from the provider's environment variable.
//   describe MODEL FILE PROMPT       such as: describe openai:gpt-5 cat.jpg "Which breed is this?"
#include <infer/infer.h>

#include <iostream>

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "usage: describe MODEL FILE PROMPT\n";
    return 2;
  }

  auto picture = infer::media_from_file(argv[2]);
  if (!picture) {
    std::cerr << picture.error() << '\n';
    return 1;
  }
  auto model = infer::text(argv[1]) | infer::Retry{};
  if (!model) {
    std::cerr << model.error() << '\n';
    return 1;
  }

  auto said = infer::describe(*model, *picture, argv[3]);
  if (!said) {
    std::cerr << said.error() << '\n';
    return 1;
  }
  std::cout << said->text() << '\n' << said->usage << '\n';
}
