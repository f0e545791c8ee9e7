#include "json_fields.h"

#include <cmath>
#include <limits>

#include "infer/plugin.h"
#include "refusal.h"

namespace infer::engine {
namespace {

constexpr int kMaxDepth = 128;

std::string shown(double value) {
  if (value == std::floor(value) && std::fabs(value) < 1e15)
    return std::to_string(static_cast<int64_t>(value));
  std::string text = std::to_string(value);
  while (text.back() == '0') text.pop_back();
  return text;
}

}  // namespace

Json parse_object(std::string_view text, const char* what) {
  Json value;
  try {
    value = Json::parse(text.begin(), text.end(), [what](int depth, Json::parse_event_t, Json&) {
      if (depth > kMaxDepth)
        throw Refusal(INFER_E_INVALID_REQUEST, std::string(what) + " is nested too deeply");
      return true;
    });
  } catch (const Json::exception& e) {
    throw Refusal(INFER_E_INVALID_REQUEST, std::string(what) + " is not valid JSON: " + e.what());
  }
  if (!value.is_object())
    throw Refusal(INFER_E_INVALID_REQUEST, std::string(what) + " is not a JSON object");
  return value;
}

[[noreturn]] void invalid(const std::string& field, const std::string& message) {
  throw field_refusal(INFER_E_INVALID_REQUEST, field, message);
}

[[noreturn]] void unsupported(const std::string& field, const std::string& message) {
  throw field_refusal(INFER_E_UNSUPPORTED, field, message);
}

int64_t get_int(const Json& value, const std::string& field, int64_t low, int64_t high) {
  const std::string range =
      "must be a whole number from " + std::to_string(low) + " to " + std::to_string(high);
  if (!value.is_number_integer()) invalid(field, range);
  if (value.is_number_unsigned() && value.get<uint64_t>() > static_cast<uint64_t>(high))
    invalid(field, range);
  const auto number = value.get<int64_t>();
  if (number < low || number > high) invalid(field, range);
  return number;
}

double get_number(const Json& value, const std::string& field, double low, double high,
                  bool above_low) {
  const double number =
      value.is_number() ? value.get<double>() : std::numeric_limits<double>::quiet_NaN();
  if (!(number >= low && number <= high) || (above_low && number == low)) {
    invalid(field, "must be a number " + std::string(above_low ? "above " : "from ") + shown(low) +
                       (above_low ? " and at most " : " to ") + shown(high));
  }
  return number;
}

bool get_bool(const Json& value, const std::string& field) {
  if (!value.is_boolean()) invalid(field, "must be true or false");
  return value.get<bool>();
}

const std::string& get_string(const Json& value, const std::string& field) {
  if (!value.is_string()) invalid(field, "must be a string");
  return value.get_ref<const std::string&>();
}

std::string member(const Json& object, const char* key, const std::string& where) {
  const auto found = object.find(key);
  return found == object.end() ? std::string() : get_string(*found, where + "." + key);
}

}  // namespace infer::engine
