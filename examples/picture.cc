// A picture from words, into a file whose ending says the format. Without words of yours a model
// that is shipped paints; a provider's key comes from its environment variable.
//   picture [FILE [PROMPT [MODEL]]]     such as: picture cat.png "a cat" openai:gpt-image-1
#include <infer/infer.h>

#include <iostream>
#include <string>

namespace {

int failed(const infer::Error& error) {
  std::cerr << error << '\n';
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string file = argc > 1 ? argv[1] : "circle.png";
  const std::string prompt = argc > 2 ? argv[2] : "a red circle on a white background";
  const std::string name = argc > 3 ? argv[3] : "diffusion:tiny-shapes";

  auto model = infer::image(name);
  if (!model) return failed(model.error());
  auto made = model->generate({.prompt = prompt});
  if (!made) return failed(made.error());

  for (const infer::Part& part : made->message().parts) {
    const auto* picture = part.get<infer::Media>();
    if (!picture) continue;
    if (const auto* url = std::get_if<infer::Url>(&picture->source)) {
      std::cout << url->url << '\n';
      continue;
    }
    if (auto saved = infer::save_image(file, *picture); !saved) return failed(saved.error());
    std::cout << file;
    if (auto pixels = infer::decode_image(*picture))
      std::cout << ": " << pixels->width << " x " << pixels->height << " pixels";
    std::cout << '\n';
  }
  std::cout << made->usage << '\n';
}
