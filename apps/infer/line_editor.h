// Line editing and history on a terminal, by libedit where this was built with it.
#ifndef INFER_APPS_LINE_EDITOR_H_
#define INFER_APPS_LINE_EDITOR_H_

#include <memory>

#include "apps/infer/line_input.h"

namespace infer::cli {

// Null if there is none.
std::unique_ptr<LineInput> line_editor();

}  // namespace infer::cli

#endif  // INFER_APPS_LINE_EDITOR_H_
