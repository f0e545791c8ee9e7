#include "src/core/validate.h"

#include <cmath>
#include <cstdio>
#include <limits>
#include <string>
#include <type_traits>

#include "src/core/json.h"
#include "src/core/utf8.h"

namespace infer::core {
namespace {

// Walks a request and keeps the first thing that is wrong.
class Validator {
 public:
  std::optional<Error> wrong;

  void fail(const std::string& field, const std::string& what) {
    if (wrong) return;
    wrong = Error(Errc::kInvalidRequest, field + ": " + what).with_detail("field", field);
  }

  void utf8(const std::string& field, const std::string& text) {
    if (wrong) return;
    const std::size_t bad = utf8_error(text);
    if (bad == kValidUtf8) return;
    fail(field,
         "not valid UTF-8 at byte " + std::to_string(bad) + "; what is no text goes into Media");
    wrong = std::move(*wrong).with_detail("offset", std::to_string(bad));
  }

  void json(const std::string& field, const std::string& text, bool object) {
    if (wrong) return;
    auto parsed = parse_json(text, kMaxInnerJsonDepth);
    if (!parsed) return fail(field, parsed.error().message());
    if (object && !parsed->is_object()) fail(field, "must be a JSON object");
  }

  template <class T>
  void range(const std::string& field, const std::optional<T>& value, double low, double high,
             const char* allowed) {
    if (value) within(field, static_cast<double>(*value), low, high, allowed);
  }
  void within(const std::string& field, double v, double low, double high, const char* allowed) {
    if (!(v >= low && v <= high))  // NaN fails too
      fail(field, "must be " + std::string(allowed) + ", not " + number(v));
  }

  void finite(const char* field, const std::optional<double>& value) {
    if (value && !std::isfinite(*value)) fail(field, "must be a finite number");
  }

  void map(const std::string& field, const std::map<std::string, std::string>& pairs,
           bool json_values) {
    for (const auto& [key, value] : pairs) {
      utf8(field + " key", key);
      if (json_values)
        json(field + "." + key, value, true);
      else
        utf8(field + "." + key, value);
    }
  }

  void parts(const std::string& where, const std::vector<Part>& list) {
    for (std::size_t i = 0; i < list.size() && !wrong; ++i)
      part(where + "[" + std::to_string(i) + "]", list[i]);
  }

  void text_request(const TextRequest& r);
  void sampling(const Sampling& s);
  void image_request(const ImageRequest& r);
  void diffusion(const ImageRequest& r);
  void embedding_request(const EmbeddingRequest& r);
  void rerank_request(const RerankRequest& r);

 private:
  static bool is_name_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  }

  void adapters(const std::string& where, const std::vector<LoraAdapter>& list);
  void sigmas(const ImageRequest& r);
  void step_cache(const StepCache& c);
  void hires(const HiresFix& h);

  // Short, however large: 1e+300, 0.25, 1000000.
  static std::string number(double v) {
    char text[32];
    std::snprintf(text, sizeof(text), "%.10g", v);
    return text;
  }

  void media(const std::string& where, const Media& m) {
    utf8(where + ".mime", m.mime);
    utf8(where + ".detail", m.detail);
    utf8(where + ".name", m.name);
    if (auto* url = std::get_if<Url>(&m.source)) utf8(where + ".url", url->url);
    if (auto* file = std::get_if<FileId>(&m.source)) utf8(where + ".file_id", file->id);
    if (auto* blob = std::get_if<Blob>(&m.source); blob && blob->empty())
      fail(where, "media without bytes, address or file id");
    if (auto* p = std::get_if<Pixels>(&m.source)) pixels(where, *p);
  }

  void pixels(const std::string& where, const Pixels& p) {
    const std::uint64_t row = std::uint64_t{p.width} * p.channels;
    if (p.width == 0 || p.height == 0) fail(where, "a picture without width or height");
    if (p.channels != 1 && p.channels != 3 && p.channels != 4)
      fail(where + ".channels", "must be 1, 3 or 4");
    if (p.stride < row || std::uint64_t{p.stride} * p.height > p.data.size())
      fail(where, "pixels: stride or data are smaller than width x height needs");
  }

