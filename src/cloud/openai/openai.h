// The pieces of the OpenAI wire, for each other and for their tests.
#ifndef INFER_SRC_CLOUD_OPENAI_OPENAI_H_
#define INFER_SRC_CLOUD_OPENAI_OPENAI_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "src/cloud/backend.h"
#include "src/cloud/openai/dialect.h"
#include "src/cloud/wire.h"

namespace infer::cloud {

// Chat completions with this model. `dialect` must outlive the wire.
std::shared_ptr<const Wire> openai_wire(std::string_view model, const Dialect& dialect);

// The request as it is sent, reader included (request.cc).
Result<Outgoing> write_openai_chat(std::string_view model, const Dialect& dialect,
                                   const TextRequest& request, const Call& call);

// What an answer that is no success says: {"error":{...}}, {"error":"..."}, or the shapes that
// other servers have.
Complaint openai_complaint(std::string_view body);

// Where OpenAI, or the server that the configuration names, is reached.
Result<Endpoint> openai_endpoint(const ApiConfig& config);
const Dialect& openai_dialect(const Endpoint& endpoint);
// What this server offers; waits.
Result<std::vector<ListedModel>> openai_models(const Endpoint& endpoint, const Call& call);

}  // namespace infer::cloud

#endif  // INFER_SRC_CLOUD_OPENAI_OPENAI_H_
