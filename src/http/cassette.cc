#include "src/http/cassette.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "src/core/utf8.h"
#include "src/http/cassette_file.h"
#include "src/port/append.h"
#include "src/port/file.h"

namespace infer::http {
namespace {

constexpr std::int64_t kMaxCassette = std::int64_t{1024} * 1024 * 1024;
constexpr std::size_t kMaxAnswer = std::size_t{256} * 1024 * 1024;
// What a piece costs in memory besides its bytes.
constexpr std::size_t kPieceCost = 64;
// A server that is faster than this reader must not keep the thread for itself.
constexpr int kPullsAtATime = 64;

// Gives a recorded exchange, each piece in memory of its own.
class Playback {
 public:
  explicit Playback(std::shared_ptr<const Recorded> exchange) : exchange_(std::move(exchange)) {}

  Step pull(std::string_view& bytes) {
    const auto& pieces = exchange_->pieces;
    if (at_ < pieces.size() || (!begun_ && exchange_->head.status != 0)) {
      begun_ = true;
      bytes = give(at_ < pieces.size() ? std::string_view(pieces[at_]) : std::string_view());
      ++at_;
      return Step::kEvent;
    }
    return exchange_->error ? Step::kError : Step::kEnd;
  }
  const HttpHead& head() const noexcept { return begun_ ? exchange_->head : none_; }
  Error take_error() const { return *exchange_->error; }

 private:
  std::string_view give(std::string_view piece) {
    memory_ = std::make_unique<char[]>(piece.size() + kPadding);
    if (!piece.empty()) std::memcpy(memory_.get(), piece.data(), piece.size());
    return {memory_.get(), piece.size()};
  }

  std::shared_ptr<const Recorded> exchange_;
  HttpHead none_{};
  std::unique_ptr<char[]> memory_{};
  std::size_t at_ = 0;
  bool begun_ = false;
};

// What a request is found by, without its secrets.
Recorded question(const HttpRequest& request, const std::vector<std::string>& secrets) {
  Recorded asked;
  asked.method = request.method;
  asked.path = path_of(request.url);
  asked.request_headers = request.headers;
  asked.body = request.body;
  take_out(secrets, asked);
  return asked;
}

// An exchange that is decided before its first pull, or at it.
class Decided : public Exchange {
 public:
  Step pull(Poller& poller, std::string_view& bytes) final {
    if (!playback_ && !error_) {
      const auto step = decide(poller);
      if (step) return *step;
    }
    return error_ ? Step::kError : playback_->pull(bytes);
  }
  const HttpHead& head() const noexcept final { return playback_ ? playback_->head() : none_; }
  Error take_error() final { return error_ ? *error_ : playback_->take_error(); }

 protected:
  // Calls play() or fail(), or gives kPending.
  virtual std::optional<Step> decide(Poller& poller) = 0;
  void play(std::shared_ptr<const Recorded> exchange) { playback_.emplace(std::move(exchange)); }
  void fail(Error error) { error_ = std::move(error); }

 private:
  HttpHead none_{};
  std::optional<Playback> playback_{};
  std::optional<Error> error_{};
};

// ---- replaying

// A cassette in memory, read at the first request.
class Shelf {
 public:
  Shelf(std::string path, std::vector<std::string> secrets, Canonical canonical)
      : path_(std::move(path)), secrets_(std::move(secrets)), canonical_(std::move(canonical)) {}

  Result<std::shared_ptr<const Recorded>> find(const HttpRequest& request) {
    const Recorded asked = question(request, secrets_);
    std::lock_guard lock(mutex_);
    if (!loaded_)
      if (auto error = load()) return *error;
    const auto place = places_.find(key_of(asked));
    if (place == places_.end()) return missing(asked);
    Place& at = place->second;
    const std::size_t i = at.exchanges[std::min(at.given, at.exchanges.size() - 1)];
    ++at.given;
    return all_[i];
  }

 private:
  struct Place {
    std::vector<std::size_t> exchanges{};  // equal requests, in their order
    std::size_t given = 0;
  };

  std::string body_of(const Recorded& exchange) const {
    return canonical_ ? canonical_(exchange.body) : exchange.body;
  }
  std::string key_of(const Recorded& exchange) const {
    return exchange.method + ' ' + exchange.path + '\n' + body_of(exchange);
  }

