// Pictures, generated and edited, and embeddings, of every field.
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "src/core/base64.h"
#include "tests/contract/bodies.h"

namespace infer::contract {
namespace {

// One pixel with an alpha channel, as PNG.
Media pixel() {
  Media media;
  media.mime = "image/png";
  media.source = Blob(*core::from_base64(
      "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
      "gg=="));
  return media;
}

ImageRequest draw() { return {.prompt = "a fox"}; }

// All settings, each alone and together, of a picture that begins as `from` says.
void all_settings(const std::string& name, const ImageRequest& from) {
  const std::vector<std::pair<const char*, std::function<void(ImageRequest&)>>> each = {
      {"n", [](ImageRequest& r) { r.n = 10; }},
      {"size",
       [](ImageRequest& r) {
         r.width = 1024;
         r.height = 1536;
       }},
      {"quality", [](ImageRequest& r) { r.quality = "low"; }},
      {"background", [](ImageRequest& r) { r.background = "transparent"; }},
      {"format", [](ImageRequest& r) { r.format = "webp"; }},
      {"compression",
       [](ImageRequest& r) {
         r.format = "jpeg";
         r.compression = 80;
       }},
      {"previews", [](ImageRequest& r) { r.previews = 3; }},
      {"user", [](ImageRequest& r) { r.user = "u1"; }},
      {"local",
       [](ImageRequest& r) {
         r.seed = 7;
         r.steps = 20;
         r.negative_prompt = "blurred";
       }},
      {"extra", [](ImageRequest& r) { r.extra["openai"] = R"({"moderation":"low"})"; }},
  };
  put_picture(name, from);
  ImageRequest all = from;
  for (const auto& [what, set] : each) {
    if (!from.images.empty() && std::string(what) == "extra") continue;  // a form has no moderation
    ImageRequest r = from;
    set(r);
    set(all);
    put_picture(name + "_" + what, r);
  }
  put_picture(name + "_all", all);
  put_picture(name + "_all_streamed", all, Wire::kStream);
  all.previews = 0;
  put_picture(name + "_all_whole", all, Wire::kWhole);
}

}  // namespace

void picture_bodies() {
  all_settings("generated", draw());
  ImageRequest form = draw();
  form.images = {pixel()};
  all_settings("form_of_one", form);
  form.images.push_back(pixel());
  form.mask = pixel();
  put_picture("form_of_two", form);
  ImageRequest references = draw();
  Media address, file;
  address.source = Url{"https://example.org/a.png"};
  file.source = FileId{"file-1"};
  references.images = {address, file, pixel()};
  references.mask = pixel();
  all_settings("references", references);
}

void embedding_bodies() {
  put_embeddings("one", {.inputs = {"fox"}});
  put_embeddings("three", {.inputs = {"fox", "bear", "\xe7\x86\x8a"}});
  EmbeddingRequest all{.inputs = {"fox"}};
  all.dimensions = 256;
  all.user = "u1";
  all.input_type = "query";
  put_embeddings("all", all);
  put_embeddings("most", {.inputs = std::vector<std::string>(2048, "x")});
  EmbeddingRequest extra{.inputs = {"fox"}};
  extra.extra["openai"] = R"({"encoding_format":"float"})";
  put_embeddings("extra", extra);
}

}  // namespace infer::contract
