#include "apps/infer/table.h"

#include <algorithm>
#include <cstddef>
#include <cstdio>

#include "apps/infer/terminal.h"

namespace infer::cli {
namespace {

// Divided by 1000 until it is below it, with the unit that this gives.
std::string scaled(std::int64_t value, const char* const (&units)[5], const char* gap) {
  if (value == 0) return {};
  auto left = static_cast<double>(value);
  std::size_t unit = 0;
  while (left >= 999.5 && unit + 1 < 5) {
    left /= 1000;
    ++unit;
  }
  char text[48];
  std::snprintf(text, sizeof text, left < 9.95 && unit != 0 ? "%.1f%s%s" : "%.0f%s%s", left,
                *units[unit] == '\0' ? "" : gap, units[unit]);
  return text;
}

}  // namespace

std::string Table::text() const {
  std::vector<std::size_t> widths;
  std::vector<std::vector<std::string>> rows;
  for (const auto& cells : rows_) {
    auto& shown = rows.emplace_back();
    for (std::size_t i = 0; i < cells.size(); ++i) {
      std::string cell;
      append_visible(cell, cells[i], Lines::kOne);
      if (widths.size() <= i) widths.push_back(0);
      widths[i] = std::max(widths[i], width(cell));
      shown.push_back(std::move(cell));
    }
  }
  std::string out;
  for (const auto& cells : rows) {
    std::string line;
    for (std::size_t i = 0; i < cells.size(); ++i)
      line += cells[i] + std::string(widths[i] - width(cells[i]) + 2, ' ');
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

std::string short_count(std::int64_t value) { return scaled(value, {"", "K", "M", "B", "T"}, ""); }

std::string short_size(std::int64_t bytes) {
  return scaled(bytes, {"B", "kB", "MB", "GB", "TB"}, " ");
}

}  // namespace infer::cli
