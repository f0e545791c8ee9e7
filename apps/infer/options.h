// What the command lines of several commands share: checks of an option's text, and the groups of
// options. What a group fills in is plain data, so that only those who read options need CLI11.
#ifndef INFER_APPS_OPTIONS_H_
#define INFER_APPS_OPTIONS_H_

#include <CLI/CLI.hpp>
#include <string>

#include "apps/infer/answer_options.h"
#include "apps/infer/load_options.h"

namespace infer::cli {

// A check of an option's text; `what` is what is wrong with one that fails.
template <class Ok>
CLI::Validator must(const char* what, Ok ok) {
  return CLI::Validator(
      [what, ok](std::string& text) { return ok(text) ? "" : "'" + text + "'" + what; }, "");
}
CLI::Validator seconds();
CLI::Validator whole_number();

// Holds each option of a command, and of those in it, to its kind: a number is a number, and a text
// is not empty where an empty one says nothing. Called once all options are there: a variable of
// the shell that was never set must not take a promise away silently.
void check_values(CLI::App& command);

// How a local model is loaded, one that writes or one that paints, and --verbose.
void add_load_options(CLI::App& command, LoadOptions& options);
void add_image_load_options(CLI::App& command, LoadOptions& options);
void add_verbose_option(CLI::App& command, LoadOptions& options);
// How a provider is reached, and, where it is asked for an answer, that it is asked once only.
void add_cloud_options(CLI::App& command, CloudOptions& options);
void add_retry_option(CLI::App& command, CloudOptions& options);
void add_text_api_option(CLI::App& command, CloudOptions& options);
// How long the answer may be and how its tokens are chosen.
void add_sampling_options(CLI::App& command, AnswerOptions& options);
// What form it must have: schema, grammar, tools, several answers, log-probabilities.
void add_form_options(CLI::App& command, AnswerOptions& options);
// What only some providers know.
void add_keeping_options(CLI::App& command, TextRequest& request);
void add_time_options(CLI::App& command, Times& times);

}  // namespace infer::cli

#endif  // INFER_APPS_OPTIONS_H_
