#include "request.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "infer/plugin.h"
#include "refusal.h"

namespace infer::llama {
namespace {

using Json = nlohmann::json;
constexpr int kMaxDepth = 128;

Json parse_object(std::string_view text, const char* what) {
  Json value;
  try {
    value = Json::parse(text.begin(), text.end(), [what](int depth, Json::parse_event_t, Json&) {
      if (depth > kMaxDepth)
        throw Refusal(INFER_E_INVALID_REQUEST, std::string(what) + " is nested too deeply");
      return true;
    });
  } catch (const Json::exception& e) {
    throw Refusal(INFER_E_INVALID_REQUEST, std::string(what) + " is not valid JSON: " + e.what());
  }
  if (!value.is_object())
    throw Refusal(INFER_E_INVALID_REQUEST, std::string(what) + " is not a JSON object");
  return value;
}

[[noreturn]] void invalid(const std::string& field, const std::string& message) {
  throw field_refusal(INFER_E_INVALID_REQUEST, field, message);
}

[[noreturn]] void unsupported(const std::string& field, const std::string& message) {
  throw field_refusal(INFER_E_UNSUPPORTED, field, message);
}

std::string shown(double value) {
  if (value == std::floor(value) && std::fabs(value) < 1e15)
    return std::to_string(static_cast<int64_t>(value));
  std::string text = std::to_string(value);
  while (text.back() == '0') text.pop_back();
  return text;
}

int64_t get_int(const Json& value, const std::string& field, int64_t low, int64_t high) {
  const std::string range =
      "must be a whole number from " + std::to_string(low) + " to " + std::to_string(high);
  if (!value.is_number_integer()) invalid(field, range);
  if (value.is_number_unsigned() && value.get<uint64_t>() > static_cast<uint64_t>(high))
    invalid(field, range);
  const auto number = value.get<int64_t>();
  if (number < low || number > high) invalid(field, range);
  return number;
}

double get_number(const Json& value, const std::string& field, double low, double high,
                  bool above_low = false) {
  const double number =
      value.is_number() ? value.get<double>() : std::numeric_limits<double>::quiet_NaN();
  if (!(number >= low && number <= high) || (above_low && number == low)) {
    invalid(field, "must be a number " + std::string(above_low ? "above " : "from ") + shown(low) +
                       (above_low ? " and at most " : " to ") + shown(high));
  }
  return number;
}

const std::string& get_string(const Json& value, const std::string& field) {
  if (!value.is_string()) invalid(field, "must be a string");
  return value.get_ref<const std::string&>();
}

// An optional string member of an object.
std::string member(const Json& object, const char* key, const std::string& where) {
  const auto found = object.find(key);
  return found == object.end() ? std::string() : get_string(*found, where + "." + key);
}

void warn(TextRequest& request, const std::string& setting, const std::string& message) {
  request.warnings.push_back(Warning{"unsupported_setting", setting + ": " + message,
                                     "{\"setting\":" + engine::json_quote(setting) + "}"});
}

// -- Messages

Tree to_tree(const Json& value) {
  Tree tree;
  switch (value.type()) {
    case Json::value_t::boolean:
      tree.kind = Tree::Kind::kBool;
      tree.truth = value.get<bool>();
      break;
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned:
      tree.kind = Tree::Kind::kInt;
      tree.integer = value.get<int64_t>();
      // Above what an int64_t holds.
      if (value.is_number_unsigned() && tree.integer < 0) {
        tree.kind = Tree::Kind::kFloat;
        tree.number = value.get<double>();
      }
      break;
    case Json::value_t::number_float:
      tree.kind = Tree::Kind::kFloat;
      tree.number = value.get<double>();
      break;
    case Json::value_t::string:
      tree.kind = Tree::Kind::kString;
      tree.text = value.get<std::string>();
      break;
    case Json::value_t::array:
      tree.kind = Tree::Kind::kArray;
      for (const Json& item : value) tree.items.push_back(to_tree(item));
      break;
    case Json::value_t::object:
      tree.kind = Tree::Kind::kObject;
      for (const auto& item : value.items()) {
        tree.keys.push_back(item.key());
        tree.items.push_back(to_tree(item.value()));
      }
      break;
    default: break;
  }
  return tree;
}

void append_text(std::string& text, const std::string& more) {
  if (!text.empty() && !more.empty()) text += '\n';
  text += more;
}

ToolCall parse_tool_call(const Json& part, const std::string& where) {
  ToolCall call;
  call.id = member(part, "call_id", where);
  call.name = member(part, "name", where);
  call.arguments = member(part, "arguments", where);
  if (call.name.empty()) invalid(where + ".name", "must be given");
  try {
    call.tree = to_tree(parse_object(call.arguments, "arguments"));
  } catch (const Refusal&) {
    call.tree.reset();  // a custom tool's free text
  }
  return call;
}

std::string result_text(const Json& part, const std::string& where) {
  std::string text;
  const auto content = part.find("content");
  if (content == part.end()) return text;
  if (!content->is_array()) invalid(where + ".content", "must be an array");
  for (std::size_t i = 0; i < content->size(); ++i) {
    const Json& piece = (*content)[i];
    const std::string at = where + ".content[" + std::to_string(i) + "]";
    if (!piece.is_object()) invalid(at, "must be an object");
    if (member(piece, "type", at) != "text")
      unsupported(at, "only text is understood in a tool's result");
    append_text(text, member(piece, "text", at));
  }
  return text;
}

// Collects the parts of one message; a tool's result in between ends a message and begins another.
class MessageReader {
 public:
  MessageReader(TextRequest& request, std::string role, std::string name)
      : request_(request), role_(std::move(role)), name_(std::move(name)) {
    begin();
  }

