// The one file that knows valijson, which decides; what is bounded and what is said of a misfit is
// ours.
#include "src/structured/check.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#ifndef VALIJSON_USE_EXCEPTIONS
#define VALIJSON_USE_EXCEPTIONS 1  // without, it ends the process
#endif
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/constraint_builder.hpp>
#include <valijson/constraints/concrete_constraints.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

#include "infer/structured.h"
#include "src/core/json.h"
#include "src/structured/explain.h"
#include "src/structured/flat_schema.h"

namespace infer::structured {

// What the rows' own rules need while a check runs. A part of Checker::Impl, so not of this file
// alone.
struct Running {
  std::vector<OwnRules> own{};
  std::size_t steps = 0;
  const valijson::ValidationResults* misfits = nullptr;
};

namespace {

using core::Json;
using valijson::adapters::Adapter;
using valijson::adapters::FrozenValue;
using valijson::adapters::NlohmannJsonAdapter;

constexpr const char* kRowKeyword = "infer:row";
// Rows looked at for one answer: so many for each byte, and some.
constexpr std::size_t kStepsPerByte = 64;
constexpr std::size_t kMoreSteps = 1'000'000;
constexpr std::size_t kMaxMisfits = 1000;
// Levels of the value times rows that look at one level: what a check may recurse.
constexpr std::size_t kMaxRecursion = 3000;
constexpr std::size_t kMaxNameForPatterns = 200;

// Thrown and caught in this file.
struct Limit : std::exception {
  explicit Limit(const char* which) : what_(which) {}
  const char* what() const noexcept override { return what_; }
  const char* what_;
};

// Equal values have equal texts.
void append_canonical(const Adapter& value, std::string& out) {
  if (value.isObject()) {
    out += '{';
    value.applyToObject([&out](const std::string& name, const Adapter& inner) {
      out += core::dump_json(Json(name));
      append_canonical(inner, out);
      return true;
    });
    out += '}';
  } else if (value.isArray()) {
    out += '[';
    value.applyToArray([&out](const Adapter& inner) {
      append_canonical(inner, out);
      out += ',';
      return true;
    });
    out += ']';
  } else if (value.isString()) {
    out += core::dump_json(Json(value.asString()));
  } else if (value.isInteger()) {
    out += std::to_string(value.asInteger());
  } else if (value.isDouble()) {
    out += core::dump_json(Json(value.asDouble()));
  } else {
    out += value.isBool() ? (value.asBool() ? "true" : "false") : "null";
  }
}

bool all_different(const Adapter& array) {
  std::vector<std::string> texts;
  array.applyToArray([&texts](const Adapter& inner) {
    append_canonical(inner, texts.emplace_back());
    return true;
  });
  std::sort(texts.begin(), texts.end());
  return std::adjacent_find(texts.begin(), texts.end()) == texts.end();
}

// Each row has a constraint of ours as well: a "const" whose value compares by the row's own rules.
// So every step of a check is counted, and what the validator does too slowly is done here.
class RowValue : public FrozenValue {
 public:
  RowValue(Running* running, std::size_t row) : running_(running), row_(row) {}
  FrozenValue* clone() const override { return new RowValue(running_, row_); }
  bool equalTo(const Adapter& value, bool) const override {
    const OwnRules& own = running_->own[row_];
    if (running_->steps < own.steps) throw Limit("it takes too many steps");
    running_->steps -= own.steps;
    if (running_->misfits && running_->misfits->numErrors() > kMaxMisfits)
      throw Limit("it does not fit in too many places");
    if (own.pattern && value.isString()) {
      const std::string text = value.asString();
      if (!own.pattern->takes(text)) throw Limit("a text is too long for its \"pattern\"");
      if (!own.pattern->found_in(text)) return false;
    }
    if (own.multiple_of && value.isNumber() && !is_multiple(value.asDouble(), *own.multiple_of))
      return false;
    return !own.unique_items || !value.isArray() || all_different(value);
  }

 private:
  Running* running_;
  std::size_t row_;
};

class RowAdapter : public NlohmannJsonAdapter {
 public:
  RowAdapter(Running* running, std::size_t row) : running_(running), row_(row) {}
  FrozenValue* freeze() const override { return new RowValue(running_, row_); }

 private:
  Running* running_;
  std::size_t row_;
};

class RowBuilder : public valijson::ConstraintBuilder {
 public:
  explicit RowBuilder(Running* running) : running_(running) {}
  valijson::constraints::Constraint* make(const Adapter& row) const override {
    auto made = std::make_unique<valijson::constraints::ConstConstraint>();
    made->setValue(RowAdapter(running_, static_cast<std::size_t>(row.asInteger())));
    return made.release();
  }

