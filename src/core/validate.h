// What is wrong with a request whoever answers it: checked once, before any backend sees it.
#ifndef INFER_SRC_CORE_VALIDATE_H_
#define INFER_SRC_CORE_VALIDATE_H_

#include <optional>

#include "infer/error.h"
#include "infer/request.h"

namespace infer::core {

// kInvalidRequest with detail "field" (such as "messages[2].parts[0].text"), or nothing.
std::optional<Error> validate(const Request& request);

}  // namespace infer::core

#endif  // INFER_SRC_CORE_VALIDATE_H_
