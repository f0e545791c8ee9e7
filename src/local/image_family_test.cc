#include "src/local/image_family.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace infer::local {
namespace {

struct Named {
  std::string name;
  std::vector<std::int64_t> shape{};
};

ImageFile told(const std::vector<Named>& tensors) {
  ImageFileReader reader;
  for (const Named& tensor : tensors) reader.tensor(tensor.name, tensor.shape);
  ImageFile forwards = reader.result();
  ImageFileReader other;
  for (auto at = tensors.rbegin(); at != tensors.rend(); ++at) other.tensor(at->name, at->shape);
  const ImageFile backwards = other.result();  // the order of a file's tensors says nothing
  EXPECT_EQ(forwards.family, backwards.family);
  EXPECT_EQ(forwards.part, backwards.part);
  return forwards;
}

const std::string kModel = "model.diffusion_model.";

std::vector<Named> unet(int channels, std::vector<Named> more) {
  more.push_back({kModel + "input_blocks.0.0.weight", {3, 3, channels, 320}});
  return more;
}
const Named kMiddle{kModel + "middle_block.1.proj_in.weight"};
const Named kClipL{"cond_stage_model.transformer.text_model.embeddings.token_embedding.weight",
                   {768, 49408}};
const Named kOpenClip{"cond_stage_model.model.token_embedding.weight", {1024, 49408}};
const Named kSecond{"conditioner.embedders.1.model.token_embedding.weight", {1280, 49408}};

TEST(ImageFamily, OfDenoisers) {
  const std::pair<const char*, std::vector<Named>> cases[] = {
      {"SD 1.x", unet(4, {kMiddle, kClipL})},
      {"SD 1.x Inpaint", unet(9, {kMiddle, kClipL})},
      {"Instruct-Pix2Pix", unet(8, {kMiddle, kClipL})},
      {"SD 2.x", unet(4, {kMiddle, kOpenClip})},
      {"SD 2.x Inpaint", unet(9, {kMiddle, kOpenClip})},
      {"SDXL", unet(4, {kMiddle, kSecond})},
      {"SDXL Inpaint", unet(9, {kMiddle, kSecond})},
      {"SD3.x", {{kModel + "joint_blocks.0.x_block.attn.qkv.weight"}}},
      {"Flux", {{kModel + "double_blocks.0.img_attn.qkv.weight"}}},
      {"Flux Fill",
       {{kModel + "double_blocks.0.img_attn.qkv.weight"}, {kModel + "img_in.weight", {384, 3072}}}},
      {"Ovis Image", {{kModel + "double_blocks.0.img_mlp.gate_proj.weight"}}},
      {"Qwen Image", {{kModel + "transformer_blocks.0.img_mod.1.weight"}}},
      {"Z-Image", {{kModel + "cap_embedder.0.weight"}}},
      {"Wan 2.x", {{kModel + "blocks.0.cross_attn.norm_k.weight"}}},
  };
  for (const auto& [family, tensors] : cases) {
    const ImageFile file = told(tensors);
    EXPECT_EQ(file.family, family);
    EXPECT_EQ(file.part, "") << family;
    EXPECT_TRUE(file.denoiser) << family;
    EXPECT_TRUE(file.known());
  }
  // Without the prefix the file is the denoiser alone.
  const ImageFile alone = told({{"double_blocks.0.img_attn.qkv.weight"}});
  EXPECT_EQ(alone.family, "Flux");
  EXPECT_EQ(alone.part, "diffusion_model");
}

TEST(ImageFamily, WhatIsInACheckpoint) {
  const ImageFile bare = told(unet(4, {kMiddle}));
  EXPECT_FALSE(bare.vae);
  EXPECT_FALSE(bare.text_encoder);
  const ImageFile decodes =
      told(unet(4, {kMiddle, kClipL, {"first_stage_model.decoder.conv_in.weight"}}));
  EXPECT_TRUE(decodes.vae);
  EXPECT_TRUE(decodes.text_encoder);
  EXPECT_FALSE(decodes.vae_encoder);
  EXPECT_TRUE(told(unet(4, {kMiddle, {"first_stage_model.encoder.conv_in.weight"}})).vae_encoder);
}

TEST(ImageFamily, OfParts) {
  const std::pair<const char*, std::vector<Named>> cases[] = {
      {"vae", {{"decoder.conv_in.weight"}}},
      {"taesd", {{"decoder.layers.0.weight"}, {"encoder.layers.0.weight"}}},
      {"clip_l",
       {{"text_model.encoder.layers.0.mlp.fc1.weight"},
        {"text_model.embeddings.token_embedding.weight", {768, 49408}}}},
      {"clip_g",
       {{"text_model.encoder.layers.0.mlp.fc1.weight"},
        {"text_model.embeddings.token_embedding.weight", {1280, 49408}}}},
      {"clip_vision", {{"vision_model.encoder.layers.0.mlp.fc1.weight"}}},
      {"t5xxl", {{"encoder.block.0.layer.0.SelfAttention.q.weight"}}},
      {"t5xxl", {{"enc.blk.0.attn_q.weight"}}},
      {"llm", {{"model.layers.0.self_attn.q_proj.weight"}}},
      {"llm", {{"blk.0.attn_q.weight"}}},
      {"control_net", {{"control_model.input_blocks.0.0.weight"}}},
      {"lora", {{"lora_unet_down_blocks_0_attentions_0.lora_up.weight"}}},
      {"lora", {{"transformer.single_transformer_blocks.0.attn.to_q.lora_A.weight"}}},
      {"upscaler", {{"body.0.rdb1.conv1.weight"}}},
  };
  for (const auto& [part, tensors] : cases) {
    const ImageFile file = told(tensors);
    EXPECT_EQ(file.part, part) << tensors[0].name;
    EXPECT_FALSE(file.denoiser) << part;
    EXPECT_EQ(file.family, "") << part;
  }
  EXPECT_FALSE(told({}).known());
  EXPECT_FALSE(told({{"something.else"}}).known());
}

}  // namespace
}  // namespace infer::local
