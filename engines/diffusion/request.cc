#include "request.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <random>

#include "engines/common/abi.h"
#include "engines/common/json_fields.h"
#include "engines/common/refusal.h"
#include "file_header.h"
#include "names.h"

namespace infer::diffusion {
namespace {

using engine::field_refusal;
using engine::get_bool;
using engine::get_int;
using engine::get_number;
using engine::get_string;
using engine::invalid;
using engine::Json;
using engine::Refusal;
using engine::unsupported;

constexpr int64_t kMostSide = 16384, kMostSteps = 1000, kMostPictures = 1024, kMostReferences = 16;
// 4096 x 4096: what is computed in one piece for more does not fit into the memory of anything that
// this engine runs on.
constexpr uint64_t kMostPixels = uint64_t{1} << 24;
// No text encoder reads more than some thousand tokens; the engine splits prompts with regular
// expressions that take stack for each character.
constexpr std::size_t kMostPrompt = 16384;

std::string side_by_side(uint64_t width, uint64_t height) {
  return std::to_string(width) + " x " + std::to_string(height);
}

// The engine reads "(words:1.2)" in a prompt, gives each bracket without a number 1.1, and ends
// with an exception, or with a black picture, where that is no number or the product too large.
void check_weights(const std::string& text, const std::string& field) {
  double product = 1;
  std::size_t open = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '(') {
      ++open;
      product *= 1.1;
    } else if (text[i] == ')') {
      if (open > 0) --open;
    } else if (text[i] == ':' && open > 0) {
      std::size_t end = i + 1;
      if (end < text.size() && (text[end] == '+' || text[end] == '-')) ++end;
      const std::size_t digits = end;
      while (end < text.size() && ((text[end] >= '0' && text[end] <= '9') || text[end] == '.'))
        ++end;
      if (end == digits || end >= text.size() || text[end] != ')') continue;
      const std::string number = text.substr(i + 1, end - i - 1);
      char* stopped = nullptr;
      const double weight = std::strtod(number.c_str(), &stopped), size = std::fabs(weight);
      if (stopped == number.c_str() || !(size <= 100) || (size != 0 && size < 1e-6)) {
        invalid(field, "the weight \"" + number.substr(0, 32) +
                           "\" of words in brackets must be a number from -100 to 100");
      }
      product *= std::max(1.0, size);
    }
  }
  if (!(product < 1e30)) invalid(field, "the weights of words in brackets are too large together");
}

// Everything of one request while it is read.
class Parser {
 public:
  Parser(const infer_open& how, const ModelFacts& facts, const std::vector<Adapter>& adapters)
      : how_(how), facts_(facts) {
    request_.adapters = adapters;
    sd_img_gen_params_init(&request_.params);
  }

  PaintRequest parse() {
    const Json json = engine::parse_object(engine::to_view(how_.request), "the request");
    if (!json.contains("prompt")) invalid("prompt", "is missing");
    start_from_defaults();
    for (const auto& item : json.items()) key(item.key(), item.value());
    finish(json);
    return std::move(request_);
  }

 private:
  // -- Helpers.

  void ignored(const std::string& setting, const std::string& why) {
    request_.warnings.push_back(Warning{"unsupported_setting", setting + ": " + why,
                                        "{\"setting\":" + engine::json_quote(setting) + "}"});
  }
  sd_sample_params_t& sampling() { return request_.params.sample_params; }
  float number(const Json& value, const std::string& field, double low, double high) {
    return static_cast<float>(get_number(value, field, low, high));
  }

  std::string words(const Json& value, const std::string& field) {
    const std::string& text = get_string(value, field);
    if (text.find('\0') != std::string::npos) invalid(field, "must not hold a NUL");
    if (text.size() > kMostPrompt) {
      throw Refusal(INFER_E_CONTEXT_OVERFLOW,
                    field + ": has " + std::to_string(text.size()) +
                        " bytes; models that paint read the first hundreds, and more than " +
                        std::to_string(kMostPrompt) + " are not taken",
                    "{\"field\":" + engine::json_quote(field) +
                        ",\"need\":" + std::to_string(text.size()) +
                        ",\"have\":" + std::to_string(kMostPrompt) + "}");
    }
    check_weights(text, field);
    return text;
  }

