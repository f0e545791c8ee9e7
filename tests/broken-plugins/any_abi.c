/* The table comes whatever ABI is asked for: a host of the future would misread it. Breaks
   abi.unknown. */
#include "broken.h"

#define infer_plugin_v1 checked_entry
static const infer_plugin* checked_entry(uint32_t host_abi);
BROKEN_PLUGIN(.name = {"any_abi", 7})
#undef infer_plugin_v1

const infer_plugin* infer_plugin_v1(uint32_t host_abi) {
  (void)host_abi;
  return checked_entry(INFER_ABI);
}
