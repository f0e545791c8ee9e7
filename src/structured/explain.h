// A misfit in words: where, what is there, what the schema wants.
#ifndef INFER_SRC_STRUCTURED_EXPLAIN_H_
#define INFER_SRC_STRUCTURED_EXPLAIN_H_

#include <string>
#include <vector>

#include "infer/error.h"
#include "src/core/json.h"
#include "src/structured/flat_schema.h"

namespace infer::structured {

// As the validator tells it.
struct Misfit {
  std::vector<std::string> path{};  // "<root>", "[name]", "[0]"
  std::string what{};
};

// kInvalidOutput for the one that says most of `misfits`, which are not empty.
Error explain(const std::vector<Misfit>& misfits, const core::Json& value,
              const FlatSchema& schema);

// "a string", "an object", ...
std::string kind_of(const core::Json& value);

}  // namespace infer::structured

#endif  // INFER_SRC_STRUCTURED_EXPLAIN_H_
