#include "src/local/card.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/core/json.h"
#include "src/port/temp_dir.h"

namespace infer::local {
namespace {

TEST(Card, AModelWithoutOneHasAnEmptyCard) {
  const port::TempDir dir;
  const auto card = read_card(dir.write("m.gguf", "x"));
  ASSERT_TRUE(card) << card.error();
  EXPECT_EQ(card->file, "");
  EXPECT_EQ(card->config, "{}");
}

TEST(Card, ItsPathsBecomeAbsolute) {
  const port::TempDir dir;
  dir.write("tae.safetensors", "x");
  dir.write("sub/cat.pt", "x");
  dir.write("l.gguf", "x");
  dir.write("m.card.json", R"({"description":"d","licence":"MIT","config":{"threads":1,"parts":)"
                           R"({"taesd":"tae.safetensors","embeddings":{"cat":"sub/cat.pt"}},)"
                           R"("adapters":[{"path":"./l.gguf","scale":0.5}]}})");
  for (const char* model : {"m.gguf", "m.safetensors", "m-00001-of-00002.gguf"}) {
    const auto card = read_card(dir / model);
    ASSERT_TRUE(card) << card.error();
    EXPECT_EQ(card->file, dir / "m.card.json");
    EXPECT_EQ(card->description, "d");
    EXPECT_EQ(card->licence, "MIT");
    const core::Json config = *core::parse_json(card->config);
    EXPECT_EQ(config["threads"], 1);
    EXPECT_EQ(config["parts"]["taesd"], dir / "tae.safetensors");
    EXPECT_EQ(config["parts"]["embeddings"]["cat"], dir / "sub/cat.pt");
    EXPECT_EQ(config["adapters"][0]["path"], dir / "l.gguf");
    EXPECT_EQ(config["adapters"][0]["scale"], 0.5);
    EXPECT_EQ(card->parts.size(), 3u);
  }
}

TEST(Card, SaysWhatIsWrong) {
  const port::TempDir dir, outside;
  const std::string secret = outside.write("secret", "x");
  ASSERT_EQ(symlink(secret.c_str(), (dir / "link").c_str()), 0);
  ASSERT_EQ(mkdir((dir / "sub").c_str(), 0700), 0);
  ASSERT_EQ(mkfifo((dir / "pipe").c_str(), 0600), 0);
  const auto part = [](const std::string& path) {
    return R"({"config":{"parts":{"vae":)" + path + "}}}";
  };
  const struct {
    std::string card;
    const char* says;
  } cases[] = {
      {"", "not valid JSON"},
      {"[]", "must be a JSON object"},
      {R"({"confg":{}})", "unknown member 'confg'"},
      {R"({"config":[]})", "config must be an object"},
      {R"({"licence":1})", "licence must be a text"},
      {R"({"config":{"allow_pickle":true}})", "only be said by the caller"},
      {R"({"config":{"parts":[]}})", "config.parts must be an object"},
      {R"({"config":{"parts":{"embeddings":"x"}}})", "config.parts.embeddings must be an object"},
      {R"({"config":{"adapters":{}}})", "config.adapters must be an array"},
      {R"({"config":{"adapters":[{}]}})", "config.adapters[0] has no path"},
      {R"({"config":{"adapters":[{"path":"none"}]}})", "config.adapters[0].path: no file"},
      {part("1"), "config.parts.vae must be the path of a file"},
      {part("\"\""), "config.parts.vae must be the path of a file"},
      {part("\"a\\u0000b\""), "zero byte"},
      {part("\"/etc/passwd\""), "must be relative"},
      {part("\"../x\""), "leaves the card's directory"},
      {part("\"sub/../../x\""), "leaves the card's directory"},
      {part("\"sub/..\""), "leaves the card's directory"},
      {part("\"none.safetensors\""), "no file"},
      {part("\"link\""), "a link that leaves"},
      {part("\"sub\""), "not a regular file"},
      {part("\"pipe\""), "not a regular file"},
      {std::string((1 << 20) + 1, ' '), "more than 1048576 bytes"},
  };
  for (const auto& item : cases) {
    dir.write("m.card.json", item.card);
    const auto card = read_card(dir / "m.gguf");
    ASSERT_FALSE(card) << item.card;
    EXPECT_EQ(card.error().code(), Errc::kModelInvalid);
    EXPECT_NE(card.error().message().find(item.says), std::string::npos) << card.error();
    EXPECT_NE(card.error().message().find(dir / "m.card.json"), std::string::npos);
  }
  ASSERT_EQ(mkdir((dir / "d.card.json").c_str(), 0700), 0);
  EXPECT_EQ(read_card(dir / "d.gguf").error().code(), Errc::kModelInvalid);
}

}  // namespace
}  // namespace infer::local
