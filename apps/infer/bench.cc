#include "apps/infer/bench.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>
#include <string>
#include <utility>

#include "apps/infer/exit_code.h"
#include "apps/infer/info.h"
#include "apps/infer/load.h"
#include "apps/infer/output.h"
#include "apps/infer/signals.h"
#include "apps/infer/table.h"
#include "apps/infer/terminal.h"
#include "infer/poller.h"

namespace infer::cli {
namespace {

using Seconds = std::chrono::duration<double>;

// One line of the result: the same thing measured some times.
struct Row {
  std::string what{};           // "prefill", "decode"
  std::int64_t size = 0;        // tokens of the prompt; answers at once
  std::vector<double> rates{};  // tokens/s, one a repetition
  double median() const {
    std::vector<double> sorted = rates;
    std::sort(sorted.begin(), sorted.end());
    const std::size_t n = sorted.size();
    return n == 0 ? 0 : (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
  }
};

// What one round of replies gave. The times are the engine's own where it tells them: they do not
// hang on how soon this program is woken.
struct Round {
  std::int64_t input = 0;   // tokens read, those from a cache not counted
  std::int64_t output = 0;  // tokens written
  Seconds reading{};        // the prompt of the first reply
  Seconds writing{};        // from the first token of the first reply to the last of the last
};

// `first` and `end` as this program saw them, where the engine does not tell.
Round summed(const std::vector<Reply>& replies, Seconds first, Seconds end) {
  Round round{.reading = first, .writing = end - first};
  bool told = true;
  Seconds began = Seconds::max(), ended{};
  for (const Reply& reply : replies) {
    const Usage& usage = reply.response().usage;
    round.input += usage.input.value_or(0) - usage.cache_read.value_or(0);
    round.output += usage.output.value_or(0);
    const Timing& timing = usage.timing;
    told = told && timing.first && timing.decode;
    if (!told) continue;
    began = std::min<Seconds>(began, *timing.first);
    ended = std::max<Seconds>(ended, *timing.first + *timing.decode);
  }
  if (told) round.writing = ended - began;
  if (const auto time = replies.front().response().usage.timing.prefill) round.reading = *time;
  return round;
}

class Bench {
 public:
  Bench(const BenchOptions& options, TextModel model, const Interrupt& interrupt)
      : o_(options), model_(std::move(model)), interrupt_(interrupt) {}

  // Measures until all is done or something fails; what was measured stays.
  std::optional<Error> run();
  const std::vector<Row>& rows() const noexcept { return rows_; }

 private:
  Result<std::string> prompt_of(std::int64_t tokens);
  std::optional<Error> prefill(std::int64_t tokens);
  std::optional<Error> decode(std::int64_t width);
  Result<Round> round(const std::vector<std::string>& prompts, std::int64_t max_tokens);
  std::string opening();
  std::vector<std::int64_t> prompts() const;
  void say(const std::string& what) const;

