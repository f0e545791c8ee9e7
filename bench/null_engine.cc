// The plugin "null": an engine whose step costs nothing, on the scheduler and the channel of the
// real one. What a token still costs is the hand-over from the engine's thread to the reader.
// "null:N" sends N tokens to each reply, 8 replies at once. "null:stamp:N" computes for about a
// millisecond before each token, as an engine does, and the token's text is the time at which it
// was published: nanoseconds of the steady clock.
#include <chrono>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engines/common/abi.h"
#include "engines/common/entry.h"
#include "engines/common/scheduler.h"
#include "infer/plugin.h"

using namespace infer::engine;

namespace {

struct NullSequence final : Sequence {
  NullSequence(std::shared_ptr<EntryChannel> channel, long tokens)
      : Sequence(std::move(channel)), left(tokens) {}
  long left;
  bool begun = false;
};

// Work that leaves the caches as a model's weights leave them.
class Work {
 public:
  void do_for(std::chrono::microseconds time) {
    const auto end = std::chrono::steady_clock::now() + time;
    do {
      for (float& weight : weights_) weight = weight * 0.5f + 1;
    } while (std::chrono::steady_clock::now() < end);
  }

 private:
  std::vector<float> weights_ = std::vector<float>(1 << 18);
};

std::string time_now() {
  return std::to_string(std::chrono::steady_clock::now().time_since_epoch() /
                        std::chrono::nanoseconds(1)) +
         "\n";
}

struct NullEngine final : StepEngine {
  explicit NullEngine(bool with_stamps) : stamps(with_stamps) {}
  const bool stamps;
  Work work;

  static void put(Sequence& s, std::uint16_t kind, std::string_view data = {}) {
    Entry& entry = s.channel().slot();
    entry.reset(kind);
    if (kind != INFER_EV_START && kind != INFER_EV_FINISH) entry.part_kind = INFER_PART_TEXT;
    if (kind == INFER_EV_FINISH) entry.finish = INFER_FIN_STOP;
    entry.data = data;
    s.channel().publish();
  }
  void admit(Sequence&) override {}
  void retire(Sequence&) override {}
  void step(const std::vector<Sequence*>& ready) override {
    if (stamps) work.do_for(std::chrono::microseconds(1000));
    for (Sequence* s : ready) {
      auto& sequence = static_cast<NullSequence&>(*s);
      if (!std::exchange(sequence.begun, true)) {
        put(*s, INFER_EV_START);
        put(*s, INFER_EV_PART_BEGIN);
      }
      if (sequence.left-- > 0) {
        put(*s, INFER_EV_DELTA, stamps ? time_now() : " token");
      } else {
        put(*s, INFER_EV_PART_END);
        put(*s, INFER_EV_FINISH, "stop");
        s->done = true;
      }
      s->channel().flush();
    }
  }
};

}  // namespace

struct infer_model {
  infer_model(long n, bool stamps) : tokens(n), engine(stamps), scheduler(engine, 8) {}
  long tokens;
  NullEngine engine;
  Scheduler scheduler;
};

struct infer_source {
  explicit infer_source(std::shared_ptr<EntryChannel> c)
      : channel(std::move(c)), reader(*channel) {}
  std::shared_ptr<EntryChannel> channel;
  EntryReader reader;
};

namespace {

int init(const infer_host*, infer_error*) { return INFER_OK; }

int load(const infer_load* how, infer_model** out, infer_error* error) {
  std::string name(to_view(how->name));
  const bool stamps = name.rfind("stamp:", 0) == 0;
  if (stamps) name.erase(0, 6);
  const long tokens = std::strtol(name.c_str(), nullptr, 10);
  if (tokens <= 0) return set_error(error, INFER_E_NOT_FOUND, "name it null:N, N tokens a reply");
  *out = new infer_model(tokens, stamps);
  return INFER_OK;
}

void unload(infer_model* model) { delete model; }

int describe(infer_model*, infer_str* json, infer_error*) {
  *json = to_str("{\"name\":\"null\",\"tasks\":[\"text\"]}");
  return INFER_OK;
}

int open(infer_model* model, const infer_open* how, infer_source** out, infer_error* error) {
  auto channel = std::make_shared<EntryChannel>(model->scheduler.bell(), how->wake, how->wake_ctx);
  Scheduler::Sequences sequences;
  sequences.push_back(std::make_unique<NullSequence>(channel, model->tokens));
  if (!model->scheduler.submit(sequences)) return set_error(error, INFER_E_OVERLOADED, "full");
  *out = new infer_source(std::move(channel));
  return INFER_OK;
}

int next(infer_source* source, infer_event* out, infer_error* error) {
  return source->reader.next(out, error);
}
void cancel(infer_source* source) { source->channel->cancel(); }
void close(infer_source* source) {
  source->channel->close();
  delete source;
}

const infer_plugin kPlugin = {sizeof(infer_plugin),
                              INFER_ABI,
                              {"null", 4},
                              {"1", 1},
                              {"MIT", 3},
                              init,
                              load,
                              unload,
                              describe,
                              nullptr,
                              open,
                              next,
                              cancel,
                              close,
                              nullptr};

}  // namespace

extern "C" INFER_EXPORT const infer_plugin* INFER_PLUGIN_ENTRY(std::uint32_t abi) {
  return abi == INFER_ABI ? &kPlugin : nullptr;
}
