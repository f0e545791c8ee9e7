#include "src/core/event_json.h"

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cmath>
#include <deque>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "src/core/base64.h"
#include "src/core/utf8.h"

namespace infer::core {
namespace {

using Kind = Event::Kind;
using PartKind = Event::PartKind;
using Nanoseconds = std::optional<std::chrono::nanoseconds>;

// What has a name; numbers of the future stand as numbers.
constexpr std::array<Kind, 11> kKinds = {
    Kind::kNone,    Kind::kStart,    Kind::kPartBegin, Kind::kDelta,   Kind::kPartEnd, Kind::kUsage,
    Kind::kWarning, Kind::kProgress, Kind::kMedia,     Kind::kVectors, Kind::kFinish};
constexpr std::array<PartKind, 6> kPartKinds = {PartKind::kNone,      PartKind::kText,
                                                PartKind::kReasoning, PartKind::kToolCall,
                                                PartKind::kRefusal,   PartKind::kOpaque};
constexpr std::array<Finish, 10> kFinishes = {
    Finish::kUnknown,     Finish::kStop,     Finish::kStopSequence, Finish::kLength,
    Finish::kToolCalls,   Finish::kFiltered, Finish::kRefusal,      Finish::kPaused,
    Finish::kContextFull, Finish::kOther};
constexpr std::array<std::pair<RetryHint, std::string_view>, 3> kHints = {
    {{RetryHint::kNo, "no"}, {RetryHint::kYes, "yes"}, {RetryHint::kAmbiguous, "ambiguous"}}};

// ---- writing -----------------------------------------------------------------------------------

void put_bytes(Json& object, const char* key, std::string_view bytes) {
  if (!bytes.empty()) object[key] = bytes_json(bytes);
}
void put_number(Json& object, const char* key, std::uint32_t value) {
  if (value != 0) object[key] = value;
}
template <class E, std::size_t N>
void put_named(Json& object, const char* key, E value, const std::array<E, N>& known) {
  if (value == E{}) return;
  if (std::find(known.begin(), known.end(), value) != known.end())
    object[key] = to_string(value);
  else
    object[key] = static_cast<unsigned>(value);
}

// JSON has no infinities.
Json float_json(float value) {
  if (std::isfinite(value)) return value;
  return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
}

// Little-endian binary32, whatever the machine: every bit comes back.
Json floats_json(std::span<const float> values) {
  std::string bytes;
  bytes.reserve(values.size() * 4);
  for (const float value : values) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    for (int shift = 0; shift < 32; shift += 8) bytes += static_cast<char>(bits >> shift & 255u);
  }
  return base64_json("f32", bytes);
}

// One list of the figures for both directions.
template <class U, class F>
void each_count(U& usage, F&& field) {
  field("input", usage.input);
  field("cache_read", usage.cache_read);
  field("cache_write", usage.cache_write);
  field("output", usage.output);
  field("reasoning", usage.reasoning);
}
template <class T, class F>
void each_time(T& timing, F&& field) {
  field("queue_ns", timing.queue);
  field("connect_ns", timing.connect);
  field("prefill_ns", timing.prefill);
  field("first_ns", timing.first);
  field("decode_ns", timing.decode);
}

Json media_json(const Media& media) {
  Json j = Json::object();
  put_bytes(j, "mime", media.mime);
  put_bytes(j, "detail", media.detail);
  put_bytes(j, "name", media.name);
  if (const auto* blob = std::get_if<Blob>(&media.source); blob && !blob->empty())
    j["b64"] = to_base64(blob->view());
  if (const auto* url = std::get_if<Url>(&media.source)) j["url"] = bytes_json(url->url);
  if (const auto* file = std::get_if<FileId>(&media.source)) j["file_id"] = bytes_json(file->id);
  if (const auto* pixels = std::get_if<Pixels>(&media.source)) j["pixels"] = pixels_json(*pixels);
  return j;
}

Json usage_json(const Usage& usage) {
  Json j = Json::object();
  each_count(usage, [&](const char* key, const std::optional<std::int64_t>& value) {
    if (value) j[key] = *value;
  });
  each_time(usage.timing, [&](const char* key, const Nanoseconds& value) {
    if (value) j[key] = static_cast<std::int64_t>(value->count());
  });
  put_bytes(j, "raw", usage.raw);
  return j;
}

Json rate_limit_json(const RateLimit& limit) {
  Json j = Json::object();
  put_bytes(j, "what", limit.what);
  if (limit.limit) j["limit"] = *limit.limit;
  if (limit.remaining) j["remaining"] = *limit.remaining;
  if (limit.reset) j["reset_ms"] = static_cast<std::int64_t>(limit.reset->count());
  if (limit.window) j["window_s"] = static_cast<std::int64_t>(limit.window->count());
  return j;
}

Json meta_json(const Meta& meta) {
  Json j = Json::object();
  put_bytes(j, "response_id", meta.response_id);
  put_bytes(j, "request_id", meta.request_id);
  put_bytes(j, "model", meta.model);
  put_bytes(j, "extra", meta.extra);
  if (meta.attempts != 1) j["attempts"] = meta.attempts;
  put_bytes(j, "issuer", meta.issuer);
  for (const RateLimit& limit : meta.rate_limits)
    j["rate_limits"].push_back(rate_limit_json(limit));
  return j;
}

Json logprob_json(const TokenLogprob& entry) {
  Json j = Json::object();
  j["logprob"] = float_json(entry.logprob);
  if (entry.token != -1) j["token"] = entry.token;
  put_bytes(j, "bytes", entry.bytes);
  put_number(j, "n_top", entry.n_top);
  return j;
}

// ---- reading -----------------------------------------------------------------------------------

// Reads typed members; keeps the first misfit and reads on as if it were absent.
class EventReader {
 public:
  std::optional<Error> wrong;