  std::optional<Error> load() {
    const auto file = port::File::open(path_);
    if (!file) return unreadable(file.error());
    const std::int64_t size = file->size();
    if (size > kMaxCassette)
      return Error(Errc::kTooLarge, "cassette \"" + path_ + "\" is larger than 1 GiB");
    std::string text(size > 0 ? static_cast<std::size_t>(size) : 0, '\0');
    if (file->read_at(0, text.data(), text.size()) != text.size())
      return Error(Errc::kIo, "cassette \"" + path_ + "\" cannot be read");
    auto all = read_cassette(text, path_);
    if (!all) return all.error();
    for (Recorded& one : *all) {
      places_[key_of(one)].exchanges.push_back(all_.size());
      all_.push_back(std::make_shared<const Recorded>(std::move(one)));
    }
    loaded_ = true;
    return std::nullopt;
  }

  static Error unreadable(const Error& why) {
    return Error(why.code(), "the cassette cannot be opened: " + why.message());
  }

  Error missing(const Recorded& asked) const;

  const std::string path_;
  const std::vector<std::string> secrets_;
  const Canonical canonical_;
  std::mutex mutex_;
  bool loaded_ = false;
  std::vector<std::shared_ptr<const Recorded>> all_{};
  std::map<std::string, Place> places_{};
};

std::size_t common_prefix(std::string_view a, std::string_view b) {
  const std::size_t n = std::min(a.size(), b.size());
  return static_cast<std::size_t>(
      std::mismatch(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(n), b.begin()).first -
      a.begin());
}

// What stands around a place, for people.
std::string excerpt(std::string_view text, std::size_t at) {
  constexpr std::size_t kBefore = 20, kLong = 60;
  const std::size_t from = at > kBefore ? at - kBefore : 0;
  std::string out = core::utf8_repaired(text.substr(std::min(from, text.size()), kLong));
  for (char& c : out)
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7F) c = ' ';
  return (from > 0 ? "..." : "") + out + (from + kLong < text.size() ? "..." : "");
}

Error Shelf::missing(const Recorded& asked) const {
  const std::string name = asked.method + ' ' + asked.path;
  const std::string begin = "cassette \"" + path_ + "\" holds no answer to " + name;
  if (all_.empty()) return Error(Errc::kNotFound, begin + "; it is empty");
  const std::string body = body_of(asked);
  const Recorded* nearest = nullptr;
  std::pair<std::size_t, std::size_t> best{};
  for (const auto& one : all_) {
    const std::string other = one->method + ' ' + one->path;
    const bool same = other == name;
    const std::pair<std::size_t, std::size_t> likeness = {
        same ? name.size() + 1 : common_prefix(name, other),
        same ? common_prefix(body, body_of(*one)) : 0};
    if (nearest && likeness <= best) continue;
    nearest = one.get();
    best = likeness;
  }
  const std::string line = std::to_string(nearest->line);
  if (best.first <= name.size())
    return Error(Errc::kNotFound, begin + "; the nearest, in line " + line + ", is " +
                                      nearest->method + ' ' + nearest->path)
        .with_detail("line", line);
  return Error(Errc::kNotFound, begin + " with this body; the nearest, in line " + line +
                                    ", differs from byte " + std::to_string(best.second) +
                                    " on: recorded: " + excerpt(body_of(*nearest), best.second) +
                                    " asked: " + excerpt(body, best.second))
      .with_detail("line", line)
      .with_detail("offset", std::to_string(best.second));
}

class Replaying final : public Decided {
 public:
  Replaying(std::shared_ptr<Shelf> shelf, HttpRequest request)
      : shelf_(std::move(shelf)), request_(std::move(request)) {}

 protected:
  std::optional<Step> decide(Poller&) override {
    auto found = shelf_->find(request_);
    if (found)
      play(std::move(*found));
    else
      fail(std::move(found.error()));
    return std::nullopt;
  }

 private:
  std::shared_ptr<Shelf> shelf_;
  HttpRequest request_;
};

// ---- recording

struct Recorder {
  std::string path{};
  std::shared_ptr<const Transport> inner{};
  std::vector<std::string> secrets{};
};

class Recording final : public Decided {
 public:
  Recording(std::shared_ptr<const Recorder> recorder, HttpRequest request)
      : recorder_(std::move(recorder)), request_(std::move(request)) {}

