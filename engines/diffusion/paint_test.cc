// Painting with the shipped model, through the plugin's table.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <regex>
#include <string>
#include <utility>
#include <vector>

#include "paint_driver.h"
#include "src/port/temp_dir.h"
#include "tensor_file.h"

namespace infer::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Paint : public testing::Test {
 protected:
  const Model model_{kModels + "tiny-shapes.gguf", shapes_config()};
};

std::size_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t all = 0, resident = 0;
  file >> all >> resident;
  return resident * 4096;
}

TEST_F(Paint, TellsOfEachStepAndGivesThePictureWithItsSeed) {
  const Painted painted = paint(model_, "\"steps\":3");
  ASSERT_EQ(painted.result, INFER_END) << painted.message;
  EXPECT_THAT(painted.progress, ElementsAre("painting 1/3", "painting 2/3", "painting 3/3"));
  EXPECT_THAT(painted.extras, ElementsAre("{\"seed\":7}"));
  EXPECT_THAT(painted.warnings, IsEmpty());
  const Pixels& picture = painted.pictures.at(0);
  EXPECT_EQ(picture.width, 64U);
  const auto at = [&](std::size_t x, std::size_t y, std::size_t c) {
    return static_cast<uint8_t>(picture.bytes[(y * 64 + x) * 3 + c]);
  };
  EXPECT_GT(at(32, 32, 0), at(32, 32, 1) + 60) << "the middle is red";
  EXPECT_GT(at(2, 2, 1), 200) << "the corner is white";
  EXPECT_GT(painted.usage.decode_ns, 0);
  EXPECT_GE(painted.usage.first_ns, painted.usage.decode_ns);
}

TEST_F(Paint, ManyPicturesAreTheSingleOnes) {
  const Painted three = paint(model_, "\"steps\":2,\"n\":3");
  ASSERT_EQ(three.pictures.size(), 3U) << three.message;
  EXPECT_THAT(three.extras, ElementsAre("{\"seed\":7}", "{\"seed\":8}", "{\"seed\":9}"));
  EXPECT_EQ(three.progress.back(), "painting 6/6");
  for (int i = 0; i < 3; ++i) {
    const std::string request =
        "{\"prompt\":\"a red circle on a white background\",\"steps\":2,"
        "\"seed\":" +
        std::to_string(7 + i) + "}";
    const Painted one = Painting(model_, request).all();
    ASSERT_EQ(one.pictures.size(), 1U) << one.message;
    EXPECT_EQ(one.pictures[0], three.pictures[static_cast<std::size_t>(i)]);
  }
}

TEST_F(Paint, EachSettingChangesThePictureAndNoneTheNextOne) {
  // Small, for what is compared is whether anything changes.
  const std::string small = "\"width\":32,\"height\":32,";
  const Pixels plain = picture(model_, small + "\"steps\":8");
  for (const char* setting :
       {"\"steps\":7", "\"guidance\":3", "\"guidance\":3,\"negative_prompt\":\"red\"",
        "\"sample_method\":\"dpm++2m\"", "\"sample_method\":\"euler_a\"",
        "\"scheduler\":\"karras\"", "\"diffusion\":{\"flow_shift\":2.5}",
        "\"diffusion\":{\"sigmas\":[1,0.7,0.3,0]}", "\"diffusion\":{\"skip_layers\":[0]}",
        "\"diffusion\":{\"step_cache\":{\"mode\":\"easycache\",\"threshold\":100}}",
        "\"diffusion\":{\"step_cache\":{\"mode\":\"spectrum\",\"start\":0.3}}",
        "\"diffusion\":{\"hires\":{\"scale\":1.5}}",
        "\"diffusion\":{\"hires\":{\"upscaler\":\"lanczos\",\"scale\":1.5}}"}) {
    const Painted changed = paint(model_, small + setting);
    ASSERT_EQ(changed.result, INFER_END) << setting << ": " << changed.message;
    EXPECT_THAT(changed.warnings, IsEmpty()) << setting;
    EXPECT_NE(changed.pictures.at(0), plain) << setting;
  }
  const std::string noisy = small + "\"sample_method\":\"euler_a\"";
  EXPECT_NE(picture(model_, noisy + ",\"diffusion\":{\"eta\":0.3}"), picture(model_, noisy));
  const std::string skips = small + "\"diffusion\":{\"skip_layers\":[0]";
  EXPECT_NE(picture(model_, skips + ",\"skip_layer_scale\":9}"), picture(model_, skips + "}"));
  EXPECT_EQ(picture(model_, small + "\"steps\":8"), plain);
}

