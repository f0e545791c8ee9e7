#include "infer/error.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <ostream>
#include <utility>
#include <vector>

namespace infer {
inline namespace v0 {
namespace {

constexpr std::array<std::string_view, 25> kNames = {
    "invalid_request",  "unauthorized",   "forbidden",
    "not_found",        "unsupported",    "context_overflow",
    "content_filtered", "rate_limited",   "quota_exceeded",
    "budget_exceeded",  "overloaded",     "timeout",
    "cancelled",        "network",        "tls",
    "truncated",        "protocol",       "too_large",
    "out_of_memory",    "model_invalid",  "io",
    "engine",           "engine_crashed", "server_error",
    "invalid_output"};
static_assert(static_cast<std::size_t>(Errc::kInvalidOutput) + 1 == kNames.size());

constexpr std::size_t kMaxBody = 4096;

RetryHint default_retry(Errc code) {
  switch (code) {
    case Errc::kRateLimited:
    case Errc::kOverloaded:
    case Errc::kNetwork: return RetryHint::kYes;
    default: return RetryHint::kNo;
  }
}

}  // namespace

std::string_view to_string(Errc code) noexcept {
  const auto i = static_cast<std::size_t>(code);
  return i < kNames.size() ? kNames[i] : std::string_view("engine");
}

std::optional<Errc> errc_from_string(std::string_view name) noexcept {
  for (std::size_t i = 0; i < kNames.size(); ++i)
    if (kNames[i] == name) return static_cast<Errc>(i);
  return std::nullopt;
}

struct Error::Rep {
  std::atomic<int> refs{1};
  Errc code = Errc::kInvalidRequest;
  RetryHint retry = RetryHint::kNo;
  int http_status = 0;
  std::optional<std::chrono::milliseconds> retry_after{};
  std::string message{}, provider{}, provider_code{}, request_id{}, body{};
  std::vector<std::pair<std::string, std::string>> details{};
  std::shared_ptr<const Response> partial{};

  Rep() = default;
  Rep(const Rep& o)
      : code(o.code),
        retry(o.retry),
        http_status(o.http_status),
        retry_after(o.retry_after),
        message(o.message),
        provider(o.provider),
        provider_code(o.provider_code),
        request_id(o.request_id),
        body(o.body),
        details(o.details),
        partial(o.partial) {}
  void release() {
    if (refs.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }
  // What a moved-from Error reads as.
  static const Rep& empty() {
    static const Rep* rep = [] {
      auto* r = new Rep;
      r->message = "this error was moved from";
      return r;
    }();
    return *rep;
  }
  static const Rep& of(const Rep* rep) { return rep ? *rep : empty(); }
};

Error::Error(Errc code, std::string message) : rep_(new Rep) {
  rep_->code = code;
  rep_->retry = default_retry(code);
  rep_->message = std::move(message);
}
Error::Error(const Error& o) noexcept : rep_(o.rep_) {
  if (rep_) rep_->refs.fetch_add(1, std::memory_order_relaxed);
}
Error::Error(Error&& o) noexcept : rep_(std::exchange(o.rep_, nullptr)) {}
Error& Error::operator=(const Error& o) noexcept {
  Error copy(o);
  std::swap(rep_, copy.rep_);
  return *this;
}
Error& Error::operator=(Error&& o) noexcept {
  std::swap(rep_, o.rep_);
  return *this;
}
Error::~Error() {
  if (rep_) rep_->release();
}

Error::Rep& Error::mine() {
  if (!rep_ || rep_->refs.load(std::memory_order_acquire) != 1) {
    Rep* copy = new Rep(Rep::of(rep_));
    if (rep_) rep_->release();
    rep_ = copy;
  }
  return *rep_;
}

Errc Error::code() const noexcept { return Rep::of(rep_).code; }
const std::string& Error::message() const noexcept { return Rep::of(rep_).message; }
const std::string& Error::provider() const noexcept { return Rep::of(rep_).provider; }
const std::string& Error::provider_code() const noexcept { return Rep::of(rep_).provider_code; }
int Error::http_status() const noexcept { return Rep::of(rep_).http_status; }
const std::string& Error::request_id() const noexcept { return Rep::of(rep_).request_id; }
const std::string& Error::body() const noexcept { return Rep::of(rep_).body; }
std::optional<std::chrono::milliseconds> Error::retry_after() const noexcept {
  return Rep::of(rep_).retry_after;
}
RetryHint Error::retry() const noexcept { return Rep::of(rep_).retry; }
std::string_view Error::detail(std::string_view key) const noexcept {
  for (const auto& [name, value] : Rep::of(rep_).details)
    if (name == key) return value;
  return {};
}
const std::vector<std::pair<std::string, std::string>>& Error::details() const noexcept {
  return Rep::of(rep_).details;
}
const Response* Error::partial() const noexcept { return Rep::of(rep_).partial.get(); }

Error Error::with_provider(std::string name) && {
  mine().provider = std::move(name);
  return std::move(*this);
}
Error Error::with_provider_code(std::string code) && {
  mine().provider_code = std::move(code);
  return std::move(*this);
}
Error Error::with_http_status(int status) && {
  mine().http_status = status;
  return std::move(*this);
}
Error Error::with_request_id(std::string id) && {
  mine().request_id = std::move(id);
  return std::move(*this);
}
Error Error::with_body(std::string_view body) && {
  std::size_t n = std::min(body.size(), kMaxBody);
  // A character of UTF-8 is not cut in two: up to three bytes back is where it begins.
  for (int i = 0; i < 3 && n > 0 && n < body.size() && (body[n] & 0xC0) == 0x80; ++i) --n;
  mine().body = std::string(body.substr(0, n));
  return std::move(*this);
}
Error Error::with_retry_after(std::chrono::milliseconds wait) && {
  mine().retry_after = wait;
  return std::move(*this);
}
Error Error::with_retry(RetryHint hint) && {
  mine().retry = hint;
  return std::move(*this);
}
Error Error::with_detail(std::string key, std::string value) && {
  auto& details = mine().details;
  for (auto& [name, old] : details) {
    if (name == key) {
      old = std::move(value);
      return std::move(*this);
    }
  }
  details.emplace_back(std::move(key), std::move(value));
  return std::move(*this);
}
Error Error::with_partial(std::shared_ptr<const Response> partial) && {
  mine().partial = std::move(partial);
  return std::move(*this);
}

std::ostream& operator<<(std::ostream& out, const Error& error) {
  out << to_string(error.code()) << ": ";
  if (!error.provider().empty()) out << error.provider() << ": ";
  out << error.message();
  if (error.http_status() != 0) out << " (http " << error.http_status() << ")";
  return out;
}

}  // namespace v0
}  // namespace infer
