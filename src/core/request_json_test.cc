#include "src/core/request_json.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "src/core/json.h"
#include "src/core/validate.h"

namespace infer::core {
namespace {

// ---- equality of requests ----------------------------------------------------------------------

bool same(const Tool& a, const Tool& b) {
  return a.name == b.name && a.description == b.description && a.schema == b.schema &&
         a.strict == b.strict && a.provider_json == b.provider_json;
}
bool same(const Sampling& a, const Sampling& b) {
  return a.top_k == b.top_k && a.min_p == b.min_p && a.typical_p == b.typical_p &&
         a.top_n_sigma == b.top_n_sigma && a.repeat_penalty == b.repeat_penalty &&
         a.repeat_last_n == b.repeat_last_n && a.presence_penalty == b.presence_penalty &&
         a.frequency_penalty == b.frequency_penalty && a.mirostat == b.mirostat &&
         a.mirostat_tau == b.mirostat_tau && a.mirostat_eta == b.mirostat_eta &&
         a.xtc_probability == b.xtc_probability && a.xtc_threshold == b.xtc_threshold &&
         a.dry_multiplier == b.dry_multiplier && a.dry_base == b.dry_base &&
         a.dry_allowed_length == b.dry_allowed_length && a.dry_last_n == b.dry_last_n &&
         a.dynatemp_range == b.dynatemp_range && a.dynatemp_exponent == b.dynatemp_exponent;
}
bool same(const TextRequest& a, const TextRequest& b) {
  const bool tools = std::equal(a.tools.begin(), a.tools.end(), b.tools.begin(), b.tools.end(),
                                [](const Tool& x, const Tool& y) { return same(x, y); });
  const bool logprobs = a.logprobs.has_value() == b.logprobs.has_value() &&
                        (!a.logprobs || a.logprobs->top == b.logprobs->top);
  return a.messages == b.messages && tools && a.tool_choice.mode == b.tool_choice.mode &&
         a.tool_choice.name == b.tool_choice.name && a.parallel_tools == b.parallel_tools &&
         a.output.form == b.output.form && a.output.name == b.output.name &&
         a.output.schema == b.output.schema && a.output.strict == b.output.strict &&
         a.output.check == b.output.check && a.output.grammar == b.output.grammar &&
         a.max_tokens == b.max_tokens && a.stop == b.stop && a.stop_token_ids == b.stop_token_ids &&
         a.n == b.n && logprobs && a.temperature == b.temperature && a.top_p == b.top_p &&
         a.seed == b.seed && same(a.sampling, b.sampling) && a.logit_bias == b.logit_bias &&
         a.reasoning.effort == b.reasoning.effort &&
         a.reasoning.budget_tokens == b.reasoning.budget_tokens &&
         a.reasoning.summary == b.reasoning.summary && a.truncation == b.truncation &&
         a.previous_response_id == b.previous_response_id && a.store == b.store &&
         a.cache_key == b.cache_key && a.cache_retention == b.cache_retention &&
         a.cache_explicit == b.cache_explicit && a.service_tier == b.service_tier &&
         a.user == b.user && a.metadata == b.metadata && a.extra == b.extra;
}
bool same(const ImageRequest& a, const ImageRequest& b) {
  return a.prompt == b.prompt && a.negative_prompt == b.negative_prompt && a.width == b.width &&
         a.height == b.height && a.n == b.n && a.seed == b.seed && a.images == b.images &&
         a.mask == b.mask && a.steps == b.steps && a.guidance == b.guidance &&
         a.strength == b.strength && a.sample_method == b.sample_method &&
         a.scheduler == b.scheduler && a.diffusion == b.diffusion && a.quality == b.quality &&
         a.background == b.background && a.format == b.format && a.compression == b.compression &&
         a.previews == b.previews && a.user == b.user && a.extra == b.extra;
}
bool same(const EmbeddingRequest& a, const EmbeddingRequest& b) {
  return a.inputs == b.inputs && a.dimensions == b.dimensions && a.normalize == b.normalize &&
         a.input_type == b.input_type && a.user == b.user && a.extra == b.extra;
}
bool same(const RerankRequest& a, const RerankRequest& b) {
  return a.query == b.query && a.documents == b.documents && a.top_n == b.top_n &&
         a.user == b.user && a.extra == b.extra;
}
bool same(const CountRequest& a, const CountRequest& b) { return same(a.request, b.request); }
bool same(const Request& a, const Request& b) {
  return a.index() == b.index() &&
         std::visit([&](const auto& x) { return same(x, std::get<std::decay_t<decltype(x)>>(b)); },
                    a);
}

// ---- random requests ---------------------------------------------------------------------------

class Maker {
 public:
  // `all`: every field is set.
  Maker(unsigned seed, bool all) : random_(seed), all_(all) {}

