#include "src/structured/pattern.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace infer::structured {
namespace {

constexpr std::size_t kMaxLength = 1000;
constexpr std::size_t kMaxStates = 4000;
// States times characters: well under a second, and a simple pattern takes 100,000 characters.
constexpr std::size_t kMaxWork = 4'000'000;
#ifndef __GLIBCXX__
constexpr std::size_t kMaxTextElsewhere = 256;  // stepping back cannot be ruled out
#endif

// Text that is UTF-8; a unit is a character, or half of one where wchar_t is small.
std::wstring wide(std::string_view text) {
  std::wstring out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    std::uint32_t code = length == 1 ? lead : lead & (0xFFu >> (length + 1));
    for (std::size_t k = 1; k < length && i + k < text.size(); ++k)
      code = (code << 6) | (static_cast<unsigned char>(text[i + k]) & 0x3Fu);
    i += length;
    if (sizeof(wchar_t) == 2 && code > 0xFFFF) {
      out += static_cast<wchar_t>(0xD800 + ((code - 0x10000) >> 10));
      code = 0xDC00 + ((code - 0x10000) & 0x3FF);
    }
    out += static_cast<wchar_t>(code);
  }
  return out;
}

// Reads "{n}", "{n,}" or "{n,m}" behind text[at] == '{': the larger number, 0 if it is none.
std::size_t repeats(std::string_view text, std::size_t at) {
  std::size_t number = 0, most = 0;
  for (std::size_t i = at + 1; i < text.size(); ++i) {
    const char c = text[i];
    if (c >= '0' && c <= '9') {
      number = std::min<std::size_t>(number * 10 + static_cast<std::size_t>(c - '0'), 1000000);
    } else if (c == ',' || c == '}') {
      most = std::max(most, number);
      if (c == '}') return most;
      number = 0;
    } else {
      return 0;
    }
  }
  return 0;
}

// The end of the class that begins at text[at] == '['.
std::size_t end_of_class(std::string_view text, std::size_t at) {
  std::size_t i = at + 1;
  while (i < text.size() && text[i] != ']') i += text[i] == '\\' ? 2u : 1u;
  return std::min(i, text.size() - 1);
}

// About how many states its machine has: a repeat copies what it repeats.
std::size_t states_of(std::string_view text) {
  struct Group {
    std::size_t size = 1, last = 0;
  };
  std::vector<Group> open(1);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    std::size_t atom = 1;
    if (c == '(') {
      open.emplace_back();
      continue;
    }
    if (c == '{') {
      Group& group = open.back();
      const std::size_t times = repeats(text, i);
      if (times > 1) group.size = std::min(group.size + group.last * (times - 1), 2 * kMaxStates);
      group.last *= std::max<std::size_t>(times, 1);
      group.last = std::min(group.last, 2 * kMaxStates);
      continue;
    }
    if (c == '\\') ++i;
    if (c == '[') i = end_of_class(text, i);
    if (c == ')' && open.size() > 1) {
      atom = open.back().size + 2;
      open.pop_back();
    }
    open.back().size = std::min(open.back().size + atom, 2 * kMaxStates);
    open.back().last = atom;
  }
  return open.front().size;
}

const char* beyond_ours(std::string_view text) {
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    const char next = text[i + 1];
    if (text[i] == '\\') {
      if (next == 'p' || next == 'P') return "properties of characters (\\p)";
      if (next == 'k' || (next >= '1' && next <= '9')) return "back references";
      ++i;
    } else if (text.substr(i, 3) == "(?<") {
      return "names of groups and look-behinds";
    }
  }
  return nullptr;
}

Error bad_pattern(const std::string& why) { return Error(Errc::kInvalidRequest, why); }

}  // namespace

Result<Pattern> Pattern::of(const std::string& text) {
  if (text.size() > kMaxLength) return bad_pattern("longer than 1000 bytes");
  if (const char* what = beyond_ours(text))
    return bad_pattern(std::string("has ") + what + ", which are not checked here");
  const std::size_t states = states_of(text);
  if (states > kMaxStates) return bad_pattern("its repeats are too many");
  auto flags = std::regex_constants::ECMAScript | std::regex_constants::nosubs;
#ifdef __GLIBCXX__
  flags |= std::regex_constants::__polynomial;  // never steps back
#endif
  try {
    // As a match of the whole text, which is one walk; a search would begin anew at each character.
    return Pattern(std::wregex(L"[\\s\\S]*(?:" + wide(text) + L")[\\s\\S]*", flags), states + 8);
  } catch (const std::exception&) {
    return bad_pattern("is no regular expression of ECMA-262");
  }
}

bool Pattern::found_in(std::string_view text) const {
  return std::regex_match(wide(text), *regex_);
}

bool Pattern::takes(std::string_view text) const {
#ifndef __GLIBCXX__
  if (text.size() > kMaxTextElsewhere) return false;
#endif
  return text.size() * states_ <= kMaxWork;
}

bool is_simple_pattern(std::string_view text) {
  std::size_t open_repeats = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '[') {
      i = end_of_class(text, i);
    } else if (text[i] == '(') {
      return false;
    } else if (text[i] == '*' || text[i] == '+' || text[i] == '{') {
      ++open_repeats;
    }
  }
  return open_repeats <= 1 || (open_repeats <= 4 && text.find('*') == text.npos);
}

}  // namespace infer::structured
