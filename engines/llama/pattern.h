// A regular expression of a JSON Schema as a grammar for the JSON string that holds the text.
#ifndef INFER_ENGINES_LLAMA_PATTERN_H_
#define INFER_ENGINES_LLAMA_PATTERN_H_

#include <stdexcept>
#include <string>
#include <string_view>

#include "gbnf_writer.h"

namespace infer::llama {

// `invalid`: it is no regular expression; otherwise it is one, with something that is not
// supported.
class PatternError : public std::runtime_error {
 public:
  PatternError(bool is_invalid, const std::string& what)
      : std::runtime_error(what), invalid(is_invalid) {}
  const bool invalid;
};

// The GBNF of JSON strings, quotes included, whose text matches the pattern (ECMAScript's with the
// u flag), somewhere if it is not anchored. Characters that JSON must escape are escaped. Throws
// PatternError: look-around, back references, \b, \p, anchors within the pattern.
std::string pattern_string(std::string_view pattern, GbnfWriter& writer);

}  // namespace infer::llama

#endif  // INFER_ENGINES_LLAMA_PATTERN_H_
