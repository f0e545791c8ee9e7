// Image requests as they are sent.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "src/cloud/multipart_parser_for_tests.h"
#include "src/cloud/openai/openai.h"
#include "src/cloud/openai/pictures_for_tests.h"

namespace infer::cloud {
namespace {

using reading::jpeg;
using reading::parse_form;
using reading::picture;
using reading::png;
using testing::ElementsAre;
using testing::HasSubstr;

const ServerModel& drawer(bool own = true) {
  static const ServerModel* const at_openai = new ServerModel{.name = "gpt-image-1"};
  static const ServerModel* const elsewhere =
      new ServerModel{.name = "sdxl", .dialect = &kCompatibleDialect};
  return own ? *at_openai : *elsewhere;
}

Outgoing written(const ImageRequest& request, bool own = true, infer::Wire wire = {}) {
  Call call;
  call.wire = wire;
  auto out = write_openai_image(drawer(own), request, call);
  EXPECT_TRUE(out) << out.error();
  return out ? std::move(*out) : Outgoing{};
}
Error refusal(const ImageRequest& request, bool own = true) {
  auto out = write_openai_image(drawer(own), request, {});
  EXPECT_FALSE(out);
  return out ? Error(Errc::kIo, "sent") : out.error();
}
std::vector<std::string> warned_of(const Outgoing& out) {
  std::vector<std::string> codes;
  for (const Warning& warning : out.warnings) codes.push_back(warning.code + " " + warning.extra);
  return codes;
}

TEST(Images, Generation) {
  const Outgoing least = written({.prompt = "a cat"});
  EXPECT_EQ(least.path, "/images/generations");
  EXPECT_EQ(least.method, "POST");
  EXPECT_EQ(least.content_type, "application/json");
  EXPECT_EQ(least.body, R"({"model":"gpt-image-1","prompt":"a cat"})");
  EXPECT_TRUE(least.once);
  EXPECT_FALSE(least.stream);
  EXPECT_TRUE(least.warnings.empty());

  ImageRequest all{.prompt = "a \"cat\"\n", .width = 1536, .height = 1024, .n = 2};
  all.quality = "high";
  all.background = "transparent";
  all.format = "webp";
  all.compression = 80;
  all.user = "u1";
  all.extra = {{"openai", R"({"moderation":"low","quality":"medium"})"}, {"other", R"({"a":1})"}};
  EXPECT_EQ(written(all).body,
            R"({"model":"gpt-image-1","prompt":"a \"cat\"\n","n":2,"size":"1536x1024",)"
            R"("quality":"medium","background":"transparent","output_format":"webp",)"
            R"("output_compression":80,"user":"u1","moderation":"low"})");
}

TEST(Images, OtherServersAreAskedForBytes) {
  EXPECT_EQ(written({.prompt = "a"}, false).body,
            R"({"model":"sdxl","prompt":"a","response_format":"b64_json"})");
  ImageRequest without{.prompt = "a"};
  without.extra = {{"openai", R"({"response_format":null,"steps":20})"}};
  EXPECT_EQ(written(without, false).body, R"({"model":"sdxl","prompt":"a","steps":20})");
  ImageRequest format{.prompt = "a"};
  format.format = "bmp";  // whoever knows
  EXPECT_THAT(written(format, false).body, HasSubstr(R"("output_format":"bmp")"));
}

TEST(Images, Streams) {
  ImageRequest request{.prompt = "a"};
  request.previews = 2;
  const Outgoing out = written(request);
  EXPECT_TRUE(out.stream);
  EXPECT_EQ(out.body, R"({"model":"gpt-image-1","prompt":"a","stream":true,"partial_images":2})");
  request.previews = 0;
  EXPECT_EQ(written(request, true, infer::Wire::kStream).body,
            R"({"model":"gpt-image-1","prompt":"a","stream":true})");
}

TEST(Images, PreviewsThatCannotBe) {
  ImageRequest request{.prompt = "a"};
  request.previews = 9;
  const Outgoing most = written(request);
  EXPECT_THAT(most.body, HasSubstr(R"("partial_images":3)"));
  EXPECT_THAT(warned_of(most), ElementsAre(R"(adjusted_setting {"setting":"previews"})"));
  const Outgoing whole = written(request, true, infer::Wire::kWhole);
  EXPECT_EQ(whole.body, R"({"model":"gpt-image-1","prompt":"a"})");
  EXPECT_THAT(warned_of(whole), ElementsAre(R"(adjusted_setting {"setting":"previews"})"));
  EXPECT_THAT(written(request, false).body, HasSubstr(R"("partial_images":9)"));
}

TEST(Images, WhatOnlyLocalEnginesPromiseIsRefused) {
  const auto field = [](Diffusion diffusion) {
    const Error error = refusal({.prompt = "a", .diffusion = std::move(diffusion)});
    EXPECT_EQ(error.code(), Errc::kUnsupported);
    return std::string(error.detail("field"));
  };
  EXPECT_EQ(field({.control = picture(png())}), "diffusion.control");
  EXPECT_EQ(field({.references = {picture(png())}}), "diffusion.references");
  EXPECT_EQ(field({.adapters = {{.path = "/a.gguf"}}}), "diffusion.adapters");
  EXPECT_EQ(field({.hires = HiresFix{}}), "diffusion.hires");
  EXPECT_EQ(field({.upscale = true}), "diffusion.upscale");
}

TEST(Images, WhatOnlyLocalEnginesShapeIsWarnedOf) {
  const Outgoing out = written({.prompt = "a",
                                .diffusion = {.distilled_guidance = 1,
                                              .image_guidance = 1,
                                              .eta = 1,
                                              .flow_shift = 1,
                                              .clip_skip = 1,
                                              .sigmas = {1, 0},
                                              .skip_layers = {1},
                                              .skip_layer_scale = 1,
                                              .vae_tiling = VaeTiling{},
                                              .step_cache = StepCache{.mode = "ucache"}}});
  EXPECT_EQ(out.body, R"({"model":"gpt-image-1","prompt":"a"})");
  std::vector<std::string> expected;
  for (const char* name : {"distilled_guidance", "image_guidance", "eta", "flow_shift", "clip_skip",
                           "sigmas", "skip_layers", "skip_layer_scale", "vae_tiling", "step_cache"})
    expected.push_back(R"(unsupported_setting {"setting":"diffusion.)" + std::string(name) +
                       R"("})");
  EXPECT_EQ(warned_of(out), expected);
}