  const BenchOptions& o_;
  TextModel model_;
  const Interrupt& interrupt_;
  std::vector<Row> rows_;
  std::uint32_t prompts_made_ = 0;
};

// Every prompt begins in a way of its own: none finds its text in a cache.
std::string Bench::opening() {
  std::uint32_t state = ++prompts_made_ * 2654435761u;
  std::string text;
  for (int i = 0; i < 6; ++i) {
    state = state * 1664525u + 1013904223u;
    text += static_cast<char>('a' + state % 26);
  }
  return text;
}

// Words until the prompt as the model sees it has so many tokens, or just fewer.
Result<std::string> Bench::prompt_of(std::int64_t tokens) {
  const auto count = [&](const std::string& text) {
    TextRequest request;
    request.messages.push_back(user(text));
    Call call;
    call.stop = interrupt_.token();
    return model_.count_tokens(std::move(request), call);
  };
  std::string text = opening();
  const auto with = [&](std::int64_t words) {
    std::string longer = text;
    for (std::int64_t i = 0; i < words; ++i) longer += i % 7 == 6 ? ". The" : " one";
    return longer;
  };
  std::int64_t low = 0, high = tokens;  // words; `low` fits
  auto least = count(with(0));
  if (!least) return least.error();
  while (low < high) {
    const std::int64_t middle = low + (high - low + 1) / 2;
    auto n = count(with(middle));
    if (!n) return n.error();
    if (*n <= tokens)
      low = middle;
    else
      high = middle - 1;
  }
  return with(low);
}

Result<Round> Bench::round(const std::vector<std::string>& prompts, std::int64_t max_tokens) {
  Poller poller;
  Call call;
  call.stop = interrupt_.token();
  call.poller = poller;
  std::vector<Reply> replies;
  replies.reserve(prompts.size());
  const auto begin = Clock::now();
  for (const std::string& prompt : prompts) {
    TextRequest request;
    request.messages.push_back(user(prompt));
    request.max_tokens = max_tokens;
    request.temperature = 0;
    replies.push_back(model_.stream(std::move(request), call));
  }
  Seconds first{};
  for (std::size_t left = replies.size(); left > 0;) {
    poller.wait();
    while (Reply* reply = poller.ready()) {
      Step step;
      while ((step = reply->try_next()) == Step::kEvent)
        if (reply->event().is_content() && first == Seconds{}) first = Clock::now() - begin;
      if (step == Step::kPending) continue;
      if (step == Step::kError) return *reply->error();
      --left;
    }
  }
  return summed(replies, first, Clock::now() - begin);
}

std::optional<Error> Bench::prefill(std::int64_t tokens) {
  Row& row = rows_.emplace_back(Row{.what = "prefill", .size = tokens});
  for (std::int64_t i = 0; i < o_.repeat; ++i) {
    say("prefill of " + std::to_string(tokens) + " tokens, " + std::to_string(i + 1) + " of " +
        std::to_string(o_.repeat));
    auto prompt = prompt_of(tokens);
    if (!prompt) return prompt.error();
    auto done = round({*prompt}, 1);
    if (!done) return done.error();
    if (done->reading.count() > 0)
      row.rates.push_back(static_cast<double>(done->input) / done->reading.count());
  }
  return std::nullopt;
}

std::optional<Error> Bench::decode(std::int64_t width) {
  Row& row = rows_.emplace_back(Row{.what = "decode", .size = width});
  for (std::int64_t i = 0; i < o_.repeat; ++i) {
    say("decode, " + std::to_string(width) + " at once, " + std::to_string(i + 1) + " of " +
        std::to_string(o_.repeat));
    std::vector<std::string> prompts;
    for (std::int64_t j = 0; j < width; ++j)
      prompts.push_back("Tell me a long story about " + opening() + ".");
    auto done = round(prompts, o_.tokens);
    if (!done) return done.error();
    // The first token of each comes out of reading its prompt.
    const std::int64_t written = done->output - width;
    if (written > 0 && done->writing.count() > 0)
      row.rates.push_back(static_cast<double>(written) / done->writing.count());
  }
  return std::nullopt;
}

// What was asked for, else what fits the model.
std::vector<std::int64_t> Bench::prompts() const {
  if (!o_.prompts.empty()) return o_.prompts;
  std::vector<std::int64_t> sizes{128, 512};
  const auto context = model_.info().context;
  // A token of answer must fit too.
  if (context) std::erase_if(sizes, [&](std::int64_t tokens) { return tokens >= *context; });
  return sizes;
}

std::optional<Error> Bench::run() {
  say("warming up");
  if (auto warm = round({"Hello!"}, 8); !warm) return warm.error();
  for (const std::int64_t tokens : prompts())
    if (auto error = prefill(tokens)) return error;
  for (const std::int64_t width : o_.widths)
    if (auto error = decode(width)) return error;
  return std::nullopt;
}

void Bench::say(const std::string& what) const {
  Output(STDERR_FILENO).write("infer: bench: " + what + "\n");
}

std::string rate(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", value);
  return text;
}

std::string table_of(const std::vector<Row>& rows) {
  Table table;
  table.row({"WHAT", "SIZE", "TOKENS/S", "LOWEST", "HIGHEST", "RUNS"});
  for (const Row& row : rows) {
    if (row.rates.empty()) continue;
    const auto [low, high] = std::minmax_element(row.rates.begin(), row.rates.end());
    table.row({row.what,
               row.what == "prefill" ? std::to_string(row.size) + " tokens"
                                     : std::to_string(row.size) + " at once",
               rate(row.median()), rate(*low), rate(*high), std::to_string(row.rates.size())});
  }
  return table.text();
}

core::Json json_of(const ModelInfo& info, const BenchOptions& o, const std::vector<Row>& rows) {
  core::Json json = version_json();
  json["model"] = info.name;
  if (info.parameters) json["parameters"] = *info.parameters;
  if (!info.quantization.empty()) json["quantization"] = info.quantization;
  json["tokens"] = o.tokens;
  json["rows"] = core::Json::array();
  for (const Row& row : rows) {
    if (row.rates.empty()) continue;
    json["rows"].push_back({{"what", row.what},
                            {row.what == "prefill" ? "prompt" : "width", row.size},
                            {"tokens_per_s", row.median()},
                            {"runs", row.rates}});
  }
  return json;
}

// Room for what is measured, where nothing else is asked for.
LoadOptions with_room(const BenchOptions& o) {
  LoadOptions load = o.load;
  if (load.config) return load;
  load.given = "--parallel";
  if (!load.local.parallel)
    load.local.parallel =
        static_cast<std::int32_t>(*std::max_element(o.widths.begin(), o.widths.end()));
  return load;
}

std::optional<Error> check(const BenchOptions& o, const std::string& id) {
  if (provider_of(id))
    return Error(Errc::kUnsupported,
                 "infer bench measures models that are loaded here; " + id +
                     " is a provider's, whose network and load would be measured, for money");
  const auto each = [](const std::vector<std::int64_t>& values, std::int64_t most) {
    return !values.empty() && std::all_of(values.begin(), values.end(),
                                          [most](std::int64_t v) { return v >= 1 && v <= most; });
  };
  const auto wrong = [](const char* what) { return Error(Errc::kInvalidRequest, what); };
  if (!o.prompts.empty() && !each(o.prompts, 1 << 24))
    return wrong("--prompt must be from 1 to 16777216 tokens");
  if (!each(o.widths, 256)) return wrong("--width must be from 1 to 256 answers");
  if (o.tokens < 2 || o.tokens > 1 << 24) return wrong("--tokens must be from 2 to 16777216");
  if (o.repeat < 1 || o.repeat > 1000) return wrong("--repeat must be from 1 to 1000");
  return std::nullopt;
}

}  // namespace

int bench(const BenchOptions& o) {
  Output out(STDOUT_FILENO);
  const std::string id = model_id(o.model);
  if (auto error = check(o, id)) return fail(*error, out, o.json);
  const Interrupt interrupt;
  const auto config = config_of(with_room(o), id);
  if (!config) return fail(config.error(), out, o.json);
  show_engine_log(o.load.verbose);
  auto model = load_model(id, *config, interrupt.token());
  if (!model) return fail(model.error(), out, o.json);
  Bench bench(o, *model, interrupt);
  const auto error = bench.run();
  const bool any = std::any_of(bench.rows().begin(), bench.rows().end(),
                               [](const Row& row) { return !row.rates.empty(); });
  if (any) {
    const int printed = o.json ? print_json(json_of(model->info(), o, bench.rows()))
                               : print(table_of(bench.rows()));
    if (printed != kOk) return printed;
  }
  return error ? fail(*error, out, false) : kOk;
}

}  // namespace infer::cli