  void fail(std::string_view field, const char* what) {
    if (wrong) return;
    wrong = Error(Errc::kProtocol, std::string(field) + ": " + what)
                .with_detail("field", std::string(field));
  }

  void bytes(const Json& j, std::string_view key, std::string& out) {
    const Json* v = find(j, key);
    if (!v) return;
    if (v->is_string()) {
      out = v->get<std::string>();
    } else if (auto decoded = base64(*v, "b64")) {
      out = std::move(*decoded);
    } else {
      fail(key, R"(must be a string or {"b64":base64})");
    }
  }
  template <class I>
  void number(const Json& j, std::string_view key, I& out) {
    if (const Json* v = find(j, key)) integer(*v, key, out);
  }
  template <class I>
  void number(const Json& j, std::string_view key, std::optional<I>& out) {
    if (const Json* v = find(j, key)) integer(*v, key, out.emplace());
  }
  void time(const Json& j, std::string_view key, Nanoseconds& out) {
    std::optional<std::int64_t> count;
    number(j, key, count);
    if (count) out = std::chrono::nanoseconds(*count);
  }
  void flag(const Json& j, std::string_view key, bool& out) {
    const Json* v = find(j, key);
    if (!v) return;
    if (v->is_boolean())
      out = v->get<bool>();
    else
      fail(key, "must be true or false");
  }
  template <class E, std::size_t N>
  void named(const Json& j, std::string_view key, E& out, const std::array<E, N>& known) {
    const Json* v = find(j, key);
    if (!v) return;
    if (!v->is_string()) {
      std::uint8_t number = 0;
      integer(*v, key, number);
      out = static_cast<E>(number);
      return;
    }
    for (const E value : known) {
      if (to_string(value) != v->get_ref<const std::string&>()) continue;
      out = value;
      return;
    }
    fail(key, "not a known name");
  }
  const Json* object(const Json& j, std::string_view key) {
    const Json* v = find(j, key);
    if (v && !v->is_object()) fail(key, "must be an object");
    return v && v->is_object() ? v : nullptr;
  }

