// stable-diffusion.cpp with the shipped model holds every rule, alone and through the host.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "infer/conformance.h"
#include "infer/registry.h"

namespace infer {
namespace {

using std::chrono::milliseconds;
using testing::Contains;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitizedPainter = true;  // its reports go to stderr: leave that alone
#else
constexpr bool kSanitizedPainter = false;
#endif

const std::string kModels = INFER_BUILD_DIR "/share/infer/models/";

template <class Check>
Check check_of_shapes() {
  Check check;
  check.prompt = "a red circle on a white background";
  check.steps = 2;
  check.deterministic = true;
  check.patience = {milliseconds(60000), milliseconds(2000), milliseconds(200)};
  return check;
}

TEST(Diffusion, HoldsThePluginRules) {
  auto check = check_of_shapes<PluginCheck>();
  check.model = "tiny-shapes";
  check.files.push_back({"model", kModels + "tiny-shapes.gguf"});
  check.config = R"({"defaults":{"guidance":1,"height":64,"width":64},"parts":{"taesd":")" +
                 kModels + R"(tiny-shapes-tae.safetensors"},"threads":1})";
  check.capture_output = !kSanitizedPainter;
  const Report report =
      check_plugin(INFER_BUILD_DIR "/lib/infer/plugins/infer-diffusion.so", check);
  EXPECT_TRUE(report.ok()) << report.to_text();
  EXPECT_GE(report.passed.size(), 55u) << report.to_text();
  for (const char* rule : {"picture.seed", "picture.size", "picture.count", "sources.mix",
                           "load.cancel", "unload.threads", "unload.budget"})
    EXPECT_THAT(report.passed, Contains(rule)) << report.to_text();
}

TEST(Diffusion, HoldsTheBackendRules) {
  const auto model = image("diffusion:tiny-shapes", LocalConfig{.threads = 1});
  ASSERT_TRUE(model) << model.error();
  auto check = check_of_shapes<BackendCheck>();
  check.paints = true;
  const Report report = check_backend(model->backend(), check);
  EXPECT_TRUE(report.ok()) << report.to_text();
  EXPECT_GE(report.passed.size(), 35u) << report.to_text();
}

}  // namespace
}  // namespace infer
