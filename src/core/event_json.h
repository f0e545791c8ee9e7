// Events and errors as JSON, without loss (docs/formats/recording.md).
#ifndef INFER_SRC_CORE_EVENT_JSON_H_
#define INFER_SRC_CORE_EVENT_JSON_H_

#include <optional>
#include <string_view>

#include "infer/backend.h"
#include "src/core/json.h"

namespace infer::core {

// Bytes: a string where they are UTF-8, else {"b64":base64}.
Json bytes_json(std::string_view bytes);

// {how:base64}
Json base64_json(const char* how, std::string_view bytes);
// {"b64","width","height","channels","stride"}
Json pixels_json(const Pixels& pixels);

// Everything that the event holds or points to. What is zero or empty is left out.
Json event_json(const Event& event);
// Puts the event into `out`. The error, kProtocol with detail "field", where the JSON does not fit;
// members that are not known are skipped.
std::optional<Error> read_event(const Json& json, EventBuffer& out);

// Everything but partial(), which comes from the events.
Json error_json(const Error& error);
// As read_event.
std::optional<Error> read_error(const Json& json, std::optional<Error>& out);

}  // namespace infer::core

#endif  // INFER_SRC_CORE_EVENT_JSON_H_
