// Pictures and documents as Anthropic's blocks.
#ifndef INFER_SRC_CLOUD_ANTHROPIC_MEDIA_BLOCK_H_
#define INFER_SRC_CLOUD_ANTHROPIC_MEDIA_BLOCK_H_

#include <string>

#include "infer/message.h"
#include "infer/result.h"
#include "src/cloud/raw_object.h"

namespace infer::cloud {

// {"type":"image"|"document","source":{...}}: pictures, PDF and plain text; which pictures are
// taken is in MediaLimits. An address without a type is taken for a picture's; the bytes of a data:
// address are sent as bytes. `field` names the part in errors: kUnsupported for other kinds,
// kInvalidRequest where the kind cannot be told.
Result<RawObject> anthropic_media_block(const Media& media, const std::string& field);

}  // namespace infer::cloud

#endif  // INFER_SRC_CLOUD_ANTHROPIC_MEDIA_BLOCK_H_
