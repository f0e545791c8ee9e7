#include "src/cloud/anthropic/anthropic.h"
#include "src/core/json.h"

namespace infer::cloud {

Complaint anthropic_complaint(std::string_view body) {
  Complaint complaint;
  const auto json = core::parse_json(body);
  if (!json) return complaint;
  complaint.request_id = core::string_or(*json, "request_id");
  const core::Json* const error = core::find(*json, "error");
  if (!error) {
    complaint.message = core::string_or(*json, "message");  // of gateways
    return complaint;
  }
  complaint.type = core::string_or(*error, "type");
  complaint.message =
      error->is_string() ? error->get<std::string>() : core::string_or(*error, "message");
  return complaint;
}

}  // namespace infer::cloud