  Request request(unsigned kind) {
    switch (kind % 5) {
      case 0: return text_request();
      case 1: return image_request();
      case 2: return embedding_request();
      case 3: return rerank_request();
      default: return CountRequest{.request = text_request()};
    }
  }

  TextRequest text_request() {
    TextRequest r;
    for (unsigned i = all_ ? 1 : 1 + random_() % 4; i > 0; --i) r.messages.push_back(message());
    for (unsigned i = all_ ? 2 : random_() % 3; i > 0; --i) r.tools.push_back(tool());
    if (chance()) r.tool_choice.mode = static_cast<ToolChoice::Mode>(all_ ? 3 : random_() % 4);
    if (r.tools.empty()) r.tool_choice.mode = ToolChoice::Mode::kAuto;
    if (r.tool_choice.mode == ToolChoice::Mode::kNamed) r.tool_choice.name = r.tools[0].name;
    maybe(r.parallel_tools);
    if (chance()) r.output = output();
    if (chance()) r.max_tokens = 1 + random_() % 100000;
    for (unsigned i = all_ ? 2 : random_() % 3; i > 0; --i) r.stop.push_back("s" + text());
    for (unsigned i = all_ ? 2 : random_() % 3; i > 0; --i)
      r.stop_token_ids.push_back(static_cast<std::int32_t>(random_()));
    if (chance()) r.n = 2 + random_() % 5;
    if (chance()) r.logprobs = Logprobs{static_cast<std::uint32_t>(random_() % 5)};
    if (chance()) r.temperature = number();
    if (chance()) r.top_p = 0.01 + 0.98 * number();
    if (chance()) r.seed = (std::uint64_t{random_()} << 32) | random_();
    sampling(r.sampling);
    for (unsigned i = all_ ? 2 : random_() % 3; i > 0; --i)
      r.logit_bias[static_cast<std::int32_t>(random_())] = -100 * number();
    if (chance())
      r.reasoning.effort = static_cast<ReasoningOptions::Effort>(all_ ? 3 : random_() % 7);
    if (chance()) r.reasoning.budget_tokens = random_() % 1000;
    maybe(r.reasoning.summary);
    if (chance()) r.truncation = Truncation::kDropOldest;
    maybe(r.previous_response_id);
    maybe(r.store);
    maybe(r.cache_key);
    maybe(r.cache_retention);
    if (chance()) r.cache_explicit = true;
    maybe(r.service_tier);
    maybe(r.user);
    for (unsigned i = all_ ? 2 : random_() % 3; i > 0; --i) r.metadata["k" + text()] = text();
    extra(r.extra);
    return r;
  }

