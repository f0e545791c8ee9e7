#include "src/cloud/media_limits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "src/core/base64.h"

namespace infer::cloud {
namespace {

using ::testing::HasSubstr;

std::string bytes_of(std::uint32_t value, int n) {
  std::string out;
  for (int i = n - 1; i >= 0; --i) out += static_cast<char>(value >> (8 * i) & 255);
  return out;
}

// A PNG file of this size, as far as its header goes.
Media picture(std::size_t size, std::uint32_t width = 10, std::uint32_t height = 10) {
  std::string file =
      "\x89PNG\r\n\x1a\n" + bytes_of(13, 4) + "IHDR" + bytes_of(width, 4) + bytes_of(height, 4);
  file.resize(std::max(size, file.size()), 'x');
  return {.mime = "image/png", .source = Blob(std::move(file))};
}
Media document(std::size_t size) {
  std::string file = "%PDF-1.7\n";
  file.resize(size, 'x');
  return {.mime = "application/pdf", .source = Blob(std::move(file))};
}

TextRequest with(std::vector<Media> media) { return {.messages = {user("x", std::move(media))}}; }

void expect_over(const TextRequest& request, const MediaLimits& limits, const std::string& limit,
                 const std::string& field, std::uint64_t need, std::uint64_t have) {
  const auto error = check_media(request, limits);
  ASSERT_TRUE(error) << limit;
  EXPECT_EQ(error->code(), Errc::kTooLarge) << *error;
  EXPECT_EQ(error->detail("limit"), limit) << *error;
  EXPECT_EQ(error->detail("field"), field) << *error;
  EXPECT_EQ(error->detail("need"), std::to_string(need)) << *error;
  EXPECT_EQ(error->detail("have"), std::to_string(have)) << *error;
  EXPECT_THAT(error->message(), HasSubstr(field));
  if (!limits.provider.empty()) {
    EXPECT_THAT(error->message(), HasSubstr(std::string(limits.provider)));
  }
}

// Each limit, exactly reached and passed by one.
TEST(MediaLimits, up_to_the_limit_and_not_over_it) {
  const std::string first = "messages[0].parts[1]", second = "messages[0].parts[2]";
  MediaLimits limits{.provider = "Somebody"};
  limits.picture_bytes = 100;
  EXPECT_FALSE(check_media(with({picture(100), document(200)}), limits));
  expect_over(with({picture(100), picture(101)}), limits, "picture_bytes", second, 101, 100);

  limits = {.pdf_bytes = 100};
  EXPECT_FALSE(check_media(with({document(100), picture(200)}), limits));
  expect_over(with({document(101)}), limits, "pdf_bytes", first, 101, 100);

  limits = {.media_bytes = 300};
  EXPECT_FALSE(check_media(with({picture(100), document(200)}), limits));
  expect_over(with({picture(100), document(201)}), limits, "media_bytes", second, 301, 300);

  limits = {.request_bytes = 400};  // 100 bytes are 136 in base64
  EXPECT_FALSE(check_media(with({picture(100), document(198)}), limits));
  expect_over(with({picture(100), document(199)}), limits, "request_bytes", second, 404, 400);

  limits = {.request_bytes_inline = 136};
  EXPECT_FALSE(check_media(with({picture(100)}), limits));
  expect_over(with({picture(103)}), limits, "request_bytes_inline", first, 140, 136);

  limits = {.pictures = 2};
  EXPECT_FALSE(check_media(with({picture(9), picture(9), document(20)}), limits));
  expect_over(with({picture(9), {.source = Url{"https://x"}}, picture(9)}), limits, "pictures",
              "messages", 3, 2);

  limits = {.side = 1000};
  EXPECT_FALSE(check_media(with({picture(9, 1000, 1000)}), limits));
  expect_over(with({picture(9, 1001, 1)}), limits, "side", first, 1001, 1000);
  expect_over(with({picture(9, 1, 1001)}), limits, "side", first, 1001, 1000);

  limits = {.side = 1000, .many = 2, .side_of_many = 500};
  EXPECT_FALSE(check_media(with({picture(9, 1000, 1), picture(9)}), limits));
  EXPECT_FALSE(check_media(with({picture(9, 500, 500), picture(9), picture(9)}), limits));
  expect_over(with({picture(9), picture(9, 501, 1), picture(9)}), limits, "side_of_many", second,
              501, 500);

  limits = {.pixels = 1000000};
  EXPECT_FALSE(check_media(with({picture(9, 1000, 1000)}), limits));
  expect_over(with({picture(9, 100001, 10)}), limits, "pixels", first, 1000010, 1000000);
  // 2^62 is a number like others.
  expect_over(with({picture(9, 0x7fffffff, 0x7fffffff)}), limits, "pixels", first,
              std::uint64_t{0x7fffffff} * 0x7fffffff, 1000000);
}

TEST(MediaLimits, what_is_not_known_is_no_limit) {
  EXPECT_FALSE(check_media(with({picture(1000, 1u << 30, 1u << 30),
                                 document(1000),
                                 {.mime = "image/x-strange", .source = Blob(std::string("?"))},
                                 {.source = Url{"https://x"}},
                                 {.source = FileId{"f"}}}),
                           kNoMediaLimits));
  const TextRequest many = with(std::vector<Media>(2000, picture(9)));
  EXPECT_FALSE(check_media(many, kNoMediaLimits));
  EXPECT_FALSE(check_request_bytes(many, std::size_t{1} << 40, kNoMediaLimits));
}

TEST(MediaLimits, kinds_of_pictures) {
  for (const MediaLimits* limits : {&kAnthropicMedia, &kOpenAiMedia}) {
    for (const char* kind : {"image/png", "image/jpeg", "image/gif", "image/webp", "IMAGE/JPG",
                             "image/png; x=y", "application/pdf", "text/plain", "audio/wav"})
      EXPECT_FALSE(check_media(with({{.mime = kind, .source = Blob(std::string("?"))}}), *limits))
          << kind;
    const Media others[] = {
        {.mime = "image/bmp", .source = Blob(std::string("?"))},
        {.mime = "image/tiff", .source = Url{"https://x/y.tiff"}},
        {.mime = "image/heic", .source = FileId{"f"}},
        // It is called a PNG and is none.
        {.mime = "image/png", .source = Blob(std::string("II*\0\x08\0\0\0", 8))},
    };
    for (const Media& media : others) {
      const auto error = check_media(with({media}), *limits);
      ASSERT_TRUE(error) << media.mime;
      EXPECT_EQ(error->code(), Errc::kUnsupported) << *error;
      EXPECT_EQ(error->detail("field"), "messages[0].parts[1]");
      EXPECT_THAT(error->message(), HasSubstr("image/webp"));  // what is taken
    }
  }
}

TEST(MediaLimits, wherever_the_media_are) {
  const MediaLimits limits{.picture_bytes = 100};
  TextRequest request = with({picture(100)});
  Message results = tool_result({.id = "a"}, "see");
  results.parts[0].get<ToolResult>()->content.push_back({.value = picture(101)});
  request.messages.push_back(results);
  expect_over(request, limits, "picture_bytes", "messages[1].parts[0].content[1]", 101, 100);
  // The bytes of a data: address count as those that they are.
  const std::string file(picture(101).source.index() == 0
                             ? std::get<Blob>(picture(101).source).view()
                             : std::string_view());
  TextRequest address = with({{.source = Url{"data:image/png;base64," + core::to_base64(file)}}});
  expect_over(address, limits, "picture_bytes", "messages[0].parts[1]", 101, 100);
  std::get<Url>(address.messages[0].parts[1].get<Media>()->source).url = "data:image/png;base64,!";
  const auto broken = check_media(address, limits);
  ASSERT_TRUE(broken);
  EXPECT_EQ(broken->code(), Errc::kInvalidRequest);
  EXPECT_EQ(broken->detail("field"), "messages[0].parts[1]");
  EXPECT_EQ(broken->details().size(), 1u);
}

TEST(MediaLimits, of_a_request_as_it_is_sent) {
  const TextRequest text{.messages = {user("x")}};
  const TextRequest inside = with({picture(100)}), address = with({{.source = Url{"https://x"}}});
  const MediaLimits limits{
      .provider = "Somebody", .request_bytes = 1000, .request_bytes_inline = 500};
  EXPECT_FALSE(check_request_bytes(text, 1000, limits));
  EXPECT_FALSE(check_request_bytes(inside, 500, limits));
  EXPECT_FALSE(check_request_bytes(address, 1000, limits));
  const auto all = check_request_bytes(text, 1001, limits);
  ASSERT_TRUE(all);
  EXPECT_EQ(all->code(), Errc::kTooLarge);
  EXPECT_EQ(all->detail("limit"), "request_bytes");
  EXPECT_EQ(all->detail("need"), "1001");
  EXPECT_EQ(all->detail("have"), "1000");
  const auto pictures = check_request_bytes(inside, 501, limits);
  ASSERT_TRUE(pictures);
  EXPECT_EQ(pictures->detail("limit"), "request_bytes_inline");
}

// The figures of the research, as they were found.
TEST(MediaLimits, of_the_providers) {
  constexpr std::size_t kMega = std::size_t{1} << 20;
  const std::string first = "messages[0].parts[1]";
  expect_over(with({picture(5 * kMega + 1)}), kAnthropicMedia, "picture_bytes", first,
              5 * kMega + 1, 5 * kMega);
  EXPECT_FALSE(check_media(with({picture(5 * kMega, 8000, 8000)}), kAnthropicMedia));
  expect_over(with({picture(99, 8001, 1)}), kAnthropicMedia, "side", first, 8001, 8000);
  EXPECT_FALSE(check_media(with(std::vector<Media>(20, picture(9, 8000, 1))), kAnthropicMedia));
  expect_over(with(std::vector<Media>(21, picture(9, 2001, 1))), kAnthropicMedia, "side_of_many",
              first, 2001, 2000);
  EXPECT_FALSE(check_media(with(std::vector<Media>(600, picture(9))), kAnthropicMedia));
  expect_over(with(std::vector<Media>(601, picture(9))), kAnthropicMedia, "pictures", "messages",
              601, 600);
  expect_over(with({document(25 * kMega)}), kAnthropicMedia, "request_bytes", first,
              (25 * kMega + 2) / 3 * 4, 32 * kMega);

  EXPECT_FALSE(check_media(with(std::vector<Media>(5, picture(99, 7680, 4320))), kGroqMedia));
  expect_over(with(std::vector<Media>(6, picture(99))), kGroqMedia, "pictures", "messages", 6, 5);
  expect_over(with({picture(99, 7681, 4320)}), kGroqMedia, "pixels", first, 33181920, 33177600);
  expect_over(with({picture(3 * kMega + 1)}), kGroqMedia, "request_bytes_inline", first,
              4 * kMega + 4, 4 * kMega);

  EXPECT_FALSE(check_media(with({picture(20 * kMega), document(30 * kMega)}), kOpenAiMedia));
  expect_over(with({picture(20 * kMega + 1)}), kOpenAiMedia, "picture_bytes", first, 20 * kMega + 1,
              20 * kMega);
  expect_over(with({document(50 * kMega + 1)}), kOpenAiMedia, "pdf_bytes", first, 50 * kMega + 1,
              50 * kMega);
  expect_over(with({document(30 * kMega), document(21 * kMega)}), kOpenAiMedia, "media_bytes",
              "messages[0].parts[2]", 51 * kMega, 50 * kMega);
  expect_over(with(std::vector<Media>(501, picture(9))), kOpenAiMedia, "pictures", "messages", 501,
              500);
}

TEST(MediaType, is_what_is_said_and_of_pictures_what_they_are) {
  const std::string png = "\x89PNG\r\n\x1a\n", pdf = "%PDF-1.7";
  const std::pair<Media, const char*> cases[] = {
      {{.mime = "Image/JPG; q=1", .source = FileId{"f"}}, "image/jpeg"},
      {{.mime = "image/jpeg", .source = Blob(png)}, "image/png"},
      {{.mime = "image/jpeg", .source = Blob(std::string("?"))}, "image/jpeg"},
      {{.mime = "image/jpeg", .source = Blob(pdf)}, "image/jpeg"},
      {{.mime = "text/plain", .source = Blob(png)}, "text/plain"},
      {{.source = Blob(pdf)}, "application/pdf"},
      {{.source = Blob(std::string("?"))}, ""},
      {{.source = Url{"https://x/y.png"}}, ""},
  };
  for (const auto& [media, type] : cases) EXPECT_EQ(type_of_media(media), type) << media.mime;
}

TEST(MediaDetail, is_said_once) {
  std::vector<Warning> warnings;
  warn_of_detail({.detail = ""}, "Somebody", warnings);
  EXPECT_TRUE(warnings.empty());
  for (int i = 0; i < 3; ++i) warn_of_detail({.detail = "low"}, "Somebody", warnings);
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_EQ(warnings[0].code, "unsupported_setting");
}

// ---- the guide has these figures, and no others

std::string megabytes(std::size_t bytes) {
  if (bytes == 0) return "-";
  EXPECT_EQ(bytes % (std::size_t{1} << 20), 0u);
  return std::to_string(bytes >> 20) + " MiB";
}
std::string number(std::uint64_t value) { return value == 0 ? "-" : std::to_string(value); }

std::string row(const char* what, const std::vector<std::string>& cells) {
  std::string line = std::string("| ") + what + " |";
  for (const std::string& cell : cells) line += " " + cell + " |";
  return line + "\n";
}

std::string kinds(const MediaLimits& limits) {
  if (limits.kinds.empty()) return "-";
  std::string list;
  for (const std::string_view kind : limits.kinds)
    list += (list.empty() ? "" : ", ") + std::string(kind.substr(kind.find('/') + 1));
  return list;
}

TEST(VisionGuide, has_the_figures_that_are_checked) {
  std::ifstream in(std::string(INFER_SOURCE_DIR) + "/docs/guides/vision.md");
  const std::string guide{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  const auto line = [&](const char* what, auto cell) {
    EXPECT_THAT(
        guide, HasSubstr(row(what, {cell(kOpenAiMedia), cell(kAnthropicMedia), cell(kGroqMedia)})));
  };
  using Limits = const MediaLimits&;
  line("kinds of picture", [](Limits l) { return kinds(l); });
  line("`picture_bytes`", [](Limits l) { return megabytes(l.picture_bytes); });
  line("`pictures`", [](Limits l) { return number(l.pictures); });
  line("`side`", [](Limits l) { return number(l.side); });
  line("`side_of_many`", [](Limits l) {
    return l.many == 0 ? std::string("-")
                       : number(l.side_of_many) + ", with more than " + number(l.many);
  });
  line("`pixels`", [](Limits l) { return number(l.pixels); });
  line("`pdf_bytes`", [](Limits l) { return megabytes(l.pdf_bytes); });
  line("`media_bytes`", [](Limits l) { return megabytes(l.media_bytes); });
  line("`request_bytes`", [](Limits l) { return megabytes(l.request_bytes); });
  line("`request_bytes_inline`", [](Limits l) { return megabytes(l.request_bytes_inline); });
}

}  // namespace
}  // namespace infer::cloud
