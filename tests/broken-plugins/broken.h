/* The echo plugin, ready to be broken. Every file beside this one includes it, replaces a function
   by one with a fault, and says so in its last line:

     BROKEN_PLUGIN(.next = next)

   echo.c is included with its entry renamed; the name was declared static before, so it stays
   inside, and only the broken table is exported. */
#ifndef BROKEN_H_
#define BROKEN_H_
#include <infer/plugin.h>

static const infer_plugin* echo_entry(uint32_t host_abi);
#undef INFER_PLUGIN_ENTRY
#define INFER_PLUGIN_ENTRY echo_entry
#include "../../examples/echo-plugin/echo.c"

/* The later initialiser of a field wins: that is the point here. */
#pragma GCC diagnostic ignored "-Woverride-init"
#define ECHO_TABLE                                                                              \
  .size = sizeof(infer_plugin), .abi = INFER_ABI, .name = {"broken", 6}, .version = {"1.0", 3}, \
  .licence = {"MIT", 3}, .init = echo_init, .load = echo_load, .unload = echo_unload,           \
  .describe = echo_describe, .open = echo_open, .next = echo_next, .cancel = echo_cancel,       \
  .close = echo_close

#define BROKEN_PLUGIN(...)                                       \
  const infer_plugin* infer_plugin_v1(uint32_t host_abi) {       \
    static const infer_plugin table = {ECHO_TABLE, __VA_ARGS__}; \
    return echo_entry(host_abi) ? &table : NULL;                 \
  }

#endif
