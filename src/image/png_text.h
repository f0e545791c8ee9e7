// Words in a PNG: the chunks tEXt, zTXt and iTXt.
#ifndef INFER_SRC_IMAGE_PNG_TEXT_H_
#define INFER_SRC_IMAGE_PNG_TEXT_H_

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "infer/result.h"

namespace infer::pictures {

using PngText = std::vector<std::pair<std::string, std::string>>;

// kInvalidRequest, naming the pair, for what no PNG can hold.
std::optional<Error> wrong_text(const PngText& text);

// The file with `text`, which has been checked, after its header; what was there under the same
// keywords goes. kInvalidRequest if it is no whole PNG.
Result<std::string> with_text(std::string_view png, const PngText& text);

Result<PngText> text_of(std::string_view png);

}  // namespace infer::pictures

#endif  // INFER_SRC_IMAGE_PNG_TEXT_H_
