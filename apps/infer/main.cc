// infer: ask a model from the shell. Here is the command line; what the commands do is beside it.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <functional>
#include <new>
#include <string>
#include <vector>

#include "apps/infer/commands.h"
#include "apps/infer/exit_code.h"
#include "apps/infer/info.h"
#include "apps/infer/output.h"
#include "apps/infer/run.h"

namespace infer::cli {
namespace {

constexpr const char* kAbout =
    "infer asks models, local ones and others, from the shell.\n"
    "\n"
    "  infer run \"What is the capital of France?\"       the shipped model answers\n"
    "  infer run -m llama:/models/some.gguf \"Hello!\"    a model of yours\n"
    "  infer run --json -m llama:tiny-chat - < file     a prompt from a file, JSON lines out\n"
    "  infer doctor                                     what is found here";

constexpr const char* kExitCodes =
    "Exit codes: 0 ok, 1 the request failed, 2 wrong usage or invalid_request, 3 not_found,\n"
    "4 unauthorized, forbidden, 5 rate_limited, quota_exceeded, budget_exceeded, overloaded,\n"
    "6 timeout, 7 network, tls, truncated, protocol, 8 engine, engine_crashed, model_invalid,\n"
    "out_of_memory, 9 io, 130 cancelled by Ctrl-C.";

// A check of an option's text; `what` is what is wrong with one that fails.
template <class Ok>
CLI::Validator must(const char* what, Ok ok) {
  return CLI::Validator([what, ok](std::string& text) { return ok(text) ? "" : text + what; }, "");
}

CLI::Validator seconds() {
  return must(" is not a time in seconds from 0.001 to 1e9", [](const std::string& text) {
    double value = 0;
    return CLI::detail::lexical_cast(text, value) && value >= 0.001 && value <= 1e9;
  });
}

CLI::Validator whole_number() {
  return must(" is not a whole number of at least 0", [](const std::string& text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
  });
}

// All options of all commands, and what to do once they are read.
struct Program {
  CLI::App app{kAbout, "infer"};
  RunOptions run{};
  CheckOptions check{};
  bool json = false;  // of the commands that tell
  bool no_mmap = false;
  std::string help_about{};
  std::function<int()> action{};

