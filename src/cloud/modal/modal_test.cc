// The provider as a program sees it, against an app on the loopback.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <sstream>
#include <string>

#include "infer/infer.h"
#include "src/cloud/modal/modal_app_for_tests.h"

namespace infer::cloud {
namespace {

using std::chrono::milliseconds;
using test::ModalApp;

std::string all_of(const Error& error) {
  std::ostringstream text;
  text << error << ' ' << error.body();
  for (const auto& [key, value] : error.details()) text << ' ' << key << '=' << value;
  return text.str();
}

class ModalTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name :
         {"MODAL_API_KEY", "MODAL_BASE_URL", "MODAL_PROXY_TOKEN_ID", "MODAL_PROXY_TOKEN_SECRET"})
      unsetenv(name);
  }
  void TearDown() override { SetUp(); }

  static TextModel model(const ApiConfig& config) {
    auto made = text("modal:tiny", config);
    EXPECT_TRUE(made) << made.error();
    return std::move(*made);
  }
  static Error error_of(const ApiConfig& config, const Call& call = {}) {
    auto response = model(config).stream("hi", call).finish();
    if (response) {
      ADD_FAILURE() << "a success: " << response->text();
      return Error(Errc::kEngine, "a success");
    }
    EXPECT_EQ(all_of(response.error()).find("canary"), std::string::npos)
        << all_of(response.error());
    EXPECT_EQ(response.error().provider(), "modal");
    return response.error();
  }
};

TEST_F(ModalTest, AnAppThatRunsAnswersStreamedAndWhole) {
  ModalApp app({.proxy_token = true, .bearer = true});
  for (const Wire wire : {Wire::kStream, Wire::kWhole}) {
    const auto response = model(app.config()).stream("hi", {.wire = wire}).finish();
    ASSERT_TRUE(response) << response.error();
    EXPECT_EQ(response->text(), "Hello there");
    EXPECT_EQ(response->provider, "modal");
    EXPECT_EQ(response->issuer, "modal@" + app.url());
    EXPECT_EQ(response->attempts, 1u);
  }
  EXPECT_EQ(app.ran, 2);
  EXPECT_EQ(app.posts, 2);
  EXPECT_EQ(app.heard().at(0).target, "/v1/chat/completions");
  EXPECT_NE(app.heard().at(0).body.find(R"("model":"tiny")"), std::string::npos);
}

TEST_F(ModalTest, AColdAppIsAskedUntilItRunsAndRunsOnce) {
  for (const char* refusal : {"503 Service Unavailable", "502 Bad Gateway", "504 X", ""}) {
    for (const Wire wire : {Wire::kStream, Wire::kWhole}) {
      const int cold = *refusal ? 2 : 1;  // a reset does not say when to come back
      ModalApp app({.cold = cold, .refusal = refusal, .refusal_headers = "retry-after-ms: 1\r\n"});
      const auto response = model(app.config()).stream("hi", {.wire = wire}).finish();
      ASSERT_TRUE(response) << response.error();
      EXPECT_EQ(response->text(), "Hello there");
      EXPECT_EQ(response->attempts, cold + 1u) << refusal;
      EXPECT_EQ(app.ran, 1);
      EXPECT_EQ(app.refused, cold);
      EXPECT_EQ(app.posts, cold + 1);
    }
  }
}

TEST_F(ModalTest, A303IsFollowedByGetAndNothingIsPostedTwice) {
  for (const int hops : {1, 2, 150}) {
    for (const Wire wire : {Wire::kStream, Wire::kWhole}) {
      ModalApp app({.hops = hops, .proxy_token = true, .bearer = true});
      const auto response = model(app.config()).stream("hi", {.wire = wire}).finish();
      ASSERT_TRUE(response) << response.error();
      EXPECT_EQ(response->text(), "Hello there");
      EXPECT_EQ(response->attempts, 1u);
      EXPECT_EQ(app.posts, 1);
      EXPECT_EQ(app.ran, 1);
      EXPECT_EQ(app.looks, hops);
      for (const auto& request : app.heard()) {
        EXPECT_EQ(request.header("modal-key"), "wk-canary-0123456789");
        EXPECT_EQ(request.header("authorization"), "Bearer vllm-bearer-canary");
        EXPECT_EQ(request.method == "GET", request.body.empty());
      }
    }
  }
}

