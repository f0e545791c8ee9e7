// What the probe plugin counts; the tests find it by the symbol "probe_counters".
#ifndef INFER_SRC_PLUGIN_TESTDATA_PROBE_H_
#define INFER_SRC_PLUGIN_TESTDATA_PROBE_H_

#include <atomic>

struct ProbeCounters {
  std::atomic<int> inits{0}, loads{0}, unloads{0}, opens{0}, closes{0}, cancels{0}, threads{0};
};

#endif  // INFER_SRC_PLUGIN_TESTDATA_PROBE_H_
