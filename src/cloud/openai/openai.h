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

// A model behind a server that speaks OpenAI's APIs: all that writing a request and reading its
// answer needs to know. Providers make it (provider.cc, ../modal).
struct ServerModel {
  std::string name{};             // empty: not sent, the server has one only
  std::string provider{kOpenAi};  // the scheme: in errors, and in TextRequest::extra
  std::string issuer{kOpenAi};    // of the parts of a chat's answer
  // Of the items of Responses: a chat knows none of them, and Responses none of a chat's.
  std::string responses_issuer{"openai/responses"};
  TextApi text_api = TextApi::kAuto;      // as configured
  const Dialect* dialect = &kOwnDialect;  // lives as long as the program
};
ServerModel server_model(std::string_view name, const Endpoint& endpoint, const ApiConfig& config,
                         const Dialect& dialect);

// Answers text (chat completions or Responses), picture and embedding requests.
std::shared_ptr<const Wire> openai_wire(ServerModel model);

// Requests as they are sent, readers included; the model lives as long as the reader.
Result<Outgoing> write_openai_chat(const ServerModel& model, const TextRequest& request,
                                   const Call& call);  // chat_request.cc
Result<Outgoing> write_openai_responses(const ServerModel& model, const TextRequest& request,
                                        const Call& call);  // responses_request.cc
Result<Outgoing> write_openai_image(const ServerModel& model, const ImageRequest& request,
                                    const Call& call);  // images.cc
// Outgoing::needs of an answer with that many pictures in base64.
ApiLimits limits_of_pictures(const ImageRequest& request);  // images.cc
Result<Outgoing> write_openai_embedding(const ServerModel& model,
                                        const EmbeddingRequest& request);  // embeddings.cc
// kChat or kResponses: what is configured, else what the request needs (choose_api.cc).
TextApi choose_text_api(const ServerModel& model, const TextRequest& request);

// What an answer that is no success says: {"error":{...}}, {"error":"..."}, or the shapes that
// other servers have.
Complaint openai_complaint(std::string_view body);

// Where the provider of this scheme, one of those that speak OpenAI's API, or the server that the
// configuration names is reached.
Result<Endpoint> openai_endpoint(const ApiConfig& config, std::string_view scheme = kOpenAi);
// How it speaks there.
const Dialect& openai_dialect(const Endpoint& endpoint);
// What this server offers; waits.
Result<std::vector<ListedModel>> openai_models(const Endpoint& endpoint, const Call& call);

}  // namespace infer::cloud

#endif  // INFER_SRC_CLOUD_OPENAI_OPENAI_H_
