// Pictures across the border: what an engine is given, and what a caller gets back.
#include "src/plugin/pictures.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "infer/infer.h"
#include "src/core/json.h"

namespace infer::plugin {
namespace {

ImageModel probe(const std::string& name) {
  setenv("INFER_PLUGIN_PATH", INFER_BUILD_DIR "/testbin/plugins", 1);
  auto model = Registry::with_plugins().image("probe:" + name);
  EXPECT_TRUE(model) << model.error();
  return *model;
}

Result<Response> answer(const std::string& name, ImageRequest request,
                        const std::function<void(const Event&)>& on_event = {}) {
  request.prompt = "a fox";
  Reply reply = probe(name).stream(std::move(request));
  while (const Event* event = reply.next())
    if (on_event) on_event(*event);
  return reply.finish();
}

const Pixels* pixels_of(const Part& part) {
  const Media* media = part.get<Media>();
  return media ? std::get_if<Pixels>(&media->source) : nullptr;
}

TEST(Pictures, ComeOutAsTheEngineGivesThem) {
  std::vector<std::pair<std::uint32_t, std::int64_t>> progress;
  int previews = 0;
  const auto done = answer("paint", {}, [&](const Event& event) {
    if (event.kind == Event::Kind::kProgress) {
      EXPECT_EQ(event.steps, 2u);
      progress.emplace_back(event.step, event.step_time.count());
    }
    if (event.kind != Event::Kind::kMedia || !event.preview) return;
    ++previews;
    EXPECT_EQ(std::get<Pixels>(event.media->source).data.view(), "ppppppppPPPP");
  });
  ASSERT_TRUE(done) << done.error();
  // A time that cannot be is not known.
  EXPECT_EQ(progress, (std::vector<std::pair<std::uint32_t, std::int64_t>>{{1, 1500}, {2, 0}}));
  EXPECT_EQ(previews, 1);
  ASSERT_EQ(done->message().parts.size(), 1u);  // a preview is no part of the answer
  const Part& part = done->message().parts[0];
  EXPECT_EQ(part.extra, R"({"seed":7})");
  EXPECT_EQ(part.issuer, "probe");
  ASSERT_TRUE(pixels_of(part));
  EXPECT_EQ(pixels_of(part)->channels, 4u);
  EXPECT_EQ(pixels_of(part)->data.view(), "red\xFFred\xFFred\xFFred\xFF");
  EXPECT_TRUE(done->warnings.empty());
}

TEST(Pictures, AnOlderPluginHasNoStepTimes) {
  std::vector<std::int64_t> times;
  ASSERT_TRUE(answer("older", {}, [&](const Event& event) {
    if (event.kind == Event::Kind::kProgress) times.push_back(event.step_time.count());
  }));
  EXPECT_EQ(times, (std::vector<std::int64_t>{0, 0}));
}

#if defined(INFER_IMAGE)

// One colour all over.
Media painted(std::uint32_t width, std::uint32_t height, std::uint32_t channels, char value = 'x') {
  const std::size_t bytes = std::size_t{width} * height * channels;
  return {.source = Pixels{.data = Blob(std::string(bytes, value)),
                           .width = width,
                           .height = height,
                           .channels = channels,
                           .stride = width * channels}};
}

Media file_of(const Media& picture, ImageFormat format = ImageFormat::kPng) {
  EncodeOptions options;
  options.format = format;
  auto file = encode_image(std::get<Pixels>(picture.source), options);
  EXPECT_TRUE(file) << file.error();
  return *file;
}

std::string given(const ImageRequest& request) {
  const auto done = answer("paint", request);
  return done ? done->metadata : done.error().message();
}

TEST(Pictures, GoInAsPixels) {
  ImageRequest request;
  request.images = {file_of(painted(3, 2, 3)), painted(2, 2, 4), painted(1, 2, 1)};
  request.mask = file_of(painted(3, 2, 3), ImageFormat::kJpeg);
  request.diffusion.control = file_of(painted(4, 4, 1), ImageFormat::kWebp);
  request.diffusion.references = {file_of(painted(5, 1, 3))};
  const std::string seen = given(request);
  EXPECT_NE(seen.find(R"("blobs":["u8 3x2x3","u8 2x2x3","u8 1x2x3","u8 3x2x1","u8 4x4x3",)"
                      R"("u8 5x1x3"])"),
            std::string::npos)
      << seen;
  EXPECT_NE(seen.find(R"("images":[{"pixels":0},{"pixels":1},{"pixels":2}],"mask":{"pixels":3})"),
            std::string::npos)
      << seen;
  EXPECT_NE(seen.find(R"("control":{"pixels":4},"references":[{"pixels":5}])"), std::string::npos)
      << seen;
}

TEST(Pictures, KeepTheirColours) {
  ImageRequest request;
  request.images = {file_of(painted(3, 2, 3, 'r'))};
  request.mask = painted(1, 1, 1, '\x7F');
  const auto decoded = with_pixels(request);
  ASSERT_TRUE(decoded) << decoded.error();
  EXPECT_EQ(std::get<Pixels>(decoded->images[0].source).data.view(), std::string(18, 'r'));
  EXPECT_EQ(decoded->images[0].mime, "");
  EXPECT_EQ(std::get<Pixels>(decoded->mask->source).data.view(), "\x7F");
}

TEST(Pictures, ThatCannotBeReadAreNamed) {
  const auto refused = [](ImageRequest request, Errc code, const std::string& field) {
    const auto done = answer("paint", std::move(request));
    ASSERT_FALSE(done) << field;
    EXPECT_EQ(done.error().code(), code) << done.error();
    EXPECT_EQ(done.error().detail("field"), field) << done.error();
    EXPECT_EQ(done.error().message().substr(0, field.size() + 2), field + ": ");
  };
  const Media broken{.source = Blob(std::string("\x89PNG\r\n\x1a\n") + "half")};
  const Media fine = painted(1, 1, 3);
  refused({.images = {fine, broken}}, Errc::kInvalidRequest, "images[1]");
  refused({.mask = Media{.source = Blob(std::string("words that make no picture at all"))}},
          Errc::kUnsupported, "mask");
  refused({.images = {{.source = Url{"https://x/y.png"}}}}, Errc::kUnsupported, "images[0]");
  refused({.images = {{.source = FileId{"f"}}}}, Errc::kUnsupported, "images[0]");
  refused({.diffusion = {.control = broken}}, Errc::kInvalidRequest, "diffusion.control");
  refused({.diffusion = {.references = {broken}}}, Errc::kInvalidRequest,
          "diffusion.references[0]");
  // Larger than is decoded: seen in the header, before anything is allocated.
  refused({.images = {painted(20000, 1, 1)}}, Errc::kTooLarge, "images[0]");
}

TEST(Pictures, ComeOutInTheFormatThatIsAsked) {
  for (const char* format : {"png", "jpeg", "webp"}) {
    bool preview = false;
    const auto done = answer("paint", {.format = format}, [&](const Event& event) {
      if (event.kind == Event::Kind::kMedia && event.preview)
        preview = std::holds_alternative<Pixels>(event.media->source);
    });
    ASSERT_TRUE(done) << done.error();
    EXPECT_TRUE(preview);  // previews are not encoded
    const Part& part = done->message().parts.at(0);
    EXPECT_EQ(part.extra, R"({"seed":7})");
    const Media& picture = *part.get<Media>();
    EXPECT_EQ(picture.mime, std::string("image/") + format);
    const auto* file = std::get_if<Blob>(&picture.source);
    ASSERT_TRUE(file);
    EXPECT_EQ(mime_of(file->view()), picture.mime);
    EXPECT_TRUE(done->warnings.empty());
  }
}

TEST(Pictures, CompressionIsTheQualityOfWhatLosesSomething) {
  const auto warned = [](ImageRequest request) {
    const auto done = answer("paint", std::move(request));
    EXPECT_TRUE(done) << done.error();
    std::string all;
    if (done)
      for (const Warning& warning : done->warnings)
        all += warning.code + " " + warning.extra + warning.message;
    return all;
  };
  EXPECT_EQ(warned({.format = "jpeg", .compression = 10}), "");
  EXPECT_EQ(warned({.format = "png", .compression = 10}),
            R"(unsupported_setting {"setting":"compression"}compression has no effect: a PNG )"
            "loses nothing");
  EXPECT_EQ(warned({.compression = 10}),
            R"(unsupported_setting {"setting":"compression"}compression has no effect: no format )"
            "is asked for");
  // A noisy picture, so that there is something to lose.
  std::string noise;
  for (std::uint32_t i = 0, x = 1; i < 32 * 32 * 3; ++i)
    noise += static_cast<char>((x = x * 1664525u + 1013904223u) >> 24);
  Media picture = painted(32, 32, 3);
  std::get<Pixels>(picture.source).data = Blob(noise);
  const auto size = [&](std::uint32_t quality) {
    const auto format = PictureFormat::of({.format = "jpeg", .compression = quality});
    EXPECT_TRUE(format) << format.error();
    const auto file = format->encoded(picture);
    EXPECT_TRUE(file) << file.error();
    return std::get<Blob>(file->source).size();
  };
  EXPECT_LT(size(10), size(95));
}

TEST(Pictures, AFileOfTheFormatStaysAsItIs) {
  const auto done = answer("file", {.format = "png"});
  ASSERT_TRUE(done) << done.error();
  const auto& file = std::get<Blob>(done->message().parts.at(0).get<Media>()->source);
  EXPECT_EQ(file.view().substr(8), " and so on");
  // Another one would have to be decoded, and this is not one.
  const auto other = answer("file", {.format = "jpeg"});
  EXPECT_EQ(other.error().code(), Errc::kInvalidRequest) << other.error();
  EXPECT_EQ(other.error().detail("field"), "format");
}

TEST(Pictures, AFormatThatIsNotWrittenIsRefusedBeforeAnythingIsPainted) {
  for (const char* format : {"gif", "jpg", "PNG", "a/b.png"}) {
    int events = 0;
    const auto done = answer("paint", {.format = format}, [&](const Event&) { ++events; });
    EXPECT_EQ(done.error().code(), Errc::kUnsupported) << done.error();
    EXPECT_EQ(done.error().detail("field"), "format");
    EXPECT_EQ(events, 0);
  }
}

#else

TEST(Pictures, WithoutTheFormatsFilesGoInAsTheyAreAndNoneComeOut) {
  ImageRequest request;
  request.images = {{.mime = "image/png", .source = Blob(std::string("file"))}};
  const auto done = answer("paint", request);
  ASSERT_TRUE(done) << done.error();
  EXPECT_NE(done->metadata.find(R"("blobs":["bytes image/png"])"), std::string::npos);
  const auto refused = answer("paint", {.format = "png"});
  EXPECT_EQ(refused.error().code(), Errc::kUnsupported);
  EXPECT_NE(refused.error().message().find("INFER_IMAGE"), std::string::npos);
}

#endif

}  // namespace
}  // namespace infer::plugin
