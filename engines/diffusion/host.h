// stable-diffusion.cpp's process-wide callbacks, each installed once and routed by the thread that
// the engine calls it on: docs/design/diffusion-threads.md says why that is enough.
// Threads: attach_engine once, before all else; the rest from any thread, each for itself.
#ifndef INFER_ENGINES_DIFFUSION_HOST_H_
#define INFER_ENGINES_DIFFUSION_HOST_H_

#include "engines/common/host.h"
#include "stable-diffusion.h"

namespace infer::diffusion {

using engine::AbortGuard;
using engine::clear_engine_error;
using engine::CpuShare;
using engine::engine_error;

// Remembers the host and installs the callbacks for log lines, progress and failed assertions.
void attach_engine(const infer_host* host);

// Thrown through the engine by a Watcher to end what it is doing; whoever called the engine catches
// it. Not a std::exception, so that nothing on the way takes it for one.
struct Stop {};

// Hears what the engine does on this thread while it lives; one at a time on a thread. When it is
// gone, engine_error() holds what threads of the engine had to say too.
class Watcher {
 public:
  // Of a file that is loaded. False: give up, which the engine then calls a failure to load.
  virtual bool loading(int step, int steps) = 0;
  // A step of a painting is done (0: the first one begins); `seconds`: of one step so far. May
  // throw Stop.
  virtual void sampled(int step, int steps, float seconds) = 0;
  // A piece of a picture is read, decoded or enlarged. May throw Stop.
  virtual void tiled(int tile, int tiles) = 0;
  // A picture on the way, the engine's own, alive during the call. Must not throw.
  virtual void preview(const sd_image_t& picture) = 0;

 protected:
  Watcher();
  ~Watcher();
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;
};

// Previews of what is painted on this thread from now on; PREVIEW_NONE: none. The first step has
// one if it is asked for with preview_next_step() before the painting begins.
void begin_previews(preview_t mode);
// Whether the next step is to be shown: the engine would show every one.
void preview_next_step(bool wanted);

}  // namespace infer::diffusion

#endif  // INFER_ENGINES_DIFFUSION_HOST_H_
