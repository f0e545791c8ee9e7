#include "bench/image_api.h"

#include <stdexcept>

namespace infer::bench {
namespace {

[[noreturn]] void fail_painting(const Error& error) { throw std::runtime_error(error.message()); }

}  // namespace

ImageModel load_painter(const std::string& model, const std::string& decoder) {
  LocalConfig config;
  config.parts.emplace().taesd = decoder;
  config.threads = 1;
  auto loaded = image("diffusion:" + model, config);
  if (!loaded) fail_painting(loaded.error());
  return *loaded;
}

Painted paint(const ImageModel& model, const Painting& what) {
  ImageRequest request;
  request.prompt = what.prompt;
  request.seed = what.seed;
  request.width = request.height = what.side;
  request.steps = what.steps;
  request.guidance = what.guidance;
  request.sample_method = what.method;
  request.scheduler = what.scheduler;

  Painted out;
  const Watch watch;
  const auto response = model.generate(request);
  out.seconds = watch.seconds();
  out.processor = watch.processor();
  if (!response) fail_painting(response.error());
  for (const Part& part : response->message().parts) {
    const auto* const media = part.get<Media>();
    const auto* const pixels = media ? std::get_if<Pixels>(&media->source) : nullptr;
    if (pixels == nullptr || pixels->stride != pixels->width * pixels->channels) continue;
    out.pixels = std::string(pixels->data.view());
  }
  if (out.pixels.empty()) throw std::runtime_error("the API gave no pixels");
  return out;
}

}  // namespace infer::bench
