// A JSON Schema read for checking: every keyword is understood, or refused by name. What comes out
// is the same schema in the narrow form that the validator decides right: each subschema a row of a
// table, children as references into it, names of draft 7, nothing that only describes.
#ifndef INFER_SRC_STRUCTURED_FLAT_SCHEMA_H_
#define INFER_SRC_STRUCTURED_FLAT_SCHEMA_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "infer/result.h"
#include "src/core/json.h"
#include "src/structured/pattern.h"

namespace infer::structured {

// What of a subschema is checked here instead of by the validator, which takes too long with the
// first two, and with the last takes 2.5 for a multiple of 1.
struct OwnRules {
  std::optional<Pattern> pattern{};
  std::optional<double> multiple_of{};
  bool unique_items = false;
  std::size_t steps = 1;  // that a look at a value counts for
};

struct FlatSchema {
  core::Json table = core::Json::array();  // row 0: the whole schema
  std::vector<OwnRules> own{};             // a row each
  std::size_t chain = 0;       // the longest way through rows that look at the same value
  bool name_patterns = false;  // has patternProperties

  // A reference to a row, as the table has them: {"$ref":"#/definitions/12"}.
  static core::Json reference(std::size_t row);
  static std::size_t row_of(const core::Json& reference);
};

// kInvalidRequest with the details "field" ("schema", and a pointer into it) and "rule", the
// keyword that is wrong or cannot be checked.
Result<FlatSchema> flatten(const core::Json& schema);

// A member's name as a step of a JSON pointer (RFC 6901).
std::string pointer_token(std::string_view name);

// As far as two doubles can tell: 0.3 is a multiple of 0.1.
bool is_multiple(double value, double of);

// In place: whole numbers as integers (1.0 is 1), those too large for one as the largest.
void normalise_numbers(core::Json& value);

}  // namespace infer::structured

#endif  // INFER_SRC_STRUCTURED_FLAT_SCHEMA_H_
