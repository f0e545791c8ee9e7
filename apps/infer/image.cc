#include "apps/infer/image.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <utility>
#include <variant>

#include "apps/infer/exit_code.h"
#include "apps/infer/json_lines.h"
#include "apps/infer/load.h"
#include "apps/infer/media_argument.h"
#include "apps/infer/output.h"
#include "apps/infer/picture_files.h"
#include "apps/infer/prompt.h"
#include "apps/infer/signals.h"
#include "apps/infer/terminal.h"

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

std::optional<Error> check_output(const ImageOptions& o, const PictureFiles& files) {
  if (o.output == "-") {
    if (o.request.n > 1) return wrong_use("output", "-o -: stdout takes one picture, not several");
    if (o.save_previews)
      return wrong_use("output", "--save-previews needs a file: -o NAME says where they go");
    if (o.json) return wrong_use("output", "-o -: stdout holds the JSON lines; name a file");
    if (is_terminal(STDOUT_FILENO))
      return wrong_use("output", "-o -: stdout is a terminal; name a file");
    return std::nullopt;
  }
  if (o.save_previews && o.request.previews == 0)
    return wrong_use("previews", "--save-previews: there are none; ask for some with --previews N");
  if (o.output.empty()) {
    if (!o.json) return wrong_use("output", "no file for the picture; name it with -o FILE");
    if (o.save_previews) return wrong_use("output", "--save-previews needs -o FILE");
    return std::nullopt;
  }
  // Of more than so many the rest is looked at when it is written.
  constexpr std::uint32_t kLookedAt = 64;
  for (std::uint32_t i = 0; i < std::min(o.request.n, kLookedAt); ++i) {
    if (auto error = files.check(files.path(i))) return error;
    const std::uint32_t previews = o.save_previews ? o.request.previews : 0;
    for (std::uint32_t k = 0; k < std::min(previews, kLookedAt); ++k)
      if (auto error = files.check(files.path(i, k))) return error;
  }
  return std::nullopt;
}

// What the name of the file asks for. PNG is what every backend makes unless it is told otherwise,
// and not every one can be told.
std::optional<Error> read_format(const ImageOptions& o, ImageRequest& request) {
  const std::string_view extension = extension_of(o.output);
  if (!request.format.empty() || extension.empty() || o.output == "-") return std::nullopt;
  const std::string_view format = format_of_extension(extension);
  if (format.empty())
    return wrong_use(
        "output",
        "-o " + o.output + ": the name asks for none of png, jpg, webp; --format says which");
  if (format != "png") request.format = format;
  return std::nullopt;
}

Result<ImageRequest> read_image_request(const ImageOptions& o, const StopToken& stop) {
  ImageRequest request = o.request;
  if (auto error = read_size(o.size, request)) return *error;
  if (auto error = read_format(o, request)) return *error;
  const auto stdins = std::count(o.edits.begin(), o.edits.end(), "-") + (o.mask == "-" ? 1 : 0) +
                      (o.prompt && *o.prompt == "-" ? 1 : 0);
  if (stdins > 1) return wrong_use("image", "- stands for stdin, which can be read once only");
  for (const std::string& name : o.edits) {
    auto media = read_media(name, stop);
    if (!media) return media.error();
    request.images.push_back(std::move(*media));
  }
  if (!o.mask.empty()) {
    if (o.edits.empty())
      return wrong_use("mask", "--mask says where a picture is painted anew; name it with --edit");
    auto media = read_media(o.mask, stop);
    if (!media) return media.error();
    request.mask = std::move(*media);
  }
  auto prompt = read_prompt(o.prompt, "infer image", stop);
  if (!prompt) return prompt.error();
  request.prompt = std::move(*prompt);
  return request;
}

// What comes, to files and stdout.
class Painting {
 public:
  Painting(const ImageOptions& o, Output& out, const PictureFiles& files)
      : o_(o), out_(out), files_(files) {
    begin_bar();
  }

  void take(const Event& event, const Usage& usage) {
    using Kind = Event::Kind;
    if (event.kind == Kind::kProgress) progress(event);
    if (event.kind == Kind::kWarning && !o_.json) {
      if (bar_) bar_->clear();
      complain("warning: " + std::string(event.id));
    }
    if (event.kind == Kind::kMedia && event.media)
      media(event);
    else if (o_.json && !(event.kind == Kind::kFinish && failure_))
      append_event(out_.buffer(), event, usage);
    out_.flush();
  }

  // How it went, where the reply itself did not fail.
  std::optional<Error> end() {
    bar_.reset();
    if (failure_ && o_.request.n > 1)
      return Error(failure_->code(), failure_->message() + "; " + std::to_string(written_) +
                                         " of " + std::to_string(came_) + " pictures were written");
    if (failure_) return failure_;
    if (came_ == 0)
      return Error(Errc::kProtocol, "the answer holds no picture").with_retry(RetryHint::kNo);
    return std::nullopt;
  }
  void clear() { bar_.reset(); }
  std::uint32_t written() const { return written_; }