  void part(const std::string& where, const Part& p) {
    utf8(where + ".id", p.id);
    utf8(where + ".issuer", p.issuer);
    utf8(where + ".extra", p.extra);
    std::visit(
        [&](const auto& v) {
          using T = std::decay_t<decltype(v)>;
          if constexpr (std::is_same_v<T, Text> || std::is_same_v<T, Refusal>) {
            utf8(where + ".text", v.text);
          } else if constexpr (std::is_same_v<T, Media>) {
            media(where, v);
          } else if constexpr (std::is_same_v<T, Reasoning>) {
            utf8(where + ".text", v.text);
            utf8(where + ".signature", v.signature);
          } else if constexpr (std::is_same_v<T, ToolCall>) {
            utf8(where + ".id", v.id);
            utf8(where + ".name", v.name);
            utf8(where + ".arguments", v.arguments);
          } else if constexpr (std::is_same_v<T, ToolResult>) {
            utf8(where + ".call_id", v.call_id);
            utf8(where + ".name", v.name);
            for (const Part& inner : v.content)
              if (inner.get<ToolResult>())
                fail(where + ".content", "a tool result cannot hold another one");
            parts(where + ".content", v.content);
          } else {
            utf8(where + ".kind", v.type);
            utf8(where + ".json", v.json);
          }
        },
        p.value);
  }

  void messages(const std::vector<Message>& list) {
    if (list.empty()) fail("messages", "at least one message is needed");
    for (std::size_t i = 0; i < list.size() && !wrong; ++i) {
      const std::string where = "messages[" + std::to_string(i) + "]";
      utf8(where + ".id", list[i].id);
      utf8(where + ".name", list[i].name);
      utf8(where + ".extra", list[i].extra);
      parts(where + ".parts", list[i].parts);
    }
  }

  void tool(const std::string& where, const Tool& t) {
    if (!t.provider_json.empty()) return json(where + ".provider_json", t.provider_json, true);
    if (t.name.empty()) fail(where + ".name", "a tool needs a name");
    for (const char c : t.name)
      if (!is_name_character(c)) fail(where + ".name", "letters, digits, '_' and '-' only");
    utf8(where + ".description", t.description);
    if (!t.schema.empty()) json(where + ".schema", t.schema, true);
  }

  void tool_choice(const TextRequest& r) {
    using Mode = ToolChoice::Mode;
    utf8("tool_choice.name", r.tool_choice.name);
    if (r.tool_choice.mode == Mode::kRequired && r.tools.empty())
      fail("tool_choice", "a tool is required, but the request has none");
    if (r.tool_choice.mode != Mode::kNamed) return;
    if (r.tool_choice.name.empty()) return fail("tool_choice.name", "which tool? Give its name");
    for (const Tool& t : r.tools)  // a provider's own tool may have any name
      if (t.name == r.tool_choice.name || !t.provider_json.empty()) return;
    fail("tool_choice.name", "no tool of the request is called " + r.tool_choice.name);
  }

