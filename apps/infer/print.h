// A reply read to its end, written as it comes.
#ifndef INFER_APPS_PRINT_H_
#define INFER_APPS_PRINT_H_

#include "apps/infer/output.h"
#include "infer/model.h"

namespace infer::cli {

enum class Shape {
  kText,      // the words; warnings and, on a terminal, thinking on stderr
  kLines,     // the same, and the last line is ended in a file too
  kJsonLines  // one JSON object an event
};

// False if it could not be written; the reply is then left where it is.
bool print_reply(Reply& reply, Output& out, Shape shape);

}  // namespace infer::cli

#endif  // INFER_APPS_PRINT_H_
