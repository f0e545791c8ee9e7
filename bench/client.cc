// bench client: what the library costs between a provider's bytes and the caller, beside
//
//   raw     sockets and epoll by hand, simdjson for the text: less than any program does
//   bare    libcurl's multi_socket_action with epoll, simdjson for the text (client_bare.h)
//   openai  openai-python; litellm: LiteLLM's SDK (_client_sdk.py), both as pinned there
//
// and a server of its own in another process (client_server.cc), over loopback. All is CPU time of
// the client, user and system. Rounds of all kinds follow one another; a ratio is the median of the
// rounds' ratios, an absolute figure the median of the rounds. docs/guides/benchmarks.md says what
// each figure means.
//
// --quick: few and short rounds, to see that it runs: no goal is judged. --only PART: decode,
// burst, paced, completion, idle, tls, cancel, start or sdk. --json FILE: as every benchmark.
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <limits>
#include <map>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bench/client_bare.h"
#include "bench/client_decode.h"
#include "bench/client_ours.h"
#include "bench/client_site.h"
#include "bench/report.h"
#include "src/core/json.h"

namespace infer::bench {

void fail(const std::string& what) {
  std::fprintf(stderr, "bench client: %s\n", what.c_str());
  std::exit(1);
}

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

double resident_kib() {
  std::ifstream file("/proc/self/statm");
  double all = 0, resident = 0;
  file >> all >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE)) / 1024;
}

namespace {

// ---- a resolver that hangs for one name, to see a reply cancelled meanwhile

constexpr const char* kHangingHost = "hanging.test";
std::mutex hang_mutex;
std::condition_variable hang_over;
bool hanging = true;

void release_resolver() {
  const std::lock_guard<std::mutex> lock(hang_mutex);
  hanging = false;
  hang_over.notify_all();
}

}  // namespace
}  // namespace infer::bench

// In the place of libc's, for libcurl too.
extern "C" __attribute__((visibility("default"))) int getaddrinfo(const char* node,
                                                                  const char* service,
                                                                  const addrinfo* hints,
                                                                  addrinfo** out) {
  using infer::bench::hang_mutex;
  if (node && std::strcmp(node, infer::bench::kHangingHost) == 0) {
    std::unique_lock<std::mutex> lock(hang_mutex);
    infer::bench::hang_over.wait_for(lock, std::chrono::seconds(30),
                                     [] { return !infer::bench::hanging; });
    return EAI_AGAIN;
  }
  using Function = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
  static const auto real = reinterpret_cast<Function>(dlsym(RTLD_NEXT, "getaddrinfo"));
  return real(node, service, hints, out);
}

namespace infer::bench {
namespace {

using Values = std::vector<double>;

double quantile(Values values, double q) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(q * static_cast<double>(values.size() - 1) + 0.5)];
}

