// Paints with the shipped image model and writes a picture file, and says how each of the two went:
// "64x64 image/png", or in its place the error of what is not built in.
#include <infer/infer.h>

#include <iostream>
#include <string>

std::string painted() {
  infer::LocalConfig config;
  config.threads = 1;
  const auto model = infer::image("diffusion:tiny-shapes", config);
  if (!model) return std::string(infer::to_string(model.error().code()));
  infer::ImageRequest request;
  request.prompt = "a red circle on a white background";
  request.seed = 7;
  const auto answer = model->generate(request);
  if (!answer) return std::string(infer::to_string(answer.error().code()));
  for (const infer::Part& part : answer->message().parts) {
    const auto* media = part.get<infer::Media>();
    const auto* pixels = media ? std::get_if<infer::Pixels>(&media->source) : nullptr;
    if (pixels) return std::to_string(pixels->width) + "x" + std::to_string(pixels->height);
  }
  return "no pixels";
}

std::string encoded() {
  infer::Pixels grey;
  grey.data = infer::Blob(std::string(4, '\x80'));
  grey.width = grey.height = grey.stride = 2;
  grey.channels = 1;
  const auto file = infer::encode_image(grey);
  return file ? file->mime : std::string(infer::to_string(file.error().code()));
}

int main() { std::cout << painted() << ' ' << encoded() << '\n'; }
