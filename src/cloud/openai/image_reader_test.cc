// Answers with pictures, streamed and whole.
#include "src/cloud/openai/image_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "src/cloud/openai/pictures_for_tests.h"
#include "src/cloud/openai/reading_for_tests.h"
#include "src/core/base64.h"

namespace infer::cloud {
namespace {

using core::to_base64;
using reading::event_of;
using reading::jpeg;
using reading::Outcome;
using reading::png;
using testing::ElementsAre;
using testing::HasSubstr;
using Kind = Event::Kind;

const ServerModel& drawer() {
  static const ServerModel* const model = new ServerModel{.name = "gpt-image-1"};
  return *model;
}

Outcome whole(std::string_view body, PictureOrder order = {}) {
  ImageReader reader(drawer(), std::move(order));
  EventQueue queue;
  reading::Collector collector(1);
  auto error = reader.whole(body, queue);
  if (!error) reader.close(queue);
  collector.take(queue);
  return collector.end(!error, std::move(error));
}
Outcome stream(const std::vector<std::string_view>& pieces, PictureOrder order = {}) {
  ImageReader reader(drawer(), std::move(order));
  return reading::read_pieces(reader, 1, pieces);
}
Outcome stream(std::string_view body, PictureOrder order = {}) {
  return stream(std::vector<std::string_view>{body}, std::move(order));
}

const Media& media_of(const Outcome& outcome, std::size_t i = 0) {
  return *outcome.response.message().parts.at(i).get<Media>();
}
std::string bytes_of(const Outcome& outcome, std::size_t i = 0) {
  return std::string(std::get<Blob>(media_of(outcome, i).source).view());
}

std::string event_with(const std::string& type, const std::string& bytes,
                       const std::string& more = {}) {
  return event_of("{\"type\":\"" + type + "\",\"b64_json\":\"" + to_base64(bytes) + "\"" + more +
                  "}");
}
const std::string kFacts =
    R"(,"created_at":1620000000,"size":"1024x1024","quality":"high","background":"opaque",)"
    R"("output_format":"png")";
const std::string kUsage = R"(,"usage":{"total_tokens":100,"input_tokens":50,"output_tokens":51,)"
                           R"("input_tokens_details":{"text_tokens":10,"image_tokens":40}})";
std::string drawn_in_steps(const std::string& verb = "image_generation") {
  return event_with(verb + ".partial_image", png(1, 1), kFacts + R"(,"partial_image_index":0)") +
         event_with(verb + ".partial_image", png(2, 2), kFacts + R"(,"partial_image_index":1)") +
         event_with(verb + ".completed", png(3, 3), kFacts + kUsage);
}

// ---- in one piece

TEST(ImageReader, AWholeAnswer) {
  const Outcome got =
      whole(R"({"created":1713833628,"background":"opaque","output_format":"png","quality":"high",)"
            R"("size":"1024x1024","data":[{"b64_json":")" +
            to_base64(png(1024, 1024)) + R"(","revised_prompt":"A cat"}])" + kUsage + "}");
  ASSERT_FALSE(got.error) << *got.error;
  EXPECT_EQ(got.broken, "");
  EXPECT_THAT(got.kinds, ElementsAre(Kind::kStart, Kind::kMedia, Kind::kUsage, Kind::kFinish));
  EXPECT_EQ(bytes_of(got), png(1024, 1024));
  EXPECT_EQ(media_of(got).mime, "image/png");
  const Part& part = got.response.message().parts.at(0);
  EXPECT_EQ(part.extra, R"({"revised_prompt":"A cat"})");
  EXPECT_EQ(part.issuer, "openai");
  EXPECT_EQ(got.response.model, "gpt-image-1");
  EXPECT_EQ(got.response.finish(), Finish::kStop);
  EXPECT_EQ(got.response.metadata,
            R"({"created":1713833628,"background":"opaque","output_format":"png",)"
            R"("quality":"high","size":"1024x1024"})");
  EXPECT_EQ(got.response.usage.input, 50);
  EXPECT_EQ(got.response.usage.output, 51);
  EXPECT_EQ(got.response.usage.raw, kUsage.substr(9));
}

