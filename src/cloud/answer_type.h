#ifndef INFER_SRC_CLOUD_ANSWER_TYPE_H_
#define INFER_SRC_CLOUD_ANSWER_TYPE_H_

#include <string>

#include "src/http/transport.h"

namespace infer::cloud {

// The media type of an answer, in small letters and without parameters; empty: not told.
std::string answer_type(const http::HttpHead& head);

}  // namespace infer::cloud

#endif  // INFER_SRC_CLOUD_ANSWER_TYPE_H_
