// Reading and writing the size-prefixed structs of the plugin ABI.
//
// Every struct begins with the sizeof its allocator was compiled with; the other side may touch
// only the bytes below min(size, its own sizeof), and what is missing counts as zero. All functions
// here are pure.
#ifndef INFER_ENGINES_COMMON_ABI_H_
#define INFER_ENGINES_COMMON_ABI_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

#include "infer/plugin.h"

namespace infer::engine {

// Copies what the caller has of a struct; the rest of the copy is zero, and so is all of it for
// null.
template <class T>
T read_struct(const T* in) {
  T out;
  std::memset(static_cast<void*>(&out), 0, sizeof(T));
  if (in == nullptr) return out;
  const std::size_t size = in->size < sizeof(T) ? in->size : sizeof(T);
  std::memcpy(static_cast<void*>(&out), in, size);
  out.size = static_cast<uint32_t>(size);
  return out;
}

// Copies all fields of `value` that fit into the caller's struct; its `size` stays the caller's.
template <class T>
void write_struct(T* out, const T& value) {
  if (out == nullptr) return;
  const std::size_t size = out->size < sizeof(T) ? out->size : sizeof(T);
  constexpr std::size_t kSkip = sizeof(uint32_t);
  if (size <= kSkip) return;
  std::memcpy(reinterpret_cast<char*>(out) + kSkip, reinterpret_cast<const char*>(&value) + kSkip,
              size - kSkip);
}

inline infer_str to_str(std::string_view text) { return infer_str{text.data(), text.size()}; }

inline std::string_view to_view(infer_str text) {
  return text.data == nullptr ? std::string_view() : std::string_view(text.data, text.size);
}

// True if the caller's struct is large enough to have this field.
#define INFER_HAS_FIELD(ptr, field)                                                              \
  ((ptr)->size >= offsetof(std::remove_cv_t<std::remove_reference_t<decltype(*(ptr))>>, field) + \
                      sizeof((ptr)->field))

// Fills the caller's error and returns `code`. The message becomes one line; both texts are clipped
// at a character. `details` is a JSON object or empty; one that does not fit is dropped whole.
int set_error(infer_error* out, int code, std::string_view message, std::string_view details = {});

// A JSON string literal with its quotes, for details written by hand.
std::string json_quote(std::string_view text);

}  // namespace infer::engine

#endif  // INFER_ENGINES_COMMON_ABI_H_
