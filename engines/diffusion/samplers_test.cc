// Every sample method with every scheduler gives a picture, through the plugin's table.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "paint_driver.h"

namespace infer::test {
namespace {

// A fifth of the sample methods, each with all schedulers: five cases, so that they run side by
// side.
class Samplers : public testing::TestWithParam<std::size_t> {};

TEST_P(Samplers, EachMethodWithEachScheduler) {
  Model model(kModels + "tiny-shapes.gguf", shapes_config());
  infer_str text = {};
  infer_error error = {};
  error.size = sizeof(error);
  ASSERT_EQ(plugin().names(&text, &error), INFER_OK);
  const auto names = nlohmann::json::parse(engine::to_view(text));
  const auto& methods = names["sample_methods"];
  ASSERT_EQ(methods.size(), 15U);
  ASSERT_EQ(names["schedulers"].size(), 11U);
  for (std::size_t i = GetParam(); i < methods.size(); i += 5) {
    for (const auto& scheduler : names["schedulers"]) {
      const std::string both =
          "\"sample_method\":" + methods[i].dump() + ",\"scheduler\":" + scheduler.dump();
      const Painted painted = paint(model, both + ",\"steps\":3,\"width\":16,\"height\":16");
      ASSERT_EQ(painted.result, INFER_END) << both << ": " << painted.message;
      ASSERT_EQ(painted.pictures.size(), 1U) << both;
      const std::string& bytes = painted.pictures[0].bytes;
      ASSERT_EQ(bytes.size(), 16U * 16 * 3) << both;
      // One colour all over is what numbers that are none would come to.
      EXPECT_NE(bytes, std::string(bytes.size(), bytes[0])) << both;
      // Its levels of noise are those of other models: the default is used, and said.
      EXPECT_EQ(painted.warnings.size(), scheduler == "ays" ? 1U : 0U) << both;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Fifth, Samplers, testing::Range<std::size_t>(0, 5));

}  // namespace
}  // namespace infer::test