  // A picture of the request, as `channels` (3 or 1).
  Picture picture(const Json& media, const std::string& field, uint32_t channels) {
    if (!media.is_object()) invalid(field, "must be an object");
    if (media.contains("blob")) {
      unsupported(field,
                  "is a file, and this engine takes pixels: build the library with INFER_IMAGE, or "
                  "decode it");
    }
    if (!media.contains("pixels")) unsupported(field, "must be pixels; addresses are not fetched");
    const auto index = static_cast<std::size_t>(
        get_int(media["pixels"], field + ".pixels", 0, std::numeric_limits<int32_t>::max()));
    if (index >= how_.n_blobs || how_.blobs[index] == nullptr)
      invalid(field, "names blob " + std::to_string(index) + ", which is not there");
    return channels == 1 ? mask_of(*how_.blobs[index], field) : rgb_of(*how_.blobs[index], field);
  }

  // -- The keys of the request.

  void start_from_defaults() {
    const Defaults& defaults = facts_.defaults;
    request_.negative_prompt = defaults.negative_prompt;
    request_.params.width = static_cast<int>(defaults.width);
    request_.params.height = static_cast<int>(defaults.height);
    request_.params.clip_skip = defaults.clip_skip.value_or(-1);
    request_.seed = -1;
    sampling().sample_steps = static_cast<int>(defaults.steps);
    sampling().guidance.txt_cfg = defaults.guidance;
    sampling().guidance.img_cfg = INFINITY;
    if (defaults.distilled_guidance)
      sampling().guidance.distilled_guidance = *defaults.distilled_guidance;
    if (defaults.flow_shift) sampling().flow_shift = *defaults.flow_shift;
    sampling().sample_method = defaults.sample_method;
    sampling().scheduler = defaults.scheduler.value_or(SCHEDULER_COUNT);
  }

  void key(const std::string& key, const Json& value) {
    if (key == "prompt") {
      request_.prompt = words(value, key);
    } else if (key == "negative_prompt") {
      request_.negative_prompt = words(value, key);
    } else if (key == "width") {
      request_.params.width = static_cast<int>(get_int(value, key, 1, kMostSide));
    } else if (key == "height") {
      request_.params.height = static_cast<int>(get_int(value, key, 1, kMostSide));
    } else if (key == "n") {
      request_.n = static_cast<uint32_t>(get_int(value, key, 1, kMostPictures));
    } else if (key == "seed") {
      request_.seed = get_int(value, key, 0, std::numeric_limits<int64_t>::max() - kMostPictures);
    } else if (key == "steps") {
      sampling().sample_steps = static_cast<int>(get_int(value, key, 1, kMostSteps));
    } else if (key == "guidance") {
      sampling().guidance.txt_cfg = number(value, key, 0, 1000);
    } else if (key == "strength") {
      request_.params.strength = number(value, key, 0, 1);
    } else if (key == "sample_method") {
      sampling().sample_method = sample_method_of(get_string(value, key), key);
    } else if (key == "scheduler") {
      sampling().scheduler = scheduler_of(get_string(value, key), key);
    } else if (key == "previews") {
      request_.previews = static_cast<uint32_t>(get_int(value, key, 0, kMostSteps));
    } else {
      rarer_key(key, value);
    }
  }

  void rarer_key(const std::string& key, const Json& value) {
    if (key == "images") {
      start_picture(value);
    } else if (key == "mask") {
      request_.mask = picture(value, key, 1);
    } else if (key == "diffusion") {
      if (!value.is_object()) invalid(key, "must be an object");
      for (const auto& item : value.items())
        diffusion_key(item.key(), "diffusion." + item.key(), item.value());
    } else if (key == "quality" || key == "background") {
      ignored(key, "this engine has no such setting; the picture is made without it");
    } else if (key == "extra") {
      if (!value.is_object()) invalid(key, "must be an object");
      if (value.contains("diffusion"))
        ignored("extra.diffusion", "nothing is known under this name; it was ignored");
    }
    // format and compression are the host's; keys that are not known are passed over.
  }

