#include "apps/infer/write_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace infer::cli {
namespace {

namespace fs = std::filesystem;

class WriteFile : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "infer-write-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    dir_ = pattern;
  }
  void TearDown() override { fs::remove_all(dir_); }
  std::string path(const char* name) const { return (dir_ / name).string(); }
  static std::string content(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }
  fs::path dir_;
};

TEST_F(WriteFile, ANewOneAndOneThatIsThere) {
  EXPECT_FALSE(write_file(path("a"), "one"));
  EXPECT_EQ(content(path("a")), "one");
  ASSERT_EQ(::chmod(path("a").c_str(), 0600), 0);
  EXPECT_FALSE(write_file(path("a"), "2"));
  EXPECT_EQ(content(path("a")), "2");
  EXPECT_EQ(fs::status(path("a")).permissions(), fs::perms(0600)) << "as it was";
  EXPECT_EQ(std::distance(fs::directory_iterator(dir_), {}), 1) << "nothing else is left";
}

TEST_F(WriteFile, ALinkStaysALink) {
  ASSERT_FALSE(write_file(path("a"), "one"));
  fs::create_symlink("a", path("b"));
  EXPECT_FALSE(write_file(path("b"), "two"));
  EXPECT_TRUE(fs::is_symlink(path("b")));
  EXPECT_EQ(content(path("a")), "two");
}

TEST_F(WriteFile, WhatFailsSaysWhy) {
  const auto missing = write_file(path("none/a"), "x");
  ASSERT_TRUE(missing);
  EXPECT_EQ(missing->code(), Errc::kIo);
  EXPECT_NE(missing->message().find("No such file"), std::string::npos) << missing->message();
  const auto directory = write_file(dir_.string(), "x");
  ASSERT_TRUE(directory);
  EXPECT_NE(directory->message().find("directory"), std::string::npos) << directory->message();
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "there is no /dev/full";
  const auto full = write_file("/dev/full", "x");
  ASSERT_TRUE(full);
  EXPECT_NE(full->message().find("No space left"), std::string::npos) << full->message();
}

}  // namespace
}  // namespace infer::cli