TEST_F(ModalTest, ColdThenSlowThenA303) {
  ModalApp app({.cold = 2,
                .refusal_headers = "retry-after-ms: 1\r\n",
                .hops = 2,
                .sleeps = milliseconds(20)});
  const auto response = model(app.config()).generate("hi");
  ASSERT_TRUE(response) << response.error();
  EXPECT_EQ(response->attempts, 3u);
  EXPECT_EQ(app.ran, 1);
  EXPECT_EQ(app.posts, 3);
  EXPECT_EQ(app.refused, 2);
  EXPECT_EQ(app.looks, 2);
}

TEST_F(ModalTest, ALookAtTheResultThatBreaksIsTakenAgain) {
  ModalApp app({.hops = 1, .drops_a_look = true});
  const auto response = model(app.config()).generate("hi");
  ASSERT_TRUE(response) << response.error();
  EXPECT_EQ(app.posts, 1);
  EXPECT_EQ(app.looks, 2);
}

// The request has been taken: to send it again would run it again.
TEST_F(ModalTest, AfterA303NothingIsSentAgain) {
  for (const char* status : {"503 X", "502 X", "500 X"}) {
    ModalApp app({.hops = 1, .answer = [&](ModalApp::Connection& c, const ModalApp::Heard&) {
                    c.answer("gone", status);
                  }});
    const Error error = error_of(app.config());
    EXPECT_EQ(error.http_status(), std::stoi(status));
    EXPECT_EQ(error.retry(), RetryHint::kAmbiguous) << status;
    EXPECT_EQ(app.posts, 1);
  }
}

// That holds for an app that is reached by another scheme as well, and for a layer that tries
// again.
TEST_F(ModalTest, AfterA303APictureIsNotAskedForAgainByALayer) {
  ModalApp app({.hops = 1, .answer = [](ModalApp::Connection& c, const ModalApp::Heard&) {
                  c.answer("gone", "503 X", "retry-after-ms: 1\r\n");
                }});
  auto painter = image("openai:tiny", app.config());
  ASSERT_TRUE(painter) << painter.error();
  const auto response = ImageModel(*painter | Retry{.max_retries = 3, .backoff = milliseconds(1)})
                            .generate({.prompt = "a cat"});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().http_status(), 503);
  EXPECT_EQ(response.error().retry(), RetryHint::kAmbiguous);
  EXPECT_EQ(app.posts, 1);
}

TEST_F(ModalTest, ARedirectToAnotherHostIsRefusedAndSeesNoKey) {
  ModalApp other;
  for (const std::string& to : {other.url("/steal"), std::string("//other.test/"),
                                std::string("https://other.modal.run/")}) {
    ModalApp app({.hops = 1, .proxy_token = true, .bearer = true, .location = to});
    const Error error = error_of(app.config());
    EXPECT_EQ(error.code(), Errc::kProtocol);
    EXPECT_EQ(error.http_status(), 303);
    EXPECT_EQ(app.posts, 1);
  }
  EXPECT_TRUE(other.heard().empty());
}

TEST_F(ModalTest, A401SaysWhichOfTheTwoKeysIsMissing) {
  ModalApp app({.cold = 0, .proxy_token = true, .bearer = true});
  ApiConfig neither;
  neither.base_url = app.url();
  const Error proxy = error_of(neither);
  EXPECT_EQ(proxy.code(), Errc::kUnauthorized);
  EXPECT_EQ(proxy.http_status(), 401);
  EXPECT_NE(proxy.message().find("MODAL_PROXY_TOKEN_ID"), std::string::npos) << proxy;
  EXPECT_NE(proxy.message().find("missing credentials for proxy authorization"), std::string::npos);
  ApiConfig one = app.config();
  one.key = Secret();
  const Error bearer = error_of(one);
  EXPECT_EQ(bearer.code(), Errc::kUnauthorized);
  EXPECT_NE(bearer.message().find("MODAL_API_KEY"), std::string::npos) << bearer;
  EXPECT_EQ(bearer.message().find("MODAL_PROXY"), std::string::npos) << bearer;
  EXPECT_EQ(app.posts, 2);
  EXPECT_EQ(app.ran, 0);
}

