#include <dirent.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "src/http/testing/fetch.h"
#include "src/http/testing/test_server.h"

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

// Opens once, for handlers that wait for a test. A server ends only when its handlers do: declare
// the gate before the server, and Open after it.
class Gate {
 public:
  void open() {
    std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
};
struct Open {
  Gate& gate;
  ~Open() { gate.open(); }
};

std::size_t open_fds() {
  std::size_t n = 0;
  DIR* dir = opendir("/proc/self/fd");
  while (dir && readdir(dir)) ++n;
  if (dir) closedir(dir);
  return n;
}

void echo(TestConnection& connection, const TestRequest& request) {
  connection.answer(request.method + " " + request.target + " " + request.body);
}

TEST(CurlTransport, SendsAndReceives) {
  TestServer server([](TestConnection& c, const TestRequest& r) {
    EXPECT_EQ(r.method, "POST");
    EXPECT_EQ(r.target, "/v1/x?q=1");
    EXPECT_EQ(r.body, "{\"a\":1}");
    EXPECT_EQ(r.header("x-api-key"), "k");
    EXPECT_EQ(r.header("empty"), "");
    EXPECT_EQ(r.header("content-type"), "application/json");
    EXPECT_EQ(r.header("accept-encoding"), "identity");
    EXPECT_EQ(r.header("expect"), "");
    c.answer("hello", "201 Created", "X-Request-Id: r1\r\nSet-Cookie: a\r\nset-cookie: b\r\n");
  });
  HttpRequest request = post(server.url("/v1/x?q=1"), "{\"a\":1}");
  request.headers.push_back({"x-api-key", "k"});
  request.headers.push_back({"empty", ""});
  const Got got = fetch(request);
  ASSERT_FALSE(got.error) << *got.error;
  EXPECT_TRUE(got.ended);
  EXPECT_EQ(got.head.status, 201);
  EXPECT_EQ(got.body, "hello");
  ASSERT_TRUE(got.head.find("x-request-id"));
  EXPECT_EQ(*got.head.find("x-request-id"), "r1");
  EXPECT_EQ(*got.head.find("SET-COOKIE"), "a");
  EXPECT_TRUE(got.head.connect.has_value());
  EXPECT_FALSE(fetch(request).head.connect.has_value());  // the same connection
}

TEST(CurlTransport, MethodsBodiesAndEmptyAnswers) {
  TestServer server([](TestConnection& c, const TestRequest& r) {
    if (r.target == "/empty") return void(c.answer("", "204 No Content"));
    echo(c, r);
  });
  EXPECT_EQ(fetch(get(server.url("/a"))).body, "GET /a ");
  EXPECT_EQ(fetch(post(server.url("/a"), "")).body, "POST /a ");
  HttpRequest put = post(server.url("/b"), "x");
  put.method = "DELETE";
  EXPECT_EQ(fetch(put).body, "DELETE /b x");
  EXPECT_EQ(fetch(get(server.url("/a"))).body, "GET /a ");  // nothing is left of the ones before
  const std::string large(3 * 1024 * 1024, 'x');
  EXPECT_EQ(fetch(post(server.url("/c"), large)).body.size(), large.size() + 8);
  const Got empty = fetch(get(server.url("/empty")));
  EXPECT_TRUE(empty.ended);
  EXPECT_EQ(empty.head.status, 204);
  EXPECT_EQ(server.connections, 1);
}

TEST(CurlTransport, InterimAnswersAndFoldedHeaders) {
  TestServer server([](TestConnection& c, const TestRequest&) {
    c.write(
        "HTTP/1.1 103 Early Hints\r\nLink: early\r\n\r\nHTTP/1.1 200 OK\r\nX-Long: a\r\n  b\r\n"
        "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nTrailer: t\r\n\r\n");
  });
  const Got got = fetch(get(server.url()));
  EXPECT_EQ(got.head.status, 200);
  EXPECT_EQ(got.body, "hi");
  EXPECT_EQ(got.head.find("link"), nullptr);
  EXPECT_EQ(got.head.find("trailer"), nullptr);
  ASSERT_TRUE(got.head.find("x-long"));
  EXPECT_EQ(*got.head.find("x-long"), "a b");
}

TEST(CurlTransport, TheHeadComesBeforeTheBody) {
  Gate gate;
  TestServer server([&](TestConnection& c, const TestRequest&) {
    c.begin_chunks("X-A: 1\r\n");
    gate.wait();
    c.chunk("body");
    c.end_chunks();
  });
  const Open open{gate};
  Fetch one(get(server.url()));
  ASSERT_TRUE(one.reply.next());
  EXPECT_EQ(one.got->head.status, 200);
  EXPECT_EQ(one.got->body, "");
  gate.open();
  EXPECT_TRUE(one.reply.finish());
  EXPECT_EQ(one.got->body, "body");
}

TEST(CurlTransport, OneConnectionForAHundredCallsFromAnyThread) {
  TestServer server(echo);
  std::mutex turn;
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 13; ++i) {
        std::lock_guard lock(turn);
        good += fetch(post(server.url())).ended ? 1 : 0;
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, 104);
  EXPECT_EQ(server.requests, 104);
  EXPECT_EQ(server.connections, 1);
}

