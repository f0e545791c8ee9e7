// JSON Schema as a grammar: whatever follows the grammar is valid JSON that satisfies the schema.
//
// The converter is ours, not llama.cpp's json-schema-to-grammar, which moves required properties to
// the front, ignores keywords that it does not know, and lets through what the schema forbids (the
// bounds of numbers, halves of surrogate pairs, doubles of declared keys).
//
// Properties come in the order in which the schema lists them, required ones that it does not list
// after them. A grammar may allow less than the schema: properties that the schema does not name
// come only where it says additionalProperties, numbers are at most 16 digits, white space is a
// blank, or a line feed and at most 20 blanks.
//
// Supported: type (also several), enum, const, anyOf, oneOf (of alternatives that visibly exclude
// each other), allOf (of objects), $ref within the schema, also recursive; properties, required,
// additionalProperties; items, prefixItems, minItems, maxItems; minLength, maxLength, pattern
// (ECMAScript's without look-around, back references and \b, \p), format date, time, date-time,
// uuid, ipv4; minimum, maximum, exclusiveMinimum, exclusiveMaximum (whole numbers). Annotations
// (title, description, default, examples, ...) and keys that begin with "x-" are ignored.
#ifndef INFER_ENGINES_LLAMA_SCHEMA_H_
#define INFER_ENGINES_LLAMA_SCHEMA_H_

#include <string>
#include <string_view>
#include <vector>

#include "messages.h"

namespace infer::llama {

// The grammar (GBNF) of a schema. `strict`: a keyword that the grammar cannot hold is refused, and
// named; otherwise it is left out, with a warning. Throws Refusal: no JSON, larger than 256 KiB,
// nested deeper than 64, no schema, or one that nothing satisfies. Pure, safe from any thread.
std::string schema_grammar(std::string_view schema, bool strict, std::vector<Warning>& warnings);

// The grammar of any JSON object.
std::string json_object_grammar();

}  // namespace infer::llama

#endif  // INFER_ENGINES_LLAMA_SCHEMA_H_
