// For tests: events of every kind with anything at all in their fields, and whether two are equal.
#ifndef INFER_SRC_CORE_RANDOM_EVENTS_H_
#define INFER_SRC_CORE_RANDOM_EVENTS_H_

#include <bit>
#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "infer/infer.h"

namespace infer::test {

class RandomEvents {
 public:
  explicit RandomEvents(std::uint32_t seed) : random_(seed) {}

  std::uint32_t below(std::uint32_t n) { return random_() % n; }
  bool coin() { return below(2) == 0; }

  // Empty, text, or bytes of any kind.
  std::string bytes() {
    const std::uint32_t what = below(4);
    if (what == 0) return {};
    if (what == 1)
      return pick({"a", "{\"k\": [1, 2]}", "\xe4\xbd\xa0\xe5\xa5\xbd", "\"\\\n\t\x01",
                   std::string("nul\0inside", 10), "\xf0\x9f\xa6\x8a"});
    std::string any(below(40), '\0');
    for (char& c : any) c = static_cast<char>(what == 2 ? random_() : 32 + below(95));
    return any;
  }
  std::uint32_t number() {
    return coin() ? below(5) : coin() ? random_() : std::numeric_limits<std::uint32_t>::max();
  }
  float real() {
    switch (below(6)) {
      case 0: return std::numeric_limits<float>::infinity();
      case 1: return -std::numeric_limits<float>::infinity();
      case 2: return -0.0f;
      case 3: return std::numeric_limits<float>::denorm_min();
      case 4: return std::uniform_real_distribution<float>(-20, 0)(random_);
      default: {
        const float any = std::bit_cast<float>(static_cast<std::uint32_t>(random_()));
        return any == any ? any : std::numeric_limits<float>::quiet_NaN();
      }
    }
  }

  Usage usage() {
    Usage u;
    for (auto* count : {&u.input, &u.cache_read, &u.cache_write, &u.output, &u.reasoning})
      if (coin()) *count = wide();
    auto& t = u.timing;
    for (auto* time : {&t.queue, &t.connect, &t.prefill, &t.first, &t.decode})
      if (coin()) *time = std::chrono::nanoseconds(wide());
    u.raw = bytes();
    return u;
  }
  Media media() {
    Media m;
    m.mime = bytes();
    m.detail = bytes();
    m.name = bytes();
    switch (below(4)) {
      case 0: m.source = Blob(bytes()); break;
      case 1: m.source = Url{bytes()}; break;
      case 2: m.source = FileId{bytes()}; break;
      default: m.source = Pixels{Blob(bytes()), number(), number(), number(), number()}; break;
    }
    return m;
  }
  Meta meta() {
    Meta m;
    m.response_id = bytes();
    m.request_id = bytes();
    m.model = bytes();
    m.extra = bytes();
    m.attempts = number();
    m.issuer = bytes();
    for (std::uint32_t n = below(3); n > 0; --n) {
      RateLimit limit{.what = bytes()};
      if (below(2) != 0) limit.limit = number();
      if (below(2) != 0) limit.remaining = number();
      if (below(2) != 0) limit.reset = std::chrono::milliseconds(number());
      if (below(2) != 0) limit.window = std::chrono::seconds(number());
      m.rate_limits.push_back(std::move(limit));
    }
    return m;
  }

  // Any field may hold anything, whatever the kind is.
  void push(EventBuffer& out) { push(out, static_cast<Event::Kind>(below(13))); }
  void push(EventBuffer& out, Event::Kind kind) {
    const auto rarely = [this] { return below(3) == 0; };
    Event e;
    e.kind = kind;
    e.part_kind = static_cast<Event::PartKind>(below(8));
    e.finish = static_cast<Finish>(pick({0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 100, 254, 255}));
    e.preview = coin();
    e.choice = number();
    e.part = number();
    e.step = number();
    e.steps = number();
    if (rarely()) e.step_time = std::chrono::nanoseconds(wide());
    e.dimensions = number();
    const std::string data = bytes(), id = bytes(), extra = bytes();
    e.data = data;
    e.id = id;
    e.extra = extra;
    const Usage u = usage();
    if (rarely()) e.usage = &u;
    const Media m = media();
    if (rarely()) e.media = &m;
    const Meta t = meta();
    if (rarely()) e.meta = &t;
    std::vector<float> vectors(rarely() ? below(20) : 0);
    for (float& value : vectors) value = real();
    e.vectors = vectors;
    std::vector<std::string> texts(rarely() ? below(6) : 0);
    std::vector<TokenLogprob> logprobs(texts.size());
    for (std::size_t i = 0; i < texts.size(); ++i) {
      texts[i] = bytes();
      logprobs[i] = {static_cast<std::int32_t>(number()), real(), texts[i], number()};
    }
    e.logprobs = logprobs;
    out.push(e);
  }

