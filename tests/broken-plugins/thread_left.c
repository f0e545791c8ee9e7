/* unload leaves a thread of the engine running. Breaks unload.threads. */
#define _POSIX_C_SOURCE 199309L
#include <pthread.h>
#include <unistd.h>

#include "broken.h"

static void* idle(void* nothing) {
  for (;;) pause();
  return nothing;
}

static void unload(infer_model* model) {
  static int started;
  pthread_t thread;
  if (!__atomic_exchange_n(&started, 1, __ATOMIC_RELAXED) &&
      pthread_create(&thread, NULL, idle, NULL) == 0)
    pthread_detach(thread);
  echo_unload(model);
}

BROKEN_PLUGIN(.unload = unload)
