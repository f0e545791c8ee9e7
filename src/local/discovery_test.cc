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
  EXPECT_EQ(*find_model("one"), in_a);  // the first directory wins
  EXPECT_EQ(*find_model("one.gguf"), in_a);
  EXPECT_EQ(*find_model("plain"), plain);
  EXPECT_EQ(*find_model("unknown"), "");  // a name that only the engine may know
  EXPECT_EQ(*find_model(""), "");
  EXPECT_EQ(*find_model(in_b), in_b);
  EXPECT_EQ(*find_model("."), "");
  EXPECT_EQ(*find_model(".."), "");
  ASSERT_EQ(symlink(in_b.c_str(), (a / "link.gguf").c_str()), 0);
  EXPECT_EQ(*find_model("link"), in_b);  // one file, one loaded model
  EXPECT_EQ(*find_model(a.path() + "/../" + a.path().substr(a.path().rfind('/')) + "/one.gguf"),
            in_a);
  EXPECT_EQ(find_model(a / "none.gguf").error().code(), Errc::kNotFound);
  EXPECT_EQ(find_model(a.path()).error().code(), Errc::kInvalidRequest);
  ASSERT_EQ(mkfifo((a / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(find_model(a / "pipe").error().code(), Errc::kInvalidRequest);  // and does not wait
  ASSERT_EQ(mkdir((a / "dir.gguf").c_str(), 0700), 0);
  EXPECT_EQ(*find_model("dir"), "");
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

TEST(Discovery, FindsTheShippedModelBesideTheProgram) {
  unsetenv("MODELS_PATH");
  const auto models = list_models();
  const ModelFile* shipped_model = find_id(models, "llama:tiny-chat");
  ASSERT_NE(shipped_model, nullptr);
  EXPECT_EQ(shipped_model->problem, "");
  EXPECT_FALSE(find_model("tiny-chat")->empty());
}

}  // namespace
}  // namespace infer::local
