#include "src/cloud/openai/plain_delta.h"

#include <simdjson.h>

#include <algorithm>

#include "src/cloud/delta_template.h"
#include "src/http/transport.h"

namespace infer::cloud {
namespace {

namespace od = simdjson::ondemand;

static_assert(http::kPadding >= simdjson::SIMDJSON_PADDING);

// Walks an event; every function is false for "not plain", which is never an error.
class PlainWalk {
 public:
  PlainWalk(const std::vector<std::string>& seen, PlainDelta& delta) : seen_(seen), delta_(delta) {}

  bool event(od::object object) {
    for (auto member : object) {
      std::string_view name;
      od::value value;
      if (!take(member, name, value)) return false;
      if (name == "choices" ? !choices(value) : !top_member(name, value)) return false;
    }
    return found_;
  }

 private:
  template <class Member>
  static bool take(Member& member, std::string_view& name, od::value& value) {
    od::field field;
    if (std::move(member).get(field) != simdjson::SUCCESS) return false;
    if (field.unescaped_key().get(name) != simdjson::SUCCESS) return false;
    value = field.value();
    return true;
  }

  // Of a name that is there twice the last one counts, which only the full parser knows to do.
  enum Met : std::uint32_t {
    kMetChoices = 1u << 0,
    kMetDelta = 1u << 1,
    kMetIndex = 1u << 2,
    kMetCalls = 1u << 3,
    kMetCallIndex = 1u << 4,
    kMetFunction = 1u << 5,
    kMetField = 1u << 8,  // shifted by the field
  };
  bool first(std::uint32_t name) {
    const bool fresh = (met_ & name) == 0;
    met_ |= name;
    return fresh;
  }

  // The bytes of a scalar; of an object or a list its first byte.
  static std::string_view token(od::value& value) {
    std::string_view text = value.raw_json_token();
    while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.remove_suffix(1);
    return text;
  }
  static bool is_null(od::value& value) { return token(value) == "null"; }
  static bool string_inside(od::value& value, std::string_view& inside) {
    const std::string_view text = token(value);
    if (text.size() < 2 || text.front() != '"') return false;
    const std::size_t length = json_string_length(text.substr(1));
    if (length == std::string_view::npos || length + 2 != text.size()) return false;
    inside = text.substr(1, length);
    return true;
  }
  // A string, null, or "": what a member may be that then has no meaning.
  static bool says_nothing(od::value& value) {
    const std::string_view text = token(value);
    return text == "null" || text == "\"\"";
  }

  bool top_member(std::string_view name, od::value& value) {
    if (name == "obfuscation")
      return delta_.obfuscation.data() == nullptr && string_inside(value, delta_.obfuscation);
    if (name == "usage" || name == "error") return is_null(value);
    if (name == "id" || name == "object" || name == "created" || name == "model") return true;
    return is_null(value) || std::find(seen_.begin(), seen_.end(), name) != seen_.end();
  }

  bool choices(od::value& value) {
    od::array list;
    if (!first(kMetChoices) || value.get_array().get(list) != simdjson::SUCCESS) return false;
    std::size_t count = 0;
    for (auto element : list) {
      od::object object;
      if (++count > 1 || element.get_object().get(object) != simdjson::SUCCESS) return false;
      if (!choice(object)) return false;
    }
    return count == 1;
  }

  static bool small_index(od::value& value, std::uint32_t& index) {
    std::uint64_t number = 0;
    if (value.get_uint64().get(number) != simdjson::SUCCESS || number > 1023) return false;
    index = static_cast<std::uint32_t>(number);
    return true;
  }

  bool choice(od::object object) {
    for (auto member : object) {
      std::string_view name;
      od::value value;
      if (!take(member, name, value)) return false;
      if (name == "delta") {
        od::object delta;
        if (!first(kMetDelta)) return false;
        if (value.get_object().get(delta) != simdjson::SUCCESS || !message(delta)) return false;
      } else if (name == "index") {
        if (!first(kMetIndex) || !small_index(value, delta_.choice)) return false;
      } else if (name == "finish_reason" ? !says_nothing(value) : !choice_member(name, value)) {
        return false;
      }
    }
    return true;
  }

