// Templates of JSON with names in them, and JSON Pointers: what is accepted gives JSON, whatever the
// values are, and a pointer finds nothing outside of its document.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "src/cloud/modal/json_pointer.h"
#include "src/cloud/modal/json_template.h"
#include "src/core/json.h"
#include "src/core/utf8.h"

// A template, a pointer and a value, between NULs.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::array<std::string_view, 3> kNames = {"prompt", "seed", "stop"};
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  std::array<std::string, 3> words;
  for (std::string& word : words) {
    const std::size_t end = std::min(rest.find('\0'), rest.size());
    word = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  // Requests are UTF-8: that is checked before.
  if (infer::core::utf8_error(words[2]) != infer::core::kValidUtf8) return 0;
  const auto pointer = infer::cloud::JsonPointer::parse(words[1]);
  const auto made = infer::cloud::JsonTemplate::parse(words[0], kNames);
  if (!made) return 0;
  for (const bool all : {true, false}) {
    infer::cloud::TemplateValues values;
    if (all) values.json("seed", "7");
    if (all) values.json("stop", "[\"a\",\"b\"]");
    values.text("prompt", words[2]);
    const auto text = made->fill(values);
    if (!text) continue;
    const auto json = infer::core::parse_json(*text);
    if (!json) {
      std::fprintf(stderr, "json_function_fuzz: no JSON: %s\n", text->c_str());
      std::abort();
    }
    if (pointer) (void)pointer->find(*json);
  }
  return 0;
}