  void usage(const Json& j, Usage& out) {
    each_count(out, [&](const char* key, auto& value) { number(j, key, value); });
    each_time(out.timing, [&](const char* key, auto& value) { time(j, key, value); });
    bytes(j, "raw", out.raw);
  }
  void meta(const Json& j, Meta& out) {
    bytes(j, "response_id", out.response_id);
    bytes(j, "request_id", out.request_id);
    bytes(j, "model", out.model);
    bytes(j, "extra", out.extra);
    number(j, "attempts", out.attempts);
    bytes(j, "issuer", out.issuer);
    const Json* limits = find(j, "rate_limits");
    if (!limits) return;
    if (!limits->is_array()) return fail("rate_limits", "must be an array");
    for (const Json& limit : *limits) rate_limit(limit, out.rate_limits.emplace_back());
  }
  void rate_limit(const Json& j, RateLimit& out) {
    if (!j.is_object()) return fail("rate_limits", "must hold objects");
    bytes(j, "what", out.what);
    number(j, "limit", out.limit);
    number(j, "remaining", out.remaining);
    duration(j, "reset_ms", out.reset);
    duration(j, "window_s", out.window);
  }
  template <class Duration>
  void duration(const Json& j, const char* key, std::optional<Duration>& out) {
    std::optional<std::int64_t> count;
    number(j, key, count);
    if (count) out = Duration(*count);
  }
  void media(const Json& j, Media& out) {
    bytes(j, "mime", out.mime);
    bytes(j, "detail", out.detail);
    bytes(j, "name", out.name);
    if (find(j, "url")) return bytes(j, "url", out.source.emplace<Url>().url);
    if (find(j, "file_id")) return bytes(j, "file_id", out.source.emplace<FileId>().id);
    if (const Json* p = object(j, "pixels")) return pixels(*p, out.source.emplace<Pixels>());
    blob(j, out.source.emplace<Blob>());
  }
  void vectors(const Json& j, std::vector<float>& out) {
    const Json* v = find(j, "vectors");
    if (!v) return;
    const auto raw = base64(*v, "f32");
    if (!raw || raw->size() % 4 != 0)
      return fail("vectors", R"(must be {"f32":base64 of little-endian numbers of four bytes})");
    out.resize(raw->size() / 4);
    for (std::size_t i = 0; i < out.size(); ++i) {
      std::uint32_t bits = 0;
      for (std::size_t b = 4; b-- > 0;)
        bits = bits << 8 | static_cast<unsigned char>((*raw)[i * 4 + b]);
      out[i] = std::bit_cast<float>(bits);
    }
  }
  void logprobs(const Json& j, std::vector<TokenLogprob>& out, std::deque<std::string>& kept) {
    const Json* v = find(j, "logprobs");
    if (!v) return;
    if (!v->is_array()) return fail("logprobs", "must be an array");
    for (const Json& from : *v) {
      TokenLogprob& entry = out.emplace_back();
      number(from, "token", entry.token);
      number(from, "n_top", entry.n_top);
      floating(from, "logprob", entry.logprob);
      bytes(from, "bytes", kept.emplace_back());
      entry.bytes = kept.back();
    }
  }

