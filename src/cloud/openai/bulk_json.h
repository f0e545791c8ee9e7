// JSON that is base64 for the most part: pictures, vectors. A parser would copy that byte by byte;
// here it stays where it lies.
#ifndef INFER_SRC_CLOUD_OPENAI_BULK_JSON_H_
#define INFER_SRC_CLOUD_OPENAI_BULK_JSON_H_

#include <string>
#include <string_view>
#include <vector>

#include "src/core/json.h"

namespace infer::cloud {

class BulkJson {
 public:
  // Long runs of base64 are taken out of the text; the rest is read as parse_lenient() does.
  // kProtocol where that fails. `text` must outlive this.
  static Result<BulkJson> parse(std::string_view text);

  const core::Json& json() const noexcept { return json_; }
  // What was read, with everything in it: for raw_members() and the like.
  std::string_view text() const noexcept { return repaired_.empty() ? text_ : repaired_; }
  // A string of this document; empty where `value` is null or no string.
  std::string_view string(const core::Json* value) const noexcept;

 private:
  core::Json json_{};
  std::string_view text_{};
  std::string repaired_{};
  std::vector<std::string_view> taken_{};  // out of text_
};

}  // namespace infer::cloud

#endif  // INFER_SRC_CLOUD_OPENAI_BULK_JSON_H_
