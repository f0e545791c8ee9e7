#include "src/cloud/openai/plain_delta.h"

#include <simdjson.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <mutex>

#include "src/cloud/delta_template.h"
#include "src/http/transport.h"

namespace infer::cloud {
namespace {

namespace od = simdjson::ondemand;

static_assert(http::kPadding >= simdjson::SIMDJSON_PADDING);

// Walks an event; every function is false for "not plain", which is never an error.
class PlainWalk {
 public:
  PlainWalk(std::string_view event, bool whole, const std::vector<std::string>& seen,
            PlainDelta& delta)
      : end_(event.data() + event.size()), whole_(whole), seen_(seen), delta_(delta) {}

  bool event(od::object object) {
    for (auto member : object) {
      std::string_view name;
      od::value value;
      if (!take(member, name, value)) return false;
      if (name == "choices" ? !choices(value) : !top_member(name, value)) return false;
    }
    return true;
  }

 private:
  // A name with escapes is not one that servers have.
  template <class Member>
  bool take(Member& member, std::string_view& name, od::value& value) const {
    od::field field;
    if (std::move(member).get(field) != simdjson::SUCCESS) return false;
    const char* const begin = field.key().raw();
    const void* const quote = std::memchr(begin, '"', static_cast<std::size_t>(end_ - begin));
    if (!quote) return false;
    name = {begin, static_cast<std::size_t>(static_cast<const char*>(quote) - begin)};
    value = field.value();
    return !has_escapes(name);
  }

  // Of a name that is there twice the last one counts, which only the full parser knows to do.
  enum Met : std::uint32_t {
    kMetChoices = 1u << 0,
    kMetDelta = 1u << 1,
    kMetIndex = 1u << 2,
    kMetCalls = 1u << 3,
    kMetCallIndex = 1u << 4,
    kMetFunction = 1u << 5,
    kMetFinish = 1u << 6,
    kMetId = 1u << 7,
    kMetModel = 1u << 8,
    kMetUsage = 1u << 9,
    kMetPromptDetails = 1u << 10,
    kMetCompletionDetails = 1u << 11,
    kMetField = 1u << 16,  // shifted by the field
  };
  bool first(std::uint32_t name) {
    const bool fresh = (met_ & name) == 0;
    met_ |= name;
    return fresh;
  }

