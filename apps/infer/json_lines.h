// The contract for machines: an event is one JSON object on one line. All kinds:
// docs/guides/cli.md.
#ifndef INFER_APPS_JSON_LINES_H_
#define INFER_APPS_JSON_LINES_H_

#include <string>

#include "infer/error.h"
#include "infer/event.h"

namespace infer::cli {

// Appends the event's line. Deltas allocate nothing but what `out` grows by. A finish line shows
// `total`, the reply's usage so far. Kinds that are not known add nothing.
void append_event(std::string& out, const Event& event, const Usage& total);
// A media event's line, of a picture that was written to the file `path` instead.
void append_written(std::string& out, const Event& event, const std::string& path);
void append_error(std::string& out, const Error& error);
// An object of the figures that are known.
void append_usage(std::string& out, const Usage& usage);

}  // namespace infer::cli

#endif  // INFER_APPS_JSON_LINES_H_
