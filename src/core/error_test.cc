#include "infer/error.h"

#include <gtest/gtest.h>

#include <set>
#include <sstream>
#include <thread>
#include <type_traits>
#include <vector>

#include "infer/model.h"
#include "infer/result.h"

namespace infer {
namespace {

static_assert(sizeof(Error) == sizeof(void*));
static_assert(std::is_nothrow_copy_constructible_v<Error>);
static_assert(std::is_nothrow_move_constructible_v<Error>);
static_assert(std::is_nothrow_copy_assignable_v<Error>);
static_assert(std::is_nothrow_move_assignable_v<Error>);

constexpr int kCodes = static_cast<int>(Errc::kServerError) + 1;

TEST(Error, NamesRoundTripAndAreDistinct) {
  std::set<std::string_view> names;
  for (int i = 0; i < kCodes; ++i) {
    const auto code = static_cast<Errc>(i);
    names.insert(to_string(code));
    ASSERT_EQ(errc_from_string(to_string(code)), code) << to_string(code);
  }
  EXPECT_EQ(names.size(), static_cast<std::size_t>(kCodes));
  EXPECT_EQ(to_string(Errc::kInvalidRequest), "invalid_request");
  EXPECT_EQ(to_string(Errc::kTls), "tls");
  EXPECT_EQ(to_string(Errc::kEngineCrashed), "engine_crashed");
  EXPECT_EQ(to_string(static_cast<Errc>(200)), "engine");
  EXPECT_FALSE(errc_from_string("").has_value());
  EXPECT_FALSE(errc_from_string("Engine").has_value());
  EXPECT_FALSE(errc_from_string("engine ").has_value());
}

TEST(Error, RetryIsYesOnlyWhereNothingHasRun) {
  for (int i = 0; i < kCodes; ++i) {
    const auto code = static_cast<Errc>(i);
    const bool yes =
        code == Errc::kRateLimited || code == Errc::kOverloaded || code == Errc::kNetwork;
    EXPECT_EQ(Error(code, "x").retry(), yes ? RetryHint::kYes : RetryHint::kNo) << to_string(code);
  }
  EXPECT_EQ(Error(Errc::kNetwork, "x").with_retry(RetryHint::kAmbiguous).retry(),
            RetryHint::kAmbiguous);
}

TEST(Error, CarriesEveryFact) {
  auto partial = std::make_shared<Response>();
  partial->choices.emplace_back();
  partial->choices[0].message = assistant("half");
  Error e = Error(Errc::kRateLimited, "slow down")
                .with_provider("openai")
                .with_provider_code("rate_limit_exceeded")
                .with_http_status(429)
                .with_request_id("req_1")
                .with_body("{}")
                .with_retry_after(std::chrono::milliseconds(1500))
                .with_detail("need", "10")
                .with_detail("have", "4")
                .with_detail("need", "12")
                .with_partial(partial);
  EXPECT_EQ(e.code(), Errc::kRateLimited);
  EXPECT_EQ(e.message(), "slow down");
  EXPECT_EQ(e.provider(), "openai");
  EXPECT_EQ(e.provider_code(), "rate_limit_exceeded");
  EXPECT_EQ(e.http_status(), 429);
  EXPECT_EQ(e.request_id(), "req_1");
  EXPECT_EQ(e.body(), "{}");
  EXPECT_EQ(e.retry_after(), std::chrono::milliseconds(1500));
  EXPECT_EQ(e.detail("need"), "12");
  EXPECT_EQ(e.detail("have"), "4");
  EXPECT_EQ(e.detail("nothing"), "");
  ASSERT_NE(e.partial(), nullptr);
  EXPECT_EQ(e.partial()->text(), "half");
  std::ostringstream out;
  out << e;
  EXPECT_EQ(out.str(), "rate_limited: openai: slow down (http 429)");
}

TEST(Error, BodyIsClippedBetweenCharacters) {
  EXPECT_EQ(Error(Errc::kProtocol, "x").with_body(std::string(5000, 'a')).body().size(), 4096u);
  EXPECT_EQ(Error(Errc::kProtocol, "x").with_body(std::string(4096, 'a')).body().size(), 4096u);
  std::string text(4094, 'a');
  for (int i = 0; i < 4; ++i) text += "\xF0\x9F\x98\x80";
  EXPECT_EQ(Error(Errc::kProtocol, "x").with_body(text).body(), std::string(4094, 'a'));
  // Not text at all: still clipped.
  EXPECT_GE(Error(Errc::kProtocol, "x").with_body(std::string(9000, '\x80')).body().size(), 4093u);
}

TEST(Error, CopiesShareAndWritesDoNotReachThem) {
  Error a(Errc::kIo, "first");
  Error b = a;
  EXPECT_EQ(&a.message(), &b.message());  // one representation
  b = std::move(b).with_detail("field", "x");
  EXPECT_EQ(a.detail("field"), "");
  EXPECT_EQ(b.detail("field"), "x");
  EXPECT_NE(&a.message(), &b.message());
  const std::string* alone = &b.message();
  b = std::move(b).with_provider("p");
  EXPECT_EQ(&b.message(), alone);  // nobody shares it: written in place
}

TEST(Error, MovedFromIsReadable) {
  Error a(Errc::kIo, "first");
  Error b = std::move(a);
  EXPECT_EQ(b.message(), "first");
  // Reading what was moved from is what this is about.
  EXPECT_FALSE(a.message().empty());  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(a.partial(), nullptr);
  a = std::move(a).with_provider("p");
  EXPECT_EQ(a.provider(), "p");
  a = b;
  EXPECT_EQ(a.message(), "first");
  Error& self = a;
  a = self;
  a = std::move(self);
  EXPECT_EQ(a.message(), "first");
}

TEST(Error, CopiesOfOneMayBeUsedInManyThreads) {
  const Error shared = Error(Errc::kIo, "shared").with_detail("k", "v");
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&shared] {
      for (int i = 0; i < 2000; ++i) {
        Error mine = shared;
        mine = std::move(mine).with_detail("k", std::to_string(i));
        Error other = mine;
        ASSERT_EQ(other.detail("k"), std::to_string(i));
        ASSERT_EQ(shared.detail("k"), "v");
      }
    });
  for (auto& thread : threads) thread.join();
}