  void start_picture(const Json& value) {
    if (!value.is_array()) invalid("images", "must be an array");
    if (value.empty()) return;
    if (value.size() > 1) {
      unsupported("images",
                  "one picture to start from is all that this engine takes; pictures to "
                  "look at are diffusion.references");
    }
    needs_encoder("images");
    request_.init = picture(value[0], "images[0]", 3);
  }

  void needs_encoder(const std::string& field) {
    if (facts_.starts_from_pictures) return;
    unsupported(field,
                "needs the half of the model's VAE that reads pictures, which is not loaded: "
                "the files lack it, or vae_encoder is false");
  }

  void diffusion_key(const std::string& key, const std::string& field, const Json& value) {
    if (key == "distilled_guidance") {
      sampling().guidance.distilled_guidance = number(value, field, 0, 1000);
      // "Flux", "Flux.2", "Flex.2": the others pass it over.
      if (facts_.family.compare(0, 2, "Fl") != 0)
        ignored(field, "this model was not trained with it");
    } else if (key == "image_guidance") {
      const float scale = number(value, field, 0, 1000);
      if (facts_.inpaints || facts_.edits || facts_.controls)
        sampling().guidance.img_cfg = scale;
      else
        ignored(field, "this model neither fills nor changes pictures");
    } else if (key == "eta") {
      sampling().eta = number(value, field, 0, 10);
    } else if (key == "flow_shift") {
      const float shift = number(value, field, 0.001, 50);
      // Flux.2 reckons its own from the size and the number of steps.
      if (facts_.flow && facts_.family.compare(0, 6, "Flux.2") != 0)
        sampling().flow_shift = shift;
      else
        ignored(field, "this model matches no flows");
    } else if (key == "clip_skip") {
      request_.params.clip_skip = static_cast<int>(get_int(value, field, 1, 12));
      if (facts_.dit && facts_.family != "SD3.x")
        ignored(field, "this model reads no layers of CLIP");
    } else if (key == "sigmas") {
      sigmas(value, field);
    } else if (key == "skip_layers") {
      skip_layers(value, field);
    } else if (key == "skip_layer_scale") {
      sampling().guidance.slg.scale = number(value, field, 0, 100);
    } else if (key == "vae_tiling") {
      tiling(value, field);
    } else if (key == "step_cache") {
      step_cache(value, field);
    } else {
      diffusion_promise(key, field, value);
    }
  }

  void diffusion_promise(const std::string& key, const std::string& field, const Json& value) {
    if (key == "control") {
      if (facts_.controls) {
        needs_encoder(field);
      } else if (!facts_.has_control) {
        unsupported(field,
                    "needs a ControlNet: name its file in parts.control_net when the model "
                    "is loaded");
      }
      request_.control = picture(value, field, 3);
    } else if (key == "control_strength") {
      request_.params.control_strength = number(value, field, 0, 10);
    } else if (key == "references") {
      references(value, field);
    } else if (key == "adapters") {
      std::vector<Adapter> more = parse_adapters(value, field);
      check_adapters(more, field, facts_.allow_pickle);
      request_.adapters.insert(request_.adapters.end(), more.begin(), more.end());
      if (request_.adapters.size() > kMostAdapters) {
        invalid(field,
                "and those of the model's config are more than " + std::to_string(kMostAdapters));
      }
    } else if (key == "hires") {
      hires(value, field);
    } else if (key == "upscale") {
      request_.upscale = get_bool(value, field);
      if (request_.upscale) needs_upscaler(field);
    }
  }

  void needs_upscaler(const std::string& field) {
    if (facts_.upscaler.empty())
      unsupported(field,
                  "needs an upscaler: name its file in parts.upscaler when the model is "
                  "loaded");
  }

