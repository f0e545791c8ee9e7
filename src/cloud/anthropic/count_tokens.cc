// How many tokens a request has: POST /messages/count_tokens -> {"input_tokens":N}.
#include <algorithm>
#include <iterator>
#include <utility>

#include "src/cloud/anthropic/anthropic.h"
#include "src/cloud/anthropic/content.h"
#include "src/cloud/anthropic/settings.h"
#include "src/cloud/rate_limits.h"
#include "src/cloud/raw_json.h"
#include "src/core/json.h"
#include "src/core/text_checks.h"

namespace infer::cloud {
namespace {

class CountReader final : public Reader {
 public:
  void head(const http::HttpHead& head) override {
    if (const std::string* id = head.find("request-id")) meta_.request_id = *id;
    meta_.rate_limits = typed_rate_limits(head);
  }
  std::optional<Error> event(std::string_view, std::string_view data, EventQueue&) override {
    return bad_answer(kAnthropic, "a stream where one number was asked for", 1, data);
  }
  std::optional<Error> whole(std::string_view body, EventQueue& out) override {
    const auto json = core::parse_json(body);
    if (!json) return bad_answer(kAnthropic, json.error().message(), 0, body);
    const auto tokens = core::int_at(*json, "input_tokens");
    if (!tokens || *tokens < 0)
      return bad_answer(kAnthropic, "it has no number \"input_tokens\"", 0, body);
    out.start(std::move(meta_));
    Usage usage;
    usage.input = tokens;
    usage.raw = body;
    out.usage(std::move(usage));
    counted_ = true;
    return std::nullopt;
  }
  // Servers that speak this wire do not all count. Whoever asks is told so, and once.
  Error refused(Error error) const override {
    if (error.http_status() != 404 && error.http_status() != 405) return error;
    Error unsupported(Errc::kUnsupported,
                      "this server does not count tokens (" + error.message() + ")");
    return std::move(unsupported)
        .with_provider(error.provider())
        .with_provider_code(error.provider_code())
        .with_http_status(error.http_status())
        .with_request_id(error.request_id())
        .with_body(error.body());
  }
  bool proven() const override { return counted_; }
  bool done() const override { return counted_; }
  void close(EventQueue& out) override { out.finish(0, Finish::kStop, {}); }

 private:
  Meta meta_{};
  bool counted_ = false;
};

// What a request may say in extra that counting takes as well. Source: the reference of
// /v1/messages/count_tokens; it refuses what it does not know.
bool counts(std::string_view member) {
  constexpr std::string_view kMembers[] = {
      "cache_control", "context_management", "mcp_servers", "output_config", "speed",
      "system",        "thinking",           "tool_choice", "tools"};
  return std::find(std::begin(kMembers), std::end(kMembers), member) != std::end(kMembers);
}

}  // namespace

Result<Outgoing> write_anthropic_count(const AnthropicModel& model, const TextRequest& request) {
  // What another server keeps cannot be counted here; all else that is promised is of the answer.
  if (auto error = core::refuse_promises(request, ~std::uint32_t{core::kHonoursPrevious}))
    return std::move(*error).with_provider(std::string(kAnthropic));
  if (auto error = check_media(request, *model.media))
    return std::move(*error).with_provider(std::string(kAnthropic));
  Outgoing outgoing;
  outgoing.path = "/messages/count_tokens";
  RawObject body;
  body.set_string("model", model.name);
  auto content = write_anthropic_content(request.messages, model.issuer, outgoing.warnings);
  if (!content) return std::move(content.error());
  if (!content->system.empty()) body.set("system", std::move(content->system));
  if (auto error = put_anthropic_shape(request, body, outgoing.warnings)) return std::move(*error);
  body.set("messages", std::move(content->messages));
  const auto extra = request.extra.find(std::string(kAnthropic));
  if (extra != request.extra.end())
    for (const RawMember& member : raw_members(extra->second))
      if (counts(member.key)) body.set(member.key, std::string(member.value));
  outgoing.body = body.text();
  outgoing.reader = std::make_unique<CountReader>();
  return outgoing;
}

}  // namespace infer::cloud
