#include "apps/infer/terminal.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace infer::cli {
namespace {

std::string visible(std::string_view text, Lines lines) {
  std::string out;
  append_visible(out, text, lines);
  return out;
}

TEST(AppendVisible, LeavesTextAlone) {
  const char* const text = "\xD0\x9F\xD1\x80 \xE2\x82\xAC \xF0\x9F\x98\x80\n\tnext";
  EXPECT_EQ(visible(text, Lines::kMany), text);
  EXPECT_EQ(visible("a\r\nb", Lines::kMany), "a\nb");
}

TEST(AppendVisible, TakesControlCharactersTheirPower) {
  EXPECT_EQ(visible("\x1b]0;title\a", Lines::kMany), "\xE2\x90\x9B]0;title\xE2\x90\x87");
  EXPECT_EQ(visible("a\rb\x7f", Lines::kMany),
            "a\xE2\x90\x8D"
            "b\xE2\x90\xA1");
  EXPECT_EQ(visible("\xC2\x9B"
                    "2J",
                    Lines::kMany),
            "\xEF\xBF\xBD"
            "2J")
      << "CSI in one character";
}

TEST(AppendVisible, KeepsOneLineWhereOneIsAsked) {
  EXPECT_EQ(visible("a\nb\tc\r\n", Lines::kOne), "a b c  ");
}

class ProgressBarTest : public testing::Test {
 protected:
  void SetUp() override {
    unsetenv("LC_ALL");
    unsetenv("LC_CTYPE");
    setenv("LANG", "C", 1);
    ASSERT_EQ(pipe(fds_), 0);
    fcntl(fds_[0], F_SETFL, O_NONBLOCK);
  }
  void TearDown() override {
    ::close(fds_[0]);
    ::close(fds_[1]);
  }
  std::string written() {
    char chunk[4096];
    const ssize_t n = ::read(fds_[0], chunk, sizeof chunk);
    return n > 0 ? std::string(chunk, static_cast<std::size_t>(n)) : std::string();
  }
  int fds_[2] = {-1, -1};
};

TEST_F(ProgressBarTest, DrawsAndLeavesNoTrace) {
  Output terminal(fds_[1]);
  {
    ProgressBar bar(terminal, "Loading m", true, {});
    bar.update(0.5);
    EXPECT_EQ(written(), "\r\x1b[KLoading m [############............] 50 %");
    bar.update(0.501);
    EXPECT_EQ(written(), "") << "the same per cent";
  }
  EXPECT_EQ(written(), "\r\x1b[K");
}

TEST_F(ProgressBarTest, SaysMoreBehindTheBar) {
  Output terminal(fds_[1]);
  ProgressBar bar(terminal, "Painting", true, {});
  bar.update(0.5, "4/8, 0.04 s a step");
  EXPECT_TRUE(written().ends_with(" 50 %, 4/8, 0.04 s a step"));
}

TEST_F(ProgressBarTest, DrawsBlocksWhereTheTerminalHasThem) {
  setenv("LANG", "en_GB.UTF-8", 1);
  Output terminal(fds_[1]);
  ProgressBar bar(terminal, "Loading m", true, {});
  bar.update(1);
  const std::string line = written();
  EXPECT_NE(line.find("\xE2\x96\x88 100 %"), std::string::npos) << line;
}

TEST_F(ProgressBarTest, SaysNothingOfWhatTakesAMomentOnly) {
  Output terminal(fds_[1]);
  {
    ProgressBar bar(terminal, "Loading m", true, std::chrono::hours(1));
    bar.update(0.5);
  }
  EXPECT_EQ(written(), "");
}

TEST_F(ProgressBarTest, SaysNothingWithoutATerminal) {
  Output terminal(fds_[1]);
  {
    ProgressBar bar(terminal, "Loading m", false, {});
    bar.update(0.5);
  }
  EXPECT_EQ(written(), "");
}

}  // namespace
}  // namespace infer::cli
