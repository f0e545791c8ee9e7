#include "call_reader.h"

#include <algorithm>
#include <exception>

namespace infer::llama {
namespace {

// The parsers recurse into nested values.
constexpr int kDeepestCall = 200;

std::unique_ptr<common_chat_peg_mapper> mapper_of(common_chat_format format,
                                                  common_chat_msg& message) {
  if (format == COMMON_CHAT_FORMAT_PEG_GEMMA4)
    return std::make_unique<common_chat_peg_gemma4_mapper>(message);
  if (format == COMMON_CHAT_FORMAT_PEG_MINIMAX_M3)
    return std::make_unique<common_chat_peg_minimax_m3_mapper>(message);
  return std::make_unique<common_chat_peg_mapper>(message);
}

// What of `now` was not sent yet. A text that changed where it was sent already is held back.
std::string_view news(const std::string& sent, std::string_view now) {
  if (now.size() <= sent.size() || now.substr(0, sent.size()) != sent) return {};
  return now.substr(sent.size());
}

}  // namespace

void CallReader::add(std::string_view more) {
  text_ += more;
  for (const char c : more) {
    if (c == '{' || c == '[') deepest_ = std::max(deepest_, ++depth_);
    if (c == '}' || c == ']') --depth_;
  }
}

CallReader::Parsed CallReader::parse(std::size_t size) const {
  common_peg_parse_context context(text_.substr(0, size), COMMON_PEG_PARSE_FLAG_LENIENT);
  Parsed parsed;
  parsed.result = format_.parser.parse(context);
  parsed.message.role = "assistant";
  mapper_of(format_.format, parsed.message)->from_ast(context.ast, parsed.result);
  context.ast.visit(parsed.result, [&](const common_peg_ast_node& node) {
    if (node.tag != common_chat_peg_builder::TOOL_CLOSE || node.is_partial) return;
    ++parsed.whole_calls;
    parsed.whole_end = node.end;
  });
  return parsed;
}

// From the beginning if nothing was handed on, else from where it stopped to make sense.
CallReader::State CallReader::broken() {
  const bool sent = begun_ > 0 || !sent_text_.empty() || !sent_reasoning_.empty();
  broken_ = true;
  rest_ = std::max(sent ? good_ : 0, format_.lead.size());
  return State::kBroken;
}

CallReader::State CallReader::read(bool last, AnswerSink& out) {
  if (broken_) return State::kBroken;
  if (!last && text_.size() < next_) return State::kGoing;
  next_ = text_.size() + text_.size() / 256;
  if (deepest_ > kDeepestCall) return broken();
  try {
    return parse_and_send(last, out);
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception&) {
    return broken();  // a mapper could not make sense of it
  }
}

CallReader::State CallReader::parse_and_send(bool last, AnswerSink& out) {
  const Parsed all = parse(text_.size());
  if (!format_.whole && !all.message.content.empty()) return broken();
  if (!all.result.fail()) {
    good_ = text_.size();
    whole_calls_ = all.whole_calls;
    whole_end_ = all.whole_end;
    send(all.message, last && all.result.success(), out);
    return State::kGoing;
  }
  // A failure says how far the parser came, but not what it found until there.
  const std::size_t end = all.result.end;
  if (end <= format_.lead.size()) return broken();
  const Parsed known = parse(end);
  if (!known.result.success() || known.message.empty()) return broken();
  send(known.message, true, out);
  good_ = end;
  return broken();
}

std::string_view CallReader::unread() const {
  if (begun_ > whole_calls_ || whole_end_ <= format_.lead.size()) return {};
  return std::string_view(text_).substr(whole_end_);
}

void CallReader::send(const common_chat_msg& message, bool complete, AnswerSink& out) {
  const std::string_view reasoning = news(sent_reasoning_, message.reasoning_content);
  if (!reasoning.empty()) {
    out.reasoning(reasoning);
    sent_reasoning_ += reasoning;
  }
  // Text beside a call that has begun waits until the call is over.
  if (begun_ > 0) send_calls(message, complete, out);
  const std::string_view text = news(sent_text_, message.content);
  if (!text.empty() && (begun_ == 0 || complete)) {
    out.text(text);
    sent_text_ += text;
  }
  send_calls(message, complete, out);
}

void CallReader::send_calls(const common_chat_msg& message, bool complete, AnswerSink& out) {
  for (std::size_t i = begun_ == 0 ? 0 : begun_ - 1; i < message.tool_calls.size(); ++i) {
    const common_chat_tool_call& call = message.tool_calls[i];
    const bool closed = complete || i + 1 < message.tool_calls.size();
    if (i == begun_) {
      // The end of the name may still come: it is there once the arguments are.
      if (call.name.empty() || (!closed && call.arguments.size() <= 1)) return;
      if (format_.has_ids && call.id.empty() && !closed) return;
      ++begun_;
      sent_arguments_.clear();
      out.tool_call(call.name, call.id);
    }
    const std::string_view arguments = news(sent_arguments_, call.arguments);
    if (arguments.empty()) continue;
    out.arguments(arguments);
    sent_arguments_ += arguments;
  }
}

}  // namespace infer::llama