  // The bytes of a scalar; of an object or a list its first byte.
  static std::string_view token(od::value& value) { return trimmed_right(value.raw_json_token()); }
  static std::string_view trimmed_right(std::string_view text) {
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

  static bool is_empty_list(od::value& value) {
    od::array list;
    bool empty = false;
    return value.get_array().get(list) == simdjson::SUCCESS &&
           list.is_empty().get(empty) == simdjson::SUCCESS && empty;
  }

  // A string without escapes; null is an empty one.
  static bool simple_string(od::value& value, std::string_view& inside) {
    return is_null(value) || (string_inside(value, inside) && !has_escapes(inside));
  }

  static bool is_scalar(od::value& value) {
    const std::string_view text = token(value);
    if (text == "true" || text == "false" || text == "null") return true;
    std::string_view inside;
    double number = 0;
    if (text.empty()) return false;
    if (text.front() == '"') return string_inside(value, inside);
    return value.get_double().get(number) == simdjson::SUCCESS;
  }

  bool top_member(std::string_view name, od::value& value) {
    if (name == "obfuscation")
      return delta_.obfuscation.data() == nullptr && string_inside(value, delta_.obfuscation);
    if (name == "id") return first(kMetId) && simple_string(value, delta_.id);
    if (name == "model") return first(kMetModel) && simple_string(value, delta_.model);
    if (name == "object")
      return token(value) == (whole_ ? "\"chat.completion\"" : "\"chat.completion.chunk\"");
    if (name == "usage") return usage(value);
    // Groq's own member comes twice, with figures or an error the second time.
    if (name == "error" || name == "x_groq") return is_null(value);
    if (is_null(value) || std::find(seen_.begin(), seen_.end(), name) != seen_.end()) return true;
    const std::string_view text = token(value);
    if (text == "false" || text == "\"\"") return true;
    if (name == "created" && !is_time(text)) return text == "0";
    for (const PlainDelta::Fact& fact : delta_.facts)
      if (fact.name == name) return false;
    return is_scalar(value) && delta_.facts.add(name, text);
  }

  static bool is_time(std::string_view text) {
    return !text.empty() && text.front() >= '1' && text.front() <= '9';
  }

  bool usage(od::value& value) {
    if (!first(kMetUsage)) return false;
    if (is_null(value)) return true;
    od::object object;
    std::string_view raw;
    if (value.get_object().get(object) != simdjson::SUCCESS) return false;
    if (object.raw_json().get(raw) != simdjson::SUCCESS) return false;
    delta_.usage = trimmed_right(raw);
    delta_.figures = {};
    return object.reset().error() == simdjson::SUCCESS && figures(object, {});
  }

  // A group of figures holds no other groups.
  bool figures(od::object object, std::string_view group) {
    for (auto member : object) {
      std::string_view name;
      od::value value;
      if (!take(member, name, value)) return false;
      const bool is_group = group.empty() && token(value).substr(0, 1) == "{";
      if (is_group ? !figure_group(name, value) : !figure(group, name, value)) return false;
    }
    return true;
  }
  bool figure_group(std::string_view name, od::value& value) {
    od::object object;
    return met_group(name) != 0 && first(met_group(name)) &&
           value.get_object().get(object) == simdjson::SUCCESS && figures(object, name);
  }
  static std::uint32_t met_group(std::string_view name) {
    if (name == "prompt_tokens_details") return kMetPromptDetails;
    if (name == "completion_tokens_details") return kMetCompletionDetails;
    return 0;
  }
  // One that is not known has to be valid all the same: the bytes are kept.
  bool figure(std::string_view group, std::string_view name, od::value& value) {
    if (std::optional<double>* const time = time_named(group, name)) return seconds(*time, value);
    ChatFigures::Figure* const figure = figure_named(group, name);
    if (!figure) return (met_ & met_group(name)) == 0 && is_scalar(value);
    if (figure->has_value()) return false;
    if (is_null(value)) return true;
    std::uint64_t number = 0;
    if (value.get_uint64().get(number) != simdjson::SUCCESS || number > std::uint64_t{INT64_MAX})
      return false;
    *figure = static_cast<std::int64_t>(number);
    return true;
  }
  std::optional<double>* time_named(std::string_view group, std::string_view name) {
    if (!group.empty()) return nullptr;
    if (name == "queue_time") return &delta_.figures.queue;
    if (name == "prompt_time") return &delta_.figures.prefill;
    return name == "completion_time" ? &delta_.figures.decode : nullptr;
  }
  static bool seconds(std::optional<double>& to, od::value& value) {
    if (to.has_value()) return false;
    if (is_null(value)) return true;
    double number = 0;
    if (value.get_double().get(number) != simdjson::SUCCESS) return false;
    to = number;
    return true;
  }
  ChatFigures::Figure* figure_named(std::string_view group, std::string_view name) {
    ChatFigures& figures = delta_.figures;
    if (group.empty()) {
      if (name == "prompt_tokens") return &figures.prompt;
      if (name == "completion_tokens") return &figures.completion;
      if (name == "total_tokens") return &figures.total;
      return name == "prompt_cache_hit_tokens" ? &figures.cache_hit : nullptr;
    }
    if (group == "completion_tokens_details")
      return name == "reasoning_tokens" ? &figures.reasoning : nullptr;
    if (name == "cached_tokens") return &figures.cached;
    return name == "cache_write_tokens" ? &figures.cache_write : nullptr;
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
    delta_.has_choice = count == 1;
    return true;
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
      if (name == (whole_ ? "message" : "delta")) {
        od::object delta;
        if (!first(kMetDelta)) return false;
        if (value.get_object().get(delta) != simdjson::SUCCESS || !message(delta)) return false;
      } else if (name == "index") {
        if (!first(kMetIndex) || !small_index(value, delta_.choice)) return false;
      } else if (name == "finish_reason") {
        if (!first(kMetFinish) || !simple_string(value, delta_.finish)) return false;
      } else if (!choice_member(name, value)) {
        return false;
      }
    }
    return true;
  }

