// Who is at the other end: certificates, proxies, keys in the clear.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "infer/registry.h"
#include "src/port/temp_dir.h"
#include "tests/faults/certificate.h"
#include "tests/faults/server.h"

namespace infer::faults {
namespace {

// A server with a certificate of its own.
struct TlsServer {
  explicit TlsServer(const Certificate& certificate = {}) {
    EXPECT_TRUE(write_certificate(certificate, directory / "server.pem", directory / "key.pem"));
    server.emplace(directory / "server.pem", directory / "key.pem");
  }
  ApiConfig config(std::string_view host = "127.0.0.1") const {
    ApiConfig config = server->config("well");
    config.base_url = server->tls_base("well", host);
    config.ca_file = directory / "server.pem";
    return config;
  }
  port::TempDir directory;
  std::optional<FaultServer> server;
};

Result<Response> ask(const ApiConfig& config, const char* scheme = "openai") {
  auto model = infer::text(std::string(scheme) + ":fault-1", config);
  if (!model) return std::move(model.error());
  return model->generate("Hi");
}

void expect_refused(const TlsServer& tls, const ApiConfig& config) {
  tls.server->reset();
  const auto answer = ask(config);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code(), Errc::kTls) << answer.error();
  EXPECT_EQ(answer.error().retry(), RetryHint::kNo);
  EXPECT_EQ(tls.server->stats().count(), 0);  // nothing was sent: no key, no prompt
}

TEST(Tls, CertificatesAreChecked) {
  const TlsServer tls;
  const auto answer = ask(tls.config());
  ASSERT_TRUE(answer) << answer.error();
  EXPECT_EQ(answer->text(), "Hello, world");
  EXPECT_TRUE(ask(tls.config("localhost")));

  ApiConfig unknown = tls.config();
  unknown.ca_file.clear();  // the system's authorities know nothing of it
  expect_refused(tls, unknown);
  unknown.insecure_tls = true;
  EXPECT_TRUE(ask(unknown));
  // What was allowed once is not allowed to others.
  unknown.insecure_tls = false;
  expect_refused(tls, unknown);
}

TEST(Tls, OtherNamesAndOldCertificatesAreRefused) {
  const TlsServer other(Certificate{.names = "DNS:example.org"});
  expect_refused(other, other.config());
  const TlsServer old(Certificate{.from = -7200, .until = -3600});
  expect_refused(old, old.config());
}

// From whatever threads the calls come, one after the other they need one connection.
TEST(Tls, AHundredCallsShakeHandsOnce) {
  for (const char* scheme : {"openai", "anthropic"}) {
    SCOPED_TRACE(scheme);
    const TlsServer tls;
    auto model = infer::text(std::string(scheme) + ":fault-1", tls.config());
    ASSERT_TRUE(model) << model.error();
    for (int i = 0; i < 100; ++i) {
      Call call;
      call.wire = i % 3 == 0 ? Wire::kWhole : Wire::kStream;
      const auto once = [&] {
        const auto answer = model->generate("Hi", call);
        EXPECT_TRUE(answer) << answer.error();
      };
      if (i % 12 == 0)
        once();
      else
        std::thread(once).join();
    }
    const Stats stats = tls.server->stats();
    EXPECT_EQ(stats.count(), 100);
    EXPECT_EQ(stats.handshakes, 1);
  }
}

// Keys do not travel in the clear, unless that is asked for; nor do they to this machine.
TEST(Proxies, AKeyInTheClearIsRefused) {
  ApiConfig config;
  config.key = "sk-of-the-tests";
  config.base_url = "http://models.example.org/v1";
  for (const char* scheme : {"openai", "anthropic"}) {
    const auto answer = ask(config, scheme);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code(), Errc::kForbidden) << answer.error();
  }
}

// The environment names a proxy (F24); no_proxy and the configuration have the last word.
TEST(Proxies, TheEnvironmentIsHonoured) {
  const FaultServer server;
  const std::string proxy = "http://127.0.0.1:" + std::to_string(server.port());
  for (const char* name : {"http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTP_PROXY",
                           "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"})
    unsetenv(name);
  setenv("http_proxy", proxy.c_str(), 1);
  ApiConfig config = server.config("well");
  config.base_url = "http://models.example.invalid/well/v1";
  config.allow_plain_http = true;
  config.proxy.clear();
  const auto answer = ask(config);
  EXPECT_TRUE(answer) << answer.error();
  EXPECT_EQ(server.stats().proxied, 1);

  setenv("no_proxy", "example.invalid", 1);
  EXPECT_FALSE(ask(config));
  EXPECT_EQ(server.stats().proxied, 1);
  config.no_proxy = "elsewhere.invalid";  // in place of the environment's
  EXPECT_TRUE(ask(config));
  EXPECT_EQ(server.stats().proxied, 2);
  config.proxy = "none";
  EXPECT_FALSE(ask(config));
  unsetenv("http_proxy");
  config.proxy = proxy;
  EXPECT_TRUE(ask(config));
  EXPECT_EQ(server.stats().proxied, 3);
}

}  // namespace
}  // namespace infer::faults
