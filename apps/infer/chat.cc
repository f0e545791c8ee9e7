#include "apps/infer/chat.h"

#include <unistd.h>

#include <functional>
#include <sstream>
#include <string_view>
#include <utility>

#include "apps/infer/conversation.h"
#include "apps/infer/exit_code.h"
#include "apps/infer/line_input.h"
#include "apps/infer/load.h"
#include "apps/infer/output.h"
#include "apps/infer/print.h"
#include "apps/infer/request_file.h"
#include "apps/infer/signals.h"
#include "apps/infer/stats.h"
#include "apps/infer/terminal.h"
#include "infer/layers.h"
#include "src/port/write_file.h"

namespace infer::cli {
namespace {

constexpr const char* kHelp =
    "/reset            begin anew; the system message stays\n"
    "/system [TEXT]    set the system message (- for none); without TEXT tell it\n"
    "/regenerate       ask for the last answer again\n"
    "/undo             take the last question and its answer back\n"
    "/history          tell what was said\n"
    "/save FILE        write the conversation to a file, as JSON\n"
    "/load FILE        go on with the conversation in a file\n"
    "/model [MODEL]    go on with another model; without MODEL tell which\n"
    "/usage            tell how many tokens were used\n"
    "/quit             leave; so do Ctrl-D, and Ctrl-C where nothing is typed\n"
    "Ctrl-C stops an answer. A line that ends in \\ goes on in the next one; \"\"\" begins and\n"
    "ends a block of lines. A message that begins with / is written with two: //.\n";

// Notes for people go to stderr: stdout holds the model's words and nothing else.
void note(std::string_view text) {
  std::string shown;
  append_visible(shown, text, Lines::kMany);
  Output(STDERR_FILENO).write(shown);
}

class Chat {
 public:
  Chat(const ChatOptions& options, TextRequest request)
      : o_(options), request_(std::move(request)) {}

  int run();

 private:
  using Command = std::optional<Error> (Chat::*)(const std::string& argument);

  std::optional<Error> begin();
  std::optional<Error> load(const std::string& id);
  // False at the end of the conversation.
  bool next_message(std::string& text);
  void say(std::string text);
  void answer();
  void keep_partial(const Error& error);
  void obey(const std::string& line);

  std::optional<Error> help(const std::string&) { return note(kHelp), std::nullopt; }
  std::optional<Error> quit(const std::string&) { return done_ = true, std::nullopt; }
  std::optional<Error> reset(const std::string&) { return said_.reset(), std::nullopt; }
  std::optional<Error> history(const std::string&) { return note(said_.text()), std::nullopt; }
  std::optional<Error> set_system(const std::string& text);
  std::optional<Error> regenerate(const std::string&);
  std::optional<Error> undo(const std::string&);
  std::optional<Error> save(const std::string& path);
  std::optional<Error> load_file(const std::string& path);
  std::optional<Error> model(const std::string& id);
  std::optional<Error> usage(const std::string&);