TEST_F(ModalTest, WhatIsNoColdStartIsNotAskedAgain) {
  for (const char* status : {"500 X", "429 X", "404 X", "400 X", "408 X"}) {
    ModalApp app({.cold = 1000, .refusal = status});
    EXPECT_EQ(error_of(app.config()).http_status(), std::stoi(status));
    EXPECT_EQ(app.posts, 1) << status;
  }
  ModalApp says_no({.cold = 1000, .refusal_headers = "x-should-retry: false\r\n"});
  EXPECT_EQ(error_of(says_no.config()).http_status(), 503);
  EXPECT_EQ(says_no.posts, 1);
}

TEST_F(ModalTest, WhenTheTimeForTheStartIsOverTheLastErrorComes) {
  ModalApp app({.cold = 1000, .refusal_headers = "retry-after-ms: 5\r\n"});
  ApiConfig config = app.config();
  config.cold_start = milliseconds(50);
  const Error error = error_of(config);
  EXPECT_EQ(error.code(), Errc::kOverloaded);
  EXPECT_EQ(error.http_status(), 503);
  EXPECT_FALSE(error.detail("cold_start").empty());
  EXPECT_EQ(error.retry(), RetryHint::kNo);
  EXPECT_EQ(error.detail("attempts"), std::to_string(app.posts));
  EXPECT_GT(app.posts, 1);
  EXPECT_EQ(app.ran, 0);
  // A Retry outside does not wait the same time again.
  const auto retried =
      TextModel(model(config) | Retry{.max_retries = 5, .backoff = milliseconds(1)}).generate("hi");
  ASSERT_FALSE(retried);
  EXPECT_EQ(retried.error().detail("attempts"), "1");
}

// By default both times are the same.
TEST_F(ModalTest, ATimeForTheFirstContentThatEndsWithThatForTheStartChangesNothing) {
  ModalApp app({.cold = 1000});
  ApiConfig config = app.config();
  config.cold_start = config.timeouts.first = milliseconds(500);
  const Error error = error_of(config);
  EXPECT_EQ(error.code(), Errc::kOverloaded) << error;
  EXPECT_EQ(error.http_status(), 503);
  EXPECT_FALSE(error.detail("cold_start").empty());
  EXPECT_EQ(error.retry(), RetryHint::kNo);
  const auto warm = warmup("modal:tiny", config);
  ASSERT_FALSE(warm);
  EXPECT_EQ(warm.error().code(), Errc::kTimeout);
  EXPECT_EQ(warm.error().detail("timeout"), "cold_start");
}

TEST_F(ModalTest, WithoutTimeForAStartTheFirstRefusalIsTheLast) {
  ModalApp app({.cold = 1000});
  ApiConfig config = app.config();
  config.cold_start = milliseconds(0);
  EXPECT_EQ(error_of(config).http_status(), 503);
  EXPECT_EQ(app.posts, 1);
}

// A wait that is longer than what is left is not begun.
TEST_F(ModalTest, AServerThatAsksForMoreTimeThanThereIsIsTakenAtItsWord) {
  ModalApp app({.cold = 1000, .refusal_headers = "retry-after: 3600\r\n"});
  const Error error = error_of(app.config());
  EXPECT_EQ(error.http_status(), 503);
  EXPECT_EQ(error.retry_after(), std::chrono::hours(1));
  EXPECT_EQ(app.posts, 1);
}

TEST_F(ModalTest, TheDeadlineOfTheCallEndsAColdStart) {
  ModalApp app({.cold = 1000, .refusal_headers = "retry-after: 600\r\n"});
  Call call;
  call.timeouts.total = milliseconds(40);
  const Error total = error_of(app.config(), call);
  EXPECT_EQ(total.code(), Errc::kTimeout);
  EXPECT_EQ(total.detail("timeout"), "total");
  EXPECT_EQ(total.http_status(), 503);
  EXPECT_FALSE(total.detail("cold_start").empty());
  EXPECT_EQ(app.posts, 1);
  Call impatient;
  impatient.timeouts.first = milliseconds(40);
  const Error first = error_of(app.config(), impatient);
  EXPECT_EQ(first.code(), Errc::kTimeout);
  EXPECT_EQ(first.detail("timeout"), "first");
  EXPECT_EQ(app.posts, 2);
}

TEST_F(ModalTest, AnAppThatHoldsTheRequestWhileItStartsIsWaitedForWithinTheCallsTime) {
  ModalApp app({.sleeps = milliseconds(300)});
  Call call;
  call.timeouts.first = milliseconds(30);
  const Error error = error_of(app.config(), call);
  EXPECT_EQ(error.code(), Errc::kTimeout);
  EXPECT_EQ(error.detail("timeout"), "first");
  EXPECT_EQ(app.posts, 1);
}

