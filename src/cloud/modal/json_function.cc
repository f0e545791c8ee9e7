// A request as the JSON of a function that has a form of its own. Law 3: what the template does not
// name is not sent, so a promise is refused and quality is warned of.
#include "src/cloud/modal/json_function.h"

#include <algorithm>
#include <array>
#include <utility>

#include "src/cloud/media_limits.h"
#include "src/cloud/modal/modal.h"
#include "src/cloud/object_writer.h"
#include "src/cloud/openai/openai.h"
#include "src/cloud/raw_json.h"
#include "src/core/base64.h"
#include "src/core/text_checks.h"

namespace infer::cloud {
namespace {

constexpr std::array<std::string_view, 18> kNames = {
    "prompt", "system", "messages", "model", "max_tokens", "temperature",
    "top_p",  "seed",   "stop",     "image", "inputs",     "negative_prompt",
    "width",  "height", "n",        "steps", "guidance",   "dimensions"};

Error refused_by_function(const std::string& field, const std::string& why) {
  return Error(Errc::kUnsupported, field + ": " + why).with_detail("field", field);
}
Error not_named(const std::string& field, std::string_view name) {
  return refused_by_function(field,
                             "the function is not told: its template (function.request) has no {{" +
                                 std::string(name) + "}}");
}

Error wrong_member(const std::string& member, const Error& error) {
  return Error(Errc::kInvalidRequest, member + " " + error.message())
      .with_provider(std::string(kModal))
      .with_detail("field", member);
}

// ---- a conversation

// What of the messages has a name of its own.
struct Conversation {
  std::string system{};
  std::optional<std::string> prompt{};
  std::optional<std::string> image{};  // base64
};

class ConversationReader {
 public:
  explicit ConversationReader(const JsonTemplate& names) : names_(names) {}

  Result<Conversation> read(const std::vector<Message>& messages) {
    const bool all = names_.names("messages");
    for (std::size_t i = 0; i < messages.size() && !wrong_; ++i) {
      const Message& message = messages[i];
      where_ = "messages[" + std::to_string(i) + "]";
      if (message.role == Role::kSystem || message.role == Role::kDeveloper)
        instructions(message);
      else if (message.role == Role::kUser)
        asked(message, i + 1 == messages.size());
      else if (!all)
        fail(
            "the function is told one question and no history: its template (function.request) "
            "has no {{messages}}");
    }
    if (!wrong_ && !all && !got_.prompt)
      wrong_ = refused_by_function("messages",
                                   "no message is a user's, and the template has no {{messages}}");
    if (!wrong_ && !all && !got_.system.empty() && !names_.names("system"))
      wrong_ = not_named("messages", "system");
    if (wrong_) return std::move(*wrong_);
    return std::move(got_);
  }

 private:
  void fail(const std::string& why) {
    if (!wrong_) wrong_ = refused_by_function(where_, why);
  }

  void instructions(const Message& message) {
    for (const Part& part : message.parts)
      if (!part.get<Text>()) return fail("instructions can be text only at a function");
    if (!got_.system.empty()) got_.system += '\n';
    got_.system += message.text();
  }

  void asked(const Message& message, bool last) {
    const bool all = names_.names("messages");
    if (got_.prompt && !all)
      return fail(
          "the function is told one question, and this is a second one: its template "
          "(function.request) has no {{messages}}");
    got_.prompt = message.text();
    got_.image.reset();
    for (const Part& part : message.parts) {
      if (const auto* media = part.get<Media>())
        picture(*media, last);
      else if (!part.get<Text>() && !all)
        fail("a function is told text and a picture only");
    }
  }

