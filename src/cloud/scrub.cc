#include "src/cloud/scrub.h"

#include <algorithm>
#include <utility>

namespace infer::cloud {
namespace {

constexpr std::size_t kShortest = 8;
constexpr std::string_view kInstead = "[secret]";

// Where the text ends, without the mark of one that was clipped.
std::size_t end_of(std::string_view text) {
  return text.ends_with(" ...") ? text.size() - 4 : text.size();
}

// How much of the beginning of `word` a clipped text ends with: a part of a key is a secret, too.
std::size_t clipped(std::string_view text, std::string_view word) {
  text = text.substr(0, end_of(text));
  for (std::size_t n = std::min(word.size() - 1, text.size()); n >= kShortest; --n)
    if (text.ends_with(word.substr(0, n))) return n;
  return 0;
}

bool holds(std::string_view text, const std::vector<Secret>& secrets) {
  return std::any_of(secrets.begin(), secrets.end(), [&](const Secret& secret) {
    const std::string& word = secret.reveal();
    return word.size() >= kShortest && (text.find(word) != text.npos || clipped(text, word) != 0);
  });
}

bool holds(const Error& error, const std::vector<Secret>& secrets) {
  if (holds(error.message(), secrets) || holds(error.body(), secrets) ||
      holds(error.provider_code(), secrets) || holds(error.request_id(), secrets))
    return true;
  return std::any_of(error.details().begin(), error.details().end(),
                     [&](const auto& detail) { return holds(detail.second, secrets); });
}

}  // namespace

std::string scrubbed(std::string_view text, const std::vector<Secret>& secrets) {
  std::string out(text);
  for (const Secret& secret : secrets) {
    const std::string& word = secret.reveal();
    if (word.size() < kShortest) continue;
    for (std::size_t at = out.find(word); at != out.npos; at = out.find(word, at + kInstead.size()))
      out.replace(at, word.size(), kInstead);
    if (const std::size_t n = clipped(out, word); n != 0) out.replace(end_of(out) - n, n, kInstead);
  }
  return out;
}

Error scrubbed(Error error, const std::vector<Secret>& secrets) {
  if (!holds(error, secrets)) return error;
  Error clean(error.code(), scrubbed(error.message(), secrets));
  clean = std::move(clean)
              .with_provider(error.provider())
              .with_provider_code(scrubbed(error.provider_code(), secrets))
              .with_http_status(error.http_status())
              .with_request_id(scrubbed(error.request_id(), secrets))
              .with_body(scrubbed(error.body(), secrets))
              .with_retry(error.retry());
  if (error.retry_after()) clean = std::move(clean).with_retry_after(*error.retry_after());
  for (const auto& [key, value] : error.details())
    clean = std::move(clean).with_detail(key, scrubbed(value, secrets));
  return clean;
}

}  // namespace infer::cloud
