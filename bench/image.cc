// bench image: what the library costs on top of stable-diffusion.cpp, and what picture files cost.
//
//   api_over_engine   time of generate() over that of the engine's own call (bench/image_bare.cc):
//                     the shipped model, one thread, the same request; the pixels must be the same.
//                     Runs of both follow one another in changing order; the figure is the median
//                     of the pairs' ratios, the note gives the middle half of them
//   encode_*, decode_*, size_*   of one picture of 1024 x 1024 with shades, edges and some noise;
//                     processor time
//
// The first comes twice. Processor time (api_over_engine_processor) counts all threads, the
// reader's too, and holds on a busy machine. Wall time has its goal only where the engine's own
// call got a processor for itself: a second thread always loses against other work, which says
// nothing about the library.
//
// --quick: few rounds, which judge nothing, to see that it runs. --only PART: painting or files.
// --json FILE: as every benchmark.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/image_api.h"
#include "bench/image_bare.h"
#include "bench/report.h"

namespace infer::bench {
namespace {

std::string middle_half(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  char text[80];
  std::snprintf(text, sizeof(text), "%.4g..%.4g of %zu", values[values.size() / 4],
                values[values.size() * 3 / 4], values.size());
  return text;
}

Metric measured(const std::string& name, const std::vector<double>& values, const std::string& unit,
                const std::string& goal = {}) {
  return {name, median(values), unit, "lower", goal, middle_half(values)};
}

// `judged`: enough rounds to hold a figure against its goal.
void measure_painting(int rounds, bool judged, std::vector<Metric>& out) {
  const std::string model = INFER_BENCH_IMAGE_MODEL, decoder = INFER_BENCH_IMAGE_DECODER;
  BarePainter bare(model, decoder);
  const ImageModel ours = load_painter(model, decoder);
  const char* const prompts[] = {"a red circle on a white background",
                                 "a blue square on a black background",
                                 "a green triangle on a white background"};
  std::vector<double> wall, processor, share, engine_ms, api_ms;
  for (int round = -2; round < rounds; ++round) {
    Painting what;
    what.prompt = prompts[(round + 3) % 3];
    what.seed = static_cast<std::uint64_t>(round + 2);
    Painted by_engine, by_api;
    if (round % 2 == 0) by_engine = bare.paint(what);
    by_api = paint(ours, what);
    if (round % 2 != 0) by_engine = bare.paint(what);
    if (by_api.pixels != by_engine.pixels)
      throw std::runtime_error("the API's picture of \"" + what.prompt + "\" is not the engine's");
    if (round < 0) continue;  // both are warm after these
    wall.push_back(by_api.seconds / by_engine.seconds);
    processor.push_back(by_api.processor / by_engine.processor);
    share.push_back(by_engine.processor / by_engine.seconds);
    engine_ms.push_back(by_engine.seconds * 1e3);
    api_ms.push_back(by_api.seconds * 1e3);
  }
  out.push_back(measured("engine_ms", engine_ms, "ms"));
  out.push_back(measured("api_ms", api_ms, "ms"));
  const std::string goal = judged ? "<= 1.01" : "";
  const bool quiet = median(share) >= 0.97;
  out.push_back(measured("api_over_engine", wall, "ratio", quiet ? goal : ""));
  if (judged && !quiet) out.back().note += "; goal <= 1.01 not judged: the machine was busy";
  out.push_back(measured("api_over_engine_processor", processor, "ratio", goal));
  out.push_back({"engine_share_of_a_processor", median(share), "ratio", "higher", "",
                 "1: nothing disturbed"});
}

// As a photograph has them: shades that change slowly, edges, and noise of a few levels.
Pixels picture_of(std::uint32_t side) {
  std::mt19937 random(20261127);
  std::string bytes;
  bytes.reserve(std::size_t{side} * side * 3);
  const auto level = [&](double value) {
    value += static_cast<double>(random() % 9) - 4;
    bytes.push_back(static_cast<char>(std::lround(std::clamp(value, 0.0, 255.0))));
  };
  for (std::uint32_t y = 0; y < side; ++y) {
    for (std::uint32_t x = 0; x < side; ++x) {
      const double u = static_cast<double>(x) / side, v = static_cast<double>(y) / side;
      const double sky = 90 + 110 * v + 20 * std::sin(9 * u + 4 * v);
      const bool disc = std::hypot(u - 0.6, v - 0.4) < 0.2;
      const bool wall = v > 0.7 + 0.05 * std::sin(25 * u);
      level(disc ? 220 - 200 * (v - 0.2) : wall ? 70 + 30 * std::sin(90 * u) : sky);
      level(disc ? 60 + 80 * u : wall ? 95 + 25 * std::cos(70 * v) : sky * 0.8 + 30);
      level(disc ? 40 : wall ? 50 + 40 * u : 235 - 40 * v);
    }
  }
  Pixels pixels;
  pixels.data = Blob(std::move(bytes));
  pixels.width = pixels.height = side;
  pixels.channels = 3;
  pixels.stride = side * 3;
  return pixels;
}

struct FileKind {
  const char* name;
  EncodeOptions options;
};

std::vector<FileKind> file_kinds() {
  std::vector<FileKind> kinds = {
      {"png_1", {}}, {"png_6", {}}, {"jpeg_90", {}}, {"webp_90", {}}, {"webp_lossless", {}}};
  kinds[0].options.compression = 1;
  kinds[1].options.compression = 6;
  kinds[2].options.format = ImageFormat::kJpeg;
  kinds[3].options.format = kinds[4].options.format = ImageFormat::kWebp;
  kinds[2].options.quality = kinds[3].options.quality = 90;
  kinds[4].options.lossless = true;
  return kinds;
}

void measure_files(int rounds, std::vector<Metric>& out) {
  const Pixels picture = picture_of(1024);
  for (const FileKind& kind : file_kinds()) {
    std::vector<double> encode, decode;
    std::size_t size = 0;
    for (int round = 0; round < rounds; ++round) {
      const Watch encoding;
      const auto file = encode_image(picture, kind.options);
      encode.push_back(encoding.processor() * 1e3);
      if (!file) throw std::runtime_error(file.error().message());
      const Watch decoding;
      const auto back = decode_image(*file);
      decode.push_back(decoding.processor() * 1e3);
      if (!back) throw std::runtime_error(back.error().message());
      if (back->width != picture.width || back->height != picture.height)
        throw std::runtime_error(std::string(kind.name) + ": another picture came back");
      size = std::get<Blob>(file->source).size();
    }
    const std::string name = kind.name;
    out.push_back(measured("encode_" + name + "_ms", encode, "ms"));
    out.push_back(measured("decode_" + name + "_ms", decode, "ms"));
    out.push_back({"size_" + name, static_cast<double>(size) / 1024, "KiB", "lower", "", ""});
  }
}

int run_images(int argc, char** argv) {
  bool quick = false;
  std::string only;
  for (int i = 1; i < argc; ++i) {
    quick |= std::strcmp(argv[i], "--quick") == 0;
    if (std::strcmp(argv[i], "--only") == 0 && i + 1 < argc) only = argv[++i];
  }
  std::vector<Metric> metrics;
  if (only.empty() || only == "painting") measure_painting(quick ? 3 : 61, !quick, metrics);
  if (only.empty() || only == "files") measure_files(quick ? 1 : 11, metrics);
  return report("image", metrics, argc, argv);
}

}  // namespace
}  // namespace infer::bench

int main(int argc, char** argv) {
  setenv("INFER_PLUGIN_PATH", INFER_BENCH_LLAMA_DIR, /*overwrite=*/0);
  try {
    return infer::bench::run_images(argc, argv);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "bench image: %s\n", e.what());
    return 1;
  }
}