 protected:
  std::optional<Step> decide(Poller& poller) override {
    if (!inner_) {
      // Before anything is asked and paid for: can it be kept at all?
      if (auto error = begin()) {
        fail(std::move(*error));
        return std::nullopt;
      }
      exchange_ = question(request_, recorder_->secrets);
      inner_ = recorder_->inner->start(std::move(request_));
    }
    for (int i = 0; i < kPullsAtATime; ++i) {
      std::string_view bytes;
      switch (inner_->pull(poller, bytes)) {
        case Step::kPending: return Step::kPending;
        case Step::kEvent:
          if (!add(bytes)) return std::nullopt;
          break;
        case Step::kError: exchange_.error = inner_->take_error(); [[fallthrough]];
        case Step::kEnd: finish(); return std::nullopt;
      }
    }
    poller.waker().wake();
    return Step::kPending;
  }

 private:
  bool add(std::string_view bytes) {
    held_ += bytes.size() + kPieceCost;
    if (!bytes.empty()) exchange_.pieces.emplace_back(bytes);
    if (held_ <= kMaxAnswer) return true;
    fail(Error(Errc::kTooLarge, "an answer of more than 256 MiB is not recorded"));
    inner_.reset();
    return false;
  }

  void finish() {
    exchange_.head = inner_->head();
    inner_.reset();
    take_out(recorder_->secrets, exchange_);
    const std::string text = to_text(exchange_);
    exchange_ = {};
    const auto appended = port::append(recorder_->path, kCassetteHead, text);
    if (!appended) return fail(unwritable(appended.error()));
    // Not what came, but what a replay will give.
    auto written = read_cassette(std::string(kCassetteHead) + text, recorder_->path);
    if (!written) return fail(std::move(written.error()));
    play(std::make_shared<const Recorded>(std::move(written->front())));
  }

  // What is in the way of appending to the file.
  std::optional<Error> begin() const {
    for (const char c : request_.method + request_.url)
      if (static_cast<unsigned char>(c) <= ' ' || c == 0x7F)
        return Error(Errc::kInvalidRequest,
                     "the method or the address of a request holds a space or a control character");
    if (const auto file = port::File::open(recorder_->path); file && file->size() > 0) {
      std::string head(kCassetteHead.size(), '\0');
      head.resize(file->read_at(0, head.data(), head.size()));
      const auto read = read_cassette(head, recorder_->path);
      if (!head.empty() && !read) return read.error();
    }
    const auto appended = port::append(recorder_->path, kCassetteHead, {});
    if (!appended) return unwritable(appended.error());
    return std::nullopt;
  }

  static Error unwritable(const Error& why) {
    return Error(why.code(), "the cassette cannot be written: " + why.message());
  }

  std::shared_ptr<const Recorder> recorder_;
  HttpRequest request_;
  std::unique_ptr<Exchange> inner_{};
  Recorded exchange_{};
  std::size_t held_ = 0;
};

// ---- the transport

class CassetteTransport final : public Transport {
 public:
  CassetteTransport(std::shared_ptr<Shelf> shelf, std::shared_ptr<const Recorder> recorder)
      : shelf_(std::move(shelf)), recorder_(std::move(recorder)) {}

  std::unique_ptr<Exchange> start(HttpRequest request) const override {
    if (recorder_) return std::make_unique<Recording>(recorder_, std::move(request));
    return std::make_unique<Replaying>(shelf_, std::move(request));
  }

 private:
  std::shared_ptr<Shelf> shelf_;  // one of the two
  std::shared_ptr<const Recorder> recorder_;
};

}  // namespace

std::shared_ptr<const Transport> cassette_transport(Cassette cassette,
                                                    std::shared_ptr<const Transport> inner,
                                                    std::vector<std::string> secrets,
                                                    Canonical canonical) {
  if (cassette.mode == Cassette::Mode::kRecord)
    return std::make_shared<CassetteTransport>(
        nullptr, std::make_shared<const Recorder>(
                     Recorder{std::move(cassette.path), std::move(inner), std::move(secrets)}));
  return std::make_shared<CassetteTransport>(
      std::make_shared<Shelf>(std::move(cassette.path), std::move(secrets), std::move(canonical)),
      nullptr);
}

}  // namespace infer::http
