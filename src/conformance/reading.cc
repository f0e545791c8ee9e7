#include <algorithm>
#include <string>

#include "infer/media.h"
#include "src/conformance/process.h"
#include "src/conformance/stream.h"
#include "src/conformance/text.h"

namespace infer {
inline namespace v0 {
namespace {
// A reply that is longer than this will not end.
constexpr std::size_t kMaxEvents = 5000000;

// FNV-1a.
std::uint64_t hash_of(std::string_view bytes) {
  std::uint64_t hash = 14695981039346656037u;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return hash;
}

// What is wrong with it; empty: nothing. Fills in the picture.
std::string look_at(const Media* media, Picture& picture) {
  if (media == nullptr) return "a media event without media";
  if (const auto* pixels = std::get_if<Pixels>(&media->source)) {
    picture = {pixels->width, pixels->height, true, media->mime, hash_of(pixels->data.view())};
    const std::uint64_t row = std::uint64_t{pixels->width} * pixels->channels;
    const bool sound = row != 0 && pixels->height != 0 && pixels->channels <= 4 &&
                       pixels->channels != 2 && pixels->stride >= row &&
                       pixels->data.size() == std::uint64_t{pixels->height} * pixels->stride;
    if (sound) return {};
    return std::to_string(pixels->width) + " x " + std::to_string(pixels->height) + " pixels of " +
           std::to_string(pixels->channels) + " channels, stride " +
           std::to_string(pixels->stride) + ", in " + std::to_string(pixels->data.size()) +
           " bytes";
  }
  picture.mime = media->mime;
  if (const auto* blob = std::get_if<Blob>(&media->source)) {
    picture.hash = hash_of(blob->view());
    if (const auto size = picture_size(blob->view()))
      picture.width = size->width, picture.height = size->height;
    const std::string_view kind = mime_of(blob->view());
    if (blob->view().empty()) return "a file of no bytes";
    if (media->mime.empty()) return "a file without a mime type";
    if (!kind.empty() && kind != media->mime)
      return "a file that is called " + media->mime + " and is " + std::string(kind);
  }
  return {};
}
}  // namespace

SlowCalls::Lap::Lap(SlowCalls& calls, Duty call)
    : calls_(calls),
      call_(call),
      start_(Clock::now()),
      sleeps_(process::voluntary_switches()),
      cpu_(process::thread_cpu()) {}

// Late alone is no proof: a loaded machine is late too. It must have slept or computed for so long.
SlowCalls::Lap::~Lap() {
  const auto took = Clock::now() - start_;
  if (took < calls_.limit_) return;
  if (process::voluntary_switches() == sleeps_ && process::thread_cpu() - cpu_ < calls_.limit_)
    return;
  const auto i = static_cast<std::size_t>(call_);
  calls_.counts_[i].fetch_add(1);
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(took).count();
  std::int64_t worst = calls_.worst_ms_[i].load();
  while (worst < ms && !calls_.worst_ms_[i].compare_exchange_weak(worst, ms)) {
  }
}

std::string SlowCalls::worst(Duty call) const {
  return std::to_string(worst_ms_[static_cast<std::size_t>(call)].load()) + " ms";
}

std::string Outcome::to_text() const {
  switch (end) {
    case End::kRunning: return "is not over after " + std::to_string(events) + " events";
    case End::kComplete: return "ended well after " + std::to_string(events) + " events";
    case End::kBroken: return "broke a rule after " + std::to_string(events) + " events";
    case End::kFailed: break;
  }
  return "failed after " + std::to_string(events) + " events with " +
         std::string(infer::to_string(code)) + ": " + message;
}

std::string Outcome::answer() const {
  if (pictures.empty()) return printable(text);
  std::string out;
  for (const Picture& picture : pictures)
    out += (out.empty() ? "" : ", ") + std::to_string(picture.width) + "x" +
           std::to_string(picture.height) + " with hash " + std::to_string(picture.hash);
  return out;
}

bool Reading::over(Outcome::End end) {
  outcome_.end = end;
  return false;
}

bool Reading::advance() {
  if (outcome_.end != Outcome::End::kRunning) return false;
  const auto patience = subject_.options.patience.wake;
  const auto begin = Clock::now();
  for (;;) {
    switch (stream_->step()) {
      case Step::kEvent: return take_event();
      case Step::kPending:
        if (stream_->wait(patience) && Clock::now() - begin < patience) continue;
        subject_.journal.broken(
            "wake.missing", std::string(subject_.next_name()) + " said pending after " +
                                std::to_string(outcome_.events) + " events, and nothing came for " +
                                std::to_string(patience.count()) + " ms");
        return over(Outcome::End::kBroken);
      case Step::kEnd:
        if (auto finding = checker_.end()) {
          subject_.journal.broken(std::move(*finding));
          return over(Outcome::End::kBroken);
        }
        subject_.journal.check("end.final", stream_->step() == Step::kEnd,
                               "after the end came something else");
        return over(Outcome::End::kComplete);
      case Step::kError: {
        const Error error = stream_->error();
        outcome_.code = error.code();
        outcome_.message = error.message();
        subject_.journal.check("end.final", stream_->step() == Step::kError,
                               "after an error came something else");
        return over(Outcome::End::kFailed);
      }
    }
  }
}

bool Reading::take_event() {
  const Event& event = stream_->event();
  ++outcome_.events;
  if (auto finding = checker_.feed(event)) {
    subject_.journal.broken(std::move(*finding));
    return over(Outcome::End::kBroken);
  }
  if (event.kind == Event::Kind::kMedia && !take_media(event)) return over(Outcome::End::kBroken);
  if (event.kind == Event::Kind::kProgress) ++outcome_.progress;
  if (event.kind == Event::Kind::kWarning) outcome_.warnings.emplace_back(event.extra);
  if (event.kind == Event::Kind::kDelta) {
    ++outcome_.deltas;
    if (event.choice == 0 && event.part_kind == Event::PartKind::kText)
      outcome_.text.append(event.data);
    outcome_.logprobs |= !event.logprobs.empty();
  }
  if (event.kind == Event::Kind::kPartBegin)
    outcome_.tool_call |= event.part_kind == Event::PartKind::kToolCall;
  if (event.kind == Event::Kind::kVectors) {
    ++outcome_.vectors;
    if (event.dimensions != 0) outcome_.rows += event.vectors.size() / event.dimensions;
  }
  if (event.kind == Event::Kind::kFinish) outcome_.finishes.push_back(event.finish);
  if (event.usage && event.usage->output) outcome_.output = event.usage->output;
  if (outcome_.events < kMaxEvents) return true;
  subject_.journal.broken("finish.missing",
                          "no end after " + std::to_string(kMaxEvents) + " events");
  return over(Outcome::End::kBroken);
}

bool Reading::take_media(const Event& event) {
  Picture picture;
  const std::string wrong = look_at(event.media, picture);
  if (!subject_.journal.check("picture.bytes", wrong.empty(), wrong)) return false;
  if (!event.preview) {
    outcome_.pictures.push_back(std::move(picture));
    return true;
  }
  ++outcome_.previews;
  return subject_.journal.check("picture.preview", previews_ != 0, "a preview came unasked");
}

const Outcome& Reading::read(std::size_t events) {
  while (outcome_.events < events && advance()) {
  }
  return outcome_;
}

Outcome ask(Subject& subject, const Ask& what) {
  Reading reading(subject, what);
  return reading.read();
}

}  // namespace v0
}  // namespace infer