  void add(const Json& part, const std::string& where) {
    const std::string type = member(part, "type", where);
    if (type == "text" || type == "refusal") {
      append_text(message_.text, member(part, "text", where));
      used_ = true;
    } else if (type == "reasoning") {
      append_text(message_.reasoning, member(part, "text", where));
      used_ = true;
    } else if (type == "tool_call") {
      message_.tool_calls.push_back(parse_tool_call(part, where));
      used_ = true;
    } else if (type == "tool_result") {
      finish();
      message_.role = "tool";
      message_.name = member(part, "name", where);
      message_.tool_call_id = member(part, "call_id", where);
      message_.text = result_text(part, where);
      used_ = true;
      finish();
      sent_ = true;
    } else if (type == "media") {
      unsupported(
          where,
          "this model is loaded without eyes and ears: media is not supported in this version");
    } else if (type == "opaque") {
      request_.warnings.push_back(Warning{"part_dropped",
                                          where + ": an item of another provider was left out",
                                          "{\"part\":" + engine::json_quote(where) + "}"});
    } else {
      invalid(where + ".type", "is unknown");
    }
  }

  // A message without any part is still a message, with an empty text.
  void close() {
    if (used_ || !sent_) {
      used_ = true;
      finish();
    }
  }

 private:
  void begin() {
    message_ = ChatMessage{};
    message_.role = role_;
    message_.name = name_;
    used_ = false;
  }
  void finish() {
    if (used_) request_.messages.push_back(std::move(message_));
    begin();
  }