TEST(Result, HoldsAValueOrAnError) {
  Result<int> good = 7;
  ASSERT_TRUE(good);
  EXPECT_EQ(*good, 7);
  EXPECT_EQ(good.value_or(9), 7);
  Result<int> bad = Error(Errc::kIo, "no");
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code(), Errc::kIo);
  EXPECT_EQ(bad.value_or(9), 9);
  bad = 8;
  EXPECT_EQ(*bad, 8);
}

TEST(Result, ConvertsWhatMakesTheValue) {
  Result<std::string> text = "literal";
  EXPECT_EQ(*text, "literal");
  struct Base {
    virtual ~Base() = default;
  };
  struct Derived : Base {};
  const auto make = []() -> Result<std::shared_ptr<Base>> { return std::make_shared<Derived>(); };
  EXPECT_TRUE(make());
  const auto fail = []() -> Result<std::unique_ptr<int>> { return Error(Errc::kIo, "no"); };
  EXPECT_FALSE(fail());
  Result<std::unique_ptr<int>> moved = std::make_unique<int>(3);
  std::unique_ptr<int> out = *std::move(moved);
  EXPECT_EQ(*out, 3);
  static_assert(std::is_convertible_v<Error, Result<bool>>);
  Result<bool> flag = Error(Errc::kIo, "no");
  EXPECT_FALSE(flag.has_value());
  Result<bool> no = false;
  EXPECT_TRUE(no.has_value());
}

TEST(Result, OfNothing) {
  Result<void> good;
  EXPECT_TRUE(good);
  Result<void> bad = Error(Errc::kIo, "no");
  EXPECT_FALSE(bad);
  EXPECT_EQ(bad.error().message(), "no");
}

#if defined(__cpp_exceptions)
TEST(Result, ThrowsWhereAsked) {
  Result<int> bad = Error(Errc::kIo, "no");
  EXPECT_THROW(bad.value(), Exception);
  EXPECT_THROW(unwrap(Result<int>(Error(Errc::kIo, "no"))), Exception);
  EXPECT_THROW(unwrap(Result<void>(Error(Errc::kIo, "no"))), Exception);
  EXPECT_NO_THROW(unwrap(Result<void>()));
  EXPECT_EQ(unwrap(Result<int>(3)), 3);
  try {
    bad.value();
  } catch (const Exception& e) {
    EXPECT_STREQ(e.what(), "no");
    EXPECT_EQ(e.error().code(), Errc::kIo);
  }
}
#endif

}  // namespace
}  // namespace infer
