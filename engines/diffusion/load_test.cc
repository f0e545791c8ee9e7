// Loading through the plugin's table: what a model says of itself, several at once, stopped loads,
// and files in which anything may be wrong.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <new>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "paint_driver.h"
#include "src/port/temp_dir.h"
#include "tensor_file.h"

namespace infer::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

const std::string kShapes = kModels + "tiny-shapes.gguf";
const std::string kTae = kModels + "tiny-shapes-tae.safetensors";

nlohmann::json described(const Model& model) {
  infer_str text = {};
  infer_error error = {};
  error.size = sizeof(error);
  EXPECT_EQ(plugin().describe(model.get(), &text, &error), INFER_OK);
  return nlohmann::json::parse(engine::to_view(text));
}

TEST(DiffusionLoad, TheModelDescribesItself) {
  const Model model(kShapes, shapes_config());
  const nlohmann::json info = described(model);
  EXPECT_EQ(info["name"], "tiny-shapes");
  EXPECT_EQ(info["tasks"], nlohmann::json({"image"}));
  EXPECT_EQ(info["family"], "Ovis Image");
  EXPECT_EQ(info["image"], nlohmann::json({{"width", 64}, {"height", 64}, {"multiple", 8}}));
  EXPECT_TRUE(info["capabilities"]["image_start"]);
  EXPECT_FALSE(info["capabilities"]["image_control"]);
  EXPECT_FALSE(info["capabilities"]["image_upscale"]);
  EXPECT_GT(info["size_bytes"], 4000000);
  EXPECT_GT(info["parameters"], 1000000);
}

TEST(DiffusionLoad, SettingsOfTheLoadAreHonoured) {
  for (const char* setting : {",\"mmap\":false,\"devices\":[],\"rng\":\"cpu\"",
                              ",\"devices\":[\"CPU\"],\"keep_on_cpu\":[\"vae\",\"text_encoder\"],"
                              "\"flash_attention\":\"on\",\"offload\":true",
                              ",\"vae_encoder\":false"}) {
    const Model model(kShapes, shapes_config({}, setting));
    ASSERT_NE(model.get(), nullptr) << setting << ": " << model.failure().message;
    const bool starts = described(model)["capabilities"]["image_start"];
    EXPECT_EQ(starts, std::string(setting) != ",\"vae_encoder\":false") << setting;
    picture(model, "\"steps\":1");
  }
  // Weights of another type are fewer bytes and another picture.
  const Model plain(kShapes, shapes_config());
  const Model small(kShapes, shapes_config({}, ",\"weight_type\":\"q4_0\""));
  ASSERT_NE(small.get(), nullptr) << small.failure().message;
  EXPECT_LT(described(small)["size_bytes"], described(plain)["size_bytes"]);
  EXPECT_NE(picture(small, "\"steps\":2"), picture(plain, "\"steps\":2"));
}

TEST(DiffusionLoad, WhatCannotBeIsRefused) {
  struct {
    const char* setting;
    int code;
    const char* says;
  } const cases[] = {
      {",\"devices\":[\"CUDA7\"]", INFER_E_INVALID_REQUEST, "devices[0]: is no device of this"},
      {",\"devices\":[\"CPU\",\"CPU\"]", INFER_E_UNSUPPORTED, "devices"},
      {",\"adapters\":[{\"path\":\"/no/such\"}]", INFER_E_NOT_FOUND, "adapters[0].path"},
      {",\"context\":512", INFER_E_INVALID_REQUEST, "context: is no setting of this engine"},
  };
  for (const auto& bad : cases) {
    Model model;
    EXPECT_EQ(model.load(kShapes, shapes_config({}, bad.setting)), bad.code) << bad.setting;
    EXPECT_THAT(model.failure().message, HasSubstr(bad.says));
  }
  Model model;
  EXPECT_EQ(model.load(kShapes, "{}"), INFER_E_MODEL_INVALID);
  EXPECT_THAT(model.failure().message, AllOf(HasSubstr("vae (or taesd)"), HasSubstr("parts")));
  EXPECT_EQ(model.load(kTae, "{}"), INFER_E_MODEL_INVALID);
  EXPECT_THAT(model.failure().message, HasSubstr("parts.taesd"));
  EXPECT_EQ(model.load("", "{}"), INFER_E_NOT_FOUND);
}

