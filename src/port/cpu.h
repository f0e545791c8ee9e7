// How many processors this process may really use.
#ifndef INFER_SRC_PORT_CPU_H_
#define INFER_SRC_PORT_CPU_H_

namespace infer::port {

// At least 1: the affinity mask, cut by the control group's quota, rounded up.
unsigned usable_cpus();

}  // namespace infer::port

#endif  // INFER_SRC_PORT_CPU_H_
