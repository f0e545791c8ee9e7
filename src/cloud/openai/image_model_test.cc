// Pictures and vectors as a program sees them, over a socket.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>

#include "infer/infer.h"
#include "src/cloud/multipart_parser_for_tests.h"
#include "src/cloud/openai/pictures_for_tests.h"
#include "src/core/base64.h"
#include "src/http/testing/test_server.h"

namespace infer::cloud {
namespace {

using core::to_base64;
using http::test::TestConnection;
using http::test::TestRequest;
using http::test::TestServer;
using reading::picture;
using reading::png;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kJson = "Content-Type: application/json\r\n";
constexpr const char* kEvents = "Content-Type: text/event-stream\r\n";

// What a server saw; its handler runs in a thread of its own.
struct Seen {
  std::mutex mutex;
  std::vector<TestRequest> requests;
  void add(const TestRequest& request) {
    std::lock_guard lock(mutex);
    requests.push_back(request);
  }
  std::vector<TestRequest> all() {
    std::lock_guard lock(mutex);
    return requests;
  }
};

ApiConfig config_of(const TestServer& server) {
  ApiConfig config;
  config.base_url = server.url("/v1");
  config.key = "sk-canary";
  return config;
}

std::string one_picture(const std::string& bytes) {
  return "{\"created\":1,\"data\":[{\"b64_json\":\"" + to_base64(bytes) +
         "\"}],\"usage\":{\"input_tokens\":5,\"output_tokens\":7,\"total_tokens\":12}}";
}
std::string picture_event(const std::string& type, const std::string& bytes,
                          const std::string& more) {
  return "event: " + type + "\ndata: {\"type\":\"" + type + "\",\"b64_json\":\"" +
         to_base64(bytes) + "\"" + more + "}\n\n";
}

TEST(ImageModel, GeneratesAndEdits) {
  Seen seen;
  TestServer server([&](TestConnection& to, const TestRequest& request) {
    seen.add(request);
    to.answer(one_picture(png(2, 2)), "200 OK", kJson);
  });
  const auto model = infer::image("openai:gpt-image-1", config_of(server));
  ASSERT_TRUE(model) << model.error();
  const auto drawn = model->generate({.prompt = "a cat"});
  ASSERT_TRUE(drawn) << drawn.error();
  ASSERT_EQ(drawn->message().parts.size(), 1u);
  EXPECT_EQ(std::get<Blob>(drawn->message().parts[0].get<Media>()->source).view(), png(2, 2));
  EXPECT_EQ(drawn->usage.output, 7);
  EXPECT_EQ(drawn->finish(), Finish::kStop);

  ImageRequest edit{.prompt = "with a hat"};
  edit.images = {picture(png(1, 1), "cat.png")};
  const auto edited = model->generate(edit);
  ASSERT_TRUE(edited) << edited.error();

  const auto requests = seen.all();
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[0].method, "POST");
  EXPECT_EQ(requests[0].target, "/v1/images/generations");
  EXPECT_EQ(requests[0].header("content-type"), "application/json");
  EXPECT_EQ(requests[0].header("authorization"), "Bearer sk-canary");
  EXPECT_EQ(requests[1].target, "/v1/images/edits");
  const auto parts = reading::parse_form(requests[1].header("content-type"), requests[1].body);
  ASSERT_TRUE(parts);
  EXPECT_EQ(parts->back().name, "image");
  EXPECT_EQ(parts->back().filename, "cat.png");
  EXPECT_EQ(parts->back().content, png(1, 1));
}

#if defined(INFER_IMAGE)
// What a local engine painted can be edited by a provider, which takes files only.
TEST(ImageModel, PixelsAreSentAsFiles) {
  Seen seen;
  TestServer server([&](TestConnection& to, const TestRequest& request) {
    seen.add(request);
    to.answer(one_picture(png(2, 2)), "200 OK", kJson);
  });
  const auto model = infer::image("openai:gpt-image-1", config_of(server));
  ASSERT_TRUE(model) << model.error();
  const Media pixels{
      .source = Pixels{
          .data = Blob(std::string(4, '\0')), .width = 1, .height = 1, .channels = 4, .stride = 4}};
  const auto edited = model->generate({.prompt = "with a hat", .images = {pixels}, .mask = pixels});
  ASSERT_TRUE(edited) << edited.error();
  const std::string sent = seen.all().at(0).body;
  const std::size_t image = sent.find("Content-Type: image/png");
  EXPECT_THAT(sent.substr(image), HasSubstr("\x89PNG"));
  EXPECT_THAT(sent.substr(image + 1), HasSubstr("Content-Type: image/png"));  // the mask
}
#endif

TEST(ImageModel, Streams) {
  Seen seen;
  TestServer server([&](TestConnection& to, const TestRequest& request) {
    seen.add(request);
    to.begin_chunks(kEvents);
    to.chunk(
        picture_event("image_generation.partial_image", png(1, 1), ",\"partial_image_index\":0"));
    to.chunk(picture_event("image_generation.completed", png(2, 2),
                           ",\"usage\":{\"input_tokens\":5,\"output_tokens\":7}"));
    to.wait_closed();  // the reply does not wait for an end
  });
  const auto model = infer::image("openai:gpt-image-1", config_of(server));
  ASSERT_TRUE(model) << model.error();
  auto reply = model->stream({.prompt = "a cat", .previews = 1});
  std::vector<std::string> kinds;
  while (const Event* event = reply.next())
    kinds.push_back(std::string(to_string(event->kind)) + (event->preview ? " preview" : ""));
  EXPECT_THAT(kinds, ElementsAre("start", "progress", "media preview", "media", "usage", "finish"));
  const auto done = reply.finish();
  ASSERT_TRUE(done) << done.error();
  ASSERT_EQ(done->message().parts.size(), 1u);
  EXPECT_EQ(done->usage.output, 7);
  const auto requests = seen.all();
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].header("accept"), "text/event-stream");
  const auto sent = nlohmann::json::parse(requests[0].body);
  EXPECT_EQ(sent["stream"], true);
  EXPECT_EQ(sent["partial_images"], 1);
}

