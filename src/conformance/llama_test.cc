// A real engine with a real model holds every rule, alone and through the host.
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "infer/conformance.h"
#include "infer/registry.h"

namespace infer {
namespace {

using std::chrono::milliseconds;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;  // its reports go to stderr: leave that alone
#else
constexpr bool kSanitized = false;
#endif

const std::string kModel = INFER_BUILD_DIR "/share/infer/models/tiny-chat.gguf";

TEST(Llama, HoldsThePluginRules) {
  PluginCheck check;
  check.model = "tiny-chat";
  check.files.push_back({"model", kModel});
  check.config = "{\"threads\":1}";
  check.capture_output = !kSanitized;
  check.patience = {milliseconds(60000), milliseconds(2000), milliseconds(200)};
  const Report report = check_plugin(INFER_BUILD_DIR "/lib/infer/plugins/infer-llama.so", check);
  EXPECT_TRUE(report.ok()) << report.to_text();
  EXPECT_GE(report.passed.size(), 50u) << report.to_text();
}

TEST(Llama, HoldsTheBackendRules) {
  auto model = text("llama:tiny-chat", LocalConfig{.threads = 1});
  ASSERT_TRUE(model) << model.error();
  BackendCheck check;
  check.patience = {milliseconds(60000), milliseconds(2000), milliseconds(200)};
  const Report report = check_backend(model->backend(), check);
  EXPECT_TRUE(report.ok()) << report.to_text();
}

}  // namespace
}  // namespace infer
