#include "src/conformance/plugin_stream.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <thread>
#include <utility>

#include "src/conformance/text.h"
#include "src/plugin/codes.h"

namespace infer {
inline namespace v0 {
namespace {

std::atomic<std::int64_t> g_late_wakes{0};
std::atomic<std::int64_t> g_granted{0};

// What infer_open.wake rings. A plugin that breaks wake.after_close rings it at any time, so bells
// are never freed; the list keeps them reachable.
class Bell {
 public:
  static Bell* make() {
    static std::mutex mutex;
    static auto* const all = new std::vector<std::unique_ptr<Bell>>;
    std::lock_guard lock(mutex);
    all->push_back(std::make_unique<Bell>());
    return all->back().get();
  }
  static void ring(void* bell) { static_cast<Bell*>(bell)->ring(); }

  std::uint64_t rings() {
    std::lock_guard lock(mutex_);
    return rings_;
  }
  // True once it has rung more often than `before`.
  bool wait(std::uint64_t before, std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    return rang_.wait_for(lock, patience, [&] { return rings_ > before; });
  }
  void close() {
    std::lock_guard lock(mutex_);
    closed_ = true;
  }

 private:
  void ring() {
    std::lock_guard lock(mutex_);
    if (closed_) g_late_wakes.fetch_add(1);
    ++rings_;
    rang_.notify_all();
  }
  std::mutex mutex_;
  std::condition_variable rang_;
  std::uint64_t rings_ = 0;
  bool closed_ = false;
};

std::uint32_t acquire(void*, std::uint32_t want) {
  // One processor is left to the rest of the machine.
  const std::uint32_t all = std::max(2u, std::thread::hardware_concurrency()) - 1;
  const std::uint32_t granted = std::min(std::max(want, 1u), all);
  g_granted.fetch_add(granted);
  return granted;
}
void release(void*, std::uint32_t granted) { g_granted.fetch_sub(granted); }
void log(void*, std::int32_t, infer_str) {}

std::string_view view(infer_str text) {
  return text.data ? std::string_view(text.data, text.size) : std::string_view();
}

template <std::size_t N>
std::string_view line_of(const char (&text)[N]) {
  return std::string_view(text, strnlen(text, N));
}

class PluginStream final : public Stream {
 public:
  PluginStream(PluginSubject& subject, const std::string& request, std::uint32_t task);
  ~PluginStream() override;
  Step step() override;
  const Event& event() const override { return event_; }
  Error error() const override { return *error_; }
  bool wait(std::chrono::milliseconds patience) override {
    return bell_->wait(rings_before_, patience);
  }
  void cancel() override;

 private:
  Step take_event();
  void take_usage(const infer_usage& theirs);
  void take_logprobs(const infer_event& event);
  void take_vectors(const infer_blob* theirs);
  void take_media(const infer_blob* theirs);
  void check_enumerators(const infer_event& event);

  PluginSubject& subject_;
  const infer_plugin* table_;
  Bell* bell_ = Bell::make();
  infer_source* source_ = nullptr;
  std::uint64_t rings_before_ = 0;
  OutStruct<infer_event> out_;
  ErrorOut error_out_;
  std::optional<Error> error_;
  Event event_;
  Usage usage_;
  Media media_;
  std::vector<TokenLogprob> logprobs_;
};

PluginStream::PluginStream(PluginSubject& subject, const std::string& request, std::uint32_t task)
    : subject_(subject), table_(subject.table()), error_out_(subject.sizes.error) {
  // A newer host's struct is longer, and what stands there is not ours to read.
  struct {
    infer_open open;
    unsigned char newer[64];
  } how;
  std::memset(&how, 0xA5, sizeof how);
  how.open = infer_open{};
  how.open.size = subject.sizes.open;
  how.open.task = task;
  how.open.request = {request.data(), request.size()};
  how.open.wake_ctx = bell_;
  how.open.wake = &Bell::ring;
  int code = 0;
  {
    SlowCalls::Lap lap(subject.slow, Duty::kOpen);
    code = table_->open(subject.model(), &how.open, &source_, error_out_.get());
  }
  if (code < 0) {
    error_ = error_out_.take(subject.journal, "open", code);
    source_ = nullptr;
  } else if (source_ == nullptr) {
    subject.journal.broken("open.failed", "open went well and gave no source");
    error_ = Error(Errc::kEngine, "open gave no source");
  }
}

PluginStream::~PluginStream() {
  if (source_) {
    SlowCalls::Lap lap(subject_.slow, Duty::kClose);
    table_->close(source_);
  }
  bell_->close();
}

void PluginStream::cancel() {
  if (!source_) return;
  SlowCalls::Lap lap(subject_.slow, Duty::kCancel);
  table_->cancel(source_);
}

Step PluginStream::step() {
  if (!source_) return Step::kError;
  rings_before_ = bell_->rings();
  out_.prepare(subject_.sizes.event, true);
  int code = 0;
  {
    SlowCalls::Lap lap(subject_.slow, Duty::kNext);
    code = table_->next(source_, out_.get(), error_out_.get());
  }
  subject_.journal.check("size.overrun", out_.guards_hold(),
                         out_.same_size() ? "next wrote beyond the size of its event, " +
                                                std::to_string(subject_.sizes.event) + " bytes"
                                          : "next changed the size field of its event");
  if (code == INFER_EVENT) return take_event();
  if (code == INFER_PENDING) return Step::kPending;
  if (code == INFER_END) return Step::kEnd;
  if (code > 0 || code < INFER_E_INVALID_OUTPUT)
    subject_.journal.broken("next.result", "next returned " + std::to_string(code));
  error_ = error_out_.take(subject_.journal, "next", code < 0 ? code : INFER_E_ENGINE);
  return Step::kError;
}

void PluginStream::take_usage(const infer_usage& theirs) {
  infer_usage usage{};
  std::memcpy(&usage, &theirs, std::min<std::size_t>(theirs.size, sizeof usage));
  constexpr std::uint32_t kFigures = 9;
  if (theirs.size < offsetof(infer_usage, input) || (usage.known >> kFigures) != 0)
    subject_.journal.broken("usage.empty", "size " + std::to_string(theirs.size) + ", known bits " +
                                               std::to_string(usage.known));
  const auto figure = [&](int bit, std::int64_t value) {
    return (usage.known >> bit & 1u) ? std::optional<std::int64_t>(value) : std::nullopt;
  };
  usage_ = Usage{};
  usage_.input = figure(0, usage.input);
  usage_.cache_read = figure(1, usage.cache_read);
  usage_.cache_write = figure(2, usage.cache_write);
  usage_.output = figure(3, usage.output);
  usage_.reasoning = figure(4, usage.reasoning);
  event_.usage = &usage_;
}

void PluginStream::take_logprobs(const infer_event& event) {
  logprobs_.clear();
  const std::size_t all = static_cast<std::size_t>(event.n_logprobs) * (1 + event.n_top);
  for (std::size_t i = 0; event.logprobs != nullptr && i < all; ++i) {
    const infer_logprob& token = event.logprobs[i];
    const bool chosen = i % (1 + event.n_top) == 0;
    logprobs_.push_back({token.token, token.logprob, view(token.bytes), chosen ? event.n_top : 0});
  }
  event_.logprobs = logprobs_;
}

void PluginStream::take_vectors(const infer_blob* theirs) {
  infer_blob blob{};
  if (theirs) std::memcpy(&blob, theirs, std::min<std::size_t>(theirs->size, sizeof blob));
  const std::uint64_t numbers = std::uint64_t{blob.width} * blob.height;
  const bool sound =
      blob.type == INFER_F32 && blob.data && numbers != 0 && blob.bytes == numbers * sizeof(float);
  if (!subject_.journal.check("embed.rows", sound,
                              "VECTORS of " + std::to_string(blob.height) + " rows of " +
                                  std::to_string(blob.width) + " with " +
                                  std::to_string(blob.bytes) + " bytes of type " +
                                  std::to_string(blob.type)))
    return;
  event_.vectors = {static_cast<const float*>(blob.data), static_cast<std::size_t>(numbers)};
  event_.dimensions = blob.width;
}

void PluginStream::take_media(const infer_blob* theirs) {
  infer_blob blob{};
  if (theirs) std::memcpy(&blob, theirs, std::min<std::size_t>(theirs->size, sizeof blob));
  if (blob.data == nullptr || (blob.type != INFER_BYTES && blob.type != INFER_U8)) return;
  std::string bytes(static_cast<const char*>(blob.data), blob.bytes);
  media_ = Media{};
  media_.mime = view(blob.mime);
  if (blob.type == INFER_U8)
    media_.source =
        Pixels{Blob(std::move(bytes)), blob.width, blob.height, blob.channels, blob.stride};
  else
    media_.source = Blob(std::move(bytes));
  event_.media = &media_;
}

void PluginStream::check_enumerators(const infer_event& event) {
  if (event.part_kind > INFER_PART_OPAQUE)
    subject_.journal.broken("part.kind", "part_kind is " + std::to_string(event.part_kind));
  const bool known = (event.finish >= INFER_FIN_STOP && event.finish <= INFER_FIN_CONTEXT_FULL) ||
                     event.finish == INFER_FIN_OTHER;
  if (event.kind == INFER_EV_FINISH)
    subject_.journal.check("finish.reason", known, "finish is " + std::to_string(event.finish));
  const bool dangling =
      (event.data.size && !event.data.data) || (event.id.size && !event.id.data) ||
      (event.extra.size && !event.extra.data) || (event.n_logprobs && !event.logprobs);
  subject_.journal.check("event.view", !dangling, "a view has a size and points to nothing");
}

Step PluginStream::take_event() {
  const infer_event event = out_.copy();
  check_enumerators(event);
  event_ = Event{};
  event_.kind = static_cast<Event::Kind>(std::min<std::uint16_t>(event.kind, 255));
  event_.part_kind = static_cast<Event::PartKind>(std::min<std::uint16_t>(event.part_kind, 255));
  event_.finish = static_cast<Finish>(std::min<std::uint32_t>(event.finish, 255));
  event_.preview = event.preview != 0;
  event_.choice = event.choice;
  event_.part = event.part;
  event_.step = event.step;
  event_.steps = event.steps;
  event_.data = view(event.data);
  event_.id = view(event.id);
  event_.extra = view(event.extra);
  if (event.usage) take_usage(*event.usage);
  take_logprobs(event);
  if (event.kind == INFER_EV_VECTORS) take_vectors(event.blob);
  if (event.kind == INFER_EV_MEDIA) take_media(event.blob);
  return Step::kEvent;
}

}  // namespace

Error ErrorOut::take(Journal& journal, const char* call, int code) {
  const std::string where = std::string(call) + " failed with " + std::to_string(code);
  journal.check("size.overrun", out_.guards_hold(), where + " and wrote beyond its infer_error");
  const bool written = !out_.untouched_from(sizeof(std::uint32_t));
  const infer_error error = out_.copy();
  const std::string_view message = line_of(error.message);
  journal.check("error.no_message", written && !message.empty(), where + " and an empty message");
  if (written && !message.empty()) {
    journal.check("error.message",
                  message.size() < sizeof error.message && is_utf8(message) &&
                      message.find('\n') == std::string_view::npos,
                  where + " and the message " + printable(message));
    const std::string_view details = line_of(error.details);
    const bool all_set =
        error.details[0] != '\xA5' && error.request_id[0] != '\xA5' && error.body[0] != '\xA5';
    journal.check("error.unset", all_set, where + " and left fields as they were");
    if (all_set)
      journal.check("error.details", details.empty() || is_json(details),
                    where + " and the details " + printable(details));
  }
  prepare();
  return Error(plugin::errc_of(code), written ? std::string(message) : std::string());
}

const infer_host* check_host() {
  static const infer_host host = {sizeof(infer_host), INFER_ABI, nullptr, &log, &acquire, &release};
  return &host;
}
std::int64_t granted_threads() { return g_granted.load(); }
std::int64_t late_wakes() { return g_late_wakes.load(); }

std::string request_json(const std::string& quoted_prompt, std::int64_t max_tokens,
                         const std::string& more) {
  std::string request = "{";
  if (max_tokens > 0) request += "\"max_tokens\":" + std::to_string(max_tokens) + ",";
  request += "\"messages\":[{\"parts\":[{\"text\":" + quoted_prompt +
             ",\"type\":\"text\"}],\"role\":\"user\"}],";
  return request + more + "\"task\":\"text\",\"temperature\":0}";
}

namespace {
std::string picture_of(const Ask& ask) {
  const AskPicture& what = *ask.picture;
  std::string more;
  const auto number = [&](const char* name, std::uint64_t value) {
    if (value != 0) more += '"' + std::string(name) + "\":" + std::to_string(value) + ",";
  };
  if (!what.format.empty()) more += "\"format\":" + json_quoted(what.format) + ",";
  number("height", what.height);
  if (ask.n != 1) number("n", ask.n);
  number("previews", what.previews);
  number("seed", what.seed);
  number("steps", what.steps);
  number("width", what.width);
  return picture_json(ask.no_words ? "\"\"" : json_quoted(ask.prompt), more);
}
}  // namespace

std::unique_ptr<Stream> PluginSubject::open_json(const std::string& request, std::uint32_t task) {
  return std::make_unique<PluginStream>(*this, request, task);
}

std::string picture_json(const std::string& quoted_prompt, const std::string& more) {
  return "{" + more + "\"prompt\":" + quoted_prompt + ",\"task\":\"image\"}";
}

std::string PluginSubject::plain_json(const std::string& quoted_prompt,
                                      const std::string& more) const {
  if (!paints) return request_json(quoted_prompt, max_tokens, more);
  const std::uint32_t steps = options.steps;
  return picture_json(quoted_prompt,
                      more + (steps != 0 ? "\"steps\":" + std::to_string(steps) + "," : ""));
}

std::unique_ptr<Stream> PluginSubject::open(const Ask& ask) {
  if (ask.picture) return open_json(picture_of(ask), INFER_TASK_IMAGE);
  if (ask.no_words) return open_json("{\"messages\":[],\"task\":\"text\"}");
  std::string more;
  if (ask.n != 1) more += "\"n\":" + std::to_string(ask.n) + ",";
  if (ask.logprobs) more += "\"logprobs\":{\"top\":1},";
  if (ask.json) more += "\"output\":{\"type\":\"json_object\"},";
  if (!ask.stop.empty()) {
    more += "\"stop\":[";
    for (const std::string& stop : ask.stop)
      more += (more.back() == '[' ? "" : ",") + json_quoted(stop);
    more += "],";
  }
  if (ask.tools)
    more +=
        "\"tool_choice\":\"required\",\"tools\":[{\"description\":\"The weather in a city\","
        "\"name\":\"get_weather\",\"schema\":"
        "\"{\\\"type\\\":\\\"object\\\",\\\"properties\\\":{\\\"city\\\":{\\\"type\\\":"
        "\\\"string\\\"}},"
        "\\\"required\\\":[\\\"city\\\"]}\"}],";
  return open_json(request_json(json_quoted(ask.prompt), ask.max_tokens, more));
}

Outcome PluginSubject::ask_json(const std::string& request, std::uint32_t task) {
  Reading reading(*this, 1, open_json(request, task));
  return reading.read();
}

}  // namespace v0
}  // namespace infer
