// A program that ends while a model of a plugin is alive and generates. The plugin ends the process
// with 3 if one of its threads outlives its static objects; a crash or a hang is a failure anyway.
#include <infer/infer.h>

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <string>
#include <thread>
#include <utility>

// In a fork what the stacks of the lost threads held is lost too; LeakSanitizer asks here at exit.
static bool is_fork = false;
extern "C" [[gnu::visibility("default")]] int __lsan_is_turned_off() { return is_fork ? 1 : 0; }

namespace {

using namespace std::chrono_literals;

// Destroyed after main, and after the plugin's own static objects.
std::optional<infer::TextModel> model;
std::optional<infer::Reply> reply;
std::atomic<int> events{0};

// Whatever happens, the thread is there to the end. Its reply is its own: the global model may be
// gone by then.
void read_for_ever(infer::Reply mine) {
  while (mine.next()) ++events;
  std::this_thread::sleep_for(1h);
}
void wait_for_events() {
  while (events < 50) std::this_thread::sleep_for(1ms);
}

// Children give 0, or what went wrong.
int in_child(int (*work)()) {
  const pid_t child = fork();
  if (child == 0) {
    is_fork = true;
    std::exit(work());
  }
  int status = 1;
  for (int i = 0; i < 4000; ++i) {
    if (waitpid(child, &status, WNOHANG) == child)
      return WIFEXITED(status) ? WEXITSTATUS(status) : 100;
    std::this_thread::sleep_for(5ms);
  }
  return 101;  // it hangs
}

int use_in_fork() {
  if (reply->next()) return 10;
  if (!reply->error() || reply->error()->code() != infer::Errc::kEngine) return 11;
  reply.reset();
  if (model->generate("hi")) return 12;
  if (infer::text("probe:9")) return 13;
  model.reset();
  return 0;
}
int load_in_fork() {
  auto late = infer::text("probe:5");
  if (!late) return 20;
  auto done = late->generate("hi");
  return done && done->text() == "w w w w w " ? 0 : 21;
}

int run(const std::string& way) {
  if (way == "fork-then-load") return in_child(&load_in_fork);  // nothing was loaded before
  if (way == "exit-in-progress") {
    infer::Load load;
    load.progress = [](double p) {
      if (p > 0.1) std::exit(0);
    };
    return infer::text("probe:slow", {}, load) ? 5 : 6;
  }
  if (way == "painting") {  // a picture that takes for ever, until it is given up
    auto canvas = infer::text("probe:canvas");
    if (!canvas) return 7;
    model = *canvas;
    reply = model->stream("hi");
    std::this_thread::sleep_for(20ms);  // the engine has begun, or has not
    return 0;
  }
  auto loaded = infer::text("probe:endless");
  if (!loaded) return 2;
  model = *loaded;
  if (way == "exit-while-loading") {
    std::atomic<bool> loading{false};
    infer::Load load;
    load.progress = [&](double) { loading = true; };
    std::thread([&] {
      (void)infer::text("probe:slow", {}, load);
      std::this_thread::sleep_for(1h);
    }).detach();
    while (!loading) std::this_thread::sleep_for(1ms);
    std::exit(0);
  }
  if (way == "refused-reply") {
    reply = model->stream("refuse");
    return 0;
  }
  if (way == "global-reply") {
    reply = model->stream("hi");
    for (int i = 0; i < 20; ++i)
      if (!reply->next()) return 4;
    return 0;
  }
  for (int i = 0; i < 2; ++i) std::thread(&read_for_ever, model->stream("hi")).detach();
  wait_for_events();
  if (way == "return") return 0;
  if (way == "exit-elsewhere") {
    infer::Reply mine = model->stream("hi");
    std::thread([] { std::exit(0); }).detach();
    read_for_ever(std::move(mine));
  }
  reply = model->stream("hi");
  if (!reply->next()) return 4;
  if (way == "fork-exit") return in_child([] { return 0; });
  if (way == "fork-use") return in_child(&use_in_fork);
  return 1;
}

}  // namespace

int main(int argc, char** argv) { return run(argc > 1 ? argv[1] : "return"); }
