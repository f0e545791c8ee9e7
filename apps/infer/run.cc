#include "apps/infer/run.h"

#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "apps/infer/answer.h"
#include "apps/infer/exit_code.h"
#include "apps/infer/load.h"
#include "apps/infer/media_argument.h"
#include "apps/infer/output.h"
#include "apps/infer/print.h"
#include "apps/infer/prompt.h"
#include "apps/infer/request_file.h"
#include "apps/infer/signals.h"
#include "apps/infer/stats.h"
#include "infer/layers.h"

namespace infer::cli {
namespace {

Result<std::vector<Media>> read_pictures(const RunOptions& o, const StopToken& stop) {
  const auto stdin_wanted = std::count(o.pictures.begin(), o.pictures.end(), "-") +
                            (o.prompt && *o.prompt == "-" ? 1 : 0);
  if (!o.pictures.empty() && stdin_wanted > 1)
    return Error(Errc::kInvalidRequest, "- stands for stdin, which can be read once only")
        .with_detail("field", "image");
  std::vector<Media> pictures;
  for (const std::string& name : o.pictures) {
    auto media = read_media(name, stop);
    if (!media) return media.error();
    media->detail = o.detail;
    pictures.push_back(std::move(*media));
  }
  return pictures;
}

// All that is asked: options, files, the prompt.
Result<TextRequest> read_request(const RunOptions& o, const StopToken& stop) {
  auto request = request_of(o.answer);
  if (!request) return request;
  if (!o.system.empty()) request->messages.push_back(system(o.system));
  if (!o.messages_file.empty()) {
    auto said = read_messages_file("--messages", o.messages_file);
    if (!said) return said.error();
    for (Message& message : *said) request->messages.push_back(std::move(message));
    // The conversation may end in a question.
    if (!o.prompt && o.pictures.empty()) return request;
  }
  auto pictures = read_pictures(o, stop);
  if (!pictures) return pictures.error();
  auto prompt = read_prompt(o.prompt, "infer run", stop);
  if (!prompt) return prompt.error();
  request->messages.push_back(user(std::move(*prompt), std::move(*pictures)));
  return request;
}

// What people see besides the words.
void tell(const RunOptions& o, const Reply& reply, const Stats& stats) {
  std::string text;
  if (o.answer.logprobs && !o.json)
    for (const Choice& choice : reply.response().choices) text += logprobs_text(choice);
  if (o.stats)
    text += stats.text(reply.response().usage) + limits_text(reply.response().rate_limits);
  Output(STDERR_FILENO).write(text);
}

}  // namespace

int run(const RunOptions& o) {
  Output out(STDOUT_FILENO);
  const Interrupt interrupt;
  const auto failed = [&](const Error& error) {
    return fail(interrupt.explain(error), out, o.json);
  };

  auto request = read_request(o, interrupt.token());
  if (!request) return failed(request.error());
  show_engine_log(o.load.verbose);
  auto model = open_text(o.model, o.load, interrupt.token());
  if (!model) return failed(model.error());

  Stats stats;
  const TextModel counted = *model | stats.tap();
  stats.start();
  Reply reply = counted.stream(std::move(*request), call_of(o.times, interrupt.token()));
  const bool written = print_reply(reply, out, o.json ? Shape::kJsonLines : Shape::kText);
  if (!written && !out.reader_gone()) return failed(out.error());
  tell(o, reply, stats);
  if (!written) return kOk;  // the reader has what it wanted: `infer run ... | head -1`
  if (const Error* error = reply.error()) return failed(*error);
  return kOk;
}

}  // namespace infer::cli
