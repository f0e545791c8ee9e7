#include "src/core/response.h"

#include <utility>

#include "src/core/json.h"

namespace infer {
namespace core {
namespace {

Choice& choice_at(Response& response, std::uint32_t i) {
  // A wild index from a damaged stream must not become a huge allocation.
  constexpr std::uint32_t kMaxChoices = 4096;
  if (i >= kMaxChoices) i = kMaxChoices - 1;
  while (response.choices.size() <= i) response.choices.emplace_back();
  return response.choices[i];
}

// The flags that a part begins with, as far as this library knows them. What is not an object of
// flags says nothing.
void set_flags(std::string_view extra, Part& part) {
  if (extra.empty()) return;
  const auto json = parse_json(extra);
  if (!json) return;
  const auto flag = [&json](std::string_view key) {
    const Json* value = find(*json, key);
    return value && value->is_boolean() && value->get<bool>();
  };
  if (auto* call = part.get<ToolCall>()) {
    call->custom = flag("custom");
    call->provider_executed = flag("provider_executed");
  } else if (auto* reasoning = part.get<Reasoning>()) {
    reasoning->redacted = flag("redacted");
  }
}

void begin_part(const Event& event, Response& response) {
  Part part;
  part.issuer = response.issuer.empty() ? response.provider : response.issuer;
  switch (event.part_kind) {
    case Event::PartKind::kReasoning: part.value = Reasoning{}; break;
    case Event::PartKind::kToolCall:
      part.value = ToolCall{.id = std::string(event.id), .name = std::string(event.data)};
      break;
    case Event::PartKind::kRefusal: part.value = Refusal{}; break;
    case Event::PartKind::kOpaque: part.value = Opaque{.type = std::string(event.data)}; break;
    default: part.value = Text{}; break;
  }
  set_flags(event.extra, part);
  choice_at(response, event.choice).message.parts.push_back(std::move(part));
}

Part& part_at(Response& response, const Event& event) {
  auto& parts = choice_at(response, event.choice).message.parts;
  if (parts.empty()) {  // its beginning never came
    Event begin;
    begin.part_kind = event.part_kind;
    begin.choice = event.choice;
    begin_part(begin, response);
  }
  return event.part < parts.size() ? parts[event.part] : parts.back();
}

struct Append {
  std::string_view bytes;
  void operator()(Text& text) const { text.text += bytes; }
  void operator()(Refusal& refusal) const { refusal.text += bytes; }
  void operator()(Reasoning& reasoning) const { reasoning.text += bytes; }
  void operator()(ToolCall& call) const { call.arguments += bytes; }
  void operator()(Opaque& opaque) const { opaque.json += bytes; }
  void operator()(Media&) const {}
  void operator()(ToolResult&) const {}
};

void add_logprobs(const Event& event, Choice& choice) {
  const auto candidate = [](const TokenLogprob& from) {
    return ChosenToken::Candidate{from.token, from.logprob, std::string(from.bytes)};
  };
  for (std::size_t i = 0; i < event.logprobs.size();) {
    ChosenToken token{.chosen = candidate(event.logprobs[i])};
    const std::size_t end = i + 1 + event.logprobs[i].n_top;
    for (++i; i < end && i < event.logprobs.size(); ++i)
      token.top.push_back(candidate(event.logprobs[i]));
    choice.logprobs.push_back(std::move(token));
  }
}

void end_part(const Event& event, Response& response) {
  Part& part = part_at(response, event);
  if (auto* reasoning = part.get<Reasoning>()) reasoning->signature += event.data;
  if (!event.id.empty()) part.id = event.id;
  if (!event.extra.empty()) part.extra = event.extra;
}

void add_media(const Event& event, Response& response) {
  if (event.preview || !event.media) return;
  Part part{.value = *event.media, .id = std::string(event.id)};
  part.issuer = response.issuer.empty() ? response.provider : response.issuer;
  part.extra = event.extra;
  choice_at(response, event.choice).message.parts.push_back(std::move(part));
}

void start(const Event& event, Response& response) {
  response.model = event.id;
  response.metadata = event.extra;
  if (!event.meta) return;
  response.id = event.meta->response_id;
  response.request_id = event.meta->request_id;
  response.attempts = event.meta->attempts;
  response.issuer = event.meta->issuer;
  response.rate_limits = event.meta->rate_limits;
  if (!event.meta->model.empty()) response.model = event.meta->model;
  if (!event.meta->extra.empty()) response.metadata = event.meta->extra;
}

void finish(const Event& event, Response& response) {
  Choice& choice = choice_at(response, event.choice);
  choice.finish = event.finish;
  (event.finish == Finish::kStopSequence ? choice.stop_sequence : choice.finish_raw) = event.data;
  if (!event.extra.empty()) choice.message.extra = event.extra;
  if (event.usage) response.usage = *event.usage;
}

}  // namespace

void accumulate(const Event& event, Response& response) {
  switch (event.kind) {
    case Event::Kind::kStart: return start(event, response);
    case Event::Kind::kPartBegin: return begin_part(event, response);
    case Event::Kind::kDelta:
      std::visit(Append{event.data}, part_at(response, event).value);
      if (!event.logprobs.empty()) add_logprobs(event, choice_at(response, event.choice));
      return;
    case Event::Kind::kPartEnd: return end_part(event, response);
    case Event::Kind::kUsage:
      if (event.usage) response.usage = *event.usage;
      return;
    case Event::Kind::kWarning:
      response.warnings.push_back(
          Warning{std::string(event.data), std::string(event.id), std::string(event.extra)});
      return;
    case Event::Kind::kMedia: return add_media(event, response);
    case Event::Kind::kVectors:
      response.vectors.insert(response.vectors.end(), event.vectors.begin(), event.vectors.end());
      response.dimensions = event.dimensions;
      return;
    case Event::Kind::kFinish: return finish(event, response);
    case Event::Kind::kProgress:
    case Event::Kind::kNone: return;
  }
}

}  // namespace core

inline namespace v0 {

const Message& Response::message() const noexcept {
  static const Message* const none = new Message{.role = Role::kAssistant};
  return choices.empty() ? *none : choices.front().message;
}
std::string Response::text() const { return message().text(); }
Finish Response::finish() const noexcept {
  return choices.empty() ? Finish::kUnknown : choices.front().finish;
}
std::vector<ToolCall> Response::tool_calls() const {
  std::vector<ToolCall> calls;
  for (const Part& part : message().parts)
    if (const ToolCall* call = part.get<ToolCall>()) calls.push_back(*call);
  return calls;
}

}  // namespace v0
}  // namespace infer
