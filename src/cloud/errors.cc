// From a provider's complaint to one taxonomy.
#include <array>
#include <charconv>
#include <ctime>
#include <string>
#include <utility>

#include "src/cloud/raw_object.h"
#include "src/cloud/times.h"
#include "src/cloud/wire.h"
#include "src/core/utf8.h"

namespace infer::cloud {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMaxMessage = 500;     // bytes of a provider's words in a message
constexpr std::size_t kMaxGenerated = 4096;  // bytes of what a model wrote that was refused

struct Verdict {
  Errc code = Errc::kServerError;
  RetryHint retry = RetryHint::kNo;
};

struct Word {
  std::string_view word{};
  Verdict verdict{};
};

// What providers call things, as "code" or "type". Sources: the error pages of OpenAI, Anthropic
// and Groq, and the bodies of servers that speak their wires. The first that matches counts, so
// what must never be retried stands first.
constexpr std::array kWords = {
    Word{"insufficient_quota", {Errc::kQuotaExceeded, RetryHint::kNo}},
    Word{"billing_hard_limit_reached", {Errc::kQuotaExceeded, RetryHint::kNo}},
    Word{"billing_not_active", {Errc::kQuotaExceeded, RetryHint::kNo}},
    Word{"billing_error", {Errc::kQuotaExceeded, RetryHint::kNo}},
    Word{"context_length_exceeded", {Errc::kContextOverflow, RetryHint::kNo}},
    Word{"exceed_context_size_error", {Errc::kContextOverflow, RetryHint::kNo}},
    Word{"content_filter", {Errc::kContentFiltered, RetryHint::kNo}},
    Word{"content_policy_violation", {Errc::kContentFiltered, RetryHint::kNo}},
    Word{"moderation_blocked", {Errc::kContentFiltered, RetryHint::kNo}},
    Word{"invalid_api_key", {Errc::kUnauthorized, RetryHint::kNo}},
    Word{"authentication_error", {Errc::kUnauthorized, RetryHint::kNo}},
    Word{"permission_error", {Errc::kForbidden, RetryHint::kNo}},
    Word{"model_not_found", {Errc::kNotFound, RetryHint::kNo}},
    Word{"not_found_error", {Errc::kNotFound, RetryHint::kNo}},
    Word{"request_too_large", {Errc::kTooLarge, RetryHint::kNo}},
    Word{"rate_limit_exceeded", {Errc::kRateLimited, RetryHint::kYes}},
    Word{"rate_limit_error", {Errc::kRateLimited, RetryHint::kYes}},
    Word{"overloaded_error", {Errc::kOverloaded, RetryHint::kYes}},
    Word{"server_overloaded", {Errc::kOverloaded, RetryHint::kYes}},
    Word{"engine_overloaded", {Errc::kOverloaded, RetryHint::kYes}},
    Word{"capacity_exceeded", {Errc::kOverloaded, RetryHint::kYes}},
    Word{"timeout_error", {Errc::kTimeout, RetryHint::kAmbiguous}},
    // Groq: the model wrote a call that is none, or JSON that is none, and may do better next time.
    Word{"tool_use_failed", {Errc::kInvalidRequest, RetryHint::kAmbiguous}},
    Word{"json_validate_failed", {Errc::kInvalidRequest, RetryHint::kAmbiguous}},
    // Of a response that failed (OpenAI's OpenAPI document, ResponseErrorCode).
    Word{"bio_policy", {Errc::kContentFiltered, RetryHint::kNo}},
    Word{"image_content_policy_violation", {Errc::kContentFiltered, RetryHint::kNo}},
    Word{"image_too_large", {Errc::kTooLarge, RetryHint::kNo}},
    Word{"image_file_too_large", {Errc::kTooLarge, RetryHint::kNo}},
    Word{"vector_store_timeout", {Errc::kTimeout, RetryHint::kAmbiguous}},
    Word{"invalid_prompt", {Errc::kInvalidRequest, RetryHint::kNo}},
    Word{"data_residency_mismatch", {Errc::kInvalidRequest, RetryHint::kNo}},
    Word{"invalid_image", {Errc::kInvalidRequest, RetryHint::kNo}},
    Word{"invalid_image_format", {Errc::kInvalidRequest, RetryHint::kNo}},
    Word{"invalid_base64_image", {Errc::kInvalidRequest, RetryHint::kNo}},
    Word{"invalid_image_url", {Errc::kInvalidRequest, RetryHint::kNo}},
    Word{"invalid_image_mode", {Errc::kInvalidRequest, RetryHint::kNo}},
    Word{"image_too_small", {Errc::kInvalidRequest, RetryHint::kNo}},
    Word{"image_parse_error", {Errc::kInvalidRequest, RetryHint::kNo}},
    Word{"unsupported_image_media_type", {Errc::kInvalidRequest, RetryHint::kNo}},
    Word{"empty_image_file", {Errc::kInvalidRequest, RetryHint::kNo}},
    Word{"failed_to_download_image", {Errc::kInvalidRequest, RetryHint::kNo}},
    Word{"image_file_not_found", {Errc::kInvalidRequest, RetryHint::kNo}},
    Word{"api_error", {Errc::kServerError, RetryHint::kAmbiguous}},
    Word{"server_error", {Errc::kServerError, RetryHint::kAmbiguous}},
    Word{"internal_server_error", {Errc::kServerError, RetryHint::kAmbiguous}},
    Word{"invalid_request_error", {Errc::kInvalidRequest, RetryHint::kNo}},
};

// A gateway's error (502, 504) and a plain 500 do not say whether the request ran: ambiguous. 409,
// 429, 503 and 529 say that it did not.
Verdict by_status(int status) {
  switch (status) {
    case 400:
    case 405:
    case 415:
    case 422: return {Errc::kInvalidRequest, RetryHint::kNo};
    case 401:
    case 407: return {Errc::kUnauthorized, RetryHint::kNo};
    case 402: return {Errc::kQuotaExceeded, RetryHint::kNo};
    case 403: return {Errc::kForbidden, RetryHint::kNo};
    case 404:
    case 410: return {Errc::kNotFound, RetryHint::kNo};
    case 408: return {Errc::kTimeout, RetryHint::kAmbiguous};
    case 409: return {Errc::kOverloaded, RetryHint::kYes};
    case 413: return {Errc::kTooLarge, RetryHint::kNo};
    case 424: return {Errc::kServerError, RetryHint::kAmbiguous};  // what it depends on failed
    case 429: return {Errc::kRateLimited, RetryHint::kYes};
    case 498: return {Errc::kOverloaded, RetryHint::kYes};
    case 499: return {Errc::kCancelled, RetryHint::kNo};
    case 500:
    case 502: return {Errc::kServerError, RetryHint::kAmbiguous};
    case 503:
    case 529: return {Errc::kOverloaded, RetryHint::kYes};
    case 504: return {Errc::kTimeout, RetryHint::kAmbiguous};
    default: break;
  }
  if (status >= 500) return {Errc::kServerError, RetryHint::kNo};
  if (status >= 400) return {Errc::kInvalidRequest, RetryHint::kNo};
  return {Errc::kProtocol, RetryHint::kNo};
}

// What a status means at one provider and at no other.
struct OwnStatus {
  std::string_view provider{};
  int status = 0;
  Verdict verdict{};
};
constexpr std::array kOwnStatuses = {
    // What the model made up may be the reason, says Groq: then another try may help.
    OwnStatus{"groq", 422, {Errc::kInvalidRequest, RetryHint::kAmbiguous}},
};

Verdict by_status(std::string_view provider, int status) {
  for (const OwnStatus& own : kOwnStatuses)
    if (own.provider == provider && own.status == status) return own.verdict;
  return by_status(status);
}

std::optional<int> number_of(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

const Word* known_word(const Complaint& complaint) {
  for (const Word& word : kWords)
    if (complaint.code == word.word || complaint.type == word.word) return &word;
  return nullptr;
}

// "maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens",
// "prompt is too long: 208310 tokens > 200000 maximum": the wires have no code of their own for it,
// or give the sizes nowhere else.
struct Sizes {
  std::string need{}, have{};
};
std::string digits_at(std::string_view text, std::size_t at) {
  std::string digits;
  while (at < text.size() && text[at] >= '0' && text[at] <= '9' && digits.size() < 12)
    digits += text[at++];
  return digits;
}
std::string digits_after(std::string_view text, std::string_view words) {
  const std::size_t at = text.find(words);
  return at == std::string_view::npos ? std::string() : digits_at(text, at + words.size());
}
std::optional<Sizes> overflow_sizes(std::string_view message) {
  Sizes sizes;
  sizes.have = digits_after(message, "maximum context length is ");
  for (const std::string_view words : {"resulted in ", "you requested ", "has "})
    if (sizes.need.empty() && !sizes.have.empty()) sizes.need = digits_after(message, words);
  if (!sizes.have.empty()) return sizes;
  sizes.need = digits_after(message, "prompt is too long: ");
  sizes.have = digits_after(message, "tokens > ");
  if (!sizes.need.empty() && !sizes.have.empty()) return sizes;
  return std::nullopt;
}

Verdict verdict_of(std::string_view provider, int status, const Complaint& complaint) {
  const Word* const word = known_word(complaint);
  // Anthropic's word for an empty account is an invalid request like any other.
  if (complaint.message.find("credit balance is too low") != std::string::npos)
    return {Errc::kQuotaExceeded, RetryHint::kNo};
  // "invalid_request_error" is the type of most 4xx answers: there the status says more. So it does
  // of a request that is larger than all that may be used in a minute, which Groq calls a rate
  // limit: it stays too large.
  const bool vague = word && word->word == "invalid_request_error";
  const bool too_large = word && status == 413 && word->verdict.code == Errc::kRateLimited;
  if (word && !too_large && !(vague && status >= 400)) return word->verdict;
  if (status >= 300) return by_status(provider, status);
  // An error inside of an answer that began well; some servers put a status in its code.
  if (const auto number = number_of(complaint.code); number && *number >= 400 && *number < 600)
    return by_status(provider, *number);
  return word ? word->verdict : Verdict{Errc::kServerError, RetryHint::kAmbiguous};
}

std::string_view advice(Errc code) {
  switch (code) {
    case Errc::kUnauthorized: return "; check the key";
    case Errc::kQuotaExceeded: return "; the account needs credit, a retry does not help";
    case Errc::kNotFound: return "; check the model's name and the base URL";
    default: return {};
  }
}

// At most `most` bytes and whole characters, with the mark of what is clipped.
std::string clipped_words(std::string text, std::size_t most) {
  if (text.size() <= most) return core::utf8_repaired(text);
  text.resize(most);
  while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xc0u) == 0x80u)
    text.pop_back();
  if (!text.empty() && static_cast<unsigned char>(text.back()) >= 0x80u) text.pop_back();
  return core::utf8_repaired(text) + " ...";
}