  TextRequest& request_;
  const std::string role_, name_;
  ChatMessage message_;
  bool used_ = false, sent_ = false;
};

void parse_message(const Json& message, const std::string& where, TextRequest& request) {
  static const char* const kRoles[] = {"system", "developer", "user", "assistant", "tool"};
  if (!message.is_object()) invalid(where, "must be an object");
  const std::string role = member(message, "role", where);
  if (std::find(std::begin(kRoles), std::end(kRoles), role) == std::end(kRoles)) {
    invalid(where + ".role", "must be system, developer, user, assistant or tool");
  }
  const auto parts = message.find("parts");
  if (parts == message.end() || !parts->is_array()) invalid(where + ".parts", "must be an array");
  MessageReader reader(request, role, member(message, "name", where));
  for (std::size_t i = 0; i < parts->size(); ++i) {
    const std::string at = where + ".parts[" + std::to_string(i) + "]";
    if (!(*parts)[i].is_object()) invalid(at, "must be an object");
    reader.add((*parts)[i], at);
  }
  reader.close();
}

void parse_messages(const Json& value, TextRequest& request) {
  if (!value.is_array() || value.empty())
    invalid("messages", "must be an array of at least one message");
  for (std::size_t i = 0; i < value.size(); ++i) {
    parse_message(value[i], "messages[" + std::to_string(i) + "]", request);
  }
}

// -- Settings

void parse_sampling(const Json& value, TextRequest& request) {
  if (!value.is_object()) invalid("sampling", "must be an object");
  Sampling& s = request.sampling;
  // So that no logit becomes infinite: samplers would then compute with what is no number.
  constexpr double kLargest = 1e6, kLeastRepeat = 1e-3;
  for (const auto& item : value.items()) {
    const std::string field = "sampling." + item.key();
    const Json& v = item.value();
    if (item.key() == "top_k") {
      s.top_k = static_cast<int32_t>(get_int(v, field, 0, std::numeric_limits<int32_t>::max()));
    } else if (item.key() == "min_p") {
      s.min_p = get_number(v, field, 0, 1);
    } else if (item.key() == "repeat_penalty") {
      s.repeat_penalty = get_number(v, field, kLeastRepeat, kLargest);
    } else if (item.key() == "repeat_last_n") {
      s.repeat_last_n =
          static_cast<int32_t>(get_int(v, field, -1, std::numeric_limits<int32_t>::max()));
    } else if (item.key() == "presence_penalty") {
      s.presence_penalty = get_number(v, field, -kLargest, kLargest);
    } else if (item.key() == "frequency_penalty") {
      s.frequency_penalty = get_number(v, field, -kLargest, kLargest);
    } else {
      warn(request, field, "not supported in this version; the reply is made without it");
    }
  }
}

void parse_stop(const Json& value, TextRequest& request) {
  if (!value.is_array()) invalid("stop", "must be an array of strings");
  for (std::size_t i = 0; i < value.size(); ++i) {
    const std::string field = "stop[" + std::to_string(i) + "]";
    const std::string& text = get_string(value[i], field);
    if (text.empty()) invalid(field, "must not be empty");
    request.stop.push_back(text);
  }
}

void parse_stop_ids(const Json& value, int32_t vocabulary, TextRequest& request) {
  if (!value.is_array()) invalid("stop_token_ids", "must be an array of token ids");
  for (std::size_t i = 0; i < value.size(); ++i) {
    const std::string field = "stop_token_ids[" + std::to_string(i) + "]";
    request.stop_token_ids.push_back(
        static_cast<int32_t>(get_int(value[i], field, 0, vocabulary - 1)));
  }
}

void parse_logit_bias(const Json& value, int32_t vocabulary, TextRequest& request) {
  if (!value.is_object()) invalid("logit_bias", "must be an object of token ids and numbers");
  for (const auto& item : value.items()) {
    const std::string& key = item.key();
    const bool digits =
        !key.empty() && key.size() <= 9 && key.find_first_not_of("0123456789") == std::string::npos;
    const int64_t token = digits ? std::stoll(key) : -1;
    if (token < 0 || token >= vocabulary) {
      invalid("logit_bias",
              "has no token id " + key + "; ids go from 0 to " + std::to_string(vocabulary - 1));
    }
    const double bias = get_number(item.value(), "logit_bias." + key, -1e6, 1e6);
    request.sampling.logit_bias.emplace_back(static_cast<int32_t>(token), static_cast<float>(bias));
  }
}

void parse_output(const Json& value) {
  const std::string type = value.is_object() ? member(value, "type", "output") : std::string();
  if (type != "text")
    unsupported("output", "a schema or grammar cannot be promised in this version");
}

void parse_tool_choice(const Json& value) {
  if (value.is_string() && (value == "auto" || value == "none")) return;
  unsupported("tool_choice", "a tool cannot be forced: tools are not supported in this version");
}

void parse_extra(const Json& value, TextRequest& request) {
  if (!value.is_object()) invalid("extra", "must be an object");
  if (value.contains("llama"))
    warn(request, "extra.llama", "nothing is known under this name; it was ignored");
}

void set_seed(const Json& value, TextRequest& request) {
  if (!value.is_number_integer() || (!value.is_number_unsigned() && value.get<int64_t>() < 0)) {
    invalid("seed", "must be a whole number of 0 or more");
  }
  request.sampling.seed = value.get<uint64_t>();
}

// True if the key is one of the settings that change which token comes next.
bool parse_token_setting(const std::string& key, const Json& v, int32_t vocabulary,
                         TextRequest& request) {
  if (key == "temperature") {
    request.sampling.temperature = get_number(v, key, 0, 1000);
  } else if (key == "top_p") {
    request.sampling.top_p = get_number(v, key, 0, 1, true);
  } else if (key == "seed") {
    set_seed(v, request);
  } else if (key == "sampling") {
    parse_sampling(v, request);
  } else if (key == "logit_bias") {
    parse_logit_bias(v, vocabulary, request);
  } else {
    return false;
  }
  return true;
}

// True if the key is one of those that end a reply or promise something about it.
bool parse_promise(const std::string& key, const Json& v, int32_t vocabulary,
                   TextRequest& request) {
  if (key == "max_tokens") {
    request.max_tokens = get_int(v, key, 1, std::numeric_limits<int64_t>::max());
  } else if (key == "stop") {
    parse_stop(v, request);
  } else if (key == "stop_token_ids") {
    parse_stop_ids(v, vocabulary, request);
  } else if (key == "n") {
    if (get_int(v, key, 1, std::numeric_limits<int32_t>::max()) > 1) {
      unsupported(key, "more than one answer to a request is not supported in this version");
    }
  } else if (key == "logprobs") {
    unsupported(key, "not supported in this version");
  } else if (key == "tools") {
    if (!v.is_array()) invalid(key, "must be an array");
    if (!v.empty()) unsupported(key, "not supported in this version");
  } else if (key == "tool_choice") {
    parse_tool_choice(v);
  } else if (key == "output") {
    parse_output(v);
  } else {
    return false;
  }
  return true;
}

bool is_for_others(const std::string& key) {
  static const char* const kKeys[] = {"task",         "parallel_tools", "cache_key",
                                      "service_tier", "user",           "metadata"};
  return std::find(std::begin(kKeys), std::end(kKeys), key) != std::end(kKeys);
}

}  // namespace

TextRequest parse_text_request(std::string_view text, int32_t vocabulary) {
  const Json json = parse_object(text, "the request");
  TextRequest request;
  if (!json.contains("messages")) invalid("messages", "must be an array of at least one message");
  for (const auto& item : json.items()) {
    const std::string& key = item.key();
    const Json& value = item.value();
    if (key == "messages") {
      parse_messages(value, request);
    } else if (key == "extra") {
      parse_extra(value, request);
    } else if (!is_for_others(key) && !parse_token_setting(key, value, vocabulary, request) &&
               !parse_promise(key, value, vocabulary, request)) {
      warn(request, key, "not supported in this version; the reply is made without it");
    }
  }
  return request;
}

Config parse_config(std::string_view text) {
  Config config;
  if (text.empty()) return config;
  constexpr int64_t kMost = 1 << 24;
  const Json json = parse_object(text, "the config");
  for (const auto& item : json.items()) {
    const std::string& key = item.key();
    const Json& v = item.value();
    if (key == "context") {
      config.context = static_cast<uint32_t>(get_int(v, key, 16, kMost));
    } else if (key == "batch") {
      config.batch = static_cast<uint32_t>(get_int(v, key, 32, 16384));
    } else if (key == "threads") {
      config.threads = static_cast<uint32_t>(get_int(v, key, 1, 256));
    } else if (key == "parallel") {
      config.parallel = static_cast<uint32_t>(get_int(v, key, 1, 64));
    } else if (key == "gpu_layers") {
      config.gpu_layers = static_cast<int32_t>(get_int(v, key, -1, 10000));
    } else if (key == "mmap") {
      if (!v.is_boolean()) invalid(key, "must be true or false");
      config.mmap = v.get<bool>();
    } else {
      invalid(key,
              "is no setting of this engine; it has context, batch, threads, parallel, mmap and "
              "gpu_layers");
    }
  }
  if (config.batch < config.parallel) invalid("batch", "must be at least as large as parallel");
  return config;
}

std::string describe_json(const ModelFacts& facts) {
  const Json json = {
      {"name", facts.name},
      {"tasks", {"text", "count"}},
      {"context", facts.context},
      {"family", facts.family},
      {"parameters", facts.parameters},
      {"quantization", facts.quantization},
      {"size_bytes", facts.size_bytes},
      {"capabilities",
       {{"tools", false},
        {"json_schema", false},
        {"grammar", false},
        {"vision", false},
        {"logprobs", false},
        {"seed", true},
        {"stop", true},
        {"n", false}}},
  };
  // Names in a file may be any bytes.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace infer::llama
