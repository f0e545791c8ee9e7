// JSON as servers send it: what a browser would read all the same is read here, too.
#ifndef INFER_SRC_CLOUD_OPENAI_LENIENT_JSON_H_
#define INFER_SRC_CLOUD_OPENAI_LENIENT_JSON_H_

#include <string>
#include <string_view>

#include "src/core/json.h"

namespace infer::cloud {

// Without white space around it.
std::string_view trimmed_json(std::string_view text);

// Bytes that are no UTF-8 and surrogates without a partner are read as U+FFFD. `text` is then a
// view of `repaired`, the text that was read; else it stays what it is.
Result<core::Json> parse_lenient(std::string_view& text, std::string& repaired);

// Null, false, "", [] and {}: what servers send for members that they do not use.
bool says_nothing(const core::Json& value);

}  // namespace infer::cloud

#endif  // INFER_SRC_CLOUD_OPENAI_LENIENT_JSON_H_
