// What calls leave behind, and how soon they let go: sockets, memory, time to stop.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <netdb.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "infer/registry.h"
#include "tests/faults/server.h"

namespace {
std::atomic<bool> g_names_hang{false};
std::atomic<int> g_hanging{0};
}  // namespace

// In place of the C library's, for every library of this program: a name server that does not
// answer.
extern "C" __attribute__((visibility("default"))) int getaddrinfo(const char* node,
                                                                  const char* service,
                                                                  const addrinfo* hints,
                                                                  addrinfo** result) {
  if (node && std::strcmp(node, "hangs.invalid") == 0) {
    ++g_hanging;
    while (g_names_hang) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    --g_hanging;
    return EAI_AGAIN;
  }
  using Function = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
  static const auto real = reinterpret_cast<Function>(dlsym(RTLD_NEXT, "getaddrinfo"));
  return real(node, service, hints, result);
}

namespace infer::faults {
namespace {

using std::chrono::milliseconds;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;  // it keeps freed memory, and takes more
#else
constexpr bool kSanitized = false;
#endif

std::size_t open_files() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd"))
    ++count;
  return count;
}

// A line of /proc/self/status, in KiB.
long memory(const std::string& name) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);)
    if (line.compare(0, name.size(), name) == 0) return std::stol(line.substr(name.size() + 1));
  return 0;
}

double seconds_now() {
  return std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
}

void print_times(const char* what, std::vector<double> seconds) {
  std::sort(seconds.begin(), seconds.end());
  const auto at = [&](double share) {
    return 1000 *
           seconds[static_cast<std::size_t>(share * static_cast<double>(seconds.size() - 1))];
  };
  std::printf("%s: p50 %.3f ms, p99 %.3f ms, longest %.3f ms of %zu\n", what, at(0.5), at(0.99),
              at(1), seconds.size());
  testing::Test::RecordProperty(what, std::to_string(at(0.99)) + " ms p99");
}

class Resources : public testing::TestWithParam<const char*> {
 protected:
  TextModel model(const ApiConfig& config) const {
    auto opened = infer::text(std::string(GetParam()) + ":fault-1", config);
    if (!opened) ADD_FAILURE() << opened.error();
    return *opened;
  }
  // Reads until there is text.
  static bool begun(Reply& reply) {
    while (const Event* event = reply.next())
      if (event->kind == Event::Kind::kDelta) return true;
    return false;
  }
  // The server hears of it a moment later.
  Stats when_closed(std::size_t count) const {
    Stats stats = server_.stats();
    for (int i = 0; i < 1000 && stats.closed.size() < count; ++i) {
      std::this_thread::sleep_for(milliseconds(10));
      stats = server_.stats();
    }
    return stats;
  }
  FaultServer server_;
};

constexpr int kReplies = kSanitized ? 200 : 1000;

TEST_P(Resources, CancelledRepliesLeaveNoFiles) {
  const TextModel silent = model(server_.config("silent"));
  std::size_t before = 0;
  for (int i = 0; i <= kReplies; ++i) {
    if (i == 1) before = open_files();  // what is made once is there now
    StopSource stop;
    Call call;
    call.stop = stop.token();
    Reply reply = silent.stream("Hi", call);
    ASSERT_TRUE(begun(reply));
    stop.request_stop();
    ASSERT_EQ(reply.next(), nullptr);
    ASSERT_EQ(reply.error()->code(), Errc::kCancelled);
    ASSERT_EQ(reply.error()->partial()->text(), "Hello");
    if (i > 0) {
      ASSERT_LE(open_files(), before);  // the socket is closed when the reply says so
    }
  }
  EXPECT_LE(open_files(), before);
  EXPECT_EQ(when_closed(kReplies + 1).closed.size(), static_cast<std::size_t>(kReplies) + 1);
}

TEST_P(Resources, AbandonedRepliesLeaveNoFiles) {
  const TextModel silent = model(server_.config("silent"));
  std::size_t before = 0;
  for (int i = 0; i <= kReplies; ++i) {
    if (i == 1) before = open_files();
    Reply reply = silent.stream("Hi");
    ASSERT_TRUE(begun(reply));
  }
  EXPECT_LE(open_files(), before);
  EXPECT_EQ(when_closed(kReplies + 1).closed.size(), static_cast<std::size_t>(kReplies) + 1);
}

// At once, on one thread, and some before anything was sent.
TEST_P(Resources, RepliesOfOnePollerLeaveNoFiles) {
  const TextModel silent = model(server_.config("silent"));
  const auto some = [&] {
    Call call;
    call.poller = Poller();
    std::vector<Reply> replies;
    for (int i = 0; i < 100; ++i) replies.push_back(silent.stream("Hi", call));
    for (std::size_t i = 0; i < 50; ++i) ASSERT_TRUE(begun(replies[i]));
  };
  some();
  const std::size_t before = open_files();
  for (int i = 0; i < 5; ++i) some();
  EXPECT_LE(open_files(), before);
}

