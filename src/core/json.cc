#include "src/core/json.h"

#include <algorithm>
#include <cstddef>

namespace infer::core {
namespace {

// Where nesting goes beyond the limit, or npos. Counts brackets outside of strings; what is not
// JSON at all is left to the parser.
std::size_t too_deep(std::string_view text, int limit) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > limit) return i;
    } else if (c == ']' || c == '}') {
      if (--depth < 0) break;
    }
  }
  return std::string_view::npos;
}

// Accepts everything; keeps the place of the first error.
struct ErrorPlace : nlohmann::json_sax<Json> {
  std::size_t offset = 0;
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return true; }
  bool key(string_t&) override { return true; }
  bool end_object() override { return true; }
  bool start_array(std::size_t) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    offset = position > 0 ? position - 1 : 0;  // it counts the bytes that it has read
    return false;
  }
};

Error bad_json(std::size_t offset, const char* what) {
  return Error(Errc::kProtocol, std::string(what) + " at byte " + std::to_string(offset))
      .with_detail("offset", std::to_string(offset));
}

}  // namespace

Result<Json> parse_json(std::string_view text, int depth) {
  if (const std::size_t deep = too_deep(text, depth); deep != std::string_view::npos)
    return bad_json(deep, ("JSON nested more than " + std::to_string(depth) + " deep").c_str());
  // The parser takes a NUL for the end of the text, whatever comes after it.
  if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos)
    return bad_json(nul, "not valid JSON");
  Json json = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (!json.is_discarded()) return json;
  ErrorPlace place;
  Json::sax_parse(text.begin(), text.end(), &place);
  return bad_json(place.offset, "not valid JSON");
}

std::string dump_json(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

const Json* find(const Json& object, std::string_view key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(std::string(key));
  return found == object.end() ? nullptr : &*found;
}

std::string string_or(const Json& object, std::string_view key, std::string_view fallback) {
  const Json* value = find(object, key);
  const std::string* text = value ? value->get_ptr<const std::string*>() : nullptr;
  return text ? *text : std::string(fallback);
}

std::optional<std::int64_t> int_at(const Json& object, std::string_view key) {
  const Json* value = find(object, key);
  if (!value || !value->is_number_integer()) return std::nullopt;
  if (value->is_number_unsigned() && value->get<std::uint64_t>() > std::uint64_t{INT64_MAX})
    return std::nullopt;
  return value->get<std::int64_t>();
}

}  // namespace infer::core
