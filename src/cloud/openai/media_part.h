// Pictures, documents and sounds as parts of OpenAI's messages.
#ifndef INFER_SRC_CLOUD_OPENAI_MEDIA_PART_H_
#define INFER_SRC_CLOUD_OPENAI_MEDIA_PART_H_

#include <string>
#include <vector>

#include "infer/event.h"
#include "infer/message.h"
#include "infer/result.h"
#include "src/cloud/openai/dialect.h"

namespace infer::cloud {

// `where` names the part in errors: kUnsupported with the detail "field" for what the wire has no
// place for, kInvalidRequest for a detail that OpenAI does not know. An address without a type is a
// picture's; a file id without one is a document's.

// Of chat completions: image_url, input_audio, file.
Result<std::string> chat_media_part(const Media& media, const Dialect& dialect,
                                    const std::string& where, std::vector<Warning>& warnings);
// Of Responses, in messages and in the outputs of functions: input_image, input_file.
Result<std::string> responses_media_part(const Media& media, const Dialect& dialect,
                                         const std::string& where);

}  // namespace infer::cloud

#endif  // INFER_SRC_CLOUD_OPENAI_MEDIA_PART_H_
