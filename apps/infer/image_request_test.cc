#include "apps/infer/image_request.h"

#include <gtest/gtest.h>

#include "src/port/temp_dir.h"

namespace infer::cli {
namespace {

ImageOptions painting(const char* output = "a.png") {
  ImageOptions o;
  o.prompt = "a red circle";
  o.output = output;
  return o;
}

Result<ImageJob> job_of(const ImageOptions& o) { return read_image_job(o, {}); }

std::string field_of(const ImageOptions& o) {
  const auto job = job_of(o);
  return job ? "" : std::string(job.error().detail("field"));
}

TEST(ImageJob, WithoutAModelTheShippedOnePaints) {
  const auto job = job_of(painting());
  ASSERT_TRUE(job) << job.error().message();
  EXPECT_EQ(job->id, "diffusion:tiny-shapes");
  EXPECT_TRUE(job->local);
  EXPECT_EQ(job->request.prompt, "a red circle");
  EXPECT_EQ(job->request.previews, 0u);
  EXPECT_FALSE(job->request.diffusion.hires);
}

TEST(ImageJob, ALocalModelIsAskedForPixelsThatAreEncodedHere) {
  ImageOptions o = painting("a.webp");
  o.quality = "80";
  const auto local = job_of(o);
  ASSERT_TRUE(local);
  EXPECT_EQ(local->request.format, "");
  EXPECT_FALSE(local->request.compression);
  EXPECT_EQ(local->encoding.format, ImageFormat::kWebp);
  EXPECT_EQ(local->encoding.quality, 80u);

  o.model = "openai:some";
  const auto provider = job_of(o);
  ASSERT_TRUE(provider);
  EXPECT_FALSE(provider->local);
  EXPECT_EQ(provider->request.format, "webp");
  EXPECT_EQ(provider->request.compression, 80u);
  o.quality = "low";
  EXPECT_EQ(job_of(o)->request.quality, "low");
}

TEST(ImageJob, AnOptionSaysTheFormatBeforeTheName) {
  ImageOptions o = painting("a.jpg");
  EXPECT_EQ(job_of(o)->encoding.format, ImageFormat::kJpeg);
  EXPECT_TRUE(job_of(o)->encode_asked);
  o.request.format = "WebP";
  EXPECT_EQ(job_of(o)->encoding.format, ImageFormat::kWebp);
  for (const char* name : {"", "-", "a"}) {
    EXPECT_EQ(job_of(painting(name))->encoding.format, ImageFormat::kPng);
    EXPECT_FALSE(job_of(painting(name))->encode_asked) << name;
  }
}

TEST(ImageJob, OptionsOfPaintingReachTheRequest) {
  ImageOptions o = painting();
  o.size = "96x64";
  o.tile = 16;
  o.step_cache = "easycache";
  o.step_cache_threshold = 0.25;
  o.hires = 1.5;
  o.hires_fix.steps = 4;
  o.preview = true;
  o.adapters = {"/dev/null=0.5"};
  const auto job = job_of(o);
  ASSERT_TRUE(job) << job.error().message();
  const Diffusion& d = job->request.diffusion;
  EXPECT_EQ(job->request.width, 96u);
  EXPECT_EQ(job->request.height, 64u);
  EXPECT_EQ(d.vae_tiling->tile, 16u);
  EXPECT_EQ(*d.step_cache, (StepCache{.mode = "easycache", .threshold = 0.25}));
  EXPECT_EQ(*d.hires, (HiresFix{.scale = 1.5, .steps = 4}));
  EXPECT_EQ(d.adapters, (std::vector<LoraAdapter>{{.path = "/dev/null", .scale = 0.5}}));
  EXPECT_EQ(job->request.previews, 3u);
  o.request.previews = 1;
  EXPECT_EQ(job_of(o)->request.previews, 1u) << "their number was given";
}

TEST(ImageJob, WhatIsWrongIsNamed) {
  const auto with = [](auto change) {
    ImageOptions o = painting();
    change(o);
    return field_of(o);
  };
  EXPECT_EQ(with([](auto& o) { o.size = "64"; }), "size");
  EXPECT_EQ(with([](auto& o) { o.size = "64x0"; }), "size");
  EXPECT_EQ(with([](auto& o) { o.request.format = "gif"; }), "format");
  EXPECT_EQ(with([](auto& o) { o.request.format = "a.png"; }), "format");
  EXPECT_EQ(with([](auto& o) { o.output = "a.gif"; }), "output");
  EXPECT_EQ(with([](auto& o) { o.quality = "101"; }), "quality");
  EXPECT_EQ(with([](auto& o) { o.quality = "80", o.request.compression = 70; }), "compression");
  EXPECT_EQ(with([](auto& o) { o.output = "a.jpg", o.metadata = true; }), "metadata");
  EXPECT_EQ(with([](auto& o) { o.mask = "mask.png"; }), "mask");
  EXPECT_EQ(with([](auto& o) { o.adapters = {"/no/such/file=2"}; }), "lora");
  EXPECT_EQ(with([](auto& o) { o.prompt = ""; }), "prompt");
  EXPECT_EQ(with([](auto& o) { o.request.steps = 0; }), "steps");
  EXPECT_EQ(with([](auto& o) { o.starts = {"-"}, o.control = "-"; }), "image");
}

TEST(ImageJob, APictureThatCannotBeReadIsKnownBeforeTheModelLoads) {
  const port::TempDir dir;
  const std::string path = dir.write("half.png", "\x89PNG\r\n\x1a\n and no more");
  for (const char* option : {"init", "reference", "control"}) {
    ImageOptions o = painting();
    if (*option == 'i') o.starts = {path};
    if (*option == 'r') o.references = {path};
    if (*option == 'c') o.control = path;
    if (check_encoding(*job_of(painting()), false)) GTEST_SKIP() << "built without picture files";
    EXPECT_EQ(field_of(o), option);
    o.model = "openai:some";
    EXPECT_TRUE(job_of(o)) << "a provider looks at it itself";
  }
}

TEST(ImageJob, PixelsBecomeAFileWithWordsInIt) {
  ImageOptions o = painting();
  o.request.steps = 8;
  o.model = "/models/shapes.gguf";
  const auto job = job_of(o);
  ASSERT_TRUE(job);
  if (check_encoding(*job, false)) GTEST_SKIP() << "built without picture files";
  const Media pixels{.source = Pixels{Blob("\xff\x01\x02\x03\x04\x05"), 2, 1, 3, 6}};
  const auto plain = encoded(*job, false, pixels, 7);
  ASSERT_TRUE(plain) << plain.error().message();
  EXPECT_EQ(plain->mime, "image/png");
  EXPECT_TRUE(image_text(std::get<Blob>(plain->source).view())->empty());

  // Of pixels, and of a file that was one already; the pixels stay the same.
  for (const Media& media : {pixels, *plain}) {
    const auto made = encoded(*job, true, media, 7);
    ASSERT_TRUE(made) << made.error().message();
    const auto text = image_text(std::get<Blob>(made->source).view());
    ASSERT_TRUE(text);
    ASSERT_EQ(text->size(), 1u);
    EXPECT_EQ(text->front().first, "parameters");
    for (const char* words : {"a red circle", "Steps: 8", "Seed: 7", "Size: 2x1", "Model: shapes"})
      EXPECT_NE(text->front().second.find(words), std::string::npos) << text->front().second;
    EXPECT_EQ(decode_image(*made)->data.view(), std::get<Pixels>(pixels.source).data.view());
  }
  EXPECT_EQ(*encoded(*job, false, *plain, {}), *plain) << "a file stays as it is";
}

TEST(ImageJob, WhatCannotBeEncodedIsKnownBefore) {
  ImageOptions o = painting();
  if (check_encoding(*job_of(o), false)) GTEST_SKIP() << "built without picture files";
  o.quality = "50";
  EXPECT_EQ(check_encoding(*job_of(o), false)->code(), Errc::kInvalidRequest);
}

TEST(ImageOutput, PreviewsNeedAFile) {
  ImageOptions o = painting("");
  const auto field = [&] {
    const auto error = check_output(o, PictureFiles(o.output, o.request.n, false));
    return error ? std::string(error->detail("field")) : "";
  };
  EXPECT_EQ(field(), "output");
  o.json = true;
  EXPECT_EQ(field(), "");
  o.preview = true;
  EXPECT_EQ(field(), "output");
  o.preview = false, o.save_previews = true, o.output = "/dev/null";
  EXPECT_EQ(field(), "previews") << "none were asked for";
  o.preview = true;
  EXPECT_EQ(field(), "");
}

}  // namespace
}  // namespace infer::cli
