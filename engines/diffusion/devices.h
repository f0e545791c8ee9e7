// What the engine can compute on. Threads: any, after init.
#ifndef INFER_ENGINES_DIFFUSION_DEVICES_H_
#define INFER_ENGINES_DIFFUSION_DEVICES_H_

#include "config.h"

namespace infer::diffusion {

// While it lives, what is loaded on this thread goes to the device that the config names: the first
// graphics processor if it names none, the processor if its list is empty.
class Device {
 public:
  // Throws Refusal, naming the field and what is there: an unknown name, or several, for a model
  // that paints is not spread.
  explicit Device(const Config& config);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
};

}  // namespace infer::diffusion

#endif  // INFER_ENGINES_DIFFUSION_DEVICES_H_
