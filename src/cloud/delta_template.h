// The speculative path of streams: one event after the other is the same, byte for byte, but for a
// few strings. Once an event has been parsed, its bytes are kept as literals with holes where those
// strings stand. An event whose literals are equal means the same but for what is in the holes, so
// it needs no parser: a few comparisons and one scan.
//
//   DeltaTemplates<Meaning> templates;
//   DeltaHoles holes;
//   if (const Meaning* meaning = templates.match(event, holes)) ... holes[0] is the text, as JSON
//   else ... parse, and if it was plain: templates.learn(event, {text, obfuscation}, meaning)
//
// What is matched is never less strict than a parser: a hole holds a valid JSON string, and valid
// UTF-8. What does not match is not an error: it goes to the parser.
// Thread rule: one thread at a time.
#ifndef INFER_SRC_CLOUD_DELTA_TEMPLATE_H_
#define INFER_SRC_CLOUD_DELTA_TEMPLATE_H_

#include <array>
#include <cstddef>
#include <cstdint>
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
  // Whether the event is the learnt one but for its holes. `readable` bytes behind it may be looked
  // at: short strings at its end are read faster.
  bool match(std::string_view event, DeltaHoles& holes, std::size_t readable = 0) const noexcept;
  bool learned() const noexcept { return count_ != 0; }
  void forget() noexcept { count_ = 0; }

 private:
  std::string bytes_{};  // the literals, one after the other
  // Literal i ends at ends_[i] in bytes_ and hole i follows it; one more literal is the end.
  std::array<std::size_t, kMaxDeltaHoles + 1> ends_{};
  std::array<std::size_t, kMaxDeltaHoles> order_{};  // hole i is the string order_[i] of learn()
  std::size_t count_ = 0;                            // of holes
};

// The templates of one stream: it may alternate between a few shapes, such as the choices of n > 1.
// A `Meaning` says what an event of that shape does. Where what is learnt is never of use, since
// every event has something of its own, learning is tried less and less often.
template <class Meaning, std::size_t kCapacity = 8>
class DeltaTemplates {
 public:
  // Null: no template matches. Until the next call.
  const Meaning* match(std::string_view event, DeltaHoles& holes,
                       std::size_t readable = 0) noexcept {
    for (std::size_t i = 0; i < count_; ++i) {  // the one that matched last comes first
      Entry& entry = entries_[order_[i]];
      if (!entry.shape.match(event, holes, readable)) continue;
      std::swap(order_[i], order_[0]);
      useless_ = 0;
      return &entry.meaning;
    }
    return nullptr;
  }
  void learn(std::string_view event, std::initializer_list<std::string_view> strings,
             Meaning meaning) {
    if (useless_ >= kPatience && useless_ % kPatience != 0) {
      ++useless_;
      count_ = 0;
      return;
    }
    if (entries_.empty()) entries_.resize(kCapacity);
    const std::size_t place = count_ < kCapacity ? count_ : kCapacity - 1;
    if (count_ < kCapacity) order_[place] = static_cast<std::uint8_t>(count_);
    Entry& entry = entries_[order_[place]];
    if (!entry.shape.learn(event, strings)) return;
    entry.meaning = std::move(meaning);
    if (count_ < kCapacity) ++count_;
    std::swap(order_[place], order_[0]);
    ++useless_;
  }
  void clear() noexcept { count_ = 0; }

 private:
  struct Entry {
    DeltaTemplate shape{};
    Meaning meaning{};
  };
  static constexpr std::size_t kPatience = 4 * kCapacity;

  std::vector<Entry> entries_{};  // made when something is learnt: an idle reply holds none
  std::array<std::uint8_t, kCapacity> order_{};
  std::size_t count_ = 0;
  std::size_t useless_ = 0;  // what was learnt, or could have been, since the last match
};

// How many bytes of `text` belong to the JSON string that begins before it: up to, and without, the
// quote that closes it. npos if it is not closed, or is no valid JSON string or UTF-8. `readable`
// bytes behind the text may be looked at.
std::size_t json_string_length(std::string_view text, std::size_t readable = 0) noexcept;

// The text of a JSON string's inside that json_string_length() has accepted, appended to `to`.
// A surrogate that has no partner in the same string becomes U+FFFD.
void append_unescaped(std::string& to, std::string_view inside);
// Whether the inside of a JSON string has escapes: without, it is its own text.
inline bool has_escapes(std::string_view inside) noexcept {
  return inside.find('\\') != std::string_view::npos;
}

}  // namespace infer::cloud

#endif  // INFER_SRC_CLOUD_DELTA_TEMPLATE_H_