// Fewer than were asked for is an error; what came has been paid for and is there.
TEST(ImageModel, APictureThatCameIsNotLostWithTheOthers) {
  const std::string others[] = {"", ",{}"};
  for (const std::string& rest : others) {
    TestServer server([&](TestConnection& to, const TestRequest&) {
      to.answer("{\"data\":[{\"b64_json\":\"" + to_base64(png(2, 2)) + "\"}" + rest + "]}",
                "200 OK", kJson);
    });
    const auto model = infer::image("openai:gpt-image-1", config_of(server));
    ASSERT_TRUE(model) << model.error();
    const auto drawn = model->generate({.prompt = "a cat", .n = 2});
    ASSERT_FALSE(drawn);
    EXPECT_EQ(drawn.error().code(), Errc::kProtocol);
    ASSERT_TRUE(drawn.error().partial());
    const auto& parts = drawn.error().partial()->message().parts;
    ASSERT_EQ(parts.size(), 1u) << rest;
    EXPECT_EQ(std::get<Blob>(parts[0].get<Media>()->source).view(), png(2, 2));
  }
}

// The request was read and nothing came: it may have run, and a second one would be a second bill.
TEST(ImageModel, ALostAnswerIsNotAskedForAgain) {
  enum class End { kClose, kReset, kHalfBody, kHalfStream };
  for (const End end : {End::kClose, End::kReset, End::kHalfBody, End::kHalfStream}) {
    for (const bool retries : {false, true}) {
      std::atomic<int> posts{0};
      TestServer server([&](TestConnection& to, const TestRequest& request) {
        if (request.method == "POST") ++posts;
        if (end == End::kHalfBody)
          to.write(
              "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
              "Content-Length: 1000\r\n\r\n{\"data\":[");
        if (end == End::kHalfStream) {
          to.begin_chunks(kEvents);
          to.chunk("data: {\"type\":\"image_generation.queued\"}\n\n");
        }
        if (end == End::kReset)
          to.reset();
        else
          to.close();
      });
      const auto model = infer::image("openai:gpt-image-1", config_of(server));
      ASSERT_TRUE(model) << model.error();
      Retry retry{.max_retries = 3};
      retry.backoff = std::chrono::milliseconds(1);
      const ImageModel asked = retries ? *model | retry : *model;
      const auto done = asked.generate({.prompt = "a cat"});
      ASSERT_FALSE(done);
      EXPECT_EQ(done.error().retry(), RetryHint::kAmbiguous) << done.error();
      EXPECT_EQ(posts.load(), 1) << static_cast<int>(end) << retries;
    }
  }
}