TEST(ImageReader, AnAddressIsPassedOn) {
  const Outcome got =
      whole(R"({"created":1,"data":[{"url":"https:\/\/example.org\/a.png"}]})", {.format = "jpeg"});
  ASSERT_FALSE(got.error) << *got.error;
  EXPECT_EQ(std::get<Url>(media_of(got).source).url, "https://example.org/a.png");
  EXPECT_EQ(media_of(got).mime, "image/jpeg");
}

TEST(ImageReader, DataUrlsAreBytes) {
  for (const char* name : {"url", "b64_json"}) {
    const Outcome got = whole(std::string("{\"data\":[{\"") + name +
                              "\":\"data:image/jpeg;base64," + to_base64(jpeg("x")) + "\"}]}");
    ASSERT_FALSE(got.error) << *got.error;
    EXPECT_EQ(bytes_of(got), jpeg("x"));
    EXPECT_EQ(media_of(got).mime, "image/jpeg");
  }
}

TEST(ImageReader, WhatKindOfPictureItIs) {
  const auto mime = [](const std::string& bytes, const std::string& said,
                       const std::string& asked) {
    return media_of(whole("{\"output_format\":\"" + said + "\",\"data\":[{\"b64_json\":\"" +
                              to_base64(bytes) + "\"}]}",
                          {.format = asked}))
        .mime;
  };
  EXPECT_EQ(mime(jpeg(), "png", "webp"), "image/jpeg");
  EXPECT_EQ(mime("unknown", "png", "webp"), "image/png");
  EXPECT_EQ(mime("unknown", "", "webp"), "image/webp");
  EXPECT_EQ(mime("unknown", "", ""), "");
}

TEST(ImageReader, SeveralPicturesAreOneAnswer) {
  const std::string two = "{\"data\":[{\"b64_json\":\"" + to_base64(png(1, 1)) +
                          "\"},{\"b64_json\":\"" + to_base64(jpeg()) + "\"}]}";
  const Outcome got = whole(two, {.n = 2});
  ASSERT_FALSE(got.error) << *got.error;
  EXPECT_EQ(got.broken, "");
  ASSERT_EQ(got.response.message().parts.size(), 2u);
  EXPECT_EQ(bytes_of(got, 1), jpeg());
  EXPECT_EQ(whole(two, {.n = 1}).response.message().parts.size(), 2u);
  const Outcome few = whole(two, {.n = 3});
  ASSERT_TRUE(few.error);
  EXPECT_EQ(few.error->code(), Errc::kProtocol);
  EXPECT_EQ(few.error->detail("field"), "n");
}

TEST(ImageReader, WhatDiffersFromTheOrderIsTold) {
  const std::string body = "{\"data\":[{\"b64_json\":\"" + to_base64(png(512, 512)) + "\"}]}";
  const Outcome got = whole(body, {.format = "jpeg", .size = PictureSize{1024, 1024}});
  ASSERT_FALSE(got.error) << *got.error;
  ASSERT_EQ(got.response.warnings.size(), 2u);
  EXPECT_EQ(got.response.warnings[0].extra,
            R"({"setting":"format","asked":"jpeg","got":"image/png"})");
  EXPECT_EQ(got.response.warnings[1].extra,
            R"({"setting":"size","asked":"1024x1024","got":"512x512"})");
  EXPECT_TRUE(
      whole(body, {.format = "png", .size = PictureSize{512, 512}}).response.warnings.empty());
}

TEST(ImageReader, AnswersThatAreNone) {
  for (const char* bad :
       {"", "nonsense", "[]", "1", "{}", R"({"data":null})", R"({"data":{}})", R"({"data":[]})",
        R"({"data":[1]})", R"({"data":[{}]})", R"({"data":[{"b64_json":null}]})",
        R"({"data":[{"b64_json":"","url":""}]})", R"({"data":[{"b64_json":"not base64"}]})",
        R"({"data":[{"b64_json":"iVBO"},{"b64_json":"x"}]})", R"({"data":[{"url":"data:,"}]})",
        R"({"data":[{"b64_json":7}]})"}) {
    const Outcome got = whole(bad);
    ASSERT_TRUE(got.error) << bad;
    EXPECT_EQ(got.error->code(), Errc::kProtocol) << bad;
  }
}