 private:
  void begin_bar() {
    std::string label = "Painting";
    if (o_.request.n > 1)
      label += ", picture " + std::to_string(std::min(came_ + 1, o_.request.n)) + " of " +
               std::to_string(o_.request.n);
    bar_.emplace(terminal_, label, is_terminal(STDERR_FILENO), ProgressBar::Clock::duration(0));
    bar_->update(0);
  }

  void progress(const Event& event) {
    if (bar_ && event.steps > 0) bar_->update(static_cast<double>(event.step) / event.steps);
  }

  void media(const Event& event) {
    if (event.preview) {
      progress(event);
      const std::uint32_t number = previews_++;
      if (o_.save_previews)
        deliver(event, files_.path(came_, number));
      else if (o_.json && o_.output.empty())
        append_event(out_.buffer(), event, {});
      return;
    }
    bar_.reset();
    deliver(event, o_.output == "-" ? "-" : files_.path(came_));
    ++came_;
    previews_ = 0;
    if (came_ < o_.request.n) begin_bar();
  }

  void deliver(const Event& event, const std::string& path) {
    const auto* bytes = std::get_if<Blob>(&event.media->source);
    if (!bytes && !o_.json) return other(event.media->source);
    if (!bytes || o_.output.empty()) return append_event(out_.buffer(), event, {});
    if (path == "-") {
      out_.buffer() += bytes->view();
      ++written_;
      return;
    }
    const auto error = files_.write(path, bytes->view());
    if (error) return failed(*error);
    // Of a format that was asked for the library tells.
    const bool as_named = format_of_extension(extension_of(path)) != "png" ||
                          !o_.request.format.empty() || event.media->mime == "image/png";
    if (!as_named)
      complain("warning: " + path + " holds " +
               (event.media->mime.empty() ? "another format" : event.media->mime));
    if (!event.preview) ++written_;
    if (o_.json) return append_written(out_.buffer(), event, path);
    if (is_terminal(STDOUT_FILENO))
      append_visible(out_.buffer(), path, Lines::kOne);
    else
      out_.buffer() += path;
    out_.buffer() += '\n';
  }

  // A picture that is somewhere else is named, not fetched.
  void other(const decltype(Media::source)& source) {
    if (std::holds_alternative<Pixels>(source))
      return failed(Error(Errc::kUnsupported, "the model gives bare pixels, which are no file"));
    const auto* url = std::get_if<Url>(&source);
    const std::string name = url ? url->url : std::get<FileId>(source).id;
    if (o_.output == "-")
      return failed(
          Error(Errc::kUnsupported, "the provider gives no bytes but the address " + name));
    append_visible(out_.buffer(), name, Lines::kOne);
    out_.buffer() += '\n';
  }

  void failed(const Error& error) {
    if (!failure_)
      failure_ = error;
    else
      complain(std::string(to_string(error.code())) + ": " + error.message());
  }

  const ImageOptions& o_;
  Output& out_;
  const PictureFiles& files_;
  Output terminal_{STDERR_FILENO};
  std::optional<ProgressBar> bar_{};
  std::uint32_t came_ = 0, written_ = 0;
  std::uint32_t previews_ = 0;      // of the picture that comes next
  std::optional<Error> failure_{};  // the first; later ones are told at once
};

}  // namespace

int image(const ImageOptions& o) {
  Output out(STDOUT_FILENO);
  const Interrupt interrupt;
  const auto failed = [&](const Error& error) {
    return fail(interrupt.explain(error), out, o.json);
  };
  if (o.model.empty())
    return failed(
        wrong_use("model",
                  "no model named: none that paints is shipped; name one with -m, such as "
                  "-m openai:gpt-image-1"));
  const PictureFiles files(o.output, o.request.n, o.force);
  if (auto error = check_output(o, files)) return failed(*error);
  auto request = read_image_request(o, interrupt.token());
  if (!request) return failed(request.error());
  show_engine_log(o.load.verbose);
  const auto model = open_image(o.model, o.load, interrupt.token());
  if (!model) return failed(model.error());

  Reply reply = model->stream(std::move(*request), call_of(o.times, interrupt.token()));
  Painting painting(o, out, files);
  while (const Event* event = reply.next()) painting.take(*event, reply.response().usage);
  if (const Error* error = reply.error()) {
    painting.clear();
    if (painting.written() > 0)
      complain(std::to_string(painting.written()) + " of " + std::to_string(o.request.n) +
               " pictures were written before that:");
    return failed(*error);
  }
  const auto error = painting.end();
  if (out.failure() && !out.reader_gone()) return failed(out.error());
  return error ? failed(*error) : kOk;
}

}  // namespace infer::cli
