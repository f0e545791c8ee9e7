// infer: ask a model from the shell. Here is the command line; what the commands do is beside it.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <functional>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "apps/infer/bench.h"
#include "apps/infer/chat.h"
#include "apps/infer/commands.h"
#include "apps/infer/describe.h"
#include "apps/infer/embed.h"
#include "apps/infer/exit_code.h"
#include "apps/infer/image.h"
#include "apps/infer/info.h"
#include "apps/infer/options.h"
#include "apps/infer/output.h"
#include "apps/infer/run.h"

namespace infer::cli {
namespace {

constexpr const char* kAbout =
    "infer asks models, local ones and others, from the shell.\n"
    "\n"
    "  infer run \"What is the capital of France?\"       the shipped model answers\n"
    "  infer run -m llama:/models/some.gguf \"Hello!\"    a model of yours\n"
    "  infer run -m openai:gpt-5 \"Hello!\"              a provider's; OPENAI_API_KEY holds the "
    "key\n"
    "  infer run --json -m llama:tiny-chat - < file     a prompt from a file, JSON lines out\n"
    "  infer chat /models/some.gguf                     a conversation\n"
    "  infer describe -m openai:gpt-5 cat.jpg           what is to be seen in a picture\n"
    "  infer image -o red.png \"a red circle\"            the shipped model paints\n"
    "  infer doctor                                     what is found here";

constexpr const char* kExitCodes =
    "Exit codes: 0 ok, 1 the request failed, 2 wrong usage or invalid_request, 3 not_found,\n"
    "4 unauthorized, forbidden, 5 rate_limited, quota_exceeded, budget_exceeded, overloaded,\n"
    "6 timeout, 7 network, tls, truncated, protocol, server_error, 8 engine, engine_crashed,\n"
    "model_invalid, out_of_memory, 9 io, 130 cancelled by Ctrl-C.";

// All options of all commands, and what to do once they are read.
struct Program {
  CLI::App app{kAbout, "infer"};
  RunOptions run{};
  DescribeOptions describe{};
  ImageOptions image{};
  ChatOptions chat{};
  EmbedOptions embed{};
  RerankOptions rerank{};
  BenchOptions bench{};
  CheckOptions check{};
  ModelsOptions models{};
  WarmupOptions warmup{};
  bool json = false;  // of the commands that tell
  std::string help_about{};
  std::function<int()> action{};

