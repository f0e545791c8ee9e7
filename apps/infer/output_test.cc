#include "apps/infer/output.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <thread>

namespace infer::cli {
namespace {

struct Pipe {
  int read = -1, write = -1;
  Pipe() {
    int fds[2];
    if (pipe(fds) == 0) {
      read = fds[0];
      write = fds[1];
    }
  }
  ~Pipe() {
    ::close(read);
    ::close(write);
  }
};

TEST(Output, WritesAllEvenWhenTheReaderIsSlow) {
  Pipe pipe;
  fcntl(pipe.write, F_SETFL, O_NONBLOCK);
  const std::string sent(1 << 20, 'x');
  std::string got;
  std::thread reader([&] {
    char chunk[5000];
    while (got.size() < sent.size()) {
      const ssize_t n = ::read(pipe.read, chunk, sizeof chunk);
      if (n <= 0) break;
      got.append(chunk, static_cast<std::size_t>(n));
    }
  });
  Output out(pipe.write);
  EXPECT_TRUE(out.write(sent));
  reader.join();
  EXPECT_EQ(got, sent);
  EXPECT_EQ(out.buffer(), "");
}

TEST(Output, AGoneReaderIsNotAnError) {
  std::signal(SIGPIPE, SIG_IGN);
  Pipe pipe;
  ::close(pipe.read);
  pipe.read = -1;
  Output out(pipe.write);
  EXPECT_FALSE(out.write("x"));
  EXPECT_TRUE(out.reader_gone());
}

TEST(Output, AFullDiscIsAnErrorThatSaysSo) {
  const int full = ::open("/dev/full", O_WRONLY);
  if (full < 0) GTEST_SKIP() << "there is no /dev/full here";
  Output out(full);
  EXPECT_FALSE(out.write("x"));
  EXPECT_FALSE(out.write("y")) << "nothing more is written after a failure";
  EXPECT_FALSE(out.reader_gone());
  EXPECT_EQ(out.error().code(), Errc::kIo);
  EXPECT_NE(out.error().message().find("No space left"), std::string::npos);
  ::close(full);
}

}  // namespace
}  // namespace infer::cli
