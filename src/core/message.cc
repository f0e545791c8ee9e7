#include "infer/message.h"

#include <cstring>

namespace infer {
inline namespace v0 {

Blob::Blob(std::string bytes) {
  auto owner = std::make_shared<const std::string>(std::move(bytes));
  data_ = reinterpret_cast<const std::uint8_t*>(owner->data());
  size_ = owner->size();
  owner_ = std::move(owner);
}

Blob::Blob(std::vector<std::uint8_t> bytes) {
  auto owner = std::make_shared<const std::vector<std::uint8_t>>(std::move(bytes));
  data_ = owner->data();
  size_ = owner->size();
  owner_ = std::move(owner);
}

Blob Blob::copy(const void* data, std::size_t size) {
  return Blob(std::string(static_cast<const char*>(data), size));
}

Blob Blob::borrow(const void* data, std::size_t size, std::shared_ptr<const void> owner) {
  Blob blob;
  blob.data_ = static_cast<const std::uint8_t*>(data);
  blob.size_ = size;
  blob.owner_ = std::move(owner);
  return blob;
}

// Written out: clang 14 cannot default comparisons of types that contain themselves.
bool ToolResult::operator==(const ToolResult& o) const {
  return call_id == o.call_id && name == o.name && content == o.content && is_error == o.is_error &&
         provider_executed == o.provider_executed;
}
bool Part::operator==(const Part& o) const {
  return value == o.value && id == o.id && issuer == o.issuer && extra == o.extra &&
         cache == o.cache;
}

std::string_view to_string(Role role) noexcept {
  switch (role) {
    case Role::kSystem: return "system";
    case Role::kDeveloper: return "developer";
    case Role::kUser: return "user";
    case Role::kAssistant: return "assistant";
    case Role::kTool: return "tool";
  }
  return "user";
}

std::string Message::text() const {
  std::string all;
  for (const Part& part : parts)
    if (const Text* text = part.get<Text>()) all += text->text;
  return all;
}

namespace {
Message with_text(Role role, std::string text) {
  Message message;
  message.role = role;
  message.parts.push_back(Part{.value = Text{std::move(text)}});
  return message;
}
}  // namespace

Message system(std::string text) { return with_text(Role::kSystem, std::move(text)); }
Message user(std::string text) { return with_text(Role::kUser, std::move(text)); }
Message assistant(std::string text) { return with_text(Role::kAssistant, std::move(text)); }

Message user(std::string text, std::vector<Media> media) {
  Message message = user(std::move(text));
  for (Media& one : media) message.parts.push_back(Part{.value = std::move(one)});
  return message;
}

Message tool_result(const ToolCall& call, std::string content, bool is_error) {
  ToolResult result{.call_id = call.id, .name = call.name, .content = {}, .is_error = is_error};
  result.content.push_back(Part{.value = Text{std::move(content)}});
  Message message;
  message.role = Role::kTool;
  message.parts.push_back(Part{.value = std::move(result)});
  return message;
}

}  // namespace v0
}  // namespace infer
