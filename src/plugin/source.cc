#include "src/plugin/source.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "src/core/request_json.h"
#include "src/plugin/abi_structs.h"
#include "src/plugin/codes.h"
#include "src/plugin/pictures.h"

namespace infer::plugin {
namespace {

std::uint32_t task_of(const Request& request) {
  if (std::holds_alternative<ImageRequest>(request)) return INFER_TASK_IMAGE;
  if (std::holds_alternative<EmbeddingRequest>(request)) return INFER_TASK_EMBED;
  if (std::holds_alternative<CountRequest>(request)) return INFER_TASK_COUNT;
  if (std::holds_alternative<RerankRequest>(request)) return INFER_TASK_RERANK;
  return INFER_TASK_TEXT;
}

// The request's blobs as the ABI has them; they live until open returns.
struct Blobs {
  std::vector<infer_blob> blobs;
  std::vector<const infer_blob*> pointers;

  explicit Blobs(const core::RequestJson& json) {
    blobs.reserve(json.blobs.size());
    for (std::size_t i = 0; i < json.blobs.size(); ++i) {
      infer_blob& out = blobs.emplace_back();
      out.size = sizeof out;
      if (const auto* pixels = std::get_if<Pixels>(&json.blobs[i])) {
        out.type = INFER_U8;
        out.width = pixels->width;
        out.height = pixels->height;
        out.channels = pixels->channels;
        out.stride = pixels->stride;
        set_data(out, pixels->data);
      } else {
        out.type = INFER_BYTES;
        out.mime = {json.mimes[i].data(), json.mimes[i].size()};
        set_data(out, std::get<Blob>(json.blobs[i]));
      }
      pointers.push_back(&out);
    }
  }
  static void set_data(infer_blob& out, const Blob& bytes) {
    out.data = bytes.data();
    out.bytes = bytes.size();
  }
};

Finish finish_of(std::uint32_t finish) {
  return finish <= static_cast<std::uint32_t>(Finish::kContextFull) ? static_cast<Finish>(finish)
                                                                    : Finish::kOther;
}

// Only figures that the plugin marks as known.
void convert(const infer_usage& from, Usage& to) {
  const auto known = [&](unsigned bit) { return ((from.known >> bit) & 1u) != 0; };
  const auto count = [&](unsigned bit, std::int64_t value, std::optional<std::int64_t>& out) {
    if (known(bit)) out = value;
  };
  const auto time = [&](unsigned bit, std::int64_t ns,
                        std::optional<std::chrono::nanoseconds>& out) {
    if (known(bit)) out = std::chrono::nanoseconds(ns);
  };
  count(0, from.input, to.input);
  count(1, from.cache_read, to.cache_read);
  count(2, from.cache_write, to.cache_write);
  count(3, from.output, to.output);
  count(4, from.reasoning, to.reasoning);
  time(5, from.queue_ns, to.timing.queue);
  time(6, from.prefill_ns, to.timing.prefill);
  time(7, from.decode_ns, to.timing.decode);
  time(8, from.first_ns, to.timing.first);
  if (from.raw.size != 0) to.raw = view(from.raw);
}

// The picture has all the bytes that its sizes promise.
bool is_sound(const infer_blob& blob) {
  if (!blob.data && blob.bytes != 0) return false;
  return blob.type != INFER_U8 || (std::uint64_t{blob.width} * blob.channels <= blob.stride &&
                                   std::uint64_t{blob.stride} * blob.height <= blob.bytes);
}

Media media_of(const infer_blob& blob) {
  Media media;
  media.mime = view(blob.mime);
  Blob bytes = Blob::copy(blob.data, blob.bytes);
  if (blob.type == INFER_U8)
    media.source = Pixels{.data = std::move(bytes),
                          .width = blob.width,
                          .height = blob.height,
                          .channels = blob.channels,
                          .stride = blob.stride};
  else
    media.source = std::move(bytes);
  return media;
}

class PluginSource final : public Source, private ShutAtExit {
 public:
  PluginSource(const Model& model, const Call& call)
      : ShutAtExit(kSource), model_(model), watch_(call) {}
  ~PluginSource() override {
    Gate gate;
    leave();
    if (gate && handle_) model_.table().close(handle_);
  }

