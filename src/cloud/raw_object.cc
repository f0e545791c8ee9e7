#include "src/cloud/raw_object.h"

#include "src/cloud/raw_json.h"

namespace infer::cloud {
namespace {

constexpr std::size_t kFew = 16;  // that are looked through one by one

bool is_quoted(std::string_view json) {
  return json.size() >= 2 && json.front() == '"' && json.back() == '"';
}
bool is_bracketed(std::string_view json) {
  return json.size() >= 2 && json.front() == '[' && json.back() == ']';
}

// What stands between the brackets of an array, without white space.
std::string_view inside(std::string_view array) {
  constexpr std::string_view kSpace = " \t\r\n";
  std::string_view inner = array.substr(1, array.size() - 2);
  const std::size_t from = inner.find_first_not_of(kSpace);
  if (from == std::string_view::npos) return {};
  return inner.substr(from, inner.find_last_not_of(kSpace) - from + 1);
}

}  // namespace

RawObject::RawObject(std::string_view object) {
  for (RawMember& member : raw_members(object)) set(member.key, std::string(member.value));
}

std::size_t RawObject::place_of(std::string_view name) const noexcept {
  if (members_.size() > kFew) {
    const auto place = places_.find(name);
    return place == places_.end() ? members_.size() : place->second;
  }
  std::size_t place = 0;
  while (place < members_.size() && members_[place].first != name) ++place;
  return place;
}

const std::string* RawObject::find(std::string_view name) const noexcept {
  const std::size_t place = place_of(name);
  return place < members_.size() ? &members_[place].second : nullptr;
}

std::string* RawObject::value(std::string_view name) {
  const std::size_t place = place_of(name);
  return place < members_.size() ? &members_[place].second : nullptr;
}

void RawObject::set(std::string_view name, std::string json) {
  if (std::string* const old = value(name)) {
    *old = std::move(json);
    return;
  }
  members_.emplace_back(std::string(name), std::move(json));
  if (members_.size() <= kFew) return;
  for (std::size_t i = places_.size(); i < members_.size(); ++i)
    places_.emplace(members_[i].first, i);
}

void RawObject::set_string(std::string_view name, std::string_view text) {
  std::string json;
  append_json_string(json, text);
  set(name, std::move(json));
}

void RawObject::erase(std::string_view name) {
  const std::size_t place = place_of(name);
  if (place == members_.size()) return;
  members_.erase(members_.begin() + static_cast<std::ptrdiff_t>(place));
  places_.clear();
  if (members_.size() <= kFew) return;
  for (std::size_t i = 0; i < members_.size(); ++i) places_.emplace(members_[i].first, i);
}

void RawObject::update(const RawObject& object) {
  for (const auto& [name, json] : object.members_) {
    if (json == "null" && find(name)) continue;
    set(name, json);
  }
}

void RawObject::append(std::string_view name, std::string_view json) {
  std::string* const old = value(name);
  if (!old) return set(name, std::string(json));
  if (json == "null") return;
  if (is_quoted(*old) && is_quoted(json)) {
    old->pop_back();
    *old += json.substr(1);
  } else if (is_bracketed(*old) && is_bracketed(json)) {
    const std::string_view more = inside(json);
    if (more.empty()) return;
    const bool first = inside(*old).empty();
    old->pop_back();
    if (!first) *old += ',';
    *old += more;
    *old += ']';
  } else {
    *old = json;
  }
}

std::string RawObject::text() const {
  std::string out = "{";
  for (const auto& [name, json] : members_) {
    if (out.size() > 1) out += ',';
    append_json_string(out, name);
    out += ':';
    out += json;
  }
  out += '}';
  return out;
}

}  // namespace infer::cloud