TEST_F(Paint, StepCachesOfTransformers) {
  for (const char* mode : {"dbcache", "taylorseer", "cache-dit"}) {
    const Painted painted =
        paint(model_, std::string("\"width\":32,\"height\":32,\"diffusion\":{\"step_cache\":{"
                                  "\"mode\":\"") +
                          mode + "\",\"start\":0.2}}");
    EXPECT_EQ(painted.result, INFER_END) << mode << ": " << painted.message;
    EXPECT_THAT(painted.warnings, IsEmpty()) << mode;
  }
  const auto warnings = [&](const std::string& cache) {
    const Painted painted = paint(model_,
                                  "\"width\":16,\"height\":16,\"steps\":2,\"diffusion\":{"
                                  "\"step_cache\":{\"mode\":" +
                                      cache + "}}");
    EXPECT_EQ(painted.result, INFER_END) << cache << ": " << painted.message;
    return painted.warnings;
  };
  EXPECT_THAT(warnings("\"dbcache\",\"end\":0.8,\"threshold\":0.1"),
              ElementsAre("diffusion.step_cache.end"));
  EXPECT_THAT(warnings("\"spectrum\",\"end\":0.8,\"threshold\":0.1"),
              ElementsAre("diffusion.step_cache.threshold"));
  EXPECT_THAT(warnings("\"easycache\",\"end\":0.8,\"threshold\":0.1"), IsEmpty());
}

TEST_F(Paint, WhatTheModelCannotHonourIsSaid) {
  const Painted painted =
      paint(model_,
            "\"steps\":2,\"quality\":\"high\",\"negative_prompt\":\"blue\",\"strength\":0.5,"
            "\"extra\":{\"diffusion\":{}},\"diffusion\":{\"clip_skip\":2,\"eta\":1,"
            "\"distilled_guidance\":4,\"image_guidance\":2,"
            "\"step_cache\":{\"mode\":\"ucache\"}},\"whatever\":1");
  ASSERT_EQ(painted.result, INFER_END) << painted.message;
  EXPECT_THAT(painted.warnings,
              testing::UnorderedElementsAre("quality", "negative_prompt", "strength",
                                            "extra.diffusion", "diffusion.clip_skip",
                                            "diffusion.eta", "diffusion.distilled_guidance",
                                            "diffusion.image_guidance", "diffusion.step_cache"));
}

TEST_F(Paint, StartsFromAPictureAndLeavesWhatTheMaskLeaves) {
  const Pixels start = filled(64, 64, 3, '\x60');
  const std::string from = "\"steps\":4,\"images\":[{\"pixels\":0}]";
  const Pixels weak = picture(model_, from + ",\"strength\":0.1", {start});
  const Pixels strong = picture(model_, from + ",\"strength\":1", {start});
  EXPECT_NE(weak, strong);
  EXPECT_THAT(paint(model_, from + ",\"strength\":0.5", {start}).progress.back(),
              testing::StartsWith("painting 3/3"));
  EXPECT_EQ(picture(model_, from + ",\"strength\":0", {start}).bytes.size(), start.bytes.size());
  // Of another size, and grey: brought to the size of the painting.
  EXPECT_EQ(picture(model_, from, {filled(37, 200, 1, '\x60')}), picture(model_, from, {start}));

  Pixels mask = filled(64, 64, 1, 0);
  for (std::size_t y = 0; y < 64; ++y) {
    for (std::size_t x = 32; x < 64; ++x) mask.bytes[y * 64 + x] = '\xff';
  }
  const Pixels filled_in = picture(model_, from + ",\"mask\":{\"pixels\":1}", {start, mask});
  std::size_t changed_left = 0, changed_right = 0;
  for (std::size_t i = 0; i < start.bytes.size(); ++i)
    (i / 3 % 64 < 32 ? changed_left : changed_right) += filled_in.bytes[i] != start.bytes[i];
  EXPECT_EQ(changed_left, 0U);
  EXPECT_GT(changed_right, 1000U);
}

