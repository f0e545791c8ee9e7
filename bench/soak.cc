// bench soak: 8 threads do to a model what programs do, in random order, for ten minutes. They read
// replies to the end, drop them in the middle, stop them, let them run out of time, read several on
// one Poller, count tokens, and now and then unload the model and load it again with other
// settings.
//
// Every reply that comes to its end is compared with what the same request gave on one thread
// before the rest began. A minute without any progress is a deadlock: exit code 1.
//
//   --minutes N   how long; default 10 (--seconds N for a shorter one)
//   --seed N      of the random choices; default 1
//   --model FILE  default: the shipped model
//   --json FILE   as every benchmark
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bench/report.h"
#include "bench/soak_watch.h"
#include "infer/infer.h"

namespace infer::bench {
namespace {

constexpr int kThreads = 8;
struct Options {
  std::string model = INFER_BENCH_MODEL;
  std::chrono::seconds time = std::chrono::minutes(10);
  uint64_t seed = 1;
};

// A request and what it gives when nothing else runs.
struct Task {
  TextRequest request{};
  std::string text{};
  Finish finish = Finish::kUnknown;
  int64_t input = 0;
};

struct Counts {
  std::atomic<long> finished{0}, stopped{0}, dropped{0}, timed_out{0}, reloads{0}, counted{0};
  std::atomic<long> greedy_mismatches{0}, seeded_mismatches{0}, count_mismatches{0}, errors{0};
  std::atomic<long> progress{0};  // grows with every event, whatever it is
};

Result<TextModel> load(const std::string& path, int parallel, int batch) {
  LocalConfig config;
  config.threads = 1;
  config.parallel = parallel;
  config.batch = batch;
  return text("llama:" + path, config);
}

std::vector<Task> make_tasks() {
  const char* const prompts[] = {"Hello!",
                                 "What is the capital of France?",
                                 "What sound does a cow make?",
                                 "How do you say hello in Russian?",
                                 "How do you say hello in Japanese?",
                                 "Count from one to ten.",
                                 "Tell me a story.",
                                 "Give me a JSON object about a dog.",
                                 "What is two plus three?",
                                 "What is the opposite of hot?",
                                 "Show me an emoji of a cat.",
                                 "Who are you?"};
  std::vector<Task> tasks;
  for (const char* prompt : prompts) {
    for (int kind = 0; kind < 4; ++kind) {
      Task task;
      if (kind % 2 == 1) task.request.messages.push_back(system("You are a pirate."));
      task.request.messages.push_back(user(prompt));
      task.request.max_tokens = 24 + 16 * kind;
      task.request.temperature = kind < 2 ? 0 : 0.9;
      if (kind >= 2) task.request.seed = 1000 + tasks.size();
      // Beside other replies the last bits of a logit depend on who shares the step, and a small
      // model has hundreds of tokens that are equally unlikely: without them those bits choose
      // nothing.
      if (kind >= 2) task.request.sampling.min_p = 0.05;
      if (kind == 3) task.request.stop = {"."};
      tasks.push_back(std::move(task));
    }
  }
  // Longer than some of the batch sizes below, and of what the model is sure of: where two tokens
  // are equally likely, the last bits would choose.
  Task longer;
  const std::pair<const char*, const char*> known[] = {
      {"Japan", "Tokyo"}, {"Italy", "Rome"}, {"Spain", "Madrid"}, {"Norway", "Oslo"}};
  for (int i = 0; i < 12; ++i) {
    const auto& [country, city] = known[i % 4];
    const std::string what = "capital of " + std::string(country);
    longer.request.messages.push_back(user("What is the " + what + "?"));
    longer.request.messages.push_back(assistant("The " + what + " is " + city + "."));
  }
  longer.request.messages.push_back(user("What is the capital of Greece?"));
  longer.request.max_tokens = 40;
  longer.request.temperature = 0;
  tasks.push_back(std::move(longer));
  return tasks;
}

// Fills in what each task gives, on this thread, one after the other.
void make_references(const std::string& path, std::vector<Task>& tasks) {
  auto model = load(path, 1, 512);
  if (!model) throw std::runtime_error(model.error().message());
  for (Task& task : tasks) {
    auto response = model->generate(task.request);
    if (!response) throw std::runtime_error(response.error().message());
    task.text = response->text();
    task.finish = response->finish();
    task.input = response->usage.input.value_or(0);
  }
}

// The model as all threads see it. Whoever drops the last handle unloads it.
class Shared {
 public:
  Shared(std::string path, TextModel first) : path_(std::move(path)), model_(std::move(first)) {}

