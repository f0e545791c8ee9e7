// An engine without a model, for the tests of the plugin host. What stands behind the scheme says
// what it does:
//   "N"         N deltas "w ", one each time the engine's thread gets to it
//   "endless"   deltas for ever
//   "slow"      loads in 40 steps of 5 ms and obeys progress
//   "jumpy"     reports progress that falls, is not a number, goes beyond 1
//   "missing", "broken", "nothing"   fail to load, each in its way
//   "describe"  loads, but fails to describe itself
//   "config"    describes its configuration
//   "deaf"      opens, then fails with an error that has every field
//   "early"     wakes before the first next
//   "all"       one of each kind of event, some in structs of an older and shorter make
//   "picture"   a picture that lacks bytes
//   "vectors"   vectors that lack a number
//   "paint"     a picture as pixels, with a preview and progress before it; START's metadata tell
//               what it was given
//   "file"      the same picture, but as a file that it calls a PNG
//   "older"     as "paint", compiled before events had step_ns
//   "canvas"    one picture that takes for ever, given up at a cancel and at nothing else
#include <unistd.h>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "infer/plugin.h"
#include "probe.h"

namespace {

ProbeCounters counters;
const infer_host* the_host = nullptr;

// Dies with the plugin's static objects: by then every engine thread must have ended. (A fork has
// none of them, and nobody may wait for them there.)
struct LastLook {
  const pid_t owner = getpid();
  ~LastLook() {
    if (counters.threads != 0 && getpid() == owner) _exit(3);
  }
} at_load_of_the_file;

infer_str str(const char* text) { return {text, std::strlen(text)}; }
std::string text(infer_str s) { return {s.data, s.size}; }
int fail(infer_error* error, int code, const char* message) {
  std::strncpy(error->message, message, sizeof error->message - 1);
  return code;
}

}  // namespace

struct infer_source {
  infer_model* model = nullptr;
  void* wake_ctx = nullptr;
  void (*wake)(void*) = nullptr;
  bool cancelled = false, asked = false, waking = false;
  long ready = 0;  // deltas that the engine has made
  long given = 0;
  std::size_t step = 0;  // of the script around them
  infer_usage usage{};
  infer_blob blob{}, preview{};
  std::vector<infer_event> script{};
  std::string given_to_it{};
  // The engine's thread may still look at it when the source is gone.
  std::shared_ptr<std::atomic<bool>> give_up = std::make_shared<std::atomic<bool>>(false);
};

struct infer_model {
  std::string name, json;
  long deltas = 0;  // -1: for ever
  std::mutex mutex;
  std::condition_variable changed;
  std::list<infer_source*> sources;
  bool stop = false;
  std::thread engine;

  explicit infer_model(std::string called) : name(std::move(called)) {
    deltas = name == "endless" ? -1 : std::atol(name.c_str());
    json =
        "{\"capabilities\":{\"tools\":true,\"vision\":false,\"grammar\":\"yes\"},"
        "\"context\":123,\"family\":\"probe\","
        "\"image\":{\"width\":64,\"height\":32,\"multiple\":8},"
        "\"name\":\"" +
        name + "\"}";
    ++counters.threads;
    engine = std::thread([this] { run(); });
  }
  ~infer_model() {
    {
      std::lock_guard lock(mutex);
      stop = true;
    }
    changed.notify_all();
    engine.join();
    --counters.threads;
  }

  void run() {
    std::unique_lock lock(mutex);
    while (!stop) {
      std::vector<infer_source*> to_wake;
      for (infer_source* s : sources) {
        if (s->ready < s->given + 16) ++s->ready;  // a short run ahead
        if (!s->asked) continue;
        s->asked = false;
        s->waking = true;
        to_wake.push_back(s);
      }
      lock.unlock();
      for (infer_source* s : to_wake) s->wake(s->wake_ctx);
      lock.lock();
      for (infer_source* s : to_wake) s->waking = false;
      changed.notify_all();
      if (name == "canvas" && !sources.empty()) paint(lock, sources.front()->give_up);
      changed.wait_for(lock, std::chrono::microseconds(100));
    }
  }

