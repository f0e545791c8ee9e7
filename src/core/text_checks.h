// Law 3 for backends of text, and for those that do not paint themselves: which settings of a
// request promise something (refuse what cannot be honoured) and which only shape quality (warn).
// One list for every backend written in C++.
#ifndef INFER_SRC_CORE_TEXT_CHECKS_H_
#define INFER_SRC_CORE_TEXT_CHECKS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "infer/error.h"
#include "infer/event.h"
#include "infer/request.h"

namespace infer::core {

// What a backend can honour, ored together.
enum Honours : std::uint32_t {
  kHonoursTools = 1u << 0,
  kHonoursOutput = 1u << 1,
  kHonoursMaxTokens = 1u << 2,
  kHonoursStop = 1u << 3,
  kHonoursStopTokens = 1u << 4,
  kHonoursN = 1u << 5,
  kHonoursLogprobs = 1u << 6,
  kHonoursMedia = 1u << 7,
  kHonoursTruncation = 1u << 8,
  kHonoursPrevious = 1u << 9,
  kHonoursStore = 1u << 10,  // keeping an answer; not keeping it is no promise that needs help
};

// kUnsupported naming the first promise in the request that is not in `honours`, or nothing.
std::optional<Error> refuse_promises(const TextRequest& request, std::uint32_t honours);

using Setting = std::string_view;  // "temperature", "sampling.top_k", ...

// The quality settings that the request sets, by name.
std::vector<Setting> quality_settings(const TextRequest& request);
// The same of painting, for a backend that has nothing of it.
std::optional<Error> refuse_promises(const Diffusion& diffusion);
std::vector<Setting> quality_settings(const Diffusion& diffusion);
Warning unsupported_warning(Setting setting, std::string_view backend);

}  // namespace infer::core

#endif  // INFER_SRC_CORE_TEXT_CHECKS_H_
