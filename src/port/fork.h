// What happens in the child of a fork.
#ifndef INFER_SRC_PORT_FORK_H_
#define INFER_SRC_PORT_FORK_H_

namespace infer::port {

// From now on `fn` runs in the child of every fork, before fork returns there.
void at_fork_in_child(void (*fn)());

}  // namespace infer::port

#endif  // INFER_SRC_PORT_FORK_H_
