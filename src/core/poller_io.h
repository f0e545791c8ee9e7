// What drives the sockets of one poller. The core knows no protocol: whoever speaks one makes such
// a driver at its first pull in a poller (PollerState::set_io), and the poller calls it when there
// is something to do. It lives as long as the poller.
#ifndef INFER_SRC_CORE_POLLER_IO_H_
#define INFER_SRC_CORE_POLLER_IO_H_

#include <span>

#include "infer/export.h"
#include "src/port/wait.h"

namespace infer {
inline namespace v0 {
namespace detail {

struct PollerIo {
  PollerIo() = default;
  PollerIo(const PollerIo&) = delete;
  PollerIo& operator=(const PollerIo&) = delete;
  virtual ~PollerIo() = default;
  // Inside Poller::wait(), on its thread, without the poller's lock: these sockets are ready; where
  // there are none, the time of PollerState::set_io_time has come, and the poller has forgotten it.
  // Wakes the slots that have news.
  virtual void drive(std::span<const port::Ready> ready) = 0;
};

}  // namespace detail
}  // namespace v0
}  // namespace infer

#endif  // INFER_SRC_CORE_POLLER_IO_H_
