#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "src/port/file.h"
#include "src/port/paths.h"
#include "src/port/shared_object.h"
#include "src/port/temp_dir.h"
#include "src/port/wait.h"

namespace infer::port {
namespace {

using namespace std::chrono_literals;

Errc code_of(const Result<void>& result) { return result ? Errc::kEngine : result.error().code(); }

TEST(Trusted, OwnFilesAndGroupWritableOnesAre) {
  TempDir dir;
  const std::string file = dir.write("sub/plugin.so", "x");
  EXPECT_TRUE(trusted(file)) << trusted(file).error();
  chmod(file.c_str(), 0664);
  chmod((dir / "sub").c_str(), 0775);
  EXPECT_TRUE(trusted(file));
  EXPECT_TRUE(trusted("/"));
  EXPECT_EQ(code_of(trusted(dir / "none")), Errc::kNotFound);
}

TEST(Trusted, FilesThatEverybodyMayWriteAreNot) {
  TempDir dir;
  const std::string file = dir.write("plugin.so", "x");
  chmod(file.c_str(), 0646);
  auto refused = trusted(file);
  EXPECT_EQ(code_of(refused), Errc::kForbidden);
  EXPECT_NE(refused.error().message().find(file), std::string::npos);
}

TEST(Trusted, DirectoriesThatEverybodyMayWriteNeedTheStickyBit) {
  TempDir dir;
  const std::string file = dir.write("a/b/plugin.so", "x");
  for (const char* which : {"a/b", "a"}) {  // any directory above
    chmod((dir / which).c_str(), 0777);
    EXPECT_EQ(code_of(trusted(file)), Errc::kForbidden);
    chmod((dir / which).c_str(), 01777);
    EXPECT_TRUE(trusted(file));
    chmod((dir / which).c_str(), 0755);
  }
}

TEST(Trusted, OtherPeoplesAreNot) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
  TempDir dir;
  const std::string file = dir.write("a/plugin.so", "x");
  ASSERT_EQ(chown(file.c_str(), 54321, 54321), 0);
  auto refused = trusted(file);
  EXPECT_EQ(code_of(refused), Errc::kForbidden);
  EXPECT_NE(refused.error().message().find("54321"), std::string::npos);
  ASSERT_EQ(chown(file.c_str(), 0, 54321), 0);  // the group does not matter
  EXPECT_TRUE(trusted(file));
  ASSERT_EQ(chown((dir / "a").c_str(), 54321, 0), 0);
  EXPECT_EQ(code_of(trusted(file)), Errc::kForbidden);
}

TEST(Paths, ListsOnlyAbsoluteDirectories) {
  setenv("INFER_TEST_PATH", ":/a:relative:./x::../y:/b/c:", 1);
  EXPECT_EQ(path_list("INFER_TEST_PATH"), (std::vector<std::string>{"/a", "/b/c"}));
  setenv("INFER_TEST_PATH", "", 1);
  EXPECT_TRUE(path_list("INFER_TEST_PATH").empty());
  unsetenv("INFER_TEST_PATH");
  EXPECT_TRUE(path_list("INFER_TEST_PATH").empty());
}

TEST(Paths, KnowsFiles) {
  TempDir dir;
  const std::string file = dir.write("b", "x");
  dir.write("a", "x");
  EXPECT_EQ(file_kind(file), FileKind::kFile);
  EXPECT_EQ(file_kind(dir.path()), FileKind::kDirectory);
  EXPECT_EQ(file_kind(dir / "none"), FileKind::kNone);
  EXPECT_EQ(file_kind("/dev/null"), FileKind::kOther);
  ASSERT_EQ(symlink(file.c_str(), (dir / "link").c_str()), 0);
  EXPECT_EQ(canonical(dir / "link"), file);
  EXPECT_EQ(canonical(dir.path() + "/./none/.."), std::nullopt);
  EXPECT_EQ(list_directory(dir.path()), (std::vector<std::string>{".", "..", "a", "b", "link"}));
  EXPECT_TRUE(list_directory(dir / "none").empty());
}

TEST(Paths, FindsItselfFromAnyDirectory) {
  const std::string here = module_directory();
  ASSERT_FALSE(here.empty());
  EXPECT_EQ(file_kind(here), FileKind::kDirectory);
  ASSERT_EQ(chdir("/"), 0);
  EXPECT_EQ(module_directory(), here);
}

TEST(File, ReadsAndSaysWhyNot) {
  TempDir dir;
  const std::string path = dir.write("f", "0123456789");
  auto file = File::open(path);
  ASSERT_TRUE(file);
  EXPECT_EQ(file->size(), 10);
  char buffer[8] = {};
  EXPECT_EQ(file->read_at(3, buffer, 4), 4u);
  EXPECT_EQ(std::string(buffer), "3456");
  EXPECT_EQ(file->read_at(8, buffer, 8), 2u);
  EXPECT_EQ(file->read_at(100, buffer, 8), 0u);
  File other = std::move(*file);
  EXPECT_EQ(other.size(), 10);
  EXPECT_EQ(file->size(), -1);
  auto none = File::open(dir / "none");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code(), Errc::kNotFound);
  EXPECT_NE(none.error().message().find(dir / "none"), std::string::npos);
}

TEST(SharedObject, SaysWhatIsWrong) {
  TempDir dir;
  auto text = load_symbol(dir.write("text.so", "not an ELF file"), "x");
  EXPECT_EQ(text.error().code(), Errc::kEngine);
  EXPECT_EQ(load_symbol(dir / "none.so", "x").error().code(), Errc::kEngine);
}

