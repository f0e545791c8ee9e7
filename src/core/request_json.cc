#include "src/core/request_json.h"

#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <type_traits>
#include <utility>

#include "src/core/json.h"

namespace infer::core {
namespace {

// ---- names -------------------------------------------------------------------------------------

template <class E, std::size_t N>
using Names = std::array<std::pair<E, std::string_view>, N>;

constexpr Names<Role, 5> kRoles = {{{Role::kSystem, "system"},
                                    {Role::kDeveloper, "developer"},
                                    {Role::kUser, "user"},
                                    {Role::kAssistant, "assistant"},
                                    {Role::kTool, "tool"}}};
using Effort = ReasoningOptions::Effort;
constexpr Names<Effort, 6> kEfforts = {{{Effort::kNone, "none"},
                                        {Effort::kMinimal, "minimal"},
                                        {Effort::kLow, "low"},
                                        {Effort::kMedium, "medium"},
                                        {Effort::kHigh, "high"},
                                        {Effort::kMax, "max"}}};
using OutputForm = Output::Form;
constexpr Names<OutputForm, 4> kForms = {{{OutputForm::kText, "text"},
                                          {OutputForm::kJsonObject, "json_object"},
                                          {OutputForm::kJsonSchema, "json_schema"},
                                          {OutputForm::kGrammar, "grammar"}}};
using ToolMode = ToolChoice::Mode;
constexpr Names<ToolMode, 3> kModes = {
    {{ToolMode::kAuto, "auto"}, {ToolMode::kNone, "none"}, {ToolMode::kRequired, "required"}}};
constexpr Names<CacheHint, 2> kCacheHints = {{{CacheHint::kShort, "5m"}, {CacheHint::kLong, "1h"}}};
constexpr Names<Truncation, 1> kTruncations = {{{Truncation::kDropOldest, "drop_oldest"}}};

template <class E, std::size_t N>
std::string_view name_of(const Names<E, N>& names, E value) {
  for (const auto& [known, name] : names)
    if (known == value) return name;
  return {};
}

// ---- writing -----------------------------------------------------------------------------------

void put(Json& object, const char* key, const std::string& text) {
  if (!text.empty()) object[key] = text;
}
void put(Json& object, const char* key, bool flag) {
  if (flag) object[key] = true;
}
template <class T>
void put(Json& object, const char* key, const std::optional<T>& value) {
  if (value) object[key] = *value;
}
template <class T>
void put_unless(Json& object, const char* key, const T& value, const T& usual) {
  if (value != usual) object[key] = value;
}
// JSON that the caller wrote, as JSON: validate() has looked at it.
void put_json(Json& object, const std::string& key, const std::string& text) {
  if (text.empty()) return;
  if (auto parsed = parse_json(text)) object[key] = std::move(*parsed);
}

class Writer {
 public:
  RequestJson out;

  Json text(const TextRequest& r, const char* task);
  Json image(const ImageRequest& r);
  Json embedding(const EmbeddingRequest& r);
  Json rerank(const RerankRequest& r);