  Program();
  void add_run();
  void add_answer(CLI::App& command, RunOptions& options);
  void add_describe();
  void add_image();
  void add_chat();
  void add_embed();
  void add_rerank();
  void add_bench();
  void add_models();
  void add_warmup();
  void add_plugin();
  CLI::App& add_command(const char* name, const char* about, std::function<int()> what);
  CLI::App* add_telling(CLI::App& parent, const char* name, const char* about, int (*show)(bool));
  int help() const;
  const CLI::App* command_in_question() const;
};

Program::Program() {
  app.footer(kExitCodes);
  app.set_version_flag("--version", "infer " + std::string(version()));
  app.require_subcommand(0, 1);
  add_run();
  add_describe();
  add_image();
  add_chat();
  add_embed();
  add_rerank();
  add_bench();
  add_models();
  add_warmup();
  add_plugin();
  add_telling(app, "doctor", "Tell what is found here, and whether the shipped model answers",
              &doctor);
  add_telling(app, "version", "Tell the version", &show_version);
  CLI::App* about = app.add_subcommand("help", "Tell about a command");
  about->add_option("COMMAND", help_about, "A command");
  about->final_callback([this] { action = [this] { return help(); }; });
  check_values(app);
}

CLI::App& Program::add_command(const char* name, const char* about, std::function<int()> what) {
  CLI::App& command = *app.add_subcommand(name, about);
  command.footer(kExitCodes);
  command.final_callback([this, what] { action = what; });
  return command;
}

constexpr const char* kModel =
    "scheme:name, such as openai:gpt-5, or a GGUF file; default: the shipped model";
constexpr const char* kThisModel = "scheme:name, or a GGUF file";

void Program::add_run() {
  CLI::App& command = add_command("run", "Ask a model; the answer streams to stdout",
                                  [this] { return cli::run(run); });
  command.add_option("PROMPT", run.prompt, "What to ask; - reads it from stdin");
  command.add_option("-m,--model", run.model, kModel);
  command.add_option("--system", run.system, "A system message before the prompt");
  command.add_option("--messages", run.messages_file,
                     "A file: a conversation before the prompt, as JSON");
  command
      .add_option("--image", run.pictures,
                  "A picture or PDF beside the prompt: a file, an address, or - for stdin; may be "
                  "repeated")
      ->allow_extra_args(false);
  add_answer(command, run);
}

// What run and describe have in common: how the answer is asked for and shown.
void Program::add_answer(CLI::App& command, RunOptions& o) {
  command.add_option("--detail", o.detail, "How closely pictures are looked at: low, high, auto");
  command.add_flag("--json", o.json, "Print one JSON object a line, for programs");
  command.add_flag("--stats", o.stats, "Tell tokens, speed and times on stderr");
  add_form_options(command, o.answer);
  add_sampling_options(command, o.answer);
  add_keeping_options(command, o.answer.request);
  add_load_options(command, o.load);
  add_cloud_options(command, o.load.cloud);
  add_text_api_option(command, o.load.cloud);
  add_retry_option(command, o.load.cloud);
  add_time_options(command, o.times);
}

void Program::add_describe() {
  CLI::App& command =
      add_command("describe", "Tell what is to be seen in pictures, or said in PDFs",
                  [this] { return cli::describe(describe); });
  command
      .add_option("IMAGE", describe.words,
                  "Files, addresses, or - for stdin; after them the prompt, if there is one")
      ->required();
  command.add_option("-m,--model", describe.run.model, "scheme:name of a model that sees");
  command.add_option("--prompt", describe.run.prompt,
                     "What to ask; default: Describe this picture.");
  command.add_option("--system", describe.run.system, "A system message before the prompt");
  add_answer(command, describe.run);
}

void Program::add_image() {
  CLI::App& command = add_command("image", "Make pictures from words, or from other pictures",
                                  [this] { return cli::image(image); });
  add_image_options(command, image);
}

void Program::add_chat() {
  CLI::App& command = add_command("chat", "Talk with a model; /help there tells the commands",
                                  [this] { return cli::chat(chat); });
  CLI::Option* model = command.add_option("MODEL", chat.model, kModel);
  command.add_option("-m,--model", chat.model, "The same")->excludes(model);
  command.add_option("--system", chat.system, "A system message at the beginning");
  command.add_option("--messages", chat.messages_file,
                     "A file: a conversation to go on with, as JSON");
  command.add_flag("--stats", chat.stats, "Tell tokens, speed and times after each answer");
  add_sampling_options(command, chat.answer);
  add_load_options(command, chat.load);
  add_cloud_options(command, chat.load.cloud);
  add_text_api_option(command, chat.load.cloud);
  add_retry_option(command, chat.load.cloud);
  add_time_options(command, chat.times);
}

void Program::add_embed() {
  CLI::App& command = add_command("embed", "Turn texts into vectors, one a line",
                                  [this] { return cli::embed(embed); });
  command.add_option("TEXT", embed.texts,
                     "The model, unless -m names it, and the texts; - stands for the lines of "
                     "stdin");
  command.add_option("-m,--model", embed.model, kThisModel);
  command.add_option("--dimensions", embed.request.dimensions, "Shorten the vectors to this");
  CLI::Option* normalize = command.add_flag_callback(
      "--normalize", [this] { embed.request.normalize = true; }, "Make them of length 1");
  command
      .add_flag_callback(
          "--no-normalize", [this] { embed.request.normalize = false; },
          "Leave them as the model gives them")
      ->excludes(normalize);
  command.add_option("--input-type", embed.request.input_type, "query or document");
  command.add_flag("--json", embed.json, "Print one JSON object a line, for programs");
  add_load_options(command, embed.load);
  add_cloud_options(command, embed.load.cloud);
  add_retry_option(command, embed.load.cloud);
  add_time_options(command, embed.times);
}

void Program::add_rerank() {
  CLI::App& command = add_command("rerank", "Sort documents by how well they answer a query",
                                  [this] { return cli::rerank(rerank); });
  command.add_option("WORDS", rerank.words,
                     "The model, unless -m names it, the query, and the documents; - stands for "
                     "the lines of stdin");
  command.add_option("-m,--model", rerank.model, kThisModel);
  command.add_option("--top", rerank.request.top_n, "Only the N best");
  command.add_flag("--json", rerank.json, "Print one JSON object a line, for programs");
  add_load_options(command, rerank.load);
  add_time_options(command, rerank.times);
}

void Program::add_bench() {
  CLI::App& command = add_command("bench", "Measure how fast a model reads and writes here",
                                  [this] { return cli::bench(bench); });
  command.add_option("MODEL", bench.model, kThisModel)->required();
  command.add_option("--prompt", bench.prompts, "Tokens to read; default 128,512, what fits")
      ->delimiter(',');
  command.add_option("--width", bench.widths, "Answers at once; several: 1,2,4")
      ->delimiter(',')
      ->capture_default_str();
  command.add_option("--tokens", bench.tokens, "Tokens to write, an answer")->capture_default_str();
  command.add_option("--repeat", bench.repeat, "How often each is measured; the median is told")
      ->capture_default_str();
  command.add_flag("--json", bench.json, "Print one JSON object");
  add_load_options(command, bench.load);
}

void Program::add_models() {
  CLI::App& command =
      add_command("models", "List the local models that are found, or those that a provider offers",
                  [this] { return show_models(models); });
  command.add_option("PROVIDER", models.provider,
                     "openai, anthropic, groq or modal: ask it; default: the local models");
  command.add_flag("--json", models.json, "Print one JSON object");
  add_cloud_options(command, models.cloud);
  add_time_options(command, models.times);
}

void Program::add_warmup() {
  CLI::App& command = add_command("warmup", "Wait until a model that may have to start answers",
                                  [this] { return warm_up(warmup); });
  command.add_option("MODEL", warmup.model, "Such as modal:workspace/app/function")->required();
  command.add_flag("--json", warmup.json, "Print one JSON object");
  add_cloud_options(command, warmup.cloud);
  add_time_options(command, warmup.times);
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

std::string unknown_option(const std::string& name) {
  std::string what = "unknown option " + name;
  const bool of_a_key = name == "--api-key" || name == "--key" || name == "--token" ||
                        name == "--modal-key" || name == "--modal-secret";
  if (!of_a_key) return what;
  what +=
      ": every user of a machine can read command lines; put the key into an environment variable,";
  for (const CloudProvider& provider : cloud_providers())
    what += std::string(" ") + provider.key_variable + ",";
  return what + " or one that --api-key-env names";
}

// One line: what is wrong, and which help to read.
Error usage_error(const Program& program, const CLI::ParseError& error) {
  const CLI::App* command = program.command_in_question();
  std::string what = error.what();
  const std::vector<std::string> extra = command->remaining();
  const bool incomplete = dynamic_cast<const CLI::RequiredError*>(&error);
  // What is not known explains what is missing: a mistyped command, an option without its name.
  if (dynamic_cast<const CLI::ExtrasError*>(&error) || (incomplete && !extra.empty())) {
    const std::string first = extra.empty() ? "" : extra.front();
    const bool is_option = first.size() > 1 && first.front() == '-';
    if (is_option)
      what = unknown_option(first.substr(0, first.find('=')));  // its value may be a key
    else if (!command->get_subcommands([](const CLI::App*) { return true; }).empty())
      what = "unknown command '" + first + "'";
    else
      what = "one argument too many: '" + first + "'; put text with spaces in quotes";
  }
  // That it is a number was looked at before.
  constexpr std::string_view kUnread = "Could not convert: ";
  if (what.rfind(kUnread, 0) == 0) what = what.substr(kUnread.size()) + " is out of range";
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