  // With {{messages}} all pictures are in there.
  void picture(const Media& media, bool last) {
    const bool all = names_.names("messages");
    if (!names_.names("image")) {
      if (!all) wrong_ = not_named(where_, "image");
      return;
    }
    const Blob* const bytes = std::get_if<Blob>(&media.source);
    const std::string type = type_of_media(media);
    const bool other = !type.empty() && !is_picture_type(type);
    if (other && !all) return fail("a function is told text and a picture only");
    if (other) return;
    if (all && (got_.image || !last || !bytes)) return;
    if (got_.image) return fail("the function is told one picture, and this message has more");
    if (!bytes) return fail("a picture goes to a function as its bytes, not by address");
    got_.image = core::to_base64(bytes->view());
  }

  const JsonTemplate& names_;
  std::string where_{};
  Conversation got_{};
  std::optional<Error> wrong_{};
};

// As OpenAI's chat has them.
Result<std::string> chat_messages(const FunctionPlan& plan, const TextRequest& request,
                                  const Call& call, std::vector<Warning>& warnings) {
  const ServerModel model{
      .provider = std::string(kModal), .issuer = plan.issuer, .dialect = &kCompatibleDialect};
  auto chat = write_openai_chat(model, {.messages = request.messages}, call);
  if (!chat) return std::move(chat.error());
  for (Warning& warning : chat->warnings) warnings.push_back(std::move(warning));
  return std::string(raw_member(chat->body, "messages").value_or("[]"));
}

// ---- requests

class FunctionWriter {
 public:
  FunctionWriter(std::shared_ptr<const FunctionPlan> plan, const Call& call)
      : plan_(std::move(plan)), call_(call) {}

  Result<Outgoing> write(const TextRequest& r) {
    if (auto error = answers(FunctionKind::kText)) return std::move(*error);
    if (auto error = core::refuse_promises(r, text_promises())) return std::move(*error);
    for (const core::Setting setting : core::quality_settings(r))
      if (!names(setting)) warn(setting);
    if (!r.reasoning.summary.empty()) warn("reasoning.summary");
    if (auto error = conversation(r)) return std::move(*error);
    number("temperature", r.temperature);
    number("top_p", r.top_p);
    if (r.max_tokens) values_.json("max_tokens", std::to_string(*r.max_tokens));
    if (r.seed) values_.json("seed", std::to_string(*r.seed));
    if (!r.stop.empty()) values_.json("stop", strings(r.stop));
    return made(FunctionKind::kText, 0, r.extra);
  }

  Result<Outgoing> write(const ImageRequest& r) {
    if (auto error = answers(FunctionKind::kImage)) return std::move(*error);
    if (auto error = image_promises(r)) return std::move(*error);
    quality("negative_prompt", !r.negative_prompt.empty());
    quality("seed", r.seed.has_value());
    quality("steps", r.steps.has_value());
    quality("guidance", r.guidance.has_value());
    quality("strength", r.strength.has_value());
    quality("sample_method", !r.sample_method.empty());
    quality("scheduler", !r.scheduler.empty());
    for (const core::Setting setting : core::quality_settings(r.diffusion)) warn(setting);
    quality("quality", !r.quality.empty());
    quality("background", !r.background.empty());
    quality("compression", r.compression.has_value());
    quality("previews", r.previews != 0);
    values_.text("prompt", r.prompt);
    if (!r.negative_prompt.empty()) values_.text("negative_prompt", r.negative_prompt);
    if (r.width) values_.json("width", std::to_string(*r.width));
    if (r.height) values_.json("height", std::to_string(*r.height));
    if (r.steps) values_.json("steps", std::to_string(*r.steps));
    if (r.seed) values_.json("seed", std::to_string(*r.seed));
    number("guidance", r.guidance);
    values_.json("n", std::to_string(r.n));
    auto out = made(FunctionKind::kImage, r.n, r.extra);
    if (!out) return out;
    out->once = true;
    out->needs = limits_of_pictures(r);
    return out;
  }

