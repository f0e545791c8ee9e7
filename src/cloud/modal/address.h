// Where an app on Modal is reached: from the id of a model to the address of its API.
#ifndef INFER_SRC_CLOUD_MODAL_ADDRESS_H_
#define INFER_SRC_CLOUD_MODAL_ADDRESS_H_

#include <string>
#include <string_view>

#include "infer/cloud.h"
#include "infer/result.h"

namespace infer::cloud {

inline constexpr std::string_view kModal = "modal";  // the scheme

// What an id and an ApiConfig come to.
struct ModalAddress {
  std::string base_url{};  // with the /v1 of OpenAI's API, where that is what is spoken
  std::string model{};     // empty: the one that the app serves
  // The keys of the environment are for this address: it is at Modal, or is the environment's own.
  bool environment_keys = false;
};

// `id` is what follows "modal:"; empty where only the address is looked for. kInvalidRequest for
// one that leads nowhere, or to two places. A URL is checked by endpoint_of().
Result<ModalAddress> modal_address(std::string_view id, const ApiConfig& config);

}  // namespace infer::cloud

#endif  // INFER_SRC_CLOUD_MODAL_ADDRESS_H_
