/* A plugin that the host must refuse; which fault it has is chosen when it is compiled. Without any
   it is a plugin that loads nothing, but tells what it would compute on. */
#include <infer/plugin.h>
#include <stddef.h>
#include <string.h>

#if !defined(PLUGIN_NAME)
#define PLUGIN_NAME "refused"
#endif

static int inits;
INFER_EXPORT int refused_inits(void);
int refused_inits(void) { return inits; }

static int init(const infer_host* host, infer_error* error) {
  (void)host;
  ++inits;
#if defined(FAULT_INIT_FAILS)
  strcpy(error->message, "this processor is too old");
  return INFER_E_UNSUPPORTED;
#else
  (void)error;
  return INFER_OK;
#endif
}
static int load(const infer_load* how, infer_model** out, infer_error* error) {
  (void)how, (void)out, (void)error;
  return INFER_E_ENGINE;
}
static void unload(infer_model* model) { (void)model; }
static int describe(infer_model* model, infer_str* json, infer_error* error) {
  (void)model, (void)json, (void)error;
  return INFER_E_ENGINE;
}
static int open_(infer_model* model, const infer_open* how, infer_source** out,
                 infer_error* error) {
  (void)model, (void)how, (void)out, (void)error;
  return INFER_E_ENGINE;
}
#if !defined(FAULT_NO_NEXT)
static int next(infer_source* source, infer_event* out, infer_error* error) {
  (void)source, (void)out, (void)error;
  return INFER_E_ENGINE;
}
#endif
static void close_(infer_source* source) { (void)source; }
static int devices(infer_str* json, infer_error* error) {
  static const char text[] =
      "[{\"name\":\"Test0\",\"description\":\"a device\",\"type\":\"gpu\",\"memory_free\":5,"
      "\"memory_total\":9}]";
  (void)error;
  json->data = text;
  json->size = sizeof text - 1;
  return INFER_OK;
}

static int names(infer_str* json, infer_error* error) {
  static const char text[] = "{\"sample_methods\":[\"" PLUGIN_NAME "\"]}";
  (void)error;
  json->data = text;
  json->size = sizeof text - 1;
  return INFER_OK;
}

static const infer_plugin table = {
#if defined(FAULT_SMALL_TABLE)
    .size = 8,
#elif defined(FAULT_NO_NAMES)
    .size = offsetof(infer_plugin, names),
#else
    .size = sizeof(infer_plugin),
#endif
#if defined(FAULT_WRONG_ABI)
    .abi = INFER_ABI + 6,
#else
    .abi = INFER_ABI,
#endif
#if defined(FAULT_NO_NAME)
    .name = {0, 7},
#else
    .name = {PLUGIN_NAME, sizeof PLUGIN_NAME - 1},
#endif
    .init = init,
    .load = load,
    .unload = unload,
    .describe = describe,
    .open = open_,
#if !defined(FAULT_NO_NEXT)
    .next = next,
#endif
    .cancel = close_,
    .close = close_,
    .devices = devices,
    .names = names};

#if defined(FAULT_NO_SYMBOL)
INFER_EXPORT const infer_plugin* infer_plugin_v0(uint32_t host_abi);
const infer_plugin* infer_plugin_v0(uint32_t host_abi) {
#else
const infer_plugin* infer_plugin_v1(uint32_t host_abi) {
#endif
#if defined(FAULT_NULL_TABLE)
  return host_abi > 1000 ? &table : NULL;
#else
  (void)host_abi;
  return &table;
#endif
}
