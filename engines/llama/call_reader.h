// Reads what llama.cpp's parsers know - tool calls, and whole answers of some formats - out of a
// text that grows.
//
// Those parsers begin at the beginning each time. So a text is read again only when it has grown by
// a 256th: the work stays in proportion to the text, and an answer is never further behind than
// that.
#ifndef INFER_ENGINES_LLAMA_CALL_READER_H_
#define INFER_ENGINES_LLAMA_CALL_READER_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "answer.h"
#include "chat-peg-parser.h"

namespace infer::llama {

struct CallFormat {
  common_peg_arena parser;
  common_chat_format format = COMMON_CHAT_FORMAT_PEG_NATIVE;
  std::string lead;      // what the parser wants to see before the text
  bool has_ids = false;  // a call may have an id, perhaps behind its arguments
  bool whole = false;    // the parser knows whole answers, not calls alone
};

class CallReader {
 public:
  // Lifetime: the format's within the reader's.
  explicit CallReader(const CallFormat& format) : format_(format), text_(format.lead) {}

  // More text.
  void add(std::string_view more);
  enum class State {
    kGoing,   // all of it may be, or become, what the parser knows
    kBroken,  // it is not, from rest() on
  };
  // Hands on what is new. `last`: nothing comes any more. Not every call looks at the text.
  State read(bool last, AnswerSink& out);
  // After kBroken: what the parser does not know; all of the text if nothing was handed on.
  std::string_view rest() const { return std::string_view(text_).substr(rest_); }

  // All of the text so far.
  std::string_view text() const { return std::string_view(text_).substr(format_.lead.size()); }
  std::size_t calls() const { return begun_; }
  // After the last read: what follows the last whole call, if no call of it was handed on.
  std::string_view unread() const;
  bool only_reasoning() const {
    return begun_ == 0 && sent_text_.empty() && !sent_reasoning_.empty();
  }

 private:
  struct Parsed {
    common_peg_parse_result result;
    common_chat_msg message;
    std::size_t whole_calls = 0, whole_end = 0;  // how many are closed, and where the last is
  };

  Parsed parse(std::size_t size) const;
  State parse_and_send(bool last, AnswerSink& out);
  void send(const common_chat_msg& message, bool complete, AnswerSink& out);
  void send_calls(const common_chat_msg& message, bool complete, AnswerSink& out);
  State broken();

  const CallFormat& format_;
  std::string text_;
  std::size_t next_ = 0;             // read again at this size
  std::size_t good_ = 0, rest_ = 0;  // what was understood last; where the unknown begins
  std::size_t whole_calls_ = 0, whole_end_ = 0;
  int depth_ = 0, deepest_ = 0;  // of brackets
  bool broken_ = false;
  std::string sent_text_, sent_reasoning_, sent_arguments_;  // the last of the last call
  std::size_t begun_ = 0;                                    // calls handed on
};

}  // namespace infer::llama

#endif  // INFER_ENGINES_LLAMA_CALL_READER_H_
