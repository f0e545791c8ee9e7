// A picture from words, into a file. The key comes from the provider's environment variable.
//   picture MODEL FILE PROMPT        such as: picture openai:gpt-image-1 circle.png "a red circle"
#include <infer/infer.h>

#include <fstream>
#include <iostream>

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "usage: picture MODEL FILE PROMPT\n";
    return 2;
  }

  auto model = infer::image(argv[1]);
  if (!model) {
    std::cerr << model.error() << '\n';
    return 1;
  }
  auto made = model->generate({.prompt = argv[3], .width = 1024, .height = 1024});
  if (!made) {
    std::cerr << made.error() << '\n';
    return 1;
  }

  for (const infer::Part& part : made->message().parts) {
    const auto* picture = part.get<infer::Media>();
    if (!picture) continue;
    if (const auto* url = std::get_if<infer::Url>(&picture->source)) {
      std::cout << url->url << '\n';
    } else if (const auto* bytes = std::get_if<infer::Blob>(&picture->source)) {
      if (!(std::ofstream(argv[2], std::ios::binary) << bytes->view() << std::flush)) {
        std::cerr << argv[2] << " cannot be written\n";
        return 1;
      }
      const auto size = infer::picture_size(bytes->view());
      std::cout << argv[2] << ": " << picture->mime;
      if (size) std::cout << ", " << size->width << " x " << size->height;
      std::cout << '\n';
    }
  }
  std::cout << made->usage << '\n';
}