  void sigmas(const Json& value, const std::string& field) {
    if (!value.is_array() || value.size() < 2 || value.size() > kMostSteps + 1)
      invalid(field, "must be an array of 2 to 1001 noise levels");
    for (const Json& level : value)
      request_.sigmas.push_back(number(level, field, 0, facts_.flow ? 1 : 1000));
    if (request_.sigmas.back() != 0) invalid(field, "must end with 0");
    for (std::size_t i = 1; i < request_.sigmas.size(); ++i)
      if (!(request_.sigmas[i] < request_.sigmas[i - 1])) invalid(field, "must fall");
  }

  void skip_layers(const Json& value, const std::string& field) {
    if (!value.is_array() || value.size() > 64) invalid(field, "must be an array of at most 64");
    const std::string& family = facts_.family;
    if (family != "SD3.x" && family != "Ovis Image" && family.compare(0, 2, "Fl") != 0)
      return ignored(field, "this model has no layers that could be left out");
    for (const Json& layer : value)
      request_.skip_layers.push_back(static_cast<int>(get_int(layer, field, 0, 999)));
  }

  void references(const Json& value, const std::string& field) {
    if (!value.is_array() || value.size() > kMostReferences)
      invalid(field, "must be an array of at most 16 pictures");
    if (value.empty()) return;
    if (!facts_.references && !facts_.photo_maker)
      unsupported(field, "a model of the family " + facts_.family + " looks at no pictures");
    if (!facts_.photo_maker) needs_encoder(field);
    if (facts_.edits && value.size() > 1) unsupported(field, "this model changes one picture");
    for (std::size_t i = 0; i < value.size(); ++i)
      request_.references.push_back(picture(value[i], field + "[" + std::to_string(i) + "]", 3));
  }

  void tiling(const Json& value, const std::string& field) {
    if (!value.is_object()) invalid(field, "must be an object");
    sd_tiling_params_t& to = request_.params.vae_tiling_params;
    to = sd_tiling_params_t{true, 32, 32, 0.5F, 0, 0};
    for (const auto& item : value.items()) {
      const std::string inner = field + "." + item.key();
      if (item.key() == "tile")
        to.tile_size_x = to.tile_size_y = static_cast<int>(get_int(item.value(), inner, 4, 1024));
      else if (item.key() == "overlap")
        to.target_overlap = number(item.value(), inner, 0, 0.5);
    }
  }

  void step_cache(const Json& value, const std::string& field) {
    if (!value.is_object() || !value.contains("mode"))
      invalid(field, "must be an object with mode");
    const std::string& name = get_string(value["mode"], field + ".mode");
    sd_cache_params_t& to = request_.params.cache;
    const sd_cache_mode_t mode = cache_mode_of(name, field + ".mode");
    const bool for_unet = mode == SD_CACHE_UCACHE;
    const bool for_dit = mode == SD_CACHE_EASYCACHE || mode == SD_CACHE_DBCACHE ||
                         mode == SD_CACHE_TAYLORSEER || mode == SD_CACHE_CACHE_DIT;
    if ((for_unet && facts_.dit) || (for_dit && !facts_.dit)) {
      return ignored(field, "the mode " + name + " is for " +
                                (for_unet ? "UNet models" : "transformers") +
                                ", and this is none; all steps are computed");
    }
    to.mode = mode;
    for (const auto& item : value.items()) {
      const std::string inner = field + "." + item.key();
      if (item.key() == "threshold") {
        to.reuse_threshold = to.residual_diff_threshold = number(item.value(), inner, 0, 1000);
        if (mode == SD_CACHE_SPECTRUM) ignored(inner, "the mode " + name + " measures no change");
      } else if (item.key() == "start") {
        to.start_percent = number(item.value(), inner, 0, 1);
        start_ = to.start_percent;
      } else if (item.key() == "end") {
        to.end_percent = to.spectrum_stop_percent = number(item.value(), inner, 0, 1);
        if (for_dit && mode != SD_CACHE_EASYCACHE)
          ignored(inner, "the mode " + name + " leaves out parts of steps up to the last one");
      }
    }
    if (!(to.start_percent < to.end_percent)) invalid(field, "start must be less than end");
  }

