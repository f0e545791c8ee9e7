#include "embed_request.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "engines/common/abi.h"
#include "infer/plugin.h"
#include "json_fields.h"
#include "refusal.h"

namespace infer::llama {
namespace {

std::string at(const char* field, std::size_t i) {
  return std::string(field) + "[" + std::to_string(i) + "]";
}

std::vector<std::string> get_texts(const Json& json, const char* field) {
  const auto found = json.find(field);
  if (found == json.end() || !found->is_array() || found->empty())
    invalid(field, "must be an array of at least one text");
  std::vector<std::string> texts;
  for (const Json& text : *found) texts.push_back(get_string(text, at(field, texts.size())));
  return texts;
}

// What a request may have for others, and what it may have for this engine under its name.
void check_labels(const Json& json, std::vector<Warning>& warnings) {
  const auto extra = json.find("extra");
  if (extra == json.end()) return;
  if (!extra->is_object()) invalid("extra", "must be an object");
  if (extra->contains("llama")) {
    warnings.push_back(
        unsupported_setting("extra.llama", "nothing is known under this name; it was ignored"));
  }
}

// `special`: the tokens that the model wants around a text are added.
std::vector<llama_token> tokenize(const llama_vocab* vocab, std::string_view text, bool special) {
  if (text.size() > static_cast<std::size_t>(std::numeric_limits<int32_t>::max()))
    throw Refusal(INFER_E_TOO_LARGE, "a text is larger than 2 GiB: shorten it");
  const auto length = static_cast<int32_t>(text.size());
  std::vector<llama_token> tokens(text.size() / 2 + 8);
  for (int attempt = 0; attempt < 2; ++attempt) {
    const int32_t count =
        llama_tokenize(vocab, text.data(), length, tokens.data(),
                       static_cast<int32_t>(tokens.size()), special, /*parse_special=*/false);
    if (count == std::numeric_limits<int32_t>::min()) break;
    tokens.resize(static_cast<std::size_t>(count < 0 ? -count : count));
    if (count >= 0) return tokens;
  }
  throw Refusal(INFER_E_ENGINE, "the engine could not tokenise a text");
}

void check_has_tokens(const std::vector<llama_token>& plain, const std::string& field) {
  if (plain.empty()) invalid(field, "holds no text");
}

void check_fits(std::size_t need, uint32_t limit, const std::string& field, const char* with) {
  if (need <= limit) return;
  const std::string needs = std::to_string(need), has = std::to_string(limit);
  throw Refusal(
      INFER_E_CONTEXT_OVERFLOW,
      field + ": is " + needs + " tokens" + with + ", the model reads at most " + has,
      "{\"field\":" + engine::json_quote(field) + ",\"need\":" + needs + ",\"have\":" + has + "}");
}

// The template's text before, between and after what is to be put in, which is the user's.
std::vector<PromptPart> fill_template(std::string_view text, const std::string& query,
                                      const std::string& document) {
  constexpr std::string_view kQuery = "{query}", kDocument = "{document}";
  std::vector<PromptPart> parts;
  for (;;) {
    const std::size_t q = text.find(kQuery), d = text.find(kDocument);
    const std::size_t next = std::min(q, d);
    parts.push_back({false, std::string(text.substr(0, next))});
    if (next == std::string_view::npos) return parts;
    parts.push_back({true, next == q ? query : document});
    text.remove_prefix(next + (next == q ? kQuery.size() : kDocument.size()));
  }
}

std::vector<llama_token> join_pair(const llama_vocab* vocab, const std::vector<llama_token>& query,
                                   const std::vector<llama_token>& document) {
  const llama_token sep = llama_vocab_sep(vocab);
  const llama_token eos = llama_vocab_eos(vocab) != LLAMA_TOKEN_NULL ? llama_vocab_eos(vocab) : sep;
  std::vector<llama_token> out;
  const auto add = [&](bool wanted, llama_token token) {
    if (wanted && token != LLAMA_TOKEN_NULL) out.push_back(token);
  };
  add(llama_vocab_get_add_bos(vocab), llama_vocab_bos(vocab));
  out.insert(out.end(), query.begin(), query.end());
  add(llama_vocab_get_add_eos(vocab), eos);
  add(llama_vocab_get_add_sep(vocab), sep);
  out.insert(out.end(), document.begin(), document.end());
  add(llama_vocab_get_add_eos(vocab), eos);
  return out;
}

}  // namespace

EmbedRequest parse_embed_request(std::string_view text, uint32_t most) {
  const Json json = parse_object(text, "the request");
  EmbedRequest request;
  request.inputs = get_texts(json, "inputs");
  check_labels(json, request.warnings);
  if (const auto found = json.find("dimensions"); found != json.end())
    request.dimensions = static_cast<uint32_t>(get_int(*found, "dimensions", 1, most));
  if (const auto found = json.find("normalize"); found != json.end())
    request.normalize = get_bool(*found, "normalize");
  if (const auto found = json.find("input_type"); found != json.end()) {
    get_string(*found, "input_type");
    request.warnings.push_back(unsupported_setting(
        "input_type",
        "the model makes no difference; put its prefix into the texts if it has one"));
  }
  return request;
}

RankRequest parse_rank_request(std::string_view text) {
  const Json json = parse_object(text, "the request");
  RankRequest request;
  const auto query = json.find("query");
  if (query == json.end()) invalid("query", "must be a text");
  request.query = get_string(*query, "query");
  request.documents = get_texts(json, "documents");
  check_labels(json, request.warnings);
  if (const auto found = json.find("top_n"); found != json.end())
    get_int(*found, "top_n", 1, std::numeric_limits<uint32_t>::max());
  return request;
}

TokenRows embed_tokens(const llama_vocab* vocab, const std::vector<std::string>& inputs,
                       uint32_t limit) {
  TokenRows rows;
  for (const std::string& input : inputs) {
    const std::string field = at("inputs", rows.size());
    rows.push_back(tokenize(vocab, input, true));
    // Special tokens alone are no text; only a short row can be that.
    if (rows.back().size() <= 4) check_has_tokens(tokenize(vocab, input, false), field);
    check_fits(rows.back().size(), limit, field, "");
  }
  return rows;
}

TokenRows rank_tokens(const llama_model* model, const Vocabulary& vocabulary,
                      const RankRequest& request, uint32_t limit) {
  const llama_vocab* vocab = llama_model_get_vocab(model);
  const char* format = llama_model_chat_template(model, "rerank");
  const std::vector<llama_token> query = tokenize(vocab, request.query, false);
  check_has_tokens(query, "query");
  TokenRows rows;
  for (const std::string& document : request.documents) {
    const std::string field = at("documents", rows.size());
    const std::vector<llama_token> tokens = tokenize(vocab, document, false);
    check_has_tokens(tokens, field);
    if (format != nullptr) {
      const std::vector<PromptPart> parts = fill_template(format, request.query, document);
      rows.push_back(vocabulary.tokenize(parts, {}));
    } else {
      rows.push_back(join_pair(vocab, query, tokens));
    }
    check_fits(rows.back().size(), limit, field, " with the query");
  }
  return rows;
}

}  // namespace infer::llama
