#include "infer/registry.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "infer/mock.h"

namespace infer {
namespace {

Registry::Factory factory(std::string* seen = nullptr) {
  return [seen](std::string_view rest, const Config&,
                const Load&) -> Result<std::shared_ptr<const Backend>> {
    if (seen) *seen = std::string(rest);
    if (rest == "bad") return Error(Errc::kNotFound, "no model bad");
    return mock({.deltas = {"ok"}}).backend();
  };
}

TEST(Registry, SplitsAtTheFirstColon) {
  Registry registry;
  std::string seen;
  ASSERT_TRUE(registry.add("my-2+x", factory(&seen)));
  auto model = registry.text("my-2+x:a:b/c");
  ASSERT_TRUE(model) << model.error();
  EXPECT_EQ(seen, "a:b/c");
  EXPECT_EQ(model->generate("hi")->text(), "ok");
  EXPECT_TRUE(registry.image("my-2+x:"));
  EXPECT_EQ(seen, "");
  EXPECT_TRUE(registry.embedding("my-2+x:z"));
  EXPECT_EQ(registry.text("my-2+x:bad").error().code(), Errc::kNotFound);
}

TEST(Registry, RefusesBadNames) {
  Registry registry;
  ASSERT_TRUE(registry.add("a", factory()));
  for (std::string_view id : {"", "a", ":", ":x", "A:x", "a b:x", "a/b:x", "/models/x.gguf",
                              "x.gguf", "\xC3\xA9:x", "a\n:x"}) {
    auto model = registry.text(id);
    ASSERT_FALSE(model) << id;
    EXPECT_EQ(model.error().code(), Errc::kInvalidRequest) << id;
    EXPECT_NE(model.error().message().find("llama:"), std::string::npos) << model.error();
  }
  auto unknown = registry.text("b:x");
  EXPECT_EQ(unknown.error().code(), Errc::kNotFound);
  EXPECT_NE(unknown.error().message().find("it has: a"), std::string::npos);
  EXPECT_EQ(Registry().text("b:x").error().code(), Errc::kNotFound);
}

TEST(Registry, AddsOnceAndOnlySchemes) {
  Registry registry;
  for (const char* bad : {"", "A", "a:b", "a b", "a/b", "a_b", "a.b"})
    EXPECT_EQ(registry.add(bad, factory()).error().code(), Errc::kInvalidRequest) << bad;
  EXPECT_TRUE(registry.add("b", factory()));
  EXPECT_TRUE(registry.add("a", factory()));
  EXPECT_EQ(registry.add("a", factory()).error().code(), Errc::kInvalidRequest);
  EXPECT_EQ(registry.add("c", nullptr).error().code(), Errc::kInvalidRequest);
  EXPECT_EQ(registry.schemes(), (std::vector<std::string>{"a", "b"}));
  const Registry copy = registry;
  ASSERT_TRUE(registry.add("d", factory()));
  EXPECT_EQ(copy.schemes().size(), 2u);  // a value
}

TEST(Registry, WithPluginsSaysWhereItLooked) {
  setenv("INFER_PLUGIN_PATH", "/usr/share", 1);
  auto model = Registry::with_plugins().text("no-such-plugin:x");
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().code(), Errc::kNotFound);
  EXPECT_NE(model.error().message().find("infer-no-such-plugin.so"), std::string::npos);
  EXPECT_NE(model.error().message().find("/usr/share"), std::string::npos);
  EXPECT_EQ(text("no-such-plugin:x").error().code(), Errc::kNotFound);
  // A factory goes before a plugin of its name.
  Registry registry = Registry::with_plugins();
  ASSERT_TRUE(registry.add("no-such-plugin", factory()));
  EXPECT_TRUE(registry.text("no-such-plugin:x"));
}

TEST(Registry, HasAVersion) { EXPECT_NE(std::string(version()).find('.'), std::string::npos); }

}  // namespace
}  // namespace infer
