// One JSON Schema for all providers: each takes a part of the language, as data, and a schema is
// fitted to it. A fitted schema lets in no more than the one it was made from, but for keywords
// that the provider does not know: these are told to the model in the description, and held by
// Output::check.
#ifndef INFER_SRC_CLOUD_SCHEMA_H_
#define INFER_SRC_CLOUD_SCHEMA_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "infer/event.h"
#include "infer/request.h"
#include "infer/result.h"

namespace infer::cloud {

struct SchemaDialect {
  std::string_view provider{};  // for messages
  // Keywords beyond those that fit_schema knows the structure of: " minimum maximum ", each between
  // spaces.
  std::string_view keywords{};
  std::string_view formats{};  // values of "format", as keywords
  bool all_required = false;   // a member that may be left out must be there
  bool object_root = false;    // the schema itself is one object, no choice
  bool typed = false;          // every schema says its type, every array what it holds
  bool recursion = true;       // a reference may lead back to where it stands
  std::size_t max_min_items = ~std::size_t{0};    // the largest minItems that is known
  std::size_t max_properties = ~std::size_t{0};   // in all
  std::size_t max_levels = ~std::size_t{0};       // of objects within objects
  std::size_t max_enum_values = ~std::size_t{0};  // in all
  std::size_t max_characters = ~std::size_t{0};  // of names and of values of enum and const, in all
};

// Source: OpenAI's guide to structured outputs, "Supported schemas"; for chats and Responses.
inline constexpr SchemaDialect kOpenAiSchema{
    .provider = "OpenAI",
    .keywords =
        " pattern multipleOf minimum maximum exclusiveMinimum exclusiveMaximum "
        "minItems maxItems ",
    .formats = " date-time time date duration email hostname ipv4 ipv6 uuid ",
    .all_required = true,
    .object_root = true,
    .typed = true,
    .max_properties = 5000,
    .max_levels = 10,
    .max_enum_values = 1000,
    .max_characters = 120000,
};

// Source: Groq's guide to structured outputs, "Strict mode": all members required, objects closed;
// what of the rest is taken is not said, so what the model can be told in words goes there.
inline constexpr SchemaDialect kGroqSchema{
    .provider = "Groq",
    .all_required = true,
    .object_root = true,
    .typed = true,
};

// Source: Anthropic's guide to structured outputs, "JSON Schema limitations".
inline constexpr SchemaDialect kAnthropicSchema{
    .provider = "Anthropic",
    .keywords = " minItems ",
    .formats = " date-time time date duration email hostname uri ipv4 ipv6 uuid ",
    .typed = true,
    .recursion = false,
    .max_min_items = 1,
};

// The schema (JSON, an object) as the provider takes it, members in the order that they had. A
// schema that fits already comes back with the same meaning and the same order. kUnsupported, with
// the detail "pointer" into the schema, for what cannot be narrowed to the dialect.
Result<std::string> fit_schema(std::string_view schema, const SchemaDialect& dialect);

// What goes out for Output::schema: as it is without a dialect or without Output::strict. The error
// names output.schema and Output::strict.
Result<std::string> output_schema(const Output& output, const SchemaDialect* dialect);

// What goes out for a tool. Tool::strict is a wish: where the schema cannot be fitted it goes out
// as it is, not strict, with a warning.
struct ToolSchema {
  std::string schema{};
  std::optional<bool> strict{};
};
ToolSchema tool_schema(const Tool& tool, const SchemaDialect* dialect,
                       std::vector<Warning>& warnings);

}  // namespace infer::cloud

#endif  // INFER_SRC_CLOUD_SCHEMA_H_
