// infer/result.h - Result<T>: a value or an Error. Shaped like std::expected, which the supported
// compilers do not all have.
//
//   infer::Result<infer::TextModel> model = infer::text("llama:tiny-chat");
//   if (!model) return model.error();
//   model->generate("hi");
//
// With exceptions there is also model.value() and infer::unwrap(...), which throw infer::Exception.
//
// Thread rule: as T. Reading the value of a failed Result (or the error of a good one) is a bug: an
// assertion in debug builds, undefined otherwise.
#ifndef INFER_RESULT_H_
#define INFER_RESULT_H_

#include <cassert>
#include <exception>
#include <string>
#include <utility>
#include <variant>

#include "infer/error.h"

namespace infer {
inline namespace v0 {

#if defined(__cpp_exceptions)
class Exception : public std::exception {
 public:
  explicit Exception(Error error) : error_(std::move(error)) {}
  const char* what() const noexcept override { return error_.message().c_str(); }
  const Error& error() const noexcept { return error_; }

 private:
  Error error_;
};
#endif

template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}
  // Anything that makes a T (a shared_ptr of a derived class, a string literal), but not an Error.
  template <class U, class = std::enable_if_t<std::is_convertible_v<U, T> &&
                                              !std::is_same_v<std::decay_t<U>, T> &&
                                              !std::is_same_v<std::decay_t<U>, Error> &&
                                              !std::is_same_v<std::decay_t<U>, Result>>>
  Result(U&& value) : state_(std::in_place_index<0>, std::forward<U>(value)) {}

  bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  T& operator*() & { return assert(has_value()), *std::get_if<0>(&state_); }
  const T& operator*() const& { return assert(has_value()), *std::get_if<0>(&state_); }
  T&& operator*() && { return assert(has_value()), std::move(*std::get_if<0>(&state_)); }
  T* operator->() { return assert(has_value()), std::get_if<0>(&state_); }
  const T* operator->() const { return assert(has_value()), std::get_if<0>(&state_); }

  Error& error() & { return assert(!has_value()), *std::get_if<1>(&state_); }
  const Error& error() const& { return assert(!has_value()), *std::get_if<1>(&state_); }
  Error&& error() && { return assert(!has_value()), std::move(*std::get_if<1>(&state_)); }

  template <class U>
  T value_or(U&& fallback) const& {
    return has_value() ? **this : static_cast<T>(std::forward<U>(fallback));
  }

#if defined(__cpp_exceptions)
  // The value; throws Exception if there is none.
  T& value() & {
    if (!has_value()) throw Exception(error());
    return **this;
  }
  T&& value() && {
    if (!has_value()) throw Exception(error());
    return std::move(**this);
  }
#endif

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;

  Result() = default;
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }
  Error& error() & { return assert(!has_value()), *std::get_if<1>(&state_); }
  const Error& error() const& { return assert(!has_value()), *std::get_if<1>(&state_); }
  Error&& error() && { return assert(!has_value()), std::move(*std::get_if<1>(&state_)); }

#if defined(__cpp_exceptions)
  void value() const {
    if (!has_value()) throw Exception(error());
  }
#endif

 private:
  std::variant<std::monostate, Error> state_;
};

#if defined(__cpp_exceptions)
// For programs that prefer exceptions: the value, or throw Exception.
template <class T>
T unwrap(Result<T> result) {
  return std::move(result).value();
}
inline void unwrap(const Result<void>& result) { result.value(); }
#endif

}  // namespace v0
}  // namespace infer

#endif  // INFER_RESULT_H_
