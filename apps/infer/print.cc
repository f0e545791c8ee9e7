#include "apps/infer/print.h"

#include <unistd.h>

#include <string>

#include "apps/infer/answer.h"
#include "apps/infer/exit_code.h"
#include "apps/infer/json_lines.h"
#include "apps/infer/terminal.h"

namespace infer::cli {

bool print_reply(Reply& reply, Output& out, Shape shape) {
  Answer answer(out, is_terminal(STDOUT_FILENO));
  Output terminal(STDERR_FILENO);
  Thoughts thoughts(terminal, is_terminal(STDERR_FILENO));
  while (const Event* event = reply.next()) {
    if (shape == Shape::kJsonLines) {
      append_event(out.buffer(), *event, reply.response().usage);
    } else {
      answer.add(*event);
      thoughts.add(*event);
      if (event->kind == Event::Kind::kWarning) complain("warning: " + std::string(event->id));
    }
    if (!out.flush()) return false;
  }
  if (shape != Shape::kJsonLines) answer.finish(reply.response());
  if (shape == Shape::kLines) answer.end_line();
  return out.flush();
}

}  // namespace infer::cli