TEST(CurlTransport, EachServerFindsItsWarmPoller) {
  TestServer a(echo), b(echo);
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(fetch(get(a.url())).ended);
    EXPECT_TRUE(fetch(get(b.url())).ended);
  }
  EXPECT_EQ(a.connections, 1);
  EXPECT_EQ(b.connections, 1);
}

// The terminating chunk comes when the reply is gone already, and before the next request.
TEST(CurlTransport, AfterTheProofTheRestIsDrained) {
  constexpr int kTimes = 20;
  std::vector<Gate> proven(kTimes), ended(kTimes);
  TestServer server([&](TestConnection& c, const TestRequest& r) {
    const auto i = static_cast<std::size_t>(r.number - 1);
    c.begin_chunks();
    c.chunk("text DONE");
    proven[i].wait();
    c.end_chunks();
    ended[i].open();
  });
  for (std::size_t i = 0; i < kTimes; ++i) {
    const Got got = fetch(post(server.url()), {}, "DONE");
    EXPECT_FALSE(got.error);
    EXPECT_EQ(got.body, "text DONE");
    proven[i].open();
    ended[i].wait();
  }
  EXPECT_EQ(server.connections, 1);
}

// It is not there yet when the next request starts, in the same poller.
TEST(CurlTransport, ARequestWaitsALittleForADrainedConnection) {
  Gate gate;
  TestServer server([&](TestConnection& c, const TestRequest& r) {
    c.begin_chunks();
    c.chunk("DONE");
    if (r.number == 1) gate.wait();
    c.end_chunks();
  });
  const Open open{gate};
  Poller poller;
  EXPECT_TRUE(fetch(post(server.url()), {.poller = poller}, "DONE").error == std::nullopt);
  Fetch second(post(server.url()), {.poller = poller}, "DONE");
  ASSERT_EQ(second.reply.try_next(), Step::kPending);
  EXPECT_EQ(server.connections, 1);  // no other one was opened at once
  gate.open();
  EXPECT_TRUE(second.reply.finish());
  EXPECT_EQ(server.requests, 2);
}

// A server that lingers costs a connection, not the caller's time.
TEST(CurlTransport, ADrainThatNeverEndsIsDropped) {
  TestServer server([&](TestConnection& c, const TestRequest& r) {
    c.begin_chunks();
    c.chunk("DONE");
    if (r.connection < 3) return c.wait_closed();
    c.end_chunks();
  });
  Poller poller;
  for (int i = 0; i < 4; ++i)
    EXPECT_FALSE(fetch(post(server.url()), {.poller = poller}, "DONE").error);
  // Somebody waits in the poller for longer than a drain may take.
  TestServer slow([](TestConnection& c, const TestRequest&) {
    std::this_thread::sleep_for(250ms);
    c.answer("x");
  });
  EXPECT_TRUE(fetch(get(slow.url()), {.poller = poller}).ended);
  server.wait_closed(2);
}

TEST(CurlTransport, CancelClosesTheConnection) {
  TestServer server([](TestConnection& c, const TestRequest& r) {
    if (r.target == "/body") c.begin_chunks(), c.chunk("x");
    c.wait_closed();
  });
  int closed = 0;
  for (const char* path : {"/head", "/body"}) {
    {  // another thread asks, while this one waits
      StopSource stop;
      std::thread other([&] {
        server.wait_requests(closed + 1);
        stop.request_stop();
      });
      const Got got = fetch(get(server.url(path)), {.stop = stop.token()});
      other.join();
      ASSERT_TRUE(got.error);
      EXPECT_EQ(got.error->code(), Errc::kCancelled);
      server.wait_closed(++closed);
    }
    {  // the reply goes
      Fetch one(get(server.url(path)));
      EXPECT_EQ(one.reply.try_next(), Step::kPending);
      while (server.requests < closed + 1) (void)one.reply.try_next();
      one.reply = Reply();
      server.wait_closed(++closed);
    }
  }
}