 private:
  std::size_t add_blob(std::variant<Blob, Pixels> blob, std::string mime) {
    out.blobs.push_back(std::move(blob));
    out.mimes.push_back(std::move(mime));
    return out.blobs.size() - 1;
  }
  void write(Json& j, const Media& m);
  Json part(const Part& p);
  Json parts(const std::vector<Part>& list);
  Json message(const Message& m);
  Json diffusion(const Diffusion& d);
};

void Writer::write(Json& j, const Media& m) {
  put(j, "mime", m.mime);
  put(j, "detail", m.detail);
  put(j, "name", m.name);
  if (auto* blob = std::get_if<Blob>(&m.source)) j["blob"] = add_blob(*blob, m.mime);
  if (auto* pixels = std::get_if<Pixels>(&m.source)) j["pixels"] = add_blob(*pixels, {});
  if (auto* url = std::get_if<Url>(&m.source)) j["url"] = url->url;
  if (auto* file = std::get_if<FileId>(&m.source)) j["file_id"] = file->id;
}

Json Writer::part(const Part& p) {
  Json j = Json::object();
  std::visit(
      [&](const auto& v) {
        using T = std::decay_t<decltype(v)>;
        if constexpr (std::is_same_v<T, Text>) {
          j["type"] = "text";
          j["text"] = v.text;
        } else if constexpr (std::is_same_v<T, Refusal>) {
          j["type"] = "refusal";
          j["text"] = v.text;
        } else if constexpr (std::is_same_v<T, Media>) {
          j["type"] = "media";
          write(j, v);
        } else if constexpr (std::is_same_v<T, Reasoning>) {
          j["type"] = "reasoning";
          j["text"] = v.text;
          put(j, "signature", v.signature);
          put(j, "redacted", v.redacted);
        } else if constexpr (std::is_same_v<T, ToolCall>) {
          j["type"] = "tool_call";
          j["name"] = v.name;
          j["arguments"] = v.arguments;
          put(j, "call_id", v.id);
          put(j, "custom", v.custom);
          put(j, "provider_executed", v.provider_executed);
        } else if constexpr (std::is_same_v<T, ToolResult>) {
          j["type"] = "tool_result";
          j["content"] = parts(v.content);
          put(j, "call_id", v.call_id);
          put(j, "name", v.name);
          put(j, "is_error", v.is_error);
          put(j, "provider_executed", v.provider_executed);
        } else {
          j["type"] = "opaque";
          j["kind"] = v.type;
          j["json"] = v.json;
        }
      },
      p.value);
  put(j, "id", p.id);
  put(j, "issuer", p.issuer);
  put(j, "extra", p.extra);
  if (p.cache != CacheHint::kNone) j["cache"] = name_of(kCacheHints, p.cache);
  return j;
}

Json Writer::parts(const std::vector<Part>& list) {
  Json array = Json::array();
  for (const Part& p : list) array.push_back(part(p));
  return array;
}

Json Writer::message(const Message& m) {
  Json j = {{"role", name_of(kRoles, m.role)}, {"parts", parts(m.parts)}};
  put(j, "id", m.id);
  put(j, "name", m.name);
  put(j, "extra", m.extra);
  return j;
}

// One list of the sampling fields for both directions.
template <class S, class F>
void each_sampling(S& s, F&& field) {
  field("top_k", s.top_k);
  field("min_p", s.min_p);
  field("typical_p", s.typical_p);
  field("top_n_sigma", s.top_n_sigma);
  field("repeat_penalty", s.repeat_penalty);
  field("repeat_last_n", s.repeat_last_n);
  field("presence_penalty", s.presence_penalty);
  field("frequency_penalty", s.frequency_penalty);
  field("mirostat", s.mirostat);
  field("mirostat_tau", s.mirostat_tau);
  field("mirostat_eta", s.mirostat_eta);
  field("xtc_probability", s.xtc_probability);
  field("xtc_threshold", s.xtc_threshold);
  field("dry_multiplier", s.dry_multiplier);
  field("dry_base", s.dry_base);
  field("dry_allowed_length", s.dry_allowed_length);
  field("dry_last_n", s.dry_last_n);
  field("dynatemp_range", s.dynatemp_range);
  field("dynatemp_exponent", s.dynatemp_exponent);
}

Json tool_json(const Tool& t) {
  Json j = Json::object();
  put(j, "name", t.name);
  put(j, "description", t.description);
  put(j, "schema", t.schema);
  put(j, "strict", t.strict);
  put(j, "provider_json", t.provider_json);
  return j;
}

Json output_json(const Output& o) {
  Json j = {{"type", name_of(kForms, o.form)}};
  put(j, "name", o.name);
  put(j, "schema", o.schema);
  put(j, "grammar", o.grammar);
  if (o.form == OutputForm::kJsonSchema) j["strict"] = o.strict;
  if (!o.check) j["check"] = false;
  return j;
}

Json extra_json(const std::map<std::string, std::string>& extra) {
  Json j = Json::object();
  for (const auto& [provider, text] : extra) put_json(j, provider, text);
  return j;
}

Json Writer::text(const TextRequest& r, const char* task) {
  Json j = {{"task", task}};
  Json& messages = j["messages"] = Json::array();
  for (const Message& m : r.messages) messages.push_back(message(m));
  for (const Tool& t : r.tools) j["tools"].push_back(tool_json(t));
  if (r.tool_choice.mode == ToolMode::kNamed)
    j["tool_choice"] = {{"name", r.tool_choice.name}};
  else if (r.tool_choice.mode != ToolMode::kAuto)
    j["tool_choice"] = name_of(kModes, r.tool_choice.mode);
  put(j, "parallel_tools", r.parallel_tools);
  if (r.output.form != OutputForm::kText) j["output"] = output_json(r.output);
  put(j, "max_tokens", r.max_tokens);
  if (!r.stop.empty()) j["stop"] = r.stop;
  if (!r.stop_token_ids.empty()) j["stop_token_ids"] = r.stop_token_ids;
  if (r.n != 1) j["n"] = r.n;
  if (r.logprobs) j["logprobs"] = {{"top", r.logprobs->top}};
  put(j, "temperature", r.temperature);
  put(j, "top_p", r.top_p);
  put(j, "seed", r.seed);
  Json sampling = Json::object();
  each_sampling(r.sampling, [&](const char* key, const auto& value) { put(sampling, key, value); });
  if (!sampling.empty()) j["sampling"] = std::move(sampling);
  for (const auto& [token, bias] : r.logit_bias) j["logit_bias"][std::to_string(token)] = bias;
  Json reasoning = Json::object();
  if (r.reasoning.effort != Effort::kUnset)
    reasoning["effort"] = name_of(kEfforts, r.reasoning.effort);
  put(reasoning, "budget_tokens", r.reasoning.budget_tokens);
  put(reasoning, "summary", r.reasoning.summary);
  if (!reasoning.empty()) j["reasoning"] = std::move(reasoning);
  if (r.truncation != Truncation::kError) j["truncation"] = name_of(kTruncations, r.truncation);
  put(j, "previous_response_id", r.previous_response_id);
  put(j, "store", r.store);
  put(j, "cache_key", r.cache_key);
  put(j, "cache_retention", r.cache_retention);
  put(j, "cache_explicit", r.cache_explicit);
  put(j, "service_tier", r.service_tier);
  put(j, "user", r.user);
  if (!r.metadata.empty()) j["metadata"] = r.metadata;
  if (!r.extra.empty()) j["extra"] = extra_json(r.extra);
  return j;
}

// One list of the plain fields for both directions.
template <class D, class F>
void each_diffusion(D& d, F&& field) {
  field("distilled_guidance", d.distilled_guidance);
  field("image_guidance", d.image_guidance);
  field("eta", d.eta);
  field("flow_shift", d.flow_shift);
  field("clip_skip", d.clip_skip);
  field("skip_layer_scale", d.skip_layer_scale);
}

Json hires_json(const HiresFix& h) {
  const HiresFix usual;
  Json j = Json::object();
  put_unless(j, "upscaler", h.upscaler, usual.upscaler);
  put_unless(j, "scale", h.scale, usual.scale);
  put(j, "width", h.width);
  put(j, "height", h.height);
  put(j, "steps", h.steps);
  put_unless(j, "strength", h.strength, usual.strength);
  return j;
}

Json tiling_json(const VaeTiling& t) {
  const VaeTiling usual;
  Json j = Json::object();
  put_unless(j, "tile", t.tile, usual.tile);
  put_unless(j, "overlap", t.overlap, usual.overlap);
  return j;
}

Json step_cache_json(const StepCache& c) {
  Json j = {{"mode", c.mode}};
  put(j, "threshold", c.threshold);
  put(j, "start", c.start);
  put(j, "end", c.end);
  return j;
}

Json Writer::diffusion(const Diffusion& d) {
  Json j = Json::object();
  each_diffusion(d, [&](const char* key, const auto& value) { put(j, key, value); });
  if (!d.sigmas.empty()) j["sigmas"] = d.sigmas;
  if (!d.skip_layers.empty()) j["skip_layers"] = d.skip_layers;
  if (d.control) {
    write(j["control"] = Json::object(), *d.control);
    put_unless(j, "control_strength", d.control_strength, Diffusion().control_strength);
  }
  for (const Media& m : d.references) write(j["references"].emplace_back(Json::object()), m);
  for (const LoraAdapter& adapter : d.adapters) {
    Json& one = j["adapters"].emplace_back(Json::object());
    one["path"] = adapter.path;
    put_unless(one, "scale", adapter.scale, LoraAdapter().scale);
  }
  if (d.vae_tiling) j["vae_tiling"] = tiling_json(*d.vae_tiling);
  if (d.step_cache) j["step_cache"] = step_cache_json(*d.step_cache);
  if (d.hires) j["hires"] = hires_json(*d.hires);
  put(j, "upscale", d.upscale);
  return j;
}

Json Writer::image(const ImageRequest& r) {
  Json j = {{"task", "image"}, {"prompt", r.prompt}};
  put(j, "negative_prompt", r.negative_prompt);
  put(j, "width", r.width);
  put(j, "height", r.height);
  if (r.n != 1) j["n"] = r.n;
  put(j, "seed", r.seed);
  for (const Media& m : r.images) write(j["images"].emplace_back(Json::object()), m);
  if (r.mask) write(j["mask"] = Json::object(), *r.mask);
  put(j, "steps", r.steps);
  put(j, "guidance", r.guidance);
  put(j, "strength", r.strength);
  put(j, "sample_method", r.sample_method);
  put(j, "scheduler", r.scheduler);
  if (Json local = diffusion(r.diffusion); !local.empty()) j["diffusion"] = std::move(local);
  put(j, "quality", r.quality);
  put(j, "background", r.background);
  put(j, "format", r.format);
  put(j, "compression", r.compression);
  if (r.previews != 0) j["previews"] = r.previews;
  put(j, "user", r.user);
  if (!r.extra.empty()) j["extra"] = extra_json(r.extra);
  return j;
}

Json Writer::embedding(const EmbeddingRequest& r) {
  Json j = {{"task", "embed"}, {"inputs", r.inputs}};
  put(j, "dimensions", r.dimensions);
  put(j, "normalize", r.normalize);
  put(j, "input_type", r.input_type);
  put(j, "user", r.user);
  if (!r.extra.empty()) j["extra"] = extra_json(r.extra);
  return j;
}

Json Writer::rerank(const RerankRequest& r) {
  Json j = {{"task", "rerank"}, {"query", r.query}, {"documents", r.documents}};
  put(j, "top_n", r.top_n);
  put(j, "user", r.user);
  if (!r.extra.empty()) j["extra"] = extra_json(r.extra);
  return j;
}

// ---- reading -----------------------------------------------------------------------------------

// Reads typed members; keeps the first misfit and reads on as if it were absent.
class Reader {
 public:
  explicit Reader(const BlobTable& blobs) : blobs_(blobs) {}
  std::optional<Error> wrong;

