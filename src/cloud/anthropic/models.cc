// GET /v1/models, page by page.
#include <utility>

#include "src/cloud/anthropic/anthropic.h"
#include "src/cloud/backend.h"
#include "src/cloud/raw_json.h"
#include "src/core/json.h"

namespace infer::cloud {
namespace {

// A server that never says "that was the last page" must not keep the caller for ever.
constexpr int kMaxModelPages = 100;

// Days since 1970-01-01 of a date of the Gregorian calendar.
std::int64_t days_since_1970(std::int64_t year, std::int64_t month, std::int64_t day) {
  if (month <= 2) --year;  // years that begin in March have their leap day at the end
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  const std::int64_t year_of_era = year - era * 400;
  const std::int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  const std::int64_t day_of_era =
      year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + day_of_era - 719468;
}

// "2025-02-19T00:00:00Z" as seconds since 1970; nothing for anything else.
std::optional<std::int64_t> seconds_of(std::string_view text) {
  const std::string_view form = "dddd-dd-ddTdd:dd:ddZ";
  if (text.size() != form.size()) return std::nullopt;
  for (std::size_t i = 0; i < form.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (form[i] == 'd' ? !digit : text[i] != form[i]) return std::nullopt;
  }
  const auto number = [&](std::size_t from, std::size_t count) {
    std::int64_t value = 0;
    for (std::size_t i = from; i < from + count; ++i) value = value * 10 + (text[i] - '0');
    return value;
  };
  const std::int64_t month = number(5, 2), day = number(8, 2);
  if (month < 1 || month > 12 || day < 1 || day > 31) return std::nullopt;
  return days_since_1970(number(0, 4), month, day) * 86400 + number(11, 2) * 3600 +
         number(14, 2) * 60 + number(17, 2);
}

ListedModel listed(const core::Json& entry, std::string_view raw) {
  ListedModel model;
  model.id = core::string_or(entry, "id");
  model.name = core::string_or(entry, "display_name");
  model.owner = kAnthropic;
  model.created = seconds_of(core::string_or(entry, "created_at"));
  model.json = raw;
  return model;
}

// What stands in a URL's query as it is; everything else as %XX.
std::string escaped(std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    if (plain) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  }
  return out;
}

// The entries of one page go to `models`; gives where the next page begins, or nothing.
Result<std::string> read_page(std::string_view body, std::vector<ListedModel>& models) {
  const auto json = core::parse_json(body);
  if (!json)
    return bad_answer(kAnthropic, "the list of models is " + json.error().message(), 0, body);
  const core::Json* data = core::find(*json, "data");
  if (!data || !data->is_array())
    return bad_answer(kAnthropic, "the list of models has no array \"data\"", 0, body);
  const auto entries = raw_elements(*raw_member(body, "data"));
  for (std::size_t i = 0; i < entries.size(); ++i) {
    ListedModel model = listed((*data)[i], entries[i]);
    if (model.id.empty())
      return bad_answer(kAnthropic, "the list of models has an entry without \"id\"", 0, body);
    models.push_back(std::move(model));
  }
  const core::Json* more = core::find(*json, "has_more");
  const bool has_more = more && more->is_boolean() && more->get<bool>();
  return has_more ? core::string_or(*json, "last_id") : std::string();
}

}  // namespace

Result<std::vector<ListedModel>> list_anthropic_models(const Endpoint& endpoint, const Call& call) {
  const auto wire = anthropic_wire({});
  std::vector<ListedModel> models;
  std::string after;
  for (int page = 0; page < kMaxModelPages; ++page) {
    std::string path = "/models?limit=1000";
    if (!after.empty()) path += "&after_id=" + escaped(after);
    auto body = get(endpoint, *wire, path, call);
    if (!body) return std::move(body.error());
    auto next = read_page(*body, models);
    if (!next) return std::move(next.error());
    if (next->empty()) return models;
    if (*next == after)
      return bad_answer(kAnthropic, "the list of models names the same page twice", 0, *body);
    after = std::move(*next);
  }
  return bad_answer(kAnthropic, "the list of models has no end", 0, {});
}

Result<std::vector<ListedModel>> list_anthropic(const ApiConfig& config, const Call& call) {
  const auto endpoint = anthropic_endpoint(config);
  if (!endpoint) return endpoint.error();
  return list_anthropic_models(*endpoint, call);
}

}  // namespace infer::cloud
