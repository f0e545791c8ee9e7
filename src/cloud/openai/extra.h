// ImageRequest::extra and its like: the caller's own members of a request.
#ifndef INFER_SRC_CLOUD_OPENAI_EXTRA_H_
#define INFER_SRC_CLOUD_OPENAI_EXTRA_H_

#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "infer/error.h"
#include "src/cloud/raw_object.h"

namespace infer::cloud {

// A member that the reader of the answer must know of, and the field that sets it.
struct ReservedMember {
  std::string_view name{};
  std::string_view instead{};
};

// Puts what `extra` holds for this provider into the request, in place of what is there.
// kInvalidRequest for a member that is reserved.
std::optional<Error> merge_extra(const std::map<std::string, std::string>& extra,
                                 const std::string& provider,
                                 std::initializer_list<ReservedMember> reserved, RawObject& body);

}  // namespace infer::cloud

#endif  // INFER_SRC_CLOUD_OPENAI_EXTRA_H_
