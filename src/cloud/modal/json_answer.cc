// The answer of a function with a JSON of its own: found by pointers, or taken as it is.
#include <cmath>
#include <utility>

#include "infer/media.h"
#include "src/cloud/answer_type.h"
#include "src/cloud/modal/address.h"
#include "src/cloud/modal/json_function.h"
#include "src/core/base64.h"
#include "src/core/utf8.h"

namespace infer::cloud {
namespace {

bool is_picture(std::string_view type) { return type.substr(0, 6) == "image/"; }

bool is_json(std::string_view type) {
  return type == "application/json" || type.ends_with("+json");
}

class FunctionReader final : public Reader {
 public:
  FunctionReader(std::shared_ptr<const FunctionPlan> plan, FunctionKind kind, std::size_t count,
                 std::optional<std::uint32_t> dimensions)
      : plan_(std::move(plan)), kind_(kind), count_(count), dimensions_(dimensions) {}

  void head(const http::HttpHead& head) override {
    type_ = answer_type(head);
    for (const std::string_view name : {"x-request-id", "request-id"})
      if (const std::string* id = head.find(name); id && request_id_.empty()) request_id_ = *id;
  }
  std::optional<Error> event(std::string_view, std::string_view data, EventQueue&) override {
    return bad_answer(kModal,
                      "it streams, and answers of a function come in one piece; an app that "
                      "speaks OpenAI's API needs no ApiConfig::function",
                      0, data);
  }
  std::optional<Error> whole(std::string_view body, EventQueue& out) override {
    switch (kind_) {
      case FunctionKind::kText: return text(body, out);
      case FunctionKind::kImage: return pictures(body, out);
      case FunctionKind::kVectors: return rows(body, out);
    }
    return std::nullopt;
  }
  bool proven() const override { return false; }
  bool done() const override { return false; }
  void close(EventQueue& out) override {
    if (usage_.input || usage_.output) out.usage(usage_);
    // Whether a text was cut, a function does not say.
    out.finish(0, kind_ == FunctionKind::kText ? Finish::kUnknown : Finish::kStop, {});
  }
  bool takes(std::string_view type) const override {
    return type != "text/html" && (!is_picture(type) || kind_ == FunctionKind::kImage);
  }

 private:
  void start(EventQueue& out, std::string extra = {}) const {
    Meta meta;
    meta.model = plan_->model;
    meta.issuer = plan_->issuer;
    meta.request_id = core::utf8_repaired(request_id_);
    meta.extra = std::move(extra);
    out.start(std::move(meta));
  }

  std::optional<Error> text(std::string_view body, EventQueue& out) {
    std::string answer;
    std::string rest;
    if (type_.substr(0, 5) == "text/") {
      answer = core::utf8_repaired(body);
    } else {
      const core::Json* const found = look("function.text", plan_->text, body);
      if (!found) return std::move(error_);
      if (!found->is_string())
        return wrong("function.text", plan_->text,
                     "is no text but a value of the type " + std::string(found->type_name()), body);
      answer = found->get<std::string>();
      if (document_.is_object()) rest = body;
    }
    start(out, std::move(rest));
    out.begin(0, 0, Event::PartKind::kText);
    out.delta(0, answer);
    out.end(0);
    return std::nullopt;
  }

  std::optional<Error> pictures(std::string_view body, EventQueue& out) {
    if (!is_json(type_) && (is_picture(type_) || is_picture(mime_of(body)))) {
      if (auto error = enough(1, "pictures", body)) return error;
      start(out);
      const std::string_view known = mime_of(body);  // the bytes know best
      put_picture(std::string(body), known.empty() ? type_ : std::string(known), 0, out);
      return std::nullopt;
    }
    const core::Json* const found = look("function.image", plan_->image, body);
    if (!found) return std::move(error_);
    std::vector<std::string> decoded;
    const std::size_t size = found->is_array() ? found->size() : 1;
    for (std::size_t i = 0; i < size; ++i) {
      auto picture = picture_of(found->is_array() ? (*found)[i] : *found);
      if (!picture)
        return wrong("function.image", plan_->image, "is no picture in base64, and no list of them",
                     body);
      decoded.push_back(std::move(*picture));
    }
    if (auto error = enough(decoded.size(), "pictures", body)) return error;
    start(out);
    for (std::size_t i = 0; i < decoded.size(); ++i) {
      std::string mime(mime_of(decoded[i]));
      put_picture(std::move(decoded[i]), std::move(mime), i, out);
    }
    return std::nullopt;
  }

