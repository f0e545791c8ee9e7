#include "src/http/origin.h"

#include <gtest/gtest.h>

namespace infer::http {
namespace {

std::string text_of(const std::string& url) {
  const auto origin = origin_of(url);
  return origin ? origin->text : origin.error().message();
}

TEST(Origin, IsSchemeHostAndPort) {
  EXPECT_EQ(text_of("https://api.test/v1?key=x#y"), "https://api.test:443");
  EXPECT_EQ(text_of("https://api.test:443/"), "https://api.test:443");
  EXPECT_EQ(text_of("HTTP://API.Test"), "http://api.test:80");
  EXPECT_EQ(text_of("http://user:password@[::1]:8000/x"), "http://[::1]:8000");
  EXPECT_EQ(text_of("http://a.test:80@b.test/"), "http://b.test:80");
  EXPECT_NE(text_of("http://a.test/"), text_of("https://a.test/"));
  EXPECT_TRUE(origin_of("https://a.test")->tls);
  EXPECT_EQ(origin_of("https://a.test")->name(), "a.test");
  EXPECT_EQ(origin_of("http://a.test:443")->name(), "a.test:443");
}

TEST(Origin, WhatIsNoneIsRefusedWithoutBeingQuoted) {
  for (const char* url : {"", "canary", "ftp://canary/", "https://", "http://canary:70000/",
                          "http://[canary/", "file:///canary", "//canary/x"}) {
    const auto origin = origin_of(url);
    ASSERT_FALSE(origin) << url;
    EXPECT_EQ(origin.error().code(), Errc::kInvalidRequest);
    EXPECT_EQ(origin.error().detail("field"), "base_url");
    EXPECT_EQ(origin.error().message().find("canary"), std::string::npos);
  }
}

TEST(Origin, LocationsAreRelativeToTheirBase) {
  const std::string base = "https://a.test:8443/v1/chat?x=1";
  EXPECT_EQ(resolve(base, "/end?a=1"), "https://a.test:8443/end?a=1");
  EXPECT_EQ(resolve(base, "next"), "https://a.test:8443/v1/next");
  EXPECT_EQ(resolve(base, "../up"), "https://a.test:8443/up");
  EXPECT_EQ(resolve(base, "?y=2"), "https://a.test:8443/v1/chat?y=2");
  EXPECT_EQ(resolve(base, "http://b.test/x y"), "http://b.test/x%20y");
  EXPECT_EQ(resolve(base, "//b.test/x"), "https://b.test/x");
  EXPECT_EQ(resolve(base, "http://[b/"), "");
}

TEST(Origin, ProxiesHaveAKnownScheme) {
  for (const char* good : {"http://h:1", "https://h", "socks5h://u:p@h:1", "h:3128", "localhost"})
    EXPECT_TRUE(is_proxy(good)) << good;
  for (const char* bad : {"ftp://h:1", "gopher://h", "http://h:99999", "http://"})
    EXPECT_FALSE(is_proxy(bad)) << bad;
}

}  // namespace
}  // namespace infer::http
