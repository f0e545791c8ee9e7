// bench llama: what the library costs on top of llama.cpp. The same models (random weights, written
// here), the same engine, one thread; the bound is bench/llama_bare.cc. Runs of both kinds follow
// one another, each figure is the median of the neighbouring pairs' ratios or differences, and the
// note gives the middle half of them.
//
//   api_over_bare         tokens a second of a streamed reply over those of the bare loop
//   batch_gain_over_bare  how much faster 8 replies are together than one by one, through the API
//                         over the same bare; the bare cache is the faster of llama.cpp's two kinds
//   added_us_per_token_N  time of a reply of N tokens less that of the bare loop, by token, on a
//                         model so fast that it can be seen
//   prefix_ttft_ratio     time to the first token when 1,000 tokens of the prompt were seen before
//                         and 15 were not (2 of the text, 13 of the template), over the cold time
//   delivery_latency_us   from a token's publication on the engine's thread to the return of a
//                         waiting next(); measured with bench/null_engine.cc, whose tokens say when
//                         they were published and which has the scheduler, channel and ABI of the
//                         real one
//   n4_prefills, steps_8_over_1   the scheduler's own counts, from Usage::raw
//
// The first three come twice. Processor time (NAME_processor) counts all threads, the reader's too,
// and holds on a busy machine. Wall time has a goal only where the bare loop got a processor of its
// own: a second thread always loses against other work, which says nothing about the library.
//
// --quick: few rounds, to see that it runs. --only PART: speed, batching, overhead, prefix,
// delivery or scheduling. --json FILE: as every benchmark.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "bench/llama_api.h"
#include "bench/llama_bare.h"
#include "bench/report.h"
#include "engines/llama/testing/random_model.h"
#include "src/port/temp_dir.h"

