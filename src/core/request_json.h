// The request as JSON (docs/formats/request.md): what crosses to plugins, keys the cache, stands in
// recordings. Canonical: keys sorted, no white space, unset fields absent.
#ifndef INFER_SRC_CORE_REQUEST_JSON_H_
#define INFER_SRC_CORE_REQUEST_JSON_H_

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "infer/request.h"
#include "infer/result.h"

namespace infer::core {

// Bytes that do not belong in JSON; the JSON names them by their index here.
using BlobTable = std::vector<std::variant<Blob, Pixels>>;

struct RequestJson {
  std::string text{};
  BlobTable blobs{};
  std::vector<std::string> mimes{};  // of blobs, index by index; empty for Pixels
};

// The request must have passed validate().
RequestJson to_json(const Request& request);
// The same request back. kInvalidRequest with detail "field" where the JSON does not fit; unknown
// keys are skipped.
Result<Request> from_json(std::string_view text, const BlobTable& blobs);

}  // namespace infer::core

#endif  // INFER_SRC_CORE_REQUEST_JSON_H_
