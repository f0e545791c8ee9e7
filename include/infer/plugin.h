/* infer/plugin.h - the C ABI between the library and an engine. C99. Conventions, all of them:
   1. One exported symbol, INFER_PLUGIN_ENTRY. The table it returns is constant and lives for ever; the host never unloads.
   2. Every struct but infer_str and infer_logprob begins with `size`: the sizeof that its allocator was compiled with. The
      other side touches only bytes below min(size, its own sizeof); what is missing counts as zero, and zero always means
      "default". Out structs come zeroed with size set (infer_error: only size is set). Lists are arrays of pointers, so
      that an element may grow. Fields are appended, never moved or re-used; new enumerators go to the end; an unknown event
      kind is skipped. Additions change nothing else; a break gets INFER_ABI 2 and a second entry symbol beside the first.
   3. Whoever allocates frees. What goes in lives until the call returns; what comes out of next() lives until the next call
      on the same source, what describe() gives as long as the model. Errors are written into the caller's buffers.
   4. No call throws or longjmps across. No call prints. The plugin installs no signal handler and reads no environment.
   5. Threads: init once, before all else. load, probe, open: any threads, also at once on one model. next, close: one thread
      at a time per source. cancel: any thread, any time between open and close, also during next. unload: after the last
      close. The host's callbacks: from any thread, never under a lock that next, cancel or close take. Only load and unload
      may wait for work; close waits for a wake that is running, and none comes after it.
   6. Text is valid UTF-8, checked by the host going in and held by the plugin coming out (a split character waits). */
#ifndef INFER_PLUGIN_H_
#define INFER_PLUGIN_H_
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

#define INFER_ABI 1u
#ifndef INFER_PLUGIN_ENTRY             /* renamed where plugins are linked statically (WASM): infer_plugin_llama_v1 ... */
#define INFER_PLUGIN_ENTRY infer_plugin_v1
#endif
#if defined(_WIN32)
#define INFER_EXPORT __declspec(dllexport)
#else
#define INFER_EXPORT __attribute__((visibility("default")))
#endif

typedef struct infer_model infer_model;    /* the plugin's */
typedef struct infer_source infer_source;  /* the plugin's: one running request */
typedef struct { const char* data; size_t size; } infer_str;

/* What a function returns: >= 0 went well. An unknown negative reads as INFER_E_ENGINE. */
enum {
  INFER_OK = 0, INFER_END = 0, INFER_EVENT = 1, INFER_PENDING = 2,
  INFER_E_INVALID_REQUEST = -1, INFER_E_NOT_FOUND = -2, INFER_E_UNSUPPORTED = -3, INFER_E_CONTEXT_OVERFLOW = -4,
  INFER_E_OVERLOADED = -5, INFER_E_TIMEOUT = -6, INFER_E_CANCELLED = -7, INFER_E_NETWORK = -8, INFER_E_PROTOCOL = -9,
  INFER_E_TRUNCATED = -10, INFER_E_TOO_LARGE = -11, INFER_E_OUT_OF_MEMORY = -12, INFER_E_MODEL_INVALID = -13,
  INFER_E_ENGINE = -14, INFER_E_UNAUTHORIZED = -15, INFER_E_RATE_LIMITED = -16, INFER_E_CONTENT_FILTERED = -17,
  INFER_E_IO = -18, INFER_E_FORBIDDEN = -19, INFER_E_QUOTA_EXCEEDED = -20, INFER_E_TLS = -21, INFER_E_BUDGET_EXCEEDED = -22,
  INFER_E_SERVER_ERROR = -23, INFER_E_INVALID_OUTPUT = -24
};
typedef struct {
  uint32_t size; int32_t http_status; int64_t retry_after_ms;  /* 0: none */
  char message[1024];                  /* one line, NUL-terminated: what was wrong, with what, what to do */
  char details[1024];                  /* JSON for machines: {"need":..,"have":..}, {"rule":..,"offset":..}, {"field":..} */
  char request_id[128], body[4096];    /* for backends that speak to a server */
} infer_error;

/* Bytes that do not belong in JSON: pictures in and out, vectors. In requests JSON names them by index: {"blob":0}. */
enum { INFER_BYTES = 0, INFER_U8 = 1, INFER_F32 = 2 };
typedef struct {
  uint32_t size; uint32_t type;        /* INFER_BYTES: an encoded file of `mime`; INFER_U8: pixels; INFER_F32: vectors */
  const void* data; size_t bytes;
  uint32_t width, height, channels, stride;  /* pixels: top row first, RGB(A), stride in bytes; vectors: width x height rows */
  infer_str mime;
} infer_blob;

typedef struct {
  uint32_t size; uint32_t known;                               /* bit i: the i-th figure below is known */
  int64_t input, cache_read, cache_write, output, reasoning;   /* tokens, totals so far: they only grow */
  int64_t queue_ns, prefill_ns, decode_ns, first_ns;
  infer_str raw;                                               /* the engine's own figures, JSON */
} infer_usage;

typedef struct { int32_t token; float logprob; infer_str bytes; } infer_logprob;