// A pooled connection that the server has closed meanwhile: others are sent once more by
// themselves, a picture is not, for the server may have read it.
TEST(ImageModel, NotEvenOnAConnectionThatWasDead) {
  std::atomic<int> posts{0};
  TestServer server([&](TestConnection& to, const TestRequest&) {
    if (++posts == 1)
      to.answer(one_picture(png()), "200 OK", kJson);
    else
      to.close();  // after it has read the request
  });
  const auto model = infer::image("openai:gpt-image-1", config_of(server));
  ASSERT_TRUE(model) << model.error();
  ASSERT_TRUE(model->generate({.prompt = "a cat"}));
  const auto lost = model->generate({.prompt = "another"});
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().retry(), RetryHint::kAmbiguous);
  EXPECT_EQ(posts.load(), 2);
}

TEST(ImageModel, WhatDidNotRunIsAskedForAgain) {
  std::atomic<int> posts{0};
  TestServer server([&](TestConnection& to, const TestRequest&) {
    if (++posts == 1)
      to.answer(R"({"error":{"message":"slow down","code":"rate_limit_exceeded"}})",
                "429 Too Many Requests", kJson);
    else
      to.answer(one_picture(png()), "200 OK", kJson);
  });
  const auto model = infer::image("openai:gpt-image-1", config_of(server));
  ASSERT_TRUE(model) << model.error();
  Retry retry{.max_retries = 3};
  retry.backoff = std::chrono::milliseconds(1);
  const auto done = (*model | retry).generate({.prompt = "a cat"});
  ASSERT_TRUE(done) << done.error();
  EXPECT_EQ(done->attempts, 2u);
  EXPECT_EQ(posts.load(), 2);
}

TEST(ImageModel, RefusedContent) {
  const std::pair<const char*, const char*> bodies[] = {
      {R"({"error":{"message":"Your request was rejected as a result of our safety system.",)"
       R"("type":"image_generation_user_error","param":null,"code":"moderation_blocked"}})",
       "moderation_blocked"},
      {R"({"error":{"message":"Rejected by the safety system.","type":"invalid_request_error",)"
       R"("param":null,"code":"content_policy_violation"}})",
       "content_policy_violation"}};
  for (const auto& [body, code] : bodies) {
    TestServer server([&body = body](TestConnection& to, const TestRequest&) {
      to.answer(body, "400 Bad Request", kJson);
    });
    const auto model = infer::image("openai:gpt-image-1", config_of(server));
    ASSERT_TRUE(model) << model.error();
    const auto done = model->generate({.prompt = "a cat"});
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code(), Errc::kContentFiltered);
    EXPECT_EQ(done.error().provider_code(), code);
    EXPECT_EQ(done.error().retry(), RetryHint::kNo);
  }
}

// The largest picture there is, without compression: more than a line of a stream may be otherwise.
TEST(ImageModel, PicturesAsLargeAsTheyGet) {
  const std::string large = png(3840, 2160, 6, std::string(20'000'000, 'x'));
  for (const bool stream : {false, true}) {
    TestServer server([&](TestConnection& to, const TestRequest&) {
      if (!stream) {
        to.answer(one_picture(large), "200 OK", kJson);
        return;
      }
      to.begin_chunks(kEvents);
      to.chunk(picture_event("image_generation.completed", large, {}));
      to.end_chunks();
    });
    Call call;
    call.wire = stream ? infer::Wire::kStream : infer::Wire::kWhole;
    const auto model = infer::image("openai:gpt-image-2", config_of(server));
    ASSERT_TRUE(model) << model.error();
    const auto done = model->generate({.prompt = "a cat"}, call);
    ASSERT_TRUE(done) << done.error();
    EXPECT_TRUE(std::get<Blob>(done->message().parts.at(0).get<Media>()->source).view() == large);

    ApiConfig strict = config_of(server);
    strict.limits.event_bytes = std::size_t{1} << 20;
    strict.limits.body_bytes = std::size_t{1} << 20;
    const auto narrow = infer::image("openai:gpt-image-2", strict)->generate({.prompt = "a"}, call);
    ASSERT_FALSE(narrow);
    EXPECT_EQ(narrow.error().code(), Errc::kTooLarge);
    EXPECT_EQ(narrow.error().detail("limit"), stream ? "event_bytes" : "body_bytes");
  }
}

