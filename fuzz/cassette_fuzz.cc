// Any text is a cassette or an error that names its line; what is read and written again is read
// the same.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "src/http/cassette_file.h"

namespace {

using infer::http::Recorded;

void demand(bool right, const char* what) {
  if (right) return;
  std::fprintf(stderr, "cassette_fuzz: %s\n", what);
  std::abort();
}

bool same(const Recorded& a, const Recorded& b) {
  return a.method == b.method && a.path == b.path && a.body == b.body && a.pieces == b.pieces &&
         a.head.status == b.head.status && a.error.has_value() == b.error.has_value() &&
         (!a.error || a.error->code() == b.error->code());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string text(infer::http::kCassetteHead);
  text.append(reinterpret_cast<const char*>(data), size);
  const auto all = infer::http::read_cassette(text, "a");
  if (!all) {
    demand(!all.error().detail("line").empty(), "an error without a line");
    return 0;
  }
  std::string again(infer::http::kCassetteHead);
  for (const Recorded& one : *all) again += infer::http::to_text(one);
  const auto second = infer::http::read_cassette(again, "a");
  demand(second && second->size() == all->size(), "what was written is not read");
  for (std::size_t i = 0; i < all->size(); ++i)
    demand(same((*all)[i], (*second)[i]), "what was written is read as something else");
  return 0;
}