// One line of it, at most kMaxMessage bytes.
std::string one_line(std::string_view text) {
  std::string line;
  for (const char c : text) {
    const bool space = static_cast<unsigned char>(c) <= ' ' || c == 0x7f;
    if (space && (line.empty() || line.back() == ' ')) continue;
    line += space ? ' ' : c;
    if (line.size() > kMaxMessage) break;
  }
  while (!line.empty() && line.back() == ' ') line.pop_back();
  return clipped_words(std::move(line), kMaxMessage);
}

std::string message_of(int status, const http::HttpHead& head, std::string_view body,
                       const Complaint& complaint) {
  if (!complaint.message.empty()) return one_line(complaint.message);
  std::string message = "the server answered with status " + std::to_string(status);
  if (!complaint.type.empty()) return message + " (" + one_line(complaint.type) + ")";
  const std::string* const type = head.find("content-type");
  if (body.empty()) return message + " and nothing more";
  message += type ? " and " + one_line(*type) : " and something without a content type";
  return message + ": " + one_line(body);
}

// Whether the server says that a retry helps; it knows best.
RetryHint server_hint(const http::HttpHead& head, RetryHint ours) {
  const std::string* const says = head.find("x-should-retry");
  if (!says) return ours;
  if (*says == "true") return RetryHint::kYes;
  if (*says == "false") return RetryHint::kNo;
  return ours;
}

