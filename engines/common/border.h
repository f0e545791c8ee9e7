// The plugin's border: no exception of ours or of the engine's crosses it.
#ifndef INFER_ENGINES_COMMON_BORDER_H_
#define INFER_ENGINES_COMMON_BORDER_H_

#include <new>
#include <string>

#include "abi.h"
#include "host.h"
#include "refusal.h"

namespace infer::engine {

// Runs the body of one of the table's functions; what it throws becomes the caller's error.
// `engine` is how messages call the engine.
template <class Body>
int guarded(infer_error* error, const char* engine, Body&& body) noexcept {
  const AbortGuard guard;
  try {
    return body();
  } catch (const Refusal& e) {
    return set_error(error, e.code(), e.what(), e.details());
  } catch (const std::bad_alloc&) {
    return set_error(error, INFER_E_OUT_OF_MEMORY, "out of memory");
  } catch (const std::exception& e) {
    return set_error(error, INFER_E_ENGINE, std::string(engine) + " failed: " + e.what());
  } catch (...) {
    return set_error(error, INFER_E_ENGINE, std::string(engine) + " failed for an unknown reason");
  }
}

}  // namespace infer::engine

#endif  // INFER_ENGINES_COMMON_BORDER_H_