 private:
  Running* running_;
};

std::size_t depth_of(const Json& value) {
  std::size_t inner = 0;
  if (value.is_structured())
    for (const Json& child : value) inner = std::max(inner, depth_of(child));
  return inner + 1;
}

bool has_long_name(const Json& value) {
  if (!value.is_structured()) return false;
  if (value.is_object())
    for (const auto& [name, inner] : value.items())
      if (name.size() > kMaxNameForPatterns) return true;
  return std::any_of(value.begin(), value.end(), has_long_name);
}

Error limit(const std::string& what) {
  return Error(Errc::kTooLarge, "the JSON cannot be held against the schema: " + what)
      .with_detail("rule", "limit");
}

Error no_json(const Error& why) {
  Error error(Errc::kInvalidOutput, "the text is not JSON: " + why.message());
  return std::move(error)
      .with_detail("pointer", "")
      .with_detail("rule", "syntax")
      .with_detail("offset", std::string(why.detail("offset")));
}

}  // namespace

struct Checker::Impl {
  FlatSchema flat{};
  Running running{};
  valijson::Schema schema{};
  valijson::Validator validator{};

  void build() {
    running.own = flat.own;
    Json document{{"allOf", Json::array({FlatSchema::reference(0)})}};
    document["definitions"] = Json::object();
    for (std::size_t row = 0; row < flat.table.size(); ++row) {
      Json& written = document["definitions"][std::to_string(row)] = flat.table[row];
      // First of all that is looked at: a row that does not fit must count too.
      Json& first = written["allOf"];
      if (!first.is_array()) first = Json::array();
      first.insert(first.begin(), Json{{kRowKeyword, row}});
    }
    valijson::SchemaParser parser;
    parser.addConstraintBuilder(kRowKeyword, new RowBuilder(&running));
    parser.populateSchema(NlohmannJsonAdapter(document), schema);
  }

  // The misfits, empty if it fits.
  std::vector<Misfit> misfits_of(const Json& value, std::size_t size) {
    const auto run = [&](valijson::ValidationResults* results) {
      running.steps = kMoreSteps + kStepsPerByte * size;
      running.misfits = results;
      return validator.validate(schema, NlohmannJsonAdapter(value), results);
    };
    std::vector<Misfit> found;
    if (run(nullptr)) return found;
    valijson::ValidationResults results;
    try {
      run(&results);
    } catch (const Limit&) {
      running.steps = 0;  // the misfits found so far will do
    }
    valijson::ValidationResults::Error error;
    while (results.popError(error))
      found.push_back(Misfit{.path = error.context, .what = error.description});
    if (found.empty()) found.push_back(Misfit{});
    return found;
  }
};

Checker::Checker(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
Checker::Checker(Checker&&) noexcept = default;
Checker& Checker::operator=(Checker&&) noexcept = default;
Checker::~Checker() = default;

Result<Checker> Checker::of(std::string_view schema) {
  const auto json = core::parse_json(schema, core::kMaxInnerJsonDepth);
  if (!json)
    return Error(Errc::kInvalidRequest, "schema: " + json.error().message())
        .with_detail("field", "schema");
  auto flat = flatten(*json);
  if (!flat) return std::move(flat.error());
  auto impl = std::make_unique<Impl>();
  impl->flat = std::move(*flat);
  try {
    impl->build();
  } catch (const std::exception& error) {
    return Error(Errc::kInvalidRequest, std::string("schema: ") + error.what())
        .with_detail("field", "schema");
  }
  return Checker(std::move(impl));
}

std::optional<Error> Checker::misfit(std::string_view text) const {
  auto json = core::parse_json(text);
  if (!json) return no_json(json.error());
  Json value = *json;
  normalise_numbers(value);
  if (depth_of(value) * (2 * impl_->flat.chain + 2) > kMaxRecursion)
    return limit("both are nested too deep");
  if (impl_->flat.name_patterns && has_long_name(value))
    return limit("a name is too long for \"patternProperties\"");
  try {
    const auto misfits = impl_->misfits_of(value, text.size());
    if (misfits.empty()) return std::nullopt;
    return explain(misfits, *json, impl_->flat);
  } catch (const std::exception& error) {
    return limit(error.what());
  }
}

Result<std::optional<OutputCheck>> OutputCheck::of(const Output& output) {
  using Form = Output::Form;
  if (!output.check || (output.form != Form::kJsonObject && output.form != Form::kJsonSchema))
    return std::optional<OutputCheck>();
  OutputCheck check;
  if (output.form == Form::kJsonSchema) {
    auto checker = Checker::of(output.schema);
    if (!checker) {
      const Error& why = checker.error();
      return Error(why.code(), "output." + why.message() +
                                   "; Output::check set to false leaves answers unchecked")
          .with_detail("field", "output.schema")
          .with_detail("pointer", std::string(why.detail("pointer")))
          .with_detail("rule", std::string(why.detail("rule")));
    }
    check.schema_ = std::move(*checker);
  }
  return std::optional<OutputCheck>(std::move(check));
}

std::optional<Error> OutputCheck::misfit(std::string_view text) const {
  if (schema_) return schema_->misfit(text);
  const auto json = core::parse_json(text);
  if (!json) return no_json(json.error());
  if (json->is_object()) return std::nullopt;
  return Error(Errc::kInvalidOutput, "the JSON: is " + kind_of(*json) + ", must be an object")
      .with_detail("pointer", "")
      .with_detail("rule", "type");
}

}  // namespace infer::structured

namespace infer {
inline namespace v0 {

Result<void> check_json(std::string_view json, std::string_view schema) {
  const auto checker = structured::Checker::of(schema);
  if (!checker) return checker.error();
  if (auto error = checker->misfit(json)) return std::move(*error);
  return {};
}

}  // namespace v0
}  // namespace infer
