// The ABI's error codes and the library's.
#ifndef INFER_SRC_PLUGIN_CODES_H_
#define INFER_SRC_PLUGIN_CODES_H_

#include <cstdint>

#include "infer/error.h"
#include "infer/plugin.h"

namespace infer::plugin {

// An unknown code reads as kEngine.
Errc errc_of(std::int32_t code) noexcept;
// What a plugin wrote into the caller's infer_error, with its details as Error::detail.
Error error_of(std::int32_t code, const infer_error& written);

}  // namespace infer::plugin

#endif  // INFER_SRC_PLUGIN_CODES_H_