  Result<Outgoing> write(const EmbeddingRequest& r) {
    if (auto error = answers(FunctionKind::kVectors)) return std::move(*error);
    if (r.dimensions && !names("dimensions")) return not_named("dimensions", "dimensions");
    if (r.normalize)
      return refused_by_function("normalize", "a function gives the vectors that it gives");
    quality("input_type", !r.input_type.empty());
    values_.json("inputs", strings(r.inputs));
    if (r.dimensions) values_.json("dimensions", std::to_string(*r.dimensions));
    return made(FunctionKind::kVectors, r.inputs.size(), r.extra, r.dimensions);
  }

 private:
  bool names(std::string_view name) const { return plan_->request.names(name); }

  // What the pointers, or else the template, say that the function is for.
  std::optional<Error> answers(FunctionKind kind) const {
    struct Row {
      const char* what;
      const JsonPointer& pointer;
      const char* member;
    };
    const Row rows[] = {{"text", plan_->text, "text"},
                        {"pictures", plan_->image, "image"},
                        {"vectors", plan_->vectors, "vectors"}};
    const Row& row = rows[static_cast<std::size_t>(kind)];
    if (plan_->any_pointer && row.pointer.text().empty())
      return Error(Errc::kUnsupported, "this function is not set up for " + std::string(row.what) +
                                           ": function." + row.member + " is empty");
    const bool asked = kind == FunctionKind::kVectors ? names("inputs")
                       : kind == FunctionKind::kImage ? names("prompt")
                                                      : names("prompt") || names("messages");
    if (asked) return std::nullopt;
    return kind == FunctionKind::kVectors ? not_named("inputs", "inputs")
           : kind == FunctionKind::kImage ? not_named("prompt", "prompt")
                                          : not_named("messages", "prompt");
  }

  std::uint32_t text_promises() const {
    std::uint32_t honours = 0;
    if (names("max_tokens")) honours |= core::kHonoursMaxTokens;
    if (names("stop")) honours |= core::kHonoursStop;
    if (names("image") || names("messages")) honours |= core::kHonoursMedia;
    return honours;
  }

  std::optional<Error> image_promises(const ImageRequest& r) const {
    if (r.width && !names("width")) return not_named("width", "width");
    if (r.height && !names("height")) return not_named("height", "height");
    if (r.n > 1 && !names("n")) return not_named("n", "n");
    const char* const none = !r.images.empty()   ? "images"
                             : r.mask            ? "mask"
                             : !r.format.empty() ? "format"
                                                 : nullptr;
    if (!none) return core::refuse_promises(r.diffusion);
    return refused_by_function(none, "a function is told words and numbers only");
  }

  std::optional<Error> conversation(const TextRequest& r) {
    auto told = ConversationReader(plan_->request).read(r.messages);
    if (!told) return std::move(told.error());
    if (told->prompt) values_.text("prompt", *told->prompt);
    if (!told->system.empty()) values_.text("system", told->system);
    if (told->image) values_.text("image", *told->image);
    if (!names("messages")) return std::nullopt;
    auto messages = chat_messages(*plan_, r, call_, warnings_);
    if (!messages) return std::move(messages.error());
    values_.json("messages", std::move(*messages));
    return std::nullopt;
  }

  void warn(std::string_view setting) {
    warnings_.push_back(core::unsupported_warning(setting, "this function's template"));
  }
  void quality(std::string_view setting, bool is_set) {
    if (is_set && !names(setting)) warn(setting);
  }
  void number(std::string_view name, const std::optional<double>& value) {
    if (value) values_.json(name, number_text(*value));
  }
  static std::string strings(const std::vector<std::string>& texts) {
    std::vector<std::string> elements;
    for (const std::string& text : texts) elements.push_back(json_string(text));
    return array_of(elements);
  }

