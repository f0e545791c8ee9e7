/* A sound plugin that paints, ready to be broken: a file includes it, replaces a function by one
   with a fault, and says so in its last line:

     BROKEN_PAINTER(.next = next)

   It paints squares of 16 by 16 pixels whose colours come from the prompt and the seed, in three
   steps, with a preview after the first where previews are asked for. */
#ifndef PAINTER_H_
#define PAINTER_H_
#include <infer/plugin.h>
#include <stdlib.h>

#include "../../examples/echo-plugin/abi_util.h"

enum { MOST = 64, CHANNELS = 3 };
enum stage { BEFORE_WAKE, START, STEPS, PICTURE, FINISH, OVER };

struct infer_model {
  int unused;
};

struct infer_source {
  enum stage stage;
  int result;    /* what next() says when OVER */
  int cancelled; /* set by any thread: through __atomic only */
  void (*wake)(void* ctx);
  void* wake_ctx;
  int64_t width, height, n, seed, steps, previews, format; /* format: 0 none, 1 some */
  uint32_t painted, step, previewed;
  uint64_t words; /* a hash of the prompt */
  infer_blob blob;
  unsigned char pixels[MOST * MOST * CHANNELS];
};

static const json_view nothing = {"", ""};

static int painter_init(const infer_host* host, infer_error* error) {
  (void)host, (void)error;
  return INFER_OK;
}

static int painter_load(const infer_load* theirs, infer_model** out, infer_error* error) {
  static infer_model model;
  infer_load how;
  json_view config, key, value;
  const char* p = NULL;
  take(&how, sizeof how, theirs);
  if (how.config.size) {
    if (!json_check(how.config.data, how.config.size, &config) || !json_is(config, '{'))
      return fail(error, INFER_E_INVALID_REQUEST, "the config is not a JSON object", nothing);
    if (json_member(config, &p, &key, &value))
      return fail(error, INFER_E_INVALID_REQUEST, "there is no such setting, remove it", key);
  }
  *out = &model;
  return INFER_OK;
}

static void painter_unload(infer_model* model) { (void)model; }

static int painter_describe(infer_model* model, infer_str* json, infer_error* error) {
  (void)model, (void)error;
  *json = str("{\"name\":\"painter\",\"tasks\":[\"image\"]}");
  return INFER_OK;
}

/* A whole number from least to most, which goes to `to`. */
static int read_number(json_view key, json_view value, const char* name, int64_t least,
                       int64_t most, int64_t* to, infer_error* error) {
  if (!json_equals(key, name)) return INFER_OK;
  if (json_whole(value, to) && *to >= least && *to <= most) return INFER_OK;
  return fail(error, INFER_E_INVALID_REQUEST, "a whole number out of range", key);
}

static int read_picture(infer_source* s, infer_str request, infer_error* error) {
  json_view root, key, value, prompt = nothing;
  const char* p = NULL;
  int code = INFER_OK;
  if (!json_check(request.data, request.size, &root) || !json_is(root, '{'))
    return fail(error, INFER_E_INVALID_REQUEST, "the request is not a JSON object", nothing);
  s->width = s->height = 16, s->n = 1, s->steps = 3;
  while (code == INFER_OK && json_member(root, &p, &key, &value)) {
    if (json_equals(key, "prompt")) prompt = value;
    if (json_equals(key, "format")) s->format = 1;
    if (json_equals(key, "images") || json_equals(key, "mask"))
      code = fail(error, INFER_E_UNSUPPORTED, "it paints from words only, remove", key);
    if (!code) code = read_number(key, value, "width", 1, MOST, &s->width, error);
    if (!code) code = read_number(key, value, "height", 1, MOST, &s->height, error);
    if (!code) code = read_number(key, value, "n", 1, 4, &s->n, error);
    if (!code) code = read_number(key, value, "steps", 1, 100, &s->steps, error);
    if (!code) code = read_number(key, value, "seed", 0, INT64_MAX, &s->seed, error);
    if (!code) code = read_number(key, value, "previews", 0, 100, &s->previews, error);
  }
  if (code == INFER_OK && (!json_is(prompt, '"') || prompt.end - prompt.at <= 2))
    code =
        fail(error, INFER_E_INVALID_REQUEST, "a prompt of words is needed", json_of("\"prompt\""));
  for (const char* c = prompt.at; c < prompt.end; ++c)
    s->words = (s->words ^ (unsigned char)*c) * 1099511628211u;
  return code;
}

