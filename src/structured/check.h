// Holding an answer against the schema that it was asked for with.
#ifndef INFER_SRC_STRUCTURED_CHECK_H_
#define INFER_SRC_STRUCTURED_CHECK_H_

#include <memory>
#include <optional>
#include <string_view>

#include "infer/request.h"
#include "infer/result.h"

namespace infer::structured {

// A schema that has been read. For one thread at a time.
class Checker {
 public:
  // kInvalidRequest as check_json's.
  static Result<Checker> of(std::string_view schema);
  Checker(Checker&&) noexcept;
  Checker& operator=(Checker&&) noexcept;
  ~Checker();

  // kInvalidOutput, or kTooLarge if telling would take too long.
  std::optional<Error> misfit(std::string_view json) const;

 private:
  struct Impl;
  explicit Checker(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

// What Output::check asks for; a form that is not JSON is never looked at.
class OutputCheck {
 public:
  // kInvalidRequest with the field "output.schema".
  static Result<std::optional<OutputCheck>> of(const Output& output);
  // Of a whole answer's text.
  std::optional<Error> misfit(std::string_view text) const;

 private:
  std::optional<Checker> schema_{};  // none: any object
};

}  // namespace infer::structured

#endif  // INFER_SRC_STRUCTURED_CHECK_H_
