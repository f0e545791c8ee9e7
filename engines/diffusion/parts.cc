#include "parts.h"

#include <string_view>
#include <utility>
#include <vector>

#include "engines/common/refusal.h"
#include "family.h"
#include "file_header.h"
#include "infer/plugin.h"

namespace infer::diffusion {
namespace {

using engine::field_refusal;
using engine::Refusal;
using local::ImageFile;

std::string name_of_file(const std::string& path) { return path.substr(path.rfind('/') + 1); }

// Parts that the config names, with their names.
std::vector<std::pair<std::string, std::string>> named_parts(const Parts& parts) {
  std::vector<std::pair<std::string, std::string>> all = {
      {"vae", parts.vae},
      {"taesd", parts.taesd},
      {"clip_l", parts.clip_l},
      {"clip_g", parts.clip_g},
      {"t5xxl", parts.t5xxl},
      {"llm", parts.llm},
      {"llm_vision", parts.llm_vision},
      {"clip_vision", parts.clip_vision},
      {"control_net", parts.control_net},
      {"photo_maker", parts.photo_maker},
      {"upscaler", parts.upscaler},
  };
  std::vector<std::pair<std::string, std::string>> given;
  for (auto& part : all)
    if (!part.second.empty()) given.push_back(std::move(part));
  return given;
}

// Where a file of one kind may also stand: text encoders come in files that hold more than one, and
// an older CLIP of another width is in clip_l's place.
bool fits(const std::string& place, const ImageFile& file) {
  if (file.part == place) return true;
  if (place == "clip_l" && file.part == "clip_g") return false;
  if (place == "llm_vision" && file.part == "llm") return true;
  // A file whose marks this table does not know is left to the engine.
  return file.part.empty() && !file.denoiser;
}

ImageFile check_part(const std::string& place, const std::string& path, const Config& config) {
  const std::string field = "parts." + place;
  ImageFile file = read_header(path, field, config.allow_pickle).holds;
  if (fits(place, file)) return file;
  if (file.part.empty()) {
    throw field_refusal(INFER_E_MODEL_INVALID, field,
                        path + " is a whole model (" +
                            (file.family.empty() ? "of an unknown family" : file.family) +
                            "), not this part of one");
  }
  const std::string right = file.part == "lora" ? "adapters" : "parts." + file.part;
  throw field_refusal(INFER_E_MODEL_INVALID, field,
                      path + " is not this part: by its tensors it is one for " + right);
}

const std::string& part_of(const Parts& parts, std::string_view name) {
  if (name == "clip_l") return parts.clip_l;
  if (name == "clip_g") return parts.clip_g;
  if (name == "t5xxl") return parts.t5xxl;
  return parts.llm;
}

[[noreturn]] void refuse_missing(const std::string& path, const std::string& family,
                                 const std::string& missing) {
  throw Refusal(INFER_E_MODEL_INVALID,
                name_of_file(path) + " is a model of the family " + family +
                    " without all of its parts: name files for " + missing +
                    " in LocalConfig::parts",
                "{\"field\":\"parts\"}");
}

void check_complete(const std::string& path, const ImageFile& model, const Parts& parts) {
  if (model.family.empty()) return;
  std::string missing;
  const auto miss = [&](std::string_view part) {
    missing += (missing.empty() ? "" : ", ") + std::string(part);
  };
  if (!model.text_encoder) {
    for (const std::string_view encoder : encoders_of(model.family))
      if (part_of(parts, encoder).empty()) miss(encoder);
  }
  const bool decodes =
      model.vae || !parts.vae.empty() || !parts.taesd.empty() || model.family == "Chroma Radiance";
  if (!decodes) miss("vae (or taesd)");
  if (!missing.empty()) refuse_missing(path, model.family, missing);
}

// Where there are two text encoders the engine gives one of them the other's numbers, and reads
// beyond their end; other families have no place for such words.
void check_embeddings(const std::string& family, const Config& config) {
  for (const auto& [word, file] : config.parts.embeddings)
    read_header(file, "parts.embeddings." + word, config.allow_pickle);
  const std::vector<std::string_view> one = {"clip_l"};
  const bool fits = family.empty() ? config.parts.clip_g.empty() : encoders_of(family) == one;
  if (fits || config.parts.embeddings.empty()) return;
  throw field_refusal(INFER_E_UNSUPPORTED, "parts.embeddings",
                      "are for models whose one text encoder is CLIP (SD 1, SD 2), not for " +
                          (family.empty() ? "those with two" : "the family " + family));
}

[[noreturn]] void refuse_main(const std::string& path, const ImageFile& file) {
  if (file.part == "llm") {
    throw Refusal(INFER_E_MODEL_INVALID,
                  path +
                      " is a text model: name it with the scheme llama:, or, as the text encoder "
                      "of a model that paints, in LocalConfig::parts.llm");
  }
  if (!file.part.empty()) {
    const bool adapter = file.part == "lora";
    throw Refusal(INFER_E_MODEL_INVALID,
                  path + " is not a model but a part of one: by its tensors it belongs in " +
                      (adapter ? "LocalConfig::adapters" : "LocalConfig::parts." + file.part));
  }
  throw Refusal(INFER_E_MODEL_INVALID,
                path +
                    " holds no model that paints: none of its tensors belongs to one. A text "
                    "model is named with the scheme llama:");
}

FileHeader inspect_model(const std::string& path, const Config& config) {
  FileHeader header = read_header(path, "model", config.allow_pickle);
  const ImageFile& model = header.holds;
  if (!model.denoiser) refuse_main(path, model);
  if (model.family == "SVD" || model.family == "Wan 2.x")
    throw Refusal(INFER_E_UNSUPPORTED, path + " makes films (" + model.family +
                                           "), and this engine is asked for pictures only");
  return header;
}

}  // namespace

void check_model_file(const std::string& path, const Config& config) {
  inspect_model(path, config);
}

ModelFiles look_at(const std::string& path, const Config& config) {
  const FileHeader header = inspect_model(path, config);
  const ImageFile& model = header.holds;
  ModelFiles out;
  out.path = path;
  out.denoiser_alone = model.part == "diffusion_model";
  out.family = model.family;
  out.parameters = header.parameters;
  out.vae_encoder = model.vae_encoder;
  for (const auto& [place, file] : named_parts(config.parts)) {
    const ImageFile part = check_part(place, file, config);
    if (place == "vae" && config.parts.taesd.empty()) out.vae_encoder = part.vae_encoder;
    // A small VAE takes the large one's place.
    if (place == "taesd") out.vae_encoder = part.vae_encoder;
  }
  check_embeddings(model.family, config);
  check_complete(path, model, config.parts);
  return out;
}

}  // namespace infer::diffusion
