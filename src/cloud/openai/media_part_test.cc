#include "src/cloud/openai/media_part.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "src/core/json.h"

namespace infer::cloud {
namespace {

using core::Json;

constexpr const char* kWhere = "messages[0].parts[1]";

const std::string kPng = "\x89PNG\r\n\x1a\n";
const std::string kPdf = "%PDF-1.7";

Json chat(const Media& media, const Dialect& dialect = kOwnDialect) {
  std::vector<Warning> warnings;
  const auto part = chat_media_part(media, dialect, kWhere, warnings);
  EXPECT_TRUE(part) << part.error();
  EXPECT_TRUE(warnings.empty());
  return part ? Json::parse(*part) : Json();
}
Json responses(const Media& media, const Dialect& dialect = kOwnDialect) {
  const auto part = responses_media_part(media, dialect, kWhere);
  EXPECT_TRUE(part) << part.error();
  return part ? Json::parse(*part) : Json();
}
void expect_error(const Result<std::string>& part, Errc code, const std::string& field = kWhere) {
  ASSERT_FALSE(part) << *part;
  EXPECT_EQ(part.error().code(), code) << part.error();
  EXPECT_EQ(part.error().detail("field"), field);
}

TEST(ChatMediaPart, every_shape) {
  const std::pair<Media, const char*> cases[] = {
      {{.source = Blob(kPng)},
       R"({"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo="}})"},
      {{.mime = "image/jpeg", .source = Blob(kPng), .detail = "high", .name = "cat.png"},
       R"({"type":"image_url",
           "image_url":{"url":"data:image/png;base64,iVBORw0KGgo=","detail":"high"}})"},
      {{.source = Url{"https://x/cat"}, .detail = "auto"},
       R"({"type":"image_url","image_url":{"url":"https://x/cat","detail":"auto"}})"},
      {{.source = Url{"data:;base64,iVBORw0KGgo="}},
       R"({"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo="}})"},
      {{.mime = "audio/wav", .source = Blob(std::string("w"))},
       R"({"type":"input_audio","input_audio":{"data":"dw==","format":"wav"}})"},
      {{.mime = "audio/mp3", .source = Blob(std::string("m"))},
       R"({"type":"input_audio","input_audio":{"data":"bQ==","format":"mp3"}})"},
      {{.source = Blob(kPdf), .name = "a \"b\".pdf"},
       R"({"type":"file","file":{"filename":"a \"b\".pdf",
           "file_data":"data:application/pdf;base64,JVBERi0xLjc="}})"},
      {{.source = Url{"data:application/pdf;base64,JVBERi0xLjc="}},
       R"({"type":"file","file":{"filename":"file.pdf",
           "file_data":"data:application/pdf;base64,JVBERi0xLjc="}})"},
      {{.source = FileId{"file-1"}}, R"({"type":"file","file":{"file_id":"file-1"}})"},
  };
  for (const auto& [media, json] : cases) EXPECT_EQ(chat(media), Json::parse(json)) << json;
}

TEST(ResponsesMediaPart, every_shape) {
  const std::pair<Media, const char*> cases[] = {
      {{.source = Blob(kPng)},
       R"({"type":"input_image","image_url":"data:image/png;base64,iVBORw0KGgo=",
           "detail":"auto"})"},
      {{.source = Url{"https://x/cat"}, .detail = "original"},
       R"({"type":"input_image","image_url":"https://x/cat","detail":"original"})"},
      {{.mime = "image/png", .source = FileId{"file-1"}, .detail = "low"},
       R"({"type":"input_image","file_id":"file-1","detail":"low"})"},
      {{.source = Blob(kPdf), .name = "a.pdf"},
       R"({"type":"input_file","filename":"a.pdf",
           "file_data":"data:application/pdf;base64,JVBERi0xLjc="})"},
      {{.mime = "application/pdf", .source = Url{"https://x/a"}, .detail = "low"},
       R"({"type":"input_file","file_url":"https://x/a","detail":"low"})"},
      {{.source = FileId{"file-2"}}, R"({"type":"input_file","file_id":"file-2"})"},
  };
  for (const auto& [media, json] : cases) EXPECT_EQ(responses(media), Json::parse(json)) << json;
}

TEST(MediaPart, what_the_wires_have_no_place_for) {
  std::vector<Warning> warnings;
  const auto both = [&](const Media& media) {
    expect_error(chat_media_part(media, kOwnDialect, kWhere, warnings), Errc::kUnsupported);
    expect_error(responses_media_part(media, kOwnDialect, kWhere), Errc::kUnsupported);
  };
  both({.source = Pixels{Blob(std::string(3, 'x')), 1, 1, 3, 3}});
  both({.source = Blob(std::string("????"))});
  both({.mime = "video/mp4", .source = Blob(std::string("v"))});
  both({.mime = "video/mp4", .source = Url{"https://x"}});
  both({.mime = "audio/flac", .source = FileId{"f"}});
  both({.mime = "audio/wav", .source = FileId{"f"}});
  // Of these one has a place, and the other has not.
  const Media by_address{.mime = "application/pdf", .source = Url{"https://x"}};
  const Media by_id{.mime = "image/png", .source = FileId{"f"}};
  const Media sound{.mime = "audio/wav", .source = Blob(std::string("w"))};
  for (const Media& media : {by_address, by_id}) {
    expect_error(chat_media_part(media, kOwnDialect, kWhere, warnings), Errc::kUnsupported);
    EXPECT_TRUE(responses_media_part(media, kOwnDialect, kWhere));
  }
  expect_error(responses_media_part(sound, kOwnDialect, kWhere), Errc::kUnsupported);
  Dialect no_files = kCompatibleDialect;
  no_files.files = false;
  expect_error(chat_media_part({.source = Blob(kPdf)}, no_files, kWhere, warnings),
               Errc::kUnsupported);
  expect_error(chat_media_part({.source = Url{"data:,"}}, no_files, kWhere, warnings),
               Errc::kInvalidRequest);
}

TEST(MediaPart, details_that_openai_does_not_know_and_others_may) {
  std::vector<Warning> warnings;
  const std::string field = std::string(kWhere) + ".detail";
  for (const char* detail : {"original", "HIGH", "best", " "}) {
    const Media media{.source = Url{"https://x"}, .detail = detail};
    expect_error(chat_media_part(media, kOwnDialect, kWhere, warnings), Errc::kInvalidRequest,
                 field);
    EXPECT_EQ(chat(media, kCompatibleDialect)["image_url"]["detail"], detail);
    if (detail != std::string("original")) {
      expect_error(responses_media_part(media, kOwnDialect, kWhere), Errc::kInvalidRequest, field);
      EXPECT_EQ(responses(media, kCompatibleDialect)["detail"], detail);
    }
  }
  expect_error(
      responses_media_part({.source = Blob(kPdf), .detail = "original"}, kOwnDialect, kWhere),
      Errc::kInvalidRequest, field);
  // A file of a chat has none.
  EXPECT_TRUE(
      chat_media_part({.source = Blob(kPdf), .detail = "low"}, kOwnDialect, kWhere, warnings));
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_EQ(warnings[0].code, "unsupported_setting");
}

}  // namespace
}  // namespace infer::cloud