std::string number(const char* format, double value) {
  char text[64];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

// "0.98 to 1.12": the middle half.
std::string middle_half(const Values& values) {
  return "middle half " + number("%.3g", quantile(values, 0.25)) + " to " +
         number("%.3g", quantile(values, 0.75));
}

class Bench {
 public:
  Bench(std::string self, bool quick)
      : self_(std::move(self)),
        here_(self_.substr(0, self_.rfind('/') + 1)),
        quick_(quick),
        site_(here_ + "bench_client_server") {}

  void decoding() {
    const std::size_t answers = quick_ ? 4 : 60;
    const int rounds = quick_ ? 2 : 15;
    const auto one = [&](const char* name, Dialect dialect, Variety variety, const char* goal) {
      const Decoding d = decode(dialect, variety, answers, rounds);
      const std::string shape =
          number("%.0f", static_cast<double>(d.bytes) / static_cast<double>(d.events)) +
          " bytes an event; ours " + number("%.0f", d.ours_ns) + " ns, simdjson " +
          number("%.0f", d.theirs_ns) + " ns";
      add(name, d.ratio, "ratio", goal, shape);
    };
    one("decode_over_simdjson_openai", Dialect::kOpenAi, Variety::kReal, "<= 1.25");
    one("decode_over_simdjson_anthropic", Dialect::kAnthropic, Variety::kReal, "<= 1.25");
    one("decode_slow_over_simdjson_openai", Dialect::kOpenAi, Variety::kHostile, "");
    one("decode_slow_over_simdjson_anthropic", Dialect::kAnthropic, Variety::kHostile, "");
  }

  void burst() {
    for (const Dialect dialect : {Dialect::kOpenAi, Dialect::kAnthropic}) {
      Load load = site_.load(dialect, "burst/500");
      load.together = 8;
      load.requests = quick_ ? 16 : 200;
      const std::string wire = dialect == Dialect::kOpenAi ? "" : "_anthropic";
      compare("event_cpu_over_bare" + wire, "event_cpu" + wire, load, "<= 1.2", "ns/event", 1e9,
              quick_ ? 1 : 9);
    }
  }

  void paced() {
    Load load = site_.load(Dialect::kOpenAi, quick_ ? "paced/10/50" : "paced/100/50");
    load.together = load.requests = quick_ ? 20 : 200;
    compare("paced_cpu_over_bare", "paced_cpu", load, "<= 1.1", "us/event", 1e6, quick_ ? 1 : 7);
  }

  void completion() {
    Load load = site_.load(Dialect::kOpenAi, "whole");
    load.stream = false;
    load.together = 8;
    load.requests = quick_ ? 100 : 4000;
    compare("completion_cpu_over_bare", "completion_cpu", load, "<= 1.15", "us/request", 1e6,
            quick_ ? 1 : 9);
    load.together = 1;
    load.requests = quick_ ? 50 : 2000;
    rounds("generate_cpu_over_bare", "generate_cpu", load, "", "us/request", 1e6, quick_ ? 1 : 9,
           {{"ours", run_generate}, {"bare", run_curl}});
  }

  void idle() {
    const std::string plain = quick_ ? "50" : "1000", tls = quick_ ? "20" : "250";
    add("idle_reply_kib", held("ours", plain, "plain"), "KiB", "<= 24",
        plain + " replies; bare " + number("%.1f", held("bare", plain, "plain")) + " KiB");
    add("idle_reply_tls_kib", held("ours", tls, "tls"), "KiB", "<= 128",
        tls + " replies, the system's certificates; bare " +
            number("%.1f", held("bare", tls, "tls")) + " KiB");

    OurClient client;
    Load idle = site_.load(Dialect::kOpenAi, "idle/0");
    idle.together = quick_ ? 50 : 1000;
    client.hold(idle);
    Load busy = site_.load(Dialect::kOpenAi, quick_ ? "paced/10/50" : "paced/100/50");
    busy.together = busy.requests = 10;
    Values values;
    for (int i = 0; i < (quick_ ? 1 : 3); ++i) {
      const Found found = client.run(busy);
      values.push_back(found.cpu_seconds * 1e6 / static_cast<double>(found.pieces));
    }
    add("cpu_us_per_event_at_1000", median(values), "us/event", "<= 50",
        "10 streams of 50 a second beside " + std::to_string(idle.together) + " idle ones");
  }

  void tls() {
    Load load = site_.load(Dialect::kOpenAi, "close", true);
    load.stream = false;
    load.requests = quick_ ? 10 : 200;
    const Site::Stats before = site_.stats();
    rounds("tls_connect_cpu_over_bare", "tls_connect_cpu_ms", load, "", "ms", 1e3, quick_ ? 1 : 5,
           {{"ours", run_generate}, {"bare", run_curl}});
    if (site_.stats().handshakes - before.handshakes < 2 * load.requests)
      fail("there were fewer handshakes than connections");
    for (Metric& metric : metrics_)
      if (metric.name == "tls_connect_cpu_ms") metric.goal = "<= 4";
    handshakes();
  }

  // 100 calls, one after the other, each on a thread of its own.
  void handshakes() {
    Load load = site_.load(Dialect::kOpenAi, "whole", true);
    load.stream = false;
    const TextModel model = open_model(load);
    const Site::Stats before = site_.stats();
    for (int i = 0; i < 100; ++i) {
      std::thread([&] {
        const auto response = model.generate(request_of(load));
        if (!response) fail(response.error().message());
      }).join();
    }
    add("tls_handshakes_100_calls",
        static_cast<double>(site_.stats().handshakes - before.handshakes), "", "<= 1",
        "each call on a thread of its own");
  }

  void cancel() {
    const int n = quick_ ? 10 : 300;
    Values closed, ended;
    std::map<std::string, double> stopped;
    for (int i = 0; i < n; ++i) {
      const std::string id = std::to_string(i + 1);
      ended.push_back(1e3 *
                      cancel_one(site_.load(Dialect::kOpenAi, "idle/" + id), {}, stopped[id]));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    std::istringstream lines(site_.closed());
    std::string id;
    for (double when = 0; lines >> id >> when;)
      if (stopped.count(id) != 0) closed.push_back(when * 1e-6 - stopped[id] * 1e3);
    if (closed.size() != static_cast<std::size_t>(n))
      fail("of " + std::to_string(n) + " cancelled streams the server saw " +
           std::to_string(closed.size()) + " closed");
    add("cancel_to_closed_p50_ms", quantile(closed, 0.5), "ms", "", "seen by the server");
    add("cancel_to_closed_p99_ms", quantile(closed, 0.99), "ms", "<= 10", "seen by the server");
    add("cancel_to_ended_p99_ms", quantile(ended, 0.99), "ms", "", "seen by the reader");

    Load nowhere = site_.load(Dialect::kOpenAi, "whole");
    ApiConfig config;
    config.base_url = std::string("http://") + kHangingHost + "/v1";
    config.allow_plain_http = true;
    Values hung;
    double unused = 0;
    for (int i = 0; i < (quick_ ? 5 : 100); ++i)
      hung.push_back(1e3 * cancel_one(nowhere, config, unused));
    release_resolver();
    add("cancel_while_dns_hangs_p99_ms", quantile(hung, 0.99), "ms", "<= 10",
        "seen by the reader; " + std::to_string(hung.size()) + " look-ups under way");
  }

  void start() {
    const std::string base = site_.load(Dialect::kOpenAi, "whole").origin() + "/v1";
    Values wall, cpu, our_ms, bare_ms;
    for (int i = 0; i < (quick_ ? 2 : 41); ++i) {
      const Run ours = run_program("bench_client_start_ours", base);
      const Run bare = run_program("bench_client_start_bare", base);
      if (i == 0) continue;  // from the disk
      wall.push_back(ours.wall_ms / bare.wall_ms);
      cpu.push_back(ours.cpu_ms / bare.cpu_ms);
      our_ms.push_back(ours.wall_ms);
      bare_ms.push_back(bare.wall_ms);
    }
    add("start_over_bare", median(wall), "ratio", "<= 1.2",
        "wall time, ours " + number("%.1f", median(our_ms)) + " ms, bare " +
            number("%.1f", median(bare_ms)) + " ms; " + middle_half(wall));
    add("start_cpu_over_bare", median(cpu), "ratio", "", middle_half(cpu));
  }

  void sdk() {
    if (quick_) return;  // minutes, and a download the first time
    const std::string command = "python3 '" INFER_BENCH_SOURCE_DIR
                                "/_client_sdk.py' --base http://127.0.0.1:" +
                                std::to_string(site_.port());
    const core::Json rows = core::Json::parse(output_of(command), nullptr, false);
    for (const char* name : {"openai", "litellm"}) {
      const core::Json row =
          rows.is_object() ? rows.value(name, core::Json::object()) : core::Json::object();
      const std::string note = row.contains("burst_us")
                                   ? "version " + row.value("version", "")
                                   : "not run: " + row.value("not_run", std::string("no answer"));
      const double none = std::numeric_limits<double>::quiet_NaN();
      add(std::string(name) + "_sdk_event_cpu", row.value("burst_us", none), "us/event", "", note);
      add(std::string(name) + "_sdk_completion_cpu", row.value("completion_us", none), "us/request",
          "", note);
    }
  }

  const std::vector<Metric>& metrics() const { return metrics_; }

 private:
  using Reader = std::pair<const char*, Found (*)(const Load&)>;

  void add(const std::string& name, double value, const char* unit, const char* goal,
           const std::string& note) {
    metrics_.push_back({name, value, unit, "lower", quick_ ? "" : goal, note});
    std::fprintf(stderr, "  %s %.4g\n", name.c_str(), value);
  }

  static Found run_our(const Load& load) { return OurClient().run(load); }

  void compare(const std::string& ratio, const std::string& absolute, const Load& load,
               const char* goal, const char* unit, double scale, int count) {
    rounds(ratio, absolute, load, goal, unit, scale, count,
           {{"ours", run_our}, {"bare", run_curl}, {"raw", run_raw}});
  }

  // The first reader is ours, the second the one that ours is compared with.
  void rounds(const std::string& ratio, const std::string& absolute, const Load& load,
              const char* goal, const char* unit, double scale, int count,
              const std::vector<Reader>& readers) {
    std::vector<Values> cost(readers.size());
    Found expected;
    for (int round = -1; round < count; ++round) {
      for (std::size_t k = 0; k < readers.size(); ++k) {
        const std::size_t i = round % 2 == 0 ? k : readers.size() - 1 - k;
        const Found found = readers[i].second(load);
        if (expected.pieces == 0) expected = found;
        if (found.bytes != expected.bytes || found.bytes == 0)
          fail(ratio + ": the readers do not find the same text");
        if (round < 0) continue;  // warm-up
        const std::size_t units = load.stream ? found.pieces : load.requests;
        cost[i].push_back(found.cpu_seconds * scale / static_cast<double>(units));
      }
    }
    Values ratios;
    for (std::size_t i = 0; i < cost[0].size(); ++i) ratios.push_back(cost[0][i] / cost[1][i]);
    std::string note;
    for (std::size_t i = 1; i < readers.size(); ++i)
      note +=
          std::string(i > 1 ? ", " : "") + readers[i].first + " " + number("%.4g", median(cost[i]));
    add(ratio, median(ratios), "ratio", goal, middle_half(ratios));
    add(absolute, median(cost[0]), unit, "", note);
  }

  // KiB of resident memory by open stream, in a process of its own.
  double held(const std::string& who, const std::string& count, const std::string& how) {
    const Load load = site_.load(Dialect::kOpenAi, "idle/0", how == "tls");
    const std::string command = "'" + self_ + "' --hold " + who + " " + count + " " +
                                std::to_string(load.port) + " " + how + " '" + site_.ca_file() +
                                "'";
    const std::string out = output_of(command);
    if (out.empty()) fail("a child process failed: " + command);
    return std::strtod(out.c_str(), nullptr);
  }

  static std::string output_of(const std::string& command) {
    std::FILE* pipe = popen(command.c_str(), "r");
    std::string out;
    char buffer[4096];
    while (pipe && std::fgets(buffer, sizeof buffer, pipe)) out += buffer;
    if (pipe) pclose(pipe);
    return out;
  }

  // Seconds from request_stop() to the end of the waiting reader's reply, which is then gone.
  static double cancel_one(const Load& load, const ApiConfig& config, double& stopped_at) {
    const TextModel model = open_model(load, config);
    StopSource stop;
    Call call;
    call.stop = stop.token();
    std::atomic<bool> waits{!config.base_url.empty()};
    double when = 0;
    std::thread other([&] {
      while (!waits) std::this_thread::sleep_for(std::chrono::microseconds(200));
      std::this_thread::sleep_for(std::chrono::milliseconds(3));
      when = seconds_now();
      stop.request_stop();
    });
    {
      Reply reply = model.stream(request_of(load), call);
      while (const Event* event = reply.next())
        if (event->kind == Event::Kind::kDelta) waits = true;
      if (!reply.error() || reply.error()->code() != Errc::kCancelled)
        fail("nothing was cancelled");
    }
    const double ended = seconds_now();
    other.join();
    stopped_at = when;
    return ended - when;
  }
  static double seconds_now() {
    return std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
  }

  struct Run {
    double wall_ms = 0;
    double cpu_ms = 0;
  };
  Run run_program(const char* name, const std::string& argument) const {
    const std::string path = here_ + name;
    char* const arguments[] = {const_cast<char*>(path.c_str()), const_cast<char*>(argument.c_str()),
                               nullptr};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    const double before = seconds_now();
    pid_t child = 0;
    if (posix_spawn(&child, path.c_str(), &actions, nullptr, arguments, environ) != 0)
      fail("cannot start " + path);
    int status = 0;
    rusage use{};
    wait4(child, &status, 0, &use);
    const double wall = seconds_now() - before;
    posix_spawn_file_actions_destroy(&actions);
    if (status != 0) fail(path + " failed");
    const auto ms = [](const timeval& time) {
      return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) * 1e-3;
    };
    return {wall * 1e3, ms(use.ru_utime) + ms(use.ru_stime)};
  }

  std::string self_;
  std::string here_;
  bool quick_;
  Site site_;
  std::vector<Metric> metrics_{};
};

// The child that held() starts. One stream is opened before, so that what every process needs once
// is not counted.
int hold(char** words) {
  Load load;
  load.port = std::atoi(words[2]);
  load.tls = std::strcmp(words[3], "tls") == 0;
  if (load.tls) load.ca_file = words[4];
  load.path = "idle/0";
  Load first = load;
  first.together = first.requests = 1;
  load.together = load.requests = std::strtoul(words[1], nullptr, 10);
  double before = 0, after = 0;
  if (std::strcmp(words[0], "ours") == 0) {
    OurClient client;
    client.hold(first);
    before = resident_kib();
    client.hold(load);
    after = resident_kib();
  } else {
    const CurlHolder one(first);
    before = resident_kib();
    const CurlHolder all(load);
    after = resident_kib();
  }
  std::printf("%.2f\n", (after - before) / static_cast<double>(load.together));
  return 0;
}

// The library never raises its own limit; a program with thousands of connections has to.
void allow_many_files() {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
}

int run(int argc, char** argv) {
  bool quick = false;
  std::string only;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--quick") == 0) quick = true;
    if (std::strcmp(argv[i], "--only") == 0 && i + 1 < argc) only = argv[i + 1];
  }
  char self[4096] = {};
  if (readlink("/proc/self/exe", self, sizeof self - 1) < 0) fail("no /proc/self/exe");
  Bench bench(self, quick);
  const std::pair<const char*, void (Bench::*)()> parts[] = {
      {"decode", &Bench::decoding},       {"burst", &Bench::burst}, {"paced", &Bench::paced},
      {"completion", &Bench::completion}, {"idle", &Bench::idle},   {"tls", &Bench::tls},
      {"cancel", &Bench::cancel},         {"start", &Bench::start}, {"sdk", &Bench::sdk}};
  for (const auto& [name, part] : parts)
    if (only.empty() || only == name) (bench.*part)();
  if (bench.metrics().empty() && !(quick && only == "sdk")) fail("there is no part " + only);
  return report("client", bench.metrics(), argc, argv);
}

}  // namespace
}  // namespace infer::bench

int main(int argc, char** argv) {
  infer::bench::allow_many_files();
  if (argc == 7 && std::strcmp(argv[1], "--hold") == 0) return infer::bench::hold(argv + 2);
  return infer::bench::run(argc, argv);
}
