#include "src/core/validate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "src/core/request_json.h"

namespace infer::core {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();
const std::string kBad = "ok \xFF";

TextRequest good() {
  TextRequest r;
  r.messages.push_back(user("hi"));
  return r;
}
std::string field_of(const Request& request) {
  const auto wrong = validate(request);
  if (!wrong) return "";
  EXPECT_EQ(wrong->code(), Errc::kInvalidRequest);
  // The message begins with the field and says something after it.
  EXPECT_EQ(wrong->message().find(std::string(wrong->detail("field")) + ": "), 0u);
  return std::string(wrong->detail("field"));
}
template <class F>
std::string text_field(F change) {
  TextRequest r = good();
  change(r);
  const std::string field = field_of(r);
  EXPECT_EQ(field_of(CountRequest{.request = r}), field);
  return field;
}
template <class F>
std::string part_field(F change) {
  return text_field([&](TextRequest& r) {
    r.messages.push_back(user("second"));
    change(r.messages[1].parts[0]);
  });
}
template <class F>
std::string image_field(F change) {
  ImageRequest r;
  r.prompt = "a fox";
  change(r);
  return field_of(r);
}

TEST(Validate, AcceptsWhatIsFine) {
  EXPECT_EQ(field_of(good()), "");
  EXPECT_EQ(text_field([](auto& r) {
              r.temperature = 0;
              r.top_p = 1;
              r.max_tokens = 1;
              r.sampling.repeat_last_n = -1;
              r.logit_bias = {{5, -100}};
              r.tools.push_back({.name = "get_weather-2", .schema = "{\"type\":\"object\"}"});
              r.tools.push_back({.provider_json = "{\"type\":\"web_search\"}"});
              r.extra = {{"openai", "{}"}};
            }),
            "");
  EXPECT_EQ(field_of(ImageRequest{.prompt = "x"}), "");
  EXPECT_EQ(field_of(EmbeddingRequest{.inputs = {""}}), "");
}

TEST(Validate, Messages) {
  EXPECT_EQ(field_of(TextRequest{}), "messages");
  EXPECT_EQ(text_field([](auto& r) { r.messages[0].id = kBad; }), "messages[0].id");
  EXPECT_EQ(text_field([](auto& r) { r.messages[0].name = kBad; }), "messages[0].name");
  EXPECT_EQ(text_field([](auto& r) { r.messages[0].extra = kBad; }), "messages[0].extra");
  const std::string part = "messages[1].parts[0]";
  EXPECT_EQ(part_field([](Part& p) { p.value = Text{kBad}; }), part + ".text");
  EXPECT_EQ(part_field([](Part& p) { p.value = Refusal{kBad}; }), part + ".text");
  EXPECT_EQ(part_field([](Part& p) { p.value = Reasoning{.text = kBad}; }), part + ".text");
  EXPECT_EQ(part_field([](Part& p) { p.value = Reasoning{.signature = kBad}; }),
            part + ".signature");
  EXPECT_EQ(part_field([](Part& p) { p.value = ToolCall{.id = kBad}; }), part + ".id");
  EXPECT_EQ(part_field([](Part& p) { p.value = ToolCall{.name = kBad}; }), part + ".name");
  EXPECT_EQ(part_field([](Part& p) { p.value = ToolCall{.arguments = kBad}; }),
            part + ".arguments");
  EXPECT_EQ(part_field([](Part& p) { p.value = Opaque{.type = kBad}; }), part + ".kind");
  EXPECT_EQ(part_field([](Part& p) { p.value = Opaque{.json = kBad}; }), part + ".json");
  EXPECT_EQ(part_field([](Part& p) { p.id = kBad; }), part + ".id");
  EXPECT_EQ(part_field([](Part& p) { p.issuer = kBad; }), part + ".issuer");
  EXPECT_EQ(part_field([](Part& p) { p.extra = kBad; }), part + ".extra");
  Part inner{.value = Text{kBad}};
  EXPECT_EQ(part_field([&](Part& p) { p.value = ToolResult{.content = {inner}}; }),
            part + ".content[0].text");
  EXPECT_EQ(part_field([](Part& p) { p.value = ToolResult{.call_id = kBad, .content = {}}; }),
            part + ".call_id");
  Part result{.value = ToolResult{.content = {}}};
  EXPECT_EQ(part_field([&](Part& p) { p.value = ToolResult{.content = {result}}; }),
            part + ".content");
  const auto wrong = validate(TextRequest{.messages = {user("four\xC0")}});
  EXPECT_EQ(wrong->detail("offset"), "4");
}

TEST(Validate, Media) {
  const std::string part = "messages[1].parts[0]";
  const Blob bytes(std::string(12, 'x'));
  const auto media = [&](Media m) { return part_field([&](Part& p) { p.value = std::move(m); }); };
  EXPECT_EQ(media({.mime = kBad, .source = bytes}), part + ".mime");
  EXPECT_EQ(media({.source = bytes, .detail = kBad}), part + ".detail");
  EXPECT_EQ(media({.source = bytes, .name = kBad}), part + ".name");
  EXPECT_EQ(media({.source = Url{kBad}}), part + ".url");
  EXPECT_EQ(media({.source = FileId{kBad}}), part + ".file_id");
  EXPECT_EQ(media({}), part);
  EXPECT_EQ(media({.source = Pixels{bytes, 2, 2, 3, 6}}), "");
  EXPECT_EQ(media({.source = Pixels{bytes, 0, 2, 3, 6}}), part);
  EXPECT_EQ(media({.source = Pixels{bytes, 2, 3, 3, 6}}), part);
  EXPECT_EQ(media({.source = Pixels{bytes, 2, 2, 3, 5}}), part);
  EXPECT_EQ(media({.source = Pixels{bytes, 2, 2, 2, 6}}), part + ".channels");
  EXPECT_EQ(media({.source = Pixels{bytes, 0xFFFFFFFF, 0xFFFFFFFF, 4, 0xFFFFFFFF}}), part);
}

TEST(Validate, ToolsAndOutput) {
  const auto tool = [](Tool t) {
    return text_field([&](auto& r) { r.tools = {{.name = "fine"}, t}; });
  };
  EXPECT_EQ(tool({}), "tools[1].name");
  EXPECT_EQ(tool({.name = "not fine"}), "tools[1].name");
  EXPECT_EQ(tool({.name = kBad}), "tools[1].name");
  EXPECT_EQ(tool({.name = "a", .description = kBad}), "tools[1].description");
  EXPECT_EQ(tool({.name = "a", .schema = "{"}), "tools[1].schema");
  EXPECT_EQ(tool({.name = "a", .schema = "[]"}), "tools[1].schema");
  EXPECT_EQ(tool({.provider_json = "5"}), "tools[1].provider_json");
  EXPECT_EQ(text_field([](auto& r) { r.tool_choice.mode = ToolChoice::Mode::kNamed; }),
            "tool_choice.name");
  const auto choose = [](ToolChoice choice) {
    return text_field([&](auto& r) {
      r.tools = {{.name = "a"}};
      r.tool_choice = choice;
    });
  };
  EXPECT_EQ(choose({.mode = ToolChoice::Mode::kNamed, .name = "a"}), "");
  EXPECT_EQ(choose({.mode = ToolChoice::Mode::kNamed, .name = "b"}), "tool_choice.name");
  EXPECT_EQ(choose({.mode = ToolChoice::Mode::kRequired}), "");
  EXPECT_EQ(text_field([](auto& r) { r.tool_choice.mode = ToolChoice::Mode::kRequired; }),
            "tool_choice");
  const auto output = [](Output o) { return text_field([&](auto& r) { r.output = o; }); };
  using Form = Output::Form;
  EXPECT_EQ(output({.form = Form::kJsonSchema, .schema = "{\"type\":\"object\"}"}), "");
  EXPECT_EQ(output({.form = Form::kJsonSchema}), "output.schema");
  EXPECT_EQ(output({.form = Form::kJsonSchema, .schema = "{]"}), "output.schema");
  EXPECT_EQ(output({.form = Form::kGrammar}), "output.grammar");
  EXPECT_EQ(output({.form = Form::kGrammar, .grammar = kBad}), "output.grammar");
  EXPECT_EQ(output({.form = Form::kJsonSchema, .name = kBad, .schema = "{}"}), "output.name");
}

TEST(Validate, Numbers) {
  const auto number = [](auto member, auto value) {
    return text_field([&](TextRequest& r) { r.*member = value; });
  };
  for (double bad : {-0.1, kNan, kInf})
    EXPECT_EQ(number(&TextRequest::temperature, bad), "temperature");
  for (double bad : {0.0, -1.0, 1.01, kNan, kInf})
    EXPECT_EQ(number(&TextRequest::top_p, bad), "top_p");
  for (std::int64_t bad : {std::int64_t{0}, std::int64_t{-5}, INT64_MIN})
    EXPECT_EQ(number(&TextRequest::max_tokens, bad), "max_tokens");
  EXPECT_EQ(number(&TextRequest::max_tokens, INT64_MAX / 2), "");
  EXPECT_EQ(number(&TextRequest::n, 0u), "n");
  const auto sampling = [](auto member, auto value) {
    return text_field([&](TextRequest& r) { r.sampling.*member = value; });
  };
  for (double bad : {-0.1, 1.1, kNan}) {
    EXPECT_EQ(sampling(&Sampling::min_p, bad), "sampling.min_p");
    EXPECT_EQ(sampling(&Sampling::typical_p, bad), "sampling.typical_p");
    EXPECT_EQ(sampling(&Sampling::xtc_probability, bad), "sampling.xtc_probability");
  }
  EXPECT_EQ(sampling(&Sampling::top_k, -1), "sampling.top_k");
  EXPECT_EQ(sampling(&Sampling::repeat_last_n, -2), "sampling.repeat_last_n");
  EXPECT_EQ(sampling(&Sampling::mirostat, 3), "sampling.mirostat");
  // What JSON cannot carry.
  for (auto member :
       {&Sampling::top_n_sigma, &Sampling::repeat_penalty, &Sampling::presence_penalty,
        &Sampling::frequency_penalty, &Sampling::mirostat_tau, &Sampling::mirostat_eta,
        &Sampling::dry_multiplier, &Sampling::dry_base, &Sampling::dynatemp_range,
        &Sampling::dynatemp_exponent}) {
    EXPECT_NE(sampling(member, kNan), "");
    EXPECT_NE(sampling(member, kInf), "");
    EXPECT_EQ(sampling(member, 0.5), "");
  }
  EXPECT_EQ(text_field([](auto& r) { r.logit_bias = {{1, kNan}}; }), "logit_bias");
  EXPECT_EQ(text_field([](auto& r) { r.logit_bias = {{1, -kInf}}; }), "logit_bias");
  EXPECT_EQ(text_field([](auto& r) { r.reasoning.budget_tokens = -1; }), "reasoning.budget_tokens");
  TextRequest hot = good();
  hot.temperature = -2.5;
  EXPECT_EQ(validate(hot)->message(), "temperature: must be from 0 to 1000000, not -2.5");
}

TEST(Validate, Labels) {
  EXPECT_EQ(text_field([](auto& r) { r.stop = {"a", ""}; }), "stop[1]");
  EXPECT_EQ(text_field([](auto& r) { r.stop = {kBad}; }), "stop[0]");
  EXPECT_EQ(text_field([](auto& r) { r.reasoning.summary = kBad; }), "reasoning.summary");
  EXPECT_EQ(text_field([](auto& r) { r.previous_response_id = kBad; }), "previous_response_id");
  EXPECT_EQ(text_field([](auto& r) { r.cache_key = kBad; }), "cache_key");
  EXPECT_EQ(text_field([](auto& r) { r.cache_retention = kBad; }), "cache_retention");
  EXPECT_EQ(text_field([](auto& r) { r.service_tier = kBad; }), "service_tier");
  EXPECT_EQ(text_field([](auto& r) { r.user = kBad; }), "user");
  EXPECT_EQ(text_field([](auto& r) { r.metadata = {{"k", kBad}}; }), "metadata.k");
  EXPECT_EQ(text_field([](auto& r) { r.metadata = {{kBad, "v"}}; }), "metadata key");
  EXPECT_EQ(text_field([](auto& r) { r.extra = {{"openai", "[1]"}}; }), "extra.openai");
  EXPECT_EQ(text_field([](auto& r) { r.extra = {{"openai", "{"}}; }), "extra.openai");
  EXPECT_EQ(text_field([](auto& r) { r.extra = {{"openai", ""}}; }), "extra.openai");
}

TEST(Validate, ImagesAndEmbeddings) {
  EXPECT_EQ(image_field([](auto& r) { r.prompt = kBad; }), "prompt");
  EXPECT_EQ(image_field([](auto& r) { r.negative_prompt = kBad; }), "negative_prompt");
  EXPECT_EQ(image_field([](auto& r) { r.n = 0; }), "n");
  EXPECT_EQ(image_field([](auto& r) { r.width = 0; }), "width");
  EXPECT_EQ(image_field([](auto& r) { r.height = 0; }), "height");
  EXPECT_EQ(image_field([](auto& r) { r.steps = 0; }), "steps");
  EXPECT_EQ(image_field([](auto& r) { r.guidance = -1; }), "guidance");
  EXPECT_EQ(image_field([](auto& r) { r.guidance = 1001; }), "guidance");
  EXPECT_EQ(image_field([](auto& r) { r.steps = 1001; }), "steps");
  EXPECT_EQ(image_field([](auto& r) { r.n = 1001; }), "n");
  EXPECT_EQ(image_field([](auto& r) { r.width = 65536; }), "width");
  EXPECT_EQ(image_field([](auto& r) { r.strength = 1.5; }), "strength");
  EXPECT_EQ(image_field([](auto& r) { r.images = {Media{}}; }), "images[0]");
  EXPECT_EQ(image_field([](auto& r) { r.mask = Media{}; }), "mask");
  EXPECT_EQ(image_field([](auto& r) { r.scheduler = kBad; }), "scheduler");
  EXPECT_EQ(image_field([](auto& r) { r.sample_method = kBad; }), "sample_method");
  EXPECT_EQ(image_field([](auto& r) { r.quality = kBad; }), "quality");
  EXPECT_EQ(image_field([](auto& r) { r.background = kBad; }), "background");
  EXPECT_EQ(image_field([](auto& r) { r.format = kBad; }), "format");
  EXPECT_EQ(image_field([](auto& r) { r.compression = 101; }), "compression");
  EXPECT_EQ(image_field([](auto& r) { r.user = kBad; }), "user");
  EXPECT_EQ(image_field([](auto& r) { r.extra = {{"x", "1"}}; }), "extra.x");
  EXPECT_EQ(field_of(EmbeddingRequest{}), "inputs");
  EXPECT_EQ(field_of(EmbeddingRequest{.inputs = {"a", kBad}}), "inputs[1]");
  EXPECT_EQ(field_of(EmbeddingRequest{.inputs = {"a"}, .dimensions = 0}), "dimensions");
  EXPECT_EQ(field_of(EmbeddingRequest{.inputs = {"a"}, .input_type = kBad}), "input_type");
  EXPECT_EQ(field_of(EmbeddingRequest{.inputs = {"a"}, .user = kBad}), "user");
}

// The field that is wrong without the "diffusion." before it.
template <class F>
std::string diffusion_field(F change) {
  const std::string field = image_field([&](ImageRequest& r) { change(r.diffusion); });
  const std::string before = "diffusion.";
  return field.substr(0, before.size()) == before ? field.substr(before.size()) : field;
}

TEST(Validate, Painting) {
  const double nan = std::nan("");
  EXPECT_EQ(diffusion_field([](auto& d) {
              d = {.eta = 0,
                   .flow_shift = -3,
                   .clip_skip = 12,
                   .sigmas = {14.6, 1, 0},
                   .skip_layers = {0, 7},
                   .adapters = {{.path = "/a.gguf", .scale = -1000}},
                   .vae_tiling = VaeTiling{.tile = 4, .overlap = 0},
                   .step_cache = StepCache{.mode = "easycache", .start = 0, .end = 0},
                   .hires = HiresFix{.scale = 1, .strength = 1}};
            }),
            "");
  EXPECT_EQ(diffusion_field([&](auto& d) { d.distilled_guidance = nan; }), "distilled_guidance");
  EXPECT_EQ(diffusion_field([](auto& d) { d.image_guidance = 1e4; }), "image_guidance");
  EXPECT_EQ(diffusion_field([](auto& d) { d.eta = -0.1; }), "eta");
  EXPECT_EQ(diffusion_field([&](auto& d) { d.flow_shift = nan; }), "flow_shift");
  for (const int bad : {0, 13})
    EXPECT_EQ(diffusion_field([&](auto& d) { d.clip_skip = bad; }), "clip_skip");
  EXPECT_EQ(diffusion_field([](auto& d) { d.skip_layers = {1, -1}; }), "skip_layers");
  EXPECT_EQ(diffusion_field([&](auto& d) { d.skip_layer_scale = nan; }), "skip_layer_scale");
  EXPECT_EQ(diffusion_field([](auto& d) { d.control = Media{}; }), "control");
  EXPECT_EQ(diffusion_field([](auto& d) { d.control_strength = 11; }), "control_strength");
  EXPECT_EQ(diffusion_field([](auto& d) { d.references = {Media{}}; }), "references[0]");
  const auto adapter = [](LoraAdapter one) {
    return diffusion_field([&](auto& d) { d.adapters = {{.path = "/a"}, one}; });
  };
  EXPECT_EQ(adapter({.path = "a.gguf"}), "adapters[1].path");
  EXPECT_EQ(adapter({.path = ""}), "adapters[1].path");
  EXPECT_EQ(adapter({.path = kBad}), "adapters[1].path");
  EXPECT_EQ(adapter({.path = "/a", .scale = 1001}), "adapters[1].scale");
  EXPECT_EQ(diffusion_field([](auto& d) { d.adapters.resize(65, {.path = "/a"}); }), "adapters");
  const auto tiling = [](VaeTiling t) {
    return diffusion_field([&](auto& d) { d.vae_tiling = t; });
  };
  EXPECT_EQ(tiling({.tile = 3}), "vae_tiling.tile");
  EXPECT_EQ(tiling({.overlap = 0.51}), "vae_tiling.overlap");
}

TEST(Validate, NoiseLevels) {
  const auto sigmas = [](std::vector<double> levels, std::optional<std::uint32_t> steps = {}) {
    return image_field([&](auto& r) {
      r.diffusion.sigmas = std::move(levels);
      r.steps = steps;
    });
  };
  EXPECT_EQ(sigmas({1, 0}), "");
  EXPECT_EQ(sigmas({1, 0}, 1), "diffusion.sigmas");
  EXPECT_EQ(sigmas({0}), "diffusion.sigmas");
  EXPECT_EQ(sigmas(std::vector<double>(1002)), "diffusion.sigmas");
  EXPECT_EQ(sigmas({2, 1}), "diffusion.sigmas");
  EXPECT_EQ(sigmas({1, 1, 0}), "diffusion.sigmas[1]");
  EXPECT_EQ(sigmas({1, std::nan(""), 0}), "diffusion.sigmas[1]");
  EXPECT_EQ(sigmas({-1, 0}), "diffusion.sigmas[0]");
}

TEST(Validate, CachesOfStepsAndLargePictures) {
  const auto cache = [](StepCache c) {
    return diffusion_field([&](auto& d) { d.step_cache = std::move(c); });
  };
  EXPECT_EQ(cache({}), "step_cache.mode");
  EXPECT_EQ(cache({.mode = kBad}), "step_cache.mode");
  EXPECT_EQ(cache({.mode = "ucache", .threshold = -1}), "step_cache.threshold");
  EXPECT_EQ(cache({.mode = "ucache", .start = 2}), "step_cache.start");
  EXPECT_EQ(cache({.mode = "ucache", .start = 0.5, .end = 0.4}), "step_cache.start");
  EXPECT_EQ(cache({.mode = "ucache", .end = -0.5}), "step_cache.end");
  const auto hires = [](HiresFix h) {
    return diffusion_field([&](auto& d) { d.hires = std::move(h); });
  };
  EXPECT_EQ(hires({.upscaler = ""}), "hires.upscaler");
  EXPECT_EQ(hires({.upscaler = kBad}), "hires.upscaler");
  EXPECT_EQ(hires({.scale = 0.5}), "hires.scale");
  EXPECT_EQ(hires({.scale = std::nan("")}), "hires.scale");
  EXPECT_EQ(hires({.width = 0}), "hires.width");
  EXPECT_EQ(hires({.height = 70000}), "hires.height");
  EXPECT_EQ(hires({.steps = 0}), "hires.steps");
  EXPECT_EQ(hires({.strength = 0}), "hires.strength");
  EXPECT_EQ(hires({.strength = 1.1}), "hires.strength");
}

TEST(Validate, Rankings) {
  const RerankRequest fine{.query = "q", .documents = {"a", ""}, .top_n = 5};
  EXPECT_EQ(field_of(fine), "");
  EXPECT_EQ(field_of(RerankRequest{.documents = {"a"}}), "query");
  EXPECT_EQ(field_of(RerankRequest{.query = kBad, .documents = {"a"}}), "query");
  EXPECT_EQ(field_of(RerankRequest{.query = "q"}), "documents");
  EXPECT_EQ(field_of(RerankRequest{.query = "q", .documents = {"a", kBad}}), "documents[1]");
  EXPECT_EQ(field_of(RerankRequest{.query = "q", .documents = {"a"}, .top_n = 0}), "top_n");
  EXPECT_EQ(field_of(RerankRequest{.query = "q", .documents = {"a"}, .user = kBad}), "user");
  EXPECT_EQ(field_of(RerankRequest{.query = "q", .documents = {"a"}, .extra = {{"x", "1"}}}),
            "extra.x");
}

// What passes here can be written as JSON and read again, however deep the caller's JSON is.
TEST(Validate, InnerJsonLeavesRoomForTheRequest) {
  std::string deepest;
  for (int depth = 100; depth < 130; ++depth) {
    std::string json = "{\"a\":" + std::string(static_cast<std::size_t>(depth - 1), '[') +
                       std::string(static_cast<std::size_t>(depth - 1), ']') + "}";
    TextRequest r = good();
    r.tools.push_back({.name = "t", .schema = json});
    r.output = {.form = Output::Form::kJsonSchema, .schema = json};
    r.extra["openai"] = json;
    if (validate(r)) continue;
    deepest = json;
    EXPECT_TRUE(from_json(to_json(r).text, {})) << depth;
  }
  EXPECT_GT(deepest.size(), 200u);
}

}  // namespace
}  // namespace infer::core