  void output(const Output& o) {
    using Form = Output::Form;
    if (o.form == Form::kJsonSchema) json("output.schema", o.schema, false);
    if (o.form == Form::kGrammar && o.grammar.empty())
      fail("output.grammar", "a grammar is needed (GBNF)");
    utf8("output.name", o.name);
    utf8("output.grammar", o.grammar);
  }
};

constexpr double kNoLimit = std::numeric_limits<double>::infinity();
// Of pictures: no format that is written has longer sides, and no engine needs more steps.
constexpr double kMaxSide = 65535;
constexpr double kMaxSteps = 1000;
constexpr double kMaxPictures = 1000;

// JSON has no infinity, so that what is not finite would be lost on the way.
void Validator::sampling(const Sampling& s) {
  range("sampling.top_k", s.top_k, 0, kNoLimit, "0 or more");
  range("sampling.min_p", s.min_p, 0, 1, "from 0 to 1");
  range("sampling.typical_p", s.typical_p, 0, 1, "from 0 to 1");
  finite("sampling.top_n_sigma", s.top_n_sigma);
  finite("sampling.repeat_penalty", s.repeat_penalty);
  range("sampling.repeat_last_n", s.repeat_last_n, -1, kNoLimit, "-1 or more");
  finite("sampling.presence_penalty", s.presence_penalty);
  finite("sampling.frequency_penalty", s.frequency_penalty);
  range("sampling.mirostat", s.mirostat, 0, 2, "0, 1 or 2");
  finite("sampling.mirostat_tau", s.mirostat_tau);
  finite("sampling.mirostat_eta", s.mirostat_eta);
  range("sampling.xtc_probability", s.xtc_probability, 0, 1, "from 0 to 1");
  range("sampling.xtc_threshold", s.xtc_threshold, 0, 1, "from 0 to 1");
  finite("sampling.dry_multiplier", s.dry_multiplier);
  finite("sampling.dry_base", s.dry_base);
  finite("sampling.dynatemp_range", s.dynatemp_range);
  finite("sampling.dynatemp_exponent", s.dynatemp_exponent);
}

void Validator::text_request(const TextRequest& r) {
  messages(r.messages);
  for (std::size_t i = 0; i < r.tools.size() && !wrong; ++i)
    tool("tools[" + std::to_string(i) + "]", r.tools[i]);
  tool_choice(r);
  output(r.output);
  range("max_tokens", r.max_tokens, 1, kNoLimit, "at least 1");
  for (std::size_t i = 0; i < r.stop.size() && !wrong; ++i) {
    const std::string where = "stop[" + std::to_string(i) + "]";
    if (r.stop[i].empty()) fail(where, "an empty stop sequence would end every answer");
    utf8(where, r.stop[i]);
  }
  if (r.n == 0) fail("n", "must be at least 1");
  range("temperature", r.temperature, 0, 1e6, "from 0 to 1000000");
  range("top_p", r.top_p, 1e-12, 1, "over 0 and at most 1");
  sampling(r.sampling);
  for (const auto& [token, bias] : r.logit_bias)
    if (!std::isfinite(bias))
      fail("logit_bias",
           "must be finite for token " + std::to_string(token) + "; -100 is enough to forbid one");
  range("reasoning.budget_tokens", r.reasoning.budget_tokens, 0, kNoLimit, "0 or more");
  utf8("reasoning.summary", r.reasoning.summary);
  utf8("previous_response_id", r.previous_response_id);
  utf8("cache_key", r.cache_key);
  utf8("cache_retention", r.cache_retention);
  utf8("service_tier", r.service_tier);
  utf8("user", r.user);
  map("metadata", r.metadata, false);
  map("extra", r.extra, true);
}

void Validator::adapters(const std::string& where, const std::vector<LoraAdapter>& list) {
  constexpr std::size_t kMost = 64;
  if (list.size() > kMost)
    fail(where, "at most " + std::to_string(kMost) + ", not " + std::to_string(list.size()));
  for (std::size_t i = 0; i < list.size() && !wrong; ++i) {
    const std::string at = where + "[" + std::to_string(i) + "]";
    utf8(at + ".path", list[i].path);
    if (list[i].path.empty() || list[i].path.front() != '/')
      fail(at + ".path", "must be an absolute path, not '" + list[i].path + "'");
    within(at + ".scale", list[i].scale, -1000, 1000, "from -1000 to 1000");
  }
}

// Noise levels fall to nothing, one more of them than there are steps.
void Validator::sigmas(const ImageRequest& r) {
  constexpr std::size_t kMost = 1001;
  const std::vector<double>& all = r.diffusion.sigmas;
  if (all.empty()) return;
  if (r.steps) fail("diffusion.sigmas", "not beside steps: there is a step between each two");
  if (all.size() < 2 || all.size() > kMost)
    fail("diffusion.sigmas", "from 2 to 1001 of them, not " + std::to_string(all.size()));
  for (std::size_t i = 0; i < all.size() && !wrong; ++i) {
    const std::string at = "diffusion.sigmas[" + std::to_string(i) + "]";
    within(at, all[i], 0, 1e6, "from 0 to 1000000");
    if (i > 0 && !(all[i] < all[i - 1])) fail(at, "must be less than the one before it");
  }
  if (all.back() != 0) fail("diffusion.sigmas", "the last one must be 0");
}

void Validator::step_cache(const StepCache& c) {
  if (c.mode.empty()) fail("diffusion.step_cache.mode", "which one? Give its name");
  utf8("diffusion.step_cache.mode", c.mode);
  range("diffusion.step_cache.threshold", c.threshold, 0, 1e6, "from 0 to 1000000");
  range("diffusion.step_cache.start", c.start, 0, 1, "from 0 to 1");
  range("diffusion.step_cache.end", c.end, 0, 1, "from 0 to 1");
  if (c.start && c.end && *c.start > *c.end)
    fail("diffusion.step_cache.start", "must not be after the end");
}

void Validator::hires(const HiresFix& h) {
  if (h.upscaler.empty()) fail("diffusion.hires.upscaler", "which one? Give its name");
  utf8("diffusion.hires.upscaler", h.upscaler);
  within("diffusion.hires.scale", h.scale, 1, 8, "from 1 to 8");
  range("diffusion.hires.width", h.width, 1, kMaxSide, "from 1 to 65535");
  range("diffusion.hires.height", h.height, 1, kMaxSide, "from 1 to 65535");
  range("diffusion.hires.steps", h.steps, 1, kMaxSteps, "from 1 to 1000");
  if (!(h.strength > 0 && h.strength <= 1))
    fail("diffusion.hires.strength", "must be over 0 and at most 1, not " + number(h.strength));
}

void Validator::diffusion(const ImageRequest& r) {
  const Diffusion& d = r.diffusion;
  range("diffusion.distilled_guidance", d.distilled_guidance, 0, 1000, "from 0 to 1000");
  range("diffusion.image_guidance", d.image_guidance, 0, 1000, "from 0 to 1000");
  range("diffusion.eta", d.eta, 0, 10, "from 0 to 10");
  finite("diffusion.flow_shift", d.flow_shift);
  range("diffusion.clip_skip", d.clip_skip, 1, 12, "from 1 to 12");
  sigmas(r);
  for (const std::int32_t layer : d.skip_layers)
    if (layer < 0) fail("diffusion.skip_layers", "are counted from 0, not " + number(layer));
  finite("diffusion.skip_layer_scale", d.skip_layer_scale);
  if (d.control) media("diffusion.control", *d.control);
  within("diffusion.control_strength", d.control_strength, 0, 10, "from 0 to 10");
  for (std::size_t i = 0; i < d.references.size() && !wrong; ++i)
    media("diffusion.references[" + std::to_string(i) + "]", d.references[i]);
  adapters("diffusion.adapters", d.adapters);
  if (d.vae_tiling) {
    within("diffusion.vae_tiling.tile", d.vae_tiling->tile, 4, 1024, "from 4 to 1024");
    within("diffusion.vae_tiling.overlap", d.vae_tiling->overlap, 0, 0.5, "from 0 to 0.5");
  }
  if (d.step_cache) step_cache(*d.step_cache);
  if (d.hires) hires(*d.hires);
}

void Validator::image_request(const ImageRequest& r) {
  utf8("prompt", r.prompt);
  utf8("negative_prompt", r.negative_prompt);
  within("n", r.n, 1, kMaxPictures, "from 1 to 1000");
  range("width", r.width, 1, kMaxSide, "from 1 to 65535");
  range("height", r.height, 1, kMaxSide, "from 1 to 65535");
  range("steps", r.steps, 1, kMaxSteps, "from 1 to 1000");
  range("guidance", r.guidance, 0, 1000, "from 0 to 1000");
  range("strength", r.strength, 0, 1, "from 0 to 1");
  for (std::size_t i = 0; i < r.images.size() && !wrong; ++i)
    media("images[" + std::to_string(i) + "]", r.images[i]);
  if (r.mask) media("mask", *r.mask);
  utf8("sample_method", r.sample_method);
  utf8("scheduler", r.scheduler);
  diffusion(r);
  utf8("quality", r.quality);
  utf8("background", r.background);
  utf8("format", r.format);
  range("compression", r.compression, 0, 100, "from 0 to 100");
  utf8("user", r.user);
  map("extra", r.extra, true);
}

void Validator::embedding_request(const EmbeddingRequest& r) {
  if (r.inputs.empty()) fail("inputs", "at least one text is needed");
  for (std::size_t i = 0; i < r.inputs.size() && !wrong; ++i)
    utf8("inputs[" + std::to_string(i) + "]", r.inputs[i]);
  range("dimensions", r.dimensions, 1, kNoLimit, "at least 1");
  utf8("input_type", r.input_type);
  utf8("user", r.user);
  map("extra", r.extra, true);
}

void Validator::rerank_request(const RerankRequest& r) {
  if (r.query.empty()) fail("query", "a text is needed that the documents are ranked by");
  utf8("query", r.query);
  if (r.documents.empty()) fail("documents", "at least one text is needed");
  for (std::size_t i = 0; i < r.documents.size() && !wrong; ++i)
    utf8("documents[" + std::to_string(i) + "]", r.documents[i]);
  range("top_n", r.top_n, 1, kNoLimit, "at least 1");
  utf8("user", r.user);
  map("extra", r.extra, true);
}

}  // namespace

std::optional<Error> validate(const Request& request) {
  Validator v;
  if (auto* text = std::get_if<TextRequest>(&request)) v.text_request(*text);
  if (auto* image = std::get_if<ImageRequest>(&request)) v.image_request(*image);
  if (auto* embed = std::get_if<EmbeddingRequest>(&request)) v.embedding_request(*embed);
  if (auto* count = std::get_if<CountRequest>(&request)) v.text_request(count->request);
  if (auto* rerank = std::get_if<RerankRequest>(&request)) v.rerank_request(*rerank);
  return std::move(v.wrong);
}

}  // namespace infer::core
