// What requests of both text APIs have in common.
#ifndef INFER_SRC_CLOUD_OPENAI_REQUEST_FIELDS_H_
#define INFER_SRC_CLOUD_OPENAI_REQUEST_FIELDS_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "infer/error.h"
#include "infer/event.h"
#include "infer/request.h"
#include "infer/result.h"
#include "src/cloud/object_writer.h"
#include "src/cloud/openai/dialect.h"

namespace infer::cloud {

// kUnsupported that names the field.
Error unsupported_field(const std::string& field, const std::string& why);
// A part of the conversation that is not sent; `where` is its place.
Warning dropped_part(const std::string& where, const std::string& what);
// A setting that is sent, but not as it was set.
Warning adjusted_setting(const std::string& setting, const std::string& how);

// Where the prompt shall be cached up to. Source: OpenAI's OpenAPI document,
// PromptCacheBreakpointParam. Gives the part, an object, with the mark.
std::string with_cache_mark(std::string part);

// A function's name, description and parameters; whether it is strict, where that is to be said.
std::optional<bool> write_function(const Tool& tool, const Dialect& dialect, ObjectWriter& out,
                                   std::vector<Warning>& warnings);
// The tools, a JSON array, and how they may be used. `named`: what says which one must be.
void write_tool_use(const TextRequest& request, std::string tools, std::string named,
                    ObjectWriter& body);
// The form of the answer, {"type",...}; empty: text. A schema's name, itself and whether it is
// strict stand in the member `under`, or without one beside the type.
Result<RawObject> output_format(const Output& output, const Dialect& dialect,
                                std::string_view under = {});

// What the dialect calls the effort, which is set; a warning if that is not quite it.
std::string_view effort_word(const Dialect& dialect, ReasoningOptions::Effort effort,
                             std::vector<Warning>& warnings);
// service_tier, user, metadata and what says how the prompt is cached.
void write_labels(const Dialect& dialect, const TextRequest& request, ObjectWriter& body);

}  // namespace infer::cloud

#endif  // INFER_SRC_CLOUD_OPENAI_REQUEST_FIELDS_H_