// "Please try again in 5.289s", "retry after 22 seconds": how long to wait, where no header says
// so.
std::optional<milliseconds> wait_in_words(std::string_view message) {
  constexpr std::string_view kTry = "try again in ", kAfter = "retry after ";
  if (const std::size_t at = message.find(kTry); at != message.npos)
    if (const auto wait = go_duration(message.substr(at + kTry.size()))) return wait->value;
  const std::size_t at = message.find(kAfter);
  if (at == message.npos) return std::nullopt;
  const std::string seconds = digits_at(message, at + kAfter.size());
  const std::string_view rest = message.substr(at + kAfter.size() + seconds.size());
  if (seconds.empty() || rest.substr(0, 7) != " second") return std::nullopt;
  return wait_of(real_of(seconds).value_or(0) * 1000);
}

// Those of any provider.
std::string all_rate_limits(const http::HttpHead& head) {
  std::string limits = rate_limits(head, "x-ratelimit-");
  return limits.empty() ? rate_limits(head, "anthropic-ratelimit-") : limits;
}

}  // namespace

const http::HttpHead& no_head() noexcept {
  static const http::HttpHead* const none = new http::HttpHead;
  return *none;
}

std::optional<milliseconds> retry_after(const http::HttpHead& head) {
  if (const std::string* ms = head.find("retry-after-ms"))
    if (const auto number = real_of(*ms))
      if (const auto wait = wait_of(*number)) return wait;
  const std::string* const text = head.find("retry-after");
  if (!text) return std::nullopt;
  if (const auto seconds = real_of(*text)) return wait_of(*seconds * 1000);
  const auto date = http_date(*text);
  if (!date) return std::nullopt;
  return wait_of(static_cast<double>(*date) - static_cast<double>(std::time(nullptr)) * 1000);
}

