#include <algorithm>

#include "src/cloud/media_limits.h"
#include "src/cloud/openai/openai.h"
#include "src/core/json.h"

namespace infer::cloud {
namespace {

bool is_sound(const Media& media) { return type_of_media(media).substr(0, 6) == "audio/"; }

// A document by address, a picture by its id: chats take neither.
bool only_responses_take(const Media& media) {
  const std::string type = type_of_media(media);
  const bool picture = type.substr(0, 6) == "image/";
  if (std::get_if<Url>(&media.source)) return !picture && !type.empty() && !is_sound(media);
  return std::get_if<FileId>(&media.source) && picture;
}

bool any_part(const TextRequest& request, bool (*test)(const Part&, const ServerModel&),
              const ServerModel& model) {
  return std::any_of(request.messages.begin(), request.messages.end(), [&](const Message& m) {
    return std::any_of(m.parts.begin(), m.parts.end(),
                       [&](const Part& part) { return test(part, model); });
  });
}

// In a chat a tool is {"type":"function","function":{...}}; what has no member of its type's name
// is a tool of the provider's own, or one in the shape of Responses.
bool is_tool_of_responses(const Tool& tool) {
  if (tool.provider_json.empty()) return false;
  const auto json = core::parse_json(tool.provider_json);
  return json && !core::find(*json, core::string_or(*json, "type"));
}

// What a chat would refuse, and Responses take.
bool must_have_responses(const ServerModel& model, const TextRequest& request) {
  return !request.previous_response_id.empty() || request.truncation != Truncation::kError ||
         std::any_of(request.tools.begin(), request.tools.end(), is_tool_of_responses) ||
         any_part(
             request,
             [](const Part& part, const ServerModel&) {
               if (const auto* media = part.get<Media>()) return only_responses_take(*media);
               const auto* result = part.get<ToolResult>();
               return result && std::any_of(result->content.begin(), result->content.end(),
                                            [](const Part& in) { return in.get<Media>(); });
             },
             model);
}

// What a chat would leave out, with a warning.
bool is_better_with_responses(const ServerModel& model, const TextRequest& request) {
  return !request.reasoning.summary.empty() ||
         any_part(
             request,
             [](const Part& part, const ServerModel& of) {
               return part.issuer == of.responses_issuer &&
                      (part.get<Reasoning>() || part.get<Opaque>());
             },
             model);
}

// What Responses would refuse, and a chat takes.
bool must_have_chat(const ServerModel& model, const TextRequest& request) {
  return request.n > 1 || !request.stop.empty() ||
         any_part(
             request,
             [](const Part& part, const ServerModel&) {
               const auto* media = part.get<Media>();
               return media && is_sound(*media);
             },
             model);
}

}  // namespace

TextApi choose_text_api(const ServerModel& model, const TextRequest& request) {
  if (model.text_api != TextApi::kAuto) return model.text_api;
  if (!model.dialect->responses) return TextApi::kChat;
  if (must_have_responses(model, request)) return TextApi::kResponses;
  return is_better_with_responses(model, request) && !must_have_chat(model, request)
             ? TextApi::kResponses
             : TextApi::kChat;
}

}  // namespace infer::cloud
