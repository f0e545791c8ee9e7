#include "src/local/image_family.h"

namespace infer::local {
namespace {

constexpr std::uint64_t bit(int n) { return std::uint64_t{1} << n; }

constexpr std::uint64_t kDenoiser = bit(0), kPrefixed = bit(1), kVae = bit(2), kVaeEncoder = bit(3),
                        kTaesd = bit(4), kClip = bit(5), kT5 = bit(6), kLlm = bit(7),
                        kClipVision = bit(8), kControl = bit(9), kLora = bit(10),
                        kUpscaler = bit(11), kTextEncoder = bit(12), kFlux = bit(13),
                        kFlux2 = bit(14), kBlock47 = bit(15), kUnet = bit(16),
                        kTwoEncoders = bit(17), kMiddle1 = bit(18), kOutput311 = bit(19),
                        kOutput71 = bit(20), kTaesdEncoder = bit(21), kLlmVision = bit(22),
                        kPhotoMaker = bit(23), kAttention1024 = bit(24), kWan = bit(25),
                        kOvis = bit(26), kSd3 = bit(27), kQwen = bit(28), kAnima = bit(29),
                        kZImage = bit(30), kErnie = bit(31), kRadiance = bit(32), kSvd = bit(33),
                        kInnerPart = bit(34);

// A piece of a tensor's name and what it says. `anywhere`: else the name begins with it.
struct Sign {
  std::string_view piece;
  bool anywhere;
  std::uint64_t marks;
};

constexpr Sign kSigns[] = {
    // Whose tensors these are, in a checkpoint that holds several parts.
    {"model.diffusion_model.", false, kDenoiser | kPrefixed},
    {"unet.", false, kDenoiser | kPrefixed},
    {"first_stage_model.", false, kVae | kInnerPart},
    {"vae.", false, kVae | kInnerPart},
    {"first_stage_model.encoder.", false, kVaeEncoder},
    {"vae.encoder.", false, kVaeEncoder},
    {"tae.decoder.", false, kVae | kInnerPart},
    {"tae.encoder.", false, kVaeEncoder},
    {"cond_stage_model.", false, kTextEncoder},
    {"conditioner.", false, kTextEncoder},
    {"text_encoders.", false, kTextEncoder},
    {"te.", false, kTextEncoder},
    // Denoisers, with or without the prefix.
    {"double_blocks.", true, kFlux},
    {"double_stream_modulation_img.lin.weight", true, kFlux2},
    {"single_blocks.47.linear1.weight", true, kBlock47},
    {"double_blocks.0.img_mlp.gate_proj.weight", true, kOvis},
    {"joint_blocks.", true, kSd3},
    {"transformer_blocks.0.img_mod.1.weight", true, kQwen},
    {"llm_adapter.blocks.0.cross_attn.q_proj.weight", true, kAnima},
    {"cap_embedder.0.weight", true, kZImage},
    {"layers.0.adaLN_sa_ln.weight", true, kErnie},
    {"nerf_final_layer_conv.", true, kRadiance},
    {"blocks.0.cross_attn.norm_k.weight", true, kWan},
    {"input_blocks.8.0.time_mixer.mix_factor", true, kSvd},
    {"input_blocks.", true, kUnet},
    {"unet.down_blocks.", true, kUnet},
    {"conditioner.embedders.1", true, kTwoEncoders},
    {"cond_stage_model.1", true, kTwoEncoders},
    {"te.1", false, kTwoEncoders},
    {"middle_block.1.", true, kMiddle1},
    {"unet.mid_block.resnets.1.", true, kMiddle1},
    {"output_blocks.3.1.transformer_blocks.1", true, kOutput311},
    {"up_blocks.1.attentions.0.transformer_blocks.1", true, kOutput311},
    {"output_blocks.7.1", true, kOutput71},
    {"up_blocks.2.attentions.1", true, kOutput71},
    // Parts that are files of their own.
    {"decoder.conv_in.weight", false, kVae},
    {"decoder.up.0.", false, kVae},
    {"decoder.mid", false, kVae},
    {"encoder.conv_in.weight", false, kVaeEncoder},
    {"encoder.down.0.", false, kVaeEncoder},
    {"decoder.layers.", false, kTaesd},
    {"encoder.layers.", false, kTaesdEncoder},
    {"decoder.1.weight", false, kTaesd},
    {"text_model.encoder.layers.", true, kClip},
    {"transformer.resblocks.", true, kClip},
    {"SelfAttention.q.weight", true, kT5},
    {"enc.blk.0.attn_q.weight", true, kT5},
    {"model.layers.0.self_attn.q_proj.weight", true, kLlm},
    {"blk.0.attn_q.weight", false, kLlm},
    {"visual.blocks.0.attn.", true, kLlmVision},
    {"vision_model.encoder.layers.", false, kClipVision},
    {"control_model.", false, kControl},
    {"input_hint_block.", false, kControl},
    {"controlnet_cond_embedding.", false, kControl},
    {"id_encoder.", false, kPhotoMaker},
    {"lora_unet_", false, kLora},
    {"lora_te", false, kLora},
    {".lora_up.weight", true, kLora},
    {".lora_down.weight", true, kLora},
    {".lora_A.", true, kLora},
    {".lora_B.", true, kLora},
    {".lora.up.weight", true, kLora},
    {"body.0.rdb1.conv1.weight", true, kUpscaler},
    {"model.1.sub.0.RDB1.conv1.0.weight", true, kUpscaler},
};

bool ends_with_any(std::string_view name, std::initializer_list<std::string_view> endings) {
  for (const std::string_view ending : endings)
    if (name.ends_with(ending)) return true;
  return false;
}

}  // namespace

void ImageFileReader::tensor(std::string_view name, const std::vector<std::int64_t>& shape) {
  for (const Sign& sign : kSigns) {
    const bool found = sign.anywhere ? name.find(sign.piece) != std::string_view::npos
                                     : name.starts_with(sign.piece);
    if (found) marks_ |= sign.marks;
  }
  const auto at = [&](std::size_t i) { return i < shape.size() ? shape[i] : 1; };
  if (ends_with_any(name, {"text_model.embeddings.token_embedding.weight",
                           "model.token_embedding.weight", "token_embedding.weight"}) &&
      name.find("embedders.1") == std::string_view::npos &&
      name.find("cond_stage_model.1") == std::string_view::npos)
    token_width_ = at(0);
  if (ends_with_any(name, {"input_blocks.0.0.weight", "unet.conv_in.weight"}))
    input_channels_ = at(2);
  if (ends_with_any(name, {"img_in.weight"})) input_width_ = at(0);
  if (name.ends_with("output_blocks.7.1.transformer_blocks.0.attn1.to_k.weight") && at(0) == 1024)
    marks_ |= kAttention1024;
}

std::string ImageFileReader::unet_family() const {
  const bool inpaints = input_channels_ == 9, edits = input_channels_ == 8;
  const auto all = [&](std::uint64_t marks) { return (marks_ & marks) == marks; };
  if (all(kSvd)) return "SVD";
  if (all(kTwoEncoders)) {
    if (inpaints) return "SDXL Inpaint";
    if (edits) return "SDXL Instruct-Pix2Pix";
    if (all(kMiddle1)) return "SDXL";
    return all(kOutput311) ? "SDXL (SSD1B)" : "SDXL (Vega)";
  }
  if (token_width_ == 768) {
    if (inpaints) return "SD 1.x Inpaint";
    if (edits) return "Instruct-Pix2Pix";
    if (all(kMiddle1)) return "SD 1.x";
    return all(kOutput71) ? "SD 1.x Tiny UNet" : "SDXS (512-DS)";
  }
  if (token_width_ == 1024) {
    if (inpaints) return "SD 2.x Inpaint";
    if (all(kMiddle1)) return "SD 2.x";
    return all(kAttention1024) ? "SDXS (09)" : "SD 2.x Tiny UNet";
  }
  return {};  // its text encoder tells, which is in another file
}

std::string ImageFileReader::family() const {
  const auto any = [&](std::uint64_t mark) { return (marks_ & mark) != 0; };
  // The order is the engine's: later marks are in models of earlier families too.
  if (any(kRadiance)) return "Chroma Radiance";
  if (any(kSd3)) return "SD3.x";
  if (any(kQwen)) return "Qwen Image";
  if (any(kAnima)) return "Anima";
  if (any(kOvis)) return "Ovis Image";
  if (any(kZImage)) return "Z-Image";
  if (any(kErnie)) return "Ernie Image";
  if (any(kWan)) return "Wan 2.x";
  if (any(kFlux2)) return any(kBlock47) ? "Flux.2" : "Flux.2 klein";
  if (any(kFlux)) {
    switch (input_width_) {
      case 384: return "Flux Fill";
      case 128: return "Flux Control";
      case 196: return "Flex.2";
      default: return "Flux";
    }
  }
  return any(kUnet) ? unet_family() : std::string();
}

std::string ImageFileReader::part() const {
  const auto any = [&](std::uint64_t marks) { return (marks_ & marks) != 0; };
  if (any(kLora)) return "lora";
  if (any(kUpscaler)) return "upscaler";
  if (any(kControl)) return "control_net";
  if (any(kPhotoMaker)) return "photo_maker";
  if (any(kDenoiser)) return {};
  if (any(kFlux | kFlux2 | kSd3 | kQwen | kAnima | kZImage | kErnie | kRadiance | kWan | kUnet))
    return "diffusion_model";
  if (any(kInnerPart)) return "vae";
  if (any(kTaesd)) return "taesd";
  if (any(kVae)) return "vae";
  if (any(kClipVision)) return "clip_vision";
  if (any(kT5)) return "t5xxl";
  if (any(kClip)) return token_width_ == 1280 ? "clip_g" : "clip_l";
  if (any(kLlm)) return "llm";
  if (any(kLlmVision)) return "llm_vision";
  return {};
}

ImageFile ImageFileReader::result() const {
  ImageFile out;
  const auto any = [&](std::uint64_t marks) { return (marks_ & marks) != 0; };
  out.part = part();
  out.denoiser = out.part.empty() ? any(kDenoiser) : out.part == "diffusion_model";
  if (out.denoiser) out.family = family();
  out.vae = any(kVae | kTaesd);
  out.vae_encoder = any(kVaeEncoder | kTaesdEncoder);
  out.text_encoder = any(kTextEncoder);
  return out;
}

}  // namespace infer::local
