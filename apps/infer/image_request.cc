#include "apps/infer/image_request.h"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>

#include "apps/infer/load.h"
#include "apps/infer/media_argument.h"
#include "apps/infer/prompt.h"
#include "apps/infer/terminal.h"
#include "src/core/validate.h"

namespace infer::cli {
namespace {

Error wrong_use(const char* field, const std::string& what) {
  return Error(Errc::kInvalidRequest, what).with_detail("field", field);
}

// "1024x1536"
std::optional<Error> read_size(const std::string& text, ImageRequest& request) {
  if (text.empty()) return std::nullopt;
  std::uint32_t width = 0, height = 0;
  const char* const end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, width);
  if (first.ec == std::errc() && first.ptr != end && *first.ptr == 'x') {
    const auto second = std::from_chars(first.ptr + 1, end, height);
    if (second.ec == std::errc() && second.ptr == end && width > 0 && height > 0) {
      request.width = width;
      request.height = height;
      return std::nullopt;
    }
  }
  return wrong_use("size",
                   "--size: '" + text + "' is not WIDTHxHEIGHT in pixels, such as 1024x1536");
}

// A word is a provider's, a number says how much of a JPEG or WebP is kept.
std::optional<Error> read_quality(const ImageOptions& o, ImageRequest& request) {
  if (o.quality.find_first_not_of("0123456789") != std::string::npos) request.quality = o.quality;
  if (o.quality.empty() || !request.quality.empty()) return std::nullopt;
  if (request.compression)
    return wrong_use("compression", "--quality " + o.quality +
                                        " and --compression say the same: leave one of them out");
  std::uint32_t value = 0;
  const char* const end = o.quality.data() + o.quality.size();
  if (std::from_chars(o.quality.data(), end, value).ec != std::errc() || value > 100)
    return wrong_use("quality", "--quality: " + o.quality + " is not from 0 to 100");
  request.compression = value;
  return std::nullopt;
}

// What the option or the name of the file asks for. Without either a PNG, which is what every
// backend makes unless it is told otherwise, and not every one can be told.
std::optional<Error> read_format(const ImageOptions& o, ImageJob& job) {
  std::string& asked = job.request.format;
  std::optional<ImageFormat> format;
  const std::string_view extension = extension_of(o.output);
  if (!asked.empty()) {
    format = image_format(asked);
    if (!format || asked.find_first_of("./") != std::string::npos)
      return wrong_use("format", "--format: '" + asked + "' is none of png, jpeg, webp");
    asked = to_string(*format);
  } else if (!extension.empty() && o.output != "-") {
    format = image_format(extension.substr(1));
    if (!format)
      return wrong_use(
          "output",
          "-o " + o.output + ": the name asks for none of png, jpg, webp; --format says which");
    if (*format != ImageFormat::kPng) asked = to_string(*format);
  }
  job.encode_asked = format.has_value();
  job.encoding.format = format.value_or(ImageFormat::kPng);
  job.encoding.quality = job.request.compression;
  if (o.metadata && job.encoding.format != ImageFormat::kPng)
    return wrong_use("metadata", "--metadata has a place in PNG only; write one, or leave it out");
  if (!job.local) return std::nullopt;
  // The program encodes it itself; the model is asked for pixels.
  asked.clear();
  job.request.compression.reset();
  return std::nullopt;
}

// Pictures that an engine cannot read are told of before it is loaded.
std::optional<Error> add_picture(const ImageJob& job, const char* option, const std::string& name,
                                 const StopToken& stop, std::vector<Media>& to) {
  auto media = read_media(name, stop);
  if (!media) return media.error();
  if (job.local) {
    const auto pixels = decode_image(*media);
    // Built without the libraries for it: the plugin may read files itself.
    const bool unread = !pixels && pixels.error().code() == Errc::kUnsupported &&
                        check_encoding(job, false).has_value();
    if (!pixels && !unread)
      return Error(pixels.error().code(),
                   std::string(option) + ": " + name + ": " + pixels.error().message())
          .with_detail("field", std::string(option).substr(2));
  }
  to.push_back(std::move(*media));
  return std::nullopt;
}

std::optional<Error> read_pictures(const ImageOptions& o, const StopToken& stop, ImageJob& job) {
  const auto stdins = std::count(o.starts.begin(), o.starts.end(), "-") +
                      std::count(o.references.begin(), o.references.end(), "-") +
                      (o.mask == "-" ? 1 : 0) + (o.control == "-" ? 1 : 0) +
                      (o.prompt && *o.prompt == "-" ? 1 : 0);
  if (stdins > 1) return wrong_use("image", "- stands for stdin, which can be read once only");
  if (!o.mask.empty() && o.starts.empty())
    return wrong_use("mask", "--mask says where a picture is painted anew; name it with --init");
  ImageRequest& request = job.request;
  for (const std::string& name : o.starts)
    if (auto error = add_picture(job, "--init", name, stop, request.images)) return error;
  for (const std::string& name : o.references)
    if (auto error = add_picture(job, "--reference", name, stop, request.diffusion.references))
      return error;
  std::vector<Media> one;
  if (!o.mask.empty()) {
    if (auto error = add_picture(job, "--mask", o.mask, stop, one)) return error;
    request.mask = std::move(one.back());
  }
  if (!o.control.empty()) {
    if (auto error = add_picture(job, "--control", o.control, stop, one)) return error;
    request.diffusion.control = std::move(one.back());
  }
  return std::nullopt;
}

std::optional<Error> read_diffusion(const ImageOptions& o, Diffusion& d) {
  for (const std::string& text : o.adapters) {
    d.adapters.push_back(adapter_of(text));
    std::error_code ignored;
    if (!std::filesystem::exists(d.adapters.back().path, ignored))
      return Error(Errc::kNotFound, "--lora: there is no file " + d.adapters.back().path)
          .with_detail("field", "lora");
  }
  if (o.tiling || o.tile) d.vae_tiling.emplace();
  if (o.tile) d.vae_tiling->tile = *o.tile;
  if (!o.step_cache.empty())
    d.step_cache = StepCache{.mode = o.step_cache, .threshold = o.step_cache_threshold};
  if (o.hires) {
    d.hires = o.hires_fix;
    d.hires->scale = *o.hires;
  }
  return std::nullopt;
}

bool same_name(std::string_view a, std::string_view b) {
  const auto plain = [](char c) {
    return c == '-' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return plain(x) == plain(y); });
}

