// What of image.h is there in every build.
#include "infer/image.h"

#include <gtest/gtest.h>

#include <map>
#include <regex>

#include "src/core/json.h"

namespace infer {
namespace {

TEST(ImageFormat, NamesAndEndings) {
  for (const ImageFormat format : {ImageFormat::kPng, ImageFormat::kJpeg, ImageFormat::kWebp}) {
    EXPECT_EQ(image_format(to_string(format)), format);
    EXPECT_EQ(mime_of(format), "image/" + std::string(to_string(format)));
  }
  EXPECT_EQ(image_format("jpg"), ImageFormat::kJpeg);
  EXPECT_EQ(image_format("PNG"), ImageFormat::kPng);
  EXPECT_EQ(image_format("some/dir.d/a.JpEg"), ImageFormat::kJpeg);
  EXPECT_EQ(image_format("a.b.webp"), ImageFormat::kWebp);
  for (const char* none : {"", "gif", "a.gif", "apng", "a.png.", "dir.png/a", "dir/png", ".png",
                           "dir/.webp", "a.pngx", "/", "png/"})
    EXPECT_FALSE(image_format(none)) << none;
}

#if !defined(INFER_IMAGE)
TEST(ImageFormat, WithoutTheRoomEverythingNamesIt) {
  const auto names_it = [](const Error& error) {
    return error.code() == Errc::kUnsupported &&
           error.message().find("INFER_IMAGE") != std::string::npos;
  };
  EXPECT_TRUE(names_it(decode_image("").error()));
  EXPECT_TRUE(names_it(decode_image(Media{}).error()));
  EXPECT_TRUE(names_it(encode_image(Pixels{}).error()));
  EXPECT_TRUE(names_it(save_image("a.png", Media{}).error()));
  EXPECT_TRUE(names_it(save_image("a.png", Media{}, {}).error()));
  EXPECT_TRUE(names_it(image_text("").error()));
}
#endif

// As AUTOMATIC1111's reader has it: the last line is settings if three of them are in it, what
// stands before is the prompt and, from its mark on, the negative one.
std::map<std::string, std::string> read_parameters(const std::string& text) {
  static const std::regex setting(R"re(\s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$))re");
  std::map<std::string, std::string> out;
  std::string lines = text, last;
  const std::size_t end = lines.rfind('\n');
  if (end != std::string::npos) last = lines.substr(end + 1);
  const auto first = std::sregex_iterator(last.begin(), last.end(), setting);
  if (std::distance(first, {}) >= 3) lines.resize(end);
  const std::size_t mark = lines.find("\nNegative prompt:");
  out["Prompt"] = lines.substr(0, mark);
  if (mark != std::string::npos) out["Negative prompt"] = lines.substr(mark + 18);
  for (auto at = first; at != std::sregex_iterator(); ++at) {
    const std::string value = (*at)[2];
    const auto json = core::parse_json(value);
    out[(*at)[1]] = !value.empty() && value[0] == '"' && json ? json->get<std::string>() : value;
  }
  return out;
}

TEST(ImageParameters, AreReadByOthers) {
  ImageRequest request;
  request.prompt = "a red circle,\non a white background";
  request.negative_prompt = "squares, text: none";
  request.width = request.height = 64;
  request.steps = 8;
  request.guidance = 1.0;
  request.sample_method = "euler";
  request.scheduler = "karras";
  request.seed = 3;
  EXPECT_EQ(image_parameters(request, "tiny-shapes", 7),
            "a red circle,\non a white background\nNegative prompt: squares, text: none\n"
            "Steps: 8, Sampler: euler, Schedule type: karras, CFG scale: 1, Seed: 7, Size: 64x64, "
            "Model: tiny-shapes");
  request.images.emplace_back();
  request.strength = 0.35;
  request.diffusion.clip_skip = 2;
  request.diffusion.hires = HiresFix{};
  const auto read = read_parameters(image_parameters(request, "my, \"odd\": model"));
  const std::map<std::string, std::string> right = {
      {"Prompt", "a red circle,\non a white background"},
      {"Negative prompt", "squares, text: none"},
      {"Steps", "8"},
      {"Sampler", "euler"},
      {"Schedule type", "karras"},
      {"CFG scale", "1"},
      {"Seed", "3"},
      {"Size", "64x64"},
      {"Model", "my, \"odd\": model"},
      {"Denoising strength", "0.35"},
      {"Clip skip", "2"},
      {"Hires upscale", "2"},
      {"Hires upscaler", "latent"}};
  EXPECT_EQ(read, right);
}

TEST(ImageParameters, WhatIsUnsetIsLeftOut) {
  ImageRequest request;
  request.prompt = "only words";
  EXPECT_EQ(image_parameters(request, ""), "only words");
  EXPECT_EQ(image_parameters(request, "m", 0), "only words\nSeed: 0, Model: m");
  request.width = 64;
  request.strength = 0.5;
  EXPECT_EQ(image_parameters(request, ""), "only words") << "half a size, and nothing to leave";
}

}  // namespace
}  // namespace infer