namespace infer::bench {
namespace {

using llama::testing::RandomShape;

constexpr std::size_t kTogether = 8;
constexpr int64_t kContext = 1280;      // of the large model; the longest prompt is 1,050 tokens
constexpr int64_t kFastContext = 2560;  // of the fast one

// About 40 MB, 2 to 3 milliseconds a token.
RandomShape large_shape() {
  RandomShape shape;
  shape.layers = 8;
  shape.width = 384;
  shape.heads = 6;
  shape.kv_heads = 2;
  shape.ff = 1536;
  shape.vocabulary = 4096;
  shape.type = GGML_TYPE_F16;
  return shape;
}

// 0.4 million weights, some 50 microseconds a token.
RandomShape fast_shape() {
  RandomShape shape;
  shape.layers = 2;
  shape.width = 128;
  shape.heads = 4;
  shape.kv_heads = 2;
  shape.ff = 256;
  shape.vocabulary = 512;
  shape.type = GGML_TYPE_F32;
  return shape;
}

// A prompt of `size` bytes that begins like no other.
std::string fresh_text(std::size_t size) {
  static llama::testing::RandomValues random(42);
  std::string text(size, ' ');
  for (char& c : text) c = static_cast<char>('a' + random.next() % 26);
  return text;
}

std::string spread_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  char text[80];
  std::snprintf(text, sizeof(text), "%.3g..%.3g of %zu", values[values.size() / 4],
                values[values.size() * 3 / 4], values.size());
  return text;
}

Metric of(const std::string& name, const std::vector<double>& values, const std::string& unit,
          const std::string& better, const std::string& goal = {}) {
  return {name, median(values), unit, better, goal, spread_of(values)};
}

// One quantity in wall and in processor time.
struct Both {
  std::vector<double> wall, processor;
  void add(double of_wall, double of_processor) {
    wall.push_back(of_wall);
    processor.push_back(of_processor);
  }
};

struct Setup {
  Setup(const std::string& large_file, const std::string& fast_file)
      : bare_one(large_file, kContext, 1, false),
        fast_bare(fast_file, kFastContext, 1, false),
        large_path(large_file),
        large(load(large_file, kContext, kTogether)),
        fast(load(fast_file, kFastContext, 4)) {}
  Bare bare_one, fast_bare;
  std::string large_path;
  TextModel large, fast;
  bool quick = false;
  int rounds(int full) const { return quick ? std::max(1, full / 8) : full; }
  // What the API took from its cache of the last prompt: the bare loop may keep as much.
  std::size_t kept = 0;
  std::vector<double> share;             // of a processor, that the bare loop got in each run
  std::vector<std::size_t> wall_judged;  // metrics that have their goal on a quiet machine only
};

void publish(Setup& s, std::vector<Metric>& out, const std::string& name, const Both& values,
             const std::string& unit, const std::string& better, const std::string& goal) {
  if (!goal.empty()) s.wall_judged.push_back(out.size());
  out.push_back(of(name, values.wall, unit, better, goal));
  out.push_back(of(name + "_processor", values.processor, unit, better, goal));
}

void drop_goals_of_a_busy_machine(Setup& s, std::vector<Metric>& out) {
  const double share = median(s.share);
  out.push_back(
      {"bare_share_of_a_processor", share, "ratio", "higher", "", "1: nothing disturbed"});
  if (share >= 0.97) return;
  for (const std::size_t at : s.wall_judged) {
    out[at].note += "; goal " + out[at].goal + " not judged: the machine was busy";
    out[at].goal.clear();
  }
}

// Runs the two after one another, in changing order.
void pair(int round, const std::function<void()>& one, const std::function<void()>& other) {
  if (round % 2 == 0) {
    one();
    other();
  } else {
    other();
    one();
  }
}

// A reply of `count` tokens, bare and through the API. The two must have done the same.
std::pair<Bare::Run, ApiRun> same_reply(Setup& s, Bare& bare, const TextModel& model, int round,
                                        std::size_t count) {
  const std::string user = fresh_text(16);
  const Tokens prompt = chat_tokens(user);
  std::pair<Bare::Run, ApiRun> out;
  pair(
      round, [&] { out.first = bare.run({prompt}, count, s.kept); },
      [&] { out.second = run_one(model, greedy(user, count)); });
  const Response& response = out.second.response;
  if (response.usage.input != static_cast<std::int64_t>(prompt.size()) ||
      response.usage.output != static_cast<std::int64_t>(count) ||
      response.text() != bare.text(out.first.written[0])) {
    throw std::runtime_error("the API's reply is not the bare loop's: \"" + response.text() +
                             "\" and \"" + bare.text(out.first.written[0]) + "\"");
  }
  s.kept = static_cast<std::size_t>(response.usage.cache_read.value_or(0));
  s.share.push_back(out.first.processor / out.first.seconds);
  return out;
}

void measure_speed(Setup& s, std::vector<Metric>& out) {
  constexpr std::size_t kTokens = 32;
  std::vector<double> bare, api;
  Both ratio;
  for (int round = 0; round < s.rounds(121); ++round) {
    const auto [theirs, ours] = same_reply(s, s.bare_one, s.large, round, kTokens);
    bare.push_back(kTokens / theirs.seconds);
    api.push_back(kTokens / ours.seconds);
    ratio.add(theirs.seconds / ours.seconds, theirs.processor / ours.processor);
  }
  out.push_back(of("bare_tokens_per_s", bare, "tokens/s", "higher"));
  out.push_back(of("api_tokens_per_s", api, "tokens/s", "higher"));
  publish(s, out, "api_over_bare", ratio, "ratio", "higher", ">= 0.97");
}

// Seconds of wall and processor time.
struct Time {
  double wall = 0, processor = 0;
  void add(double of_wall, double of_processor) {
    wall += of_wall;
    processor += of_processor;
  }
};

struct Gain {
  Time alone, together;
  double wall() const { return alone.wall / together.wall; }
  double processor() const { return alone.processor / together.processor; }
};

struct GainRound {
  Gain api, bare, unified;
};

std::vector<std::string> fresh_texts() {
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < kTogether; ++i) texts.push_back(fresh_text(16));
  return texts;
}

// Replies that did run together: a busy machine needs some tries.
Together api_together(Setup& s, std::size_t tokens) {
  for (int tries = 0; tries < 20; ++tries) {
    std::vector<TextRequest> requests;
    for (const std::string& text : fresh_texts()) requests.push_back(greedy(text, tokens));
    Together out = run_together(s.large, requests);
    if (out.joined) return out;
  }
  throw std::runtime_error(
      "the machine is too busy: 8 requests were never opened in the time of the first's prompt");
}

