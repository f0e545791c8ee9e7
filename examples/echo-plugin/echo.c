/* echo - a whole engine in one C99 file: it answers with what you said. Begin your own with a copy.

     echo:      the last user message, word by word; a word is a token
     echo:500   the same words over and over, exactly 500 of them

   How a plugin works: the host asks for the table at the end of this file, calls load() for each
   model and open() for each request, then next() for one event after the other. Four rules:
   - next() never waits. With nothing to say it returns INFER_PENDING, and wake() tells the host
     when to ask again.
   - Structs may be older or newer than ours: take() and give() touch only what both sides know.
   - What is asked for and cannot be done is refused in open(), by name, before any work.
   - A character of text is never split between two events. */
#include <infer/plugin.h>
#include <stdio.h>
#include <stdlib.h>

#include "abi_util.h"
#include "json_scan.h"

struct infer_model {
  int64_t deltas; /* the number in the model's name; 0: each word once */
  char info[256]; /* what describe() gives; lives as long as the model */
};

enum stage { BEFORE_WAKE, START, WARNINGS, PROMPT_USAGE, BEGIN, DELTAS, PART_DONE, FINISH, OVER };

struct infer_source {
  enum stage stage; /* what next() says next */
  int result;       /* what next() says when OVER, for ever */
  int cancelled;    /* set by any thread: through __atomic only */
  void (*wake)(void* ctx);
  void* wake_ctx;
  unsigned warnings; /* bit i: ignored[i] was set, and nobody was told yet */
  int64_t left;      /* deltas still to send */
  int cut;           /* max_tokens ends the answer before the words do */
  infer_usage usage;
  const char* at;  /* the next word */
  const char* end; /* the end of text */
  char text[];     /* a space, then the user's message: every word follows a space */
};

static const json_view none = {"", ""};

/* Settings that shape quality: ignored with a warning, for the answer is good without them. */
static const struct {
  const char *name, *message, *extra;
} ignored[] = {
#define IGNORED(name) {name, "echo ignores " name ": remove it", "{\"setting\":\"" name "\"}"}
    IGNORED("temperature"), IGNORED("top_p"),      IGNORED("sampling"),
    IGNORED("reasoning"),   IGNORED("logit_bias"),
};
enum { N_IGNORED = sizeof ignored / sizeof *ignored };

/* Settings that promise something of the answer or of the bill: refused, never broken. */
static const char* const refused[] = {"tools", "output", "stop", "stop_token_ids", "logprobs"};
enum { N_REFUSED = sizeof refused / sizeof *refused };

static int echo_init(const infer_host* host, infer_error* error) {
  (void)host, (void)error; /* an engine keeps host: it logs there and asks it for CPU threads */
  return INFER_OK;
}

static int echo_load(const infer_load* theirs, infer_model** out, infer_error* error) {
  infer_load how;
  json_view config, key, value, name;
  const char* p = NULL;
  int64_t deltas = 0;
  infer_model* model;
  take(&how, sizeof how, theirs);
  if (how.config.size) {
    if (!json_check(how.config.data, how.config.size, &config) || !json_is(config, '{'))
      return fail(error, INFER_E_INVALID_REQUEST, "echo: the config is not a JSON object", none);
    if (json_member(config, &p, &key, &value))
      return fail(error, INFER_E_INVALID_REQUEST, "echo has no such setting, remove it", key);
  }
  name.at = how.name.data;
  name.end = how.name.data + how.name.size;
  if (how.name.size && (!json_whole(name, &deltas) || deltas < 1))
    return fail(error, INFER_E_NOT_FOUND, "name it echo: or echo:500, a number of deltas", none);
  if (how.progress && how.progress(how.ctx, 1.0f))
    return fail(error, INFER_E_CANCELLED, "echo: loading was stopped", none);
  if (!(model = malloc(sizeof *model)))
    return fail(error, INFER_E_OUT_OF_MEMORY, "echo: no memory for a model", none);
  model->deltas = deltas;
  snprintf(model->info, sizeof model->info,
           "{\"name\":\"echo\",\"tasks\":[\"text\"],\"capabilities\":{\"tools\":false,"
           "\"json_schema\":false,\"grammar\":false,\"vision\":false,\"logprobs\":false,"
           "\"reasoning\":false,\"stop\":false,\"n\":false}}");
  *out = model;
  return INFER_OK;
}