TEST(Images, QualityThatIsNotThereIsWarnedOf) {
  ImageRequest request{.prompt = "a"};
  request.negative_prompt = "dogs";
  request.seed = 1;
  request.steps = 2;
  request.guidance = 3;
  request.strength = 0.5;
  request.sample_method = "euler";
  request.scheduler = "karras";
  const Outgoing out = written(request);
  EXPECT_EQ(out.body, R"({"model":"gpt-image-1","prompt":"a"})");
  EXPECT_THAT(warned_of(out), ElementsAre(R"(unsupported_setting {"setting":"negative_prompt"})",
                                          R"(unsupported_setting {"setting":"seed"})",
                                          R"(unsupported_setting {"setting":"steps"})",
                                          R"(unsupported_setting {"setting":"guidance"})",
                                          R"(unsupported_setting {"setting":"strength"})",
                                          R"(unsupported_setting {"setting":"sample_method"})",
                                          R"(unsupported_setting {"setting":"scheduler"})"));
}

TEST(Images, AnEditWithBytesIsAForm) {
  ImageRequest request{.prompt = "a \"hat\"\r\non it", .width = 64, .height = 32, .n = 2};
  request.images = {picture(png(), "cat.png")};
  request.mask = picture(png(4, 4, 6, "mask"));
  request.compression = 5;
  request.extra = {{"openai", R"({"input_fidelity":"high","x":[1,"\u00e9"],"y":true})"}};
  const Outgoing out = written(request);
  EXPECT_EQ(out.path, "/images/edits");
  EXPECT_TRUE(out.once);
  const auto parts = parse_form(out.content_type, out.body);
  ASSERT_TRUE(parts);
  std::vector<std::string> said;
  for (const auto& part : *parts)
    said.push_back(part.is_file ? part.name + "@" + part.filename + ";" + part.type
                                : part.name + "=" + part.content);
  EXPECT_THAT(said,
              ElementsAre("model=gpt-image-1", "prompt=a \"hat\"\r\non it", "n=2", "size=64x32",
                          "output_compression=5", "input_fidelity=high", "x=[1,\"\\u00e9\"]",
                          "y=true", "image@cat.png;image/png", "mask@mask.png;image/png"));
  EXPECT_EQ(parts->at(8).content, png());
  EXPECT_EQ(parts->at(9).content, png(4, 4, 6, "mask"));
  EXPECT_EQ(written(request).body, out.body);  // recordings find it by its body
}

TEST(Images, SeveralPicturesAreAList) {
  ImageRequest request{.prompt = "both"};
  request.images = {picture(png()), picture(jpeg("x"))};
  request.previews = 1;
  const Outgoing out = written(request);
  const auto parts = parse_form(out.content_type, out.body);
  ASSERT_TRUE(parts);
  ASSERT_EQ(parts->size(), 6u);
  EXPECT_EQ(parts->at(2).name, "stream");
  EXPECT_EQ(parts->at(2).content, "true");
  EXPECT_EQ(parts->at(3).name, "partial_images");
  EXPECT_EQ(parts->at(4).name, "image[]");
  EXPECT_EQ(parts->at(4).filename, "image0.png");
  EXPECT_EQ(parts->at(5).name, "image[]");
  EXPECT_EQ(parts->at(5).filename, "image1.jpeg");
  EXPECT_EQ(parts->at(5).type, "image/jpeg");
}