  TextModel get() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return model_;
  }
  // Half of the time the old one goes first, so that for a moment none is loaded.
  Result<void> reload(Random& random) {
    static constexpr int kParallel[] = {1, 2, 4, 8}, kBatch[] = {64, 128, 512};
    auto model = load(path_, kParallel[random.below(4)], kBatch[random.below(3)]);
    if (!model) return model.error();
    const std::lock_guard<std::mutex> lock(mutex_);
    model_ = std::move(*model);
    return {};
  }

 private:
  const std::string path_;
  std::mutex mutex_;
  TextModel model_;
};

class Worker {
 public:
  Worker(Shared& shared, const std::vector<Task>& tasks, Counts& counts, uint64_t seed)
      : shared_(shared), tasks_(tasks), counts_(counts), random_(seed) {}

  void run(Clock::time_point end) {
    while (Clock::now() < end) {
      const unsigned what = random_.below(100);
      if (what < 50) {
        finish_one();
      } else if (what < 65) {
        stop_one();
      } else if (what < 78) {
        drop_one();
      } else if (what < 86) {
        run_out_of_time();
      } else if (what < 93) {
        read_several();
      } else if (what < 97) {
        count();
      } else {
        reload();
      }
    }
  }

 private:
  const Task& any_task() { return tasks_[random_.below(static_cast<unsigned>(tasks_.size()))]; }

  void report_error(const char* where, const Error& error) {
    if (counts_.errors.fetch_add(1) == 0)
      std::fprintf(stderr, "bench soak: %s: %s\n", where, error.message().c_str());
  }

  void compare(const Task& task, const Response& response) {
    counts_.finished.fetch_add(1);
    if (response.text() == task.text && response.finish() == task.finish) return;
    const bool greedy = task.request.temperature == 0.0;
    auto& mismatches = greedy ? counts_.greedy_mismatches : counts_.seeded_mismatches;
    if (mismatches.fetch_add(1) != 0) return;
    std::fprintf(
        stderr,
        "bench soak: another answer to \"%s\" (%s):\n  alone: \"%s\", %s\n  now:   \"%s\", "
        "%s\n",
        task.request.messages.back().text().c_str(), greedy ? "greedy" : "seeded",
        task.text.c_str(), std::string(to_string(task.finish)).c_str(), response.text().c_str(),
        std::string(to_string(response.finish())).c_str());
  }

  // Reads up to `events` events; true if the reply went on after them.
  bool read(Reply& reply, unsigned events) {
    while (events-- > 0) {
      if (reply.next() == nullptr) return false;
      counts_.progress.fetch_add(1);
    }
    return true;
  }

  void end(const Task& task, Reply& reply, const char* where) {
    while (reply.next() != nullptr) counts_.progress.fetch_add(1);
    if (reply.error()) return report_error(where, *reply.error());
    compare(task, reply.response());
  }

  void finish_one() {
    const Task& task = any_task();
    Reply reply = shared_.get().stream(task.request);
    end(task, reply, "a reply");
  }

  // By a stop token, from this thread or another one.
  void stop_one() {
    const Task& task = any_task();
    StopSource stop;
    Call call;
    call.stop = stop.token();
    Reply reply = shared_.get().stream(task.request, call);
    std::thread other;
    if (random_.below(2) == 0) {
      if (read(reply, random_.below(30))) stop.request_stop();
    } else {
      const auto wait = std::chrono::microseconds(random_.below(5000));
      other = std::thread([stop, wait]() mutable {
        std::this_thread::sleep_for(wait);
        stop.request_stop();
      });
    }
    while (reply.next() != nullptr) counts_.progress.fetch_add(1);
    if (other.joinable()) other.join();
    if (!reply.error()) return compare(task, reply.response());
    if (reply.error()->code() != Errc::kCancelled) return report_error("a stop", *reply.error());
    counts_.stopped.fetch_add(1);
  }

  void drop_one() {
    Reply reply = shared_.get().stream(any_task().request);
    read(reply, random_.below(40));
    counts_.dropped.fetch_add(1);
  }

  void run_out_of_time() {
    const Task& task = any_task();
    Call call;
    call.timeouts.total = std::chrono::milliseconds(random_.below(30));
    Reply reply = shared_.get().stream(task.request, call);
    while (reply.next() != nullptr) counts_.progress.fetch_add(1);
    if (!reply.error()) return compare(task, reply.response());
    if (reply.error()->code() != Errc::kTimeout) return report_error("a timeout", *reply.error());
    counts_.timed_out.fetch_add(1);
  }