  void hires(const Json& value, const std::string& field) {
    if (!value.is_object()) invalid(field, "must be an object");
    sd_hires_params_t& to = request_.params.hires;
    sd_hires_params_init(&to);
    to.enabled = true;
    to.upscaler = SD_HIRES_UPSCALER_LATENT;
    to.scale = 2;
    to.denoising_strength = 0.7F;
    to.steps = 0;
    to.target_width = to.target_height = 0;
    for (const auto& item : value.items()) {
      const std::string inner = field + "." + item.key();
      const Json& v = item.value();
      if (item.key() == "upscaler") {
        to.upscaler = hires_upscaler_of(get_string(v, inner), inner);
      } else if (item.key() == "scale") {
        to.scale = number(v, inner, 1, 8);
      } else if (item.key() == "width") {
        to.target_width = static_cast<int>(get_int(v, inner, 1, kMostSide));
      } else if (item.key() == "height") {
        to.target_height = static_cast<int>(get_int(v, inner, 1, kMostSide));
      } else if (item.key() == "steps") {
        to.steps = static_cast<int>(get_int(v, inner, 1, kMostSteps));
      } else if (item.key() == "strength") {
        to.denoising_strength = number(v, inner, 0.01, 1);
      }
    }
    const bool by_pixels = to.upscaler == SD_HIRES_UPSCALER_LANCZOS ||
                           to.upscaler == SD_HIRES_UPSCALER_NEAREST ||
                           to.upscaler == SD_HIRES_UPSCALER_MODEL;
    if (by_pixels) needs_encoder(field + ".upscaler");
    if (to.upscaler == SD_HIRES_UPSCALER_MODEL) {
      needs_upscaler(field + ".upscaler");
      request_.upscaler = facts_.upscaler;
    }
  }

  // -- What holds between the keys.

  void finish(const Json& json) {
    if (request_.seed < 0) request_.seed = draw_seed();
    if (request_.mask && !request_.init)
      invalid("mask", "says where a picture is painted anew, and images holds none");
    if (json.contains("strength") && !request_.init)
      ignored("strength", "there is no picture to start from");
    if (!request_.sigmas.empty()) {
      if (json.contains("steps")) invalid("steps", "cannot stand beside diffusion.sigmas");
      sampling().sample_steps = static_cast<int>(request_.sigmas.size()) - 1;
      if (json.contains("scheduler") && !request_.params.hires.enabled)
        ignored("scheduler", "the sigmas say what it would");
    }
    check_scheduler();
    check_eta();
    if (sampling().scheduler == SCHEDULER_COUNT)
      sampling().scheduler = default_scheduler(sampling().sample_method);
    const bool with_guidance =
        sampling().guidance.txt_cfg != 1 || std::isfinite(sampling().guidance.img_cfg);
    if (json.contains("negative_prompt") && !request_.negative_prompt.empty() && !with_guidance)
      ignored("negative_prompt", "it has no effect where guidance is 1");
    if (!request_.skip_layers.empty()) {
      if (!json["diffusion"].contains("skip_layer_scale")) sampling().guidance.slg.scale = 2.5F;
      // The engine skips in the first fifth of the steps, and of few steps that would be none.
      sd_slg_params_t& slg = sampling().guidance.slg;
      slg.layer_end =
          std::max(slg.layer_end, 2.5F / static_cast<float>(sampling().sample_steps + 1));
    } else {
      sampling().guidance.slg.scale = 0;
    }
    check_steps();
    request_.previews = std::min(request_.previews, request_.steps_per_picture());
    check_sizes();
    check_companions(json);
    merge_adapters();
    fit_pictures();
    count_cache_steps();
  }