  TextRequest text(const Json& j);
  ImageRequest image(const Json& j);
  EmbeddingRequest embedding(const Json& j);
  RerankRequest rerank(const Json& j);

 private:
  void fail(std::string_view field, const char* what) {
    if (wrong) return;
    const std::string name(field);
    wrong = Error(Errc::kInvalidRequest, name + ": " + what).with_detail("field", name);
  }

  static bool fits(const Json& v, const std::string*) { return v.is_string(); }
  static bool fits(const Json& v, const bool*) { return v.is_boolean(); }
  static bool fits(const Json& v, const double*) { return v.is_number(); }
  template <class I, class = std::enable_if_t<std::is_integral_v<I>>>
  static bool fits(const Json& v, const I*) {
    if (v.is_number_unsigned()) {
      const auto n = v.get<std::uint64_t>();
      return n <= static_cast<std::uint64_t>(std::numeric_limits<I>::max());
    }
    if (!v.is_number_integer()) return false;
    const auto n = v.get<std::int64_t>();
    return n >= static_cast<std::int64_t>(std::numeric_limits<I>::min());
  }

  template <class T>
  void get(const Json& j, std::string_view key, T& out) {
    const Json* v = find(j, key);
    if (!v) return;
    if (!fits(*v, static_cast<const T*>(nullptr))) return fail(key, "of the wrong type or range");
    out = v->get<T>();
  }
  template <class T>
  void get(const Json& j, std::string_view key, std::optional<T>& out) {
    if (!find(j, key)) return;
    T value{};
    get(j, key, value);
    out = std::move(value);
  }
  template <class T>
  void get(const Json& j, std::string_view key, std::vector<T>& out) {
    each(j, key, [&](const Json& v) {
      if (fits(v, static_cast<const T*>(nullptr)))
        out.push_back(v.get<T>());
      else
        fail(key, "has an element of the wrong type or range");
    });
  }
  template <class F>
  void each(const Json& j, std::string_view key, F&& f) {
    const Json* v = find(j, key);
    if (!v) return;
    if (!v->is_array()) return fail(key, "must be an array");
    for (const Json& element : *v) f(element);
  }
  template <class F>
  void each_object(const Json& j, std::string_view key, F&& f) {
    each(j, key, [&](const Json& element) {
      if (element.is_object())
        f(element);
      else
        fail(key, "must be an array of objects");
    });
  }
  const Json* object(const Json& j, std::string_view key) {
    const Json* v = find(j, key);
    if (v && !v->is_object()) fail(key, "must be an object");
    return v && v->is_object() ? v : nullptr;
  }
  template <class E, std::size_t N>
  void name(const Json& j, std::string_view key, const Names<E, N>& names, E& out) {
    if (!find(j, key)) return;
    std::string text;
    get(j, key, text);
    for (const auto& [value, known] : names) {
      if (known == text) {
        out = value;
        return;
      }
    }
    fail(key, "not a known name");
  }
  void json_text(const Json& j, std::string_view key, std::string& out) {
    if (const Json* v = find(j, key)) out = dump_json(*v);
  }
  template <class T>
  void blob(const Json& j, std::string_view key, Media& m) {
    std::uint32_t i = 0;
    get(j, key, i);
    const T* bytes = i < blobs_.size() ? std::get_if<T>(&blobs_[i]) : nullptr;
    if (bytes)
      m.source = *bytes;
    else
      fail(key, "names a blob that is not there, or of the other kind");
  }

