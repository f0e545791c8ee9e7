#include <gtest/gtest.h>
#include <stdlib.h>

#include <sstream>
#include <string>

#include "src/cloud/backend.h"
#include "src/cloud/scrub.h"

namespace infer::cloud {
namespace {

constexpr const char* kKeyVariable = "INFER_TEST_KEY";
constexpr const char* kUrlVariable = "INFER_TEST_URL";
constexpr const char* kCanary = "sk-canary-0123456789";

Provider provider() {
  return {.scheme = "test",
          .base_url = "https://api.example.com/v1",
          .base_url_variables = {kUrlVariable},
          .key_variable = kKeyVariable,
          .key_header = "authorization"};
}

std::string header(const Endpoint& endpoint, std::string_view name) {
  http::HttpHead head;
  head.headers = endpoint.headers;
  const std::string* const value = head.find(name);
  return value ? *value : "(none)";
}

class EndpointTest : public testing::Test {
 protected:
  void SetUp() override {
    unsetenv(kKeyVariable);
    unsetenv(kUrlVariable);
  }
  void TearDown() override { SetUp(); }

  // Every error is looked at for the key.
  static Error refused(const ApiConfig& config) {
    const auto endpoint = endpoint_of(provider(), config);
    if (endpoint) {
      ADD_FAILURE() << "accepted: " << config.base_url;
      return Error(Errc::kEngine, "accepted");
    }
    std::ostringstream text;
    text << endpoint.error() << endpoint.error().body();
    for (const auto& [key, value] : endpoint.error().details()) text << key << value;
    EXPECT_EQ(text.str().find("canary"), std::string::npos) << text.str();
    EXPECT_EQ(endpoint.error().provider(), "test");
    return endpoint.error();
  }
};

TEST_F(EndpointTest, TheProvidersOwnValues) {
  const auto endpoint = endpoint_of(provider(), {.key = kCanary});
  ASSERT_TRUE(endpoint) << endpoint.error();
  EXPECT_EQ(endpoint->base_url, "https://api.example.com/v1");
  EXPECT_EQ(endpoint->origin, "https://api.example.com");
  EXPECT_FALSE(endpoint->custom);
  EXPECT_EQ(header(*endpoint, "authorization"), std::string("Bearer ") + kCanary);
  EXPECT_EQ(endpoint->timeouts.connect, std::chrono::seconds(5));
  EXPECT_EQ(endpoint->timeouts.total, std::nullopt);
}

TEST_F(EndpointTest, TheEnvironmentsKeyGoesToTheEnvironmentsAddressOnly) {
  setenv(kKeyVariable, kCanary, 1);
  EXPECT_EQ(header(*endpoint_of(provider(), {}), "authorization"),
            std::string("Bearer ") + kCanary);
  setenv(kUrlVariable, "https://proxy.example.com", 1);
  const auto from_environment = endpoint_of(provider(), {});
  EXPECT_EQ(from_environment->base_url, "https://proxy.example.com");
  EXPECT_EQ(header(*from_environment, "authorization"), std::string("Bearer ") + kCanary);
  const auto elsewhere = endpoint_of(provider(), {.base_url = "https://other.example.com/v1/"});
  ASSERT_TRUE(elsewhere) << elsewhere.error();
  EXPECT_EQ(elsewhere->base_url, "https://other.example.com/v1");
  EXPECT_EQ(header(*elsewhere, "authorization"), "(none)");
  EXPECT_TRUE(elsewhere->custom);
}

TEST_F(EndpointTest, NoKeyIsSaidBeforeAnythingIsSent) {
  const Error error = refused({});
  EXPECT_EQ(error.code(), Errc::kUnauthorized);
  EXPECT_NE(error.message().find(kKeyVariable), std::string::npos);
}

TEST_F(EndpointTest, AddressesThatAreNone) {
  for (const char* url :
       {"api.example.com", "ftp://x/v1", "https://", "https://:80/v1", "https://h:99999/v1",
        "https://h:x/v1", "https://h/v1?key=sk-canary-0123456789", "https://h/v1#x",
        "https://user:sk-canary-0123456789@h/v1", "https://h /v1", "https://h/\nv1", "//h/v1"}) {
    const Error error = refused({.key = kCanary, .base_url = url});
    EXPECT_EQ(error.code(), Errc::kInvalidRequest) << url;
    EXPECT_EQ(error.detail("field"), "base_url") << url;
  }
}

TEST_F(EndpointTest, AKeyGoesOverPlainHttpToThisMachineOnly) {
  for (const char* url : {"http://localhost:8000/v1", "http://127.0.0.1/v1", "http://127.1.2.3:1",
                          "http://[::1]:8080/v1", "http://llm.localhost/v1"})
    EXPECT_TRUE(endpoint_of(provider(), {.key = kCanary, .base_url = url})) << url;
  for (const char* url : {"http://192.168.1.5:8000/v1", "http://localhost.example.com/v1",
                          "http://127.0.0.1.example.com", "http://example.com",
                          "http://127.1.2.3.4", "http://127.999.1.1", "http://127.1."}) {
    EXPECT_EQ(refused({.key = kCanary, .base_url = url}).code(), Errc::kForbidden) << url;
    EXPECT_TRUE(endpoint_of(provider(), {.base_url = url})) << url;
    EXPECT_TRUE(
        endpoint_of(provider(), {.key = kCanary, .base_url = url, .allow_plain_http = true}));
    EXPECT_TRUE(endpoint_of(provider(), {.base_url = url, .headers = {{"x-title", "app"}}}));
    EXPECT_EQ(refused({.base_url = url, .headers = {{"x-api-key", kCanary}}}).code(),
              Errc::kForbidden);
  }
}

TEST_F(EndpointTest, AProxyIsAnotherMachine) {
  const char* here = "http://localhost:8000/v1";
  EXPECT_EQ(endpoint_of(provider(), {.key = kCanary, .base_url = here})->options->proxy, "none");
  const char* proxy = "http://proxy.example.com:3128";
  const Error error = refused({.key = kCanary, .base_url = here, .proxy = proxy});
  EXPECT_EQ(error.code(), Errc::kForbidden);
  EXPECT_EQ(error.detail("field"), "proxy");
  EXPECT_EQ(endpoint_of(provider(), {.base_url = here, .proxy = proxy})->options->proxy, proxy);
  EXPECT_EQ(endpoint_of(provider(), {.key = kCanary})->options->proxy, "");
}

TEST_F(EndpointTest, HeadersCannotSmuggle) {
  for (const std::string& value : {std::string("a\r\nx: y"), std::string("a\n"), std::string("a\r"),
                                   std::string("a\0b", 3), std::string("a\x01")}) {
    EXPECT_EQ(refused({.key = Secret(kCanary + value)}).detail("field"), "key");
    EXPECT_EQ(refused({.key = kCanary, .headers = {{"x-a", Secret(value)}}}).detail("field"),
              "headers.x-a");
  }
  for (const char* name : {"", "a b", "a:b", "a\nb"})
    EXPECT_EQ(refused({.key = kCanary, .headers = {{name, "v"}}}).detail("field"), "headers");
  setenv(kKeyVariable, "sk-canary-0123456789\n", 1);
  EXPECT_EQ(refused({}).detail("field"), kKeyVariable);
}

TEST_F(EndpointTest, TheCallersHeadersWin) {
  const auto endpoint = endpoint_of(
      provider(), {.key = kCanary, .headers = {{"User-Agent", "mine"}, {"x-version", "2"}}},
      {{"X-Version", "1"}});
  EXPECT_EQ(header(*endpoint, "user-agent"), "mine");
  EXPECT_EQ(header(*endpoint, "x-version"), "2");
}

TEST(SecretTest, NeverPrintsAndIsOverwritten) {
  std::ostringstream out;
  out << Secret("sk-canary") << Secret();
  EXPECT_EQ(out.str(), "[secret][no secret]");
  Secret one("a secret that is longer than a short string");
  Secret two = std::move(one);
  EXPECT_TRUE(one.empty());
  EXPECT_EQ(two.reveal(), "a secret that is longer than a short string");
  two = Secret("b");
  EXPECT_EQ(two, Secret("b"));
  const Secret& same = two;
  two = same;
  EXPECT_EQ(two.reveal(), "b");
}

TEST(Scrub, TakesWhatAClipHasLeftOfASecret) {
  const std::vector<Secret> secrets = {Secret("sk-canary-0123456789")};
  EXPECT_EQ(scrubbed("key sk-canary-0123", secrets), "key [secret]");
  EXPECT_EQ(scrubbed("key sk-canary ...", secrets), "key [secret] ...");
  EXPECT_EQ(scrubbed("key sk-ca", secrets), "key sk-ca");
  EXPECT_EQ(scrubbed("sk-canary is a word", secrets), "sk-canary is a word");
}

TEST(Scrub, TakesSecretsOutOfEveryTextOfAnError) {
  const std::vector<Secret> secrets = {Secret("sk-canary-0123456789"), Secret("short"), Secret()};
  const Error error = scrubbed(Error(Errc::kUnauthorized, "bad key sk-canary-0123456789, short")
                                   .with_body("sk-canary-0123456789sk-canary-0123456789")
                                   .with_provider("p")
                                   .with_provider_code("code-sk-canary-0123456789")
                                   .with_request_id("r")
                                   .with_http_status(401)
                                   .with_retry_after(std::chrono::seconds(1))
                                   .with_retry(RetryHint::kYes)
                                   .with_detail("location", "?k=sk-canary-0123456789"),
                               secrets);
  EXPECT_EQ(error.message(), "bad key [secret], short");
  EXPECT_EQ(error.body(), "[secret][secret]");
  EXPECT_EQ(error.provider_code(), "code-[secret]");
  EXPECT_EQ(error.detail("location"), "?k=[secret]");
  EXPECT_EQ(error.request_id(), "r");
  EXPECT_EQ(error.http_status(), 401);
  EXPECT_EQ(error.retry(), RetryHint::kYes);
  EXPECT_EQ(error.retry_after(), std::chrono::seconds(1));
}

}  // namespace
}  // namespace infer::cloud
