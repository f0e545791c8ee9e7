#include "src/cloud/openai/openai.h"
#include "src/core/json.h"

namespace infer::cloud {
namespace {

// A code is text at OpenAI, a number elsewhere.
std::string text_of(const core::Json& object, std::string_view key) {
  const core::Json* value = core::find(object, key);
  if (!value || value->is_null()) return {};
  if (value->is_string()) return value->get<std::string>();
  return value->is_primitive() ? core::dump_json(*value) : std::string();
}

Complaint complaint_in(const core::Json& object) {
  Complaint complaint;
  complaint.type = text_of(object, "type");
  complaint.code = text_of(object, "code");
  complaint.message = text_of(object, "message");
  complaint.param = text_of(object, "param");
  complaint.generated = text_of(object, "failed_generation");
  return complaint;
}

}  // namespace

Complaint openai_complaint(std::string_view body) {
  const auto json = core::parse_json(body);
  if (!json) return {};
  // Some servers wrap the answer in an array of one.
  const core::Json& top = json->is_array() && json->size() == 1 ? json->front() : *json;
  const core::Json* error = core::find(top, "error");
  if (error && error->is_object()) return complaint_in(*error);
  Complaint complaint = complaint_in(top);
  if (error && error->is_string()) complaint.message = error->get<std::string>();
  // FastAPI's way, which some servers leave as it is.
  if (complaint.message.empty()) complaint.message = text_of(top, "detail");
  return complaint;
}

}  // namespace infer::cloud
