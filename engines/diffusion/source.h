// One open request: what infer_source points to.
#ifndef INFER_ENGINES_DIFFUSION_SOURCE_H_
#define INFER_ENGINES_DIFFUSION_SOURCE_H_

#include <memory>

#include "engines/common/entry.h"
#include "infer/plugin.h"
#include "model.h"

namespace infer::diffusion {

class Source {
 public:
  // Checks the request and queues it; all refusals happen here. Throws Refusal.
  Source(const Model& model, const infer_open& how);
  ~Source() { channel_->close(); }

  int next(infer_event* out, infer_error* error) { return reader_.next(out, error); }
  void cancel() { channel_->cancel(); }

 private:
  // Shared with the scheduler, which may hold it for a step after this is gone.
  std::shared_ptr<engine::EntryChannel> channel_;
  engine::EntryReader reader_;
};

}  // namespace infer::diffusion

#endif  // INFER_ENGINES_DIFFUSION_SOURCE_H_