TEST(Wait, EndsByWakeOrByTime) {
  Wait wait;
  const auto never = std::chrono::steady_clock::time_point::max();
  wait.wake();
  wait.wake();
  wait.until(never);  // woken before
  std::thread other([&] {
    std::this_thread::sleep_for(5ms);
    wait.wake();
  });
  wait.until(never);
  other.join();
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 3; ++i) wait.until(start + 5ms);  // may return early, but not for ever
  wait.until(std::chrono::steady_clock::time_point::min());
  wait.until(start);
}

TEST(Wait, NoWakeIsLost) {
  Wait wait;
  std::atomic<int> made{0}, taken{0};
  constexpr int kRounds = 20000;
  std::thread other([&] {
    for (int i = 0; i < kRounds; ++i) {
      while (taken != i) std::this_thread::yield();
      ++made;
      wait.wake();
    }
  });
  while (taken < kRounds) {
    while (made == taken) wait.until(std::chrono::steady_clock::time_point::max());
    ++taken;
  }
  other.join();
}

// Both ends of a pipe.
class Pipe {
 public:
  Pipe() { EXPECT_EQ(pipe(ends_), 0); }
  ~Pipe() {
    close(ends_[0]);
    close(ends_[1]);
  }
  int out() const { return ends_[0]; }
  int in() const { return ends_[1]; }
  void put() { EXPECT_EQ(write(in(), "x", 1), 1); }
  void take() {
    char byte;
    EXPECT_EQ(read(out(), &byte, 1), 1);
  }

 private:
  int ends_[2];
};
const auto kNow = std::chrono::steady_clock::time_point::min();

TEST(Wait, TellsWhichDescriptorsAreReady) {
  Pipe a, b;
  Wait wait;
  ASSERT_TRUE(wait.prepare());
  ASSERT_TRUE(wait.prepare());
  ASSERT_TRUE(wait.watch(a.out(), true, false, false));
  ASSERT_TRUE(wait.watch(b.in(), false, true, false));
  auto ready = wait.until(kNow);
  ASSERT_EQ(ready.size(), 1u);  // there is room in b
  EXPECT_EQ(ready[0].fd, b.in());
  EXPECT_TRUE(ready[0].writable);
  EXPECT_FALSE(ready[0].readable);
  wait.forget(b.in());
  EXPECT_EQ(wait.until(kNow).size(), 0u);
  a.put();
  for (int i = 0; i < 2; ++i) {  // as long as it is not read
    ready = wait.until(std::chrono::steady_clock::now() + 1h);
    ASSERT_EQ(ready.size(), 1u);
    EXPECT_EQ(ready[0].fd, a.out());
    EXPECT_TRUE(ready[0].readable);
    EXPECT_FALSE(ready[0].writable);
  }
  a.take();
  EXPECT_EQ(wait.until(kNow).size(), 0u);
  EXPECT_EQ(wait.until(std::chrono::steady_clock::now() + 1ms).size(), 0u);
  wait.forget(a.out());
  a.put();
  EXPECT_EQ(wait.until(kNow).size(), 0u);
}

TEST(Wait, WakesAndWatchesAtOnce) {
  Pipe a;
  Wait wait;
  ASSERT_TRUE(wait.prepare());
  ASSERT_TRUE(wait.watch(a.out(), true, false, false));
  wait.wake();
  wait.wake();
  EXPECT_EQ(wait.until(std::chrono::steady_clock::now() + 1h).size(), 0u);
  EXPECT_EQ(wait.until(std::chrono::steady_clock::now() + 1ms).size(), 0u);  // both are used up
  a.put();
  wait.wake();
  EXPECT_EQ(wait.until(std::chrono::steady_clock::now() + 1h).size(), 1u);
  std::thread other([&] { wait.wake(); });
  a.take();
  (void)wait.until(std::chrono::steady_clock::now() + 1h);
  other.join();
}

TEST(Wait, MoreDescriptorsThanFitAtOnceAllGetTheirTurn) {
  constexpr std::size_t kPipes = 200;
  std::vector<Pipe> pipes(kPipes);
  Wait wait;
  ASSERT_TRUE(wait.prepare());
  for (Pipe& one : pipes) {
    ASSERT_TRUE(wait.watch(one.out(), true, false, false));
    one.put();
  }
  std::size_t seen = 0;
  while (seen < kPipes) {
    const auto ready = wait.until(kNow);
    ASSERT_FALSE(ready.empty());
    for (const Ready& one : ready) {
      char byte;
      ASSERT_EQ(read(one.fd, &byte, 1), 1);
      ++seen;
    }
  }
  EXPECT_EQ(wait.until(kNow).size(), 0u);
}

TEST(Wait, AHangUpCountsAsBoth) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  Wait wait;
  ASSERT_TRUE(wait.prepare());
  ASSERT_TRUE(wait.watch(ends[0], true, false, false));
  close(ends[1]);
  const auto ready = wait.until(kNow);
  ASSERT_EQ(ready.size(), 1u);
  EXPECT_TRUE(ready[0].readable && ready[0].writable);
  close(ends[0]);
  // The same number, watched again by somebody who thinks that it still is: it comes back.
  ASSERT_EQ(pipe(ends), 0);
  EXPECT_TRUE(wait.watch(ends[0], true, false, true));
  EXPECT_EQ(write(ends[1], "x", 1), 1);
  EXPECT_EQ(wait.until(kNow).size(), 1u);
  close(ends[0]);
  close(ends[1]);
}

}  // namespace
}  // namespace infer::port
