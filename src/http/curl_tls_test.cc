#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "src/http/testing/fetch.h"
#include "src/http/testing/test_server.h"
#include "src/http/testing/test_tls.h"

namespace infer::http {
namespace {

using test::Fetch;
using test::fetch;
using test::get;
using test::Got;
using test::post;
using test::TestCa;
using test::TestConnection;
using test::TestRequest;
using test::TestServer;

void greet(TestConnection& connection, const TestRequest&) { connection.answer("hello"); }

void expect_tls_error(const Got& got, const char* words) {
  ASSERT_TRUE(got.error);
  EXPECT_EQ(got.error->code(), Errc::kTls) << *got.error;
  EXPECT_EQ(got.error->retry(), RetryHint::kNo);
  EXPECT_EQ(got.error->detail("phase"), "tls");
  EXPECT_NE(got.error->message().find("localhost"), std::string::npos) << *got.error;
  EXPECT_NE(got.error->message().find(words), std::string::npos) << *got.error;
}

TEST(CurlTls, OneHandshakeForAHundredCallsFromAnyThread) {
  const TestCa ca;
  const auto context = ca.server();
  TestServer server(greet, context.get());
  std::mutex turn;
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 13; ++i) {
        std::lock_guard lock(turn);
        good += fetch(post(server.url(), "{}", {.ca_file = ca.file()})).ended ? 1 : 0;
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, 104);
  EXPECT_EQ(server.requests, 104);
  EXPECT_EQ(server.connections, 1);
  EXPECT_EQ(server.handshakes, 1);
}

TEST(CurlTls, AnotherPollerResumesTheSession) {
  const TestCa ca;
  const auto context = ca.server();
  TestServer server(
      [](TestConnection& c, const TestRequest&) {
        c.begin_chunks();
        c.chunk("x");
        c.wait_closed();
      },
      context.get());
  Fetch first(get(server.url(), {.ca_file = ca.file()}));
  ASSERT_TRUE(first.reply.next());
  Fetch second(get(server.url(), {.ca_file = ca.file()}));
  ASSERT_TRUE(second.reply.next());
  EXPECT_EQ(server.handshakes, 2);
  EXPECT_EQ(server.resumed, 1);
  first.reply = Reply();
  second.reply = Reply();
  server.wait_closed(2);
}

TEST(CurlTls, LargeBodiesBothWays) {
  const TestCa ca;
  const auto context = ca.server();
  TestServer server([](TestConnection& c, const TestRequest& r) { c.answer(r.body); },
                    context.get());
  std::string body(8 << 20, 'x');
  for (std::size_t i = 0; i < body.size(); i += 1000) body[i] = static_cast<char>('a' + i % 26);
  EXPECT_EQ(fetch(post(server.url(), body, {.ca_file = ca.file()})).body, body);
}

TEST(CurlTls, CertificatesAreChecked) {
  const TestCa ca, other;
  const Options trusting{.ca_file = ca.file()};
  {
    const auto context = ca.server();
    TestServer server(greet, context.get());
    expect_tls_error(fetch(post(server.url())), "certificate");  // the system does not know it
    expect_tls_error(fetch(post(server.url(), "{}", {.ca_file = other.file()})), "certificate");
    EXPECT_TRUE(fetch(post(server.url(), "{}", trusting)).ended);
    EXPECT_TRUE(fetch(post(server.url("/", "127.0.0.1"), "{}", trusting)).ended);
    EXPECT_EQ(server.requests, 2);
  }
  {
    const auto context = ca.server("DNS:localhost", -7200, -3600);
    TestServer server(greet, context.get());
    expect_tls_error(fetch(post(server.url(), "{}", trusting)), "expired");
    EXPECT_EQ(server.requests, 0);
  }
  {
    const auto context = ca.server("DNS:elsewhere.test");
    TestServer server(greet, context.get());
    expect_tls_error(fetch(post(server.url(), "{}", trusting)), "subject name");
    EXPECT_EQ(server.requests, 0);
  }
}

// A pooled connection, or a session, that one file vouched for is not used under another one.
TEST(CurlTls, WhatIsPooledIsTrustedByItsOwnFileOnly) {
  const TestCa ca, other;
  const auto context = ca.server();
  TestServer server(greet, context.get());
  Poller poller;
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(fetch(get(server.url(), {.ca_file = ca.file()}), {.poller = poller}).ended);
    expect_tls_error(fetch(get(server.url(), {.ca_file = other.file()}), {.poller = poller}),
                     "certificate");
    expect_tls_error(fetch(get(server.url()), {.poller = poller}), "certificate");
    EXPECT_TRUE(fetch(get(server.url(), {.insecure_tls = true}), {.poller = poller}).ended);
    expect_tls_error(fetch(get(server.url()), {.poller = poller}), "certificate");
  }
  EXPECT_EQ(server.requests, 6);
}

