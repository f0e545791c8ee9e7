// bench soak_images: 6 threads do to three models in one process what programs do, in random order:
// two that paint, which differ in their random numbers, and one that writes. They read replies to
// the end, drop them in the middle, stop them, let them run out of time, read several on one
// Poller, and now and then unload a model and load it again.
//
// Every picture that comes is compared, pixel by pixel, with what the same request gave on one
// thread before the rest began, and so is every text; progress and previews must be of the reply
// that hears them. A minute without any progress is a deadlock: exit code 1.
//
//   --minutes N   how long; default 5 (--seconds N for a shorter one)
//   --seed N      of the random choices; default 1
//   --json FILE   as every benchmark
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
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

constexpr int kPainters = 2;
constexpr int kThreads = 6;

struct PaintTask {
  ImageRequest request{};
  std::vector<std::string> pictures{};  // their pixels, of a reply that was alone
};

struct ImageCounts {
  std::atomic<long> finished{0}, stopped{0}, dropped{0}, timed_out{0}, reloads{0}, written{0};
  std::atomic<long> picture_mismatches{0}, text_mismatches{0}, foreign_progress{0},
      foreign_previews{0}, errors{0};
  std::atomic<long> progress{0};  // grows with every event, whatever it is
};

// Of another configuration, so that it is another model whose pictures are others. What they differ
// in by `generation`, which no request leaves to the model, makes a load of its own and no other
// picture.
Result<ImageModel> load_painter(int which, unsigned generation) {
  LocalConfig config;
  config.defaults = ImageDefaults{.steps = 1 + generation % 1000};
  config.threads = 1;
  config.rng = which == 0 ? "cuda" : "cpu";
  return image("diffusion:tiny-shapes", config);
}

std::vector<PaintTask> make_paint_tasks() {
  std::vector<PaintTask> tasks;
  const char* const colours[] = {"red", "green", "blue", "yellow"};
  const char* const shapes[] = {"circle", "square", "triangle"};
  for (unsigned i = 0; i < 12; ++i) {
    PaintTask task;
    task.request.prompt =
        std::string("a ") + colours[i % 4] + " " + shapes[i % 3] + " on a white background";
    task.request.seed = 100 + i;
    task.request.steps = 1 + i % 4;
    if (i % 4 == 1) task.request.previews = 2;
    if (i % 5 == 2) task.request.n = 2;
    if (i % 6 == 3) task.request.height = 32;
    if (i % 6 == 5) task.request.sample_method = "euler_a";
    if (i % 7 == 4) task.request.negative_prompt = "a black background";
    tasks.push_back(std::move(task));
  }
  return tasks;
}

std::vector<std::string> pixels_of(const Response& response) {
  std::vector<std::string> all;
  for (const Part& part : response.message().parts) {
    const auto* media = part.get<Media>();
    const auto* pixels = media ? std::get_if<Pixels>(&media->source) : nullptr;
    if (pixels) all.emplace_back(pixels->data.view());
  }
  return all;
}

TextRequest question() {
  TextRequest request;
  request.messages = {user("What is the capital of France?")};
  request.temperature = 0;
  request.max_tokens = 32;
  return request;
}

// The painters as all threads see them. Whoever drops the last handle unloads one.
class Studio {
 public:
  Studio() {
    for (int i = 0; i < kPainters; ++i) {
      auto model = load_painter(i, 0);
      if (!model) throw std::runtime_error(model.error().message());
      painters_.push_back(std::move(*model));
    }
    LocalConfig config;
    config.threads = 1;
    auto model = text("llama:tiny-chat", config);
    if (!model) throw std::runtime_error(model.error().message());
    writers_.push_back(std::move(*model));
  }
  ImageModel painter(int which) {
    const std::lock_guard<std::mutex> lock(mutex_);
    return painters_[static_cast<std::size_t>(which)];
  }
  const TextModel& writer() const { return writers_.front(); }
  // The old one is unloaded by whoever ends its last reply.
  Result<void> reload(int which) {
    auto model = load_painter(which, generation_.fetch_add(1) + 1);
    if (!model) return model.error();
    const std::lock_guard<std::mutex> lock(mutex_);
    std::swap(painters_[static_cast<std::size_t>(which)], *model);
    return {};
  }

 private:
  std::atomic<unsigned> generation_{0};
  std::mutex mutex_;
  std::vector<ImageModel> painters_{};
  std::vector<TextModel> writers_{};
};

// What everything gives when nothing else runs.
struct Alone {
  std::array<std::vector<PaintTask>, kPainters> tasks{};
  std::string answer{};
};