TEST(CurlTransport, AReplyMayGoOnAnotherThreadThanItsPollersOne) {
  TestServer server([](TestConnection& c, const TestRequest& r) {
    if (r.target == "/wait") return c.wait_closed();
    c.answer("x");
  });
  Poller poller;
  std::vector<Fetch> waiting;
  for (int i = 0; i < 16; ++i)
    waiting.emplace_back(get(server.url("/wait")), Call{.poller = poller});
  for (auto& one : waiting) EXPECT_EQ(one.reply.try_next(), Step::kPending);
  std::thread other([&] {
    for (auto& one : waiting) one.reply = Reply();
  });
  for (int i = 0; i < 16; ++i) EXPECT_TRUE(fetch(get(server.url()), {.poller = poller}).ended);
  other.join();
}

TEST(CurlTransport, NothingIsLeftOfAThousandRepliesThatWereDropped) {
  TestServer server([](TestConnection& c, const TestRequest& r) {
    c.begin_chunks();
    c.chunk("x");
    if (r.target == "/stay") c.wait_closed();
    c.end_chunks();
  });
  const auto drop = [&](int times, bool stop) {
    for (int i = 0; i < times; ++i) {
      StopSource source;
      Fetch one(get(server.url("/stay")), {.stop = source.token()});
      ASSERT_TRUE(one.reply.next());
      if (stop) {
        source.request_stop();
        EXPECT_FALSE(one.reply.finish());
      }
    }
    server.wait_closed(server.connections);
  };
  EXPECT_TRUE(fetch(get(server.url("/x"))).ended);
  drop(10, true);
  const std::size_t before = open_fds();
  drop(300, true);
  drop(300, false);
  EXPECT_LE(open_fds(), before);  // what earlier tests pooled may have been closed
}

