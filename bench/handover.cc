// bench handover: what a token costs on its way from an engine's thread to the reader's Response.
//
// The engine is bench/null_engine.cc, loaded as a plugin like any other: nothing is computed, so
// all of the time is the scheduler's, the channel's, the ABI's, the Poller's and the Reply's. 8
// replies, one reading thread, 10^6 tokens in all; rounds interleaved with the baseline
// (baseline_queue.h).
//
//   handover_us          wall time per token through the library, median of the rounds
//   one_reply_us         the same with a single reply and a blocking next()
//   baseline_us          a bounded queue with mutex and condition variable
//   handover_over_baseline
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "bench/baseline_queue.h"
#include "bench/report.h"
#include "infer/infer.h"

namespace {

using infer::bench::median;

constexpr std::size_t kReplies = 8;
constexpr std::size_t kTokenBytes = 6;  // " token"

double seconds_since(infer::Clock::time_point start) {
  return std::chrono::duration<double>(infer::Clock::now() - start).count();
}

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "bench handover: %s\n", what.c_str());
  std::exit(1);
}

infer::TextModel open_null(long tokens) {
  auto model = infer::text("null:" + std::to_string(tokens));
  if (!model) fail(model.error().message());
  return *model;
}

void check(std::size_t bytes, std::size_t tokens) {
  if (bytes != tokens * kTokenBytes) fail("tokens were lost: " + std::to_string(bytes) + " bytes");
}

// Microseconds per token.
double many_replies(const infer::TextModel& model, long tokens) {
  const auto start = infer::Clock::now();
  infer::Poller poller;
  infer::Call call;
  call.poller = poller;
  std::vector<infer::Reply> replies;
  for (std::size_t i = 0; i < kReplies; ++i) replies.push_back(model.stream("go", call));
  std::size_t events = 0;
  while (poller.wait())
    while (infer::Reply* reply = poller.ready())
      while (reply->try_next() == infer::Step::kEvent) ++events;
  const double seconds = seconds_since(start);
  std::size_t bytes = 0;
  for (auto& reply : replies) {
    if (reply.error()) fail(reply.error()->message());
    bytes += reply.response().text().size();
  }
  check(bytes, kReplies * static_cast<std::size_t>(tokens));
  return seconds * 1e6 / static_cast<double>(kReplies * static_cast<std::size_t>(tokens));
}

double one_reply(const infer::TextModel& model, long tokens) {
  const auto start = infer::Clock::now();
  auto reply = model.stream("go");
  while (reply.next()) {
  }
  const double seconds = seconds_since(start);
  check(reply.response().text().size(), static_cast<std::size_t>(tokens));
  return seconds * 1e6 / static_cast<double>(tokens);
}

double baseline(long tokens) {
  const auto start = infer::Clock::now();
  const std::size_t bytes = infer::bench::run_baseline(kReplies, tokens);
  const double seconds = seconds_since(start);
  check(bytes, kReplies * static_cast<std::size_t>(tokens));
  return seconds * 1e6 / static_cast<double>(kReplies * static_cast<std::size_t>(tokens));
}

}  // namespace

int main(int argc, char** argv) {
  setenv("INFER_PLUGIN_PATH", INFER_BENCH_PLUGIN_DIR, 1);
  constexpr long kTokens = 125000;  // a reply: 10^6 in all
  constexpr int kRounds = 7;
  const infer::TextModel model = open_null(kTokens);
  std::vector<double> ours, single, theirs;
  for (int round = 0; round < kRounds; ++round) {
    ours.push_back(many_replies(model, kTokens));
    theirs.push_back(baseline(kTokens));
    single.push_back(one_reply(model, kTokens));
  }
  return infer::bench::report(
      "handover",
      {{"handover_us", median(ours), "us/token", "lower", "<= 2"},
       {"one_reply_us", median(single), "us/token", "lower", ""},
       {"baseline_us", median(theirs), "us/token", "lower", ""},
       {"handover_over_baseline", median(ours) / median(theirs), "ratio", "lower", ""}},
      argc, argv);
}