enum {  /* event kinds; the numbers are those of infer::Event::Kind */
  INFER_EV_START = 1, INFER_EV_PART_BEGIN = 2, INFER_EV_DELTA = 3, INFER_EV_PART_END = 4, INFER_EV_USAGE = 5,
  INFER_EV_WARNING = 6, INFER_EV_PROGRESS = 7, INFER_EV_MEDIA = 8, INFER_EV_VECTORS = 9, INFER_EV_FINISH = 10
};
enum {
  INFER_PART_TEXT = 1, INFER_PART_REASONING = 2, INFER_PART_TOOL_CALL = 3, INFER_PART_REFUSAL = 4, INFER_PART_OPAQUE = 5
};
enum {
  INFER_FIN_STOP = 1, INFER_FIN_STOP_SEQUENCE = 2, INFER_FIN_LENGTH = 3, INFER_FIN_TOOL_CALLS = 4, INFER_FIN_FILTERED = 5,
  INFER_FIN_REFUSAL = 6, INFER_FIN_PAUSED = 7, INFER_FIN_CONTEXT_FULL = 8, INFER_FIN_OTHER = 255
};
typedef struct {
  uint32_t size; uint16_t kind, part_kind;
  uint32_t choice, part;               /* which of n answers; which part of it */
  infer_str data;                      /* DELTA: bytes; PART_BEGIN: tool name; PART_END: a reasoning's signature; WARNING: code;
                                          PROGRESS: what is going on; FINISH: raw reason or stop text */
  infer_str id;                        /* PART_BEGIN: tool call id; PART_END: item's id; START: model that answers; WARNING: message */
  infer_str extra;                     /* PART_END, MEDIA: JSON to keep verbatim; START: metadata; WARNING: facts, JSON */
  uint32_t finish, step, steps, preview;   /* FINISH; PROGRESS and MEDIA: step of steps; MEDIA: 1 = preview */
  const infer_usage* usage;            /* USAGE, FINISH */
  const infer_blob* blob;              /* MEDIA, VECTORS */
  const infer_logprob* logprobs; uint32_t n_logprobs, n_top;  /* DELTA: n_logprobs tokens, each followed by n_top alternatives */
  int64_t step_ns;                     /* PROGRESS: how long a step takes at present; 0: not known */
} infer_event;

/* The host, as the plugin sees it. One per process, alive for ever. */
typedef struct {
  uint32_t size; uint32_t abi; void* ctx;
  void (*log)(void* ctx, int32_t level, infer_str line);        /* 0 debug .. 3 error, 4: the process is about to abort */
  uint32_t (*cpu_acquire)(void* ctx, uint32_t want);            /* the process's one CPU budget: >= 1 threads granted; waits */
  void (*cpu_release)(void* ctx, uint32_t granted);
} infer_host;

typedef struct {  /* a file: role "model" (split files: repeated, in order) */
  uint32_t size; int32_t fd;           /* open for reading, the host's (dup what you keep); -1: open `path` */
  infer_str role, path;
} infer_file;
typedef struct {  /* load */
  uint32_t size; uint32_t flags;
  infer_str name;                      /* what stands behind the scheme, as the user wrote it */
  const infer_file* const* files; size_t n_files;   /* what discovery made of it, already checked; may be none */
  infer_str config;                    /* LocalConfig as JSON; unknown keys are errors that name the key */
  void* ctx; int (*progress)(void* ctx, float fraction);        /* non-zero stops the load: INFER_E_CANCELLED */
} infer_load;

typedef struct {  /* open */
  uint32_t size; uint32_t task;        /* INFER_TASK_* */
  infer_str request;                   /* docs/formats/request.md: the same JSON that cassettes and the cache use */
  const infer_blob* const* blobs; size_t n_blobs;
  void* wake_ctx; void (*wake)(void* wake_ctx);  /* call once after each PENDING, when next has something; cheap, never waits */
} infer_open;
/* EMBED gives one VECTORS event of f32 with height = inputs and width = dimensions, in the order of the request; RERANK the
   same with height = documents and width 1, the scores (whatever top_n says). */
enum { INFER_TASK_TEXT = 1, INFER_TASK_IMAGE = 2, INFER_TASK_EMBED = 3, INFER_TASK_COUNT = 4, INFER_TASK_RERANK = 5 };

typedef struct {
  uint32_t size; uint32_t abi;
  infer_str name, version, licence;    /* "llama", "0.3.36+0c1e57098", SPDX */
  int  (*init)(const infer_host* host, infer_error*);           /* there is no shutdown */
  int  (*load)(const infer_load* how, infer_model** out, infer_error*);
  void (*unload)(infer_model*);
  int  (*describe)(infer_model*, infer_str* json, infer_error*);   /* docs/formats/model-info.md; lives as long as the model */
  int  (*probe)(const infer_file*, infer_error*);               /* headers only: could load take this file? may be NULL */
  int  (*open)(infer_model*, const infer_open* how, infer_source** out, infer_error*);  /* checks and queues; never waits */
  int  (*next)(infer_source*, infer_event* out, infer_error*);  /* EVENT, PENDING, END after FINISH, or < 0: the end */
  void (*cancel)(infer_source*);       /* makes next return INFER_E_CANCELLED, within one step; never waits */
  void (*close)(infer_source*);        /* the handle is gone at once; the engine gives the sequence back at its next step */
  int  (*devices)(infer_str* json, infer_error*);  /* what it computes on, an array (docs/formats/plugin-abi.md); lives until the
                                          next call on the same thread; may be NULL */
  int  (*names)(infer_str* json, infer_error*);    /* what requests may name: {"sample_methods":[...],"schedulers":[...]}; lives for
                                          ever; may be NULL */
} infer_plugin;

/* NULL if the plugin cannot serve `host_abi`. */
INFER_EXPORT const infer_plugin* INFER_PLUGIN_ENTRY(uint32_t host_abi);

#ifdef __cplusplus
}
#endif
#endif