  // Opens it in the plugin; an error is kept for the first pull. What an engine gets of pictures is
  // pixels, made here and gone when the plugin has taken what it needs of them.
  void open(const Request& request) {
    const auto* image = std::get_if<ImageRequest>(&request);
    if (!image) return open_plain(request);
    auto format = PictureFormat::of(*image);
    if (!format) return fail(std::move(format.error()));
    format_ = std::move(*format);
    auto decoded = with_pixels(*image);
    if (!decoded) return fail(std::move(decoded.error()));
    open_plain(std::move(*decoded));
  }

  void open_plain(const Request& request) {
    const core::RequestJson json = core::to_json(request);
    const Blobs blobs(json);
    infer_open how{};
    how.size = sizeof how;
    how.task = task_of(request);
    how.request = {json.text.data(), json.text.size()};
    how.blobs = blobs.pointers.data();
    how.n_blobs = blobs.pointers.size();
    how.wake_ctx = this;
    how.wake = [](void* self) {
      auto& source = *static_cast<PluginSource*>(self);
      if (source.has_waker_.load(std::memory_order_acquire)) source.waker_.wake();
    };
    infer_error error{};
    error.size = sizeof error;
    Gate gate;
    if (!gate) return fail(Gate::why());
    const int code = model_.table().open(model_.handle(), &how, &handle_, &error);
    if (code < 0) {
      handle_ = nullptr;
      fail(error_of(code, error));
    } else if (!handle_) {
      fail(Error(Errc::kEngine, "the plugin opened nothing and gave no error"));
    }
  }

  Step pull(Poller& poller) override {
    if (step_ != Step::kPending) return step_;
    if (auto error = watch_.check()) {
      if (Gate gate; gate) model_.table().cancel(handle_);
      fail(std::move(*error));
      return step_;
    }
    if (!waker_) {  // a wake that comes before the first next() changes nothing
      waker_ = poller.waker();
      has_waker_.store(true, std::memory_order_release);
    }
    if (warns_) return warn();
    const int code = ask();
    if (code == INFER_EVENT) {
      if (step_ == Step::kPending) encode_picture();
      watch_.note(event_);
      return step_ == Step::kPending ? Step::kEvent : step_;
    }
    if (code == INFER_PENDING) watch_.arm(poller);
    if (code == INFER_END) step_ = Step::kEnd;
    return step_;
  }

  const Event& event() const noexcept override { return event_; }
  Error take_error() override { return *error_; }

 private:
  // The plugin's next event, converted, which may fail; whatever else it has to say.
  int ask() {
    Gate gate;
    if (!gate) {
      fail(Gate::why());
      return INFER_E_ENGINE;
    }
    raw_ = infer_event{};
    raw_.size = sizeof raw_;
    error_buffer_.size = sizeof error_buffer_;
    const int code = model_.table().next(handle_, &raw_, &error_buffer_);
    if (code == INFER_EVENT)
      convert_event();
    else if (code != INFER_PENDING && code != INFER_END)
      fail(error_of(code, error_buffer_));
    return code;
  }

  // What this side of the border has to say, right after the start.
  Step warn() {
    warns_ = false;
    const Warning& warning = *format_.warning();
    event_ = Event{};
    event_.kind = Event::Kind::kWarning;
    event_.data = warning.code;
    event_.id = warning.message;
    event_.extra = warning.extra;
    return Step::kEvent;
  }

  // In the reader's time, not in the engine's.
  void encode_picture() {
    if (event_.kind != Event::Kind::kMedia || event_.preview || !event_.media ||
        !format_.converts())
      return;
    auto file = format_.encoded(std::move(media_));
    if (!file) return fail(std::move(file.error()));
    media_ = std::move(*file);
  }

  void fail(Error error) {
    error_ = std::move(error);
    step_ = Step::kError;
  }