 private:
  template <class I>
  void integer(const Json& v, std::string_view key, I& out) {
    static_assert(std::is_integral_v<I>);
    constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<I>::max());
    constexpr auto kMin = static_cast<std::int64_t>(std::numeric_limits<I>::min());
    if (v.is_number_unsigned() ? v.get<std::uint64_t>() <= kMax
                               : v.is_number_integer() && v.get<std::int64_t>() >= kMin)
      out = v.get<I>();
    else
      fail(key, "must be a whole number within its range");
  }
  void floating(const Json& j, std::string_view key, float& out) {
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    const Json* v = find(j, key);
    if (!v) return;
    if (v->is_number() && std::abs(v->get<double>()) <= double{std::numeric_limits<float>::max()})
      out = v->get<float>();
    else if (*v == "inf" || *v == "-inf")
      out = *v == "inf" ? kInfinity : -kInfinity;
    else if (*v == "nan")
      out = std::numeric_limits<float>::quiet_NaN();
    else
      fail(key, R"(must be a number of a float's range, "inf", "-inf" or "nan")");
  }
  static std::optional<std::string> base64(const Json& v, std::string_view key) {
    const Json* text = find(v, key);
    if (!text || !text->is_string()) return std::nullopt;
    return from_base64(text->get_ref<const std::string&>());
  }
  void blob(const Json& j, Blob& out) {
    if (!find(j, "b64")) return;
    if (auto decoded = base64(j, "b64"))
      out = Blob(std::move(*decoded));
    else
      fail("b64", "must be base64");
  }
  void pixels(const Json& j, Pixels& out) {
    number(j, "width", out.width);
    number(j, "height", out.height);
    number(j, "channels", out.channels);
    number(j, "stride", out.stride);
    blob(j, out.data);
  }
};

}  // namespace

// Braces around a single pair mean an object to one compiler and a list to another: no braces.
Json base64_json(const char* how, std::string_view bytes) {
  Json j = Json::object();
  j[how] = to_base64(bytes);
  return j;
}

Json bytes_json(std::string_view bytes) {
  if (utf8_error(bytes) == kValidUtf8) return bytes;
  return base64_json("b64", bytes);
}

Json pixels_json(const Pixels& pixels) {
  Json j = Json::object();
  put_number(j, "width", pixels.width);
  put_number(j, "height", pixels.height);
  put_number(j, "channels", pixels.channels);
  put_number(j, "stride", pixels.stride);
  if (!pixels.data.empty()) j["b64"] = to_base64(pixels.data.view());
  return j;
}

Json event_json(const Event& event) {
  Json j = Json::object();
  put_named(j, "kind", event.kind, kKinds);
  put_named(j, "part_kind", event.part_kind, kPartKinds);
  put_named(j, "finish", event.finish, kFinishes);
  if (event.preview) j["preview"] = true;
  put_number(j, "choice", event.choice);
  put_number(j, "part", event.part);
  put_number(j, "step", event.step);
  put_number(j, "steps", event.steps);
  if (event.step_time.count() != 0)
    j["step_ns"] = static_cast<std::int64_t>(event.step_time.count());
  put_bytes(j, "data", event.data);
  put_bytes(j, "id", event.id);
  put_bytes(j, "extra", event.extra);
  if (event.usage) j["usage"] = usage_json(*event.usage);
  if (event.media) j["media"] = media_json(*event.media);
  if (event.meta) j["meta"] = meta_json(*event.meta);
  if (!event.vectors.empty()) j["vectors"] = floats_json(event.vectors);
  put_number(j, "dimensions", event.dimensions);
  for (const TokenLogprob& entry : event.logprobs) j["logprobs"].push_back(logprob_json(entry));
  return j;
}

