#include "src/cloud/scrub.h"

#include <algorithm>
#include <utility>

namespace infer::cloud {
namespace {

constexpr std::size_t kShortest = 8;
constexpr std::string_view kInstead = "[secret]";

bool holds(std::string_view text, const std::vector<Secret>& secrets) {
  return std::any_of(secrets.begin(), secrets.end(), [&](const Secret& secret) {
    return secret.reveal().size() >= kShortest && text.find(secret.reveal()) != text.npos;
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
