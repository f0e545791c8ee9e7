#include "src/plugin/codes.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "src/core/json.h"
#include "src/core/utf8.h"

namespace infer::plugin {

namespace {
// A fixed field: up to its NUL or its end, made valid UTF-8.
template <std::size_t N>
std::string text_of(const char (&field)[N]) {
  return core::utf8_repaired({field, strnlen(field, N)});
}
}  // namespace

Error error_of(std::int32_t code, const infer_error& written) {
  std::string message = text_of(written.message);
  std::replace(message.begin(), message.end(), '\n', ' ');
  if (message.empty()) message = "the plugin gave no reason";
  Error error(errc_of(code), std::move(message));
  if (const auto details = core::parse_json(text_of(written.details));
      details && details->is_object()) {
    for (const auto& [key, value] : details->items()) {
      const auto* text = value.get_ptr<const std::string*>();
      error = std::move(error).with_detail(key, text ? *text : core::dump_json(value));
    }
  }
  if (written.http_status != 0) error = std::move(error).with_http_status(written.http_status);
  if (written.retry_after_ms > 0)
    error = std::move(error).with_retry_after(std::chrono::milliseconds(written.retry_after_ms));
  if (written.request_id[0] != '\0')
    error = std::move(error).with_request_id(text_of(written.request_id));
  if (written.body[0] != '\0') error = std::move(error).with_body(text_of(written.body));
  return error;
}

}  // namespace infer::plugin
