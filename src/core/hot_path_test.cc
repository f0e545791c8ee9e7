#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "infer/layers.h"
#include "src/core/scripted.h"

// The sanitizers bring their own operator new, which must stay the one that is used.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define INFER_COUNTS_ALLOCATIONS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define INFER_COUNTS_ALLOCATIONS 0
#endif
#endif
#ifndef INFER_COUNTS_ALLOCATIONS
#define INFER_COUNTS_ALLOCATIONS 1
#endif

#if INFER_COUNTS_ALLOCATIONS

namespace {
std::atomic<long> allocations{0};
}
// Not inlined: the compiler would see malloc's memory go to delete.
[[gnu::noinline]] void* operator new(std::size_t n) {
  ++allocations;
  if (void* p = std::malloc(n)) return p;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, std::size_t) noexcept { std::free(p); }

namespace infer {
namespace {

using test::event;
using test::Kind;
using test::PartKind;

// Law 8: between a source and its reader nothing is allocated per event. What the Reply keeps grows
// geometrically: its share is logarithmic.
TEST(HotPath, AllocatesNothingPerEvent) {
  std::atomic<long> seen{0};
  const auto count = [&](int deltas, bool with_poller, bool pending) {
    const TextModel inner = test::model([deltas, pending]() -> test::PullFn {
      return [deltas, pending, i = 0, slept = false](test::Pull p) mutable {
        if (pending && !slept) {
          slept = true;
          p.poller.waker().wake();
          return Step::kPending;
        }
        slept = false;
        if (i == deltas + 2) return Step::kEnd;
        p.event = i == 0        ? event(Kind::kPartBegin, PartKind::kText)
                  : i <= deltas ? event(Kind::kDelta, PartKind::kText, "token ")
                                : test::finish();
        ++i;
        return Step::kEvent;
      };
    });
    const TextModel model = inner | Tap{.on_event = [&](const Event&) { ++seen; }};
    Poller poller;
    Call call;
    if (with_poller) call.poller = poller;
    Reply reply = model.stream("hi", call);
    const long before = allocations;
    while (reply.next()) {
    }
    EXPECT_EQ(reply.error(), nullptr);
    return allocations - before;
  };
  for (const bool with_poller : {false, true}) {
    for (const bool pending : {false, true}) {
      const long few = count(1000, with_poller, pending);
      const long many = count(100000, with_poller, pending);
      EXPECT_LE(many - few, 10) << few << " and " << many;  // the text doubles seven times
    }
  }
  EXPECT_EQ(seen, 4 * (1002 + 100002));
}

}  // namespace
}  // namespace infer

#endif
