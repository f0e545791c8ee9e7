// The parts of a request that are read by a file each; request.cc puts them together.
#ifndef INFER_ENGINES_LLAMA_PARSE_H_
#define INFER_ENGINES_LLAMA_PARSE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "json_fields.h"
#include "request.h"

namespace infer::llama {

// messages.cc
// A JSON object as a tree. Throws Refusal: not JSON, too deep, no object.
Tree parse_tree(std::string_view text, const char* what);
std::vector<ChatMessage> parse_messages(const Json& value, std::vector<Warning>& warnings);

// settings.cc: true if the key is one of the settings that change which token comes next, or that
// promise something of the tokens. `vocabulary`: how many tokens the model has.
bool parse_setting(const std::string& key, const Json& value, int32_t vocabulary,
                   TextRequest& request);
// When all settings are read: warnings for those that have no effect beside others.
void check_settings(TextRequest& request);

// tools.cc: true if the key is one of tools, tool_choice, parallel_tools, reasoning.
bool parse_tool_setting(const std::string& key, const Json& value, TextRequest& request);

}  // namespace infer::llama

#endif  // INFER_ENGINES_LLAMA_PARSE_H_