// From the request to stop, by another thread, to the end of the reply, by when its socket is
// closed (see above), and to the end of the connection as its server sees it.
TEST_P(Resources, AStopClosesTheConnection) {
  constexpr std::size_t kStops = 200;
  const TextModel silent = model(server_.config("silent"));
  std::vector<double> asked, ended;
  for (std::size_t i = 0; i < kStops; ++i) {
    StopSource stop;
    Call call;
    call.stop = stop.token();
    std::atomic<bool> reading{false};
    std::thread reader([&] {
      Reply reply = silent.stream("Hi", call);
      EXPECT_TRUE(begun(reply));
      reading = true;
      EXPECT_EQ(reply.next(), nullptr);
      ended.push_back(seconds_now());
    });
    while (!reading) std::this_thread::yield();
    std::this_thread::sleep_for(milliseconds(1));  // it waits now
    asked.push_back(seconds_now());
    stop.request_stop();
    reader.join();
  }
  std::vector<double> closed = when_closed(kStops).closed;
  ASSERT_EQ(closed.size(), kStops);
  std::sort(closed.begin(), closed.end());
  for (std::size_t i = 0; i < kStops; ++i) {
    ended[i] -= asked[i];
    closed[i] -= asked[i];
  }
  print_times("stop_to_end_of_reply", ended);
  print_times("stop_to_closed_at_server", closed);
}

// A server that floods with keep-alives, as fast as it can: pulls give way, a stop is heard.
TEST_P(Resources, AStopIsHeardInAFlood) {
  const TextModel flooding = model(server_.config("endless:pings"));
  std::vector<double> took;
  for (int i = 0; i < 20; ++i) {
    StopSource stop;
    Call call;
    call.stop = stop.token();
    std::atomic<bool> reading{false};
    std::atomic<double> ended{0};
    std::thread reader([&] {
      Reply reply = flooding.stream("Hi", call);
      EXPECT_TRUE(begun(reply));
      reading = true;
      EXPECT_EQ(reply.next(), nullptr);
      ended = seconds_now();
      EXPECT_EQ(reply.error()->code(), Errc::kCancelled) << *reply.error();
    });
    while (!reading) std::this_thread::yield();
    std::this_thread::sleep_for(milliseconds(5));
    const double asked = seconds_now();
    stop.request_stop();
    reader.join();
    took.push_back(ended - asked);
  }
  print_times("stop_in_a_flood", took);
}

TEST_P(Resources, AStopDoesNotWaitForNames) {
  g_names_hang = true;
  ApiConfig config = server_.config("silent");
  config.base_url = "http://hangs.invalid/v1";
  config.allow_plain_http = true;
  const TextModel nowhere = model(config);
  std::vector<double> took;
  for (int i = 0; i < 20; ++i) {
    StopSource stop;
    Call call;
    call.stop = stop.token();
    Reply reply = nowhere.stream("Hi", call);
    while (g_hanging <= i) {  // until the look-up has begun
      ASSERT_EQ(reply.try_next(), Step::kPending) << *reply.error();
      std::this_thread::sleep_for(milliseconds(1));
    }
    const double asked = seconds_now();
    stop.request_stop();
    EXPECT_EQ(reply.next(), nullptr);
    EXPECT_EQ(reply.error()->code(), Errc::kCancelled);
    took.push_back(seconds_now() - asked);
  }
  EXPECT_EQ(g_hanging, 20);  // they hang still: nobody waited for them
  print_times("stop_while_names_hang", took);

  config.timeouts.connect = milliseconds(200);
  const auto late = model(config).generate("Hi");
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code(), Errc::kTimeout) << late.error();
  EXPECT_EQ(late.error().detail("timeout"), "connect");
  g_names_hang = false;
  while (g_hanging > 0) std::this_thread::sleep_for(milliseconds(5));
  std::this_thread::sleep_for(milliseconds(50));  // their threads free what they hold
}

// One line that does not end: given up at the limit, not kept.
TEST_P(Resources, AHugeLineTakesNoMemory) {
  const TextModel huge = model(server_.config("big-line:256"));
  ASSERT_TRUE(model(server_.config("well")).generate("Hi"));
  std::ofstream("/proc/self/clear_refs") << 5;  // VmHWM begins anew
  const long before = memory("VmRSS");
  const double began = seconds_now();
  Call call;
  call.wire = Wire::kStream;
  const auto answer = huge.generate("Hi", call);
  const double took = seconds_now() - began;
  const long grown = memory("VmHWM") - before;
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code(), Errc::kTooLarge) << answer.error();
  ASSERT_NE(answer.error().partial(), nullptr);
  EXPECT_EQ(answer.error().partial()->text(), "Hello");
  std::printf("a line of 256 MiB: an error after %.3f s, memory +%.1f MiB\n", took,
              static_cast<double>(grown) / 1024);
  if (!kSanitized) {
    EXPECT_LE(grown, 32 * 1024);
  }
  EXPECT_LE(server_.stats().facts["sent"], 64.0 * (1 << 20));  // it was hung up on
}

INSTANTIATE_TEST_SUITE_P(Wires, Resources, testing::Values("openai", "anthropic"),
                         [](const auto& wire) { return std::string(wire.param); });

}  // namespace
}  // namespace infer::faults