  void read_several() {
    const TextModel model = shared_.get();
    Poller poller;
    Call call;
    call.poller = poller;
    std::vector<const Task*> tasks;
    std::vector<Reply> replies;
    for (unsigned n = 2 + random_.below(5); n > 0; --n) {
      tasks.push_back(&any_task());
      replies.push_back(model.stream(tasks.back()->request, call));
    }
    while (poller.wait()) {
      while (Reply* reply = poller.ready()) {
        while (reply->try_next() == Step::kEvent) counts_.progress.fetch_add(1);
      }
    }
    for (std::size_t i = 0; i < replies.size(); ++i) end(*tasks[i], replies[i], "one of several");
  }

  void count() {
    const Task& task = any_task();
    auto tokens = shared_.get().count_tokens(task.request);
    if (!tokens) return report_error("a count", tokens.error());
    if (*tokens != task.input) counts_.count_mismatches.fetch_add(1);
    counts_.counted.fetch_add(1);
    counts_.progress.fetch_add(1);
  }

  void reload() {
    if (auto done = shared_.reload(random_); !done) return report_error("a load", done.error());
    counts_.reloads.fetch_add(1);
    counts_.progress.fetch_add(1);
  }

  Shared& shared_;
  const std::vector<Task>& tasks_;
  Counts& counts_;
  Random random_;
};

void run_workers(const Options& options, const std::vector<Task>& tasks, Counts& counts,
                 Clock::time_point end, uint64_t seed) {
  auto model = load(options.model, 4, 512);
  if (!model) throw std::runtime_error(model.error().message());
  Shared shared(options.model, std::move(*model));
  std::vector<Worker> workers;
  for (int i = 0; i < kThreads; ++i)
    workers.emplace_back(shared, tasks, counts, seed * 1000 + static_cast<uint64_t>(i));
  std::vector<std::thread> threads;
  for (Worker& worker : workers) threads.emplace_back([&worker, end] { worker.run(end); });
  for (std::thread& thread : threads) thread.join();
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i], value = argv[i + 1];
    if (name == "--minutes") options.time = std::chrono::minutes(std::atol(value.c_str()));
    if (name == "--seconds") options.time = std::chrono::seconds(std::atol(value.c_str()));
    if (name == "--seed") options.seed = std::strtoull(value.c_str(), nullptr, 10);
    if (name == "--model") options.model = value;
  }
  return options;
}

std::vector<Metric> figures(const Counts& c, const Held& before, const Held& after) {
  const auto count = [](const char* name, const std::atomic<long>& value, const char* goal = "") {
    return Metric{name, static_cast<double>(value.load()), "", "", goal};
  };
  return {count("finished", c.finished),
          count("stopped", c.stopped),
          count("dropped", c.dropped),
          count("timed_out", c.timed_out),
          count("counted", c.counted),
          count("reloads", c.reloads),
          count("greedy_mismatches", c.greedy_mismatches, "<= 0"),
          count("seeded_mismatches", c.seeded_mismatches, "<= 0"),
          count("count_mismatches", c.count_mismatches, "<= 0"),
          count("errors", c.errors, "<= 0"),
          {"deadlocks", 0, "", "lower", "<= 0", "one would have ended the run"},
          growth("fds_growth", before.files, after.files, "<= 0"),
          growth("threads_growth", before.threads, after.threads, "<= 0"),
          growth("rss_growth_kib", before.rss_kib, after.rss_kib, kMemoryGoal)};
}

int run(int argc, char** argv) {
  const Options options = parse(argc, argv);
  Counts counts;
  std::atomic<bool> over{false};
  std::vector<Task> tasks = make_tasks();
  make_references(options.model, tasks);
  std::thread watchdog([&] { watch(counts.progress, over); });
  // The first tenth fills the allocator's and the library's caches; from there on nothing may grow.
  const auto start = Clock::now();
  run_workers(options, tasks, counts, start + options.time / 10, options.seed);
  const Held before = held();
  run_workers(options, tasks, counts, start + options.time, options.seed + 1);
  const Held after = held();
  over.store(true);
  watchdog.join();
  return report("soak", figures(counts, before, after), argc, argv);
}

}  // namespace
}  // namespace infer::bench

int main(int argc, char** argv) {
  infer::bench::give_back_large_blocks();
  setenv("INFER_PLUGIN_PATH", INFER_BENCH_LLAMA_DIR, /*overwrite=*/0);
  try {
    return infer::bench::run(argc, argv);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "bench soak: %s\n", e.what());
    return 1;
  }
}
