// A text request as the body of POST /messages.
#include <utility>

#include "src/cloud/anthropic/anthropic.h"
#include "src/cloud/anthropic/content.h"
#include "src/cloud/anthropic/messages_reader.h"
#include "src/cloud/anthropic/settings.h"
#include "src/core/text_checks.h"

namespace infer::cloud {

Result<Outgoing> write_anthropic(const AnthropicModel& model, const TextRequest& request,
                                 const Call& call) {
  constexpr std::uint32_t kHonours = core::kHonoursTools | core::kHonoursOutput |
                                     core::kHonoursMaxTokens | core::kHonoursStop |
                                     core::kHonoursMedia;
  if (auto error = core::refuse_promises(request, kHonours))
    return std::move(*error).with_provider(std::string(kAnthropic));
  if (auto error = check_media(request, *model.media))
    return std::move(*error).with_provider(std::string(kAnthropic));
  Outgoing outgoing;
  outgoing.path = "/messages";
  outgoing.stream = call.wire != infer::Wire::kWhole;

  RawObject body;
  body.set_string("model", model.name);
  auto content = write_anthropic_content(request.messages, model.issuer, outgoing.warnings);
  if (!content) return std::move(content.error());
  RawObject settings;
  if (auto error = put_anthropic_shape(request, settings, outgoing.warnings))
    return std::move(*error);
  put_anthropic_sampling(request, settings, outgoing.warnings);
  body.update(settings);
  if (!content->system.empty()) body.set("system", std::move(content->system));
  body.set("messages", std::move(content->messages));
  if (outgoing.stream) body.set("stream", "true");
  if (const auto extra = request.extra.find(std::string(kAnthropic)); extra != request.extra.end())
    body.update(RawObject(extra->second));
  outgoing.body = body.text();
  if (auto error = check_request_bytes(request, outgoing.body.size(), *model.media))
    return std::move(*error).with_provider(std::string(kAnthropic));

  MessagesReaderOptions options;
  if (!request.max_tokens) options.default_max_tokens = kDefaultMaxTokens;
  options.held_bytes = model.answer_bytes;
  options.issuer = model.issuer;
  outgoing.reader = messages_reader(options);
  return outgoing;
}

}  // namespace infer::cloud
