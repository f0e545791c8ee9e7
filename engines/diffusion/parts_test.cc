#include "parts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "engines/common/refusal.h"
#include "file_header.h"
#include "infer/plugin.h"
#include "request.h"
#include "src/port/temp_dir.h"
#include "tensor_file.h"

namespace infer::diffusion {
namespace {

using engine::Refusal;
using test::Tensors;
using test::write_tensors;
using testing::AllOf;
using testing::HasSubstr;

struct Refused {
  int code = INFER_OK;
  std::string message = "accepted", details = {};
};

template <class Body>
Refused refused(Body body) {
  try {
    body();
  } catch (const Refusal& e) {
    return Refused{e.code(), e.what(), e.details()};
  }
  return {};
}

// Files that are told apart by the names of their tensors alone.
class PartsTest : public testing::Test {
 protected:
  std::string file(const std::string& name, const std::vector<std::string>& tensors) {
    Tensors all;
    for (const std::string& tensor : tensors) all.emplace_back(tensor, std::vector<int>{1}, 0.0F);
    return write_tensors(dir_ / name, all);
  }
  Refused looked_at(const std::string& path) {
    return refused([&] { found_ = look_at(path, config_); });
  }

  const port::TempDir dir_;
  Config config_;
  ModelFiles found_;
};

const std::vector<std::string> kFlux = {"double_blocks.0.img_attn.qkv.weight"};
const std::vector<std::string> kWhole = {
    "model.diffusion_model.double_blocks.0.img_attn.qkv.weight",
    "text_encoders.t5xxl.transformer.shared.weight", "first_stage_model.decoder.conv_in.weight",
    "first_stage_model.encoder.conv_in.weight"};

TEST_F(PartsTest, AWholeCheckpointIsFound) {
  EXPECT_EQ(looked_at(file("whole.safetensors", kWhole)).message, "accepted");
  EXPECT_FALSE(found_.denoiser_alone);
  EXPECT_TRUE(found_.vae_encoder);
  EXPECT_EQ(found_.family, "Flux");
  EXPECT_EQ(found_.parameters, 4);
}

TEST_F(PartsTest, ADenoiserAloneAndItsParts) {
  config_.parts.vae = file("vae.safetensors", {"decoder.conv_in.weight", "decoder.mid.x.weight"});
  config_.parts.clip_l =
      file("clip.safetensors", {"text_model.encoder.layers.0.self_attn.q_proj.weight"});
  config_.parts.t5xxl = file("t5.safetensors", {"encoder.block.0.layer.0.SelfAttention.q.weight"});
  EXPECT_EQ(looked_at(file("flux.safetensors", kFlux)).message, "accepted");
  EXPECT_TRUE(found_.denoiser_alone);
  EXPECT_FALSE(found_.vae_encoder) << "only the half that decodes is there";
}

TEST_F(PartsTest, MissingPartsAreNamedAllAtOnce) {
  const Refused none = looked_at(file("flux.safetensors", kFlux));
  EXPECT_EQ(none.code, INFER_E_MODEL_INVALID);
  EXPECT_THAT(none.message, AllOf(HasSubstr("flux.safetensors"), HasSubstr("Flux"),
                                  HasSubstr("clip_l, t5xxl, vae (or taesd)")));
  EXPECT_EQ(none.details, "{\"field\":\"parts\"}");
  config_.parts.taesd = file("tae.safetensors", {"decoder.layers.0.weight"});
  config_.parts.clip_l =
      file("clip.safetensors", {"text_model.encoder.layers.0.self_attn.q_proj.weight"});
  EXPECT_THAT(looked_at(file("flux.safetensors", kFlux)).message,
              AllOf(HasSubstr("for t5xxl in"), testing::Not(HasSubstr("clip_l"))));
}

TEST_F(PartsTest, AFileInTheWrongPlaceIsNamedWithItsOwn) {
  const std::string whole = file("whole.safetensors", kWhole);
  const std::string lora = file("lora.safetensors", {"lora_unet_a.lora_up.weight"});
  const std::string vae = file("vae.safetensors", {"decoder.conv_in.weight"});
  config_.parts.vae = lora;
  EXPECT_THAT(looked_at(whole).message,
              AllOf(HasSubstr("parts.vae: "), HasSubstr(lora), HasSubstr("adapters")));
  EXPECT_EQ(looked_at(whole).details, "{\"field\":\"parts.vae\"}");
  config_.parts.vae = whole;
  EXPECT_THAT(looked_at(whole).message, HasSubstr("is a whole model (Flux)"));
  config_.parts.vae.clear();
  config_.parts.upscaler = vae;
  EXPECT_THAT(looked_at(whole).message,
              AllOf(HasSubstr("parts.upscaler: "), HasSubstr("one for parts.vae")));
  config_.parts.upscaler.clear();
  EXPECT_THAT(looked_at(lora).message, HasSubstr("belongs in LocalConfig::adapters"));
  EXPECT_THAT(looked_at(vae).message, HasSubstr("belongs in LocalConfig::parts.vae"));
  for (const std::string& path : {lora, vae, whole})
    EXPECT_THAT(looked_at(path).code, path == whole ? INFER_OK : INFER_E_MODEL_INVALID) << path;
}

TEST_F(PartsTest, WordsOfOnesOwnAreForClipAlone) {
  config_.parts.embeddings["mine"] = file("mine.safetensors", {"emb_params"});
  const Refused flux = looked_at(file("whole.safetensors", kWhole));
  EXPECT_EQ(flux.code, INFER_E_UNSUPPORTED);
  EXPECT_EQ(flux.details, "{\"field\":\"parts.embeddings\"}");
  EXPECT_THAT(flux.message, HasSubstr("not for the family Flux"));
  const std::string unet = file("unet.safetensors", {"model.diffusion_model.input_blocks.1.0.x",
                                                     "first_stage_model.decoder.conv_in.weight"});
  EXPECT_EQ(looked_at(unet).message, "accepted");
  config_.parts.clip_g =
      write_tensors(dir_ / "clip.safetensors",
                    {{"text_model.embeddings.token_embedding.weight", {1, 1280}, 0.0F}});
  EXPECT_THAT(looked_at(unet).message, HasSubstr("not for those with two"));
  config_.parts.embeddings["mine"] = dir_ / "none";
  EXPECT_EQ(looked_at(unet).details, "{\"field\":\"parts.embeddings.mine\"}");
}

TEST_F(PartsTest, AdaptersAreLookedAtToo) {
  const auto check = [](const std::string& path) {
    return refused([&] { check_adapters({Adapter{path, 1}}, "adapters", false); });
  };
  EXPECT_EQ(check(file("l.safetensors", {"lora_unet_a.lora_up.weight"})).message, "accepted");
  EXPECT_EQ(check(file("rare.safetensors", {"lycoris_a.hada_w1_a"})).message, "accepted");
  EXPECT_THAT(check(file("w.safetensors", kWhole)).message,
              AllOf(HasSubstr("adapters[0].path: "), HasSubstr("a whole model")));
  EXPECT_THAT(check(file("v.safetensors", {"decoder.conv_in.weight"})).message,
              HasSubstr("a part, vae"));
  EXPECT_EQ(check(dir_ / "none").code, INFER_E_NOT_FOUND);
  EXPECT_EQ(check(dir_.write("a.safetensors", "PK\x03\x04 and so on")).code, INFER_E_FORBIDDEN);
}

TEST_F(PartsTest, FilesThatCannotBeOne) {
  const auto code = [&](const std::string& path) { return looked_at(path).code; };
  EXPECT_EQ(code(dir_ / "none.gguf"), INFER_E_NOT_FOUND);
  EXPECT_EQ(code(dir_.path()), INFER_E_INVALID_REQUEST);
  EXPECT_EQ(code("/dev/zero"), INFER_E_INVALID_REQUEST);
  EXPECT_EQ(code(dir_.write("empty", "")), INFER_E_MODEL_INVALID);
  EXPECT_EQ(code(dir_.write("one", "x")), INFER_E_MODEL_INVALID);
  EXPECT_EQ(code(dir_.write("text.gguf", "this is no model\n")), INFER_E_MODEL_INVALID);
  EXPECT_EQ(code(dir_.write("short.gguf", "GGUF\x03")), INFER_E_MODEL_INVALID);
  EXPECT_THAT(looked_at(file("other.safetensors", {"some.weight"})).message,
              HasSubstr("holds no model that paints"));
  EXPECT_THAT(looked_at(INFER_SOURCE_DIR "/models/tiny-chat/tiny-chat.gguf").message,
              HasSubstr("llama:"));
}

TEST_F(PartsTest, PicklesAreToldByTheirContent) {
  for (const char* begin : {"PK\x03\x04", "\x80\x02}q\x01.", "\x80\x05"}) {
    for (const char* name : {"a.ckpt", "a.safetensors", "a.gguf"}) {
      const std::string path = dir_.write(name, begin);
      config_.allow_pickle = false;
      EXPECT_EQ(looked_at(path).code, INFER_E_FORBIDDEN) << name;
      EXPECT_THAT(looked_at(path).message, HasSubstr("allow_pickle"));
      config_.allow_pickle = true;
      EXPECT_EQ(looked_at(path).code, INFER_E_MODEL_INVALID) << name << ": it is damaged";
    }
  }
}

template <class Number>
std::string raw(Number number) {
  std::string bytes(sizeof(number), '\0');
  std::memcpy(bytes.data(), &number, sizeof(number));
  return bytes;
}

// Headers that state more than there is, or nest deeper than a stack.
TEST_F(PartsTest, HeadersThatLie) {
  const std::string gguf = "GGUF" + raw<uint32_t>(3);
  std::string nested = gguf + raw<uint64_t>(0) + raw<uint64_t>(1);
  for (int i = 0; i < 200000; ++i)
    nested += raw<uint64_t>(0) + raw<uint32_t>(9) + raw<uint32_t>(9) + raw<uint64_t>(1);
  std::string arrays = "{\"a\":" + std::string(2000000, '[') + std::string(2000000, ']') + "}";
  for (const std::string& bytes :
       {gguf + raw<uint64_t>(~uint64_t{0}) + raw<uint64_t>(0),
        gguf + raw<uint64_t>(0) + raw<uint64_t>(~uint64_t{0}),
        gguf + raw<uint64_t>(1) + raw<uint64_t>(0) + raw<uint64_t>(uint64_t{1} << 40),
        gguf + raw<uint64_t>(1) + raw<uint64_t>(0) + raw<uint64_t>(1) + "a" +
            raw<uint32_t>(0x7fffffff),
        nested, raw<uint64_t>(arrays.size()) + arrays, raw<uint64_t>(~uint64_t{0}) + "{}",
        raw<uint64_t>(2) + "{}" + "x", raw<uint64_t>(2) + "[]"}) {
    EXPECT_EQ(looked_at(dir_.write("lie", bytes)).code, INFER_E_MODEL_INVALID)
        << bytes.substr(0, 40);
  }
}

TEST_F(PartsTest, ModelsThatMakeFilmsAreNotForPictures) {
  const Refused film = looked_at(file("wan.safetensors", {"blocks.0.cross_attn.norm_k.weight"}));
  EXPECT_EQ(film.code, INFER_E_UNSUPPORTED);
  EXPECT_THAT(film.message, HasSubstr("films"));
}

}  // namespace
}  // namespace infer::diffusion