TEST(DiffusionLoad, TwoAtOnce) {
  Pixels pictures[2];
  std::thread threads[2];
  for (int i = 0; i < 2; ++i) {
    threads[i] = std::thread([&pictures, i] {
      const Model model(kShapes, shapes_config());
      pictures[i] = picture(model, "\"steps\":2");
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(pictures[0], pictures[1]);
  EXPECT_EQ(g_cpu_held.load(), 0);
}

// An ESRGAN that makes every picture twice as large and grey, its weights being 0.
std::string write_upscaler(const std::string& path) {
  Tensors all;
  const auto convolution = [&](const std::string& name, int from, int to, float bias) {
    all.emplace_back(name + ".weight", std::vector<int>{to, from, 3, 3}, 0.0F);
    all.emplace_back(name + ".bias", std::vector<int>{to}, bias);
  };
  convolution("conv_first", 3, 64, 0);
  for (const char* dense : {"rdb1", "rdb2", "rdb3"}) {
    for (int i = 0; i < 5; ++i)
      convolution(std::string("body.0.") + dense + ".conv" + std::to_string(i + 1), 64 + 32 * i,
                  i == 4 ? 64 : 32, 0);
  }
  for (const char* name : {"conv_body", "conv_up1", "conv_hr"}) convolution(name, 64, 64, 0);
  convolution("conv_last", 64, 3, 0.25F);
  return write_tensors(path, all);
}

TEST(DiffusionLoad, AnUpscalerEnlarges) {
  const port::TempDir dir;
  const std::string path = write_upscaler(dir / "twice.safetensors");
  const Model model(kShapes, shapes_config(",\"upscaler\":\"" + path + "\""));
  ASSERT_NE(model.get(), nullptr) << model.failure().message;
  EXPECT_TRUE(described(model)["capabilities"]["image_upscale"]);
  const Pixels large = picture(model, "\"steps\":1,\"diffusion\":{\"upscale\":true}");
  EXPECT_EQ(large.width, 128U);
  EXPECT_EQ(large.height, 128U);
  EXPECT_TRUE(large == filled(128, 128, 3, '\x40'));
  EXPECT_EQ(picture(model, "\"steps\":1").width, 64U);
  const Pixels fixed =
      picture(model, "\"steps\":1,\"diffusion\":{\"hires\":{\"upscaler\":\"model\",\"steps\":1}}");
  EXPECT_EQ(fixed.width, 128U);
  Model other;
  EXPECT_EQ(other.load(kShapes, shapes_config(",\"upscaler\":\"" + kTae + "\"")),
            INFER_E_MODEL_INVALID);
  EXPECT_THAT(other.failure().message, HasSubstr("parts.upscaler"));
}

// Tensors are read on threads of the engine's: what those say is the reason, not that a load failed.
TEST(DiffusionLoad, ATensorOfAnotherShapeIsNamed) {
  const port::TempDir dir;
  const std::string path = write_tensors(
      dir / "shape.safetensors",
      {{"conv_first.weight", {64, 3, 3, 3}, 0.0F}, {"conv_hr.weight", {64, 32, 3, 3}, 0.0F}});
  Model model;
  EXPECT_EQ(model.load(kShapes, shapes_config(",\"upscaler\":\"" + path + "\"")),
            INFER_E_MODEL_INVALID);
  EXPECT_THAT(model.failure().message, AllOf(HasSubstr(path), HasSubstr("'conv_hr.weight' has "
                                                                        "wrong shape")));
}

struct Told {
  int calls = 0, stop_at = 0;
  float last = 0;
};

int tell(void* to, float fraction) {
  auto& told = *static_cast<Told*>(to);
  EXPECT_GE(fraction, told.last);
  EXPECT_LE(fraction, 1);
  told.last = fraction;
  return ++told.calls == told.stop_at ? 1 : 0;
}

TEST(DiffusionLoad, ProgressRisesAndCanStopTheLoad) {
  Told all;
  Model model;
  ASSERT_EQ(model.load(kShapes, shapes_config(), -1, tell, &all), INFER_OK);
  EXPECT_GT(all.calls, 0);
  EXPECT_FLOAT_EQ(all.last, 1);
  for (const int at : {1, all.calls / 2 + 1, 1}) {
    Told told;
    told.stop_at = at;
    Model stopped;
    // How often it is told depends on how fast the file is read.
    const int result = stopped.load(kShapes, shapes_config(), -1, tell, &told);
    EXPECT_EQ(result, told.calls >= at ? INFER_E_CANCELLED : INFER_OK);
  }
  picture(model, "\"steps\":1");
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST(DiffusionLoad, TooLittleMemoryIsAnError) {
  const Model before(kShapes, shapes_config());
  picture(before, "\"steps\":1");
  rlimit whole = {};
  ASSERT_EQ(getrlimit(RLIMIT_AS, &whole), 0);
  int refused = 0;
  // From too little for the vocabulary to too little for the weights. Where nothing is left but the
  // memory of a thread, the C library itself ends the process.
  for (const std::size_t megabytes : {4, 64, 96, 128, 144}) {
    std::ifstream file("/proc/self/statm");
    rlim_t pages = 0;
    file >> pages;
    const rlimit less = {pages * 4096 + (rlim_t{256} << 20), whole.rlim_max};
    ASSERT_EQ(setrlimit(RLIMIT_AS, &less), 0);
    // What the heap kept of earlier models is used up too.
    std::vector<std::unique_ptr<char[]>> ballast;
    ballast.reserve(4096);
    while (ballast.size() < 4096) {
      ballast.emplace_back(new (std::nothrow) char[1 << 20]);
      if (!ballast.back()) break;
    }
    for (std::size_t i = 0; i <= megabytes; ++i) ballast.pop_back();
    Model model;
    const int result = model.load(kShapes, shapes_config({}, ",\"weight_type\":\"f32\""));
    ASSERT_EQ(setrlimit(RLIMIT_AS, &whole), 0);
    EXPECT_TRUE(result == INFER_OK || result == INFER_E_OUT_OF_MEMORY)
        << megabytes << ": " << model.failure().message;
    refused += result != INFER_OK;
  }
  EXPECT_GT(refused, 0);
  picture(before, "\"steps\":1");
}
#endif

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

// Loads damaged files; what loads is asked for a picture.
class Damaged {
 public:
  void load(const std::string& model_bytes, const std::string& tae_bytes, const std::string& what) {
    SCOPED_TRACE(what);
    const std::string model_path =
        model_bytes.empty() ? kShapes : dir_.write("model.gguf", model_bytes);
    const std::string tae_path =
        tae_bytes.empty() ? kTae : dir_.write("tae.safetensors", tae_bytes);
    Model model;
    const int code =
        model.load(model_path,
                   "{\"threads\":1,\"mmap\":false,\"parts\":{\"taesd\":\"" + tae_path +
                       "\"},\"defaults\":{\"width\":16,\"height\":16,\"steps\":1,\"guidance\":1}}");
    ++count_[code];
    if (code == INFER_OK) {
      const Painted painted = paint(model, "");
      ++(painted.result == INFER_END ? painted_ : refused_);
      if (painted.result != INFER_END) {
        EXPECT_FALSE(painted.message.empty());
      }
      return;
    }
    EXPECT_TRUE(code == INFER_E_MODEL_INVALID || code == INFER_E_UNSUPPORTED ||
                code == INFER_E_FORBIDDEN || code == INFER_E_OUT_OF_MEMORY)
        << code << ": " << model.failure().message;
    EXPECT_FALSE(model.failure().message.empty());
  }

  int loaded() const { return painted_ + refused_; }
  int invalid() { return count_[INFER_E_MODEL_INVALID]; }
  std::string text() const {
    std::string out =
        std::to_string(painted_) + " painted, " + std::to_string(refused_) + " refused to paint";
    for (const auto& [code, count] : count_)
      out += ", " + std::to_string(count) + " with " + std::to_string(code);
    return out;
  }

 private:
  port::TempDir dir_;
  std::map<int, int> count_;
  int painted_ = 0, refused_ = 0;
};

// Some bits of the bytes from `begin` to `end` are others.
std::string with_flips(std::string bytes, std::size_t begin, std::size_t end, uint32_t seed) {
  std::mt19937 random(seed);
  for (int flips = 1 << random() % 4; flips > 0; --flips) {
    const std::size_t at = begin + random() % (end - begin);
    bytes[at] = static_cast<char>(random() % 2 == 0 ? random() : bytes[at] ^ (1 << random() % 8));
  }
  return bytes;
}

constexpr uint32_t kMutations = 20;

TEST(DiffusionDamage, BytesOfTheHeadersThatAreWrong) {
  const std::string model = bytes_of(kShapes), tae = bytes_of(kTae);
  const std::size_t tables = model.rfind("img_in.weight") + 64;
  ASSERT_LT(tables, model.size());
  uint64_t header = 0;
  std::memcpy(&header, tae.data(), sizeof(header));
  Damaged damaged;
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  for (uint32_t seed = 0; seed < kMutations; ++seed) {
    const bool first = seed % 2 == 0;
    damaged.load(first ? with_flips(model, 0, tables, seed) : "",
                 first ? "" : with_flips(tae, 0, 8 + header, seed), "seed " + std::to_string(seed));
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
  EXPECT_GT(damaged.invalid(), 0) << damaged.text();
}

TEST(DiffusionDamage, FilesThatEndEarly) {
  const std::string model = bytes_of(kShapes), tae = bytes_of(kTae);
  std::mt19937 random(1);
  Damaged damaged;
  for (int i = 0; i < 8; ++i) {
    const std::string& whole = i % 2 == 0 ? model : tae;
    const std::string cut = whole.substr(0, 1 + random() % (whole.size() - 1));
    damaged.load(i % 2 == 0 ? cut : "", i % 2 == 0 ? "" : cut,
                 "cut to " + std::to_string(cut.size()));
  }
  EXPECT_EQ(damaged.loaded(), 0) << damaged.text();
}

TEST(DiffusionDamage, TheNextLoadIsAsGoodAsBefore) {
  const std::string tae = bytes_of(kTae);
  const Model before(kShapes, shapes_config());
  const Pixels sound = picture(before, "\"steps\":2");
  Damaged damaged;
  for (int i = 0; i < 3; ++i) damaged.load("", tae.substr(0, tae.size() - 100), "cut");
  EXPECT_EQ(damaged.invalid(), 3);
  const Model after(kShapes, shapes_config());
  EXPECT_EQ(picture(after, "\"steps\":2"), sound);
  EXPECT_EQ(picture(before, "\"steps\":2"), sound);
}

}  // namespace
}  // namespace infer::test
