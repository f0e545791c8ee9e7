#include "src/cloud/openai/responses_items.h"

#include <utility>

#include "src/cloud/raw_json.h"

namespace infer::cloud {
namespace {

// A text as it is; of anything else its bytes: some servers send arguments as the object itself.
std::string text_or_raw(const core::Json& object, std::string_view raw, std::string_view key) {
  const core::Json* value = core::find(object, key);
  if (!value || value->is_null()) return {};
  if (value->is_string()) return value->get<std::string>();
  return std::string(raw_member(raw, key).value_or(""));
}

ItemPart content_of_item(const core::Json& content, std::string_view raw) {
  const std::string type = core::string_or(content, "type");
  ItemPart part;
  part.kind = kind_of_content(type);
  const core::Json* text = core::find(content, text_member(type));
  if (part.kind != Event::PartKind::kOpaque && text && text->is_string()) {
    part.text = text->get<std::string>();
    const core::Json* annotations = core::find(content, "annotations");
    if (annotations && annotations->is_array() && !annotations->empty())
      part.annotations = raw_member(raw, "annotations").value_or("");
    part.logprobs = core::find(content, "logprobs");
    return part;
  }
  part.kind = Event::PartKind::kOpaque;
  part.type = type;
  part.text = raw;
  return part;
}

void add_thoughts(const core::Json& item, std::string_view key, std::string& to) {
  const core::Json* list = core::find(item, key);
  if (!list || !list->is_array()) return;
  for (const core::Json& thought : *list) {
    const std::string text = core::string_or(thought, "text");
    if (text.empty()) continue;
    if (!to.empty()) to += kBetweenThoughts;
    to += text;
  }
}

}  // namespace

Event::PartKind kind_of_item(std::string_view type) {
  if (type == "message") return Event::PartKind::kNone;
  if (type == "reasoning") return Event::PartKind::kReasoning;
  if (type == "function_call" || type == "custom_tool_call") return Event::PartKind::kToolCall;
  return Event::PartKind::kOpaque;
}

Event::PartKind kind_of_content(std::string_view type) {
  if (type == "refusal") return Event::PartKind::kRefusal;
  return type == "output_text" || type == "text" ? Event::PartKind::kText
                                                 : Event::PartKind::kOpaque;
}
std::string_view text_member(std::string_view type) {
  return type == "refusal" ? "refusal" : "text";
}

std::string call_id_of(const core::Json& item) {
  const std::string id = core::string_or(item, "call_id");
  return id.empty() ? core::string_or(item, "id") : id;
}

std::vector<ItemPart> item_parts(const core::Json& item, std::string_view raw) {
  const std::string type = core::string_or(item, "type");
  std::vector<ItemPart> parts;
  ItemPart part;
  part.kind = kind_of_item(type);
  switch (part.kind) {
    case Event::PartKind::kNone: {
      const core::Json* content = core::find(item, "content");
      const auto elements = raw_elements(raw_member(raw, "content").value_or("[]"));
      if (content && content->is_array())
        for (std::size_t i = 0; i < content->size() && i < elements.size(); ++i)
          parts.push_back(content_of_item((*content)[i], elements[i]));
      if (!parts.empty()) return parts;
      part.kind = Event::PartKind::kOpaque;
      break;
    }
    case Event::PartKind::kReasoning:
      add_thoughts(item, "summary", part.text);
      add_thoughts(item, "content", part.text);
      break;
    case Event::PartKind::kToolCall:
      part.text = text_or_raw(item, raw, type == "function_call" ? "arguments" : "input");
      break;
    default: break;
  }
  if (part.kind == Event::PartKind::kOpaque) {
    part.type = type;
    part.text = raw;
  }
  parts.push_back(std::move(part));
  return parts;
}

}  // namespace infer::cloud
