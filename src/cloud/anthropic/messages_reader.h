// Anthropic's answers, streamed or whole, as events.
//
//   message_start (ping | content_block_start content_block_delta* content_block_stop)*
//   message_delta* message_stop                         | ... error
//
// What becomes of what:
//   - a block of type text, thinking, redacted_thinking or tool_use is a part of its kind; what
//     else it holds (citations, caller) stands in the part's extra, byte for byte;
//   - a block of any other type is a part of kOpaque: its whole JSON, its streamed input put in;
//   - an unknown delta is added to its block's members by name: strings are continued, arrays are
//     appended;
//   - the members of the message that are no part of it (container, context_management, ...) are in
//     Meta::extra if they come at the beginning, and in Usage::raw, beside the figures, if they
//     come at the end; a refusal's stop_details are also a warning;
//   - rate limits of the head are in Meta::rate_limits, and as they came in Meta::extra, as
//     "rate_limits": {header: value}.
#ifndef INFER_SRC_CLOUD_ANTHROPIC_MESSAGES_READER_H_
#define INFER_SRC_CLOUD_ANTHROPIC_MESSAGES_READER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "src/cloud/wire.h"

namespace infer::cloud {

struct MessagesReaderOptions {
  std::string issuer{};  // of the parts; empty: the provider
  // max_tokens where the caller set none: an answer that ends there gets a warning. 0: the caller
  // set one.
  std::int64_t default_max_tokens = 0;
  // What may be held back of blocks that are not finished, bytes.
  std::size_t held_bytes = 64 * 1024 * 1024;
  // Events that are like earlier ones are read without a parser; false is for tests that compare.
  bool templates = true;
};

std::unique_ptr<Reader> messages_reader(const MessagesReaderOptions& options = {});

}  // namespace infer::cloud

#endif  // INFER_SRC_CLOUD_ANTHROPIC_MESSAGES_READER_H_