 private:
  ImageRequest image_request() {
    ImageRequest r;
    r.prompt = text();
    maybe(r.negative_prompt);
    if (chance()) r.width = 1 + random_() % 4096;
    if (chance()) r.height = 1 + random_() % 4096;
    if (chance()) r.n = 2 + random_() % 3;
    if (chance()) r.seed = (std::uint64_t{random_()} << 32) | random_();
    for (unsigned i = all_ ? 4 : random_() % 3; i > 0; --i) r.images.push_back(media(i));
    if (chance()) r.mask = media(random_());
    if (chance()) r.steps = 1 + random_() % 50;
    if (chance()) r.guidance = number();
    if (chance()) r.strength = number();
    for (auto member : {&ImageRequest::sample_method, &ImageRequest::scheduler,
                        &ImageRequest::quality, &ImageRequest::background, &ImageRequest::format})
      maybe(r.*member);
    if (chance()) r.diffusion = diffusion();
    if (!r.diffusion.sigmas.empty()) r.steps.reset();
    if (chance()) r.compression = random_() % 101;
    if (chance()) r.previews = 1 + random_() % 3;
    maybe(r.user);
    extra(r.extra);
    return r;
  }
  Diffusion diffusion() {
    Diffusion d;
    for (auto member : {&Diffusion::distilled_guidance, &Diffusion::image_guidance, &Diffusion::eta,
                        &Diffusion::flow_shift, &Diffusion::skip_layer_scale})
      if (chance()) d.*member = number();
    if (chance()) d.clip_skip = 1 + random_() % 12;
    if (chance()) d.sigmas = {14.5, number(), 0};
    if (chance()) d.skip_layers = {7, 8, static_cast<std::int32_t>(random_() % 30)};
    if (chance()) {
      d.control = media(random_());
      if (chance()) d.control_strength = 10 * number();
    }
    for (unsigned i = all_ ? 4 : random_() % 3; i > 0; --i) d.references.push_back(media(i));
    for (unsigned i = all_ ? 2 : random_() % 3; i > 0; --i)
      d.adapters.push_back({.path = "/" + text(), .scale = i == 1 ? 1 : number()});
    if (chance()) d.vae_tiling = tiling();
    if (chance()) d.step_cache = step_cache();
    if (chance()) d.hires = hires();
    d.upscale = chance();
    return d;
  }
  VaeTiling tiling() {
    VaeTiling t;
    if (chance()) t.tile = 4 + random_() % 1000;
    if (chance()) t.overlap = number() / 2;
    return t;
  }
  StepCache step_cache() {
    StepCache c{.mode = "easycache"};
    for (auto member : {&StepCache::threshold, &StepCache::start, &StepCache::end})
      if (chance()) c.*member = number();
    if (c.start && c.end && *c.start > *c.end) std::swap(c.start, c.end);
    return c;
  }
  HiresFix hires() {
    HiresFix h;
    if (chance()) h.upscaler = "lanczos";
    if (chance()) h.scale = 1 + 7 * number();
    for (auto member : {&HiresFix::width, &HiresFix::height, &HiresFix::steps})
      if (chance()) h.*member = 1 + random_() % 1000;
    if (chance()) h.strength = number();
    return h;
  }
  EmbeddingRequest embedding_request() {
    EmbeddingRequest r;
    for (unsigned i = 1 + random_() % 3; i > 0; --i) r.inputs.push_back(text());
    if (chance()) r.dimensions = 1 + random_() % 2000;
    maybe(r.normalize);
    maybe(r.input_type);
    maybe(r.user);
    extra(r.extra);
    return r;
  }

  RerankRequest rerank_request() {
    RerankRequest r;
    r.query = text();
    for (unsigned i = 1 + random_() % 3; i > 0; --i) r.documents.push_back(text());
    if (chance()) r.top_n = 1 + random_() % 20;
    maybe(r.user);
    extra(r.extra);
    return r;
  }