// 8 replies one by one, each beside its bare twin, then 8 together.
GainRound measure_gain(Setup& s, Bare& separate, Bare& unified, int round) {
  constexpr std::size_t kTokens = 32;
  GainRound out;
  for (std::size_t i = 0; i < kTogether; ++i) {
    const auto [bare, api] = same_reply(s, s.bare_one, s.large, round, kTokens);
    out.bare.alone.add(bare.seconds, bare.processor);
    out.api.alone.add(api.seconds, api.processor);
  }
  out.unified.alone = out.bare.alone;
  std::vector<Tokens> prompts;
  for (const std::string& text : fresh_texts()) prompts.push_back(chat_tokens(text));
  const auto bare_together = [&](Bare& bare, Gain& gain) {
    const Bare::Run run = bare.run(prompts, kTokens, s.kept);
    gain.together.add(run.seconds, run.processor);
  };
  bare_together(separate, out.bare);
  const Together api = api_together(s, kTokens);
  out.api.together.add(api.seconds, api.processor);
  bare_together(unified, out.unified);
  return out;
}

void measure_batching(Setup& s, std::vector<Metric>& out) {
  Bare separate(s.large_path, kContext, kTogether, false);
  Bare unified(s.large_path, kContext, kTogether, true);
  Both api, bare, of_unified, ratio, together;
  for (int round = 0; round < s.rounds(17); ++round) {
    const GainRound g = measure_gain(s, separate, unified, round);
    api.add(g.api.wall(), g.api.processor());
    bare.add(g.bare.wall(), g.bare.processor());
    of_unified.add(g.unified.wall(), g.unified.processor());
    together.add(g.bare.together.wall / g.api.together.wall,
                 g.bare.together.processor / g.api.together.processor);
    ratio.add(g.api.wall() / std::max(g.bare.wall(), g.unified.wall()),
              g.api.processor() / std::max(g.bare.processor(), g.unified.processor()));
  }
  publish(s, out, "bare_batch_gain", bare, "ratio", "higher", "");
  publish(s, out, "bare_unified_batch_gain", of_unified, "ratio", "higher", "");
  publish(s, out, "api_batch_gain", api, "ratio", "higher", "");
  publish(s, out, "api_over_bare_together", together, "ratio", "higher", "");
  publish(s, out, "batch_gain_over_bare", ratio, "ratio", "higher", ">= 0.95");
}

// What a token costs more through the API.
Both measure_added(Setup& s, std::size_t tokens, int rounds, std::vector<Metric>& out) {
  std::vector<double> bare, api;
  Both added;
  for (int round = 0; round < rounds; ++round) {
    const auto [theirs, ours] = same_reply(s, s.fast_bare, s.fast, round, tokens);
    const double scale = 1e6 / static_cast<double>(tokens);
    bare.push_back(theirs.seconds * scale);
    api.push_back(ours.seconds * scale);
    added.add((ours.seconds - theirs.seconds) * scale, (ours.processor - theirs.processor) * scale);
  }
  const std::string at = std::to_string(tokens);
  out.push_back(of("bare_us_per_token_" + at, bare, "us/token", "lower"));
  out.push_back(of("api_us_per_token_" + at, api, "us/token", "lower"));
  publish(s, out, "added_us_per_token_" + at, added, "us/token", "lower", "<= 15");
  return added;
}

void measure_overhead(Setup& s, std::vector<Metric>& out) {
  s.kept = 0;  // the other model's
  const Both of_short = measure_added(s, 200, s.rounds(81), out);
  const Both of_long = measure_added(s, 2000, s.rounds(25), out);
  out.push_back({"added_growth_processor", median(of_long.processor) - median(of_short.processor),
                 "us/token", "lower", "<= 3", "added at 2,000 tokens less added at 200"});
}

void measure_prefix(Setup& s, std::vector<Metric>& out) {
  std::vector<double> cold, warm, ratio, bare;
  for (int round = 0; round < s.rounds(9); ++round) {
    const std::string prefix = fresh_text(1000);
    const std::string first = prefix + fresh_text(2), second = prefix + fresh_text(2);
    const ApiRun before = run_one(s.large, greedy(first, 8));
    const ApiRun after = run_one(s.large, greedy(second, 8));
    const double bare_cold = s.bare_one.run({chat_tokens(first)}, 8, 0).first;
    bare.push_back(s.bare_one.run({chat_tokens(second)}, 8, prefix.size() + 6).first / bare_cold);
    cold.push_back(before.first * 1e3);
    warm.push_back(after.first * 1e3);
    ratio.push_back(after.first / before.first);
  }
  out.push_back(of("ttft_cold_ms", cold, "ms", "lower"));
  out.push_back(of("ttft_prefix_ms", warm, "ms", "lower"));
  out.push_back(of("bare_prefix_ttft_ratio", bare, "ratio", "lower"));
  out.push_back(of("prefix_ttft_ratio", ratio, "ratio", "lower", "<= 0.05"));
}