TEST(ImageReader, ErrorsInsideOfAnAnswer) {
  const std::string error =
      R"({"error":{"message":"Your request was rejected","type":"image_generation_user_error",)"
      R"("code":"moderation_blocked","param":null}})";
  for (const Outcome& got :
       {whole(error), stream(event_of(error)), stream("event: error\n" + event_of(error)),
        stream(event_of(R"({"type":"error",)" + error.substr(1)))}) {
    ASSERT_TRUE(got.error);
    EXPECT_EQ(got.error->code(), Errc::kContentFiltered);
    EXPECT_EQ(got.error->provider_code(), "moderation_blocked");
  }
  EXPECT_FALSE(whole(R"({"error":null,"data":[{"url":"x"}]})").error);
}

// ---- streams

TEST(ImageReader, AStream) {
  for (const char* verb : {"image_generation", "image_edit"}) {
    const Outcome got = stream(drawn_in_steps(verb), {.previews = 2});
    ASSERT_FALSE(got.error) << *got.error;
    EXPECT_EQ(got.broken, "");
    EXPECT_THAT(got.kinds, ElementsAre(Kind::kStart, Kind::kProgress, Kind::kMedia, Kind::kProgress,
                                       Kind::kMedia, Kind::kMedia, Kind::kUsage, Kind::kFinish));
    ASSERT_EQ(got.response.message().parts.size(), 1u);  // previews are not kept
    EXPECT_EQ(bytes_of(got), png(3, 3));
    const auto kept = nlohmann::json::parse(got.response.message().parts[0].extra);
    EXPECT_EQ(kept["size"], "1024x1024");
    EXPECT_EQ(kept["created_at"], 1620000000);
    EXPECT_EQ(got.response.usage.output, 51);
    EXPECT_EQ(nlohmann::json::parse(got.response.metadata)["quality"], "high");
  }
}

// Some servers name the type of an event beside its data only.
TEST(ImageReader, AStreamWhoseEventsAreNamedOutside) {
  const std::string data = "data: {\"b64_json\":\"" + to_base64(png(2, 2)) + "\"}\n\n";
  const Outcome got = stream("event: image_generation.partial_image\n" + data +
                             "event: image_generation.completed\n" + data);
  ASSERT_FALSE(got.error) << *got.error;
  EXPECT_EQ(got.broken, "");
  ASSERT_EQ(got.response.message().parts.size(), 1u);
  EXPECT_EQ(bytes_of(got), png(2, 2));
}

TEST(ImageReader, StepsOfPreviews) {
  ImageReader reader(drawer(), {.previews = 2});
  EventQueue queue;
  const std::string body = drawn_in_steps();
  http::SseDecoder decoder;
  const reading::Piece piece(body);
  decoder.feed(piece.view());
  std::vector<std::string> seen;
  while (decoder.next() == http::SseDecoder::Step::kEvent) {
    ASSERT_FALSE(reader.event(decoder.event().type, decoder.event().data, queue));
    while (!queue.empty()) {
      const Event& event = queue.pop();
      if (event.kind != Kind::kProgress && event.kind != Kind::kMedia) continue;
      seen.push_back(std::string(to_string(event.kind)) + (event.preview ? " preview " : " ") +
                     std::to_string(event.step) + "/" + std::to_string(event.steps));
    }
  }
  EXPECT_THAT(seen, ElementsAre("progress 1/2", "media preview 1/2", "progress 2/2",
                                "media preview 2/2", "media 0/0"));
}

TEST(ImageReader, EveryCutBetweenEvents) {
  const std::string body = drawn_in_steps();
  std::size_t end = 0;
  for (int events = 0; events <= 3; ++events) {
    const Outcome got = stream(std::string_view(body).substr(0, end));
    EXPECT_EQ(got.error.has_value(), events < 3) << events;
    EXPECT_EQ(got.broken, "");
    end = body.find("\n\n", end) + 2;
  }
}

TEST(ImageReader, EverySplitGivesTheSame) {
  const std::string body =
      ": hello\n\nevent: image_generation.partial_image\n" + drawn_in_steps() + event_of("[DONE]");
  const Outcome expected = stream(body);
  ASSERT_FALSE(expected.error) << *expected.error;
  for (std::size_t at = 0; at <= body.size(); ++at) {
    const std::string_view text(body);
    const Outcome got = stream({text.substr(0, at), text.substr(at)});
    ASSERT_FALSE(got.error) << at << ' ' << *got.error;
    ASSERT_EQ(got.events, expected.events) << at;
    ASSERT_EQ(got.response.message().parts, expected.response.message().parts) << at;
  }
}

