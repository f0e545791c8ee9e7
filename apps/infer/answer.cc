#include "apps/infer/answer.h"

#include <cmath>
#include <cstdio>

#include "apps/infer/json_text.h"
#include "apps/infer/terminal.h"
#include "src/core/json.h"

namespace infer::cli {
namespace {

// As kPartBegin's extra says (event.h).
bool provider_executed(std::string_view extra) {
  if (extra.empty()) return false;
  const auto flags = core::parse_json(extra);
  const core::Json* flag = flags ? core::find(*flags, "provider_executed") : nullptr;
  return flag != nullptr && *flag == true;
}

}  // namespace

void Answer::add(const Event& event) {
  using Kind = Event::Kind;
  if (event.choice != 0) return;
  const bool call = event.part_kind == Event::PartKind::kToolCall;
  const bool words = call || event.part_kind == Event::PartKind::kText ||
                     event.part_kind == Event::PartKind::kRefusal;
  if (event.kind == Kind::kPartBegin) theirs_ = call && provider_executed(event.extra);
  if (theirs_) return;
  if (event.kind == Kind::kPartBegin && call) {
    end_line();
    say(event.data);
    say("(");
  }
  if (event.kind == Kind::kDelta && words) say(event.data);
  if (event.kind == Kind::kPartEnd && call) say(")\n");
}

void Answer::finish(const Response& response) {
  for (std::size_t i = 1; i < response.choices.size(); ++i) {
    end_line();
    for (const Part& part : response.choices[i].message.parts) {
      if (const auto* text = part.get<Text>()) say(text->text);
      if (const auto* refusal = part.get<Refusal>()) say(refusal->text);
      if (const auto* call = part.get<ToolCall>(); call && !call->provider_executed) {
        end_line();
        say(call->name + "(" + call->arguments + ")\n");
      }
    }
  }
  if (terminal_) end_line();
}

void Answer::say(std::string_view text) {
  if (text.empty()) return;
  if (terminal_)
    append_visible(out_.buffer(), text, Lines::kMany);
  else
    out_.buffer() += text;
  last_ = text.back();
}

void Thoughts::add(const Event& event) {
  if (!shown_ || event.choice != 0 || event.part_kind != Event::PartKind::kReasoning) return;
  // Each piece is dim by itself: whatever ends the program leaves the terminal as it was.
  if (event.kind == Event::Kind::kDelta) {
    out_.buffer() += "\x1b[2m";
    append_visible(out_.buffer(), event.data, Lines::kMany);
    out_.buffer() += "\x1b[0m";
  }
  if (event.kind == Event::Kind::kPartEnd) out_.buffer() += "\n";
  out_.flush();
}

std::string logprobs_text(const Choice& choice) {
  std::string text;
  const auto add = [&text](const ChosenToken::Candidate& candidate) {
    char chance[32];
    std::snprintf(chance, sizeof chance, "%.1f %% ",
                  std::exp(static_cast<double>(candidate.logprob)) * 100);
    text += chance;
    append_string(text, candidate.bytes);
  };
  for (const ChosenToken& token : choice.logprobs) {
    text += "infer: token: ";
    add(token.chosen);
    for (const auto& other : token.top) {
      text += &other == &token.top.front() ? "; likeliest: " : ", ";
      add(other);
    }
    text += '\n';
  }
  return text;
}

}  // namespace infer::cli
