// Names are looked up by a getaddrinfo of this program's own, which may be slow.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <netdb.h>

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "src/http/testing/fetch.h"
#include "src/http/testing/test_server.h"

namespace {

struct Lookups {
  std::mutex mutex;
  std::condition_variable changed;
  bool hang = true;  // those of hang.test
  int running = 0, most = 0, started = 0;
};
// Never destroyed: threads that look up may outlive everything.
Lookups& lookups() {
  static Lookups* const one = new Lookups;
  return *one;
}

}  // namespace

// Visible, so that libcurl finds it before the system's.
extern "C" __attribute__((visibility("default"))) int getaddrinfo(const char* name,
                                                                  const char* service,
                                                                  const addrinfo* hints,
                                                                  addrinfo** out) {
  using Real = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
  static const auto real = reinterpret_cast<Real>(dlsym(RTLD_NEXT, "getaddrinfo"));
  if (name && std::strstr(name, "hang.test")) {
    Lookups& all = lookups();
    std::unique_lock lock(all.mutex);
    ++all.started;
    all.most = std::max(all.most, ++all.running);
    all.changed.notify_all();
    all.changed.wait(lock, [&] { return !all.hang; });
    --all.running;
    return EAI_NONAME;
  }
  if (name && std::strstr(name, ".test")) return EAI_NONAME;
  return real(name, service, hints, out);
}

namespace infer::http {
namespace {

using namespace std::chrono_literals;
using test::Fetch;
using test::fetch;
using test::get;
using test::Got;
using test::post;
using test::TestConnection;
using test::TestRequest;
using test::TestServer;

std::size_t threads() {
  const std::filesystem::directory_iterator all("/proc/self/task");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

// Lookups of hang.test hang while it lives; then all threads that made any come to their ends.
class Hanging {
 public:
  Hanging() {
    std::thread([] {}).join();  // a sanitizer starts a thread of its own beside the first one
    before_ = threads();
    std::lock_guard lock(lookups().mutex);
    lookups().hang = true;
    lookups().most = lookups().started = 0;
  }
  ~Hanging() {
    release();
    while (threads() > before_) std::this_thread::sleep_for(1ms);
  }
  void release() {
    std::lock_guard lock(lookups().mutex);
    lookups().hang = false;
    lookups().changed.notify_all();
  }
  void wait_started(int n) {
    std::unique_lock lock(lookups().mutex);
    lookups().changed.wait(lock, [&] { return lookups().started >= n; });
  }

 private:
  std::size_t before_ = 0;
};

TEST(CurlDns, AnUnknownName) {
  const Got got = fetch(post("https://none.test/x?key=canary"));
  ASSERT_TRUE(got.error);
  EXPECT_EQ(got.error->code(), Errc::kNetwork) << *got.error;
  EXPECT_EQ(got.error->detail("phase"), "dns");
  EXPECT_EQ(got.error->retry(), RetryHint::kYes);
  EXPECT_NE(got.error->message().find("none.test"), std::string::npos);
  EXPECT_EQ(got.error->message().find("canary"), std::string::npos);
  const Got proxy = fetch(post("https://a.test/", "{}", {.proxy = "http://none.test:1"}));
  ASSERT_TRUE(proxy.error);
  EXPECT_EQ(proxy.error->detail("phase"), "dns");
  EXPECT_NE(proxy.error->message().find("proxy"), std::string::npos) << *proxy.error;
}

// The lookup ends only after the reply is gone: whoever joined its thread would wait for ever.
TEST(CurlDns, CancelDoesNotWaitForALookup) {
  Hanging hanging;
  {
    StopSource stop;
    std::thread other([&] {
      hanging.wait_started(1);
      stop.request_stop();
    });
    const Got got = fetch(get("http://hang.test/"), {.stop = stop.token()});
    other.join();
    ASSERT_TRUE(got.error);
    EXPECT_EQ(got.error->code(), Errc::kCancelled);
  }
  {
    Fetch one(get("http://2.hang.test/"));
    EXPECT_EQ(one.reply.try_next(), Step::kPending);
    hanging.wait_started(2);
  }
}

TEST(CurlDns, TheConnectTimeoutCoversTheLookup) {
  Hanging hanging;
  HttpRequest request = post("https://3.hang.test/");
  request.connect_timeout = 10ms;
  const Got got = fetch(request);
  ASSERT_TRUE(got.error);
  EXPECT_EQ(got.error->code(), Errc::kTimeout) << *got.error;
  EXPECT_EQ(got.error->detail("timeout"), "connect");
  EXPECT_EQ(got.error->detail("phase"), "dns");
}

TEST(CurlDns, AtMostThirtyTwoConnectsAtOnce) {
  Hanging hanging;
  TestServer server([](TestConnection& c, const TestRequest&) { c.answer("x"); });
  Poller poller;
  std::vector<Fetch> all;
  for (int i = 0; i < 100; ++i)
    all.emplace_back(get("http://" + std::to_string(i) + ".hang.test/"), Call{.poller = poller});
  for (auto& one : all) EXPECT_EQ(one.reply.try_next(), Step::kPending);
  hanging.wait_started(32);
  all.erase(all.begin(), all.begin() + 10);  // makes room for as many
  EXPECT_FALSE(poller.wait(Clock::now() + 1ms));
  hanging.wait_started(42);
  hanging.release();
  for (auto& one : all) {
    EXPECT_FALSE(one.reply.finish());
    EXPECT_EQ(one.got->error->detail("phase"), "dns");
  }
  EXPECT_EQ(lookups().started, 100);
  EXPECT_LE(lookups().most, 32 + 10);  // the lookups of those that went still hang
  // Whatever failed has made room.
  EXPECT_TRUE(fetch(get(server.url()), {.poller = poller}).ended);
}

}  // namespace
}  // namespace infer::http
