#include "src/cloud/times.h"

#include <array>
#include <charconv>
#include <cmath>
#include <ctime>

namespace infer::cloud {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kMaxWait = std::chrono::hours(24 * 366);

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Digits alone: no sign, no space.
std::optional<int> digits(std::string_view text) {
  int number = 0;
  if (text.empty() || text.size() > 6) return std::nullopt;
  for (const char c : text) {
    if (!is_digit(c)) return std::nullopt;
    number = number * 10 + (c - '0');
  }
  return number;
}

struct Civil {
  std::optional<int> year{}, month{}, day{}, hour{}, minute{}, second{};  // month: 1 to 12
};

std::optional<std::int64_t> milliseconds_of(const Civil& c) {
  if (!c.year || !c.month || !c.day || !c.hour || !c.minute || !c.second) return std::nullopt;
  if (*c.month < 1 || *c.month > 12 || *c.day < 1 || *c.day > 31) return std::nullopt;
  if (*c.hour > 23 || *c.minute > 59 || *c.second > 60) return std::nullopt;
  std::tm time{};
  time.tm_year = *c.year - 1900;
  time.tm_mon = *c.month - 1;
  time.tm_mday = *c.day;
  time.tm_hour = *c.hour;
  time.tm_min = *c.minute;
  time.tm_sec = *c.second;
  return static_cast<std::int64_t>(timegm(&time)) * 1000;
}

// ".25" at the front, taken off: 250.
std::int64_t take_fraction(std::string_view& text) {
  if (text.empty() || text.front() != '.') return 0;
  text.remove_prefix(1);
  std::int64_t value = 0, unit = 100;
  for (; !text.empty() && is_digit(text.front()); text.remove_prefix(1), unit /= 10)
    value += (text.front() - '0') * unit;
  return value;
}

// "Z", "+02:00": milliseconds east of Greenwich.
std::optional<std::int64_t> zone_of(std::string_view text) {
  if (text == "Z" || text == "z") return 0;
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':') return std::nullopt;
  const auto hours = digits(text.substr(1, 2)), minutes = digits(text.substr(4, 2));
  if (!hours || !minutes || *hours > 23 || *minutes > 59) return std::nullopt;
  const std::int64_t offset = (std::int64_t{*hours} * 60 + *minutes) * 60 * 1000;
  return text[0] == '-' ? -offset : offset;
}

struct Unit {
  std::string_view name{};
  double milliseconds = 0;
};
// What begins with another stands before it.
constexpr std::array kUnits = {Unit{"ms", 1},           Unit{"us", 1e-3}, Unit{"\xC2\xB5s", 1e-3},
                               Unit{"\xCE\xBCs", 1e-3}, Unit{"ns", 1e-6}, Unit{"d", 86400e3},
                               Unit{"h", 3600e3},       Unit{"m", 60e3},  Unit{"s", 1e3}};

const Unit* unit_at(std::string_view text) {
  for (const Unit& unit : kUnits)
    if (text.substr(0, unit.name.size()) == unit.name) return &unit;
  return nullptr;
}

}  // namespace

std::optional<milliseconds> wait_of(double ms) {
  if (!std::isfinite(ms) || ms < 0 || ms > static_cast<double>(kMaxWait.count()))
    return std::nullopt;
  return milliseconds(static_cast<std::int64_t>(std::ceil(ms)));
}

std::optional<double> real_of(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return std::isfinite(number) ? std::optional(number) : std::nullopt;
}

std::optional<std::int64_t> http_date(std::string_view text) {
  constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  if (text.size() != 29 || text.substr(3, 2) != ", " || text.substr(25) != " GMT")
    return std::nullopt;
  const std::size_t month = kMonths.find(text.substr(8, 3));
  if (month % 3 != 0) return std::nullopt;
  const auto number = [&](std::size_t at, std::size_t n) { return digits(text.substr(at, n)); };
  return milliseconds_of({.year = number(12, 4),
                          .month = static_cast<int>(month / 3) + 1,
                          .day = number(5, 2),
                          .hour = number(17, 2),
                          .minute = number(20, 2),
                          .second = number(23, 2)});
}

std::optional<std::int64_t> rfc3339_date(std::string_view text) {
  if (text.size() < 20 || text[4] != '-' || text[7] != '-' || text[13] != ':' || text[16] != ':')
    return std::nullopt;
  if (text[10] != 'T' && text[10] != 't' && text[10] != ' ') return std::nullopt;
  const auto number = [&](std::size_t at, std::size_t n) { return digits(text.substr(at, n)); };
  const auto whole = milliseconds_of({.year = number(0, 4),
                                      .month = number(5, 2),
                                      .day = number(8, 2),
                                      .hour = number(11, 2),
                                      .minute = number(14, 2),
                                      .second = number(17, 2)});
  std::string_view rest = text.substr(19);
  const std::int64_t fraction = take_fraction(rest);
  const auto zone = zone_of(rest);
  if (!whole || !zone) return std::nullopt;
  return *whole + fraction - *zone;
}

std::optional<Duration> go_duration(std::string_view text) {
  double sum = 0;
  std::size_t at = 0;
  while (at < text.size() && is_digit(text[at])) {
    std::size_t end = at;
    while (end < text.size() && is_digit(text[end])) ++end;
    if (end + 1 < text.size() && text[end] == '.' && is_digit(text[end + 1])) {
      ++end;
      while (end < text.size() && is_digit(text[end])) ++end;
    }
    const Unit* const unit = unit_at(text.substr(end));
    const auto number = real_of(text.substr(at, end - at));
    if (!unit || !number) break;
    sum += *number * unit->milliseconds;
    at = end + unit->name.size();
  }
  // Sums of decimal fractions come out a little above the whole milliseconds that they are.
  const auto value = wait_of(sum > 0.001 ? sum - 1e-6 : sum);
  if (at == 0 || !value) return std::nullopt;
  return Duration{*value, at};
}

}  // namespace infer::cloud
