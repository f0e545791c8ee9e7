#include "settings.h"

#include <limits>

#include "infer/plugin.h"
#include "parse.h"
#include "schema.h"

namespace infer::llama {
namespace {

// So that no logit becomes infinite: samplers would then compute with what is no number.
constexpr double kLargestSetting = 1e6, kLeastRepeat = 1e-3;
constexpr int64_t kMostAlternatives = 100;
constexpr int64_t kAnyInt = std::numeric_limits<int32_t>::max();

struct NumberSetting {
  const char* key;
  double Sampling::* member;
  double low, high;
};
constexpr NumberSetting kNumbers[] = {
    {"min_p", &Sampling::min_p, 0, 1},
    {"typical_p", &Sampling::typical_p, 0, 1},
    {"top_n_sigma", &Sampling::top_n_sigma, 0, kLargestSetting},
    {"xtc_probability", &Sampling::xtc_probability, 0, 1},
    {"xtc_threshold", &Sampling::xtc_threshold, 0, 1},
    {"repeat_penalty", &Sampling::repeat_penalty, kLeastRepeat, kLargestSetting},
    {"presence_penalty", &Sampling::presence_penalty, -kLargestSetting, kLargestSetting},
    {"frequency_penalty", &Sampling::frequency_penalty, -kLargestSetting, kLargestSetting},
    {"dry_multiplier", &Sampling::dry_multiplier, 0, 1000},
    {"dry_base", &Sampling::dry_base, 1, 1000},
    {"dynatemp_range", &Sampling::dynatemp_range, 0, 1000},
    {"dynatemp_exponent", &Sampling::dynatemp_exponent, 0, 1000},
    {"mirostat_tau", &Sampling::mirostat_tau, 0, 1000},
    {"mirostat_eta", &Sampling::mirostat_eta, 0, 1},
};

struct CountSetting {
  const char* key;
  int32_t Sampling::* member;
  int64_t low, high;
};
constexpr CountSetting kCounts[] = {
    {"top_k", &Sampling::top_k, 0, kAnyInt},
    {"repeat_last_n", &Sampling::repeat_last_n, -1, kAnyInt},
    {"dry_allowed_length", &Sampling::dry_allowed_length, 0, kAnyInt},
    {"dry_last_n", &Sampling::dry_last_n, -1, kAnyInt},
    {"mirostat", &Sampling::mirostat, 0, 2},
};

bool parse_sampling_key(const std::string& key, const Json& value, Sampling& out) {
  for (const NumberSetting& setting : kNumbers) {
    if (key != setting.key) continue;
    out.*setting.member = get_number(value, "sampling." + key, setting.low, setting.high);
    return true;
  }
  for (const CountSetting& setting : kCounts) {
    if (key != setting.key) continue;
    out.*setting.member =
        static_cast<int32_t>(get_int(value, "sampling." + key, setting.low, setting.high));
    return true;
  }
  return false;
}

void parse_sampling(const Json& value, TextRequest& request) {
  if (!value.is_object()) invalid("sampling", "must be an object");
  for (const auto& item : value.items()) {
    if (parse_sampling_key(item.key(), item.value(), request.sampling)) continue;
    request.warnings.push_back(unsupported_setting(
        "sampling." + item.key(), "not supported in this version; the reply is made without it"));
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
    const double bias =
        get_number(item.value(), "logit_bias." + key, -kLargestSetting, kLargestSetting);
    request.sampling.logit_bias.emplace_back(static_cast<int32_t>(token), static_cast<float>(bias));
  }
}

void set_seed(const Json& value, TextRequest& request) {
  if (!value.is_number_integer() || (!value.is_number_unsigned() && value.get<int64_t>() < 0)) {
    invalid("seed", "must be a whole number of 0 or more");
  }
  request.sampling.seed = value.get<uint64_t>();
}

void parse_logprobs(const Json& value, TextRequest& request) {
  if (!value.is_object()) invalid("logprobs", "must be an object");
  request.logprobs = 0;
  if (value.contains("top")) {
    request.logprobs =
        static_cast<uint32_t>(get_int(value["top"], "logprobs.top", 0, kMostAlternatives));
  }
}

void parse_output(const Json& value, TextRequest& request) {
  if (!value.is_object()) invalid("output", "must be an object");
  const std::string type = member(value, "type", "output");
  OutputForm& out = request.output;
  if (type == "json_object") {
    out.kind = OutputForm::Kind::kJsonObject;
    out.grammar = json_object_grammar();
  } else if (type == "json_schema") {
    out.kind = OutputForm::Kind::kJsonSchema;
    out.schema = member(value, "schema", "output");
    if (out.schema.empty()) invalid("output.schema", "must be a JSON Schema, as text");
    const bool strict = !value.contains("strict") || get_bool(value["strict"], "output.strict");
    out.grammar = schema_grammar(out.schema, strict, request.warnings);
  } else if (type == "grammar") {
    out.kind = OutputForm::Kind::kGrammar;
    out.grammar = member(value, "grammar", "output");
    if (out.grammar.empty()) invalid("output.grammar", "must be a grammar in GBNF");
  } else if (type != "text") {
    invalid("output.type", "must be \"text\", \"json_object\", \"json_schema\" or \"grammar\"");
  }
}

void warn_ignored(const std::string& setting, bool set, const std::string& why,
                  TextRequest& request) {
  if (set) request.warnings.push_back(unsupported_setting(setting, why + "; it was ignored"));
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
    parse_logprobs(v, request);
  } else if (key == "output") {
    parse_output(v, request);
  } else {
    return false;
  }
  return true;
}

void check_settings(TextRequest& request) {
  const Sampling& s = request.sampling;
  const std::string greedy = "the temperature is 0 or unset, so the likeliest token is taken";
  warn_ignored("sampling.mirostat", s.greedy() && s.mirostat != 0, greedy, request);
  warn_ignored("sampling.xtc_probability", s.greedy() && s.xtc_probability > 0, greedy, request);
  if (s.greedy() || s.mirostat == 0) return;
  const std::string why = "mirostat chooses among all tokens";
  warn_ignored("sampling.top_k", s.top_k > 0, why, request);
  warn_ignored("top_p", s.top_p < 1, why, request);
  warn_ignored("sampling.min_p", s.min_p > 0, why, request);
  warn_ignored("sampling.typical_p", s.typical_p < 1, why, request);
  warn_ignored("sampling.top_n_sigma", s.top_n_sigma > 0, why, request);
  warn_ignored("sampling.xtc_probability", s.xtc_probability > 0, why, request);
  warn_ignored("sampling.dry_multiplier", s.has_dry(), why, request);
  warn_ignored("sampling.dynatemp_range", s.dynatemp_range > 0, why, request);
  warn_ignored("sampling.repeat_penalty", s.has_penalties() && s.repeat_penalty != 1, why, request);
  warn_ignored("sampling.presence_penalty", s.has_penalties() && s.presence_penalty != 0, why,
               request);
  warn_ignored("sampling.frequency_penalty", s.has_penalties() && s.frequency_penalty != 0, why,
               request);
}

}  // namespace infer::llama
