// The keyword "pattern" on the standard library's regular expressions, which take any time and any
// depth of stack if they are let: bounded here.
#ifndef INFER_SRC_STRUCTURED_PATTERN_H_
#define INFER_SRC_STRUCTURED_PATTERN_H_

#include <cstddef>
#include <memory>
#include <regex>
#include <string>
#include <string_view>

#include "infer/result.h"

namespace infer::structured {

class Pattern {
 public:
  // kInvalidRequest for what is no expression of ECMA-262, or one that cannot be held to a bound:
  // longer than 1000 bytes, more than 4000 states, with back references, look-behinds, names of
  // groups or properties of characters.
  static Result<Pattern> of(const std::string& text);
  // False for a text that is too long for this pattern.
  bool takes(std::string_view text) const;
  // Whether it is somewhere in the text, whose characters count, not its bytes. Throws what the
  // standard library throws.
  bool found_in(std::string_view text) const;

 private:
  Pattern(std::wregex regex, std::size_t states)
      : regex_(std::make_shared<std::wregex>(std::move(regex))), states_(states) {}
  std::shared_ptr<const std::wregex> regex_;
  std::size_t states_;
};

// Whether the library's own search, which steps back, is quick with it: no groups, one open repeat.
bool is_simple_pattern(std::string_view text);

}  // namespace infer::structured

#endif  // INFER_SRC_STRUCTURED_PATTERN_H_
