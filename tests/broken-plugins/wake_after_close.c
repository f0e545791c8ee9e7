/* A thread of the engine has not heard that the source was closed, and wakes its reader. Breaks
   wake.after_close. */
#define _POSIX_C_SOURCE 199309L
#include <pthread.h>
#include <time.h>

#include "broken.h"

static void* late(void* source) {
  const struct timespec pause = {0, 10 * 1000 * 1000};
  infer_source* s = source;
  nanosleep(&pause, NULL);
  s->wake(s->wake_ctx);
  echo_close(s);
  return NULL;
}

static void close_source(infer_source* s) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, late, s) == 0) pthread_detach(thread);
}

BROKEN_PLUGIN(.close = close_source)
