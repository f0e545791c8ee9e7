// Paints the requests of one model, one after the other, on the thread of its scheduler.
#ifndef INFER_ENGINES_DIFFUSION_PAINTER_H_
#define INFER_ENGINES_DIFFUSION_PAINTER_H_

#include <chrono>
#include <memory>
#include <string_view>
#include <vector>

#include "context.h"
#include "engines/common/scheduler.h"
#include "request.h"

namespace infer::diffusion {

// One request on its way.
class PaintJob final : public engine::Sequence {
 public:
  PaintJob(std::shared_ptr<engine::EntryChannel> channel, PaintRequest request)
      : Sequence(std::move(channel)), request_(std::move(request)) {}

 private:
  friend class Painter;
  using Clock = std::chrono::steady_clock;

  PaintRequest request_;
  uint32_t painted_ = 0;  // pictures so far
  const Clock::time_point opened_ = Clock::now();
  Clock::time_point admitted_ = opened_;
  Clock::duration prefill_{}, decode_{}, first_{};
};

class Painter final : public engine::StepEngine {
 public:
  // `threads`: asked of the host's processor budget for each step.
  Painter(std::unique_ptr<Context> context, uint32_t threads)
      : context_(std::move(context)), threads_(threads) {}

  void admit(engine::Sequence& sequence) override;
  // Paints one picture: progress and previews on the way, one MEDIA at its end, FINISH after the
  // last. Ends at the engine's next step when the reader cancels or goes.
  void step(const std::vector<engine::Sequence*>& ready) override;
  // The engine gives back what it held for the request: buffers, adapters, a ControlNet's picture.
  void retire(engine::Sequence& sequence) override;

 private:
  void paint(PaintJob& job);
  Picture generate(PaintJob& job);
  Picture enlarge(const Picture& picture);
  void reset() noexcept;

  std::unique_ptr<Context> context_;
  uint32_t threads_;
};

}  // namespace infer::diffusion

#endif  // INFER_ENGINES_DIFFUSION_PAINTER_H_