  // An engine whose steps are long ends at the next one, so that the unload behind this does not
  // wait for a whole answer.
  void shut() override {
    if (!handle_) return;
    model_.table().cancel(handle_);
    model_.table().close(std::exchange(handle_, nullptr));
  }

  void convert_event() {
    event_ = Event{};
    event_.kind =
        raw_.kind <= INFER_EV_FINISH ? static_cast<Event::Kind>(raw_.kind) : Event::Kind::kNone;
    event_.part_kind = raw_.part_kind <= INFER_PART_OPAQUE
                           ? static_cast<Event::PartKind>(raw_.part_kind)
                           : Event::PartKind::kOpaque;
    event_.choice = raw_.choice;
    event_.part = raw_.part;
    event_.data = view(raw_.data);
    event_.id = view(raw_.id);
    event_.extra = view(raw_.extra);
    event_.step = raw_.step;
    event_.steps = raw_.steps;
    // An older plugin does not have the field and leaves it as it came: 0.
    event_.step_time = std::chrono::nanoseconds(std::max<std::int64_t>(raw_.step_ns, 0));
    switch (event_.kind) {
      case Event::Kind::kStart:
        meta_.model = view(raw_.id);
        meta_.extra = view(raw_.extra);
        event_.meta = &meta_;
        warns_ = format_.warning().has_value();
        break;
      case Event::Kind::kUsage: take_usage(); break;
      case Event::Kind::kFinish:
        event_.finish = finish_of(raw_.finish);
        take_usage();
        break;
      case Event::Kind::kMedia:
        event_.preview = raw_.preview != 0;
        if (raw_.blob) take_media(whole(*raw_.blob));
        break;
      case Event::Kind::kVectors: take_vectors(raw_.blob ? whole(*raw_.blob) : infer_blob{}); break;
      case Event::Kind::kDelta:
        if (raw_.n_logprobs != 0 && raw_.logprobs) take_logprobs();
        break;
      default: break;
    }
  }

  void take_usage() {
    if (!raw_.usage) return;
    convert(whole(*raw_.usage), usage_);
    event_.usage = &usage_;
  }

  void take_media(const infer_blob& blob) {
    if (!is_sound(blob))
      return fail(Error(Errc::kEngine, "the plugin gave a picture without all of its bytes"));
    media_ = media_of(blob);
    event_.media = &media_;
  }

  void take_vectors(const infer_blob& blob) {
    const std::uint64_t numbers = std::uint64_t{blob.width} * blob.height;
    if (blob.type != INFER_F32 || !is_sound(blob) || numbers == 0 ||
        numbers > blob.bytes / sizeof(float) || blob.bytes % sizeof(float) != 0)
      return fail(Error(Errc::kEngine, "the plugin gave vectors without all of their numbers"));
    event_.vectors = {static_cast<const float*>(blob.data), static_cast<std::size_t>(numbers)};
    event_.dimensions = blob.width;
  }

  // n_logprobs tokens, each followed by n_top alternatives.
  void take_logprobs() {
    logprobs_.clear();
    const std::size_t row = 1 + std::size_t{raw_.n_top};
    for (std::size_t i = 0; i < raw_.n_logprobs * row; ++i) {
      const infer_logprob& from = raw_.logprobs[i];
      logprobs_.push_back(
          {from.token, from.logprob, view(from.bytes), i % row == 0 ? raw_.n_top : 0});
    }
    event_.logprobs = logprobs_;
  }

  const Model& model_;
  Watch watch_;
  infer_source* handle_ = nullptr;
  Waker waker_;
  std::atomic<bool> has_waker_{false};
  Step step_ = Step::kPending;  // kPending: still running
  std::optional<Error> error_;
  Event event_;
  Usage usage_;
  Meta meta_;
  Media media_;
  PictureFormat format_;
  bool warns_ = false;
  std::vector<TokenLogprob> logprobs_;
  infer_event raw_{};
  infer_error error_buffer_{};
};

}  // namespace

std::unique_ptr<Source> open_source(const Model& model, const Request& request, const Call& call) {
  auto source = std::make_unique<PluginSource>(model, call);
  source->open(request);
  return source;
}

}  // namespace infer::plugin