TEST(Images, AnEditByAddressIsJson) {
  ImageRequest request{.prompt = "a hat"};
  request.images = {
      {.source = Url{"https://example.org/cat.png"}}, {.source = FileId{"file-1"}}, picture(png())};
  request.mask = Media{.source = FileId{"file-2"}};
  const Outgoing out = written(request);
  EXPECT_EQ(out.path, "/images/edits");
  EXPECT_EQ(out.content_type, "application/json");
  EXPECT_EQ(
      out.body,
      R"({"model":"gpt-image-1","prompt":"a hat","images":[)"
      R"({"image_url":"https://example.org/cat.png"},{"file_id":"file-1"},)"
      R"({"image_url":"data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAQAAAAECAYAAAAAAAAA"}],)"
      R"("mask":{"file_id":"file-2"}})");
}

TEST(Images, PromisesThatCannotBeKept) {
  const auto expect = [](const ImageRequest& request, Errc code, std::string_view field,
                         std::string_view words) {
    const Error error = refusal(request);
    EXPECT_EQ(error.code(), code) << error;
    EXPECT_EQ(error.detail("field"), field) << error;
    EXPECT_THAT(error.message(), HasSubstr(std::string(words)));
  };
  ImageRequest r{.prompt = "a", .width = 512};
  expect(r, Errc::kInvalidRequest, "height", "together");
  r = {.prompt = "a", .height = 512};
  expect(r, Errc::kInvalidRequest, "width", "together");
  r = {.prompt = "a", .format = "gif"};
  expect(r, Errc::kUnsupported, "format", "\"png\", \"jpeg\" and \"webp\", not \"gif\"");
  r = {.prompt = "a"};
  r.mask = picture(png());
  expect(r, Errc::kInvalidRequest, "mask", "images");
  r = {.prompt = "a"};
  r.images = {picture(png()),
              {.source = Pixels{.data = Blob(std::string(4, 'x')),
                                .width = 1,
                                .height = 1,
                                .channels = 4,
                                .stride = 4}}};
  expect(r, Errc::kUnsupported, "images[1]", "encode them as PNG");
  r.images = {picture("GIF89a......")};
  expect(r, Errc::kUnsupported, "images[0]", "not from image/gif");
  r.images = {picture("what is this")};
  expect(r, Errc::kUnsupported, "images[0]", "Media::mime");
  r.images = {picture("what is this")};
  r.images[0].mime = "image/png\r\nEvil: 1";
  expect(r, Errc::kInvalidRequest, "images[0].mime", "");
  r.images.assign(17, picture(png()));
  expect(r, Errc::kUnsupported, "images", "at most 16");
  r.images = {picture(png(4, 4, 6, std::string(50'000'000, 'x')))};
  expect(r, Errc::kTooLarge, "images[0]", "50000000");
  r.images = {picture(png())};
  r.mask = picture(png(4, 4, 2));  // RGB, without alpha
  expect(r, Errc::kUnsupported, "mask", "alpha");
  r.mask = picture(jpeg());
  expect(r, Errc::kUnsupported, "mask", "alpha");
  r.mask.reset();
  for (const char* name : {"stream", "n", "partial_images"}) {
    r.extra = {{"openai", std::string("{\"") + name + "\":1}"}};
    expect(r, Errc::kInvalidRequest, std::string("extra.openai.") + name, "use ");
  }
}

TEST(Images, OtherServersDecideForThemselves) {
  ImageRequest request{.prompt = "a"};
  request.images = {picture("GIF89a......"), picture("what is this")};
  request.mask = picture(jpeg());
  const Outgoing out = written(request, false);
  const auto parts = parse_form(out.content_type, out.body);
  ASSERT_TRUE(parts);
  ASSERT_EQ(parts->size(), 6u);
  EXPECT_EQ(parts->at(2).name, "response_format");
  EXPECT_EQ(parts->at(3).type, "image/gif");
  EXPECT_EQ(parts->at(4).type, "application/octet-stream");
  EXPECT_EQ(parts->at(4).filename, "image1");
}

TEST(Images, AnswersMayBeAsLargeAsPicturesAre) {
  const Outgoing one = written({.prompt = "a"});
  ASSERT_TRUE(one.needs);
  EXPECT_EQ(one.needs->event_bytes, std::size_t{64} << 20);
  EXPECT_EQ(one.needs->body_bytes, std::size_t{64} << 20);
  EXPECT_EQ(written({.prompt = "a", .n = 4}).needs->body_bytes, std::size_t{256} << 20);
  EXPECT_EQ(written({.prompt = "a", .n = 4'000'000'000}).needs->body_bytes, std::size_t{1} << 30);
}

}  // namespace
}  // namespace infer::cloud
