// The picture that comes out is the engine's own, made by one call with nothing of this plugin
// around it.
#include "request.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engines/common/abi.h"
#include "model.h"
#include "source.h"

namespace infer::diffusion {
namespace {

const std::string kOwnModel = INFER_BUILD_DIR "/share/infer/models/tiny-shapes.gguf";
const std::string kOwnVae = INFER_BUILD_DIR "/share/infer/models/tiny-shapes-tae.safetensors";

infer_str text(const std::string& of) { return {of.data(), of.size()}; }

// As the engine's own examples call it.
std::vector<std::string> by_the_engine() {
  sd_ctx_params_t config;
  sd_ctx_params_init(&config);
  config.model_path = kOwnModel.c_str();
  config.taesd_path = kOwnVae.c_str();
  config.vae_decode_only = true;
  config.free_params_immediately = false;
  config.n_threads = 1;
  const std::unique_ptr<sd_ctx_t, decltype(&free_sd_ctx)> context(new_sd_ctx(&config),
                                                                  &free_sd_ctx);
  if (context == nullptr) return {};
  sd_img_gen_params_t params;
  sd_img_gen_params_init(&params);
  params.prompt = "a blue square on a black background";
  params.negative_prompt = "red";
  params.width = params.height = 64;
  params.sample_params.sample_steps = 3;
  params.sample_params.guidance.txt_cfg = 1.5F;
  params.seed = 11;
  params.batch_count = 2;
  sd_image_t* images = generate_image(context.get(), &params);
  if (images == nullptr) return {};
  std::vector<std::string> pictures;
  for (int i = 0; i < 2; ++i) {
    const auto* bytes = reinterpret_cast<const char*>(images[i].data);
    pictures.emplace_back(bytes, bytes + std::size_t{3} * images[i].width * images[i].height);
    std::free(images[i].data);
  }
  std::free(images);
  return pictures;
}

// Wakes whoever waits for the next event.
struct Wakes {
  std::mutex mutex;
  std::condition_variable changed;
  bool woken = false;

  static void wake(void* self) {
    auto& wakes = *static_cast<Wakes*>(self);
    const std::lock_guard<std::mutex> lock(wakes.mutex);
    wakes.woken = true;
    wakes.changed.notify_one();
  }
  void wait() {
    std::unique_lock<std::mutex> lock(mutex);
    changed.wait(lock, [this] { return woken; });
    woken = false;
  }
};

std::vector<std::string> by_the_plugin() {
  const std::string config = "{\"threads\":1,\"parts\":{\"taesd\":\"" + kOwnVae + "\"}}";
  const std::string request =
      "{\"prompt\":\"a blue square on a black background\",\"negative_prompt\":\"red\","
      "\"width\":64,\"height\":64,\"steps\":3,\"guidance\":1.5,\"seed\":11,\"n\":2}";
  const std::string role = "model";
  infer_file file = {};
  file.size = sizeof(file);
  file.role = text(role);
  file.path = text(kOwnModel);
  const infer_file* files[] = {&file};
  infer_load load = {};
  load.size = sizeof(load);
  load.name = text(kOwnModel);
  load.files = files;
  load.n_files = 1;
  load.config = text(config);
  const Model model(load);
  Wakes wakes;
  infer_open how = {};
  how.size = sizeof(how);
  how.task = INFER_TASK_IMAGE;
  how.request = text(request);
  how.wake = &Wakes::wake;
  how.wake_ctx = &wakes;
  Source source(model, how);
  std::vector<std::string> pictures;
  infer_error error = {};
  error.size = sizeof(error);
  for (;;) {
    infer_event event = {};
    event.size = sizeof(event);
    const int result = source.next(&event, &error);
    if (result == INFER_PENDING) {
      wakes.wait();
    } else if (result != INFER_EVENT) {
      EXPECT_EQ(result, INFER_END) << error.message;
      return pictures;
    } else if (event.kind == INFER_EV_MEDIA) {
      const auto* bytes = static_cast<const char*>(event.blob->data);
      pictures.emplace_back(bytes, bytes + event.blob->bytes);
    }
  }
}

TEST(RequestTest, EachOfTwoPicturesIsTheOneOfTheEnginesOwnBatch) {
  const std::vector<std::string> own = by_the_engine();
  ASSERT_EQ(own.size(), 2U);
  EXPECT_NE(own[0], own[1]);
  EXPECT_EQ(by_the_plugin(), own);
}

}  // namespace
}  // namespace infer::diffusion
