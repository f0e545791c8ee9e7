// What encode_image() and save_image() check alike.
#ifndef INFER_SRC_IMAGE_ENCODING_H_
#define INFER_SRC_IMAGE_ENCODING_H_

#include <optional>

#include "infer/image.h"

namespace infer::pictures {

// kInvalidRequest, naming the field, for what makes no sense or not for that format.
std::optional<Error> wrong_options(const EncodeOptions& options);

}  // namespace infer::pictures

#endif  // INFER_SRC_IMAGE_ENCODING_H_
