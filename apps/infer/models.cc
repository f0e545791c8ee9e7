#include <unistd.h>

#include <ctime>
#include <string>

#include "apps/infer/commands.h"
#include "apps/infer/exit_code.h"
#include "apps/infer/info.h"
#include "apps/infer/signals.h"
#include "apps/infer/table.h"
#include "apps/infer/terminal.h"

namespace infer::cli {
namespace {

std::string searched() {
  std::string list;
  for (const std::string& directory : model_directories())
    list += (list.empty() ? "" : ", ") + directory;
  return list.empty() ? "no model directory" : list;
}

// "2025-08-07", in UTC.
std::string day_of(std::int64_t seconds) {
  const auto time = static_cast<std::time_t>(seconds);
  std::tm parts{};
  char day[32];
  if (gmtime_r(&time, &parts) == nullptr || std::strftime(day, sizeof day, "%F", &parts) == 0)
    return {};
  return day;
}

// A provider's words may be anything: the table is one line a model, whatever they hold.
std::string shown(const std::string& text) {
  std::string out;
  append_visible(out, text, Lines::kOne);
  return out;
}

std::string offered_table(const std::vector<ListedModel>& models) {
  Table table;
  table.row({"MODEL", "NAME", "OWNER", "CREATED"});
  for (const ListedModel& m : models)
    table.row({shown(m.id), shown(m.name), shown(m.owner), m.created ? day_of(*m.created) : ""});
  return table.text();
}

core::Json to_json(const ListedModel& model) {
  core::Json json{{"id", model.id}};
  if (!model.name.empty()) json["name"] = model.name;
  if (!model.owner.empty()) json["owner"] = model.owner;
  if (model.created) json["created"] = *model.created;
  if (const auto entry = core::parse_json(model.json)) json["entry"] = *entry;
  return json;
}

int show_offered(const ModelsOptions& o) {
  Output out(STDOUT_FILENO);
  const Interrupt interrupt;
  const auto failed = [&](const Error& error) {
    return fail(interrupt.explain(error), out, o.json);
  };
  const auto config = api_config_of(o.cloud);
  if (!config) return failed(config.error());
  const auto models = list_models(o.provider, *config, call_of(o.times, interrupt.token()));
  if (!models) return failed(models.error());
  if (!o.json) return print(offered_table(*models));
  core::Json list = core::Json::array();
  for (const ListedModel& model : *models) list.push_back(to_json(model));
  return print_json(core::Json{{"models", list}});
}

}  // namespace

std::string find_model_file(const std::string& id) {
  for (const ModelFile& model : list_models())
    if (model.id == id) return model.path;
  return {};
}

int show_models(const ModelsOptions& o) {
  if (!o.provider.empty()) return show_offered(o);
  if (const char* option = o.cloud.given()) {
    Output out(STDOUT_FILENO);
    return fail(
        Error(Errc::kInvalidRequest,
              std::string(option) + " needs a provider: infer models openai " + option + " ..."),
        out, o.json);
  }
  const auto models = list_models();
  if (o.json) {
    core::Json list = core::Json::array();
    for (const ModelFile& model : models) list.push_back(to_json(model));
    return print_json(core::Json{{"models", list}});
  }
  if (models.empty())
    complain("no model found in " + searched() +
             "; set MODELS_PATH to a directory of .gguf or .safetensors files");
  return print(models_table(models));
}

}  // namespace infer::cli
