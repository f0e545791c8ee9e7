// docs/formats/request.md against the code: every example there is read, and written back the same.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "src/core/request_json.h"

namespace infer::core {
namespace {

std::vector<std::string> examples() {
  std::ifstream file(INFER_SOURCE_DIR "/docs/formats/request.md");
  std::ostringstream text;
  text << file.rdbuf();
  const std::string page = text.str();
  const std::string open = "```json\n", close = "\n```";
  std::vector<std::string> found;
  for (std::size_t at = page.find(open); at != std::string::npos; at = page.find(open, at)) {
    at += open.size();
    found.push_back(page.substr(at, page.find(close, at) - at));
  }
  return found;
}

TEST(RequestFormat, EveryExampleOfTheDocumentIsCanonical) {
  const auto all = examples();
  ASSERT_GE(all.size(), 4u) << "the document has lost its examples";
  for (const std::string& example : all) {
    auto request = from_json(example, {});
    ASSERT_TRUE(request) << request.error().message() << "\n" << example;
    EXPECT_EQ(to_json(*request).text, example);
  }
}

}  // namespace
}  // namespace infer::core
