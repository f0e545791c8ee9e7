#include "answer_parser.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace infer::llama {
namespace {

constexpr char kSpaces[] = " \t\r\n\v\f";

// How much of the end of `text` may be the beginning of `tag`.
std::size_t begun_at_end(std::string_view text, std::string_view tag) {
  for (std::size_t size = std::min(text.size(), tag.size() - 1); size > 0; --size) {
    if (text.substr(text.size() - size) == tag.substr(0, size)) return size;
  }
  return 0;
}

std::size_t size_without_spaces(std::string_view text) {
  const std::size_t last = text.find_last_not_of(kSpaces);
  return last == std::string_view::npos ? 0 : last + 1;
}

// For formats of which the tags are known: text and reasoning go straight through, and only what
// follows the beginning of a call is given to llama.cpp's parser.
class TagParser final : public AnswerParser {
 public:
  explicit TagParser(std::shared_ptr<const AnswerFormat> format) : format_(std::move(format)) {
    if (format_->thinking) mode_ = Mode::kReasoning;
    skip_spaces_ = format_->thinking;
  }

  void feed(std::string_view text, AnswerSink& out) override {
    if (mode_ == Mode::kCalls) {
      reader_->add(text);
    } else {
      held_ += text;
    }
    while (step(out)) {
    }
  }

  bool finish(AnswerSink& out) override {
    while (mode_ == Mode::kCalls && !finish_calls(out)) {
      leave_calls(out);
      while (step(out)) {
      }
    }
    if (mode_ == Mode::kReasoning) held_.resize(size_without_spaces(held_));
    if (mode_ != Mode::kCalls) send(held_, out);
    held_.clear();
    return calls_ > 0;
  }

  bool in_reasoning() const override { return mode_ == Mode::kReasoning; }

 private:
  enum class Mode { kText, kReasoning, kCalls };
  struct Found {
    std::size_t at = std::string::npos;
    const std::string* tag = nullptr;
  };

  // True if there may be more to do.
  bool step(AnswerSink& out) {
    switch (mode_) {
      case Mode::kReasoning: return step_reasoning(out);
      case Mode::kCalls: return step_calls(out);
      case Mode::kText: break;
    }
    return step_text(out);
  }

  bool step_reasoning(AnswerSink& out) {
    const std::size_t end = held_.find(format_->think_end);
    if (end == std::string::npos) {
      send_all_but(begun_at_end(held_, format_->think_end), out);
      return false;
    }
    send(held_.substr(0, size_without_spaces(held_.substr(0, end))), out);
    held_.erase(0, end + format_->think_end.size());
    mode_ = Mode::kText;
    skip_spaces_ = true;
    at_begin_ = false;
    return true;
  }

  bool step_text(AnswerSink& out) {
    const Found found = first_tag();
    if (found.tag == nullptr) {
      std::size_t open = 0;
      each_tag([&](const std::string& tag) { open = std::max(open, begun_at_end(held_, tag)); });
      send_all_but(open, out);
      return false;
    }
    const std::size_t size = size_without_spaces(held_.substr(0, found.at));
    send(held_.substr(0, size), out);
    gap_ = skip_spaces_ ? std::string() : held_.substr(size, found.at - size);
    const bool thinks = found.tag == &format_->think_begin;
    held_.erase(0, found.at + (thinks ? found.tag->size() : 0));
    skip_spaces_ = true;
    if (thinks) {
      mode_ = Mode::kReasoning;
    } else {
      mode_ = Mode::kCalls;
      reader_.emplace(*format_->calls);
      reader_->add(held_);
      held_.clear();
    }
    return true;
  }

  bool step_calls(AnswerSink& out) {
    if (reader_->read(false, out) == CallReader::State::kGoing) return false;
    leave_calls(out);
    return true;
  }

  // The end of an answer that ends within, or after, calls. False if it makes no sense.
  bool finish_calls(AnswerSink& out) {
    if (reader_->read(true, out) == CallReader::State::kBroken) return false;
    calls_ += reader_->calls();
    if (reader_->calls() == 0) {
      send_text(gap_ + std::string(reader_->text()), out);
      return true;
    }
    // The beginning of one more call, of which not even the name is there.
    std::size_t begin = std::string::npos;
    for (const std::string& trigger : format_->triggers)
      begin = std::min(begin, reader_->unread().find(trigger));
    if (begin != std::string::npos) send_text(reader_->unread().substr(begin), out);
    return true;
  }

