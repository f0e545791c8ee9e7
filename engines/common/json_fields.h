// Reading the members of a JSON object with errors that name the field and what is allowed. For the
// .cc files of an engine that read JSON; no other header shows the JSON library. All throw
// Refusal.
#ifndef INFER_ENGINES_COMMON_JSON_FIELDS_H_
#define INFER_ENGINES_COMMON_JSON_FIELDS_H_

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace infer::engine {

using Json = nlohmann::json;

// `what` is how an error calls the text: "the request".
Json parse_object(std::string_view text, const char* what);

[[noreturn]] void invalid(const std::string& field, const std::string& message);
[[noreturn]] void unsupported(const std::string& field, const std::string& message);

// From low to high, both allowed.
int64_t get_int(const Json& value, const std::string& field, int64_t low, int64_t high);
// From low to high; `above_low`: low itself is not allowed.
double get_number(const Json& value, const std::string& field, double low, double high,
                  bool above_low = false);
bool get_bool(const Json& value, const std::string& field);
const std::string& get_string(const Json& value, const std::string& field);
// An optional string member of an object that is called `where`; empty if it is not there.
std::string member(const Json& object, const char* key, const std::string& where);

}  // namespace infer::engine

#endif  // INFER_ENGINES_COMMON_JSON_FIELDS_H_