  Program();
  void add_run();
  void add_sampling(CLI::App& command);
  void add_loading(CLI::App& command);
  void add_times(CLI::App& command);
  void add_plugin();
  CLI::App* add_telling(CLI::App& parent, const char* name, const char* about, int (*show)(bool));
  int help() const;
  const CLI::App* command_in_question() const;
};

Program::Program() {
  app.footer(kExitCodes);
  app.set_version_flag("--version", "infer " + std::string(version()));
  app.require_subcommand(0, 1);
  add_run();
  add_telling(app, "models", "List the local models that are found", &show_models);
  add_plugin();
  add_telling(app, "doctor", "Tell what is found here, and whether the shipped model answers",
              &doctor);
  add_telling(app, "version", "Tell the version", &show_version);
  CLI::App* about = app.add_subcommand("help", "Tell about a command");
  about->add_option("COMMAND", help_about, "A command");
  about->final_callback([this] { action = [this] { return help(); }; });
}

void Program::add_run() {
  CLI::App& command = *app.add_subcommand("run", "Ask a model; the answer streams to stdout");
  command.footer(kExitCodes);
  command.add_option("PROMPT", run.prompt, "What to ask; - reads it from stdin");
  command.add_option("-m,--model", run.model,
                     "scheme:name, such as llama:/models/some.gguf; default: the shipped model");
  command.add_option("--system", run.system, "A system message before the prompt");
  command.add_flag("--json", run.json, "Print one JSON object a line, for programs");
  command.add_flag("--stats", run.stats, "Tell tokens, speed and times on stderr");
  command.add_flag("--verbose", run.verbose, "Show what the engine logs, on stderr");
  add_sampling(command);
  add_loading(command);
  add_times(command);
  command.final_callback([this] {
    if (no_mmap) run.local.mmap = false;
    action = [this] { return cli::run(run); };
  });
}

void Program::add_sampling(CLI::App& command) {
  const char* const group = "The answer";
  TextRequest& request = run.request;
  const auto option = [&](const char* name, auto& value, const char* about) {
    return command.add_option(name, value, about)->group(group);
  };
  option("--max-tokens", request.max_tokens, "At most so many tokens");
  option("--stop", request.stop, "End before this text; may be repeated")->allow_extra_args(false);
  option("-n,--choices", request.n, "How many answers; default 1")->check(whole_number());
  option("--temperature", request.temperature, "0: always the likeliest token");
  option("--top-p", request.top_p, "Only the likeliest tokens that make up this probability");
  option("--top-k", request.sampling.top_k, "Only the k likeliest tokens; 0: all");
  option("--min-p", request.sampling.min_p, "Only tokens as likely as this times the likeliest");
  option("--repeat-penalty", request.sampling.repeat_penalty, "Over 1: repeat less");
  option("--presence-penalty", request.sampling.presence_penalty,
         "-2 to 2: against tokens that are there already");
  option("--frequency-penalty", request.sampling.frequency_penalty,
         "-2 to 2: against tokens as often as they are there");
  option("--seed", request.seed, "Same seed, same text")->check(whole_number());
}

void Program::add_loading(CLI::App& command) {
  const char* const group = "Loading a local model";
  const auto option = [&](const char* name, auto& value, const char* about) {
    return command.add_option(name, value, about)->group(group);
  };
  option("--context", run.local.context, "Tokens that a conversation may have");
  option("--threads", run.local.threads, "Processors to use; default 1");
  option("--parallel", run.local.parallel, "Answers that run at once; default 4");
  option("--batch", run.local.batch, "Prompt tokens read in one step; default 512");
  option("--gpu-layers", run.local.gpu_layers, "Layers to put on a GPU; default 0");
  command.add_flag("--no-mmap", no_mmap, "Read the file instead of mapping it")->group(group);
  option("--config", run.config, "Instead of these: the plugin's own configuration, as JSON");
}

void Program::add_times(CLI::App& command) {
  const auto option = [&](const char* name, std::optional<double>& value, const char* about) {
    command.add_option(name, value, about)
        ->group("Times, in seconds; default: as long as it takes")
        ->check(seconds());
  };
  option("--timeout", run.timeouts.total, "For the whole answer");
  option("--timeout-connect", run.timeouts.connect, "To reach a server");
  option("--timeout-first", run.timeouts.first, "Until the first piece of the answer");
  option("--timeout-idle", run.timeouts.idle, "Between two pieces");
}

CLI::App* Program::add_telling(CLI::App& parent, const char* name, const char* about,
                               int (*show)(bool)) {
  CLI::App* command = parent.add_subcommand(name, about);
  command->add_flag("--json", json, "Print one JSON object");
  command->final_callback([this, show] { action = [this, show] { return show(json); }; });
  return command;
}

void Program::add_plugin() {
  CLI::App& plugin = *app.add_subcommand("plugin", "List or check plugins");
  plugin.require_subcommand(1);
  add_telling(plugin, "list", "List the plugins that are found", &show_plugins);
  CLI::App& command =
      *plugin.add_subcommand("check", "Does a plugin keep the rules of the plugin interface?");
  command.footer("Exit codes: 0 it keeps them, 1 it does not, others as of infer --help.");
  command.add_option("FILE", check.file, "The plugin, a shared object")->required();
  command.add_option("--model", check.model, "What stands behind the scheme when it is loaded");
  command.add_option("--file", check.files, "A model file to load; may be repeated")
      ->allow_extra_args(false);
  command.add_option("--config", check.config, "The plugin's configuration, as JSON");
  command.add_flag("--varies", check.varies,
                   "The same prompt may give another text, even at temperature 0");
  const auto limit = [&command](const char* name, double& value, const char* about) {
    command.add_option(name, value, about)->check(seconds())->capture_default_str();
  };
  limit("--wake-limit", check.wake_limit, "Seconds from \"nothing yet\" to the wake-up");
  limit("--call-limit", check.call_limit, "Seconds that a call which must not wait may take");
  limit("--timeout", check.timeout, "Seconds without progress that count as hanging");
  command.add_flag("--json", check.json, "Print one JSON object");
  command.final_callback([this] { action = [this] { return check_plugin_file(check); }; });
}

int Program::help() const {
  if (help_about.empty()) return print(app.help());
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    if (command->get_name() == help_about) return print(command->help("infer"));
  Output out(STDOUT_FILENO);
  return fail(Error(Errc::kInvalidRequest,
                    "there is no command '" + help_about + "'; infer --help lists them"),
              out, false);
}

// The innermost command that was named.
const CLI::App* Program::command_in_question() const {
  const CLI::App* command = &app;
  for (;;) {
    const auto named = command->get_subcommands();
    if (named.empty()) return command;
    command = named.front();
  }
}

std::string full_name(const CLI::App* command) {
  std::string name;
  for (; command != nullptr; command = command->get_parent())
    name = command->get_name() + (name.empty() ? "" : " ") + name;
  return name;
}

// One line: what is wrong, and which help to read.
Error usage_error(const Program& program, const CLI::ParseError& error) {
  const CLI::App* command = program.command_in_question();
  std::string what = error.what();
  if (dynamic_cast<const CLI::ExtrasError*>(&error)) {
    const std::vector<std::string> extra = command->remaining();
    const std::string first = extra.empty() ? "" : extra.front();
    const bool is_option = first.size() > 1 && first.front() == '-';
    if (is_option)
      what = "unknown option " + first;
    else if (command == &program.app)
      what = "unknown command '" + first + "'";
    else
      what = "one argument too many: '" + first + "'; put text with spaces in quotes";
  }
  return Error(Errc::kInvalidRequest, what + "; see: " + full_name(command) + " --help");
}

// Before the options could be read: was JSON asked for?
bool wants_json(int argc, char** argv) {
  for (int i = 1; i < argc && std::string_view(argv[i]) != "--"; ++i)
    if (std::string_view(argv[i]) == "--json") return true;
  return false;
}

int main_program(int argc, char** argv) {
  Program program;
  Output out(STDOUT_FILENO);
  try {
    program.app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return print(program.command_in_question()->help());
  } catch (const CLI::CallForVersion&) {
    return show_version(false);
  } catch (const CLI::ParseError& error) {
    return fail(usage_error(program, error), out, wants_json(argc, argv));
  }
  if (program.action) return program.action();
  Output(STDERR_FILENO).write(program.app.help());
  return fail(Error(Errc::kInvalidRequest, "no command; infer --help lists them"), out,
              wants_json(argc, argv));
}

}  // namespace
}  // namespace infer::cli

int main(int argc, char** argv) {
  infer::cli::secure_standard_descriptors();
  try {
    return infer::cli::main_program(argc, argv);
  } catch (const std::bad_alloc&) {
    infer::cli::complain("out_of_memory: the machine has no memory left");
    return infer::cli::kEngineFailed;
  } catch (const std::exception& error) {
    infer::cli::complain(std::string("engine: ") + error.what());
    return infer::cli::kEngineFailed;
  }
}
