#include "apps/infer/stats.h"

#include <cstdio>
#include <numeric>
#include <sstream>

#include "apps/infer/terminal.h"

namespace infer::cli {
namespace {

double ms(std::chrono::nanoseconds time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

void add(std::optional<std::int64_t>& sum, const std::optional<std::int64_t>& more) {
  if (more) sum = sum.value_or(0) + *more;
}

}  // namespace

void add_tokens(Usage& sum, const Usage& more) {
  add(sum.input, more.input);
  add(sum.cache_read, more.cache_read);
  add(sum.cache_write, more.cache_write);
  add(sum.output, more.output);
  add(sum.reasoning, more.reasoning);
}

std::string step_text(std::uint32_t step, std::uint32_t steps, std::chrono::nanoseconds step_time) {
  std::string text = std::to_string(step) + "/" + std::to_string(steps);
  if (step_time.count() <= 0) return text;
  const auto seconds = [](double value) {
    char figure[32];
    std::snprintf(figure, sizeof figure,
                  value < 1    ? "%.2f s"
                  : value < 10 ? "%.1f s"
                               : "%.0f s",
                  value);
    return std::string(figure);
  };
  const double each = ms(step_time) / 1000;
  return text + ", " + seconds(each) + " a step, " +
         seconds(each * (step < steps ? steps - step : 0)) + " left";
}

std::string limits_text(std::span<const RateLimit> limits) {
  std::ostringstream out;
  const char* comma = "infer: left: ";
  for (const RateLimit& one : limits) {
    if (!one.remaining) continue;
    out << comma << *one.remaining;
    if (one.limit) out << " of " << *one.limit;
    std::string what;  // a server's word: it may hold anything
    append_visible(what, one.what, Lines::kOne);
    out << ' ' << what;
    if (one.reset) {
      char full[48];
      std::snprintf(full, sizeof full, ", all again in %.1f s", ms(*one.reset) / 1000);
      out << full;
    }
    comma = "; ";
  }
  const std::string text = out.str();
  return text.empty() ? text : text + "\n";
}

void Stats::count(const Event& event) {
  const auto kind = static_cast<std::size_t>(event.kind);
  if (kind < kinds_.size()) ++kinds_[kind];
  last_ = Clock::now();
  if (event.kind != Event::Kind::kDelta) return;
  bytes_ += static_cast<std::int64_t>(event.data.size());
  if (content_) return;
  content_ = true;
  first_ = last_;
}

std::string Stats::text(const Usage& usage) const {
  std::ostringstream out;
  Usage known = usage;
  // As the reader saw it, where the backend does not say: from the first piece to the last.
  if (!known.timing.decode && content_) known.timing.decode = last_ - first_;
  out << "infer: tokens: " << known << '\n';
  char line[96];
  if (content_) {
    std::snprintf(line, sizeof line, "infer: first token after %.1f ms, all after %.1f ms\n",
                  ms(first_ - start_), ms(last_ - start_));
    out << line;
  }
  out << "infer: events: " << std::accumulate(kinds_.begin(), kinds_.end(), std::int64_t{0})
      << " (";
  const char* comma = "";
  for (std::size_t kind = 0; kind < kinds_.size(); ++kind) {
    if (kinds_[kind] == 0) continue;
    out << comma << to_string(static_cast<Event::Kind>(kind)) << ' ' << kinds_[kind];
    comma = ", ";
  }
  out << "), " << bytes_ << " bytes of text\n";
  return out.str();
}

}  // namespace infer::cli
