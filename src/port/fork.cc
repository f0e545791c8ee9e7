#include "src/port/fork.h"

#include <pthread.h>

namespace infer::port {

void at_fork_in_child(void (*fn)()) { pthread_atfork(nullptr, nullptr, fn); }

}  // namespace infer::port