std::optional<Error> check_name(const char* option, const std::string& name,
                                const std::vector<std::string>& names) {
  std::string all;
  for (const std::string& known : names) {
    if (same_name(name, known)) return std::nullopt;
    all += (all.empty() ? "" : ", ") + known;
  }
  if (name.empty() || names.empty()) return std::nullopt;
  return wrong_use(option + 2, std::string(option) + ": '" + name + "' is none of " + all);
}

// "diffusion:/models/a.gguf" is "a".
std::string short_name(const std::string& id) {
  const std::string rest = id.substr(id.find(':') + 1);
  return rest.find('/') == std::string::npos ? rest : std::filesystem::path(rest).stem().string();
}

}  // namespace

Result<ImageJob> read_image_job(const ImageOptions& o, const StopToken& stop) {
  ImageJob job;
  job.id = o.model.empty() ? kShippedPainter : image_model_id(o.model);
  job.local = provider_of(job.id) == nullptr;
  job.request = o.request;
  ImageRequest& request = job.request;
  request.previews = o.previews();
  if (auto error = read_size(o.size, request)) return *error;
  if (auto error = read_quality(o, request)) return *error;
  if (auto error = read_format(o, job)) return *error;
  if (auto error = read_diffusion(o, request.diffusion)) return *error;
  if (auto error = read_pictures(o, stop, job)) return *error;
  auto prompt = read_prompt(o.prompt, "infer image", stop);
  if (!prompt) return prompt.error();
  request.prompt = std::move(*prompt);
  if (auto error = core::validate(request)) return *error;
  return job;
}

std::optional<Error> check_samplers(const ImageJob& job) {
  const ImageRequest& r = job.request;
  if (!job.local || (r.sample_method.empty() && r.scheduler.empty())) return std::nullopt;
  const auto names = sampler_names(std::string_view(job.id).substr(0, job.id.find(':')));
  if (!names) return std::nullopt;
  if (auto error = check_name("--sampler", r.sample_method, names->sample_methods)) return error;
  return check_name("--scheduler", r.scheduler, names->schedulers);
}

std::optional<Error> check_output(const ImageOptions& o, const PictureFiles& files) {
  if (o.output == "-") {
    if (o.request.n > 1) return wrong_use("output", "-o -: stdout takes one picture, not several");
    if (o.writes_previews())
      return wrong_use("output", "--save-previews needs a file: -o NAME says where they go");
    if (o.json) return wrong_use("output", "-o -: stdout holds the JSON lines; name a file");
    if (is_terminal(STDOUT_FILENO))
      return wrong_use("output", "-o -: stdout is a terminal; name a file");
    return std::nullopt;
  }
  if (o.writes_previews() && o.previews() == 0)
    return wrong_use("previews", "--save-previews: there are none; ask for some with --previews N");
  if (o.output.empty()) {
    if (!o.json) return wrong_use("output", "no file for the picture; name it with -o FILE");
    if (o.writes_previews()) return wrong_use("output", "--save-previews needs -o FILE");
    return std::nullopt;
  }
  // Of more than so many the rest is looked at when it is written.
  constexpr std::uint32_t kLookedAt = 64;
  for (std::uint32_t i = 0; i < std::min(o.request.n, kLookedAt); ++i) {
    if (auto error = files.check(files.path(i))) return error;
    const std::uint32_t previews = o.writes_previews() ? o.previews() : 0;
    for (std::uint32_t k = 0; k < std::min(previews, kLookedAt); ++k)
      if (auto error = files.check(files.path(i, k))) return error;
  }
  return std::nullopt;
}

Result<Media> encoded(const ImageJob& job, bool metadata, const Media& media,
                      std::optional<std::uint64_t> seed) {
  const auto* pixels = std::get_if<Pixels>(&media.source);
  if (!pixels && !metadata) return media;
  Pixels decoded;
  if (!pixels) {
    auto read = decode_image(media);
    if (!read) return read.error();
    decoded = std::move(*read);
    pixels = &decoded;
  }
  EncodeOptions options = job.encoding;
  if (metadata) {
    ImageRequest told = job.request;
    told.width = pixels->width;
    told.height = pixels->height;
    options.text.emplace_back("parameters", image_parameters(told, short_name(job.id), seed));
  }
  return encode_image(*pixels, options);
}

std::optional<Error> check_encoding(const ImageJob& job, bool metadata) {
  const Media pixel{.source = Pixels{Blob(std::string(3, '\0')), 1, 1, 3, 3}};
  const auto made = encoded(job, metadata, pixel, {});
  return made ? std::nullopt : std::optional<Error>(made.error());
}

}  // namespace infer::cli
