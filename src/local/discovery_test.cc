#include "src/local/discovery.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "infer/registry.h"
#include "src/local/split_name.h"
#include "src/port/temp_dir.h"

namespace infer::local {
namespace {

std::string shipped_path() { return INFER_SOURCE_DIR "/models/tiny-chat/tiny-chat.gguf"; }
std::string shipped() {
  std::ifstream file(shipped_path(), std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}
void models_path(const std::string& value) { setenv("MODELS_PATH", value.c_str(), 1); }

const ModelFile* find_id(const std::vector<ModelFile>& list, std::string_view id) {
  const auto at =
      std::find_if(list.begin(), list.end(), [&](const ModelFile& m) { return m.id == id; });
  return at == list.end() ? nullptr : &*at;
}

TEST(Discovery, LooksOnlyInAbsoluteDirectoriesThatExist) {
  port::TempDir a, b;
  ASSERT_EQ(chdir(a.path().c_str()), 0);
  a.write("models/x.gguf", "GGUF");
  models_path("models:./models:" + b.path() + ":/no/such/directory:" + b.path() + "/.::");
  const auto directories = model_directories();
  EXPECT_EQ(std::count(directories.begin(), directories.end(), b.path()), 1);
  for (const std::string& directory : directories) {
    EXPECT_EQ(directory[0], '/');
    EXPECT_NE(directory, a / "models");
  }
  EXPECT_EQ(directories[0], b.path());
  EXPECT_EQ(find_id(list_models(), "llama:x"), nullptr);
}

TEST(Discovery, FindsByNameAndByPath) {
  port::TempDir a, b;
  const std::string in_a = a.write("one.gguf", "a");
  const std::string in_b = b.write("one.gguf", "b");
  const std::string plain = b.write("plain", "b");
  models_path(a.path() + ":" + b.path());
  EXPECT_EQ(*find_model("llama", "one"), in_a);  // the first directory wins
  EXPECT_EQ(*find_model("llama", "one.gguf"), in_a);
  EXPECT_EQ(*find_model("llama", "plain"), plain);
  EXPECT_EQ(*find_model("llama", "unknown"), "");  // a name that only the engine may know
  EXPECT_EQ(*find_model("llama", ""), "");
  EXPECT_EQ(*find_model("llama", in_b), in_b);
  EXPECT_EQ(*find_model("llama", "."), "");
  EXPECT_EQ(*find_model("llama", ".."), "");
  ASSERT_EQ(symlink(in_b.c_str(), (a / "link.gguf").c_str()), 0);
  EXPECT_EQ(*find_model("llama", "link"), in_b);  // one file, one loaded model
  EXPECT_EQ(
      *find_model("llama", a.path() + "/../" + a.path().substr(a.path().rfind('/')) + "/one.gguf"),
      in_a);
  EXPECT_EQ(find_model("llama", a / "none.gguf").error().code(), Errc::kNotFound);
  EXPECT_EQ(find_model("llama", a.path()).error().code(), Errc::kInvalidRequest);
  ASSERT_EQ(mkfifo((a / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(find_model("llama", a / "pipe").error().code(),
            Errc::kInvalidRequest);  // and does not wait
  ASSERT_EQ(mkdir((a / "dir.gguf").c_str(), 0700), 0);
  EXPECT_EQ(*find_model("llama", "dir"), "");
}

TEST(SplitName, OfPieces) {
  const auto name = split_name("/m/a-00002-of-00004.gguf");
  ASSERT_TRUE(name);
  EXPECT_EQ(name->prefix, "/m/a");
  EXPECT_EQ(name->number, 2);
  EXPECT_EQ(name->count, 4);
  EXPECT_EQ(name->piece(1), "/m/a-00001-of-00004.gguf");
  for (const char* other : {"", "a.gguf", "-00001-of-00002.gguf", "a-00000-of-00002.gguf",
                            "a-00003-of-00002.gguf", "a-0001-of-00002.gguf", "a-00001-of-00002.bin",
                            "a-+0001-of-00002.gguf", "a-00001-of-0000x.gguf"})
    EXPECT_FALSE(split_name(other)) << other;
}

TEST(Discovery, ASplitModelIsOne) {
  port::TempDir a;
  a.write("m-00001-of-00002.gguf", shipped());
  a.write("m-00002-of-00002.gguf", shipped());
  a.write("n-00001-of-00003.gguf", shipped());
  a.write("n-00003-of-00003.gguf", shipped());
  models_path(a.path());
  const auto models = list_models();
  const ModelFile* whole = find_id(models, "llama:m-00001-of-00002");
  ASSERT_NE(whole, nullptr);
  EXPECT_EQ(whole->size_bytes, 2 * static_cast<std::int64_t>(shipped().size()));
  EXPECT_EQ(whole->problem, "");
  EXPECT_EQ(find_id(models, "llama:m-00002-of-00002"), nullptr);
  const ModelFile* broken = find_id(models, "llama:n-00001-of-00003");
  ASSERT_NE(broken, nullptr);
  EXPECT_EQ(broken->problem, "its piece n-00002-of-00003.gguf is missing");
}

TEST(Discovery, ListsModelsAndWhatIsWrongWithThem) {
  port::TempDir a, b;
  a.write("good.gguf", shipped());
  a.write("bad.gguf", "this is no model");
  a.write("note.txt", "x");
  a.write(".gguf", "x");
  ASSERT_EQ(mkdir((a / "dir.gguf").c_str(), 0700), 0);
  ASSERT_EQ(mkfifo((a / "pipe.gguf").c_str(), 0600), 0);
  b.write("good.gguf", "hidden by the first");
  models_path(a.path() + ":" + b.path());
  const auto models = list_models();
  EXPECT_TRUE(std::is_sorted(models.begin(), models.end(),
                             [](const auto& x, const auto& y) { return x.id < y.id; }));
  const ModelFile* good = find_id(models, "llama:good");
  ASSERT_NE(good, nullptr);
  EXPECT_EQ(good->problem, "");
  EXPECT_EQ(good->path, a / "good.gguf");
  EXPECT_EQ(good->quantization, "F16");
  EXPECT_GT(good->context, 0);
  EXPECT_EQ(good->size_bytes, static_cast<std::int64_t>(shipped().size()));
  const ModelFile* bad = find_id(models, "llama:bad");
  ASSERT_NE(bad, nullptr);
  EXPECT_NE(bad->problem, "");
  EXPECT_EQ(bad->size_bytes, 16);
  for (const char* not_there : {"llama:note", "llama:", "llama:dir", "llama:pipe"})
    EXPECT_EQ(find_id(models, not_there), nullptr) << not_there;
}

// A file of one tensor of one number.
std::string one_tensor(const std::string& name) {
  const std::string header =
      "{\"" + name + "\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[0,2]}}";
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(header.size() >> (8 * i) & 0xff);
  return bytes + header + "xx";
}
const char kFlux[] = "model.diffusion_model.double_blocks.0.img_attn.qkv.weight";

TEST(Discovery, ListsModelsThatPaint) {
  const port::TempDir paints, mixed;
  setenv("DIFFUSION_MODELS_PATH", paints.path().c_str(), 1);
  models_path(mixed.path());
  paints.write("llm.safetensors", one_tensor("model.layers.0.self_attn.q_proj.weight"));
  paints.write("cut.safetensors", one_tensor(kFlux).substr(0, 40));
  paints.write("chat.gguf", shipped());
  mixed.write("flux.safetensors", one_tensor(kFlux));
  mixed.write("small.safetensors", one_tensor("decoder.layers.0.weight"));
  mixed.write("other.safetensors", one_tensor("decoder.layers.0.weight"));
  mixed.write("flux.card.json", R"({"config":{"parts":{"taesd":"small.safetensors"}}})");
  mixed.write("text.safetensors", one_tensor("model.layers.0.self_attn.q_proj.weight"));
  mixed.write("old.ckpt", "PK\x03\x04 and more");
  mixed.write("odd.ckpt", "neither");
  mixed.write("two.gguf", shipped());
  mixed.write("two.safetensors", one_tensor(kFlux));
  mixed.write("s-00001-of-00002.safetensors", one_tensor(kFlux));
  mixed.write("s-00002-of-00002.safetensors", one_tensor(kFlux));
  mixed.write("bad.safetensors", one_tensor(kFlux));
  mixed.write("bad.card.json", R"({"config":{"parts":{"vae":"../x"}}})");
  const auto models = list_models();
  unsetenv("DIFFUSION_MODELS_PATH");
  const auto at = [&](std::string_view id) {
    const ModelFile* file = find_id(models, id);
    EXPECT_NE(file, nullptr) << id;
    return file ? *file : ModelFile{};
  };
  EXPECT_EQ(at("diffusion:llm").part, "llm");
  EXPECT_EQ(at("diffusion:llm").problem, "");
  EXPECT_NE(at("diffusion:cut").problem.find("safetensors"), std::string::npos);
  EXPECT_NE(at("diffusion:chat").part, "");
  const ModelFile flux = at("diffusion:flux");
  EXPECT_EQ(flux.family, "Flux");
  EXPECT_EQ(flux.task, "image");
  EXPECT_EQ(flux.quantization, "F16");
  EXPECT_EQ(flux.parameters, 1);
  EXPECT_EQ(flux.problem, "");
  EXPECT_EQ(flux.size_bytes,
            static_cast<std::int64_t>(one_tensor(kFlux).size() +
                                      one_tensor("decoder.layers.0.weight").size()));
  EXPECT_EQ(find_id(models, "diffusion:small"), nullptr);  // it belongs to flux
  EXPECT_EQ(at("diffusion:other").part, "taesd");
  EXPECT_NE(at("llama:text.safetensors").problem.find("convert it to GGUF"), std::string::npos);
  EXPECT_NE(at("diffusion:old").problem.find("allow_pickle"), std::string::npos);
  EXPECT_NE(at("diffusion:odd").problem.find("not a .ckpt"), std::string::npos);
  EXPECT_EQ(at("llama:two").problem, "");
  EXPECT_NE(at("diffusion:s-00001-of-00002").problem.find("split"), std::string::npos);
  EXPECT_EQ(find_id(models, "diffusion:s-00002-of-00002"), nullptr);
  EXPECT_NE(at("diffusion:bad").problem.find("leaves the card's directory"), std::string::npos);
}

// Loading follows links first, so that the card is the one beside the file itself.
TEST(Discovery, OfALinkTheCardIsTheFilesOwn) {
  const port::TempDir store, linked;
  models_path(linked.path());
  const std::string real = store.write("blob.safetensors", one_tensor(kFlux));
  store.write("blob.card.json", R"({"config":{"parts":{"vae":"../x"}}})");
  ASSERT_EQ(symlink(real.c_str(), (linked / "flux.safetensors").c_str()), 0);
  linked.write("flux.card.json", "{}");
  const auto models = list_models();
  const ModelFile* flux = find_id(models, "diffusion:flux");
  ASSERT_NE(flux, nullptr);
  EXPECT_NE(flux->problem.find(store / "blob.card.json"), std::string::npos) << flux->problem;
}

// A checkpoint may be named once more as what holds its own VAE.
TEST(Discovery, ACardThatNamesItsOwnModelHidesNothing) {
  const port::TempDir mixed;
  models_path(mixed.path());
  mixed.write("flux.safetensors", one_tensor(kFlux));
  mixed.write("flux.card.json", R"({"config":{"parts":{"vae":"flux.safetensors"}}})");
  const auto models = list_models();
  const ModelFile* flux = find_id(models, "diffusion:flux");
  ASSERT_NE(flux, nullptr);
  EXPECT_EQ(flux->size_bytes, static_cast<std::int64_t>(one_tensor(kFlux).size()));
}

TEST(Discovery, ANameIsLookedUpForItsScheme) {
  const port::TempDir paints, mixed;
  setenv("DIFFUSION_MODELS_PATH", paints.path().c_str(), 1);
  models_path(mixed.path());
  const std::string first = paints.write("m.ckpt", "x");
  const std::string second = mixed.write("m.gguf", "x");
  EXPECT_EQ(*find_model("diffusion", "m"), first);
  EXPECT_EQ(*find_model("llama", "m"), second);
  EXPECT_EQ(model_directories("diffusion")[0], paints.path());
  EXPECT_EQ(model_directories()[0], paints.path());
  EXPECT_EQ(model_directories("llama")[0], mixed.path());
  unsetenv("DIFFUSION_MODELS_PATH");
}

TEST(Discovery, FindsTheShippedModelBesideTheProgram) {
  unsetenv("MODELS_PATH");
  const auto models = list_models();
  const ModelFile* shipped_model = find_id(models, "llama:tiny-chat");
  ASSERT_NE(shipped_model, nullptr);
  EXPECT_EQ(shipped_model->problem, "");
  EXPECT_FALSE(find_model("llama", "tiny-chat")->empty());
  const ModelFile* paints = find_id(models, "diffusion:tiny-shapes");
  ASSERT_NE(paints, nullptr);
  EXPECT_EQ(paints->problem, "");
  EXPECT_EQ(paints->family, "Ovis Image");
  EXPECT_EQ(paints->size_bytes, 4457600 + 2541068);
  EXPECT_EQ(find_id(models, "diffusion:tiny-shapes-tae"), nullptr);
}

}  // namespace
}  // namespace infer::local
