#include "source.h"

#include <string>
#include <utility>

#include "engines/common/refusal.h"
#include "painter.h"
#include "request.h"

namespace infer::diffusion {
namespace {

// The channel's first entries are written before the scheduler's thread knows of it.
void begin(engine::EntryChannel& channel, const std::string& name,
           const std::vector<Warning>& warnings) {
  engine::Entry& start = channel.slot();
  start.reset(INFER_EV_START);
  start.id = name;
  channel.publish();
  for (const Warning& warning : warnings) {
    engine::Entry& entry = channel.slot();
    entry.reset(INFER_EV_WARNING);
    entry.data = warning.code;
    entry.id = warning.message;
    entry.extra = warning.extra;
    channel.publish();
  }
}

}  // namespace

Source::Source(const Model& model, const infer_open& how)
    : channel_(
          std::make_shared<engine::EntryChannel>(model.scheduler().bell(), how.wake, how.wake_ctx)),
      reader_(*channel_) {
  if (how.task != INFER_TASK_IMAGE)
    throw engine::Refusal(INFER_E_UNSUPPORTED, "stable-diffusion.cpp makes pictures");
  PaintRequest request = parse_request(how, model.facts(), model.adapters());
  begin(*channel_, model.facts().name, request.warnings);
  engine::Scheduler::Sequences job;
  job.push_back(std::make_unique<PaintJob>(channel_, std::move(request)));
  if (!model.scheduler().submit(job)) {
    throw engine::Refusal(INFER_E_OVERLOADED,
                          std::to_string(engine::Scheduler::kMaxQueued) +
                              " requests wait for this model already: try again later");
  }
}

}  // namespace infer::diffusion
