#include <utility>

#include "src/cloud/openai/openai.h"
#include "src/cloud/raw_json.h"
#include "src/core/json.h"

namespace infer::cloud {
namespace {

ListedModel listed_by_openai(const core::Json& entry, std::string_view raw) {
  ListedModel model;
  model.id = core::string_or(entry, "id");
  model.name = core::string_or(entry, "name");
  model.owner = core::string_or(entry, "owned_by");
  model.created = core::int_at(entry, "created");
  model.json = raw;
  return model;
}

}  // namespace

Result<std::vector<ListedModel>> openai_models(const Endpoint& endpoint, const Call& call) {
  const auto wire = openai_wire({.provider = endpoint.provider});
  auto body = get(endpoint, *wire, "/models", call);
  if (!body) return std::move(body.error());
  const auto wrong = [&](const std::string& what) {
    return bad_answer(endpoint.provider, "the list of models " + what, 0, *body);
  };
  const auto json = core::parse_json(*body);
  if (!json) return wrong("is " + json.error().message());
  // Some servers give the array alone.
  const core::Json* data = json->is_array() ? &*json : core::find(*json, "data");
  if (!data || !data->is_array()) return wrong("has no array \"data\"");
  const auto raw = raw_elements(json->is_array() ? std::string_view(*body)
                                                 : raw_member(*body, "data").value_or("[]"));
  std::vector<ListedModel> models;
  for (std::size_t i = 0; i < data->size() && i < raw.size(); ++i) {
    models.push_back(listed_by_openai((*data)[i], raw[i]));
    if (models.back().id.empty()) return wrong("has an entry without \"id\"");
  }
  return models;
}

Result<std::vector<ListedModel>> list_openai(const ApiConfig& config, const Call& call) {
  auto endpoint = openai_endpoint(config);
  if (!endpoint) return std::move(endpoint.error());
  return openai_models(*endpoint, call);
}

Result<std::vector<ListedModel>> list_groq(const ApiConfig& config, const Call& call) {
  auto endpoint = openai_endpoint(config, kGroq);
  if (!endpoint) return std::move(endpoint.error());
  return openai_models(*endpoint, call);
}

}  // namespace infer::cloud