  // What the parser does not know is text, or another call. Where it knows nothing at all, the
  // first character is text in any case.
  void leave_calls(AnswerSink& out) {
    const std::string rest(reader_->rest());
    const bool nothing = rest.size() == reader_->text().size();
    calls_ += reader_->calls();
    reader_.reset();
    mode_ = Mode::kText;
    held_ = rest;
    at_begin_ = calls_ > 0 && !nothing;
    if (!nothing || held_.empty()) return;
    skip_spaces_ = false;
    std::size_t size = 1;
    while (size < held_.size() && (static_cast<unsigned char>(held_[size]) & 0xC0) == 0x80) ++size;
    send_text(gap_ + held_.substr(0, size), out);
    held_.erase(0, size);
  }

  // Reasoning stands at the beginning of an answer, or after calls.
  template <class Visit>
  void each_tag(Visit&& visit) const {
    if (at_begin_ && !format_->think_begin.empty()) visit(format_->think_begin);
    if (format_->calls == nullptr || (calls_ > 0 && !format_->parallel)) return;
    for (const std::string& trigger : format_->triggers) visit(trigger);
  }

  Found first_tag() const {
    Found found;
    each_tag([&](const std::string& tag) {
      const std::size_t at = held_.find(tag);
      if (at >= found.at) return;
      const bool thinks = &tag == &format_->think_begin;
      if (!thinks || held_.find_first_not_of(kSpaces) == at) found = {at, &tag};
    });
    return found;
  }

  // Sends what is held back, but for its end and the white space before it.
  void send_all_but(std::size_t end, AnswerSink& out) {
    const std::string_view sure = std::string_view(held_).substr(0, held_.size() - end);
    const std::size_t size = size_without_spaces(sure);
    send(sure.substr(0, size), out);
    held_.erase(0, size);
  }

  // Without leading white space where a tag stands before it.
  void send(std::string_view text, AnswerSink& out) {
    if (skip_spaces_) {
      const std::size_t first = text.find_first_not_of(kSpaces);
      if (first == std::string_view::npos) return;
      text.remove_prefix(first);
    }
    if (text.empty()) return;
    skip_spaces_ = false;
    if (mode_ == Mode::kReasoning) {
      out.reasoning(text);
    } else {
      send_text(text, out);
    }
  }

  void send_text(std::string_view text, AnswerSink& out) {
    out.text(text);
    at_begin_ = false;
  }

  const std::shared_ptr<const AnswerFormat> format_;
  Mode mode_ = Mode::kText;
  std::string held_;
  std::string gap_;  // the white space before what may be a call, in case it is none
  bool skip_spaces_ = false, at_begin_ = true;
  std::optional<CallReader> reader_;
  std::size_t calls_ = 0;
};

// For formats whose answers llama.cpp's parser must see from the beginning.
class WholeParser final : public AnswerParser {
 public:
  explicit WholeParser(std::shared_ptr<const AnswerFormat> format)
      : format_(std::move(format)), reader_(*format_->calls) {}

  void feed(std::string_view text, AnswerSink& out) override {
    reader_.add(text);
    if (!broken_) broken_ = reader_.read(false, out) == CallReader::State::kBroken;
  }

  bool finish(AnswerSink& out) override {
    broken_ = broken_ || reader_.read(true, out) == CallReader::State::kBroken;
    if (broken_ && !reader_.rest().empty()) out.text(reader_.rest());
    return reader_.calls() > 0;
  }

  bool in_reasoning() const override { return !broken_ && reader_.only_reasoning(); }

 private:
  const std::shared_ptr<const AnswerFormat> format_;
  CallReader reader_;
  bool broken_ = false;
};

}  // namespace

std::unique_ptr<AnswerParser> make_answer_parser(std::shared_ptr<const AnswerFormat> format) {
  if (format->calls != nullptr && format->calls->whole)
    return std::make_unique<WholeParser>(std::move(format));
  return std::make_unique<TagParser>(std::move(format));
}

}  // namespace infer::llama