TEST_F(Paint, InTiles) {
  const std::string size = "\"width\":128,\"height\":128,\"steps\":2";
  const Painted painted =
      paint(model_, size + ",\"diffusion\":{\"vae_tiling\":{\"tile\":8,\"overlap\":0.25}}");
  ASSERT_EQ(painted.result, INFER_END) << painted.message;
  EXPECT_EQ(painted.progress.back(), "decoding 2/2");
  EXPECT_EQ(painted.pictures.at(0).bytes.size(), picture(model_, size).bytes.size());
}

TEST_F(Paint, CancelledBetweenTiles) {
  const Pixels before = picture(model_, "\"steps\":1");
  Painting painting(model_, asked("\"width\":256,\"height\":256,\"steps\":1,\"diffusion\":{"
                                  "\"vae_tiling\":{\"tile\":4,\"overlap\":0.5}}"));
  painting.read_progress(2);  // its step, and the first tile
  painting.cancel();
  const Painted cancelled = painting.all();
  EXPECT_EQ(cancelled.result, INFER_E_CANCELLED);
  EXPECT_THAT(cancelled.progress, ElementsAre("painting 1/1", "decoding 1/1"));
  EXPECT_THAT(cancelled.pictures, IsEmpty());
  EXPECT_EQ(picture(model_, "\"steps\":1"), before);
}

TEST_F(Paint, PreviewsAreSpreadOverTheSteps) {
  EXPECT_THAT(paint(model_, "\"steps\":3").previews, IsEmpty());
  const Painted two = paint(model_, "\"steps\":7,\"previews\":2");
  ASSERT_EQ(two.previews.size(), 2U) << two.message;
  EXPECT_EQ(two.previews[0].width, 64U);
  EXPECT_NE(two.previews[0], two.previews[1]);
  EXPECT_EQ(two.pictures.at(0), picture(model_, "\"steps\":7"));
  EXPECT_EQ(paint(model_, "\"steps\":3,\"previews\":100").previews.size(), 3U);
}

TEST_F(Paint, CancelledAHundredTimesItKeepsNothing) {
  const Pixels before = picture(model_, "\"steps\":4");
  const auto cancel = [&](int i) {
    Painting painting(model_, asked("\"width\":32,\"height\":32,\"steps\":20,\"n\":3"));
    painting.read_progress(static_cast<std::size_t>(i % 2));  // at once, or after a step
    if (i % 3 == 0) return painting.close();
    painting.cancel();
    EXPECT_EQ(painting.all().result, INFER_E_CANCELLED);
  };
  for (int i = 0; i < 5; ++i) cancel(i);
  const std::size_t resident = resident_bytes();
  for (int i = 0; i < 100; ++i) cancel(i);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_LT(resident_bytes(), resident + (std::size_t{5} << 20));
#endif
  EXPECT_EQ(picture(model_, "\"steps\":4"), before);
}

TEST_F(Paint, CancelledWhileItWaits) {
  Painting first(model_, asked("\"steps\":100")), second(model_, asked("\"steps\":2"));
  first.read_progress(1);
  second.cancel();
  EXPECT_EQ(second.all().result, INFER_E_CANCELLED);
  first.cancel();
  EXPECT_EQ(first.all().result, INFER_E_CANCELLED);
}

TEST_F(Paint, OnlyPictures) {
  const Painted text = Painting(model_, "{}", {}, INFER_TASK_TEXT).all();
  EXPECT_EQ(text.result, INFER_E_UNSUPPORTED);
}

struct Bad {
  const char* request;
  int code;
  const char* says;
};

