#include "src/port/write_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>
#include <vector>

#include "src/port/temp_dir.h"

namespace infer::port {
namespace {

namespace fs = std::filesystem;

std::string content(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
}

std::ptrdiff_t files_in(const TempDir& dir) {
  return std::distance(fs::directory_iterator(dir.path()), {});
}

TEST(WriteFile, ANewOneAndOneThatIsThere) {
  const TempDir dir;
  const std::string path = dir / "a";
  ASSERT_TRUE(write_file(path, "one"));
  EXPECT_EQ(content(path), "one");
  ASSERT_EQ(chmod(path.c_str(), 0600), 0);
  ASSERT_TRUE(write_file(path, "2"));
  EXPECT_EQ(content(path), "2");
  EXPECT_EQ(fs::status(path).permissions(), fs::perms(0600)) << "as it was";
  EXPECT_EQ(files_in(dir), 1) << "nothing else is left";
  const std::string longest = dir / std::string(255, 'n');
  EXPECT_TRUE(write_file(longest, "name"));
  EXPECT_EQ(content(longest), "name");
}

TEST(WriteFile, ALinkStaysALinkAndItsFileIsReplacedWhole) {
  const TempDir dir;
  fs::create_directory(dir / "d");
  ASSERT_TRUE(write_file(dir / "d/a", "one"));
  fs::create_symlink("d/a", dir / "b");
  fs::create_symlink("d/none", dir / "c");
  EXPECT_TRUE(write_file(dir / "b", "two"));
  EXPECT_TRUE(fs::is_symlink(dir / "b"));
  EXPECT_EQ(content(dir / "d/a"), "two");
  EXPECT_TRUE(write_file(dir / "c", "three"));
  EXPECT_EQ(content(dir / "d/none"), "three");
}

TEST(WriteFile, WhatFailsSaysWhy) {
  const TempDir dir;
  const auto missing = write_file(dir / "none/a", "x");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), Errc::kIo);
  EXPECT_EQ(missing.error().message(),
            dir / "none/a" + " cannot be written: No such file or directory");
  EXPECT_NE(write_file(dir.path(), "x").error().message().find("directory"), std::string::npos);
  EXPECT_FALSE(write_file("", "x"));
  EXPECT_FALSE(write_file(dir / std::string("a\0b", 3), "x"));
  EXPECT_FALSE(fs::exists(dir / "a"));
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "there is no /dev/full";
  EXPECT_EQ(write_file("/dev/full", "x").error().message(),
            "/dev/full cannot be written: No space left on device");
}

// As a full disk, in the middle of a file; the signal of this limit ends a program by itself.
TEST(WriteFile, WhatDoesNotFitLeavesWhatWasThere) {
  const TempDir dir;
  const std::string path = dir.write("a", "before");
  fs::create_symlink("none", dir / "link");
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  rlimit small = before;
  small.rlim_cur = 1000;
  setrlimit(RLIMIT_FSIZE, &small);
  const auto replaced = write_file(path, std::string(2000, 'x'));
  const auto made = write_file(dir / "new", std::string(2000, 'x'));
  const auto led = write_file(dir / "link", std::string(2000, 'x'));
  setrlimit(RLIMIT_FSIZE, &before);
  ASSERT_FALSE(replaced);
  EXPECT_EQ(replaced.error().message(), path + " cannot be written: File too large");
  EXPECT_FALSE(made);
  EXPECT_FALSE(led);
  EXPECT_EQ(content(path), "before");
  EXPECT_FALSE(fs::exists(dir / "none"));
  EXPECT_EQ(files_in(dir), 2);
  sigset_t pending, blocked;
  sigpending(&pending);
  pthread_sigmask(SIG_BLOCK, nullptr, &blocked);
  EXPECT_EQ(sigismember(&pending, SIGXFSZ), 0);
  EXPECT_EQ(sigismember(&blocked, SIGXFSZ), 0);
}

TEST(WriteFile, APipeIsWrittenToAndAReaderThatGoesIsAnError) {
  const TempDir dir;
  const std::string path = dir / "pipe";
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  std::string got;
  std::thread reader([&] {
    std::ifstream in(path);
    got.assign(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  });
  EXPECT_TRUE(write_file(path, "through"));
  reader.join();
  EXPECT_EQ(got, "through");
  std::thread goes([&] { ::close(::open(path.c_str(), O_RDONLY)); });
  const auto gone = write_file(path, std::string(std::size_t{1} << 20, 'x'));
  goes.join();
  ASSERT_FALSE(gone);
  EXPECT_NE(gone.error().message().find("Broken pipe"), std::string::npos);
}

TEST(WriteFile, WritersOfOnePathNeverMix) {
  const TempDir dir;
  const std::string path = dir / "a";
  std::vector<std::thread> threads;
  for (char c = 'a'; c < 'e'; ++c)
    threads.emplace_back([&path, c] {
      for (int i = 0; i < 5; ++i) EXPECT_TRUE(write_file(path, std::string(100000, c)));
    });
  for (std::thread& thread : threads) thread.join();
  const std::string last = content(path);
  EXPECT_EQ(last, std::string(100000, last.front()));
  EXPECT_EQ(files_in(dir), 1);
}

// A process that is killed while it writes: the old file is whole, and there is at most one other.
TEST(WriteFile, AKilledWriterLeavesTheOldFile) {
  const TempDir dir;
  const std::string path = dir.write("a", "before");
  const std::string bytes(std::size_t{8} << 20, 'x');
  const pid_t child = fork();
  if (child == 0) {
    for (;;) (void)write_file(path, bytes);
  }
  // It is in the middle of one as soon as another file is there.
  while (files_in(dir) < 2) std::this_thread::yield();
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  const std::string left = content(path);
  EXPECT_TRUE(left == "before" || left == bytes);
  for (const auto& entry : fs::directory_iterator(dir.path()))
    if (entry.path() != path) {
      EXPECT_EQ(entry.path().filename().string().rfind("a." + std::to_string(child) + ".", 0), 0u);
    }
  EXPECT_LE(files_in(dir), 2);
}

}  // namespace
}  // namespace infer::port