  bool chance() { return all_ || random_() % 2 == 0; }
  // Never empty: empty is unset.
  std::string text() {
    static const std::string pieces[] = {"a",
                                         "Z9",
                                         " ",
                                         "\"",
                                         "\\",
                                         "\n",
                                         "\t\x01",
                                         "\x7F",
                                         "\xC3\xA9",
                                         "\xE2\x82\xAC",
                                         "\xF0\x9F\x98\x80",
                                         "{\"x\":[",
                                         std::string(1, '\0'),
                                         "/"};
    std::string out = "t";
    for (unsigned n = random_() % 8; n > 0; --n) out += pieces[random_() % std::size(pieces)];
    return out;
  }
  double number() { return std::uniform_real_distribution<double>(0, 1)(random_); }
  void maybe(std::string& s) {
    if (chance()) s = text();
  }
  void maybe(std::optional<bool>& b) {
    if (chance()) b = random_() % 2 == 0;
  }
  std::string json() {
    Json j = Json::object();
    j["type"] = "object";
    j[text()] = {1, 2.5, text(), nullptr, true};
    return dump_json(j);
  }
  void extra(std::map<std::string, std::string>& to) {
    for (unsigned i = all_ ? 2 : random_() % 3; i > 0; --i) to["p" + text()] = json();
  }
  Tool tool() {
    Tool t;
    t.name = "tool_" + std::to_string(random_() % 100);
    maybe(t.description);
    if (chance()) t.schema = json();
    maybe(t.strict);
    if (chance()) t.provider_json = json();
    return t;
  }
  Output output() {
    Output o;
    o.form = static_cast<Output::Form>(all_ ? 2 : 1 + random_() % 3);
    if (o.form == Output::Form::kJsonSchema) {
      maybe(o.name);
      o.schema = json();
      o.strict = random_() % 2 == 0;
    }
    o.check = !all_ && random_() % 2 == 0;
    if (o.form == Output::Form::kGrammar) o.grammar = text();
    return o;
  }
  void sampling(Sampling& s) {
    for (auto member :
         {&Sampling::min_p, &Sampling::typical_p, &Sampling::top_n_sigma, &Sampling::repeat_penalty,
          &Sampling::presence_penalty, &Sampling::frequency_penalty, &Sampling::mirostat_tau,
          &Sampling::mirostat_eta, &Sampling::xtc_probability, &Sampling::xtc_threshold,
          &Sampling::dry_multiplier, &Sampling::dry_base, &Sampling::dynatemp_range,
          &Sampling::dynatemp_exponent})
      if (chance()) s.*member = number();
    for (auto member : {&Sampling::top_k, &Sampling::repeat_last_n, &Sampling::mirostat,
                        &Sampling::dry_allowed_length, &Sampling::dry_last_n})
      if (chance()) s.*member = static_cast<std::int32_t>(random_() % 3);
  }
  Media media(unsigned kind) {
    Media m;
    maybe(m.mime);
    maybe(m.detail);
    maybe(m.name);
    switch (kind % 4) {
      case 0: m.source = Blob(text()); break;
      case 1: m.source = Url{text()}; break;
      case 2: m.source = FileId{text()}; break;
      default: m.source = Pixels{Blob(std::string(12, 'p')), 2, 2, 3, 6};
    }
    return m;
  }
  Part part(unsigned kind, bool inner) {
    Part p;
    switch (kind % (inner ? 3u : 7u)) {
      case 0: p.value = Text{text()}; break;
      case 1: p.value = media(random_()); break;
      case 2: p.value = Refusal{text()}; break;
      case 3: p.value = Reasoning{text(), text(), random_() % 2 == 0}; break;
      case 4:
        p.value = ToolCall{text(), text(), text(), random_() % 2 == 0, random_() % 2 == 0};
        break;
      case 5: {
        ToolResult result{.call_id = text(), .name = text(), .content = {}};
        for (unsigned i = random_() % 3; i > 0; --i)
          result.content.push_back(part(random_(), true));
        result.is_error = random_() % 2 == 0;
        result.provider_executed = random_() % 2 == 0;
        p.value = std::move(result);
        break;
      }
      default: p.value = Opaque{text(), text()};
    }
    maybe(p.id);
    maybe(p.issuer);
    maybe(p.extra);
    if (chance()) p.cache = static_cast<CacheHint>(all_ ? 1 : random_() % 3);
    return p;
  }
  Message message() {
    Message m;
    m.role = static_cast<Role>(random_() % 5);
    for (unsigned i = all_ ? 7 : random_() % 4; i > 0; --i)
      m.parts.push_back(part(all_ ? i : random_(), false));
    maybe(m.id);
    maybe(m.name);
    maybe(m.extra);
    return m;
  }

