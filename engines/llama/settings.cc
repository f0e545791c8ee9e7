#include "settings.h"

#include <limits>

#include "infer/plugin.h"
#include "parse.h"

namespace infer::llama {
namespace {

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
      request.warnings.push_back(unsupported_setting(
          field, "not supported in this version; the reply is made without it"));
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

void set_seed(const Json& value, TextRequest& request) {
  if (!value.is_number_integer() || (!value.is_number_unsigned() && value.get<int64_t>() < 0)) {
    invalid("seed", "must be a whole number of 0 or more");
  }
  request.sampling.seed = value.get<uint64_t>();
}

void parse_output(const Json& value) {
  const std::string type = value.is_object() ? member(value, "type", "output") : std::string();
  if (type != "text")
    unsupported("output", "a schema or grammar cannot be promised in this version");
}

}  // namespace

bool parse_setting(const std::string& key, const Json& v, int32_t vocabulary,
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
  } else if (key == "stop") {
    parse_stop(v, request);
  } else if (key == "stop_token_ids") {
    parse_stop_ids(v, vocabulary, request);
  } else if (key == "logprobs") {
    unsupported(key, "not supported in this version");
  } else if (key == "output") {
    parse_output(v);
  } else {
    return false;
  }
  return true;
}

}  // namespace infer::llama
