// JSON that is still coming: what can be read of it is JSON at any time, a piece at a time changes
// nothing, and a text is complete when a parser says so.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "infer/structured.h"
#include "src/core/json.h"

namespace {

void demand(bool holds, std::string_view bytes, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "partial_json_fuzz: %s\n%s\n", what, std::string(bytes).c_str());
  std::abort();
}

// A number that no double holds is JSON, and the parser takes none such.
bool has_huge_number(std::string_view bytes) {
  std::size_t digits = 0;
  bool exponent = false;
  for (const char c : bytes) {
    const bool digit = c >= '0' && c <= '9';
    if (!digit && c != '+' && c != '-') exponent = c == 'e' || c == 'E';
    digits = digit ? digits + 1 : 0;
    if (digits > (exponent ? 2u : 200u)) return true;
  }
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (has_huge_number(bytes)) return 0;
  infer::PartialJson once, bytewise;
  bool good = once.add(bytes);
  bool still = true;
  for (std::size_t i = 0; i < size; ++i) {
    still = bytewise.add(bytes.substr(i, 1)) && still;
    const std::string text = bytewise.text();
    demand(infer::core::parse_json(text).has_value(), bytes.substr(0, i + 1),
           "what can be read is no JSON");
  }
  demand(good == still, bytes, "pieces give something else");
  demand(once.text() == bytewise.text(), bytes, "pieces give another text");
  demand(once.complete() == bytewise.complete(), bytes, "pieces are complete at another time");
  const auto whole = infer::core::parse_json(bytes);
  if (whole) demand(once.valid(), bytes, "JSON counts as none");
  if (whole && once.complete())
    demand(*infer::core::parse_json(once.text()) == *whole, bytes, "the whole is another JSON");
  return 0;
}