  // The levels of noise that this scheduler has are of these families only; for others the engine
  // would paint with none, or read beyond the end of an empty list.
  void check_scheduler() {
    const std::string& family = facts_.family;
    if (sampling().scheduler != AYS_SCHEDULER || family.compare(0, 4, "SD 1") == 0 ||
        family.compare(0, 3, "SDX") == 0 || family == "Instruct-Pix2Pix")
      return;
    ignored("scheduler", "\"ays\" has no levels of noise for models of the family " + family +
                             "; the sample method's own scheduler was used");
    sampling().scheduler = SCHEDULER_COUNT;
  }

  void check_eta() {
    if (!std::isfinite(sampling().eta)) return;
    const std::string method(name_of(sampling().sample_method));
    switch (sampling().sample_method) {
      case EULER_A_SAMPLE_METHOD:
      case DPMPP2S_A_SAMPLE_METHOD:
      case RES_MULTISTEP_SAMPLE_METHOD:
      case RES_2S_SAMPLE_METHOD:
      case ER_SDE_SAMPLE_METHOD: return;
      case DDIM_TRAILING_SAMPLE_METHOD:
      case TCD_SAMPLE_METHOD:
        // More would be the root of a negative number, or a place before the beginning of a table.
        if (sampling().eta > 1) invalid("diffusion.eta", "must be from 0 to 1 for " + method);
        return;
      default: ignored("diffusion.eta", "the sample method " + method + " adds no noise");
    }
  }

  // Some schedulers divide by the number of steps less one, and read a table from its third row;
  // and where a scheduler gives the same level of noise twice, some methods divide by nothing.
  void check_steps() {
    const sd_hires_params_t& hires = request_.params.hires;
    if (request_.sigmas.empty()) check_steps(sampling().sample_steps, "steps");
    if (!hires.enabled) return;
    const int second = hires.steps > 0 ? hires.steps : static_cast<int>(request_.first_steps());
    const float all = static_cast<float>(second) / hires.denoising_strength;
    if (!(all <= 4000))
      invalid("diffusion.hires.strength", "steps divided by it must be at most 4000");
    check_steps(static_cast<int>(all), "diffusion.hires.steps");
  }
  void check_steps(int steps, const std::string& field) {
    const scheduler_t scheduler = sampling().scheduler;
    const sample_method_t method = sampling().sample_method;
    if (steps < 2 && (scheduler == KARRAS_SCHEDULER || scheduler == EXPONENTIAL_SCHEDULER ||
                      scheduler == GITS_SCHEDULER))
      invalid(field, "must be at least 2 with the scheduler " + std::string(name_of(scheduler)));
    const bool divides = method == DPMPP2M_SAMPLE_METHOD || method == DPMPP2Mv2_SAMPLE_METHOD ||
                         method == IPNDM_V_SAMPLE_METHOD;
    const int most = scheduler == LCM_SCHEDULER ? 50 : scheduler == SMOOTHSTEP_SCHEDULER ? 77 : 0;
    if (divides && most != 0 && steps > most) {
      invalid(field, "must be at most " + std::to_string(most) + " with the sample method " +
                         std::string(name_of(method)) + " and the scheduler " +
                         std::string(name_of(scheduler)));
    }
  }

  // What is looked at beside the words.
  void check_companions(const Json& json) {
    if (facts_.photo_maker && request_.references.empty())
      invalid("diffusion.references", "must show whom the PhotoMaker is to paint");
    if (json.contains("diffusion") && json["diffusion"].contains("control_strength") &&
        !request_.control)
      invalid("diffusion.control_strength", "stands beside no diffusion.control");
    if (request_.params.hires.enabled &&
        (request_.control || facts_.inpaints || facts_.edits || facts_.controls)) {
      unsupported("diffusion.hires",
                  "cannot stand beside a picture that is looked at, which has the first size");
    }
    const double area =
        std::min(1024.0 * 1024, double{1} * request_.params.width * request_.params.height);
    for (std::size_t i = 0; i < request_.references.size(); ++i) {
      const Picture& picture = request_.references[i];
      const double ratio = static_cast<double>(picture.width) / picture.height;
      // The engine brings it to this area, in multiples of 16 or 32: a shorter side would be none.
      if (std::min(std::sqrt(area * ratio), std::sqrt(area / ratio)) < 32)
        invalid("diffusion.references[" + std::to_string(i) + "]",
                "is too long and narrow for a painting of this size");
    }
  }

