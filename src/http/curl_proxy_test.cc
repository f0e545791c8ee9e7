#include <gtest/gtest.h>
#include <stdlib.h>

#include <string>

#include "src/http/testing/fetch.h"
#include "src/http/testing/test_server.h"
#include "src/http/testing/test_tls.h"

namespace infer::http {
namespace {

using test::fetch;
using test::get;
using test::Got;
using test::post;
using test::TestCa;
using test::TestConnection;
using test::TestRequest;
using test::TestServer;

// A proxy that answers plain requests itself, opens tunnels, and refuses them to some hosts.
void proxy(TestConnection& c, const TestRequest& r) {
  if (r.method != "CONNECT") return void(c.answer("by proxy: " + r.target));
  EXPECT_EQ(r.header("x-api-key"), "");
  if (r.target == "login.test:443")
    return void(c.answer("who?", "407 Proxy Authentication Required",
                         "Proxy-Authenticate: Basic realm=\"x\"\r\n"));
  if (r.target == "down.test:443") return void(c.answer("sorry", "503 Service Unavailable"));
  c.write("HTTP/1.1 200 Connection established\r\nX-Proxy: 1\r\n\r\n");
  c.tunnel(std::stoi(r.target.substr(r.target.find(':') + 1)));
}
void direct(TestConnection& c, const TestRequest& r) { c.answer("direct: " + r.target); }

std::string address(const TestServer& server) {
  return "http://127.0.0.1:" + std::to_string(server.port);
}

// The environment of one test.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    setenv(name, value.c_str(), 1);
  }
  ~Variable() { unsetenv(name_); }

 private:
  const char* name_;
};

TEST(CurlProxy, PlainRequestsAreForwarded) {
  TestServer through(proxy), server(direct);
  const Got got = fetch(get(server.url("/x"), {.proxy = address(through)}));
  ASSERT_FALSE(got.error) << *got.error;
  EXPECT_EQ(got.body, "by proxy: " + server.url("/x"));
  EXPECT_EQ(server.connections, 0);
  const Got around =
      fetch(get(server.url("/x"), {.proxy = address(through), .no_proxy = "a.test,localhost"}));
  EXPECT_EQ(around.body, "direct: /x");
  EXPECT_EQ(through.connections, 1);
}

TEST(CurlProxy, SafeRequestsGoThroughATunnel) {
  const TestCa ca;
  const auto context = ca.server();
  TestServer through(proxy), server(direct, context.get());
  for (int i = 0; i < 3; ++i) {
    HttpRequest request =
        post(server.url("/x"), "{}", {.ca_file = ca.file(), .proxy = address(through)});
    request.headers.push_back({"x-api-key", "canary"});
    const Got got = fetch(request);
    ASSERT_FALSE(got.error) << *got.error;
    EXPECT_EQ(got.body, "direct: /x");
    EXPECT_EQ(got.head.find("x-proxy"), nullptr);
  }
  EXPECT_EQ(server.handshakes, 1);
  EXPECT_EQ(through.requests, 1);
}

TEST(CurlProxy, TheEnvironmentIsHonoured) {
  TestServer through(proxy), server(direct);
  const Variable http("http_proxy", address(through));
  EXPECT_EQ(fetch(get(server.url("/x"))).body, "by proxy: " + server.url("/x"));
  EXPECT_EQ(fetch(get(server.url("/x"), {.proxy = "none"})).body, "direct: /x");
  EXPECT_EQ(fetch(get(server.url("/x"), {.no_proxy = "localhost"})).body, "direct: /x");
  const Variable none("no_proxy", "localhost");
  EXPECT_EQ(fetch(get(server.url("/x"))).body, "direct: /x");
  EXPECT_EQ(fetch(get(server.url("/x"), {.no_proxy = ""})).body, "by proxy: " + server.url("/x"));
  const TestCa ca;
  const auto context = ca.server();
  TestServer safe(direct, context.get());
  const Variable https("https_proxy", address(through));
  EXPECT_EQ(fetch(get(safe.url("/y"), {.ca_file = ca.file(), .no_proxy = ""})).body, "direct: /y");
  EXPECT_EQ(through.requests, 3);
}

TEST(CurlProxy, FailuresNameTheProxy) {
  TestServer through(proxy);
  int dead = 0;
  {
    dead = TestServer(proxy).port;
  }
  const auto ask = [](const char* url, const std::string& via) {
    HttpRequest request = post(url, "{}", {.proxy = via});
    const Got got = fetch(request);
    EXPECT_TRUE(got.error);
    if (!got.error) return Error(Errc::kEngine, "none");
    EXPECT_EQ(got.error->code(), Errc::kNetwork) << *got.error;
    EXPECT_NE(got.error->message().find("proxy"), std::string::npos) << *got.error;
    EXPECT_EQ(got.error->message().find("canary"), std::string::npos) << *got.error;
    return *got.error;
  };
  const Error login = ask("https://login.test/", address(through));
  EXPECT_EQ(login.retry(), RetryHint::kNo);
  EXPECT_NE(login.message().find("407"), std::string::npos);
  EXPECT_EQ(ask("https://down.test/", address(through)).retry(), RetryHint::kYes);
  const std::string nobody = "http://user:canary@127.0.0.1:" + std::to_string(dead);
  for (const char* url : {"https://a.test/", "http://a.test/"}) {
    const Error refused = ask(url, nobody);
    EXPECT_EQ(refused.detail("phase"), "connect");
    EXPECT_EQ(refused.retry(), RetryHint::kYes);
  }
}

TEST(CurlProxy, ABadProxyIsAnError) {
  for (const char* bad : {"canary://h:1", "http://h:99999"}) {
    const Got got = fetch(post("http://a.test/", "{}", {.proxy = bad}));
    ASSERT_TRUE(got.error);
    EXPECT_EQ(got.error->code(), Errc::kInvalidRequest) << *got.error;
    EXPECT_EQ(got.error->detail("field"), "proxy");
    EXPECT_EQ(got.error->message().find("canary"), std::string::npos);
  }
}

}  // namespace
}  // namespace infer::http
