// Waiting for what starts when it is asked. Here, not in src/cloud: it is declared also where no
// provider is built.
#include <string>

#include "infer/cloud.h"
#if defined(INFER_CLOUD)
#include "src/cloud/backend.h"
#endif

namespace infer {
inline namespace v0 {

namespace {

Error nothing_to_warm(std::string_view scheme, const char* why) {
  return Error(Errc::kUnsupported, "'" + std::string(scheme) + "' " + why)
      .with_detail("field", "id");
}

}  // namespace

Result<void> warmup(std::string_view id, [[maybe_unused]] const ApiConfig& config,
                    [[maybe_unused]] const Call& call) {
  const std::size_t colon = id.find(':');
  const std::string_view scheme = id.substr(0, colon);
  if (colon == id.npos || scheme.empty())
    return Error(Errc::kInvalidRequest,
                 "'" + std::string(id) + "' needs a scheme, such as modal:WORKSPACE/APP/FUNCTION")
        .with_detail("field", "id");
#if defined(INFER_CLOUD)
  if (scheme == "modal") return cloud::warm_up_modal(id.substr(colon + 1), config, call);
  for (const std::string_view always : {"openai", "anthropic", "groq"})
    if (scheme == always)
      return nothing_to_warm(scheme, "has nothing to be warmed up: its models are always there");
#else
  if (scheme == "modal")
    return nothing_to_warm(scheme,
                           "cannot be warmed up: this library was built without providers "
                           "(INFER_CLOUD)");
#endif
  return nothing_to_warm(scheme,
                         "has nothing to be warmed up: a model that runs here is loaded when it is "
                         "opened");
}

}  // namespace v0
}  // namespace infer
