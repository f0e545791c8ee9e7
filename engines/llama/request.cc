#include "request.h"

#include <algorithm>
#include <limits>

#include "infer/plugin.h"
#include "parse.h"

namespace infer::llama {
namespace {

constexpr int64_t kMostChoices = 128;

void parse_truncation(const Json& value, TextRequest& request) {
  if (value != "drop_oldest") invalid("truncation", "must be \"drop_oldest\", or left out");
  request.drop_oldest = true;
}

void parse_extra(const Json& value, TextRequest& request) {
  if (!value.is_object()) invalid("extra", "must be an object");
  if (value.contains("llama")) {
    request.warnings.push_back(
        unsupported_setting("extra.llama", "nothing is known under this name; it was ignored"));
  }
}

bool is_for_others(const std::string& key) {
  static const char* const kKeys[] = {
      "task", "cache_key", "cache_retention", "cache_explicit", "service_tier", "user", "metadata"};
  return std::find(std::begin(kKeys), std::end(kKeys), key) != std::end(kKeys);
}

void parse_key(const std::string& key, const Json& value, int32_t vocabulary,
               TextRequest& request) {
  if (key == "messages") {
    request.messages = parse_messages(value, request.warnings);
  } else if (key == "max_tokens") {
    request.max_tokens = get_int(value, key, 1, std::numeric_limits<int64_t>::max());
  } else if (key == "n") {
    request.n = static_cast<uint32_t>(get_int(value, key, 1, kMostChoices));
  } else if (key == "truncation") {
    parse_truncation(value, request);
  } else if (key == "previous_response_id" || key == "store") {
    if (value != false)
      unsupported(key, "nothing is kept here once it is answered; send the whole conversation");
  } else if (key == "extra") {
    parse_extra(value, request);
  } else if (!is_for_others(key) && !parse_setting(key, value, vocabulary, request) &&
             !parse_tool_setting(key, value, request)) {
    request.warnings.push_back(
        unsupported_setting(key, "not supported in this version; the reply is made without it"));
  }
}

}  // namespace

TextRequest parse_text_request(std::string_view text, int32_t vocabulary) {
  const Json json = parse_object(text, "the request");
  TextRequest request;
  if (!json.contains("messages")) invalid("messages", "must be an array of at least one message");
  for (const auto& item : json.items()) parse_key(item.key(), item.value(), vocabulary, request);
  check_settings(request);
  return request;
}

}  // namespace infer::llama
