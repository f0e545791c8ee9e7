// The pieces of the provider modal, for each other and for their tests.
#ifndef INFER_SRC_CLOUD_MODAL_MODAL_H_
#define INFER_SRC_CLOUD_MODAL_MODAL_H_

#include <memory>
#include <string>

#include "src/cloud/backend.h"
#include "src/cloud/modal/address.h"
#include "src/cloud/modal/cold_start.h"

namespace infer::cloud {

// The app with its keys. kInvalidRequest for half a proxy auth token and a negative cold start.
Result<Endpoint> modal_endpoint(const ModalAddress& address, const ApiConfig& config);

// A function with a JSON of its own (json_function.cc). kInvalidRequest, naming the member and what
// is wrong with it, for a template or a pointer that is none. `issuer`: of what its answers hold.
Result<std::shared_ptr<const Wire>> json_function_wire(const JsonFunction& function,
                                                       std::string model, std::string issuer);
// A path after a base URL: kInvalidRequest if it is none. `field` names it.
std::optional<Error> check_path(const char* field, const std::string& path);

}  // namespace infer::cloud

#endif  // INFER_SRC_CLOUD_MODAL_MODAL_H_
