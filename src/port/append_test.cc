#include "src/port/append.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <thread>
#include <vector>

#include "src/port/temp_dir.h"

namespace infer::port {
namespace {

std::string bytes_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
}

TEST(Append, TheHeadStandsOnceAndBeforeAll) {
  const TempDir dir;
  const std::string path = dir / "a";
  ASSERT_TRUE(append(path, "head\n", ""));
  ASSERT_TRUE(append(path, "head\n", ""));
  ASSERT_TRUE(append(path, "head\n", "1\n"));
  ASSERT_TRUE(append(path, "other\n", "2\n3\n"));
  EXPECT_EQ(bytes_of(path), "head\n1\n2\n3\n");
  const std::string both = dir / "b";
  ASSERT_TRUE(append(both, "head\n", "1\n"));
  EXPECT_EQ(bytes_of(both), "head\n1\n");
}

TEST(Append, AnUnfinishedLineIsEndedFirst) {
  const TempDir dir;
  const std::string path = dir.write("a", "head\nhal");
  ASSERT_TRUE(append(path, "head\n", ""));
  EXPECT_EQ(bytes_of(path), "head\nhal");
  ASSERT_TRUE(append(path, "head\n", "1\n"));
  EXPECT_EQ(bytes_of(path), "head\nhal\n1\n");
}

TEST(Append, PiecesOfManyThreadsDoNotMix) {
  const TempDir dir;
  const std::string path = dir / "a";
  constexpr int kThreads = 8, kLines = 50;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&path, t] {
      const std::string line = std::string(9999, static_cast<char>('a' + t)) + "\n";
      for (int i = 0; i < kLines; ++i) EXPECT_TRUE(append(path, "head\n", line));
    });
  for (std::thread& thread : threads) thread.join();
  std::ifstream in(path);
  std::string line;
  ASSERT_TRUE(std::getline(in, line));
  EXPECT_EQ(line, "head");
  int lines = 0;
  for (; std::getline(in, line); ++lines) {
    EXPECT_EQ(line.size(), 9999u);
    EXPECT_EQ(std::count(line.begin(), line.end(), line.front()), 9999);
  }
  EXPECT_EQ(lines, kThreads * kLines);
}

TEST(Append, AFailureLeavesTheFileAsItWasAndNoSignal) {
  const TempDir dir;
  const std::string path = dir.write("a", "head\n");
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  rlimit small = before;
  small.rlim_cur = 1000;
  setrlimit(RLIMIT_FSIZE, &small);
  const auto written = append(path, "head\n", std::string(2000, 'x') + "\n");
  setrlimit(RLIMIT_FSIZE, &before);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code(), Errc::kIo);
  EXPECT_EQ(written.error().message(), path + ": cannot be appended to: File too large");
  EXPECT_EQ(bytes_of(path), "head\n");
  sigset_t pending, blocked;
  sigpending(&pending);
  pthread_sigmask(SIG_BLOCK, nullptr, &blocked);
  EXPECT_EQ(sigismember(&pending, SIGXFSZ), 0);
  EXPECT_EQ(sigismember(&blocked, SIGXFSZ), 0);
}

TEST(Append, DevicesAndPlacesThatAreNone) {
  const TempDir dir;
  EXPECT_TRUE(append("/dev/null", "head\n", "1\n"));
  EXPECT_EQ(append("/dev/full", "head\n", "1\n").error().message(),
            "/dev/full: cannot be appended to: No space left on device");
  EXPECT_FALSE(append(dir.path(), "", "1\n"));
  EXPECT_FALSE(append("", "", "1\n"));
}

}  // namespace
}  // namespace infer::port