  static std::optional<std::string> picture_of(const core::Json& value) {
    if (!value.is_string()) return std::nullopt;
    const std::string text = value.get<std::string>();
    std::string_view base64 = text;
    if (base64.substr(0, 5) == "data:") {
      const std::size_t comma = base64.find(";base64,");
      if (comma == base64.npos) return std::nullopt;
      base64.remove_prefix(comma + 8);
    }
    std::string dense;  // some encoders break lines
    for (const char c : base64)
      if (c != '\n' && c != '\r') dense += c;
    auto bytes = core::from_base64(dense);
    if (bytes && bytes->empty()) return std::nullopt;
    return bytes;
  }

  static void put_picture(std::string bytes, std::string mime, std::size_t at, EventQueue& out) {
    Media media;
    media.mime = std::move(mime);
    media.source = Blob(std::move(bytes));
    out.media(at, 0, std::move(media));
  }

  std::optional<Error> rows(std::string_view body, EventQueue& out) {
    const core::Json* const found = look("function.vectors", plan_->vectors, body);
    if (!found) return std::move(error_);
    const bool single = found->is_array() && !found->empty() && found->front().is_number();
    std::vector<float> values;
    std::size_t rows = 0, width = 0;
    bool good = found->is_array();
    const auto row = [&](const core::Json& numbers) {
      const std::size_t before = values.size();
      for (const core::Json& number : numbers) {
        const float value = number.is_number() ? number.get<float>() : INFINITY;
        good = good && std::isfinite(value);
        values.push_back(value);
      }
      width = rows++ == 0 ? numbers.size() : width;
      good = good && numbers.is_array() && width != 0 && values.size() - before == width;
    };
    if (single) {
      row(*found);
    } else if (good) {
      for (const core::Json& numbers : *found) row(numbers);
    }
    if (!good)
      return wrong("function.vectors", plan_->vectors,
                   "is no list of rows of numbers, all of one length", body);
    if (auto error = enough(rows, "rows", body)) return error;
    if (dimensions_ && width != *dimensions_)
      return bad_answer(kModal,
                        "its rows have " + std::to_string(width) +
                            " numbers, dimensions asked for " + std::to_string(*dimensions_),
                        0, body)
          .with_detail("field", "dimensions");
    start(out);
    out.vectors(std::move(values), static_cast<std::uint32_t>(width));
    return std::nullopt;
  }

  // What the pointer leads to; null, with error_, if there is nothing.
  const core::Json* look(const char* member, const JsonPointer& pointer, std::string_view body) {
    auto json = core::parse_json(body);
    if (!json) {
      error_ = bad_answer(kModal, "it is no JSON: " + json.error().message(), 0, body);
      return nullptr;
    }
    document_ = std::move(*json);
    count(plan_->input_tokens, usage_.input);
    count(plan_->output_tokens, usage_.output);
    const core::Json* const found = pointer.find(document_);
    if (!found) error_ = wrong(member, pointer, "is not there", body);
    return found;
  }

  // Figures: without them an answer is as good.
  void count(const std::optional<JsonPointer>& pointer, std::optional<std::int64_t>& to) const {
    const core::Json* const found = pointer ? pointer->find(document_) : nullptr;
    if (found && found->is_number_unsigned() && found->get<std::uint64_t>() <= INT64_MAX)
      to = found->get<std::int64_t>();
  }

  Error wrong(const char* member, const JsonPointer& pointer, const std::string& what,
              std::string_view body) const {
    const std::string place =
        pointer.text().empty() ? "the whole of it" : "'" + pointer.text() + "' in it";
    return bad_answer(kModal, place + " (" + member + ") " + what, 0, body)
        .with_detail("field", member)
        .with_detail("pointer", pointer.text());
  }

  std::optional<Error> enough(std::size_t have, const char* what, std::string_view body) const {
    const bool rows = kind_ == FunctionKind::kVectors;
    if (rows ? have == count_ : have >= count_) return std::nullopt;
    return bad_answer(kModal,
                      "it has " + std::to_string(have) + " " + what + " where " +
                          std::to_string(count_) + " were asked for",
                      0, body);
  }

  std::shared_ptr<const FunctionPlan> plan_;
  FunctionKind kind_;
  std::size_t count_;
  std::optional<std::uint32_t> dimensions_;
  std::string type_{};
  std::string request_id_{};
  core::Json document_{};
  Usage usage_{};
  std::optional<Error> error_{};
};

}  // namespace

std::unique_ptr<Reader> function_reader(std::shared_ptr<const FunctionPlan> plan, FunctionKind kind,
                                        std::size_t count,
                                        std::optional<std::uint32_t> dimensions) {
  return std::make_unique<FunctionReader>(std::move(plan), kind, count, dimensions);
}

}  // namespace infer::cloud
