/* A shared object with no entry. Breaks entry.missing. */
#include "broken.h"

INFER_EXPORT const infer_plugin* broken_plugin_v1(uint32_t host_abi);
const infer_plugin* broken_plugin_v1(uint32_t host_abi) { return echo_entry(host_abi); }