  Result<Outgoing> made(FunctionKind kind, std::size_t count,
                        const std::map<std::string, std::string>& extra,
                        std::optional<std::uint32_t> dimensions = {}) {
    if (!plan_->model.empty()) values_.text("model", plan_->model);
    auto body = plan_->request.fill(values_);
    if (!body)
      return refused_by_function("function.request", "nothing is left of it for this request");
    if (const auto own = extra.find(std::string(kModal)); own != extra.end()) {
      if (body->front() != '{')
        return refused_by_function("extra.modal", "the function's JSON is no object");
      RawObject merged(*body);
      for (const RawMember& member : raw_members(own->second))
        merged.set(member.key, std::string(member.value));
      *body = merged.text();
    }
    Outgoing out;
    out.path = plan_->path;
    out.body = std::move(*body);
    out.warnings = std::move(warnings_);
    out.reader = function_reader(plan_, kind, count, dimensions);
    return out;
  }

  std::shared_ptr<const FunctionPlan> plan_;
  const Call& call_;
  TemplateValues values_{};
  std::vector<Warning> warnings_{};
};

class FunctionWire final : public Wire {
 public:
  explicit FunctionWire(std::shared_ptr<const FunctionPlan> plan) : plan_(std::move(plan)) {}

  Result<Outgoing> write(const Request& request, const Call& call) const override {
    FunctionWriter writer(plan_, call);
    if (auto* text = std::get_if<TextRequest>(&request)) return writer.write(*text);
    if (auto* image = std::get_if<ImageRequest>(&request)) return writer.write(*image);
    if (auto* embedding = std::get_if<EmbeddingRequest>(&request)) return writer.write(*embedding);
    return Error(Errc::kUnsupported,
                 "a function answers text, picture and embedding requests; it ranks nothing and "
                 "counts no tokens");
  }
  Complaint complaint(std::string_view body) const override { return openai_complaint(body); }

 private:
  std::shared_ptr<const FunctionPlan> plan_;
};

}  // namespace

Result<FunctionPlan> function_plan(const JsonFunction& function) {
  FunctionPlan plan;
  plan.path = function.path;
  auto request = JsonTemplate::parse(function.request, kNames);
  if (!request) return wrong_member("function.request", request.error());
  plan.request = std::move(*request);
  const bool asks = plan.request.names("prompt") || plan.request.names("messages") ||
                    plan.request.names("inputs");
  if (!asks)
    return wrong_member("function.request",
                        Error(Errc::kInvalidRequest,
                              "names neither {{prompt}} nor {{messages}} nor {{inputs}}: it would "
                              "ask the same every time"));
  const struct {
    const char* member;
    const std::string& text;
    JsonPointer* to;
  } pointers[] = {{"function.text", function.text, &plan.text},
                  {"function.image", function.image, &plan.image},
                  {"function.vectors", function.vectors, &plan.vectors}};
  for (const auto& pointer : pointers) {
    auto parsed = JsonPointer::parse(pointer.text);
    if (!parsed) return wrong_member(pointer.member, parsed.error());
    *pointer.to = std::move(*parsed);
    plan.any_pointer = plan.any_pointer || !pointer.text.empty();
  }
  const struct {
    const char* member;
    const std::string& text;
    std::optional<JsonPointer>* to;
  } counts[] = {{"function.input_tokens", function.input_tokens, &plan.input_tokens},
                {"function.output_tokens", function.output_tokens, &plan.output_tokens}};
  for (const auto& count : counts) {
    if (count.text.empty()) continue;
    auto parsed = JsonPointer::parse(count.text);
    if (!parsed) return wrong_member(count.member, parsed.error());
    *count.to = std::move(*parsed);
  }
  return plan;
}

Result<std::shared_ptr<const Wire>> json_function_wire(const JsonFunction& function,
                                                       std::string model, std::string issuer) {
  if (auto error = check_path("function.path", function.path)) return std::move(*error);
  if (auto error = check_path("function.health", function.health)) return std::move(*error);
  auto plan = function_plan(function);
  if (!plan) return std::move(plan.error());
  plan->model = std::move(model);
  plan->issuer = std::move(issuer);
  return std::shared_ptr<const Wire>(
      std::make_shared<FunctionWire>(std::make_shared<const FunctionPlan>(std::move(*plan))));
}

}  // namespace infer::cloud
