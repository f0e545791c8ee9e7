// How the plugin's own functions fail: by an exception that plugin.cc turns into an infer_error at
// the border.
#ifndef INFER_ENGINES_COMMON_REFUSAL_H_
#define INFER_ENGINES_COMMON_REFUSAL_H_

#include <stdexcept>
#include <string>
#include <utility>

#include "engines/common/abi.h"

namespace infer::engine {

class Refusal : public std::runtime_error {
 public:
  // `details` is a JSON object or empty.
  Refusal(int code, const std::string& message, std::string details = {})
      : std::runtime_error(message), code_(code), details_(std::move(details)) {}

  int code() const { return code_; }
  const std::string& details() const { return details_; }

 private:
  int code_;
  std::string details_;
};

// A refusal that names the field of the request or of the config which caused it.
inline Refusal field_refusal(int code, const std::string& field, const std::string& message) {
  return Refusal(code, field + ": " + message, "{\"field\":" + json_quote(field) + "}");
}

}  // namespace infer::engine

#endif  // INFER_ENGINES_COMMON_REFUSAL_H_
