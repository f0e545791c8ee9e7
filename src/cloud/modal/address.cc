#include "src/cloud/modal/address.h"

#include <algorithm>
#include <array>
#include <utility>

#include "src/cloud/backend.h"

namespace infer::cloud {
namespace {

constexpr std::string_view kBaseUrlVariable = "MODAL_BASE_URL";
constexpr std::string_view kModalHost = ".modal.run";
constexpr std::size_t kMostOfLabel = 63;  // RFC 1035, 2.3.4

Error wrong_address(const char* field, std::string message) {
  return Error(Errc::kInvalidRequest, std::move(message))
      .with_provider(std::string(kModal))
      .with_detail("field", field);
}

Error no_address(std::string_view id) {
  return wrong_address("id",
                       "'modal:" + std::string(id) +
                           "' does not say where the app is; write modal:WORKSPACE/APP/FUNCTION or "
                           "modal:https://ADDRESS, or give the address as ApiConfig::base_url or " +
                           std::string(kBaseUrlVariable));
}

// As Modal makes names of hosts out of names of functions.
Result<std::string> host_part(const char* what, std::string_view name) {
  std::string part;
  bool fits = !name.empty();
  for (const char c : name) {
    const bool upper = c >= 'A' && c <= 'Z';
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    fits = fits && (upper || plain || c == '_');
    part += upper ? static_cast<char>(c - 'A' + 'a') : c == '_' ? '-' : c;
  }
  if (fits && part.front() != '-' && part.back() != '-') return part;
  return wrong_address("id", "'" + std::string(name) + "' is no name of " + what +
                                 ": letters, digits, '-' and '_' make the name of a host, and it "
                                 "begins and ends with a letter or a digit; of another one give "
                                 "the address that Modal shows, modal:https://ADDRESS");
}

bool has_three_parts(std::string_view place) {
  return std::count(place.begin(), place.end(), '/') == 2;
}

// WORKSPACE/APP/FUNCTION
Result<std::string> address_of_function(std::string_view place) {
  constexpr std::array kWhat = {"a workspace", "an app", "a function"};
  constexpr std::array<std::string_view, 3> kBefore = {"", "--", "-"};
  std::string label;
  for (std::size_t i = 0; i < kWhat.size(); ++i) {
    const std::size_t end = i + 1 < kWhat.size() ? place.find('/') : place.size();
    const auto part = host_part(kWhat[i], place.substr(0, end));
    if (!part) return part.error();
    label.append(kBefore[i]).append(*part);
    place.remove_prefix(std::min(end + 1, place.size()));
  }
  if (label.size() > kMostOfLabel)
    return wrong_address(
        "id", "the name of the host, " + label + ", would have " + std::to_string(label.size()) +
                  " characters of 63, and Modal shortens such names in a way of "
                  "its own; give the address that it shows, modal:https://ADDRESS");
  return "https://" + label + std::string(kModalHost);
}

bool is_at_modal(std::string_view url) {
  constexpr std::string_view kScheme = "https://";
  std::string lower = http::lower_name(url);
  if (lower.substr(0, kScheme.size()) != kScheme) return false;
  std::string_view host = std::string_view(lower).substr(kScheme.size());
  host = host.substr(0, host.find_first_of("/?#"));
  if (host.find('@') != host.npos) return false;
  host = host.substr(0, host.find(':'));
  return host.size() > kModalHost.size() && host.ends_with(kModalHost);
}

// An address without a path is that of an app; OpenAI's API is below /v1 of it. One with a path is
// taken at its word, and so is that of a function with a JSON of its own.
std::string api_at(std::string url, bool function) {
  while (url.ends_with('/')) url.pop_back();
  const std::size_t host = url.find("://");
  const bool path = host != url.npos && url.find('/', host + 3) != url.npos;
  return function || path ? url : url + "/v1";
}

}  // namespace

Result<ModalAddress> modal_address(std::string_view id, const ApiConfig& config) {
  ModalAddress address;
  const std::string variable = config.base_url.empty() ? environment(kBaseUrlVariable) : "";
  const std::size_t mark = id.find('#');
  const std::string_view place = id.substr(0, mark);
  const bool is_url = place.find("://") != place.npos;
  std::string url;
  if (is_url && !config.base_url.empty())
    return wrong_address("base_url",
                         "the id and ApiConfig::base_url both say where the app is; leave one out");
  if (!config.base_url.empty() || (!is_url && !has_three_parts(place) && !variable.empty())) {
    url = config.base_url.empty() ? variable : config.base_url;
    address.environment_keys = config.base_url.empty();
    address.model = id;
  } else {
    if (mark != id.npos) address.model = id.substr(mark + 1);
    if (mark != id.npos && address.model.empty())
      return wrong_address("id", "no model is named after the '#'; leave it out, or name one");
    if (is_url) {
      url = place;
    } else {
      if (!has_three_parts(place)) return no_address(id);
      auto made = address_of_function(place);
      if (!made) return made.error();
      url = std::move(*made);
    }
    address.environment_keys = is_at_modal(url);
  }
  address.base_url = api_at(std::move(url), config.function.has_value());
  return address;
}

}  // namespace infer::cloud