static int painter_open(infer_model* model, const infer_open* theirs, infer_source** out,
                        infer_error* error) {
  infer_open how;
  infer_source* s;
  int code;
  (void)model;
  take(&how, sizeof how, theirs);
  if (how.task != INFER_TASK_IMAGE)
    return fail(error, INFER_E_UNSUPPORTED, "it paints only", json_of("\"task\""));
  if (!(s = calloc(1, sizeof *s)))
    return fail(error, INFER_E_OUT_OF_MEMORY, "no memory for this request", nothing);
  s->wake = how.wake;
  s->wake_ctx = how.wake_ctx;
  if ((code = read_picture(s, how.request, error)) < 0) return free(s), code;
  *out = s;
  return INFER_OK;
}

static void say_picture(infer_source* s, infer_event* e, uint64_t shade) {
  const size_t bytes = (size_t)(s->width * s->height * CHANNELS);
  uint64_t x = (s->words ^ (uint64_t)(s->seed + s->painted) ^ shade) | 1;
  for (size_t i = 0; i < bytes; ++i) {
    x ^= x << 13, x ^= x >> 7, x ^= x << 17;
    s->pixels[i] = (unsigned char)x;
  }
  s->blob = (infer_blob){.size = sizeof s->blob,
                         .type = INFER_U8,
                         .data = s->pixels,
                         .bytes = bytes,
                         .width = (uint32_t)s->width,
                         .height = (uint32_t)s->height,
                         .channels = CHANNELS,
                         .stride = (uint32_t)s->width * CHANNELS};
  e->kind = INFER_EV_MEDIA;
  e->part = s->painted;
  e->blob = &s->blob;
}

static void say(infer_source* s, infer_event* e) {
  switch (s->stage) {
    case START:
      e->kind = INFER_EV_START;
      e->id = str("painter");
      s->stage = STEPS;
      return;
    case STEPS:
      if (s->step == 1 && s->previews && s->previewed == s->painted) {
        ++s->previewed;
        say_picture(s, e, 99);
        e->preview = 1;
        return;
      }
      e->kind = INFER_EV_PROGRESS;
      e->data = str("painting");
      e->step = s->painted * (uint32_t)s->steps + ++s->step;
      e->steps = (uint32_t)(s->n * s->steps);
      if (s->step == s->steps) s->stage = PICTURE;
      return;
    case PICTURE:
      say_picture(s, e, 0);
      s->step = 0;
      s->stage = ++s->painted == s->n ? FINISH : STEPS;
      return;
    default:
      e->kind = INFER_EV_FINISH;
      e->finish = INFER_FIN_STOP;
      s->stage = OVER;
      s->result = INFER_END;
  }
}

static int painter_next(infer_source* s, infer_event* out, infer_error* error) {
  infer_event mine;
  if (s->stage != OVER && __atomic_load_n(&s->cancelled, __ATOMIC_ACQUIRE)) {
    s->stage = OVER;
    s->result = INFER_E_CANCELLED;
  }
  if (s->stage == OVER)
    return s->result < 0 ? fail(error, s->result, "cancelled", nothing) : s->result;
  if (s->stage == BEFORE_WAKE) {
    s->stage = START;
    if (s->wake) s->wake(s->wake_ctx);
    return INFER_PENDING;
  }
  memset(&mine, 0, sizeof mine);
  say(s, &mine);
  give(out, &mine, sizeof mine);
  return INFER_EVENT;
}

static void painter_cancel(infer_source* s) {
  __atomic_store_n(&s->cancelled, 1, __ATOMIC_RELEASE);
}

static void painter_close(infer_source* s) { free(s); }

/* The later initialiser of a field wins: that is the point here. */
#pragma GCC diagnostic ignored "-Woverride-init"
#pragma GCC diagnostic ignored "-Wunused-function"
#define PAINTER_TABLE                                                                            \
  .size = sizeof(infer_plugin), .abi = INFER_ABI, .name = {"painter", 7}, .version = {"1.0", 3}, \
  .licence = {"MIT", 3}, .init = painter_init, .load = painter_load, .unload = painter_unload,   \
  .describe = painter_describe, .open = painter_open, .next = painter_next,                      \
  .cancel = painter_cancel, .close = painter_close

#define BROKEN_PAINTER(...)                                         \
  const infer_plugin* infer_plugin_v1(uint32_t host_abi) {          \
    static const infer_plugin table = {PAINTER_TABLE, __VA_ARGS__}; \
    return host_abi == INFER_ABI ? &table : NULL;                   \
  }

#endif
