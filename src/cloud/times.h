// Times as servers write them in headers and sentences. By hand: the library's own ways follow the
// locale.
#ifndef INFER_SRC_CLOUD_TIMES_H_
#define INFER_SRC_CLOUD_TIMES_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace infer::cloud {

// The longest wait that is believed: a year. A longer one, or a negative one, is nothing.
std::optional<std::chrono::milliseconds> wait_of(double milliseconds);

// "12", "1.5", spaces around it or not; nothing for all else. Never infinite, never NaN.
std::optional<double> real_of(std::string_view text);

// Milliseconds since 1970 (UTC).
std::optional<std::int64_t> http_date(std::string_view text);  // "Wed, 21 Oct 2015 07:28:00 GMT"
// "2026-08-21T07:28:00Z", "2026-08-21T09:28:00.25+02:00": RFC 3339.
std::optional<std::int64_t> rfc3339_date(std::string_view text);

// "1s", "6m0s", "2m59.56s", "17ms", "1h2m3s": as Go writes durations. `text` may go on after it:
// `length` is how much of it is the duration.
struct Duration {
  std::chrono::milliseconds value{};  // rounded up
  std::size_t length = 0;
};
std::optional<Duration> go_duration(std::string_view text);

}  // namespace infer::cloud

#endif  // INFER_SRC_CLOUD_TIMES_H_
