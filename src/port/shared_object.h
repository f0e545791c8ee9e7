// Loading code at run time. What is loaded stays loaded.
#ifndef INFER_SRC_PORT_SHARED_OBJECT_H_
#define INFER_SRC_PORT_SHARED_OBJECT_H_

#include <string>

#include "infer/result.h"

namespace infer::port {

// The address of `symbol` in the shared object at `path`. All its symbols are bound at once and
// none is seen by others. kEngine with the loader's own words if it cannot
// be loaded, kUnsupported if it has no such symbol.
Result<void*> load_symbol(const std::string& path, const char* symbol);

}  // namespace infer::port

#endif  // INFER_SRC_PORT_SHARED_OBJECT_H_
