#include "src/cloud/pixels_as_files.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <variant>

#include "infer/image.h"
#include "infer/media.h"

namespace infer::cloud {
namespace {

Media raw(std::uint32_t channels = 3) {
  return {.source = Pixels{.data = Blob(std::string(std::size_t{2} * channels, 'x')),
                           .width = 2,
                           .height = 1,
                           .channels = channels,
                           .stride = 2 * channels},
          .detail = "low",
          .name = "x"};
}

template <class R>
R sent(R request) {
  auto out = pixels_as_files(std::make_shared<const Request>(std::move(request)));
  EXPECT_TRUE(out) << out.error();
  return std::get<R>(**out);
}

TEST(PixelsAsFiles, WhatHoldsNoneIsNotCopied) {
  const auto text = std::make_shared<const Request>(
      TextRequest{.messages = {user("hi", {{.source = Blob(std::string("file"))}})}});
  EXPECT_EQ(*pixels_as_files(text), text);
  const auto image = std::make_shared<const Request>(
      ImageRequest{.prompt = "a", .images = {{.source = Url{"https://x"}}}});
  EXPECT_EQ(*pixels_as_files(image), image);
  const auto embed = std::make_shared<const Request>(EmbeddingRequest{.inputs = {"a"}});
  EXPECT_EQ(*pixels_as_files(embed), embed);
}

#if defined(INFER_IMAGE)

void expect_png(const Media& media, std::uint32_t channels = 3) {
  EXPECT_EQ(media.mime, "image/png");
  EXPECT_EQ(media.detail, "low");
  EXPECT_EQ(media.name, "x");
  const auto* file = std::get_if<Blob>(&media.source);
  ASSERT_TRUE(file);
  const auto pixels = decode_image(file->view());
  ASSERT_TRUE(pixels) << pixels.error();
  EXPECT_EQ(pixels->channels, channels);
  EXPECT_EQ(pixels->data.view(), std::string(std::size_t{2} * channels, 'x'));
}

TEST(PixelsAsFiles, EverywhereInARequest) {
  Part result{.value = ToolResult{.call_id = "c", .content = {Part{.value = raw()}}}};
  TextRequest text{.messages = {user("look", {raw()}), {.role = Role::kTool, .parts = {result}}}};
  for (const TextRequest& out : {sent(text), sent(CountRequest{text}).request}) {
    expect_png(*out.messages[0].parts[1].get<Media>());
    expect_png(*out.messages[1].parts[0].get<ToolResult>()->content[0].get<Media>());
  }
  const ImageRequest image = sent(ImageRequest{.prompt = "a", .images = {raw(4)}, .mask = raw(4)});
  expect_png(image.images[0], 4);
  expect_png(*image.mask, 4);  // transparent places stay: providers paint there
}

TEST(PixelsAsFiles, WhatCannotBeWrittenIsNamed) {
  Media broken = raw();
  std::get<Pixels>(broken.source).channels = 2;
  const auto out = pixels_as_files(
      std::make_shared<const Request>(TextRequest{.messages = {user("look", {raw(), broken})}}));
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().code(), Errc::kInvalidRequest);
  EXPECT_EQ(out.error().detail("field"), "messages[0].parts[2]");
}

#endif

}  // namespace
}  // namespace infer::cloud
