// JSON Pointers (RFC 6901): where in a document something stands.
#ifndef INFER_SRC_CLOUD_MODAL_JSON_POINTER_H_
#define INFER_SRC_CLOUD_MODAL_JSON_POINTER_H_

#include <string>
#include <vector>

#include "infer/result.h"
#include "src/core/json.h"

namespace infer::cloud {

// Thread rule: immutable.
class JsonPointer {
 public:
  // "" is the whole document. kInvalidRequest with what is wrong.
  static Result<JsonPointer> parse(const std::string& text);

  const std::string& text() const noexcept { return text_; }
  // Null: the document has nothing there.
  const core::Json* find(const core::Json& document) const;

 private:
  std::string text_{};
  std::vector<std::string> tokens_{};
};

}  // namespace infer::cloud

#endif  // INFER_SRC_CLOUD_MODAL_JSON_POINTER_H_