TEST_F(Paint, BadRequestsAreRefusedBeforeTheEngineSeesThem) {
  const std::vector<Pixels> blobs = {filled(8, 8, 3, 0), filled(4000, 1, 3, 0)};
  for (const Bad& bad : std::vector<Bad>{
           {"\"steps\":0", INFER_E_INVALID_REQUEST, "steps: must be a whole number from 1"},
           {"\"steps\":-1", INFER_E_INVALID_REQUEST, "steps"},
           {"\"steps\":1001", INFER_E_INVALID_REQUEST, "1000"},
           {"\"width\":0", INFER_E_INVALID_REQUEST, "width"},
           {"\"width\":65", INFER_E_INVALID_REQUEST, "multiples of 8"},
           {"\"height\":-64", INFER_E_INVALID_REQUEST, "height"},
           {"\"width\":16384,\"height\":16384", INFER_E_TOO_LARGE, "16384 x 16384"},
           {"\"width\":1000000", INFER_E_INVALID_REQUEST, "width"},
           {"\"n\":0", INFER_E_INVALID_REQUEST, "n: "},
           {"\"n\":100000", INFER_E_INVALID_REQUEST, "n: "},
           {"\"guidance\":-1", INFER_E_INVALID_REQUEST, "guidance"},
           {"\"guidance\":\"x\"", INFER_E_INVALID_REQUEST, "guidance"},
           {"\"guidance\":1e30", INFER_E_INVALID_REQUEST, "1000"},
           {"\"strength\":2", INFER_E_INVALID_REQUEST, "strength"},
           {"\"sample_method\":\"eular\"", INFER_E_INVALID_REQUEST, "euler, euler_a, heun"},
           {"\"scheduler\":\"none\"", INFER_E_INVALID_REQUEST, "discrete, karras"},
           {"\"scheduler\":\"gits\",\"steps\":1", INFER_E_INVALID_REQUEST, "at least 2"},
           {"\"scheduler\":\"karras\",\"steps\":1", INFER_E_INVALID_REQUEST, "at least 2"},
           {"\"scheduler\":\"lcm\",\"sample_method\":\"dpm++2m\",\"steps\":51",
            INFER_E_INVALID_REQUEST, "at most 50"},
           {"\"images\":[{\"pixels\":7}]", INFER_E_INVALID_REQUEST, "blob 7"},
           {"\"images\":[{\"pixels\":0},{\"pixels\":0}]", INFER_E_UNSUPPORTED, "images"},
           {"\"images\":[{\"url\":\"http://a\"}]", INFER_E_UNSUPPORTED, "pixels"},
           {"\"images\":{}", INFER_E_INVALID_REQUEST, "array"},
           {"\"mask\":{\"pixels\":0}", INFER_E_INVALID_REQUEST, "mask"},
           {"\"diffusion\":{\"control\":{\"pixels\":0}}", INFER_E_UNSUPPORTED, "ControlNet"},
           {"\"diffusion\":{\"control_strength\":1}", INFER_E_INVALID_REQUEST, "control"},
           {"\"diffusion\":{\"references\":[{\"pixels\":1}]}", INFER_E_INVALID_REQUEST, "narrow"},
           {"\"diffusion\":{\"upscale\":true}", INFER_E_UNSUPPORTED, "upscaler"},
           {"\"diffusion\":{\"hires\":{\"upscaler\":\"model\"}}", INFER_E_UNSUPPORTED, "upscaler"},
           {"\"diffusion\":{\"hires\":{\"scale\":1.1}}", INFER_E_INVALID_REQUEST, "multiples of 8"},
           {"\"diffusion\":{\"hires\":{\"strength\":0}}", INFER_E_INVALID_REQUEST, "strength"},
           {"\"steps\":1000,\"diffusion\":{\"hires\":{\"strength\":0.01}}", INFER_E_INVALID_REQUEST,
            "4000"},
           {"\"diffusion\":{\"sigmas\":[1,1,0]}", INFER_E_INVALID_REQUEST, "fall"},
           {"\"diffusion\":{\"sigmas\":[1,0.5]}", INFER_E_INVALID_REQUEST, "end with 0"},
           {"\"diffusion\":{\"sigmas\":[1,0]},\"steps\":1", INFER_E_INVALID_REQUEST, "steps"},
           {"\"diffusion\":{\"clip_skip\":13}", INFER_E_INVALID_REQUEST, "clip_skip"},
           {"\"sample_method\":\"tcd\",\"diffusion\":{\"eta\":2}", INFER_E_INVALID_REQUEST, "eta"},
           {"\"diffusion\":{\"vae_tiling\":{\"tile\":3}}", INFER_E_INVALID_REQUEST, "tile"},
           {"\"diffusion\":{\"vae_tiling\":{\"overlap\":0.6}}", INFER_E_INVALID_REQUEST, "overlap"},
           {"\"diffusion\":{\"step_cache\":{\"mode\":\"x\"}}", INFER_E_INVALID_REQUEST,
            "easycache, ucache"},
           {"\"diffusion\":{\"step_cache\":{\"mode\":\"easycache\",\"start\":1}}",
            INFER_E_INVALID_REQUEST, "start"},
           {"\"diffusion\":{\"adapters\":[{\"path\":\"/no/such.safetensors\"}]}", INFER_E_NOT_FOUND,
            "/no/such.safetensors"},
           {"\"diffusion\":7", INFER_E_INVALID_REQUEST, "diffusion"},
           {"\"negative_prompt\":\"(a:...)\"", INFER_E_INVALID_REQUEST, "weight"},
           {"\"negative_prompt\":\"a\\u0000b\"", INFER_E_INVALID_REQUEST, "NUL"}}) {
    const Painted painted = paint(model_, bad.request, blobs);
    EXPECT_EQ(painted.result, bad.code) << bad.request << ": " << painted.message;
    EXPECT_THAT(painted.message, HasSubstr(bad.says)) << bad.request;
    EXPECT_THAT(painted.pictures, IsEmpty());
  }
  const std::string long_prompt(16385, 'a');
  EXPECT_EQ(Painting(model_, asked("", long_prompt)).all().result, INFER_E_CONTEXT_OVERFLOW);
  EXPECT_EQ(Painting(model_, "{}").all().result, INFER_E_INVALID_REQUEST);
  EXPECT_EQ(Painting(model_, "[").all().result, INFER_E_INVALID_REQUEST);
}