TEST(CurlTls, ABadFileOfCertificatesIsNamed) {
  const TestCa ca;
  const auto context = ca.server();
  TestServer server(greet, context.get());
  const port::TempDir dir;
  for (const std::string& file : {dir / "none.pem", dir.write("bad.pem", "no certificate\n"),
                                  dir.write("empty.pem", ""), dir.path()}) {
    const Got got = fetch(post(server.url(), "{}", {.ca_file = file}));
    ASSERT_TRUE(got.error) << file;
    EXPECT_EQ(got.error->code(), Errc::kInvalidRequest) << *got.error;
    EXPECT_EQ(got.error->detail("field"), "ca_file");
    EXPECT_NE(got.error->message().find(file), std::string::npos) << *got.error;
  }
  EXPECT_EQ(server.requests, 0);
}

TEST(CurlTls, InsecureIsAskedForAndLogged) {
  const TestCa ca;
  const auto context = ca.server("DNS:elsewhere.test", -7200, -3600);
  TestServer server(greet, context.get());
  std::vector<std::pair<int, std::string>> lines;
  set_log(
      [](void* to, int level, std::string_view line) {
        static_cast<std::vector<std::pair<int, std::string>>*>(to)->emplace_back(level, line);
      },
      &lines);
  for (int i = 0; i < 2; ++i)
    EXPECT_TRUE(fetch(post(server.url("/x?key=canary"), "{}", {.insecure_tls = true})).ended);
  set_log(nullptr, nullptr);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0].first, 2);
  EXPECT_NE(lines[0].second.find("localhost"), std::string::npos);
  EXPECT_EQ(lines[0].second.find("canary"), std::string::npos);
  expect_tls_error(fetch(post(server.url())), "certificate");  // for that backend only
}

TEST(CurlTls, ABrokenHandshakeIsNoCertificateError) {
  const TestCa ca;
  const auto context = ca.server();
  for (const bool reset : {true, false}) {
    TestServer server(greet, context.get(), [reset](TestConnection& c) {
      char bytes[16];
      (void)c.read(bytes, sizeof bytes);
      reset ? c.reset() : c.close();
    });
    const Got got = fetch(post(server.url(), "{}", {.ca_file = ca.file()}));
    ASSERT_TRUE(got.error);
    EXPECT_EQ(got.error->code(), Errc::kNetwork) << *got.error;
    EXPECT_EQ(got.error->detail("phase"), "tls");
    EXPECT_EQ(got.error->retry(), RetryHint::kYes);
  }
}

TEST(CurlTls, TheWrongSchemeIsToldApart) {
  const TestCa ca;
  const auto context = ca.server();
  TestServer plain(greet, nullptr, [](TestConnection& c) {
    char bytes[16];
    (void)c.read(bytes, sizeof bytes);
    c.answer("what?", "400 Bad Request");
    c.close();
  });
  TestServer safe(greet, context.get());
  const std::string port = std::to_string(plain.port);
  const Got got = fetch(post("https://localhost:" + port + "/"));
  expect_tls_error(got, "https");
  const Got other = fetch(post("http://localhost:" + std::to_string(safe.port) + "/"));
  ASSERT_TRUE(other.error);
  EXPECT_TRUE(other.error->code() == Errc::kProtocol || other.error->code() == Errc::kNetwork)
      << *other.error;
}

TEST(CurlTls, CutsAndCancel) {
  const TestCa ca;
  const auto context = ca.server();
  TestServer server(
      [](TestConnection& c, const TestRequest& r) {
        c.begin_chunks();
        c.chunk("x");
        if (r.target == "/close") return c.close();
        if (r.target == "/reset") return c.reset();
        c.wait_closed();
      },
      context.get());
  for (const char* path : {"/close", "/reset"}) {
    const Got got = fetch(post(server.url(path), "{}", {.ca_file = ca.file()}));
    ASSERT_TRUE(got.error);
    EXPECT_EQ(got.error->code(), Errc::kNetwork) << *got.error;
    EXPECT_EQ(got.error->detail("phase"), "body");
    EXPECT_EQ(got.error->retry(), RetryHint::kAmbiguous);
    EXPECT_EQ(got.body, "x");
  }
  for (int i = 1; i <= 20; ++i) {
    Fetch one(post(server.url("/stay"), "{}", {.ca_file = ca.file()}));
    ASSERT_TRUE(one.reply.next());
    one.reply = Reply();
    server.wait_closed(i);
  }
}

}  // namespace
}  // namespace infer::http
