#include "src/cloud/openai/embedding_reader.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "src/cloud/openai/lenient_json.h"
#include "src/cloud/rate_limits.h"
#include "src/cloud/raw_json.h"
#include "src/cloud/raw_object.h"
#include "src/core/base64.h"

namespace infer::cloud {
namespace {

using core::Json;

std::string row_name(std::size_t at) { return "data[" + std::to_string(at) + "]"; }

// What does not fit into a float is infinite, and refused with the rest of that kind.
float narrow(double number) {
  constexpr double kMost = std::numeric_limits<float>::max();
  return std::abs(number) <= kMost ? static_cast<float>(number)
                                   : std::numeric_limits<float>::infinity();
}

std::optional<Usage> embedding_usage(const Json& json, std::string_view raw) {
  const Json* usage = core::find(json, "usage");
  if (!usage || !usage->is_object()) return std::nullopt;
  // All tokens of an embedding are its input; some servers give the total alone.
  auto input = core::int_at(*usage, "prompt_tokens");
  if (!input) input = core::int_at(*usage, "input_tokens");
  if (!input) input = core::int_at(*usage, "total_tokens");
  if (!input || *input < 0) return std::nullopt;
  Usage found;
  found.input = input;
  found.raw = raw_member(raw, "usage").value_or("");
  return found;
}

}  // namespace

std::optional<Error> EmbeddingReader::event(std::string_view, std::string_view data, EventQueue&) {
  return wrong("a stream came where one document was asked for", data);
}

std::optional<Error> EmbeddingReader::whole(std::string_view body, EventQueue& out) {
  const auto bulk = BulkJson::parse(trimmed_json(body));
  if (!bulk) return wrong(bulk.error().message(), body);
  const Json& json = bulk->json();
  const std::string_view text = bulk->text();
  if (!json.is_object()) return wrong("it is not a JSON object", text);
  const Json* error = core::find(json, "error");
  if ((error && !says_nothing(*error)) || core::string_or(json, "object") == "error")
    return provider_error(model_.provider, *head_, text, openai_complaint(text));
  const Json* list = core::find(json, "data");
  if (!list || !list->is_array()) return wrong("it has no list \"data\"", text);
  Rows came;
  if (auto bad = rows(*bulk, *list, came)) return bad;
  const auto width = static_cast<std::uint32_t>(came.width);
  start(json, text, out);
  out.vectors(in_order(std::move(came)), width);
  if (auto usage = embedding_usage(json, text)) out.usage(std::move(*usage));
  read_ = true;
  return std::nullopt;
}

std::optional<Error> EmbeddingReader::rows(const BulkJson& document, const Json& list,
                                           Rows& rows) const {
  if (list.size() != order_.rows)
    return wrong("it has " + std::to_string(list.size()) + " rows for " +
                     std::to_string(order_.rows) + " inputs",
                 document.text());
  rows.places.assign(list.size(), list.size());
  for (std::size_t i = 0; i < list.size(); ++i)
    if (auto error = row(document, list[i], i, rows)) return error;
  return std::nullopt;
}

std::optional<Error> EmbeddingReader::row(const BulkJson& document, const Json& entry,
                                          std::size_t at, Rows& rows) const {
  const Json* vector = core::find(entry, "embedding");
  if (!vector) return wrong(row_name(at) + " has no \"embedding\"");
  if (auto error = place(entry, at, rows)) return error;
  const std::size_t begin = rows.values.size();
  // Whatever was asked for: not every server knows encoding_format.
  if (vector->is_string()) {
    if (!core::append_floats(rows.values, document.string(vector)))
      return wrong(row_name(at) + " is not base64 of 32-bit numbers");
  } else if (vector->is_array()) {
    for (const Json& number : *vector) {
      if (!number.is_number()) return wrong(row_name(at) + " holds what is no number");
      rows.values.push_back(narrow(number.get<double>()));
    }
  } else {
    return wrong(row_name(at) + " is neither a list of numbers nor base64");
  }
  return check_row(at, rows, begin);
}

// "index" says which input a row is for; where it is missing, rows are in order.
std::optional<Error> EmbeddingReader::place(const Json& entry, std::size_t at, Rows& rows) const {
  const Json* given = core::find(entry, "index");
  std::int64_t index = static_cast<std::int64_t>(at);
  if (given && !given->is_null()) index = core::int_at(entry, "index").value_or(-1);
  if (index < 0 || index >= static_cast<std::int64_t>(order_.rows))
    return wrong(row_name(at) + " has an index that is not from 0 to " +
                 std::to_string(order_.rows - 1));
  std::size_t& place = rows.places[static_cast<std::size_t>(index)];
  if (place != order_.rows)
    return wrong(row_name(at) + " has the index " + std::to_string(index) + ", as " +
                 row_name(place) + " has");
  place = at;
  return std::nullopt;
}

std::optional<Error> EmbeddingReader::check_row(std::size_t at, Rows& rows,
                                                std::size_t begin) const {
  const std::size_t width = rows.values.size() - begin;
  if (width == 0) return wrong(row_name(at) + " is empty");
  if (order_.dimensions && width != *order_.dimensions)
    return wrong(row_name(at) + " has " + std::to_string(width) +
                 " numbers, dimensions asked for " + std::to_string(*order_.dimensions))
        .with_detail("field", "dimensions");
  if (at > 0 && width != rows.width)
    return wrong(row_name(at) + " has " + std::to_string(width) + " numbers, those before it " +
                 std::to_string(rows.width));
  rows.width = width;
  float* const values = rows.values.data() + begin;
  if (!std::all_of(values, values + width, [](float value) { return std::isfinite(value); }))
    return wrong(row_name(at) + " holds a number that is not finite");
  if (!order_.normalize) return std::nullopt;
  double sum = 0;
  for (std::size_t i = 0; i < width; ++i) sum += double{values[i]} * double{values[i]};
  if (sum == 0) return wrong(row_name(at) + " is all zeros, which cannot have the length 1");
  const double scale = 1 / std::sqrt(sum);
  for (std::size_t i = 0; i < width; ++i) values[i] = static_cast<float>(values[i] * scale);
  return std::nullopt;
}

std::vector<float> EmbeddingReader::in_order(Rows rows) const {
  if (std::is_sorted(rows.places.begin(), rows.places.end())) return std::move(rows.values);
  std::vector<float> out;
  out.reserve(rows.values.size());
  for (const std::size_t place : rows.places) {
    const auto row = rows.values.begin() + static_cast<std::ptrdiff_t>(place * rows.width);
    out.insert(out.end(), row, row + static_cast<std::ptrdiff_t>(rows.width));
  }
  return out;
}

void EmbeddingReader::start(const Json& json, std::string_view raw, EventQueue& out) const {
  Meta meta;
  meta.issuer = model_.issuer;
  meta.model = core::string_or(json, "model", model_.name);
  meta.response_id = core::string_or(json, "id");
  if (const std::string* id = head_->find("x-request-id")) meta.request_id = *id;
  RawObject facts;
  for (const RawMember& member : raw_members(raw))
    if (member.key != "data" && member.key != "usage" && member.key != "model" &&
        member.key != "id" && member.key != "object")
      facts.set(member.key, std::string(member.value));
  meta.rate_limits = typed_rate_limits(*head_, model_.dialect->windows);
  if (const std::string limits = rate_limits(*head_, "x-ratelimit-"); !limits.empty())
    facts.set("rate_limits", limits);
  if (!facts.empty()) meta.extra = facts.text();
  out.start(std::move(meta));
}

Error EmbeddingReader::wrong(std::string_view what, std::string_view bytes) const {
  return bad_answer(model_.provider, what, 0, bytes);
}

}  // namespace infer::cloud