// An adapter for one matrix of the shipped model.
Tensors adapter_for(const std::string& of, float value, int rows) {
  const std::string name = "lora_unet_" + std::regex_replace(of, std::regex("[.]"), "_");
  return {{name + ".lora_down.weight", {4, 128}, value},
          {name + ".lora_up.weight", {rows, 4}, value},
          {name + ".alpha", {1}, 4.0F}};
}

std::string write_adapter(const std::string& path, float value,
                          const std::string& of = "double_blocks.0.img_attn.qkv", int rows = 384) {
  return write_tensors(path, adapter_for(of, value, rows));
}

std::string with_adapter(const std::string& path, const std::string& scale = "1") {
  return "\"steps\":2,\"diffusion\":{\"adapters\":[{\"path\":\"" + path + "\",\"scale\":" + scale +
         "}]}";
}

TEST_F(Paint, AdaptersChangeThisPictureAndNoOther) {
  const port::TempDir dir;
  const std::string path = dir.path() + "/a.safetensors";
  const Pixels plain = picture(model_, "\"steps\":2");
  EXPECT_EQ(picture(model_, with_adapter(write_adapter(path, 0))), plain);
  write_adapter(path, 0.5F);
  const Pixels changed = picture(model_, with_adapter(path));
  EXPECT_NE(changed, plain);
  EXPECT_NE(picture(model_, with_adapter(path, "0.3")), changed);
  EXPECT_EQ(picture(model_, with_adapter(path, "0")), plain);
  EXPECT_EQ(picture(model_, "\"steps\":2"), plain);

  const Painted foreign =
      paint(model_, with_adapter(write_adapter(path, 1, "double_blocks.77.img_attn.qkv")));
  EXPECT_EQ(foreign.result, INFER_E_MODEL_INVALID);
  EXPECT_THAT(foreign.message, HasSubstr(path));
  EXPECT_THAT(foreign.pictures, IsEmpty());
  // One matrix of two belongs here: that one is used, and the rest is said.
  Tensors half = adapter_for("double_blocks.0.img_attn.qkv", 0.5F, 384);
  const Tensors other = adapter_for("double_blocks.77.img_attn.qkv", 0.5F, 384);
  half.insert(half.end(), other.begin(), other.end());
  write_tensors(path, half);
  const Painted partly = paint(model_, with_adapter(path));
  ASSERT_EQ(partly.result, INFER_END) << partly.message;
  EXPECT_THAT(partly.warnings, ElementsAre("diffusion.adapters"));
  EXPECT_EQ(partly.pictures.at(0), changed);
  // Of another shape: an assertion of the engine's.
  EXPECT_LT(paint(model_, with_adapter(write_adapter(path, 1, "double_blocks.0.img_attn.qkv", 100)))
                .result,
            0);
  std::ofstream(path) << "no adapter";
  EXPECT_EQ(paint(model_, with_adapter(path)).result, INFER_E_MODEL_INVALID);
  EXPECT_EQ(picture(model_, "\"steps\":2"), plain);
}

