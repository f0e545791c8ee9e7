#include "src/port/shared_object.h"

#include <dlfcn.h>

namespace infer::port {

Result<void*> load_symbol(const std::string& path, const char* symbol) {
  void* object = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!object) {
    const char* why = dlerror();
    return Error(Errc::kEngine, std::string("cannot be loaded: ") + (why ? why : path.c_str()));
  }
  void* address = dlsym(object, symbol);
  if (!address)
    return Error(Errc::kUnsupported,
                 path + " has no symbol " + symbol + ": not a plugin, or one for another version");
  return address;
}

}  // namespace infer::port