TEST_F(ModalTest, StopEndsAColdStart) {
  ModalApp app({.cold = 1000, .refusal_headers = "retry-after: 600\r\n"});
  StopSource stop;
  Poller poller;
  auto reply = model(app.config()).stream("hi", {.stop = stop.token(), .poller = poller});
  while (reply.try_next() == Step::kPending && app.refused == 0)
    poller.wait(Clock::now() + milliseconds(5));
  stop.request_stop();
  const auto response = reply.finish();
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code(), Errc::kCancelled);
  EXPECT_EQ(app.posts, 1);
}

TEST_F(ModalTest, WarmupWaitsUntilTheAppAnswers) {
  ModalApp app({.cold = 2, .refusal_headers = "retry-after-ms: 1\r\n", .proxy_token = true});
  const auto warm = warmup("modal:tiny", app.config());
  EXPECT_TRUE(warm) << warm.error();
  EXPECT_EQ(app.posts, 0);
  ASSERT_EQ(app.heard().size(), 3u);
  EXPECT_EQ(app.heard().at(2).target, "/v1/models");

  ModalApp never({.cold = 1000, .refusal_headers = "retry-after-ms: 5\r\n"});
  ApiConfig config = never.config();
  config.cold_start = milliseconds(40);
  const auto cold = warmup("modal:tiny", config);
  ASSERT_FALSE(cold);
  EXPECT_EQ(cold.error().code(), Errc::kTimeout);
  EXPECT_EQ(cold.error().detail("timeout"), "cold_start");
  EXPECT_EQ(cold.error().http_status(), 503);
  EXPECT_EQ(cold.error().provider(), "modal");
  Call call;
  call.timeouts.total = milliseconds(20);
  EXPECT_EQ(warmup("modal:tiny", never.config(), call).error().code(), Errc::kTimeout);

  // An app that holds the request while it starts.
  ModalApp holds({.sleeps = milliseconds(400)});
  config.base_url = holds.url();
  const auto held = warmup("modal:tiny", config);
  ASSERT_FALSE(held);
  EXPECT_EQ(held.error().code(), Errc::kTimeout);
  EXPECT_EQ(held.error().detail("timeout"), "cold_start");
  Call longer;
  longer.timeouts.first = std::chrono::seconds(60);  // the program's own word
  EXPECT_TRUE(warmup("modal:tiny", config, longer));
  // Where there is no server, nothing answers.
  ApiConfig gone = never.config();
  gone.base_url = "http://127.0.0.1:1/v1";
  gone.cold_start = milliseconds(40);
  const auto nobody = warmup("modal:tiny", gone);
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().code(), Errc::kNetwork);
  EXPECT_EQ(nobody.error().detail("attempts"), "1");

  ApiConfig no_token = app.config();
  no_token.modal_key = no_token.modal_secret = Secret();
  const auto shut = warmup("modal:tiny", no_token);
  ASSERT_FALSE(shut);
  EXPECT_EQ(shut.error().code(), Errc::kUnauthorized);
}

TEST_F(ModalTest, AFunctionIsAwakeWhenItAnswersAtAll) {
  for (const char* status : {"200 OK", "404 X", "405 X", "422 X", "500 X"}) {
    ModalApp app({.cold = 1, .refusal = status});
    ApiConfig config = app.config();
    config.function = JsonFunction{.request = R"({"p":"{{prompt}}"})"};
    const auto warm = warmup("modal:f", config);
    EXPECT_TRUE(warm) << status << ' ' << warm.error();
    EXPECT_EQ(app.heard().at(0).target, "/");
    // A path of health is to say so itself.
    ModalApp strict({.cold = 1, .refusal = status});
    config.base_url = strict.url();
    config.function->health = "/health";
    EXPECT_EQ(warmup("modal:f", config).has_value(), std::string_view(status) == "200 OK");
    EXPECT_EQ(strict.heard().at(0).target, "/health");
  }
  for (const char* status : {"401 X", "403 X"}) {
    ModalApp app({.cold = 1, .refusal = status});
    ApiConfig config = app.config();
    config.function = JsonFunction{.request = R"({"p":"{{prompt}}"})"};
    EXPECT_FALSE(warmup("modal:f", config)) << status;
  }
  // What Modal says of an address without a function is no answer of one.
  ModalApp stopped({.cold = 1000,
                    .refusal = "404 Not Found",
                    .refusal_body = "modal-http: invalid function call"});
  ApiConfig config = stopped.config();
  config.function = JsonFunction{.request = R"({"p":"{{prompt}}"})"};
  const auto warm = warmup("modal:f", config);
  ASSERT_FALSE(warm);
  EXPECT_EQ(warm.error().code(), Errc::kNotFound);
  // vLLM's /health has no body.
  ModalApp empty({.cold = 1, .refusal = "200 OK"});
  EXPECT_TRUE(warmup("modal:tiny", empty.config()));
}

