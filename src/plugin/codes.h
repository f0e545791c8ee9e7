// The ABI's error codes and the library's.
#ifndef INFER_SRC_PLUGIN_CODES_H_
#define INFER_SRC_PLUGIN_CODES_H_

#include <cstdint>

#include "infer/error.h"
#include "infer/plugin.h"

namespace infer::plugin {

// An unknown code reads as kEngine. Inline: the conformance suite uses it without the library's
// hidden parts.
inline Errc errc_of(std::int32_t code) noexcept {
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
    case INFER_E_SERVER_ERROR: return Errc::kServerError;
    case INFER_E_INVALID_OUTPUT: return Errc::kInvalidOutput;
    default: return Errc::kEngine;
  }
}

// What a plugin wrote into the caller's infer_error, with its details as Error::detail.
Error error_of(std::int32_t code, const infer_error& written);

}  // namespace infer::plugin

#endif  // INFER_SRC_PLUGIN_CODES_H_
