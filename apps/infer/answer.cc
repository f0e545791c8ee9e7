#include "apps/infer/answer.h"

#include "apps/infer/terminal.h"

namespace infer::cli {

void Answer::add(const Event& event) {
  const bool words =
      event.part_kind == Event::PartKind::kText || event.part_kind == Event::PartKind::kRefusal;
  if (event.kind == Event::Kind::kDelta && words && event.choice == 0) say(event.data);
}

void Answer::finish(const Response& response) {
  for (std::size_t i = 1; i < response.choices.size(); ++i) {
    say("\n");
    for (const Part& part : response.choices[i].message.parts) {
      if (const auto* text = part.get<Text>()) say(text->text);
      if (const auto* refusal = part.get<Refusal>()) say(refusal->text);
    }
  }
  if (terminal_ && last_ != '\n') say("\n");
}

void Answer::say(std::string_view text) {
  if (text.empty()) return;
  if (terminal_)
    append_visible(out_.buffer(), text, Lines::kMany);
  else
    out_.buffer() += text;
  last_ = text.back();
}

}  // namespace infer::cli