static void echo_unload(infer_model* model) { free(model); }

static int echo_describe(infer_model* model, infer_str* json, infer_error* error) {
  (void)error;
  *json = str(model->info);
  return INFER_OK;
}

/* The end of the word at p, which may begin with spaces; the last one takes those behind it too. */
static const char* word_end(const char* p, const char* end) {
  const char* next;
  while (p < end && *p == ' ') ++p;
  while (p < end && *p != ' ') ++p;
  for (next = p; next < end && *next == ' ';) ++next;
  return next == end ? end : p;
}

/* Adds the text of one message to `text`, which holds *size bytes; a user's message begins anew. */
static int read_message(json_view message, char* text, size_t* size, infer_error* error) {
  json_view key, value, part, type, said, role = none, parts = none;
  const char *k = NULL, *p = NULL;
  while (json_member(message, &k, &key, &value)) {
    if (json_equals(key, "role")) role = value;
    if (json_equals(key, "parts")) parts = value;
  }
  if (json_equals(role, "user")) *size = 0;
  while (json_element(parts, &p, &part)) {
    type = said = none;
    for (k = NULL; json_member(part, &k, &key, &value);) {
      if (json_equals(key, "type")) type = value;
      if (json_equals(key, "text")) said = value;
    }
    if (json_equals(type, "media"))
      return fail(error, INFER_E_UNSUPPORTED, "echo reads text only, remove", json_of("\"media\""));
    if (json_equals(role, "user") && json_equals(type, "text"))
      *size += json_text(said, text + *size);
  }
  return INFER_OK;
}

/* One member of the request: taken, noted for a warning, refused, or (not ours) passed over. */
static int read_setting(infer_source* s, json_view key, json_view value, int64_t* max_tokens,
                        infer_error* error) {
  int64_t n = 0;
  int refuse =
      json_equals(key, "tool_choice") && !json_equals(value, "auto") && !json_equals(value, "none");
  for (int i = 0; i < N_IGNORED; ++i)
    if (json_equals(key, ignored[i].name)) s->warnings |= 1u << i;
  for (int i = 0; i < N_REFUSED; ++i) refuse |= json_equals(key, refused[i]);
  if (json_equals(key, "n") && !(json_whole(value, &n) && n == 1)) refuse = 1;
  if (refuse) return fail(error, INFER_E_UNSUPPORTED, "echo cannot do this, remove it", key);
  if (json_equals(key, "max_tokens") && !(json_whole(value, max_tokens) && *max_tokens > 0))
    return fail(error, INFER_E_INVALID_REQUEST, "echo needs a whole number above 0", key);
  return INFER_OK;
}

/* Fills in a source whose text has room for the whole request: decoded JSON is never longer. */
static int read_request(infer_source* s, infer_str request, infer_error* error) {
  json_view root, key, value, message, messages = none;
  const char *p = NULL, *m = NULL;
  int64_t max_tokens = INT64_MAX, words = 0;
  size_t size = 0;
  int code;
  if (!json_check(request.data, request.size, &root) || !json_is(root, '{'))
    return fail(error, INFER_E_INVALID_REQUEST, "echo: the request is not a JSON object", none);
  while (json_member(root, &p, &key, &value)) {
    if ((code = read_setting(s, key, value, &max_tokens, error)) < 0) return code;
    if (json_equals(key, "messages")) messages = value;
  }
  s->text[0] = ' ';
  while (json_element(messages, &m, &message))
    if ((code = read_message(message, s->text + 1, &size, error)) < 0) return code;
  if (!size)
    return fail(error, INFER_E_INVALID_REQUEST, "echo: no user message with text",
                json_of("\"messages\""));
  s->end = s->text + 1 + size;
  for (s->at = s->text + 1; s->at < s->end; ++words) s->at = word_end(s->at, s->end);
  s->at = s->text + 1; /* the first word goes out without the space before it */
  s->usage.size = sizeof s->usage;
  s->usage.known = 1u << 0 | 1u << 3; /* the first and the fourth figure: input and output */
  s->usage.input = words;
  if (!s->left) s->left = words;
  s->cut = max_tokens < s->left;
  if (s->cut) s->left = max_tokens;
  return INFER_OK;
}

