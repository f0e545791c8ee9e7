#include "src/cloud/openai/bulk_json.h"

#include <array>
#include <charconv>
#include <cstddef>
#include <utility>

#include "src/cloud/openai/lenient_json.h"

namespace infer::cloud {
namespace {

constexpr std::size_t kLong = 1024;  // bytes

constexpr std::array<bool, 256> kBase64 = [] {
  std::array<bool, 256> digits{};
  for (const char c : std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                       "0123456789+/=-_"))
    digits[static_cast<unsigned char>(c)] = true;
  return digits;
}();

// What no parser could have anything against, or change.
bool is_base64_run(std::string_view text) {
  bool all = true;
  for (const char c : text) all = all && kBase64[static_cast<unsigned char>(c)];
  return all;
}

// In place of the i-th string that was taken out. Should a server write such a thing itself, it
// gets a string of its own.
std::string stand_in(std::size_t i) { return "\\u0000" + std::to_string(i); }

// The text without its long runs. Strings end at the first quote: runs have no escapes, and a
// string that has is left as it is, piece by piece.
std::string outline(std::string_view text, std::vector<std::string_view>& taken) {
  std::string out;
  std::size_t done = 0;
  bool inside = false;
  for (std::size_t at = 0; (at = text.find('"', at)) != std::string_view::npos;) {
    const std::size_t begin = ++at;
    if (!inside) {
      const std::size_t end = text.find('"', begin);
      if (end == std::string_view::npos) break;
      const std::string_view run = text.substr(begin, end - begin);
      if (run.size() > kLong && is_base64_run(run)) {
        out += text.substr(done, begin - done);
        out += stand_in(taken.size());
        taken.push_back(run);
        done = end;
        at = end + 1;
        continue;
      }
      inside = true;
    } else {
      std::size_t slashes = at - 1;
      while (slashes > 0 && text[slashes - 1] == '\\') --slashes;
      inside = (at - 1 - slashes) % 2 == 1;  // the quote is escaped
    }
  }
  return taken.empty() ? std::string() : out += text.substr(done);
}

}  // namespace

Result<BulkJson> BulkJson::parse(std::string_view text) {
  BulkJson bulk;
  bulk.text_ = text;
  const std::string rest = outline(text, bulk.taken_);
  std::string_view read = bulk.taken_.empty() ? text : std::string_view(rest);
  std::string repaired;
  auto json = parse_lenient(read, repaired);
  if (!json) return std::move(json.error());
  bulk.json_ = std::move(*json);
  if (repaired.empty()) return bulk;
  // Rare enough to do it once more, with everything in its place.
  std::string_view all = text;
  if (auto whole = parse_lenient(all, bulk.repaired_)) {
    bulk.json_ = std::move(*whole);
    bulk.taken_.clear();
  }
  return bulk;
}

std::string_view BulkJson::string(const core::Json* value) const noexcept {
  const auto* text = value ? value->get_ptr<const std::string*>() : nullptr;
  if (!text) return {};
  if (taken_.empty() || text->empty() || text->front() != '\0') return *text;
  std::size_t i = 0;
  const char* const end = text->data() + text->size();
  const auto [rest, error] = std::from_chars(text->data() + 1, end, i);
  return error == std::errc() && rest == end && i < taken_.size() ? taken_[i]
                                                                  : std::string_view(*text);
}

}  // namespace infer::cloud