  // The engine would take the last of the same file, and load one that changes nothing.
  void merge_adapters() {
    std::vector<Adapter> merged;
    for (const Adapter& adapter : request_.adapters) {
      const auto same = std::find_if(merged.begin(), merged.end(),
                                     [&](const Adapter& a) { return a.path == adapter.path; });
      if (same == merged.end())
        merged.push_back(adapter);
      else
        same->scale += adapter.scale;
    }
    std::erase_if(merged, [](const Adapter& a) { return a.scale == 0; });
    request_.adapters = std::move(merged);
  }

  // Brought to the size of the painting here, so that what a mask leaves alone can be put back.
  void fit_pictures() {
    const auto width = static_cast<uint32_t>(request_.params.width),
               height = static_cast<uint32_t>(request_.params.height);
    if (request_.init) request_.init = resized(*request_.init, width, height);
    if (request_.control) request_.control = resized(*request_.control, width, height);
    if (request_.mask) request_.mask = mask_resized(*request_.mask, width, height);
  }

  // Where the engine counts steps before which nothing is left out.
  void count_cache_steps() {
    if (!start_) return;
    const auto first =
        static_cast<int>(std::ceil(*start_ * static_cast<float>(request_.first_steps())));
    request_.params.cache.max_warmup_steps = request_.params.cache.spectrum_warmup_steps = first;
  }

  // As the engine chooses it for models that are no EDM.
  static scheduler_t default_scheduler(sample_method_t method) {
    return sd_get_default_scheduler(nullptr, method);
  }

  static int64_t draw_seed() {
    std::random_device random;
    // Short enough to be read out, long enough to be one's own.
    return static_cast<int64_t>(random() & 0x7FFFFFFFu);
  }

  void check_size(const std::string& what, uint64_t width, uint64_t height) {
    const uint64_t multiple = facts_.size_multiple;
    if (width % multiple != 0 || height % multiple != 0) {
      invalid(what, "is " + side_by_side(width, height) + ", and this model paints multiples of " +
                        std::to_string(multiple) + " pixels");
    }
    check_pixels(what, width, height);
  }

  static void check_pixels(const std::string& what, uint64_t width, uint64_t height) {
    if (width <= static_cast<uint64_t>(kMostSide) && height <= static_cast<uint64_t>(kMostSide) &&
        width * height <= kMostPixels)
      return;
    throw Refusal(INFER_E_TOO_LARGE,
                  what + ": " + side_by_side(width, height) + " pixels are " +
                      std::to_string(width * height) + ", at most " + std::to_string(kMostPixels) +
                      " and 16384 a side are painted",
                  "{\"field\":" + engine::json_quote(what) +
                      ",\"need\":" + std::to_string(width * height) +
                      ",\"have\":" + std::to_string(kMostPixels) + "}");
  }

  void check_sizes() {
    auto width = static_cast<uint64_t>(request_.params.width);
    auto height = static_cast<uint64_t>(request_.params.height);
    check_size(width % facts_.size_multiple != 0 ? "width" : "height", width, height);
    sd_hires_params_t& hires = request_.params.hires;
    if (hires.enabled) {
      // The engine's own rule for one side that is not given would make a square.
      if (hires.target_width == 0 && hires.target_height == 0) {
        hires.target_width = static_cast<int>(std::lround(hires.scale * static_cast<float>(width)));
        hires.target_height =
            static_cast<int>(std::lround(hires.scale * static_cast<float>(height)));
      } else if (hires.target_width == 0) {
        hires.target_width =
            static_cast<int>(width * static_cast<uint64_t>(hires.target_height) / height);
      } else if (hires.target_height == 0) {
        hires.target_height =
            static_cast<int>(height * static_cast<uint64_t>(hires.target_width) / width);
      }
      width = static_cast<uint64_t>(std::max(hires.target_width, 0));
      height = static_cast<uint64_t>(std::max(hires.target_height, 0));
      if (width == 0 || height == 0) invalid("diffusion.hires", "gives a picture without pixels");
      check_size("diffusion.hires", width, height);
    }
    if (request_.upscale) {
      check_pixels("diffusion.upscale", width * facts_.upscale_factor,
                   height * facts_.upscale_factor);
    }
  }

