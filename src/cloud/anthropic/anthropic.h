// Anthropic's messages: what the files of this room share.
//
// Paths are below ".../v1": provider.cc makes the base URL end so.
#ifndef INFER_SRC_CLOUD_ANTHROPIC_ANTHROPIC_H_
#define INFER_SRC_CLOUD_ANTHROPIC_ANTHROPIC_H_

#include <memory>
#include <string>
#include <string_view>

#include "infer/cloud.h"
#include "src/cloud/backend.h"
#include "src/cloud/media_limits.h"
#include "src/cloud/wire.h"

namespace infer::cloud {

inline constexpr std::string_view kAnthropic = "anthropic";

// A model behind a server that speaks this wire.
struct AnthropicModel {
  std::string name{};  // empty: for lists, which need none
  // Of the parts of its answers: to another server they mean nothing.
  std::string issuer{kAnthropic};
  // Also at other addresses: most that speak this wire pass it on. Lives as long as the program.
  const MediaLimits* media = &kAnthropicMedia;
  std::size_t answer_bytes = ApiLimits{}.answer_bytes;
};
AnthropicModel anthropic_model(std::string_view name, const Endpoint& endpoint,
                               const ApiConfig& config);

// The request for POST /messages (request.cc). Its reader is set.
Result<Outgoing> write_anthropic(const AnthropicModel& model, const TextRequest& request,
                                 const Call& call);
// The request for POST /messages/count_tokens (count_tokens.cc). Its reader is set; what that
// endpoint does not know - length, sampling, labels - is not sent.
Result<Outgoing> write_anthropic_count(const AnthropicModel& model, const TextRequest& request);

// {"type":"error","error":{"type","message"},"request_id"}, of a body or of a stream's error
// event; any bytes at all (complaint.cc).
Complaint anthropic_complaint(std::string_view body);

std::shared_ptr<const Wire> anthropic_wire(AnthropicModel model);
// The endpoint with what this provider adds: the version header, the base URL that ends in /v1.
Result<Endpoint> anthropic_endpoint(const ApiConfig& config);
// All pages of GET /models.
Result<std::vector<ListedModel>> list_anthropic_models(const Endpoint& endpoint, const Call& call);

}  // namespace infer::cloud

#endif  // INFER_SRC_CLOUD_ANTHROPIC_ANTHROPIC_H_
