#include "src/cloud/rate_limits.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "src/cloud/times.h"

namespace infer::cloud {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Now = std::chrono::system_clock::time_point;

constexpr std::size_t kMaxLimits = 64;  // more than that no provider has

enum class Figure : std::uint8_t { kLimit, kRemaining, kReset };
struct FigureName {
  std::string_view name{};
  Figure figure{};
};
constexpr std::array kFigures = {FigureName{"limit", Figure::kLimit},
                                 FigureName{"remaining", Figure::kRemaining},
                                 FigureName{"reset", Figure::kReset}};

// Of which limit a header tells what.
struct Meaning {
  std::string what{};  // with '-'
  Figure figure{};
};

// "limit-requests" and "requests-limit"; "limit" alone is of requests.
std::optional<Meaning> meaning_of(std::string_view name) {
  constexpr std::string_view kOpenAiWay = "x-ratelimit-", kAnthropicWay = "anthropic-ratelimit-";
  const bool figure_first = name.substr(0, kOpenAiWay.size()) == kOpenAiWay;
  if (!figure_first && name.substr(0, kAnthropicWay.size()) != kAnthropicWay) return std::nullopt;
  name.remove_prefix(figure_first ? kOpenAiWay.size() : kAnthropicWay.size());
  for (const auto& [word, figure] : kFigures) {
    if (name == word) return Meaning{"requests", figure};
    if (name.size() <= word.size() + 1) continue;
    const std::size_t rest = name.size() - word.size() - 1;
    if (figure_first && name.substr(0, word.size()) == word && name[word.size()] == '-')
      return Meaning{std::string(name.substr(word.size() + 1)), figure};
    if (!figure_first && name.substr(rest + 1) == word && name[rest] == '-')
      return Meaning{std::string(name.substr(0, rest)), figure};
  }
  return std::nullopt;
}

// "tokens-minute", as Mistral and Cerebras have it: the window is taken off.
std::optional<seconds> take_window(std::string& what) {
  struct Window {
    std::string_view suffix{};
    seconds length{};
  };
  constexpr std::array kWindows = {Window{"-second", seconds(1)}, Window{"-minute", seconds(60)},
                                   Window{"-hour", seconds(3600)},
                                   Window{"-day", seconds(24 * 3600)}};
  for (const auto& [suffix, length] : kWindows) {
    if (what.size() <= suffix.size() || !what.ends_with(suffix)) continue;
    what.resize(what.size() - suffix.size());
    return length;
  }
  return std::nullopt;
}

// A whole number; what stands behind a comma or a semicolon is a remark.
std::optional<std::int64_t> count_of(std::string_view text) {
  text = text.substr(0, text.find_first_of(",;"));
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 0) return std::nullopt;
  return number;
}

std::int64_t milliseconds_since_1970(Now now) {
  return std::chrono::duration_cast<milliseconds>(now.time_since_epoch()).count();
}

std::optional<milliseconds> until(double date, Now now) {
  return wait_of(std::max(0.0, date - static_cast<double>(milliseconds_since_1970(now))));
}

// A duration, a date, or a number: seconds from now, or where it is as large as today's date, the
// seconds or milliseconds of a date.
std::optional<milliseconds> reset_of(std::string_view text, Now now) {
  if (const auto number = real_of(text)) {
    if (*number < 1e9) return wait_of(*number * 1000);
    return until(*number < 1e11 ? *number * 1000 : *number, now);
  }
  if (const auto date = rfc3339_date(text)) return until(static_cast<double>(*date), now);
  const auto duration = go_duration(text);
  if (!duration || duration->length != text.size()) return std::nullopt;
  return duration->value;
}

RateLimit* limit_of(std::vector<RateLimit>& limits, const std::string& what,
                    std::optional<seconds> window) {
  for (RateLimit& limit : limits)
    if (limit.what == what && limit.window == window) return &limit;
  if (limits.size() >= kMaxLimits) return nullptr;
  RateLimit& made = limits.emplace_back();
  made.what = what;
  made.window = window;
  return &made;
}

}  // namespace

std::vector<RateLimit> typed_rate_limits(const http::HttpHead& head, const RateWindows& windows,
                                         Now now) {
  std::vector<RateLimit> limits;
  for (const http::Header& header : head.headers) {
    auto meaning = meaning_of(http::lower_name(header.name));
    if (!meaning) continue;
    const bool is_reset = meaning->figure == Figure::kReset;
    const auto reset = is_reset ? reset_of(header.value, now) : std::nullopt;
    const auto count = is_reset ? std::nullopt : count_of(header.value);
    if (!reset && !count) continue;
    const auto window = take_window(meaning->what);
    std::replace(meaning->what.begin(), meaning->what.end(), '-', '_');
    RateLimit* const limit = limit_of(limits, meaning->what, window);
    if (!limit) continue;
    if (reset) limit->reset = reset;
    if (count) (meaning->figure == Figure::kLimit ? limit->limit : limit->remaining) = count;
  }
  for (RateLimit& limit : limits) {
    const seconds known = limit.what == "requests" ? windows.requests
                          : limit.what == "tokens" ? windows.tokens
                                                   : seconds(0);
    if (!limit.window && known.count() > 0) limit.window = known;
  }
  return limits;
}

}  // namespace infer::cloud
