// The common events of a stream, text that is added, read without a tree. They are flat objects of
// strings and whole numbers, one of which, the sequence number, is another each time: one scan
// finds what is needed. Whatever is more than that is for the full parser, and so is all that is
// wrong.
#include <algorithm>

#include "src/cloud/delta_template.h"
#include "src/cloud/openai/responses_reader.h"

namespace infer::cloud {
namespace {

// Views into the event.
struct FlatDelta {
  std::string_view type{};
  std::string_view inside{};  // of "delta": as it stands between its quotes
  std::int64_t output = -1, content = -1, summary = -1;
};

// Every function is false for "not plain", which is never an error.
class FlatWalk {
 public:
  explicit FlatWalk(std::string_view text) : at_(text.data()), end_(at_ + text.size()) {}

  bool read(FlatDelta& delta) {
    if (!take('{')) return false;
    do {
      std::string_view name;
      if (!string(name) || !take(':') || !member(name, delta)) return false;
    } while (take(','));
    return take('}') && at_ == end_;
  }

 private:
  // Of a name that is there twice the last one counts, which only the full parser knows to do.
  enum Met : std::uint32_t {
    kMetType = 1u << 0,
    kMetDelta = 1u << 1,
    kMetOutput = 1u << 2,
    kMetContent = 1u << 3,
    kMetSummary = 1u << 4,
    kMetOther = 1u << 5,
  };
  bool first(std::uint32_t name) {
    const bool fresh = (met_ & name) == 0;
    met_ |= name;
    return fresh;
  }

  bool member(std::string_view name, FlatDelta& delta) {
    std::string_view text;
    std::int64_t number = 0;
    if (name == "type") return first(kMetType) && string(delta.type) && !has_escapes(delta.type);
    if (name == "delta") return first(kMetDelta) && string(delta.inside);
    if (name == "output_index") return first(kMetOutput) && integer(delta.output);
    if (name == "content_index") return first(kMetContent) && integer(delta.content);
    if (name == "summary_index") return first(kMetSummary) && integer(delta.summary);
    if (name == "sequence_number") return integer(number);
    if (name == "item_id" || name == "obfuscation") return string(text);
    return name == "logprobs" && take('[') && take(']');
  }

  bool take(char c) {
    while (at_ < end_ && *at_ == ' ') ++at_;
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }
  bool string(std::string_view& inside) {
    if (!take('"')) return false;
    const std::string_view rest(at_, static_cast<std::size_t>(end_ - at_));
    const std::size_t length = json_string_length(rest, http::kPadding);
    if (length == std::string_view::npos || length >= rest.size()) return false;
    inside = rest.substr(0, length);
    at_ += length + 1;
    return true;
  }
  // 0 to 999,999,999, as JSON has it.
  bool integer(std::int64_t& number) {
    while (at_ < end_ && *at_ == ' ') ++at_;
    const char* const begin = at_;
    for (number = 0; at_ < end_ && *at_ >= '0' && *at_ <= '9'; ++at_) {
      if (at_ - begin == 9) return false;
      number = number * 10 + (*at_ - '0');
    }
    return at_ != begin && (*begin != '0' || at_ - begin == 1);
  }

  const char* at_;
  const char* const end_;
  std::uint32_t met_ = 0;
};

}  // namespace

// As text_event(), where the part is the one that is being written out.
bool ResponsesReader::plain(std::string_view data, EventQueue& out) {
  constexpr std::string_view kBefore = "response.", kAfter = ".delta";
  if (head_item_ >= items_.size() || shared_index_) return false;
  Item& item = items_[head_item_];
  FlatDelta delta;
  if (item.done || !FlatWalk(data).read(delta)) return false;
  if (delta.type.size() < kBefore.size() + kAfter.size() || delta.output < 0 ||
      delta.type.substr(0, kBefore.size()) != kBefore ||
      delta.type.substr(delta.type.size() - kAfter.size()) != kAfter)
    return false;
  const Delta* const what = delta_of(
      delta.type.substr(kBefore.size(), delta.type.size() - kBefore.size() - kAfter.size()));
  const auto place = by_index_.find(delta.output);
  if (!what || place == by_index_.end() || place->second != head_item_) return false;
  const std::int64_t index =
      std::max<std::int64_t>(what->index == "summary_index" ? delta.summary : delta.content, 0);
  const auto at = static_cast<std::size_t>(item.type == "message" ? index : 0);
  if (at >= item.contents.size()) return false;
  Content& content = item.contents[at];
  // `key` is 0 where the part has ended.
  if (content.kind != what->kind || !content.begun || content.key == 0) return false;
  if (what->kind == Event::PartKind::kReasoning && content.source != what->source(index))
    return false;
  if (!has_escapes(delta.inside)) {
    content.text += delta.inside;
    out.delta_view(content.key, delta.inside);
  } else {
    scratch_.clear();
    append_unescaped(scratch_, delta.inside);
    content.text += scratch_;
    out.delta(content.key, scratch_);
  }
  content.sent = content.text.size();
  return true;
}

}  // namespace infer::cloud
