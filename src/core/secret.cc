#include <ostream>
#include <utility>

#include "infer/cloud.h"

namespace infer {
inline namespace v0 {

Secret::Secret(Secret&& other) noexcept : value_(std::move(other.value_)) { other.wipe(); }
Secret& Secret::operator=(const Secret& other) {
  if (this == &other) return *this;
  std::string copy = other.value_;  // first: what was there is gone afterwards
  wipe();
  value_ = std::move(copy);
  return *this;
}
Secret& Secret::operator=(Secret&& other) noexcept {
  if (this == &other) return *this;
  wipe();
  value_ = std::move(other.value_);
  other.wipe();
  return *this;
}
Secret::~Secret() { wipe(); }

// Through a volatile pointer: a compiler leaves out writes to what is about to die. The capacity
// counts, for a short string that was moved from leaves its bytes there.
void Secret::wipe() noexcept {
  value_.resize(value_.capacity());
  for (volatile char* at = value_.data(); at != value_.data() + value_.size(); ++at) *at = 0;
  value_.clear();
}

std::ostream& operator<<(std::ostream& out, const Secret& secret) {
  return out << (secret.empty() ? "[no secret]" : "[secret]");
}

}  // namespace v0
}  // namespace infer