Alone make_alone() {
  Studio studio;
  Alone alone;
  for (int i = 0; i < kPainters; ++i) {
    auto& tasks = alone.tasks[static_cast<std::size_t>(i)];
    tasks = make_paint_tasks();
    for (PaintTask& task : tasks) {
      auto response = studio.painter(i).generate(task.request);
      if (!response) throw std::runtime_error(response.error().message());
      task.pictures = pixels_of(*response);
      if (task.pictures.size() != task.request.n) throw std::runtime_error("too few pictures");
    }
  }
  if (alone.tasks[0][0].pictures == alone.tasks[1][0].pictures)
    throw std::runtime_error("both models paint the same: a mix-up could not be seen");
  auto response = studio.writer().generate(question());
  if (!response) throw std::runtime_error(response.error().message());
  alone.answer = response->text();
  return alone;
}

class PaintWorker {
 public:
  PaintWorker(Studio& studio, const Alone& alone, ImageCounts& counts, uint64_t seed)
      : studio_(studio), alone_(alone), counts_(counts), random_(seed) {}

  void run(std::chrono::steady_clock::time_point end) {
    while (std::chrono::steady_clock::now() < end) {
      const unsigned what = random_.below(100);
      if (what < 40) {
        finish_one();
      } else if (what < 58) {
        stop_one();
      } else if (what < 72) {
        drop_one();
      } else if (what < 80) {
        run_out_of_time();
      } else if (what < 86) {
        read_several();
      } else if (what < 96) {
        write();
      } else {
        reload();
      }
    }
  }

 private:
  struct Choice {
    int painter;
    const PaintTask* task;
  };
  Choice choose() {
    const int painter = static_cast<int>(random_.below(kPainters));
    const auto& tasks = alone_.tasks[static_cast<std::size_t>(painter)];
    return {painter, &tasks[random_.below(static_cast<unsigned>(tasks.size()))]};
  }

  void report_error(const char* where, const Error& error) {
    if (counts_.errors.fetch_add(1) == 0)
      std::fprintf(stderr, "bench soak_images: %s: %s\n", where, error.message().c_str());
  }

  void look_at(const PaintTask& task, const Event& event) {
    counts_.progress.fetch_add(1);
    const uint32_t steps = *task.request.steps * task.request.n;
    if (event.kind == Event::Kind::kProgress && event.data == "painting" &&
        (event.steps != steps || event.step > steps))
      counts_.foreign_progress.fetch_add(1);
    if (event.kind == Event::Kind::kMedia && event.preview && task.request.previews == 0)
      counts_.foreign_previews.fetch_add(1);
  }
  // Up to `events`; true if the reply went on after them.
  bool read(const PaintTask& task, Reply& reply, unsigned events = ~0u) {
    while (events-- > 0) {
      const Event* event = reply.next();
      if (event == nullptr) return false;
      look_at(task, *event);
    }
    return true;
  }

  void compare(const PaintTask& task, const Response& response) {
    counts_.finished.fetch_add(1);
    if (pixels_of(response) == task.pictures) return;
    if (counts_.picture_mismatches.fetch_add(1) == 0)
      std::fprintf(stderr, "bench soak_images: another picture of \"%s\", seed %llu\n",
                   task.request.prompt.c_str(),
                   static_cast<unsigned long long>(*task.request.seed));
  }
  // After the last event: the whole answer, or the error that was meant to be.
  void end(const PaintTask& task, const Reply& reply, const char* where, Errc meant,
           std::atomic<long>& count) {
    if (!reply.error()) return compare(task, reply.response());
    if (reply.error()->code() != meant) return report_error(where, *reply.error());
    count.fetch_add(1);
  }

  void finish_one() {
    const Choice what = choose();
    Reply reply = studio_.painter(what.painter).stream(what.task->request);
    read(*what.task, reply);
    end(*what.task, reply, "a reply", Errc::kCancelled, counts_.errors);
  }

  // By a stop token, from this thread or another one.
  void stop_one() {
    const Choice what = choose();
    StopSource stop;
    Call call;
    call.stop = stop.token();
    Reply reply = studio_.painter(what.painter).stream(what.task->request, call);
    std::thread other;
    if (random_.below(2) == 0) {
      if (read(*what.task, reply, random_.below(5))) stop.request_stop();
    } else {
      const auto wait = std::chrono::milliseconds(random_.below(300));
      other = std::thread([stop, wait]() mutable {
        std::this_thread::sleep_for(wait);
        stop.request_stop();
      });
    }
    read(*what.task, reply);
    if (other.joinable()) other.join();
    end(*what.task, reply, "a stop", Errc::kCancelled, counts_.stopped);
  }

  void drop_one() {
    const Choice what = choose();
    Reply reply = studio_.painter(what.painter).stream(what.task->request);
    read(*what.task, reply, random_.below(5));
    counts_.dropped.fetch_add(1);
  }

  void run_out_of_time() {
    const Choice what = choose();
    Call call;
    call.timeouts.total = std::chrono::milliseconds(random_.below(500));
    Reply reply = studio_.painter(what.painter).stream(what.task->request, call);
    read(*what.task, reply);
    end(*what.task, reply, "a timeout", Errc::kTimeout, counts_.timed_out);
  }

