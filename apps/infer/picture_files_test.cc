#include "apps/infer/picture_files.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "src/port/temp_dir.h"

namespace infer::cli {
namespace {

class PictureFilesTest : public testing::Test {
 protected:
  std::string path(std::string_view name) const { return dir_ / name; }
  static std::string content(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }

  port::TempDir dir_;
};

TEST(PictureNames, NumbersStandBeforeTheExtension) {
  const PictureFiles one("red.png", 1, false);
  EXPECT_EQ(one.path(0), "red.png");
  EXPECT_EQ(one.path(1), "red-2.png") << "more than was asked for";
  EXPECT_EQ(one.path(0, 0), "red.preview-1.png");
  const PictureFiles many("a.b/red", 3, false);
  EXPECT_EQ(many.path(0), "a.b/red-1");
  EXPECT_EQ(many.path(2, 1), "a.b/red-3.preview-2");
  EXPECT_EQ(PictureFiles("x/.hidden", 2, false).path(1), "x/.hidden-2");
}

TEST(PictureNames, AnExtensionIsOfTheNameOnly) {
  for (const auto& [name, extension] :
       {std::pair("a.png", ".png"), std::pair("a.JPG", ".JPG"), std::pair("a.b.jpeg", ".jpeg"),
        std::pair("a", ""), std::pair("a.b/c", ""), std::pair(".png", ""), std::pair("", "")})
    EXPECT_EQ(extension_of(name), extension) << name;
}

TEST_F(PictureFilesTest, WhatCannotBeIsKnownBefore) {
  const PictureFiles files("", 1, false);
  EXPECT_FALSE(files.check(path("new.png")));
  EXPECT_FALSE(files.check("/dev/null")) << "no file that could be lost";
  EXPECT_EQ(files.check(dir_.path())->code(), Errc::kInvalidRequest);
  EXPECT_EQ(files.check(path("none/a.png"))->code(), Errc::kNotFound);
  ASSERT_FALSE(files.write(path("a.png"), "mine"));
  EXPECT_EQ(files.check(path("a.png/b.png"))->code(), Errc::kNotFound);
  EXPECT_EQ(files.check(path(std::string(300, 'a')))->code(), Errc::kIo);
  EXPECT_EQ(files.check(path("a.png"))->code(), Errc::kInvalidRequest);
}

TEST_F(PictureFilesTest, AFileIsReplacedOnlyByForce) {
  ASSERT_FALSE(PictureFiles("", 1, false).write(path("a.png"), "mine"));
  EXPECT_EQ(PictureFiles("", 1, false).write(path("a.png"), "new")->code(), Errc::kInvalidRequest);
  EXPECT_EQ(content(path("a.png")), "mine");
  EXPECT_FALSE(PictureFiles("", 1, true).write(path("a.png"), "new"));
  EXPECT_EQ(content(path("a.png")), "new");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir_.path()), {}), 1);
}

}  // namespace
}  // namespace infer::cli