static int echo_open(infer_model* model, const infer_open* theirs, infer_source** out,
                     infer_error* error) {
  infer_open how;
  infer_source* s;
  int code;
  take(&how, sizeof how, theirs);
  if (how.task != INFER_TASK_TEXT)
    return fail(error, INFER_E_UNSUPPORTED, "echo answers text requests only", json_of("\"task\""));
  if (!(s = calloc(1, sizeof *s + how.request.size + 1)))
    return fail(error, INFER_E_OUT_OF_MEMORY, "echo: no memory for this request", none);
  s->wake = how.wake;
  s->wake_ctx = how.wake_ctx;
  s->left = model->deltas;
  if ((code = read_request(s, how.request, error)) < 0) return free(s), code;
  *out = s;
  return INFER_OK;
}

/* Says the event of this stage and moves on. Views point into the source: nothing is allocated. */
static void say(infer_source* s, infer_event* e) {
  const char* word = s->at;
  int i = 0;
  switch (s->stage) {
    case START:
      e->kind = INFER_EV_START;
      e->id = str("echo");
      s->stage = s->warnings ? WARNINGS : PROMPT_USAGE;
      return;
    case WARNINGS:
      while (!(s->warnings >> i & 1u)) ++i;
      e->kind = INFER_EV_WARNING;
      e->data = str("unsupported_setting");
      e->id = str(ignored[i].message);
      e->extra = str(ignored[i].extra);
      s->warnings &= ~(1u << i);
      if (!s->warnings) s->stage = PROMPT_USAGE;
      return;
    case PROMPT_USAGE:
      e->kind = INFER_EV_USAGE;
      e->usage = &s->usage;
      s->stage = BEGIN;
      return;
    case BEGIN:
      e->kind = INFER_EV_PART_BEGIN;
      e->part_kind = INFER_PART_TEXT;
      s->stage = DELTAS;
      return;
    case DELTAS:
      if (s->at == s->end) word = s->text; /* once more, from the space before the first word */
      s->at = word_end(word, s->end);
      e->kind = INFER_EV_DELTA;
      e->part_kind = INFER_PART_TEXT;
      e->data.data = word;
      e->data.size = (size_t)(s->at - word);
      ++s->usage.output;
      if (--s->left == 0) s->stage = PART_DONE;
      return;
    case PART_DONE:
      e->kind = INFER_EV_PART_END;
      e->part_kind = INFER_PART_TEXT;
      s->stage = FINISH;
      return;
    default:
      e->kind = INFER_EV_FINISH;
      e->finish = s->cut ? INFER_FIN_LENGTH : INFER_FIN_STOP;
      e->usage = &s->usage;
      s->stage = OVER;
      s->result = INFER_END;
  }
}

static int echo_next(infer_source* s, infer_event* out, infer_error* error) {
  infer_event mine;
  if (s->stage != OVER && __atomic_load_n(&s->cancelled, __ATOMIC_ACQUIRE)) {
    s->stage = OVER;
    s->result = INFER_E_CANCELLED;
  }
  if (s->stage == OVER)
    return s->result < 0 ? fail(error, s->result, "echo: cancelled", none) : s->result;
  if (s->stage == BEFORE_WAKE) {
    /* An engine calls wake from its own thread, as soon as there is something to say. Here there
       always is, and this could be left out; it shows that a wake may come before PENDING does. */
    s->stage = START;
    if (s->wake) s->wake(s->wake_ctx);
    return INFER_PENDING;
  }
  memset(&mine, 0, sizeof mine);
  say(s, &mine);
  give(out, &mine, sizeof mine);
  return INFER_EVENT;
}

/* An engine with a thread also wakes the host here: next may have said PENDING. */
static void echo_cancel(infer_source* s) { __atomic_store_n(&s->cancelled, 1, __ATOMIC_RELEASE); }

static void echo_close(infer_source* s) { free(s); }

static const infer_plugin echo_plugin = {
    .size = sizeof(infer_plugin),
    .abi = INFER_ABI,
    .name = {"echo", 4},
    .version = {"1.0", 3},
    .licence = {"MIT", 3},
    .init = echo_init,
    .load = echo_load,
    .unload = echo_unload,
    .describe = echo_describe,
    .open = echo_open,
    .next = echo_next,
    .cancel = echo_cancel,
    .close = echo_close,
};

/* The one exported symbol: infer_plugin_v1. */
const infer_plugin* INFER_PLUGIN_ENTRY(uint32_t host_abi) {
  return host_abi == INFER_ABI ? &echo_plugin : NULL;
}