  void read_several() {
    Poller poller;
    Call call;
    call.poller = poller;
    std::vector<const PaintTask*> tasks;
    std::vector<Reply> replies;
    for (unsigned n = 2 + random_.below(2); n > 0; --n) {
      const Choice what = choose();
      tasks.push_back(what.task);
      replies.push_back(studio_.painter(what.painter).stream(what.task->request, call));
    }
    while (poller.wait()) {
      while (Reply* reply = poller.ready()) {
        while (reply->try_next() == Step::kEvent) counts_.progress.fetch_add(1);
      }
    }
    for (std::size_t i = 0; i < replies.size(); ++i) {
      read(*tasks[i], replies[i]);
      end(*tasks[i], replies[i], "one of several", Errc::kCancelled, counts_.errors);
    }
  }

  void write() {
    auto response = studio_.writer().generate(question());
    counts_.progress.fetch_add(1);
    if (!response) return report_error("a text", response.error());
    counts_.written.fetch_add(1);
    if (response->text() != alone_.answer) counts_.text_mismatches.fetch_add(1);
  }

  void reload() {
    if (auto done = studio_.reload(static_cast<int>(random_.below(kPainters))); !done)
      return report_error("a load", done.error());
    counts_.reloads.fetch_add(1);
    counts_.progress.fetch_add(1);
  }

  Studio& studio_;
  const Alone& alone_;
  ImageCounts& counts_;
  Random random_;
};

struct ImageOptions {
  std::chrono::seconds time = std::chrono::minutes(5);
  uint64_t seed = 1;
};

ImageOptions parse(int argc, char** argv) {
  ImageOptions options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i], value = argv[i + 1];
    if (name == "--minutes") options.time = std::chrono::minutes(std::atol(value.c_str()));
    if (name == "--seconds") options.time = std::chrono::seconds(std::atol(value.c_str()));
    if (name == "--seed") options.seed = std::strtoull(value.c_str(), nullptr, 10);
  }
  return options;
}

void run_workers(const Alone& alone, ImageCounts& counts, std::chrono::steady_clock::time_point end,
                 uint64_t seed) {
  Studio studio;
  std::vector<PaintWorker> workers;
  for (int i = 0; i < kThreads; ++i)
    workers.emplace_back(studio, alone, counts, seed * 1000 + static_cast<uint64_t>(i));
  std::vector<std::thread> threads;
  for (PaintWorker& worker : workers) threads.emplace_back([&worker, end] { worker.run(end); });
  for (std::thread& thread : threads) thread.join();
}

// The library keeps the pollers that replies borrow, as many as were ever lent at once, which may
// come late in a short run.
void lend_all_pollers() {
  const Studio studio;
  std::vector<Reply> replies;
  for (int i = 0; i < kThreads; ++i) {
    replies.push_back(studio.writer().stream(question()));
    replies.back().next();
  }
}

std::vector<Metric> figures(const ImageCounts& c, const Held& before, const Held& after) {
  const auto count = [](const char* name, const std::atomic<long>& value, const char* goal = "") {
    return Metric{name, static_cast<double>(value.load()), "", "", goal};
  };
  return {count("finished", c.finished),
          count("stopped", c.stopped),
          count("dropped", c.dropped),
          count("timed_out", c.timed_out),
          count("texts", c.written),
          count("reloads", c.reloads),
          count("picture_mismatches", c.picture_mismatches, "<= 0"),
          count("text_mismatches", c.text_mismatches, "<= 0"),
          count("foreign_progress", c.foreign_progress, "<= 0"),
          count("foreign_previews", c.foreign_previews, "<= 0"),
          count("errors", c.errors, "<= 0"),
          {"deadlocks", 0, "", "lower", "<= 0", "one would have ended the run"},
          growth("fds_growth", before.files, after.files, "<= 0"),
          growth("threads_growth", before.threads, after.threads, "<= 0"),
          growth("rss_growth_kib", before.rss_kib, after.rss_kib, kMemoryGoal)};
}

int run(int argc, char** argv) {
  const ImageOptions options = parse(argc, argv);
  ImageCounts counts;
  std::atomic<bool> over{false};
  const Alone alone = make_alone();
  std::thread watchdog([&] { watch(counts.progress, over); });
  // The first fifth fills the allocator's and the library's caches; from there on nothing may grow.
  lend_all_pollers();
  const auto start = std::chrono::steady_clock::now();
  run_workers(alone, counts, start + options.time / 5, options.seed);
  const Held before = held();
  run_workers(alone, counts, start + options.time, options.seed + 1);
  const Held after = held();
  over.store(true);
  watchdog.join();
  return report("soak_images", figures(counts, before, after), argc, argv);
}

}  // namespace
}  // namespace infer::bench

int main(int argc, char** argv) {
  infer::bench::give_back_large_blocks();
  setenv("INFER_PLUGIN_PATH", INFER_BENCH_LLAMA_DIR, /*overwrite=*/0);
  try {
    return infer::bench::run(argc, argv);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "bench soak_images: %s\n", e.what());
    return 1;
  }
}