TEST(ImageModel, AnswersBeyondAllLimitsEnd) {
  TestServer server([&](TestConnection& to, const TestRequest&) {
    to.begin_chunks(kEvents);
    to.chunk("data: {\"type\":\"image_generation.completed\",\"b64_json\":\"");
    const std::string piece(1 << 20, 'A');
    while (to.chunk(piece)) {
    }
  });
  const auto model = infer::image("openai:gpt-image-2", config_of(server));
  ASSERT_TRUE(model) << model.error();
  auto reply = model->stream({.prompt = "a cat"});
  const auto done = reply.finish();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), Errc::kTooLarge);
}

// ---- vectors

// Answers an embeddings request: of each text its length and its first byte.
std::string vectors_of(const std::string& body) {
  const auto request = nlohmann::json::parse(body);
  nlohmann::json answer = {{"object", "list"}, {"model", "m"}, {"data", nlohmann::json::array()}};
  int index = 0;
  for (const auto& input : request["input"]) {
    const auto& text = input.get_ref<const std::string&>();
    answer["data"].push_back(
        {{"index", index++}, {"embedding", {text.size(), text.empty() ? 0 : text[0]}}});
  }
  answer["usage"] = {{"prompt_tokens", request["input"].size()},
                     {"total_tokens", request["input"].size()}};
  return answer.dump();
}

TEST(EmbeddingModel, LargeRequestsGoAsSeveral) {
  Seen seen;
  TestServer server([&](TestConnection& to, const TestRequest& request) {
    seen.add(request);
    to.answer(vectors_of(request.body), "200 OK", kJson);
  });
  const auto model = infer::embedding("openai:bge", config_of(server));
  ASSERT_TRUE(model) << model.error();
  std::vector<std::string> inputs;
  for (std::size_t i = 0; i < 1000; ++i)
    inputs.push_back(std::string(i % 90, static_cast<char>('a' + i % 26)));
  const auto done = model->embed(inputs);
  ASSERT_TRUE(done) << done.error();
  ASSERT_EQ(done->rows(), 1000u);
  for (std::size_t i = 0; i < 1000; ++i) {
    EXPECT_EQ((*done)[i][0], static_cast<float>(i % 90));
    EXPECT_EQ((*done)[i][1], inputs[i].empty() ? 0 : static_cast<float>(inputs[i][0]));
  }
  EXPECT_EQ(done->usage.input, 1000);
  const auto requests = seen.all();
  ASSERT_EQ(requests.size(), 4u);
  for (const TestRequest& request : requests) {
    EXPECT_EQ(request.target, "/v1/embeddings");
    EXPECT_LE(nlohmann::json::parse(request.body)["input"].size(), 256u);
  }
}

TEST(EmbeddingModel, OneBadPieceIsTheError) {
  TestServer server([&](TestConnection& to, const TestRequest& request) {
    const auto inputs = nlohmann::json::parse(request.body)["input"];
    if (inputs[0] == "bad")
      to.answer(R"({"error":{"message":"no","type":"invalid_request_error"}})", "400 Bad Request",
                kJson);
    else
      to.answer(vectors_of(request.body), "200 OK", kJson);
  });
  const auto model = infer::embedding("openai:bge", config_of(server));
  ASSERT_TRUE(model) << model.error();
  std::vector<std::string> inputs(600, "good");
  inputs[512] = "bad";
  const auto done = model->embed(inputs);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), Errc::kInvalidRequest);
  EXPECT_EQ(done.error().http_status(), 400);
  EXPECT_EQ(done.error().detail("batch"), "2");
  EXPECT_EQ(done.error().detail("first_input"), "512");
}

}  // namespace
}  // namespace infer::cloud