void measure_delivery(Setup& s, std::vector<Metric>& out) {
  const auto model = text("null:stamp:" + std::to_string(s.rounds(2000)));
  if (!model) throw std::runtime_error(model.error().message());
  std::vector<double> late;
  Reply reply = model->stream("go");
  while (const Event* event = reply.next()) {
    const auto now = Clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
    if (event->kind != Event::Kind::kDelta) continue;
    const long long published = std::atoll(std::string(event->data).c_str());
    late.push_back(static_cast<double>(now - published) / 1e3);
  }
  if (reply.error()) throw std::runtime_error(reply.error()->message());
  std::sort(late.begin(), late.end());
  out.push_back(of("delivery_latency_us", late, "us", "lower"));
  out.push_back({"delivery_latency_p99_us", late[late.size() * 99 / 100], "us", "lower"});
}

void measure_scheduling(Setup& s, std::vector<Metric>& out) {
  constexpr std::size_t kTokens = 32;
  TextRequest four = greedy(fresh_text(64), kTokens);
  four.n = 4;
  Reply reply = s.large.stream(four);
  while (reply.next()) {
  }
  const std::string refused = reply.error() ? reply.error()->message() : std::string();
  out.push_back({"n4_prefills", raw_figure(reply.response(), "prefills"), "prefills", "lower",
                 "<= 1", refused});
  out.push_back({"n4_prefill_tokens", raw_figure(reply.response(), "prefill_tokens"), "tokens",
                 "lower", "<= " + std::to_string(chat_tokens(fresh_text(64)).size() + 2 * 3)});

  const double one =
      raw_figure(run_one(s.large, greedy(fresh_text(16), kTokens)).response, "steps");
  double most = 0;
  for (const ApiRun& run : api_together(s, kTokens).runs) {
    const double steps = raw_figure(run.response, "steps");
    most = std::isnan(steps) ? steps : std::max(most, steps);
  }
  out.push_back({"steps_of_1", one, "steps", "lower"});
  out.push_back({"steps_of_8", most, "steps", "lower", "",
                 "most of any of the 8, all opened before the first's first token"});
  out.push_back({"steps_8_over_1", most / one, "ratio", "lower", "< 2"});
}

int run(int argc, char** argv) {
  const port::TempDir directory;
  const std::string large = directory / "large.gguf", fast = directory / "fast.gguf";
  write_random_llama(large, large_shape());
  write_random_llama(fast, fast_shape());
  Setup setup(large, fast);
  std::string only;
  for (int i = 1; i < argc; ++i) {
    setup.quick |= std::strcmp(argv[i], "--quick") == 0;
    if (std::strcmp(argv[i], "--only") == 0 && i + 1 < argc) only = argv[++i];
  }

  std::vector<Metric> metrics;
  metrics.push_back({"model_mb", static_cast<double>(std::filesystem::file_size(large)) / 1e6, "MB",
                     "", "", "random weights, F16"});
  for (int i = 0; i < 2; ++i) same_reply(setup, setup.bare_one, setup.large, i, 32);  // warm
  const std::pair<const char*, void (*)(Setup&, std::vector<Metric>&)> parts[] = {
      {"speed", measure_speed},       {"batching", measure_batching},
      {"overhead", measure_overhead}, {"prefix", measure_prefix},
      {"delivery", measure_delivery}, {"scheduling", measure_scheduling}};
  for (const auto& [name, measure] : parts) {
    if (only.empty() || only == name) measure(setup, metrics);
  }
  drop_goals_of_a_busy_machine(setup, metrics);
  return report("llama", metrics, argc, argv);
}

}  // namespace
}  // namespace infer::bench

int main(int argc, char** argv) {
  setenv("INFER_PLUGIN_PATH", INFER_BENCH_LLAMA_DIR ":" INFER_BENCH_PLUGIN_DIR, /*overwrite=*/0);
  try {
    return infer::bench::run(argc, argv);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "bench llama: %s\n", e.what());
    return 1;
  }
}