  bool choice_member(std::string_view name, od::value& value) {
    if (is_null(value)) return true;
    if (name == "logprobs" || name == "message" || name == "delta") return false;
    od::object object;  // objects only: Azure's verdicts of its filter
    std::string_view raw;
    if (value.get_object().get(object) != simdjson::SUCCESS) return false;
    if (object.raw_json().get(raw) != simdjson::SUCCESS) return false;
    raw = trimmed_right(raw);
    return raw == "{}" || delta_.choice_facts.add(name, raw);
  }

  bool piece(DeltaField field, od::value& value) {
    if (!first(kMetField << static_cast<unsigned>(field))) return false;
    if (says_nothing(value)) return true;
    if (delta_.has_piece || !string_inside(value, delta_.inside)) return false;
    delta_.has_piece = true;
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
    if (name == "annotations") return says_nothing(value) || is_empty_list(value);
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

  const char* end_;
  bool whole_;
  const std::vector<std::string>& seen_;
  PlainDelta& delta_;
  std::uint32_t met_ = 0;
};

struct PlainParser {
  od::parser parser{};
};

// Parsers that nobody uses right now. They are large, and an idle reply should have none.
class IdleParsers {
 public:
  std::unique_ptr<PlainParser> take() {
    {
      std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        auto parser = std::move(idle_.back());
        idle_.pop_back();
        return parser;
      }
    }
    return std::make_unique<PlainParser>();
  }
  void give_back(std::unique_ptr<PlainParser> parser) {
    if (parser->parser.capacity() > kLargest) return;
    std::lock_guard lock(mutex_);
    if (idle_.size() < kMost) idle_.push_back(std::move(parser));
  }

 private:
  static constexpr std::size_t kMost = 16;
  // One that has read a larger event does not keep its memory.
  static constexpr std::size_t kLargest = std::size_t{256} * 1024;
  std::mutex mutex_;
  std::vector<std::unique_ptr<PlainParser>> idle_;
};

// Never destroyed: a reply may still be read while the process exits.
IdleParsers& idle_parsers() {
  static IdleParsers* const one = new IdleParsers;
  return *one;
}

bool parse(od::parser& parser, std::string_view event, bool whole,
           const std::vector<std::string>& seen, PlainDelta& delta) {
  od::document document;
  const auto padded =
      simdjson::padded_string_view(event.data(), event.size(), event.size() + http::kPadding);
  if (parser.iterate(padded).get(document) != simdjson::SUCCESS) return false;
  od::object object;
  if (document.get_object().get(object) != simdjson::SUCCESS) return false;
  delta.reset();
  if (!PlainWalk(event, whole, seen, delta).event(object)) return false;
  // Something after the object is not JSON.
  return document.current_location().error() == simdjson::OUT_OF_BOUNDS;
}

bool read_plain(std::string_view event, bool whole, const std::vector<std::string>& seen,
                PlainDelta& delta) {
  auto parser = idle_parsers().take();
  const bool plain = parse(parser->parser, event, whole, seen, delta);
  idle_parsers().give_back(std::move(parser));
  return plain;
}

}  // namespace

bool read_plain_delta(std::string_view event, const std::vector<std::string>& seen,
                      PlainDelta& delta) {
  return read_plain(event, false, seen, delta);
}

bool read_plain_answer(std::string_view body, PlainDelta& delta) {
  return read_plain(body, true, {}, delta);
}

}  // namespace infer::cloud