  const ChatOptions& o_;
  TextRequest request_;  // all but its messages
  Interrupt interrupt_;
  Output out_{STDOUT_FILENO};
  std::unique_ptr<LineInput> input_ = standard_input();
  std::string first_, id_;  // the model that was named at the beginning, and the one of now
  std::optional<TextModel> model_;
  Conversation said_;
  Usage last_, total_;
  std::int64_t turns_ = 0;
  bool done_ = false;
  int code_ = kOk;  // of the last thing that failed, where nobody sees it fail
};

std::optional<Error> Chat::begin() {
  if (!o_.messages_file.empty()) {
    auto messages = read_messages_file("--messages", o_.messages_file);
    if (!messages) return messages.error();
    said_.replace(std::move(*messages));
  }
  if (!o_.system.empty()) said_.set_system(o_.system);
  show_engine_log(o_.load.verbose);
  first_ = model_or_shipped(o_.model);
  auto model = open_text(o_.model, o_.load, interrupt_.token());
  if (!model) return model.error();
  model_ = std::move(*model);
  id_ = first_;
  return std::nullopt;
}

std::optional<Error> Chat::load(const std::string& id) {
  auto model = open_text(id, options_for(id, first_, o_.load), interrupt_.token());
  if (!model) return model.error();
  model_ = std::move(*model);
  id_ = id;
  return std::nullopt;
}

int Chat::run() {
  if (auto error = begin()) return fail(*error, out_, false);
  const bool terminal = is_terminal(STDIN_FILENO);
  if (terminal) note("Chatting with " + id_ + ". /help tells the commands, Ctrl-D leaves.\n");
  std::string text;
  while (!done_ && next_message(text)) {
    if (text.find_first_not_of(" \t\r\n") == std::string::npos) continue;
    if (text.front() == '/' && !text.starts_with("//"))
      obey(text);
    else
      say(text.front() == '/' ? text.substr(1) : text);
    if (out_.reader_gone()) return kOk;
    if (out_.failure() != 0) return fail(out_.error(), out_, false);
  }
  // A person has seen what failed; a script has not.
  return terminal && code_ != kInterrupted ? kOk : code_;
}

bool Chat::next_message(std::string& text) {
  MessageLines lines;
  std::string line;
  for (;;) {
    interrupt_.reset();
    switch (input_->read(lines.open() ? "... " : "> ", interrupt_.token(), line)) {
      case LineInput::Got::kLine:
        if (!line.empty()) input_->remember(line);
        // A command is one line: a path may end in a backslash.
        if (!lines.open() && line.starts_with('/') && !line.starts_with("//"))
          return text = line, true;
        if (!lines.add(line)) break;
        return text = lines.take(), true;
      case LineInput::Got::kEnd: text = lines.take(); return !text.empty();
      case LineInput::Got::kDropped: break;
      case LineInput::Got::kStopped:
        if (lines.open()) {
          lines.take();
          break;
        }
        code_ = kInterrupted;
        return false;
      case LineInput::Got::kFailed: code_ = fail(Error(Errc::kIo, line), out_, false); return false;
    }
  }
}

void Chat::say(std::string text) {
  said_.add(user(std::move(text)));
  answer();
}

// Asks with all that was said; the answer becomes a part of it.
void Chat::answer() {
  TextRequest request = request_;
  request.messages = said_.messages();
  Stats stats;
  const TextModel counted = *model_ | stats.tap();
  stats.start();
  interrupt_.reset();
  Reply reply = counted.stream(std::move(request), call_of(o_.times, interrupt_.token()));
  if (!print_reply(reply, out_, Shape::kLines)) return;
  last_ = reply.response().usage;
  add_tokens(total_, last_);
  ++turns_;
  if (o_.stats) note(stats.text(last_) + limits_text(reply.response().rate_limits));
  auto response = reply.finish();
  if (!response) return keep_partial(response.error());
  if (!response->message().parts.empty()) said_.add(response->message());
}

// What had come before an error stays; a question that got no word is taken back.
void Chat::keep_partial(const Error& error) {
  const bool stopped = error.code() == Errc::kCancelled;
  const std::string text = error.partial() ? error.partial()->text() : std::string();
  if (text.empty())
    said_.undo();
  else
    said_.add(assistant(text));
  if (stopped) {
    note(text.empty() ? "Stopped; the question is taken back.\n"
                      : "Stopped; what had come stays. /undo takes it back.\n");
    return;
  }
  code_ = fail(error, out_, false);
  if (error.code() == Errc::kContextOverflow)
    note(
        "The conversation no longer fits, the question is taken back. /reset begins anew, /undo "
        "takes the last turn back;\ninfer chat --truncate drops the oldest turns by itself.\n");
}

void Chat::obey(const std::string& line) {
  static constexpr std::pair<const char*, Command> kCommands[] = {
      {"/help", &Chat::help},         {"/?", &Chat::help},
      {"/reset", &Chat::reset},       {"/clear", &Chat::reset},
      {"/system", &Chat::set_system}, {"/regenerate", &Chat::regenerate},
      {"/retry", &Chat::regenerate},  {"/undo", &Chat::undo},
      {"/history", &Chat::history},   {"/save", &Chat::save},
      {"/load", &Chat::load_file},    {"/model", &Chat::model},
      {"/usage", &Chat::usage},       {"/quit", &Chat::quit},
      {"/exit", &Chat::quit},         {"/bye", &Chat::quit}};
  const std::size_t space = line.find_first_of(" \t");
  const std::string name = line.substr(0, space);
  std::string argument;
  if (const auto at = line.find_first_not_of(" \t", space); at != std::string::npos)
    argument = line.substr(at, line.find_last_not_of(" \t") - at + 1);
  for (const auto& [known, command] : kCommands) {
    if (name != known) continue;
    if (auto error = (this->*command)(argument)) code_ = fail(*error, out_, false);
    return;
  }
  code_ = fail(Error(Errc::kInvalidRequest, "there is no command " + name +
                                                "; /help tells which there are, and // begins a "
                                                "message with a slash"),
               out_, false);
}

std::optional<Error> Chat::set_system(const std::string& text) {
  if (text.empty()) {
    const std::string system = said_.system();
    note(system.empty() ? "There is no system message.\n" : system + "\n");
  } else {
    said_.set_system(text == "-" ? "" : text);
  }
  return std::nullopt;
}

std::optional<Error> Chat::regenerate(const std::string&) {
  const std::vector<Message> before = said_.messages();
  if (!said_.take_answer_back())
    return Error(Errc::kInvalidRequest, "there is no question to answer again");
  // The same seed would give the same text.
  if (request_.seed) ++*request_.seed;
  const std::size_t asked = said_.messages().size();
  answer();
  if (said_.messages().size() <= asked) said_.replace(before);  // no new answer: the old one stays
  return std::nullopt;
}

std::optional<Error> Chat::undo(const std::string&) {
  if (!said_.undo()) return Error(Errc::kInvalidRequest, "there is nothing to take back");
  return std::nullopt;
}

std::optional<Error> Chat::save(const std::string& path) {
  if (path.empty()) return Error(Errc::kInvalidRequest, "/save needs the name of a file");
  auto json = messages_json(said_.messages());
  if (!json) return json.error();
  if (auto written = port::write_file(path, *json); !written) return written.error();
  note("Saved to " + path + ".\n");
  return std::nullopt;
}

std::optional<Error> Chat::load_file(const std::string& path) {
  if (path.empty()) return Error(Errc::kInvalidRequest, "/load needs the name of a file");
  auto messages = read_messages_file("/load", path);
  if (!messages) return messages.error();
  said_.replace(std::move(*messages));
  note("Going on after " + std::to_string(said_.messages().size()) + " messages.\n");
  return std::nullopt;
}

std::optional<Error> Chat::model(const std::string& id) {
  if (!id.empty())
    if (auto error = load(model_id(id))) return error;
  note(id_ + "\n");
  return std::nullopt;
}

std::optional<Error> Chat::usage(const std::string&) {
  std::ostringstream text;
  text << "last: " << last_ << "\nall " << turns_ << ": " << total_ << '\n';
  note(text.str());
  return std::nullopt;
}

}  // namespace

int chat(const ChatOptions& o) {
  Output out(STDOUT_FILENO);
  auto request = request_of(o.answer);
  if (!request) return fail(request.error(), out, false);
  return Chat(o, std::move(*request)).run();
}

}  // namespace infer::cli