  const infer_open& how_;
  const ModelFacts& facts_;
  PaintRequest request_;
  std::optional<float> start_;  // of the step cache, where it is given
};

// Of `steps`, those that are left when a picture is painted over with this strength: the engine's
// arithmetic.
int left_of(int steps, float strength) {
  auto left = static_cast<int>(static_cast<std::size_t>(static_cast<float>(steps) * strength));
  if (left >= steps) left = steps - 1;
  return left + 1;
}

}  // namespace

PaintRequest parse_request(const infer_open& how, const ModelFacts& facts,
                           const std::vector<Adapter>& adapters) {
  return Parser(how, facts, adapters).parse();
}

uint32_t PaintRequest::first_steps() const {
  const int asked = params.sample_params.sample_steps;
  return static_cast<uint32_t>(init && params.strength < 1 ? left_of(asked, params.strength)
                                                           : asked);
}

uint32_t PaintRequest::steps_per_picture() const {
  int steps = static_cast<int>(first_steps());
  if (params.hires.enabled) {
    const int second = params.hires.steps > 0 ? params.hires.steps : steps;
    const auto all = static_cast<int>(static_cast<float>(second) / params.hires.denoising_strength);
    steps += left_of(all, params.hires.denoising_strength);
  }
  return static_cast<uint32_t>(steps);
}

sd_img_gen_params_t engine_params(PaintRequest& request, uint32_t picture,
                                  std::vector<sd_lora_t>& loras) {
  const auto image = [](std::optional<Picture>& from) {
    return from ? sd_image_t{from->width, from->height, from->channels, from->data.data()}
                : sd_image_t{};
  };
  sd_img_gen_params_t params = request.params;
  loras.clear();
  for (const Adapter& adapter : request.adapters)
    if (adapter.scale != 0) loras.push_back(sd_lora_t{false, adapter.scale, adapter.path.c_str()});
  params.loras = loras.data();
  params.lora_count = static_cast<uint32_t>(loras.size());
  params.prompt = request.prompt.c_str();
  params.negative_prompt = request.negative_prompt.c_str();
  params.init_image = image(request.init);
  params.mask_image = image(request.mask);
  params.control_image = image(request.control);
  params.seed = request.seed + picture;
  params.batch_count = 1;
  params.sample_params.custom_sigmas = request.sigmas.empty() ? nullptr : request.sigmas.data();
  params.sample_params.custom_sigmas_count = static_cast<int>(request.sigmas.size());
  params.sample_params.guidance.slg.layers =
      request.skip_layers.empty() ? nullptr : request.skip_layers.data();
  params.sample_params.guidance.slg.layer_count = request.skip_layers.size();
  if (!request.upscaler.empty()) params.hires.model_path = request.upscaler.c_str();
  return params;
}

void check_adapters(const std::vector<Adapter>& adapters, const std::string& field,
                    bool allow_pickle) {
  for (std::size_t i = 0; i < adapters.size(); ++i) {
    const std::string where = field + "[" + std::to_string(i) + "].path";
    const local::ImageFile holds = read_header(adapters[i].path, where, allow_pickle).holds;
    // What is not known by its tensors' names may be an adapter of a rarer kind.
    if (!holds.known() || holds.part == "lora") continue;
    throw field_refusal(INFER_E_MODEL_INVALID, where,
                        adapters[i].path + " is no adapter: by its tensors it is " +
                            (holds.part.empty() ? "a whole model" : "a part, " + holds.part));
  }
}

}  // namespace infer::diffusion