  std::mt19937 random_;
  bool all_;
};

// ---- tests -------------------------------------------------------------------------------------

// Objects are written by a map, so sorted; this says so without it.
bool keys_sorted(const std::string& text) { return dump_json(*parse_json(text)) == text; }

TEST(RequestJson, RandomRequestsComeBackEqual) {
  for (unsigned seed = 0; seed < 1500; ++seed) {
    const Request request = Maker(seed, seed % 50 == 0).request(seed);
    const auto wrong = validate(request);
    ASSERT_FALSE(wrong) << wrong->message() << " in seed " << seed;
    const RequestJson json = to_json(request);
    ASSERT_EQ(json.blobs.size(), json.mimes.size());
    auto back = from_json(json.text, json.blobs);
    ASSERT_TRUE(back) << back.error() << "\n" << json.text;
    ASSERT_TRUE(same(*back, request)) << seed << "\n" << json.text << "\n" << to_json(*back).text;
    const RequestJson again = to_json(*back);
    ASSERT_EQ(again.text, json.text);
    ASSERT_EQ(again.blobs, json.blobs);
    ASSERT_EQ(again.mimes, json.mimes);
    ASSERT_TRUE(keys_sorted(json.text));
  }
}

TEST(RequestJson, PaintingSaysOnlyWhatIsSet) {
  const auto text = [](Diffusion diffusion) {
    const std::string all = to_json(ImageRequest{.diffusion = std::move(diffusion)}).text;
    const std::string end = R"("prompt":"","task":"image"})";
    EXPECT_EQ(all.substr(all.size() - end.size()), end);
    return all.substr(0, all.size() - end.size());
  };
  EXPECT_EQ(text({}), "{");
  EXPECT_EQ(text({.control_strength = 0.5}), "{");  // of nothing
  EXPECT_EQ(text({.hires = HiresFix{}}), R"({"diffusion":{"hires":{}},)");
  EXPECT_EQ(text({.vae_tiling = VaeTiling{}, .upscale = true}),
            R"({"diffusion":{"upscale":true,"vae_tiling":{}},)");
  EXPECT_EQ(text({.adapters = {{.path = "/a"}, {.path = "/b", .scale = 0}}}),
            R"({"diffusion":{"adapters":[{"path":"/a"},{"path":"/b","scale":0.0}]},)");
  const Media picture{.source = Url{"x"}};
  EXPECT_EQ(text({.control = picture}), R"({"diffusion":{"control":{"url":"x"}},)");
  EXPECT_EQ(text({.control = picture, .control_strength = 0.5, .references = {picture}}),
            R"({"diffusion":{"control":{"url":"x"},"control_strength":0.5,)"
            R"("references":[{"url":"x"}]},)");
}

TEST(RequestJson, PaintingOfTheWrongTypeIsNamed) {
  const auto field = [](const std::string& diffusion) {
    const auto request =
        from_json(R"({"task":"image","prompt":"","diffusion":)" + diffusion + "}", {});
    return request ? std::string() : std::string(request.error().detail("field"));
  };
  EXPECT_EQ(field(R"({"later":1})"), "");
  EXPECT_EQ(field("[]"), "diffusion");
  EXPECT_EQ(field(R"({"clip_skip":"2"})"), "clip_skip");
  EXPECT_EQ(field(R"({"sigmas":[1,"0"]})"), "sigmas");
  EXPECT_EQ(field(R"({"skip_layers":[0.5]})"), "skip_layers");
  EXPECT_EQ(field(R"({"control":{"pixels":0}})"), "pixels");
  EXPECT_EQ(field(R"({"adapters":["/a"]})"), "adapters");
  EXPECT_EQ(field(R"({"vae_tiling":true})"), "vae_tiling");
  EXPECT_EQ(field(R"({"hires":{"width":-1}})"), "width");
  EXPECT_EQ(field(R"({"step_cache":{"start":"now"}})"), "start");
}

TEST(RequestJson, EqualRequestsGiveOneText) {
  TextRequest a, b;
  a.messages = b.messages = {user("hi")};
  a.extra["x"] = "{ }";
  b.extra["x"] = "{}";
  EXPECT_EQ(to_json(a).text, to_json(b).text);
  EXPECT_EQ(to_json(TextRequest{.messages = {user("hi")}}).text,
            "{\"messages\":[{\"parts\":[{\"text\":\"hi\",\"type\":\"text\"}],\"role\":\"user\"}],"
            "\"task\":\"text\"}");
}

// Every value of a whole request, replaced by one of another type: an error that names it.
void break_each(const Json& at, const Json::json_pointer& where, const Json& whole,
                const BlobTable& blobs, std::vector<std::string>& keys, int& tried) {
  if (!where.empty()) {
    const Json wrong = at.is_string() ? Json(5.5) : Json("wrong");
    Json broken = whole;
    broken[where] = wrong;
    auto read = from_json(dump_json(broken), blobs);
    ++tried;
    ASSERT_FALSE(read) << where.to_string();
    EXPECT_EQ(read.error().code(), Errc::kInvalidRequest);
    const std::string field(read.error().detail("field"));
    EXPECT_NE(std::find(keys.begin(), keys.end(), field), keys.end())
        << where.to_string() << " reported as " << field;
  }
  if (at.is_object()) {
    for (const auto& [key, value] : at.items()) {
      if (key == "schema") continue;  // the caller's
      keys.push_back(key);
      const bool callers = keys.size() == 2 && keys[0] == "extra";
      // Below, the text is the provider's business.
      if (callers) {
        Json broken = whole;
        broken[where / key] = 5;
        EXPECT_FALSE(from_json(dump_json(broken), blobs));
      } else {
        break_each(value, where / key, whole, blobs, keys, tried);
      }
      keys.pop_back();
    }
  } else if (at.is_array()) {
    for (std::size_t i = 0; i < at.size(); ++i)
      break_each(at[i], where / i, whole, blobs, keys, tried);
  }
}

TEST(RequestJson, WrongTypesAreErrorsThatNameTheField) {
  int tried = 0;
  for (unsigned kind = 0; kind < 5; ++kind) {
    const RequestJson json = to_json(Maker(kind, true).request(kind));
    const Json whole = *parse_json(json.text);
    std::vector<std::string> keys;
    break_each(whole, Json::json_pointer(), whole, json.blobs, keys, tried);
  }
  EXPECT_GT(tried, 250);
}

std::string field_of(std::string_view text, const BlobTable& blobs = {}) {
  auto read = from_json(text, blobs);
  if (read) return "read";
  EXPECT_EQ(read.error().code(), Errc::kInvalidRequest);
  return std::string(read.error().detail("field"));
}

TEST(RequestJson, RefusesWhatDoesNotFit) {
  EXPECT_EQ(field_of("{"), "request");
  EXPECT_EQ(field_of("[]"), "task");
  EXPECT_EQ(field_of("{}"), "task");
  EXPECT_EQ(field_of("{\"task\":\"dance\"}"), "task");
  const auto text = [](const std::string& more) {
    return field_of("{\"task\":\"text\"," + more + "}");
  };
  EXPECT_EQ(text("\"n\":-1"), "n");
  EXPECT_EQ(text("\"n\":4294967296"), "n");
  EXPECT_EQ(text("\"n\":1.5"), "n");
  EXPECT_EQ(text("\"n\":null"), "n");
  EXPECT_EQ(text("\"seed\":18446744073709551615"), "read");
  EXPECT_EQ(text("\"seed\":-1"), "seed");
  EXPECT_EQ(text("\"max_tokens\":9223372036854775808"), "max_tokens");
  EXPECT_EQ(text("\"sampling\":{\"top_k\":2147483648}"), "top_k");
  EXPECT_EQ(text("\"temperature\":1"), "read");
  EXPECT_EQ(text("\"messages\":[5]"), "messages");
  EXPECT_EQ(text("\"messages\":[{}]"), "role");
  EXPECT_EQ(text("\"messages\":[{\"role\":\"\"}]"), "role");
  EXPECT_EQ(text("\"messages\":[{\"role\":\"user\",\"parts\":[{}]}]"), "type");
  EXPECT_EQ(text("\"tools\":[[]]"), "tools");
  EXPECT_EQ(text("\"tool_choice\":\"\""), "tool_choice");
  EXPECT_EQ(text("\"truncation\":\"error\""), "truncation");
  EXPECT_EQ(text("\"logit_bias\":{\"five\":1}"), "logit_bias");
  EXPECT_EQ(text("\"logit_bias\":{\"5x\":1}"), "logit_bias");
  EXPECT_EQ(text("\"logit_bias\":{\"99999999999\":1}"), "logit_bias");
  EXPECT_EQ(text("\"logit_bias\":{\"-5\":1}"), "read");
  const auto media = [](const std::string& source, const BlobTable& blobs) {
    return field_of(
        "{\"task\":\"image\",\"prompt\":\"\",\"images\":[{\"mime\":\"a\"" + source + "}]}", blobs);
  };
  const BlobTable blobs = {Blob(std::string("x")), Pixels{}};
  EXPECT_EQ(media(",\"blob\":0", blobs), "read");
  EXPECT_EQ(media(",\"pixels\":1", blobs), "read");
  EXPECT_EQ(media(",\"blob\":1", blobs), "blob");  // those are pixels
  EXPECT_EQ(media(",\"pixels\":0", blobs), "pixels");
  EXPECT_EQ(media(",\"blob\":2", blobs), "blob");
  EXPECT_EQ(media(",\"blob\":-1", blobs), "blob");
  EXPECT_EQ(media("", blobs), "media");  // not simply the first blob
}

TEST(RequestJson, SkipsUnknownKeys) {
  for (unsigned kind = 0; kind < 5; ++kind) {
    const Request request = Maker(kind, true).request(kind);
    const RequestJson json = to_json(request);
    Json more = *parse_json(json.text);
    more["zz_new"] = {{"deep", {1, 2}}};
    if (more.contains("messages")) {
      more["messages"][0]["zz_new"] = 1;
      more["messages"][0]["parts"][0]["zz_new"] = "x";
      more["sampling"]["zz_new"] = 0.5;
      more["tools"][0]["zz_new"] = nullptr;
    }
    auto read = from_json(dump_json(more), json.blobs);
    ASSERT_TRUE(read) << read.error();
    EXPECT_TRUE(same(*read, request));
  }
}

TEST(RequestJson, DamagedBytesNeverCrash) {
  std::mt19937 random(9);
  std::vector<RequestJson> all;
  for (unsigned kind = 0; kind < 15; ++kind)
    all.push_back(to_json(Maker(kind, kind < 5).request(kind)));
  for (int i = 0; i < 2000; ++i) {
    const RequestJson& json = all[random() % all.size()];
    std::string text = json.text;
    for (unsigned n = random() % 3 + 1; n > 0; --n) {
      const std::size_t at = random() % text.size();
      switch (random() % 4) {
        case 0: text[at] = static_cast<char>(random()); break;
        case 1: text.erase(at, random() % 10 + 1); break;
        case 2: text.insert(at, text.substr(random() % text.size(), random() % 30)); break;
        default: text[at] = "0123456789[]{}\",:-"[random() % 18];
      }
      if (text.empty()) text = "{}";
    }
    if (auto read = from_json(text, json.blobs)) {
      // What was read can be checked and, if it holds, written and read again.
      if (validate(*read)) continue;
      auto again = from_json(to_json(*read).text, to_json(*read).blobs);
      EXPECT_TRUE(again) << again.error() << "\n" << text;
    }
  }
}

}  // namespace
}  // namespace infer::core