// A matrix of 3 x 3 convolutions that hands the first three features on as they are: an upscaler of
// these repeats each pixel.
Tensors plain_upscaler() {
  const auto on = [](std::size_t inputs) {
    return std::function<float(std::size_t)>([inputs](std::size_t i) {
      const std::size_t tap = i % 9, in = i / 9 % inputs, out = i / 9 / inputs;
      return tap == 4 && in == out && out < 3 ? 1.0F : 0.0F;
    });
  };
  return {{"conv_first.weight", {64, 3, 3, 3}, on(3)}, {"conv_first.bias", {64}, 0.0F},
          {"conv_body.weight", {64, 64, 3, 3}, 0.0F},  {"conv_body.bias", {64}, 0.0F},
          {"conv_up1.weight", {64, 64, 3, 3}, on(64)}, {"conv_up1.bias", {64}, 0.0F},
          {"conv_hr.weight", {64, 64, 3, 3}, on(64)},  {"conv_hr.bias", {64}, 0.0F},
          {"conv_last.weight", {3, 64, 3, 3}, on(64)}, {"conv_last.bias", {3}, 0.0F}};
}

Pixels doubled(const Pixels& small) {
  Pixels large = filled(small.width * 2, small.height * 2, 3, 0);
  for (std::size_t i = 0; i < large.bytes.size(); ++i) {
    const std::size_t x = i / 3 % large.width, y = i / 3 / large.width;
    large.bytes[i] = small.bytes[(y / 2 * small.width + x / 2) * 3 + i % 3];
  }
  return large;
}

TEST(PaintUpscaler, EnlargesWhatWasPaintedInOnePieceAndInTiles) {
  const port::TempDir dir;
  const std::string upscaler =
      write_tensors(dir.path() + "/upscaler.safetensors", plain_upscaler());
  const Model model(kModels + "tiny-shapes.gguf",
                    shapes_config(",\"upscaler\":\"" + upscaler + "\""));
  for (const char* size :
       {"\"steps\":1,\"width\":32,\"height\":32", "\"steps\":1,\"width\":160,\"height\":32"}) {
    const Pixels small = picture(model, size);
    const Painted large = paint(model, std::string(size) + ",\"diffusion\":{\"upscale\":true}");
    ASSERT_EQ(large.pictures.size(), 1U) << large.message;
    const Pixels wanted = doubled(small);
    ASSERT_EQ(large.pictures[0].bytes.size(), wanted.bytes.size());
    int worst = 0;
    for (std::size_t i = 0; i < wanted.bytes.size(); ++i) {
      worst = std::max(worst, std::abs(static_cast<uint8_t>(wanted.bytes[i]) -
                                       static_cast<uint8_t>(large.pictures[0].bytes[i])));
    }
    EXPECT_LE(worst, 1) << size;
  }
  const std::string fix =
      "\"steps\":2,\"width\":32,\"height\":32,\"diffusion\":{\"hires\":{\"strength\":0.3,";
  const Pixels by_model = picture(model, fix + "\"upscaler\":\"model\"}}");
  EXPECT_EQ(by_model.width, 64U);
  EXPECT_NE(by_model, picture(model, fix + "\"upscaler\":\"latent\"}}"));
}

TEST(PaintWeights, OfEachTypeArePainted) {
  for (const char* type : {"f16", "q8_0", "q4_0"}) {
    const Model model(kModels + "tiny-shapes.gguf",
                      shapes_config("", std::string(",\"weight_type\":\"") + type + "\""));
    const Pixels painted = picture(model, "\"steps\":2");
    ASSERT_EQ(painted.bytes.size(), 64U * 64 * 3) << type;
    const auto at = [&](std::size_t x, std::size_t y, std::size_t c) {
      return static_cast<uint8_t>(painted.bytes[(y * 64 + x) * 3 + c]);
    };
    EXPECT_GT(at(32, 32, 0), at(32, 32, 1) + 40) << type << ": the middle is red";
    EXPECT_GT(at(2, 2, 1), 160) << type << ": the corner is white";
  }
}

TEST_F(Paint, LongAndStrangePromptsArePainted) {
  for (const std::string& prompt :
       {std::string(), std::string(8000, 'a'), std::string(200, '('), std::string(200, ')'),
        std::string("(red:0) circle"), std::string("[[red]] (circle:-2) BREAK \\\\( :) 1:2)"),
        std::string("\xF0\x9F\x8E\xA8 \xE8\xB5\xA4\xE3\x81\x84")}) {
    const Painted painted = Painting(model_, "{\"prompt\":\"" + prompt + "\",\"steps\":1}").all();
    EXPECT_EQ(painted.result, INFER_END) << prompt.substr(0, 40) << ": " << painted.message;
  }
}

}  // namespace
}  // namespace infer::test
