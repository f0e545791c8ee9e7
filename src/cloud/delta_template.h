// The speculative path of streams: one event after the other is the same, byte for byte, but for a
// few strings. Once an event has been parsed, its bytes are kept as literals with holes where those
// strings stand. An event whose literals are equal means the same but for what is in the holes, so
// it needs no parser: a few comparisons and one scan.
//
//   DeltaTemplates<Meaning> templates;
//   DeltaHoles holes;
//   if (const Meaning* meaning = templates.match(event, holes)) ... holes[0] is the text, as JSON
//   else ... parse, and if the event was plain: templates.learn(event, {text, obfuscation}, meaning)
//
// What is matched is never less strict than a parser: a hole holds a valid JSON string, and valid
// UTF-8. What does not match is not an error: it goes to the parser.
// Thread rule: one thread at a time.
#ifndef INFER_SRC_CLOUD_DELTA_TEMPLATE_H_
#define INFER_SRC_CLOUD_DELTA_TEMPLATE_H_

#include <array>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace infer::cloud {

inline constexpr std::size_t kMaxDeltaHoles = 4;
// The holes' contents in the order of learn(), as they stand between the quotes: escapes are not
// resolved. Views into the event.
using DeltaHoles = std::array<std::string_view, kMaxDeltaHoles>;

class DeltaTemplate {
 public:
  // `strings` are views into `event`: what stands between the quotes of strings in it. Any order;
  // at least one, at most kMaxDeltaHoles. False, and nothing is learnt, if they are not that.
  bool learn(std::string_view event, std::initializer_list<std::string_view> strings);
  // Whether the event is the learnt one but for its holes.
  bool match(std::string_view event, DeltaHoles& holes) const noexcept;
  bool learned() const noexcept { return count_ != 0; }
  void forget() noexcept { count_ = 0; }

 private:
  std::string bytes_{};  // the literals, one after the other
  // Literal i ends at ends_[i] in bytes_; hole i follows it; the last literal follows the last hole.
  std::array<std::size_t, kMaxDeltaHoles + 1> ends_{};
  std::array<std::size_t, kMaxDeltaHoles> order_{};  // hole i is the string order_[i] of learn()
  std::size_t count_ = 0;                            // of holes
};

// The templates of one stream, the one that matched last first: streams alternate between a few
// shapes, such as the choices of n > 1. A `Meaning` says what an event of that shape does.
template <class Meaning, std::size_t kCapacity = 8>
class DeltaTemplates {
 public:
  // Null: no template matches. Until the next call.
  const Meaning* match(std::string_view event, DeltaHoles& holes) noexcept {
    for (std::size_t i = 0; i < known_.size(); ++i) {
      if (!known_[i].first.match(event, holes)) continue;
      if (i != 0) std::swap(known_[i], known_[i - 1]);
      return &known_[i == 0 ? 0 : i - 1].second;
    }
    return nullptr;
  }
  void learn(std::string_view event, std::initializer_list<std::string_view> strings,
             Meaning meaning) {
    DeltaTemplate fresh;
    if (known_.size() == kCapacity) {  // the last one gives its memory
      fresh = std::move(known_.back().first);
      known_.pop_back();
    }
    if (!fresh.learn(event, strings)) return;
    known_.emplace(known_.begin(), std::move(fresh), std::move(meaning));
  }
  void clear() noexcept { known_.clear(); }

 private:
  std::vector<std::pair<DeltaTemplate, Meaning>> known_{};
};

// How many bytes of `text` belong to the JSON string that begins before it: up to, and without, the
// quote that closes it. npos if it is not closed, or is no valid JSON string or UTF-8.
std::size_t json_string_length(std::string_view text) noexcept;

// The text of a JSON string's inside that json_string_length() has accepted, appended to `to`.
// A surrogate that has no partner in the same string becomes U+FFFD.
void append_unescaped(std::string& to, std::string_view inside);
// Whether the inside of a JSON string has escapes: without, it is its own text.
inline bool has_escapes(std::string_view inside) noexcept {
  return inside.find('\\') != std::string_view::npos;
}

}  // namespace infer::cloud

#endif  // INFER_SRC_CLOUD_DELTA_TEMPLATE_H_