  Error error() {
    Error e = Error(static_cast<Errc>(below(static_cast<std::uint32_t>(Errc::kInvalidOutput) + 1)),
                    bytes())
                  .with_provider(bytes())
                  .with_provider_code(bytes())
                  .with_http_status(static_cast<int>(below(600)))
                  .with_request_id(bytes())
                  .with_body(bytes())
                  .with_retry(static_cast<RetryHint>(below(3)));
    if (coin()) e = std::move(e).with_retry_after(std::chrono::milliseconds(wide()));
    for (std::uint32_t i = below(4); i > 0; --i) e = std::move(e).with_detail(bytes(), bytes());
    return e;
  }

 private:
  template <class T>
  T pick(const std::vector<T>& from) {
    return from[below(static_cast<std::uint32_t>(from.size()))];
  }
  std::string pick(const std::vector<std::string>& from) { return pick<std::string>(from); }
  std::uint32_t pick(const std::vector<std::uint32_t>& from) { return pick<std::uint32_t>(from); }
  std::int64_t wide() {
    switch (below(4)) {
      case 0: return std::numeric_limits<std::int64_t>::max();
      case 1: return std::numeric_limits<std::int64_t>::min();
      case 2: return -static_cast<std::int64_t>(random_());
      default: return static_cast<std::int64_t>(random_());
    }
  }
  std::mt19937 random_;
};

// Bit by bit, so that -0 is not 0, and not-a-number is itself.
inline bool same(float a, float b) {
  return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
}
inline bool same(const Usage& a, const Usage& b) {
  const auto& s = a.timing;
  const auto& t = b.timing;
  return a.input == b.input && a.cache_read == b.cache_read && a.cache_write == b.cache_write &&
         a.output == b.output && a.reasoning == b.reasoning && a.raw == b.raw &&
         s.queue == t.queue && s.connect == t.connect && s.prefill == t.prefill &&
         s.first == t.first && s.decode == t.decode;
}
inline bool same(const Meta& a, const Meta& b) {
  return a.response_id == b.response_id && a.request_id == b.request_id && a.model == b.model &&
         a.extra == b.extra && a.attempts == b.attempts && a.issuer == b.issuer &&
         a.rate_limits == b.rate_limits;
}
inline bool same(const TokenLogprob& a, const TokenLogprob& b) {
  return a.token == b.token && same(a.logprob, b.logprob) && a.bytes == b.bytes &&
         a.n_top == b.n_top;
}
inline bool same(const Media& a, const Media& b) { return a == b; }
template <class T>
bool same_pointed(const T* a, const T* b) {
  return a && b ? same(*a, *b) : a == b;
}
template <class T>
bool same_all(T a, T b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!same(a[i], b[i])) return false;
  return true;
}
inline bool same(const Event& a, const Event& b) {
  return a.kind == b.kind && a.part_kind == b.part_kind && a.finish == b.finish &&
         a.preview == b.preview && a.choice == b.choice && a.part == b.part && a.step == b.step &&
         a.steps == b.steps && a.step_time == b.step_time && a.data == b.data && a.id == b.id &&
         a.extra == b.extra && a.dimensions == b.dimensions && same_pointed(a.usage, b.usage) &&
         same_pointed(a.media, b.media) && same_pointed(a.meta, b.meta) &&
         same_all(a.vectors, b.vectors) && same_all(a.logprobs, b.logprobs);
}
inline bool same(const Error& a, const Error& b) {
  return a.code() == b.code() && a.message() == b.message() && a.provider() == b.provider() &&
         a.provider_code() == b.provider_code() && a.http_status() == b.http_status() &&
         a.request_id() == b.request_id() && a.body() == b.body() && a.retry() == b.retry() &&
         a.retry_after() == b.retry_after() && a.details() == b.details();
}

}  // namespace infer::test

#endif  // INFER_SRC_CORE_RANDOM_EVENTS_H_