TEST(CurlTransport, ASlowReaderStopsTheServer) {
  constexpr std::size_t kAll = 64 * 1024 * 1024;
  std::atomic<std::size_t> written{0};
  TestServer server([&](TestConnection& c, const TestRequest&) {
    c.write("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(kAll) + "\r\n\r\n");
    std::string piece(64 * 1024, 'x');
    for (std::size_t i = 0; i < kAll; i += piece.size()) {
      for (std::size_t j = 0; j < piece.size(); j += 8)
        piece.replace(j, 8, std::to_string(10000000 + i / 8 + j / 8).substr(0, 8));
      if (!c.write(piece)) return;
      written += piece.size();
    }
  });
  Poller poller;
  Fetch one(get(server.url()), {.poller = poller});
  ASSERT_TRUE(one.reply.next());
  // Another reply of the same poller makes it look at all its sockets, again and again.
  TestServer other(echo);
  for (int i = 0; i < 200; ++i) EXPECT_TRUE(fetch(get(other.url()), {.poller = poller}).ended);
  const std::size_t stuck = written;
  EXPECT_LT(stuck, 16u * 1024 * 1024);  // what sockets and the buffer hold
  EXPECT_LT(one.got->body.size(), 64u * 1024);
  ASSERT_TRUE(one.reply.finish());
  ASSERT_EQ(one.got->body.size(), kAll);
  for (std::size_t j = 0; j < kAll; j += 8)
    ASSERT_EQ(one.got->body.compare(j, 8, std::to_string(10000000 + j / 8)), 0) << j;
}

TEST(CurlTransport, HeadersAreBounded) {
  TestServer server([](TestConnection& c, const TestRequest& r) {
    c.write("HTTP/1.1 200 OK\r\n");
    if (r.target == "/line") return void(c.write("X: " + std::string(20 << 20, 'x') + "\r\n\r\n"));
    for (int i = 0; c.write("X: " + std::string(1000, 'x') + "\r\n"); ++i)
      if (r.target == "/fits" && i == 200) break;
    c.write("Content-Length: 0\r\n\r\n");
  });
  EXPECT_TRUE(fetch(get(server.url("/fits"))).ended);
  for (const char* path : {"/many", "/line"}) {
    const int before = server.requests;
    const Got got = fetch(post(server.url(path)));
    ASSERT_TRUE(got.error);
    EXPECT_EQ(got.error->code(), Errc::kTooLarge) << *got.error;
    EXPECT_EQ(got.error->retry(), RetryHint::kNo);
    EXPECT_EQ(got.error->detail("limit"), "header_bytes");
    EXPECT_EQ(server.requests, before + 1);
  }
  Options small;
  small.limits.header_bytes = 1000;
  EXPECT_EQ(fetch(get(server.url("/fits"), small)).error->code(), Errc::kTooLarge);
}

TEST(CurlTransport, RedirectsWithinTheOrigin) {
  TestServer server([](TestConnection& c, const TestRequest& r) {
    if (r.target == "/303") return void(c.answer("see", "303 See Other", "Location: /end?a=1\r\n"));
    if (r.target == "/307") return void(c.answer("", "307 X", "Location: ../end\r\n"));
    if (r.target == "/301") return void(c.answer("", "301 X", "Location: /end\r\n"));
    if (r.target == "/big") {
      return void(c.answer(std::string(2 << 20, 'x'), "303 X", "Location: /end\r\n"));
    }
    if (r.target.substr(0, 6) == "/loop/") {
      const int left = std::stoi(r.target.substr(6));
      return void(c.answer("", "303 X", "Location: /loop/" + std::to_string(left - 1) + "\r\n"));
    }
    EXPECT_EQ(r.header("x-api-key"), "k");
    EXPECT_EQ(r.header("content-type"), r.method == "GET" ? "" : "application/json");
    echo(c, r);
  });
  const auto ask = [&](const char* path, const char* method, bool once = false) {
    HttpRequest request = post(server.url(path), "body");
    request.method = method;
    if (request.method == "GET") request.body.clear(), request.headers.clear();
    request.headers.push_back({"x-api-key", "k"});
    request.once = once;
    return fetch(request);
  };
  EXPECT_EQ(ask("/303", "POST").body, "GET /end?a=1 ");
  EXPECT_EQ(ask("/303", "POST").head.status, 200);
  EXPECT_EQ(ask("/307", "POST").body, "POST /end body");
  EXPECT_EQ(ask("/301", "GET").body, "GET /end ");
  EXPECT_EQ(ask("/big", "POST").body, "GET /end ");
  EXPECT_EQ(ask("/303", "POST", true).body, "GET /end?a=1 ");
  const Got once = ask("/307", "POST", true);
  ASSERT_TRUE(once.error);
  EXPECT_EQ(once.error->code(), Errc::kProtocol);
  EXPECT_EQ(once.error->http_status(), 307);
  const Got moved = ask("/301", "POST");
  ASSERT_TRUE(moved.error);
  EXPECT_NE(moved.error->message().find("base_url"), std::string::npos);
  const int before = server.requests;
  const Got loop = ask("/loop/1000", "POST");
  ASSERT_TRUE(loop.error);
  EXPECT_EQ(loop.error->code(), Errc::kProtocol);
  EXPECT_EQ(server.requests, before + 101);
}

TEST(CurlTransport, AsManyRedirectsAsTheOptionsSay) {
  TestServer server([](TestConnection& c, const TestRequest& r) {
    const int left = std::stoi(r.target.substr(1));
    if (left == 0) return echo(c, r);
    c.answer("", "303 X", "Location: /" + std::to_string(left - 1) + "\r\n");
  });
  Options options;
  options.most_redirects = 250;
  EXPECT_EQ(fetch(post(server.url("/250"), "{}", options)).body, "GET /0 ");
  EXPECT_EQ(server.connections, 1);
  EXPECT_EQ(fetch(post(server.url("/251"), "{}", options)).error->code(), Errc::kProtocol);
  options.most_redirects = 0;
  EXPECT_EQ(fetch(post(server.url("/1"), "{}", options)).error->http_status(), 303);
}

// A 303 says that the request has been taken, and where its result will be: to look there runs
// nothing, so a connection that breaks costs a look and not the request.
TEST(CurlTransport, TheResultBehindA303IsLookedAtUntilItComes) {
  for (const bool once : {false, true}) {
    std::atomic<int> posts{0}, looks{0}, breaks{0};
    TestServer server([&](TestConnection& c, const TestRequest& r) {
      if (r.method == "POST") {
        ++posts;
        if (r.target == "/cut") {  // in the middle of the redirect's own body
          c.write("HTTP/1.1 303 X\r\nLocation: /result\r\nContent-Length: 100\r\n\r\nsee");
          return c.close();
        }
        return void(c.answer("", "303 X", "Location: /result\r\n"));
      }
      if (++looks <= breaks) return looks % 2 ? c.reset() : c.close();
      echo(c, r);
    });
    const auto ask = [&](const char* path, int how_often) {
      posts = looks = 0;
      breaks = how_often;
      HttpRequest request = post(server.url(path));
      request.once = once;
      return fetch(request);
    };
    EXPECT_EQ(ask("/", 0).body, "GET /result ");
    EXPECT_TRUE(ask("/", 0).head.see_other);
    EXPECT_EQ(ask("/cut", 0).body, "GET /result ");
    EXPECT_EQ(posts, 1);
    EXPECT_EQ(ask("/", 3).body, "GET /result ");
    EXPECT_EQ(posts, 1);
    EXPECT_GE(looks, 4);
    const Got never = ask("/", 1000);
    ASSERT_TRUE(never.error);
    EXPECT_EQ(never.error->code(), Errc::kNetwork);
    EXPECT_EQ(never.error->detail("redirect"), "303");
    EXPECT_EQ(posts, 1);
    EXPECT_LE(looks, 6);
  }
  TestServer plain([](TestConnection& c, const TestRequest& r) { echo(c, r); });
  EXPECT_FALSE(fetch(post(plain.url("/"))).head.see_other);
}

TEST(CurlTransport, ARedirectToAnotherOriginIsNotFollowed) {
  TestServer other(echo);
  std::vector<std::string> to;
  TestServer server([&](TestConnection& c, const TestRequest& r) {
    c.answer("", "307 X", "Location: " + to[std::stoul(r.target.substr(1))] + "\r\n");
  });
  to = {other.url("/steal?token=canary"),
        server.url("/x", "127.0.0.1"),
        "https://localhost:" + std::to_string(server.port) + "/",
        "http://user:canary@other.test/",
        "file:///etc/passwd",
        "//other.test/canary"};
  for (std::size_t i = 0; i < to.size(); ++i) {
    HttpRequest request = post(server.url("/" + std::to_string(i) + "?key=canary"));
    request.headers.push_back({"x-api-key", "canary"});
    const int before = server.requests;
    const Got got = fetch(request);
    ASSERT_TRUE(got.error) << to[i];
    EXPECT_EQ(got.error->code(), Errc::kProtocol);
    EXPECT_EQ(got.error->http_status(), 307);
    EXPECT_EQ(got.error->retry(), RetryHint::kNo);
    EXPECT_EQ(got.error->message().find("canary"), std::string::npos) << *got.error;
    EXPECT_EQ(server.requests, before + 1);
  }
  EXPECT_EQ(other.connections, 0);
}

// The server answers the first request on a connection and drops it at the second.
TEST(CurlTransport, ADeadPooledConnectionIsReplaced) {
  for (const bool reset : {false, true}) {
    std::atomic<int> on_second{0};
    TestServer server([&](TestConnection& c, const TestRequest& r) {
      static thread_local int served = 0;
      if (served++ == 0) return void(c.answer("ok"));
      EXPECT_EQ(r.body, "{}");
      ++on_second;
      reset ? c.reset() : c.close();
    });
    Poller poller;
    for (int i = 0; i < 3; ++i) {
      const Got got = fetch(post(server.url()), {.poller = poller});
      ASSERT_FALSE(got.error) << *got.error;
      EXPECT_EQ(got.body, "ok");
    }
    EXPECT_EQ(on_second, 2);
    // What must not run twice does not use a pooled connection, and is not repeated.
    HttpRequest once = post(server.url());
    once.once = true;
    const int before = server.requests;
    EXPECT_EQ(fetch(once, {.poller = poller}).body, "ok");
    EXPECT_EQ(server.requests, before + 1);
  }
}

TEST(CurlTransport, WhatMustNotRunTwiceIsSentOnce) {
  TestServer server([&](TestConnection& c, const TestRequest& r) {
    if (r.target == "/ok") return void(c.answer("ok"));
    c.reset();
  });
  for (int i = 0; i < 4; ++i) {
    EXPECT_TRUE(fetch(get(server.url("/ok"))).ended);  // a pooled connection is there
    const int before = server.requests;
    HttpRequest once = post(server.url("/die"));
    once.once = true;
    const Got got = fetch(once);
    ASSERT_TRUE(got.error);
    EXPECT_EQ(got.error->code(), Errc::kNetwork);
    EXPECT_EQ(got.error->retry(), RetryHint::kAmbiguous);
    EXPECT_EQ(server.requests, before + 1);
  }
}

TEST(CurlTransport, ManyDeadPooledConnectionsAreReplacedToo) {
  std::atomic<bool> drop{false};
  TestServer server([&](TestConnection& c, const TestRequest& r) {
    if (drop && r.connection <= 8) return c.reset();
    c.answer("ok");
  });
  Poller poller;
  std::vector<Fetch> all;
  for (int i = 0; i < 8; ++i) all.emplace_back(get(server.url()), Call{.poller = poller});
  for (auto& one : all) (void)one.reply.try_next();
  for (auto& one : all) EXPECT_TRUE(one.reply.finish());
  drop = true;
  const int before = server.requests;
  const Got got = fetch(post(server.url()), {.poller = poller});
  ASSERT_FALSE(got.error) << *got.error;
  EXPECT_EQ(got.body, "ok");
  EXPECT_EQ(server.requests, before + 2);  // whatever the pool holds
}

TEST(CurlTransport, RefusedConnectionsAndBadAddresses) {
  int port = 0;
  {
    port = TestServer(echo).port;
  }
  const Got got = fetch(post("http://localhost:" + std::to_string(port) + "/x?key=canary"));
  ASSERT_TRUE(got.error);
  EXPECT_EQ(got.error->code(), Errc::kNetwork);
  EXPECT_EQ(got.error->detail("phase"), "connect");
  EXPECT_EQ(got.error->retry(), RetryHint::kYes);
  EXPECT_NE(got.error->message().find("refused"), std::string::npos) << *got.error;
  EXPECT_NE(got.error->message().find("localhost:" + std::to_string(port)), std::string::npos);
  EXPECT_EQ(got.error->message().find("canary"), std::string::npos);
  for (const char* url : {"", "ftp://user:canary@host/", "http://", "http://h:99999/", "canary",
                          "http://user:canary@[::1/", "file:///etc/passwd", "http://a b/"}) {
    const Got bad = fetch(post(url));
    ASSERT_TRUE(bad.error) << url;
    EXPECT_EQ(bad.error->code(), Errc::kInvalidRequest) << *bad.error;
    EXPECT_EQ(bad.error->detail("field"), "base_url");
    EXPECT_EQ(bad.error->message().find("canary"), std::string::npos);
  }
  for (const char* value : {"a\r\nX: canary", "a\ncanary"}) {
    HttpRequest request = post("http://localhost:" + std::to_string(port));
    request.headers.push_back({"x-api-key", value});
    const Got bad = fetch(request);
    EXPECT_EQ(bad.error->code(), Errc::kInvalidRequest);
    EXPECT_EQ(bad.error->message().find("canary"), std::string::npos);
  }
}

// Where the connection breaks, and whether the request may have run.
TEST(CurlTransport, SaysWhereItBroke) {
  const auto answer = [](TestConnection& c, const TestRequest& r) {
    if (r.target == "/status") c.write("HTTP/1.1 200 OK\r\nX: 1");
    if (r.target == "/length") c.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
    if (r.target == "/chunk") c.begin_chunks(), c.write("5\r\nab");
    if (r.target == "/last-chunk") c.begin_chunks(), c.chunk("abc");
    if (r.target == "/hex") c.begin_chunks(), c.write("zz\r\nabc\r\n");
    if (r.target == "/garbage") c.write("\x16\x03\x01 this is no http\r\n\r\n");
    r.target == "/reset" ? c.reset() : c.close();
  };
  const auto check = [](const TestServer& server, const char* how, Errc code, const char* phase,
                        RetryHint hint, std::string body = "{}") {
    SCOPED_TRACE(how);
    const Got got = fetch(post(server.url(how), std::move(body)));
    ASSERT_TRUE(got.error);
    EXPECT_EQ(got.error->code(), code) << *got.error;
    EXPECT_EQ(got.error->detail("phase"), phase) << *got.error;
    EXPECT_EQ(got.error->retry(), hint) << *got.error;
    EXPECT_NE(got.error->message().find("localhost"), std::string::npos) << *got.error;
  };
  TestServer server(answer);
  check(server, "/close", Errc::kNetwork, "head", RetryHint::kAmbiguous);
  check(server, "/reset", Errc::kNetwork, "head", RetryHint::kAmbiguous);
  check(server, "/status", Errc::kNetwork, "head", RetryHint::kAmbiguous);
  check(server, "/length", Errc::kNetwork, "body", RetryHint::kAmbiguous);
  check(server, "/chunk", Errc::kNetwork, "body", RetryHint::kAmbiguous);
  check(server, "/last-chunk", Errc::kNetwork, "body", RetryHint::kAmbiguous);
  check(server, "/hex", Errc::kProtocol, "body", RetryHint::kNo);
  check(server, "/garbage", Errc::kProtocol, "head", RetryHint::kNo);
  EXPECT_EQ(server.requests, 8);
  // In the middle of the request.
  TestServer upload(answer, nullptr, [](TestConnection& c) {
    char bytes[1000];
    (void)c.read(bytes, sizeof bytes);
    c.reset();
  });
  check(upload, "/", Errc::kNetwork, "send", RetryHint::kYes, std::string(64 << 20, 'x'));
  EXPECT_EQ(upload.connections, 1);
}

TEST(CurlTransport, ABodyWithoutLengthEndsWithItsConnection) {
  TestServer server([](TestConnection& c, const TestRequest&) {
    c.write("HTTP/1.0 200 OK\r\n\r\nall of it");
    c.close();
  });
  const Got got = fetch(get(server.url()));
  EXPECT_TRUE(got.ended);
  EXPECT_EQ(got.body, "all of it");
}

TEST(CurlTransport, WhatIsCompressedAllTheSameIsInflated) {
  // gzip of "hello hello hello hello\n", by hand: a stored block.
  const std::string text = "hello hello hello hello\n";
  std::string gzip("\x1f\x8b\x08\0\0\0\0\0\0\x03\x01", 11);
  gzip += std::string("\x18\0\xe7\xff", 4) + text;
  std::uint32_t crc = ~0u;
  for (const char c : text) {
    crc ^= static_cast<unsigned char>(c);
    for (int i = 0; i < 8; ++i) crc = (crc >> 1) ^ (crc & 1 ? 0xedb88320u : 0);
  }
  crc = ~crc;
  for (int i = 0; i < 4; ++i) gzip += static_cast<char>(crc >> (8 * i));
  gzip += std::string("\x18\0\0\0", 4);
  // And one without end: a literal zero, then copies of 258 zeros, 13 bits each: 159 : 1.
  std::string bomb("\x1f\x8b\x08\0\0\0\0\0\0\x03", 10);
  std::uint32_t bits = 0, count = 0;
  const auto put = [&](std::uint32_t value, int n, bool reversed) {
    for (int i = 0; i < n; ++i) {
      bits |= ((value >> (reversed ? n - 1 - i : i)) & 1u) << count;
      if (++count == 8) bomb += static_cast<char>(bits), bits = count = 0;
    }
  };
  put(3, 3, false);    // the last block, fixed codes
  put(0x30, 8, true);  // literal 0
  for (int i = 0; i < 400000; ++i) put(0xc5, 8, true), put(0, 5, true);
  TestServer server([&](TestConnection& c, const TestRequest& r) {
    c.answer(r.target == "/bomb" ? bomb : gzip, "200 OK", "Content-Encoding: gzip\r\n");
  });
  EXPECT_EQ(fetch(get(server.url())).body, text);
  const Got got = fetch(get(server.url("/bomb")));
  ASSERT_TRUE(got.error);
  EXPECT_EQ(got.error->code(), Errc::kTooLarge) << *got.error;
  EXPECT_LT(got.body.size(), 32u * 1024 * 1024);
}

TEST(CurlTransport, ConnectTimeout) {
  // A listener that accepts nothing: the handshake of TLS never gets an answer.
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
  ASSERT_EQ(listen(listener, 8), 0);
  socklen_t size = sizeof at;
  getsockname(listener, reinterpret_cast<sockaddr*>(&at), &size);
  HttpRequest request = get("https://localhost:" + std::to_string(ntohs(at.sin_port)) + "/");
  request.connect_timeout = 20ms;
  const Got got = fetch(request);
  close(listener);
  ASSERT_TRUE(got.error);
  EXPECT_EQ(got.error->code(), Errc::kTimeout) << *got.error;
  EXPECT_EQ(got.error->detail("timeout"), "connect");
  EXPECT_EQ(got.error->detail("phase"), "tls");
  EXPECT_EQ(got.error->retry(), RetryHint::kYes);
}

TEST(CurlTransport, AThousandIdleRepliesOnOnePoller) {
  std::mutex mutex;
  std::vector<std::pair<int, TestConnection*>> clients;
  TestServer server([&](TestConnection& c, const TestRequest& r) {
    {
      std::lock_guard lock(mutex);
      clients.emplace_back(std::stoi(r.target.substr(1)), &c);
    }
    c.begin_chunks();
    c.wait_closed();
  });
  constexpr int kReplies = 1000;
  Poller poller;
  std::vector<Fetch> all;
  all.reserve(kReplies);
  for (int i = 0; i < kReplies; ++i)
    all.emplace_back(get(server.url("/" + std::to_string(i))), Call{.poller = poller});
  const auto run = [&](auto until) {
    while (!until()) {
      poller.wait(Clock::now() + 100ms);
      while (Reply* reply = poller.ready())
        while (reply->try_next() == Step::kEvent) {
        }
    }
  };
  std::size_t with_head = 0;
  run([&] {
    with_head = 0;
    for (auto& one : all) with_head += one.got->head.status == 200 ? 1 : 0;
    return with_head == kReplies;
  });
  {
    std::lock_guard lock(mutex);
    for (auto& [i, client] : clients)
      if (i % 10 == 0) client->chunk(std::to_string(i));
  }
  run([&] {
    for (int i = 0; i < kReplies; i += 10)
      if (all[static_cast<std::size_t>(i)].got->body != std::to_string(i)) return false;
    return true;
  });
  for (int i = 0; i < kReplies; ++i)
    EXPECT_EQ(all[static_cast<std::size_t>(i)].got->body, i % 10 == 0 ? std::to_string(i) : "");
  all.clear();
  server.wait_closed(kReplies);
}

TEST(CurlTransport, OnReadyAndOthersInOnePoller) {
  Gate gate;
  TestServer server([&](TestConnection& c, const TestRequest&) {
    gate.wait();
    c.answer("x");
  });
  const Open open{gate};
  Poller poller;
  Fetch one(get(server.url()), {.poller = poller});
  auto local = mock({.deltas = {"a", "b"}}).stream("hi", {.poller = poller});
  EXPECT_TRUE(local.finish());
  ASSERT_EQ(one.reply.try_next(), Step::kPending);
  bool called = false;
  ASSERT_TRUE(one.reply.on_ready([&] { called = true; }));
  EXPECT_FALSE(poller.wait(Clock::now() + 5ms));
  EXPECT_FALSE(called);
  gate.open();
  ASSERT_TRUE(poller.wait());
  EXPECT_TRUE(called);
  EXPECT_EQ(poller.ready(), &one.reply);
  EXPECT_TRUE(one.reply.finish());
  EXPECT_FALSE(poller.wait());  // its connection does not keep it
}

// A user who only asks, and never waits.
TEST(CurlTransport, TryNextAloneDrivesABorrowedPoller) {
  TestServer server(echo);
  Fetch one(get(server.url()));
  Step step = Step::kPending;
  while (step == Step::kPending || step == Step::kEvent) step = one.reply.try_next();
  EXPECT_EQ(step, Step::kEnd);
  EXPECT_EQ(one.got->body, "GET / ");
}

// A reply that always has something does not keep the others from the network.
TEST(CurlTransport, ABusyReplyDoesNotStarveTheSockets) {
  TestServer server(echo);
  Poller poller;
  Fetch one(get(server.url()), {.poller = poller});
  std::vector<std::string> words(200000, "w");
  auto busy = mock({.deltas = words}).stream("hi", {.poller = poller});
  bool busy_ended = false;
  while (!one.got->ended && poller.wait()) {
    Reply* reply = poller.ready();
    if (reply->try_next() == Step::kEnd && reply == &busy) busy_ended = true;
  }
  EXPECT_TRUE(one.got->ended);
  EXPECT_FALSE(busy_ended);
}

}  // namespace
}  // namespace infer::http