TEST_F(ModalTest, OtherSchemesHaveNothingToWarmUp) {
  for (const char* id : {"openai:x", "anthropic:x", "groq:x", "llama:x", "none:x"}) {
    const auto warm = warmup(id, {});
    ASSERT_FALSE(warm);
    EXPECT_EQ(warm.error().code(), Errc::kUnsupported) << id;
  }
  EXPECT_EQ(warmup("tiny", {}).error().code(), Errc::kInvalidRequest);
  EXPECT_EQ(warmup("", {}).error().code(), Errc::kInvalidRequest);
  EXPECT_EQ(warmup("modal:nowhere", {}).error().code(), Errc::kInvalidRequest);
}

TEST_F(ModalTest, TheModelsOfAnApp) {
  ModalApp app({.cold = 1, .refusal_headers = "retry-after-ms: 1\r\n"});
  const auto models = list_models("modal", app.config());
  ASSERT_TRUE(models) << models.error();
  ASSERT_EQ(models->size(), 1u);
  EXPECT_EQ(models->front().id, "modal:tiny");
  const auto nowhere = list_models("modal", {});
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().code(), Errc::kInvalidRequest);
  EXPECT_EQ(nowhere.error().detail("field"), "id");
}

// ---- the environment

TEST_F(ModalTest, TheEnvironmentsKeysGoToTheEnvironmentsAddressAndToNoOther) {
  ModalApp app({.proxy_token = true, .bearer = true});
  setenv("MODAL_API_KEY", "vllm-bearer-canary", 1);
  setenv("MODAL_PROXY_TOKEN_ID", "wk-canary-0123456789", 1);
  setenv("MODAL_PROXY_TOKEN_SECRET", "ws-canary-0123456789", 1);
  // Its own address.
  setenv("MODAL_BASE_URL", app.url().c_str(), 1);
  const auto response = model({}).generate("hi");
  ASSERT_TRUE(response) << response.error();
  // An address of the config, and one of the id that is not at Modal.
  ApiConfig config;
  config.base_url = app.url();
  EXPECT_EQ(error_of(config).code(), Errc::kUnauthorized);
  const auto other = text("modal:" + app.url() + "#tiny");
  ASSERT_TRUE(other) << other.error();
  EXPECT_EQ(other->generate("hi").error().code(), Errc::kUnauthorized);
  const auto heard = app.heard();
  for (std::size_t i = 1; i < heard.size(); ++i)
    for (const auto& header : heard[i].headers)
      EXPECT_EQ(header.value.find("canary"), std::string::npos) << header.name;
}

TEST_F(ModalTest, HalfAProxyTokenIsAnError) {
  ModalApp app;
  ApiConfig half = app.config();
  half.modal_key = "wk-canary-0123456789";
  setenv("MODAL_PROXY_TOKEN_SECRET", "ws-canary-0123456789", 1);
  const auto given = text("modal:tiny", half);
  ASSERT_FALSE(given);
  EXPECT_EQ(given.error().code(), Errc::kInvalidRequest);
  EXPECT_EQ(given.error().detail("field"), "modal_secret");
  EXPECT_EQ(all_of(given.error()).find("canary"), std::string::npos);
  const auto found = text("modal:acme/llm/serve");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().detail("field"), "MODAL_PROXY_TOKEN_ID");
  ApiConfig broken = app.config();
  broken.modal_key = "wk-canary\n";
  broken.modal_secret = "ws-canary-0123456789";
  EXPECT_EQ(text("modal:tiny", broken).error().detail("field"), "modal_key");
  ApiConfig negative = app.config();
  negative.cold_start = milliseconds(-1);
  EXPECT_EQ(text("modal:tiny", negative).error().detail("field"), "cold_start");
}

}  // namespace
}  // namespace infer::cloud
