#include "apps/infer/image.h"

#include <unistd.h>

#include <algorithm>
#include <utility>
#include <variant>

#include "apps/infer/exit_code.h"
#include "apps/infer/info.h"
#include "apps/infer/json_lines.h"
#include "apps/infer/load.h"
#include "apps/infer/output.h"
#include "apps/infer/picture_files.h"
#include "apps/infer/signals.h"
#include "apps/infer/stats.h"
#include "apps/infer/terminal.h"

namespace infer::cli {
namespace {

// The seed that made a picture, as a local engine tells it.
std::optional<std::uint64_t> seed_of(std::string_view extra) {
  const auto facts = core::parse_json(extra);
  if (!facts || !facts->is_object()) return std::nullopt;
  const auto seed = facts->find("seed");
  if (seed == facts->end() || !seed->is_number_unsigned()) return std::nullopt;
  return seed->get<std::uint64_t>();
}

// What comes, to files and stdout.
class Painting {
 public:
  Painting(const ImageOptions& o, const ImageJob& job, Output& out, const PictureFiles& files)
      : o_(o), job_(job), out_(out), files_(files) {
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
    if (failure_ && job_.request.n > 1)
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
    if (job_.request.n > 1)
      label += ", picture " + std::to_string(std::min(came_ + 1, job_.request.n)) + " of " +
               std::to_string(job_.request.n);
    bar_.emplace(terminal_, label, is_terminal(STDERR_FILENO), ProgressBar::Clock::duration(0));
    bar_->update(0);
  }

  void progress(const Event& event) {
    if (event.steps == 0) return;
    std::string note = step_text(event.step, event.steps, event.step_time);
    const bool painting = event.data.empty() || event.data == "painting";
    if (!painting) note = std::string(event.data) + " " + note;
    if (bar_) bar_->update(static_cast<double>(event.step) / event.steps, note);
    if (o_.load.verbose && !is_terminal(STDERR_FILENO))
      complain(painting ? "painting " + note : note);
  }

  void media(const Event& event) {
    if (event.preview) {
      progress(event);
      const std::uint32_t number = previews_++;
      if (o_.writes_previews())
        deliver(event, files_.path(came_, number));
      else if (o_.json && o_.output.empty())
        deliver(event, {});
      return;
    }
    bar_.reset();
    deliver(event, o_.output == "-" ? "-" : files_.path(came_));
    ++came_;
    previews_ = 0;
    if (came_ < job_.request.n) begin_bar();
  }

  void deliver(const Event& event, const std::string& path) {
    const bool pixels = std::holds_alternative<Pixels>(event.media->source);
    const bool bytes = std::holds_alternative<Blob>(event.media->source);
    if (!pixels && !bytes)
      return o_.json ? append_event(out_.buffer(), event, {}) : other(event.media->source);
    // Programs that take the picture out of its line get the pixels, unless they ask for a file.
    if (o_.output.empty() && pixels && !job_.encode_asked && !o_.metadata)
      return append_event(out_.buffer(), event, {});
    // Previews are no results of what would be told of them.
    const auto file =
        encoded(job_, o_.metadata && !event.preview, *event.media, seed_of(event.extra));
    if (!file) return failed(file.error());
    Event whole = event;
    whole.media = &*file;
    if (o_.output.empty()) return append_event(out_.buffer(), whole, {});
    write(whole, path);
  }

  void write(const Event& event, const std::string& path) {
    const std::string_view bytes = std::get<Blob>(event.media->source).view();
    if (path == "-") {
      out_.buffer() += bytes;
      ++written_;
      return;
    }
    if (const auto error = files_.write(path, bytes)) return failed(*error);
    // Of a format that was asked for the library tells.
    const bool as_named = !job_.encode_asked || job_.encoding.format != ImageFormat::kPng ||
                          !job_.request.format.empty() || event.media->mime == "image/png";
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
  const ImageJob& job_;
  Output& out_;
  const PictureFiles& files_;
  Output terminal_{STDERR_FILENO};
  std::optional<ProgressBar> bar_{};
  std::uint32_t came_ = 0, written_ = 0;
  std::uint32_t previews_ = 0;      // of the picture that comes next
  std::optional<Error> failure_{};  // the first; later ones are told at once
};

int show_samplers(const ImageOptions& o, Output& out) {
  const std::string id = o.model.empty() ? kShippedPainter : image_model_id(o.model);
  const auto names = sampler_names(std::string_view(id).substr(0, id.find(':')));
  if (!names) return fail(without_painter(names.error(), id), out, o.json);
  if (o.json)
    return print_json(
        core::Json{{"sample_methods", names->sample_methods}, {"schedulers", names->schedulers}});
  std::string text = "Samplers, for --sampler:\n";
  for (const std::string& name : names->sample_methods) text += "  " + name + "\n";
  text += "Schedulers, for --scheduler:\n";
  for (const std::string& name : names->schedulers) text += "  " + name + "\n";
  return print(text);
}

// All that is wrong with what is asked, before a model is loaded or paid.
Result<ImageJob> checked_job(const ImageOptions& o, const PictureFiles& files,
                             const StopToken& stop) {
  if (auto error = check_output(o, files)) return *error;
  auto job = read_image_job(o, stop);
  if (!job) return job;
  if (auto error = check_samplers(*job)) return *error;
  const bool encodes = o.metadata || (job->local && (!o.output.empty() || job->encode_asked));
  if (encodes)
    if (auto error = check_encoding(*job, o.metadata)) return *error;
  return job;
}

}  // namespace

int image(const ImageOptions& o) {
  Output out(STDOUT_FILENO);
  if (o.list_samplers) return show_samplers(o, out);
  const Interrupt interrupt;
  const auto failed = [&](const Error& error) {
    return fail(interrupt.explain(error), out, o.json);
  };
  const PictureFiles files(o.output, o.request.n, o.force);
  const auto job = checked_job(o, files, interrupt.token());
  if (!job) return failed(job.error());
  show_engine_log(o.load.verbose);
  const auto model = open_image(o.model, o.load, interrupt.token());
  if (!model) return failed(model.error());

  Reply reply = model->stream(job->request, call_of(o.times, interrupt.token()));
  Painting painting(o, *job, out, files);
  while (const Event* event = reply.next()) painting.take(*event, reply.response().usage);
  if (const Error* error = reply.error()) {
    painting.clear();
    if (painting.written() > 0)
      complain(std::to_string(painting.written()) + " of " + std::to_string(job->request.n) +
               " pictures were written before that:");
    return failed(*error);
  }
  const auto error = painting.end();
  if (out.failure() && !out.reader_gone()) return failed(out.error());
  return error ? failed(*error) : kOk;
}

}  // namespace infer::cli