std::optional<Error> read_event(const Json& json, EventBuffer& out) {
  EventReader reader;
  if (!json.is_object()) {
    reader.fail("event", "must be an object");
    return std::move(reader.wrong);
  }
  Event event;
  std::string data, id, extra;
  Nanoseconds step_time;
  Usage usage;
  Media media;
  Meta meta;
  std::vector<float> vectors;
  std::vector<TokenLogprob> logprobs;
  std::deque<std::string> logprob_bytes;
  reader.named(json, "kind", event.kind, kKinds);
  reader.named(json, "part_kind", event.part_kind, kPartKinds);
  reader.named(json, "finish", event.finish, kFinishes);
  reader.flag(json, "preview", event.preview);
  reader.number(json, "choice", event.choice);
  reader.number(json, "part", event.part);
  reader.number(json, "step", event.step);
  reader.number(json, "steps", event.steps);
  reader.time(json, "step_ns", step_time);
  reader.bytes(json, "data", data);
  reader.bytes(json, "id", id);
  reader.bytes(json, "extra", extra);
  if (const Json* j = reader.object(json, "usage")) {
    reader.usage(*j, usage);
    event.usage = &usage;
  }
  if (const Json* j = reader.object(json, "media")) {
    reader.media(*j, media);
    event.media = &media;
  }
  if (const Json* j = reader.object(json, "meta")) {
    reader.meta(*j, meta);
    event.meta = &meta;
  }
  reader.vectors(json, vectors);
  reader.number(json, "dimensions", event.dimensions);
  reader.logprobs(json, logprobs, logprob_bytes);
  if (reader.wrong) return std::move(reader.wrong);
  event.step_time = step_time.value_or(Nanoseconds::value_type{});
  event.data = data;
  event.id = id;
  event.extra = extra;
  event.vectors = vectors;
  event.logprobs = logprobs;
  out.push(event);  // copies
  return std::nullopt;
}

Json error_json(const Error& error) {
  Json j = {{"code", to_string(error.code())}, {"message", bytes_json(error.message())}};
  for (const auto& [hint, name] : kHints)
    if (hint == error.retry()) j["retry"] = name;
  put_bytes(j, "provider", error.provider());
  put_bytes(j, "provider_code", error.provider_code());
  if (error.http_status() != 0) j["http_status"] = error.http_status();
  put_bytes(j, "request_id", error.request_id());
  put_bytes(j, "body", error.body());
  if (const auto wait = error.retry_after())
    j["retry_after_ms"] = static_cast<std::int64_t>(wait->count());
  for (const auto& [key, value] : error.details())
    j["details"].push_back(Json::array({bytes_json(key), bytes_json(value)}));
  return j;
}

std::optional<Error> read_error(const Json& json, std::optional<Error>& out) {
  EventReader reader;
  std::string code, message, provider, provider_code, request_id, body, retry;
  int http_status = 0;
  std::optional<std::int64_t> retry_after;
  reader.bytes(json, "code", code);
  reader.bytes(json, "message", message);
  reader.bytes(json, "provider", provider);
  reader.bytes(json, "provider_code", provider_code);
  reader.number(json, "http_status", http_status);
  reader.bytes(json, "request_id", request_id);
  reader.bytes(json, "body", body);
  reader.bytes(json, "retry", retry);
  reader.number(json, "retry_after_ms", retry_after);
  const auto errc = errc_from_string(code);
  if (!errc) reader.fail("code", "not a known name");
  Error error = Error(errc.value_or(Errc::kProtocol), std::move(message))
                    .with_provider(std::move(provider))
                    .with_provider_code(std::move(provider_code))
                    .with_http_status(http_status)
                    .with_request_id(std::move(request_id))
                    .with_body(body);
  if (retry_after)
    error = std::move(error).with_retry_after(std::chrono::milliseconds(*retry_after));
  bool known = retry.empty();
  for (const auto& [hint, name] : kHints) {
    if (name != retry) continue;
    error = std::move(error).with_retry(hint);
    known = true;
  }
  if (!known) reader.fail("retry", "must be no, yes or ambiguous");
  if (const Json* details = find(json, "details")) {
    if (!details->is_array()) reader.fail("details", "must be an array");
    for (const Json& pair : *details) {
      if (!pair.is_array() || pair.size() != 2) {
        reader.fail("details", "must be pairs of a name and a value");
        break;
      }
      const Json named = {{"details", pair[0]}, {"value", pair[1]}};
      std::string key, value;
      reader.bytes(named, "details", key);
      reader.bytes(named, "value", value);
      error = std::move(error).with_detail(std::move(key), std::move(value));
    }
  }
  if (reader.wrong) return std::move(reader.wrong);
  out = std::move(error);
  return std::nullopt;
}

}  // namespace infer::core