std::string rate_limits(const http::HttpHead& head, std::string_view prefix) {
  RawObject limits;
  for (const http::Header& header : head.headers) {
    if (!http::same_name(std::string_view(header.name).substr(0, prefix.size()), prefix)) continue;
    limits.set_string(core::utf8_repaired(http::lower_name(header.name)),
                      core::utf8_repaired(header.value));
  }
  return limits.empty() ? std::string() : limits.text();
}

Error provider_error(std::string_view provider, const http::HttpHead& head, std::string_view body,
                     const Complaint& complaint) {
  const bool inside = head.status >= 200 && head.status < 300;
  Verdict verdict = verdict_of(provider, head.status, complaint);
  const auto sizes = overflow_sizes(complaint.message);
  if (sizes && (verdict.code == Errc::kInvalidRequest || verdict.code == Errc::kContextOverflow))
    verdict = {Errc::kContextOverflow, RetryHint::kNo};
  std::string message = message_of(head.status, head, body, complaint);
  if (inside && complaint.message.empty()) message = "the server ended its answer with an error";
  message += advice(verdict.code);

  Error error(verdict.code, std::move(message));
  error = std::move(error)
              .with_provider(std::string(provider))
              .with_http_status(head.status)
              .with_body(body)
              .with_retry(inside || verdict.code == Errc::kQuotaExceeded
                              ? verdict.retry
                              : server_hint(head, verdict.retry));
  const std::string& name = complaint.code.empty() ? complaint.type : complaint.code;
  if (!name.empty()) error = std::move(error).with_provider_code(name);
  std::string id = complaint.request_id;
  for (const std::string_view header : {"x-request-id", "request-id"})
    if (const std::string* value = head.find(header); value && id.empty()) id = *value;
  if (!id.empty()) error = std::move(error).with_request_id(std::move(id));
  auto wait = retry_after(head);
  const bool limited = verdict.code == Errc::kRateLimited || verdict.code == Errc::kOverloaded;
  if (!wait && limited) wait = wait_in_words(complaint.message);
  if (wait) error = std::move(error).with_retry_after(*wait);
  if (std::string limits = limited ? all_rate_limits(head) : ""; !limits.empty())
    error = std::move(error).with_detail("rate_limits", std::move(limits));
  if (!complaint.generated.empty())
    error = std::move(error).with_detail("failed_generation",
                                         clipped_words(complaint.generated, kMaxGenerated));
  if (!complaint.param.empty()) error = std::move(error).with_detail("field", complaint.param);
  if (verdict.code == Errc::kTimeout) error = std::move(error).with_detail("timeout", "server");
  if (sizes && !sizes->need.empty()) error = std::move(error).with_detail("need", sizes->need);
  if (sizes) error = std::move(error).with_detail("have", sizes->have);
  return error;
}

Error bad_answer(std::string_view provider, std::string_view what, std::size_t event,
                 std::string_view bytes) {
  std::string message = event == 0 ? "the server's answer is not what its protocol says: "
                                   : "event " + std::to_string(event) +
                                         " of the server's answer is not what its protocol says: ";
  message += one_line(what);
  Error error(Errc::kProtocol, std::move(message));
  if (event != 0) error = std::move(error).with_detail("event", std::to_string(event));
  return std::move(error).with_provider(std::string(provider)).with_body(bytes);
}

}  // namespace infer::cloud
