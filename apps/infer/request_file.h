// Files that hold a part of a request: conversations and tools, in this library's own shape
// (docs/formats/request.md) or in OpenAI's.
#ifndef INFER_APPS_REQUEST_FILE_H_
#define INFER_APPS_REQUEST_FILE_H_

#include <string>
#include <string_view>
#include <vector>

#include "infer/message.h"
#include "infer/request.h"
#include "infer/result.h"

namespace infer::cli {

// Each of these names `option` and the file where something is wrong: kNotFound, kIo, kTooLarge
// (over 64 MiB), kInvalidRequest for what is not UTF-8 or does not fit.
Result<std::string> read_text_file(const std::string& option, const std::string& path);
// An error, which names `option`, unless `text` is a JSON object.
std::optional<Error> check_object(const std::string& option, const std::string& text);
// Checked to be JSON, and given back as it was written.
Result<std::string> read_json_file(const std::string& option, const std::string& path);
Result<std::vector<Tool>> read_tools_file(const std::string& path);
Result<std::vector<Message>> read_messages_file(const std::string& option, const std::string& path);

// The same of JSON text. The errors name the place: "[2].content: must be ...".
Result<std::vector<Tool>> tools_of(std::string_view json);
Result<std::vector<Message>> messages_of(std::string_view json);

// An array of messages in the library's own shape, which messages_of() reads. kUnsupported where a
// message holds bytes (pictures), for which that shape has no place.
Result<std::string> messages_json(const std::vector<Message>& messages);

}  // namespace infer::cli

#endif  // INFER_APPS_REQUEST_FILE_H_