  bool choice_member(std::string_view name, od::value& value) {
    if (is_null(value)) return true;
    if (name == "logprobs" || name == "message") return false;
    if (delta_.n_facts == PlainDelta::kMaxFacts) return false;
    od::object object;  // objects only: Azure's verdicts of its filter
    std::string_view raw;
    if (value.get_object().get(object) != simdjson::SUCCESS) return false;
    if (object.raw_json().get(raw) != simdjson::SUCCESS) return false;
    while (!raw.empty() && static_cast<unsigned char>(raw.back()) <= ' ') raw.remove_suffix(1);
    if (raw != "{}") delta_.facts[delta_.n_facts++] = {name, raw};
    return true;
  }

  bool piece(DeltaField field, od::value& value) {
    if (!first(kMetField << static_cast<unsigned>(field))) return false;
    if (says_nothing(value)) return true;
    if (found_ || !string_inside(value, delta_.inside)) return false;
    found_ = true;
    delta_.field = field;
    return true;
  }

  bool message(od::object object) {
    for (auto member : object) {
      std::string_view name;
      od::value value;
      if (!take(member, name, value)) return false;
      if (!message_member(name, value)) return false;
    }
    return true;
  }

  bool message_member(std::string_view name, od::value& value) {
    if (name == "content") return piece(DeltaField::kContent, value);
    if (name == "role") return true;
    if (name == "reasoning_content") return piece(DeltaField::kReasoningContent, value);
    if (name == "reasoning") return piece(DeltaField::kReasoning, value);
    if (name == "reasoning_text") return piece(DeltaField::kReasoningText, value);
    if (name != "tool_calls") return says_nothing(value);
    if (!first(kMetCalls)) return false;
    if (is_null(value)) return true;
    od::array list;
    if (value.get_array().get(list) != simdjson::SUCCESS) return false;
    std::size_t count = 0;
    for (auto element : list) {
      od::object call;
      if (++count > 1 || element.get_object().get(call) != simdjson::SUCCESS) return false;
      if (!tool_call(call)) return false;
    }
    return true;
  }

  bool tool_call(od::object object) {
    bool indexed = false;
    for (auto member : object) {
      std::string_view name;
      od::value value;
      if (!take(member, name, value)) return false;
      if (name == "index") {
        if (!first(kMetCallIndex) || !small_index(value, delta_.call)) return false;
        indexed = true;
      } else if (name == "function") {
        od::object function;
        if (!first(kMetFunction)) return false;
        if (value.get_object().get(function) != simdjson::SUCCESS || !arguments(function))
          return false;
      } else if (name != "type" && !says_nothing(value)) {
        return false;
      }
    }
    return indexed;
  }

  bool arguments(od::object object) {
    for (auto member : object) {
      std::string_view name;
      od::value value;
      if (!take(member, name, value)) return false;
      if (name == "arguments" ? !piece(DeltaField::kArguments, value) : !says_nothing(value))
        return false;
    }
    return true;
  }

  const std::vector<std::string>& seen_;
  PlainDelta& delta_;
  bool found_ = false;
  std::uint32_t met_ = 0;
};

}  // namespace

struct PlainDeltaParser::Impl {
  od::parser parser{};
};

PlainDeltaParser::PlainDeltaParser() = default;
PlainDeltaParser::~PlainDeltaParser() = default;

std::optional<PlainDelta> PlainDeltaParser::read(std::string_view event,
                                                 const std::vector<std::string>& seen) {
  if (!impl_) impl_ = std::make_unique<Impl>();
  od::document document;
  const auto padded = simdjson::padded_string_view(event.data(), event.size(),
                                                   event.size() + http::kPadding);
  if (impl_->parser.iterate(padded).get(document) != simdjson::SUCCESS) return std::nullopt;
  od::object object;
  if (document.get_object().get(object) != simdjson::SUCCESS) return std::nullopt;
  PlainDelta delta;
  if (!PlainWalk(seen, delta).event(object)) return std::nullopt;
  // Something after the object is not JSON.
  if (document.current_location().error() != simdjson::OUT_OF_BOUNDS) return std::nullopt;
  return delta;
}

}  // namespace infer::cloud
