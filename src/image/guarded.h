// Calls of C libraries that leave by longjmp. A jump over a frame whose destructors do something is
// undefined, so what runs in here has trivial things only: memory is got before, freed after.
#ifndef INFER_SRC_IMAGE_GUARDED_H_
#define INFER_SRC_IMAGE_GUARDED_H_

#include <csetjmp>
#include <type_traits>

namespace infer::pictures {

template <class Step>
void call_step(void* step) {
  (*static_cast<Step*>(step))();
}

// True if `step` came to its end, false if it jumped to `jump`. What throws must be caught within.
template <class Step>
bool guarded(std::jmp_buf& jump, Step step) {
  static_assert(std::is_trivially_destructible_v<Step>);
  // Volatile, so that the step is not drawn into this frame, whose variables a jump would lose.
  void (*volatile run)(void*) = &call_step<Step>;
  if (setjmp(jump) != 0) return false;
  run(&step);
  return true;
}

}  // namespace infer::pictures

#endif  // INFER_SRC_IMAGE_GUARDED_H_