TEST(ImageReader, EveryCutIsAnErrorUntilThePictureIsThere) {
  const std::string body = drawn_in_steps() + event_of("[DONE]");
  const std::size_t proof = drawn_in_steps().size();
  for (std::size_t at = 0; at <= body.size(); ++at) {
    const Outcome got = stream(std::string_view(body).substr(0, at));
    ASSERT_EQ(got.error.has_value(), at < proof) << at;
    ASSERT_EQ(got.broken, "") << at;
  }
}

TEST(ImageReader, SeveralPicturesInAStream) {
  const std::string two = event_with("image_generation.completed", png(1, 1), kUsage) +
                          event_with("image_generation.completed", png(2, 2), kUsage);
  const Outcome got = stream(two, {.n = 2});
  ASSERT_FALSE(got.error) << *got.error;
  ASSERT_EQ(got.response.message().parts.size(), 2u);
  EXPECT_EQ(bytes_of(got, 1), png(2, 2));
  const Outcome few = stream(two.substr(0, two.size() / 2) + event_of("[DONE]"), {.n = 2});
  ASSERT_TRUE(few.error);
  EXPECT_EQ(few.error->code(), Errc::kProtocol);
  EXPECT_EQ(few.error->detail("field"), "n");
}

TEST(ImageReader, WhatIsNotKnownIsPassedOver) {
  const Outcome got = stream(event_of(R"({"type":"image_generation.in_progress"})") +
                             event_of("{}") + drawn_in_steps());
  ASSERT_FALSE(got.error) << *got.error;
  EXPECT_EQ(bytes_of(got), png(3, 3));
  EXPECT_TRUE(stream(event_of("[DONE]")).error);
  EXPECT_TRUE(stream(event_of("nonsense")).error);
  EXPECT_TRUE(stream(event_of("[1]")).error);
}

TEST(ImageReader, AServerThatDoesNotStream) {
  const std::string body = "{\"data\":[{\"b64_json\":\"" + to_base64(png()) + "\"}]}";
  for (const Outcome& got :
       {whole(body, {.previews = 2}), stream(event_of(body), {.previews = 2})}) {
    ASSERT_FALSE(got.error) << *got.error;
    ASSERT_EQ(got.response.warnings.size(), 1u);
    EXPECT_EQ(got.response.warnings[0].code, "adjusted_setting");
    EXPECT_EQ(bytes_of(got), png());
  }
}

// ---- recorded answers

TEST(ImageReader, RecordedAnswers) {
  if (!reading::have_fixtures()) GTEST_SKIP() << "the fixtures are not beside this checkout";
  for (const char* name : {"openai-image.json", "openai-image-edit.json"}) {
    const std::string body =
        reading::read_file(reading::fixtures() + "vercel-ai/openai/image/" + std::string(name));
    const auto json = nlohmann::json::parse(body);
    const auto count = static_cast<std::uint32_t>(json["data"].size());
    const Outcome got = whole(body, {.n = count});
    ASSERT_FALSE(got.error) << *got.error;
    EXPECT_EQ(got.broken, "");
    ASSERT_EQ(got.response.message().parts.size(), count);
    for (std::uint32_t i = 0; i < count; ++i) {
      const Part& part = got.response.message().parts[i];
      EXPECT_EQ(to_base64(bytes_of(got, i)), json["data"][i]["b64_json"]);
      EXPECT_EQ(media_of(got, i).mime, "image/png");
      EXPECT_EQ(part.extra.empty(), !json["data"][i].contains("revised_prompt"));
      if (!part.extra.empty()) {
        EXPECT_EQ(nlohmann::json::parse(part.extra)["revised_prompt"],
                  json["data"][i]["revised_prompt"]);
      }
    }
    auto facts = nlohmann::json::parse(got.response.metadata);
    for (const auto& [key, value] : json.items()) {
      if (key == "data") continue;
      EXPECT_EQ(facts[key], value);
    }
  }
}

}  // namespace
}  // namespace infer::cloud
