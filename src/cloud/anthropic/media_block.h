// Pictures and documents as Anthropic's blocks.
#ifndef INFER_SRC_CLOUD_ANTHROPIC_MEDIA_BLOCK_H_
#define INFER_SRC_CLOUD_ANTHROPIC_MEDIA_BLOCK_H_

#include <string>

#include "infer/message.h"
#include "infer/result.h"
#include "src/cloud/raw_object.h"

namespace infer::cloud {

// {"type":"image"|"document","source":{...}}: JPEG, PNG, GIF and WebP pictures, PDF and plain text.
// What kind of file it is comes from its mime type, else from its first bytes; an address without a
// mime type is taken for a picture. `field` names the part in errors: kUnsupported for other kinds,
// kInvalidRequest where the kind cannot be told.
Result<RawObject> anthropic_media_block(const Media& media, const std::string& field);

}  // namespace infer::cloud

#endif  // INFER_SRC_CLOUD_ANTHROPIC_MEDIA_BLOCK_H_
