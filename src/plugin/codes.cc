#include "src/plugin/codes.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "src/core/json.h"
#include "src/core/utf8.h"

namespace infer::plugin {

Errc errc_of(std::int32_t code) noexcept {
  switch (code) {
    case INFER_E_INVALID_REQUEST: return Errc::kInvalidRequest;
    case INFER_E_NOT_FOUND: return Errc::kNotFound;
    case INFER_E_UNSUPPORTED: return Errc::kUnsupported;
    case INFER_E_CONTEXT_OVERFLOW: return Errc::kContextOverflow;
    case INFER_E_OVERLOADED: return Errc::kOverloaded;
    case INFER_E_TIMEOUT: return Errc::kTimeout;
    case INFER_E_CANCELLED: return Errc::kCancelled;
    case INFER_E_NETWORK: return Errc::kNetwork;
    case INFER_E_PROTOCOL: return Errc::kProtocol;
    case INFER_E_TRUNCATED: return Errc::kTruncated;
    case INFER_E_TOO_LARGE: return Errc::kTooLarge;
    case INFER_E_OUT_OF_MEMORY: return Errc::kOutOfMemory;
    case INFER_E_MODEL_INVALID: return Errc::kModelInvalid;
    case INFER_E_UNAUTHORIZED: return Errc::kUnauthorized;
    case INFER_E_RATE_LIMITED: return Errc::kRateLimited;
    case INFER_E_CONTENT_FILTERED: return Errc::kContentFiltered;
    case INFER_E_IO: return Errc::kIo;
    case INFER_E_FORBIDDEN: return Errc::kForbidden;
    case INFER_E_QUOTA_EXCEEDED: return Errc::kQuotaExceeded;
    case INFER_E_TLS: return Errc::kTls;
    case INFER_E_BUDGET_EXCEEDED: return Errc::kBudgetExceeded;
    default: return Errc::kEngine;
  }
}

namespace {
// A fixed field: up to its NUL or its end, made valid UTF-8.
template <std::size_t N>
std::string text_of(const char (&field)[N]) {
  return core::utf8_repaired({field, strnlen(field, N)});
}
}  // namespace

Error error_of(std::int32_t code, const infer_error& written) {
  std::string message = text_of(written.message);
  std::replace(message.begin(), message.end(), '\n', ' ');
  if (message.empty()) message = "the plugin gave no reason";
  Error error(errc_of(code), std::move(message));
  if (const auto details = core::parse_json(text_of(written.details));
      details && details->is_object()) {
    for (const auto& [key, value] : details->items()) {
      const auto* text = value.get_ptr<const std::string*>();
      error = std::move(error).with_detail(key, text ? *text : core::dump_json(value));
    }
  }
  if (written.http_status != 0) error = std::move(error).with_http_status(written.http_status);
  if (written.retry_after_ms > 0)
    error = std::move(error).with_retry_after(std::chrono::milliseconds(written.retry_after_ms));
  if (written.request_id[0] != '\0')
    error = std::move(error).with_request_id(text_of(written.request_id));
  if (written.body[0] != '\0') error = std::move(error).with_body(text_of(written.body));
  return error;
}

}  // namespace infer::plugin