  // One step of the engine, whatever else is asked of it meanwhile.
  static void paint(std::unique_lock<std::mutex>& lock,
                    const std::shared_ptr<std::atomic<bool>>& give_up) {
    const auto mine = give_up;
    lock.unlock();
    while (!*mine) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    lock.lock();
  }
};

namespace {

int init(const infer_host* host, infer_error*) {
  the_host = host;
  ++counters.inits;
  host->log(host->ctx, 1, str("probe is here"));
  return INFER_OK;
}

int load(const infer_load* how, infer_model** out, infer_error* error) {
  static LastLook made_by_a_call;
  const std::string name = text(how->name);
  ++counters.loads;
  const auto report = [&](float f) { return how->progress(how->ctx, f) != 0; };
  if (name == "missing") return fail(error, INFER_E_NOT_FOUND, "no such thing");
  if (name == "nothing") return INFER_OK;
  if (name == "broken") {
    std::strcpy(error->details, "{\"rule\":\"shape\",\"offset\":12}");
    return fail(error, INFER_E_MODEL_INVALID, "the third\nlayer is bent");
  }
  if (name == "jumpy")
    for (float f : {0.5f, 0.2f, std::numeric_limits<float>::quiet_NaN(), -1.0f, 7.0f, 0.1f})
      report(f);
  if (name == "slow") {
    for (int i = 0; i < 40; ++i) {
      if (report(static_cast<float>(i) / 40)) return fail(error, INFER_E_CANCELLED, "stopped");
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }
  *out = new infer_model(name);
  if (name == "config") {  // shows its configuration as its family
    std::string config = text(how->config);
    std::replace(config.begin(), config.end(), '"', '\'');
    (*out)->json = "{\"family\":\"" + config + "\"}";
  }
  return INFER_OK;
}

void unload(infer_model* model) {
  ++counters.unloads;
  delete model;
}

int describe(infer_model* model, infer_str* json, infer_error* error) {
  if (model->name == "describe") return fail(error, INFER_E_ENGINE, "cannot describe");
  *json = {model->json.data(), model->json.size()};
  return INFER_OK;
}

infer_event event(std::uint16_t kind, std::uint16_t part_kind = 0, const char* data = "") {
  infer_event e{};
  e.size = sizeof e;
  e.kind = kind;
  e.part_kind = part_kind;
  e.data = str(data);
  return e;
}

// The event kinds one after the other, and what lies beyond them.
void write_all(infer_source& s) {
  static const infer_logprob logprobs[] = {{1, -0.5f, {"a", 1}}, {2, -1.5f, {"b", 1}}};
  static const float floats[] = {1, 2, 3, 4};
  auto& all = s.script;
  all.push_back(event(INFER_EV_WARNING, 0, "no_chat_template"));
  all.back().id = str("a warning");
  all.push_back(event(INFER_EV_PART_BEGIN, INFER_PART_REASONING));
  all.push_back(event(INFER_EV_PART_END, INFER_PART_REASONING, "signed"));
  all.push_back(event(INFER_EV_PART_BEGIN, INFER_PART_TEXT));
  all.push_back(event(INFER_EV_DELTA, INFER_PART_TEXT, "a"));
  all.back().logprobs = logprobs;
  all.back().n_logprobs = 1;
  all.back().n_top = 1;
  all.push_back(event(INFER_EV_PART_END, INFER_PART_TEXT));
  all.push_back(event(77));  // of a later ABI
  all.push_back(event(INFER_EV_PART_BEGIN, 88, "later"));
  all.push_back(event(INFER_EV_PART_END, 88));
  for (std::size_t i = 2; i < all.size(); ++i) all[i].part = i < 3 ? 0 : i < 6 ? 1 : 2;
  s.blob.size = offsetof(infer_blob, mime);  // an older, shorter make
  s.blob.mime = str("must not be read");
  s.blob.type = INFER_F32;
  s.blob.data = floats;
  s.blob.bytes = sizeof floats;
  s.blob.width = 2;
  s.blob.height = 2;
  all.push_back(event(INFER_EV_VECTORS));
  all.back().blob = &s.blob;
  s.usage.size = offsetof(infer_usage, output);
  s.usage.known = 1u | 1u << 3;
  s.usage.input = 5;
  s.usage.output = 999;  // beyond its size: must not be read
  all.push_back(event(INFER_EV_USAGE));
  all.back().usage = &s.usage;
}

infer_str str(const std::string& text) { return {text.data(), text.size()}; }

infer_blob two_by_two(std::uint32_t channels, const char* pixels) {
  infer_blob blob{};
  blob.size = sizeof blob;
  blob.type = INFER_U8;
  blob.data = pixels;
  blob.bytes = std::size_t{4} * channels;
  blob.width = blob.height = 2;
  blob.channels = channels;
  blob.stride = 2 * channels;
  return blob;
}

void write_picture(infer_source& s) {
  const auto add = [&](std::uint16_t kind, std::uint32_t step) -> infer_event& {
    s.script.push_back(event(kind));
    s.script.back().step = step;
    s.script.back().steps = 2;
    return s.script.back();
  };
  s.script.back().extra = str(s.given_to_it);
  add(INFER_EV_PROGRESS, 1).step_ns = 1500;
  s.script.back().data = str("painting");
  s.preview = two_by_two(3, "ppppppppPPPP");
  add(INFER_EV_MEDIA, 1).blob = &s.preview;
  s.script.back().preview = 1;
  add(INFER_EV_PROGRESS, 2).step_ns = -1;
  s.blob = two_by_two(4, "red\xFFred\xFFred\xFFred\xFF");
  if (s.model->name == "file") {
    s.blob.type = INFER_BYTES;
    s.blob.data = "\x89PNG\r\n\x1a\n and so on";
    s.blob.bytes = std::strlen(static_cast<const char*>(s.blob.data));
    s.blob.mime = str("image/png");
  }
  add(INFER_EV_MEDIA, 2).blob = &s.blob;
  s.script.back().extra = str("{\"seed\":7}");
}

// The request and the shapes of its blobs: "u8 2x3x1", "bytes image/png".
std::string seen(const infer_open& how) {
  std::string blobs;
  for (std::size_t i = 0; i < how.n_blobs; ++i) {
    const infer_blob& b = *how.blobs[i];
    blobs += blobs.empty() ? "\"" : ",\"";
    blobs += b.type == INFER_U8 ? "u8 " + std::to_string(b.width) + "x" + std::to_string(b.height) +
                                      "x" + std::to_string(b.channels)
                                : "bytes " + text(b.mime);
    blobs += '"';
  }
  return "{\"blobs\":[" + blobs + "],\"request\":" + text(how.request) + "}";
}

void write_script(infer_source& s) {
  const std::string& name = s.model->name;
  s.script.push_back(event(INFER_EV_START));
  s.script.back().id = str("probe-1");
  if (name == "all") {
    write_all(s);
  } else if (name == "paint" || name == "older" || name == "file") {
    write_picture(s);
  } else if (name == "picture") {
    s.blob.size = sizeof s.blob;
    s.blob.type = INFER_U8;
    s.blob.data = "0123456789AB";
    s.blob.bytes = 11;
    s.blob.width = s.blob.height = 2;
    s.blob.channels = 3;
    s.blob.stride = 6;
    s.script.push_back(event(INFER_EV_MEDIA));
    s.script.back().blob = &s.blob;
  } else if (name == "vectors") {
    static const float floats[] = {1, 2, 3};
    s.blob.size = sizeof s.blob;
    s.blob.type = INFER_F32;
    s.blob.data = floats;
    s.blob.bytes = sizeof floats;
    s.blob.width = s.blob.height = 2;
    s.script.push_back(event(INFER_EV_VECTORS));
    s.script.back().blob = &s.blob;
  } else {
    s.script.push_back(event(INFER_EV_PART_BEGIN, INFER_PART_TEXT));
    s.script.push_back(event(INFER_EV_DELTA, INFER_PART_TEXT, "w "));  // repeated
    s.script.push_back(event(INFER_EV_PART_END, INFER_PART_TEXT));
  }
  s.script.push_back(event(INFER_EV_FINISH));
  s.script.back().finish = INFER_FIN_STOP;
}

int open(infer_model* model, const infer_open* how, infer_source** out, infer_error* error) {
  if (text(how->request).find("refuse") != std::string::npos)
    return fail(error, INFER_E_UNSUPPORTED, "it was asked to refuse");
  auto* s = new infer_source;
  s->model = model;
  s->wake_ctx = how->wake_ctx;
  s->wake = how->wake;
  s->given_to_it = seen(*how);
  write_script(*s);
  if (model->name == "early") s->wake(s->wake_ctx);
  ++counters.opens;
  *out = s;
  std::lock_guard lock(model->mutex);
  model->sources.push_back(s);
  return INFER_OK;
}

int next(infer_source* s, infer_event* out, infer_error* error) {
  std::lock_guard lock(s->model->mutex);
  if (s->cancelled) return fail(error, INFER_E_CANCELLED, "cancelled");
  if (s->model->name == "deaf") {
    std::memset(error->message, 'm', sizeof error->message);  // no NUL
    std::strcpy(error->details, "{\"need\":12,\"have\":\"4\"}");
    std::strcpy(error->request_id, "r-1");
    std::strcpy(error->body, "\xFF body");
    error->http_status = 429;
    error->retry_after_ms = 1500;
    return INFER_E_RATE_LIMITED;
  }
  if (s->step == s->script.size()) return INFER_END;
  infer_event& e = s->script[s->step];
  const bool repeated = e.kind == INFER_EV_DELTA && e.data.size == 2;
  if (repeated && s->model->deltas >= 0 && s->given >= s->model->deltas) {
    e = s->script[++s->step];
  } else if (repeated) {
    if (s->ready <= s->given) {
      s->asked = true;
      return INFER_PENDING;
    }
    ++s->given;
    *out = e;
    return INFER_EVENT;
  }
  const infer_event& given = s->script[s->step++];
  const bool older = s->model->name == "older";
  std::memcpy(out, &given, older ? offsetof(infer_event, step_ns) : sizeof given);
  return INFER_EVENT;
}

int names(infer_str* json, infer_error*) {
  *json = str("{\"schedulers\":[\"discrete\"],\"sample_methods\":[\"euler\",\"heun\"]}");
  return INFER_OK;
}

void cancel(infer_source* s) {
  std::lock_guard lock(s->model->mutex);
  s->cancelled = true;
  *s->give_up = true;
  ++counters.cancels;
}

void close(infer_source* s) {
  infer_model& model = *s->model;
  std::unique_lock lock(model.mutex);
  model.changed.wait(lock, [&] { return !s->waking; });
  model.sources.remove(s);
  lock.unlock();
  delete s;
  ++counters.closes;
}

}  // namespace

extern "C" INFER_EXPORT ProbeCounters* probe_counters() { return &counters; }

const infer_plugin* infer_plugin_v1(uint32_t) {
  static const infer_plugin table = [] {
    infer_plugin t{};
    t.size = sizeof t;
    t.abi = INFER_ABI;
    t.name = str("probe");
    t.version = str("1.2");
    t.licence = str("MIT");
    t.init = &init;
    t.load = &load;
    t.unload = &unload;
    t.describe = &describe;
    t.open = &open;
    t.next = &next;
    t.cancel = &cancel;
    t.close = &close;
    t.names = &names;
    return t;
  }();
  return &table;
}
