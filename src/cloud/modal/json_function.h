// A function with a JSON of its own: a JsonFunction that has been checked, and its two directions.
#ifndef INFER_SRC_CLOUD_MODAL_JSON_FUNCTION_H_
#define INFER_SRC_CLOUD_MODAL_JSON_FUNCTION_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "infer/cloud.h"
#include "src/cloud/modal/json_pointer.h"
#include "src/cloud/modal/json_template.h"
#include "src/cloud/wire.h"

namespace infer::cloud {

// What a function is asked for, and answers with.
enum class FunctionKind : std::uint8_t { kText, kImage, kVectors };

// Thread rule: immutable.
struct FunctionPlan {
  std::string path{};
  std::string model{};   // empty: not told
  std::string issuer{};  // of what it answers
  JsonTemplate request{};
  JsonPointer text{}, image{}, vectors{};
  std::optional<JsonPointer> input_tokens{}, output_tokens{};
  bool any_pointer = false;  // one of text, image, vectors is given: what has none is not answered
};

// kInvalidRequest, naming the member of JsonFunction and what is wrong with it.
Result<FunctionPlan> function_plan(const JsonFunction& function);

// Reads one answer; `count`: the pictures or the rows of vectors that were asked for; `dimensions`:
// of each row, where they were asked for (json_answer.cc).
std::unique_ptr<Reader> function_reader(std::shared_ptr<const FunctionPlan> plan, FunctionKind kind,
                                        std::size_t count,
                                        std::optional<std::uint32_t> dimensions = {});

}  // namespace infer::cloud

#endif  // INFER_SRC_CLOUD_MODAL_JSON_FUNCTION_H_