  Media media(const Json& j);
  Part part(const Json& j);
  std::vector<Part> parts(const Json& j, const char* key);
  Message message(const Json& j);
  Tool tool(const Json& j);
  Diffusion diffusion(const Json& j);
  void extra(const Json& j, std::map<std::string, std::string>& out);

  const BlobTable& blobs_;
};

Media Reader::media(const Json& j) {
  Media m;
  get(j, "mime", m.mime);
  get(j, "detail", m.detail);
  get(j, "name", m.name);
  if (find(j, "url")) {
    get(j, "url", m.source.emplace<Url>().url);
  } else if (find(j, "file_id")) {
    get(j, "file_id", m.source.emplace<FileId>().id);
  } else if (find(j, "pixels")) {
    blob<Pixels>(j, "pixels", m);
  } else if (find(j, "blob")) {
    blob<Blob>(j, "blob", m);
  } else {
    fail("media", "needs one of blob, url, file_id, pixels");
  }
  return m;
}

Part Reader::part(const Json& j) {
  Part p;
  std::string type;
  get(j, "type", type);
  if (type == "text") {
    get(j, "text", p.value.emplace<Text>().text);
  } else if (type == "refusal") {
    get(j, "text", p.value.emplace<Refusal>().text);
  } else if (type == "media") {
    p.value = media(j);
  } else if (type == "reasoning") {
    auto& r = p.value.emplace<Reasoning>();
    get(j, "text", r.text);
    get(j, "signature", r.signature);
    get(j, "redacted", r.redacted);
  } else if (type == "tool_call") {
    auto& c = p.value.emplace<ToolCall>();
    get(j, "call_id", c.id);
    get(j, "name", c.name);
    get(j, "arguments", c.arguments);
    get(j, "custom", c.custom);
    get(j, "provider_executed", c.provider_executed);
  } else if (type == "tool_result") {
    auto& r = p.value.emplace<ToolResult>();
    get(j, "call_id", r.call_id);
    get(j, "name", r.name);
    r.content = parts(j, "content");
    get(j, "is_error", r.is_error);
    get(j, "provider_executed", r.provider_executed);
  } else if (type == "opaque") {
    auto& o = p.value.emplace<Opaque>();
    get(j, "kind", o.type);
    get(j, "json", o.json);
  } else {
    fail("type", "not a known part");
  }
  get(j, "id", p.id);
  get(j, "issuer", p.issuer);
  get(j, "extra", p.extra);
  name(j, "cache", kCacheHints, p.cache);
  return p;
}

std::vector<Part> Reader::parts(const Json& j, const char* key) {
  std::vector<Part> list;
  each_object(j, key, [&](const Json& p) { list.push_back(part(p)); });
  return list;
}

Message Reader::message(const Json& j) {
  Message m;
  if (!find(j, "role")) fail("role", "is missing");
  name(j, "role", kRoles, m.role);
  m.parts = parts(j, "parts");
  get(j, "id", m.id);
  get(j, "name", m.name);
  get(j, "extra", m.extra);
  return m;
}

Tool Reader::tool(const Json& j) {
  Tool t;
  get(j, "name", t.name);
  get(j, "description", t.description);
  get(j, "schema", t.schema);
  get(j, "strict", t.strict);
  get(j, "provider_json", t.provider_json);
  return t;
}

void Reader::extra(const Json& j, std::map<std::string, std::string>& out) {
  if (const Json* all = object(j, "extra")) {
    for (const auto& [provider, value] : all->items()) {
      if (value.is_object())
        out[provider] = dump_json(value);
      else
        fail("extra", "must map providers to objects");
    }
  }
}

TextRequest Reader::text(const Json& j) {
  TextRequest r;
  each_object(j, "messages", [&](const Json& m) { r.messages.push_back(message(m)); });
  each_object(j, "tools", [&](const Json& t) { r.tools.push_back(tool(t)); });
  if (const Json* choice = find(j, "tool_choice"); choice && choice->is_object()) {
    r.tool_choice.mode = ToolMode::kNamed;
    get(*choice, "name", r.tool_choice.name);
  } else {
    name(j, "tool_choice", kModes, r.tool_choice.mode);
  }
  get(j, "parallel_tools", r.parallel_tools);
  if (const Json* o = object(j, "output")) {
    name(*o, "type", kForms, r.output.form);
    get(*o, "name", r.output.name);
    get(*o, "schema", r.output.schema);
    get(*o, "grammar", r.output.grammar);
    get(*o, "strict", r.output.strict);
    get(*o, "check", r.output.check);
  }
  get(j, "max_tokens", r.max_tokens);
  get(j, "stop", r.stop);
  get(j, "stop_token_ids", r.stop_token_ids);
  get(j, "n", r.n);
  if (const Json* l = object(j, "logprobs")) get(*l, "top", r.logprobs.emplace().top);
  get(j, "temperature", r.temperature);
  get(j, "top_p", r.top_p);
  get(j, "seed", r.seed);
  if (const Json* s = object(j, "sampling"))
    each_sampling(r.sampling, [&](const char* key, auto& value) { get(*s, key, value); });
  if (const Json* bias = object(j, "logit_bias")) {
    for (const auto& [token, value] : bias->items()) {
      std::int32_t id = 0;
      const char* const end = token.data() + token.size();
      const auto read = std::from_chars(token.data(), end, id);
      if (read.ec == std::errc() && read.ptr == end && value.is_number())
        r.logit_bias[id] = value.get<double>();
      else
        fail("logit_bias", "must map token ids to numbers");
    }
  }
  if (const Json* think = object(j, "reasoning")) {
    name(*think, "effort", kEfforts, r.reasoning.effort);
    get(*think, "budget_tokens", r.reasoning.budget_tokens);
    get(*think, "summary", r.reasoning.summary);
  }
  name(j, "truncation", kTruncations, r.truncation);
  get(j, "previous_response_id", r.previous_response_id);
  get(j, "store", r.store);
  get(j, "cache_key", r.cache_key);
  get(j, "cache_retention", r.cache_retention);
  get(j, "cache_explicit", r.cache_explicit);
  get(j, "service_tier", r.service_tier);
  get(j, "user", r.user);
  if (const Json* meta = object(j, "metadata"))
    for (const auto& [key, value] : meta->items()) get(*meta, key, r.metadata[key]);
  extra(j, r.extra);
  return r;
}

Diffusion Reader::diffusion(const Json& j) {
  Diffusion d;
  each_diffusion(d, [&](const char* key, auto& value) { get(j, key, value); });
  get(j, "sigmas", d.sigmas);
  get(j, "skip_layers", d.skip_layers);
  if (const Json* control = object(j, "control")) d.control = media(*control);
  get(j, "control_strength", d.control_strength);
  each_object(j, "references", [&](const Json& m) { d.references.push_back(media(m)); });
  each_object(j, "adapters", [&](const Json& a) {
    LoraAdapter& adapter = d.adapters.emplace_back();
    get(a, "path", adapter.path);
    get(a, "scale", adapter.scale);
  });
  if (const Json* t = object(j, "vae_tiling")) {
    VaeTiling& tiling = d.vae_tiling.emplace();
    get(*t, "tile", tiling.tile);
    get(*t, "overlap", tiling.overlap);
  }
  if (const Json* c = object(j, "step_cache")) {
    StepCache& cache = d.step_cache.emplace();
    get(*c, "mode", cache.mode);
    get(*c, "threshold", cache.threshold);
    get(*c, "start", cache.start);
    get(*c, "end", cache.end);
  }
  if (const Json* h = object(j, "hires")) {
    HiresFix& hires = d.hires.emplace();
    get(*h, "upscaler", hires.upscaler);
    get(*h, "scale", hires.scale);
    get(*h, "width", hires.width);
    get(*h, "height", hires.height);
    get(*h, "steps", hires.steps);
    get(*h, "strength", hires.strength);
  }
  get(j, "upscale", d.upscale);
  return d;
}

ImageRequest Reader::image(const Json& j) {
  ImageRequest r;
  get(j, "prompt", r.prompt);
  get(j, "negative_prompt", r.negative_prompt);
  get(j, "width", r.width);
  get(j, "height", r.height);
  get(j, "n", r.n);
  get(j, "seed", r.seed);
  each_object(j, "images", [&](const Json& m) { r.images.push_back(media(m)); });
  if (const Json* mask = object(j, "mask")) r.mask = media(*mask);
  get(j, "steps", r.steps);
  get(j, "guidance", r.guidance);
  get(j, "strength", r.strength);
  get(j, "sample_method", r.sample_method);
  get(j, "scheduler", r.scheduler);
  if (const Json* local = object(j, "diffusion")) r.diffusion = diffusion(*local);
  get(j, "quality", r.quality);
  get(j, "background", r.background);
  get(j, "format", r.format);
  get(j, "compression", r.compression);
  get(j, "previews", r.previews);
  get(j, "user", r.user);
  extra(j, r.extra);
  return r;
}

EmbeddingRequest Reader::embedding(const Json& j) {
  EmbeddingRequest r;
  get(j, "inputs", r.inputs);
  get(j, "dimensions", r.dimensions);
  get(j, "normalize", r.normalize);
  get(j, "input_type", r.input_type);
  get(j, "user", r.user);
  extra(j, r.extra);
  return r;
}

RerankRequest Reader::rerank(const Json& j) {
  RerankRequest r;
  get(j, "query", r.query);
  get(j, "documents", r.documents);
  get(j, "top_n", r.top_n);
  get(j, "user", r.user);
  extra(j, r.extra);
  return r;
}

}  // namespace

RequestJson to_json(const Request& request) {
  Writer writer;
  Json j;
  if (auto* text = std::get_if<TextRequest>(&request)) j = writer.text(*text, "text");
  if (auto* count = std::get_if<CountRequest>(&request)) j = writer.text(count->request, "count");
  if (auto* image = std::get_if<ImageRequest>(&request)) j = writer.image(*image);
  if (auto* embed = std::get_if<EmbeddingRequest>(&request)) j = writer.embedding(*embed);
  if (auto* rerank = std::get_if<RerankRequest>(&request)) j = writer.rerank(*rerank);
  writer.out.text = dump_json(j);
  return std::move(writer.out);
}

Result<Request> from_json(std::string_view text, const BlobTable& blobs) {
  auto parsed = parse_json(text);
  if (!parsed)
    return Error(Errc::kInvalidRequest, "request: " + parsed.error().message())
        .with_detail("field", "request");
  Reader reader(blobs);
  const std::string task = string_or(*parsed, "task");
  Request request;
  if (task == "text")
    request = reader.text(*parsed);
  else if (task == "count")
    request = CountRequest{.request = reader.text(*parsed)};
  else if (task == "image")
    request = reader.image(*parsed);
  else if (task == "embed")
    request = reader.embedding(*parsed);
  else if (task == "rerank")
    request = reader.rerank(*parsed);
  else
    return Error(Errc::kInvalidRequest, "task: must be text, count, image, embed or rerank")
        .with_detail("field", "task");
  if (reader.wrong) return std::move(*reader.wrong);
  return request;
}

}  // namespace infer::core
