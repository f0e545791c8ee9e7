// infer/mock.h - a model that says what it is told, for the tests of programs that use this
// library.
//
//   infer::MockScript script;
//   script.deltas = {"Hello", ", ", "world"};
//   infer::TextModel model = infer::mock(script);
//
// It obeys everything a real backend does: the event grammar, stop tokens, timeouts, max_tokens.
// Its tool calls are those of the script, whatever the request's tools are. It cannot hold output
// forms, stop sequences, logprobs or media: kUnsupported, as in event.h.
// Thread rule: as every model.
#ifndef INFER_MOCK_H_
#define INFER_MOCK_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "infer/model.h"

namespace infer {
inline namespace v0 {

struct MockScript {
  std::string name = "mock";           // ModelInfo::name
  std::vector<std::string> deltas{};   // the answer; empty: the prompt's text, word by word
  std::string reasoning{};             // not empty: a reasoning part before the text
  std::vector<ToolCall> tool_calls{};  // after the text; the reply then finishes with kToolCalls
  Finish finish = Finish::kStop;
  std::chrono::milliseconds delay{0};  // before each delta
  std::optional<Error> error{};        // after the deltas, in place of the finish
};

INFER_API TextModel mock(MockScript script);

// Plays one script after the other, a request each; the last one again and again. For loops over
// several turns, such as run_tools(). At least one, else every request is kInvalidRequest.
INFER_API TextModel mock_turns(std::vector<MockScript> scripts);

}  // namespace v0
}  // namespace infer

#endif  // INFER_MOCK_H_
