#include "apps/infer/options.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "apps/infer/option_groups.h"

namespace infer::cli {
namespace {

// The whole text is a number that T holds.
template <class T>
bool is_number(std::string_view text) {
  T value{};
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  if constexpr (std::is_floating_point_v<T>)
    return error == std::errc() && at == end && std::isfinite(value);
  else
    return error == std::errc() && at == end;
}

// An empty one means something here: no system message; an empty stop is refused by the library.
bool may_be_empty(const CLI::Option& option) {
  return option.check_lname("system") || option.check_lname("stop");
}

}  // namespace

CLI::Validator seconds() {
  return must(" is not a time in seconds from 0.001 to 1e9", [](const std::string& text) {
    double value = 0;
    return CLI::detail::lexical_cast(text, value) && value >= 0.001 && value <= 1e9;
  });
}

CLI::Validator whole_number() {
  return must(" is not a whole number from 0 to 2^64-1", &is_number<std::uint64_t>);
}

void check_values(CLI::App& command) {
  for (CLI::Option* option : command.get_options([](CLI::Option*) { return true; })) {
    if (option->get_lnames().empty())
      continue;  // what stands without a name is checked where it is used
    const std::string type = option->get_type_name();
    if (type == "INT") option->check(must(" is not a whole number", &is_number<std::int64_t>));
    if (type == "UINT") option->check(whole_number());
    if (type == "FLOAT") option->check(must(" is not a number", &is_number<double>));
    if (type == "TEXT" && !may_be_empty(*option))
      option->check(must(" is empty; leave the option out, or give it a value",
                         [](const std::string& text) { return !text.empty(); }));
  }
  for (CLI::App* inner : command.get_subcommands([](CLI::App*) { return true; }))
    check_values(*inner);
}

void add_sampling_options(CLI::App& command, AnswerOptions& o) {
  TextRequest& r = o.request;
  const Group length{command, "The answer"};
  length("--max-tokens", r.max_tokens, "At most so many tokens");
  length("--stop", r.stop, "End before this text; may be repeated")->allow_extra_args(false);
  length("--stop-token", r.stop_token_ids, "End before this token id; may be repeated")
      ->allow_extra_args(false);
  length("--effort", o.effort, "How much to think: none, minimal, low, medium, high or max");
  command
      .add_flag("--truncate", o.truncate,
                "Drop the oldest turns of a conversation that does not fit, instead of failing")
      ->group(length.name);

  const Group sampling{command, "Sampling; default: as the backend has it"};
  sampling("--seed", r.seed, "Same seed, same text");
  sampling("--temperature", r.temperature, "0: always the likeliest token");
  sampling("--dynatemp-range", r.sampling.dynatemp_range, "Vary the temperature by so much");
  sampling("--dynatemp-exponent", r.sampling.dynatemp_exponent, "How it follows the entropy");
  sampling("--top-p", r.top_p, "Only the likeliest tokens that make up this probability");
  sampling("--top-k", r.sampling.top_k, "Only the k likeliest tokens; 0: all");
  sampling("--min-p", r.sampling.min_p, "Only tokens as likely as this times the likeliest");
  sampling("--typical-p", r.sampling.typical_p, "Only tokens of typical information");
  sampling("--top-n-sigma", r.sampling.top_n_sigma, "Only tokens within n sigma of the best logit");
  sampling("--xtc-probability", r.sampling.xtc_probability, "How often to exclude top choices");
  sampling("--xtc-threshold", r.sampling.xtc_threshold, "Which are top: at least this likely");
  sampling("--mirostat", r.sampling.mirostat, "0 off, 1 or 2: hold the surprise constant");
  sampling("--mirostat-tau", r.sampling.mirostat_tau, "The surprise to hold");
  sampling("--mirostat-eta", r.sampling.mirostat_eta, "How fast to correct it");
  sampling("--repeat-penalty", r.sampling.repeat_penalty, "Over 1: repeat less");
  sampling("--repeat-last-n", r.sampling.repeat_last_n, "Tokens looked at; -1: the whole context");
  sampling("--presence-penalty", r.sampling.presence_penalty,
           "-2 to 2: against tokens that are there already");
  sampling("--frequency-penalty", r.sampling.frequency_penalty,
           "-2 to 2: against tokens as often as they are there");
  sampling("--dry-multiplier", r.sampling.dry_multiplier,
           "Against repeated sequences, so much; 0: off");
  sampling("--dry-base", r.sampling.dry_base, "How it grows with their length");
  sampling("--dry-allowed-length", r.sampling.dry_allowed_length, "Repeats of so many are free");
  sampling("--dry-last-n", r.sampling.dry_last_n, "Tokens looked at; -1: the whole context");
  sampling("--logit-bias", o.logit_bias, "ID=VALUE, added to that token's logit; may be repeated")
      ->allow_extra_args(false);
}

void add_form_options(CLI::App& command, AnswerOptions& o) {
  const Group group{command, "Its form"};
  CLI::Option* schema = group("--schema", o.schema_file, "A file: the JSON schema it must fit");
  CLI::Option* grammar = group("--grammar", o.grammar_file, "A file: the GBNF grammar it must fit");
  grammar->excludes(schema);
  command.add_flag("--json-object", o.json_object, "Some JSON object")
      ->excludes(schema)
      ->excludes(grammar)
      ->group(group.name);
  command
      .add_flag_callback(
          "--no-strict", [&o] { o.request.output.strict = false; },
          "Send the schema as it is; the provider does what it can")
      ->needs(schema)
      ->group(group.name);
  command
      .add_flag_callback(
          "--no-check", [&o] { o.request.output.check = false; },
          "Do not hold the answer against the schema")
      ->needs(schema)
      ->group(group.name);
  group("--tools", o.tools_file, "A file: the tools to offer; calls are printed, not run");
  group("--tool-choice", o.tool_choice, "auto, none, required, or the tool that must be called");
  group("-n,--choices", o.request.n, "How many answers; default 1");
  group("--logprobs", o.logprobs, "Tell how likely each token was, and K alternatives")
      ->check(whole_number())
      ->type_name("K");
}

void add_keeping_options(CLI::App& command, TextRequest& r) {
  const Group group{command, "What a provider keeps"};
  group("--previous-response", r.previous_response_id,
        "The id of the answer that this one continues; OpenAI's Responses")
      ->type_name("ID");
  CLI::Option* store = command.add_flag_callback(
      "--store", [&r] { r.store = true; }, "Keep the answer, to be continued later");
  store->group(group.name);
  command.add_flag_callback(
             "--no-store", [&r] { r.store = false; }, "Do not keep it")
      ->excludes(store)
      ->group(group.name);
  group("--cache-key", r.cache_key, "Prompts that begin alike have the same; OpenAI")
      ->type_name("NAME");
  group("--service-tier", r.service_tier, "OpenAI, Groq: auto, flex, ...")->type_name("NAME");
}

void add_time_options(CLI::App& command, Times& times) {
  const Group group{command, "Times, in seconds; default: as long as it takes"};
  group("--timeout", times.total, "For the whole answer")->check(seconds());
  group("--timeout-connect", times.connect, "To reach a server; default 5")->check(seconds());
  group("--timeout-first", times.first, "Until the first piece of the answer; of a provider: 600")
      ->check(seconds());
  group("--timeout-idle", times.idle, "Between two pieces; of a provider: 120")->check(seconds());
}

// What every engine has.
void add_common_load_options(LoadGroup& group, LoadOptions& o) {
  LocalConfig& local = o.local;
  group.option("--threads", local.threads, "Threads that compute");
  group.option("--devices", o.devices, "Devices to use, by the names of infer doctor; or none");
  group.flag("--no-mmap", local.mmap, false, "Read the file instead of mapping it");
  group.choice("--flash-attention", local.flash_attention, {"auto", "on", "off"}, "Faster");
}

void add_config_option(CLI::App& command, LoadOptions& o) {
  command.add_option("--config", o.config, "Instead of these: the plugin's configuration, as JSON")
      ->group(LoadGroup::kName);
  add_verbose_option(command, o);
}

void add_load_options(CLI::App& command, LoadOptions& o) {
  LoadGroup group(command, o);
  LocalConfig& local = o.local;
  group.option("--context", local.context, "Tokens that a conversation may have");
  add_common_load_options(group, o);
  group.option("--batch-threads", local.batch_threads, "The same for reading a prompt");
  group.option("--parallel", local.parallel, "Answers that run at once");
  group.option("--batch", local.batch, "Tokens read in one step");
  group.option("--micro-batch", local.micro_batch, "Of these, tokens computed at once");
  group.option("--gpu-layers", local.gpu_layers, "Layers to put on a GPU; -1: all");
  group.option("--main-gpu", local.main_gpu, "Which of them holds all, without a split");
  group.choice("--split-mode", local.split_mode, {"none", "layer", "row"}, "Over the devices");
  group.option("--tensor-split", local.tensor_split, "How much each gets, such as 3,1")
      ->delimiter(',');
  group.flag("--mlock", local.mlock, true, "Keep the model in memory");
  group.choice("--numa", local.numa, {"off", "distribute", "isolate", "numactl"}, "Memory nodes");
  const std::vector<std::string> types = {"f32",  "f16",    "bf16", "q8_0", "q4_0",
                                          "q4_1", "iq4_nl", "q5_0", "q5_1"};
  group.choice("--cache-type-k", local.cache_type_k, types, "Keys in memory");
  group.choice("--cache-type-v", local.cache_type_v, types, "Values in memory");
  group.option("--lora", o.adapters, "PATH or PATH=SCALE, an adapter; may be repeated")
      ->allow_extra_args(false);
  group.option("--rope-frequency-base", local.rope_frequency_base, "0: the model's own");
  group.option("--rope-frequency-scale", local.rope_frequency_scale, "0: the model's own");
  group.choice("--pooling", local.pooling, {"unspecified", "none", "mean", "cls", "last", "rank"},
               "Of embeddings");
  group.option("--chat-template", o.chat_template, "A file: the Jinja template for messages");
  group.flag("--no-prefix-cache", local.prefix_cache, false,
             "Read every prompt from its beginning");
  add_config_option(command, o);
}

void add_image_load_options(CLI::App& command, LoadOptions& o) {
  LoadGroup group(command, o);
  LocalConfig& local = o.local;
  add_common_load_options(group, o);
  group.option("--weight-type", local.weight_type, "Bring the weights to it: f16, q8_0, ...");
  group.flag("--offload", local.offload, true, "Keep the weights off the GPU while not in use");
  group
      .option("--keep-on-cpu", local.keep_on_cpu,
              "What stays on the processor: text_encoder,vae,control_net")
      ->delimiter(',');
  CLI::Option* encoder = group.flag("--vae-encoder", local.vae_encoder, true,
                                    "Load what starting from pictures needs");
  group.flag("--no-vae-encoder", local.vae_encoder, false, "Leave it out")->excludes(encoder);
  group.option("--rng", local.rng, "Random numbers as of: cuda, cpu, std");
  group.option("--prediction", local.prediction, "What the model predicts: eps, v, sd3_flow, ...");
  group.flag("--allow-pickle", local.allow_pickle, true,
             "Read .ckpt, .pt and .pth, a format that was made to run code");

  LoadGroup part(command, o, "Files of a local model, beside -m; default: in it, or its card's");
  part.option("--vae", o.parts.vae, "From latent pictures to pixels and back");
  part.option("--taesd", o.parts.taesd, "A small one instead of it");
  part.option("--clip-l", o.parts.clip_l, "A text encoder");
  part.option("--clip-g", o.parts.clip_g, "Another");
  part.option("--t5xxl", o.parts.t5xxl, "Another");
  part.option("--llm", o.parts.llm, "Another: Qwen and the like");
  part.option("--llm-vision", o.parts.llm_vision, "Lets it see --reference");
  part.option("--clip-vision", o.parts.clip_vision, "Sees pictures");
  part.option("--control-net", o.parts.control_net, "For --control");
  part.option("--photo-maker", o.parts.photo_maker, "Keeps a person the same");
  part.option("--upscaler", o.parts.upscaler, "An ESRGAN, for --upscale");
  part.option("--embedding", o.embeddings, "WORD=FILE, a textual inversion; may be repeated")
      ->allow_extra_args(false);
  add_config_option(command, o);
}

void add_verbose_option(CLI::App& command, LoadOptions& o) {
  command
      .add_flag("--verbose", o.verbose, "Tell on stderr what the engine logs, what is tried again")
      ->group("What is told");
}

constexpr const char* kProviderGroup = "Reaching a provider; default: its environment variables";

void add_cloud_options(CLI::App& command, CloudOptions& o) {
  const Group group{command, kProviderGroup};
  group("--base-url", o.base_url, "Where the API is, such as http://localhost:8000/v1");
  group("--api-key-env", o.key_variable, "The environment variable that holds the key")
      ->type_name("NAME");
  group("--ca-file", o.ca_file, "A PEM file of certificates to trust, instead of the system's");
  group("--proxy", o.proxy, "http://host:port or socks5h://host:port; none: no proxy");
  group("--cold-start", o.cold_start,
        "Seconds that an app of Modal may take to start; default 1200")
      ->check(seconds());
}

void add_text_api_option(CLI::App& command, CloudOptions& o) {
  command
      .add_option("--text-api", o.text_api,
                  "Which of OpenAI's: auto, chat or responses; default auto, chat unless more is "
                  "needed")
      ->type_name("API")
      ->group(kProviderGroup);
}

void add_retry_option(CLI::App& command, CloudOptions& o) {
  command.add_flag("--no-retry", o.no_retry, "Ask once, also where asking again would help")
      ->group(kProviderGroup);
}

}  // namespace infer::cli
