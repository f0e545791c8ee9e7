#include "src/http/fake_transport.h"

#include <gtest/gtest.h>

namespace infer::http {
namespace {

using Cut = FakeTransport::Cut;

struct Seen {
  std::vector<std::string> pieces{};
  int pending = 0;
  int head_only = 0;
  std::optional<Step> last{};
};

Seen read(Exchange& exchange, int pulls = 1000) {
  Seen seen;
  Poller poller;
  std::string_view bytes;
  for (; pulls > 0; --pulls) {
    const Step step = exchange.pull(poller, bytes);
    seen.last = step;
    if (step == Step::kEnd || step == Step::kError) return seen;
    if (step == Step::kPending) {
      ++seen.pending;
      continue;
    }
    EXPECT_EQ(exchange.head().status, 200);
    seen.head_only += bytes.empty();
    if (!bytes.empty()) seen.pieces.emplace_back(bytes);
  }
  return seen;
}

std::unique_ptr<Exchange> start(const FakeTransport& fake) {
  HttpRequest request;
  request.url = "http://localhost/";
  return fake.transport()->start(std::move(request));
}

TEST(FakeTransport, CutsAtEveryByteOfEveryPiece) {
  const std::string body = "0123456789";
  for (std::size_t size = 1; size <= body.size(); ++size)
    for (std::size_t n = 0; n <= body.size(); ++n)
      for (const Cut cut : {Cut::kEof, Cut::kReset}) {
        FakeTransport fake;
        fake.answer(200, "text/plain", body, std::vector<std::size_t>(body.size(), size))
            .cut_at(n, cut);
        const auto exchange = start(fake);
        const Seen seen = read(*exchange);
        std::string all;
        for (const std::string& piece : seen.pieces) all += piece;
        EXPECT_EQ(all, body.substr(0, n));
        EXPECT_EQ(seen.pieces.size(), (n + size - 1) / size);
        EXPECT_EQ(seen.last, cut == Cut::kEof ? Step::kEnd : Step::kError);
        EXPECT_EQ(seen.head_only, n == 0 ? 1 : 0) << "the head comes all the same";
        if (cut == Cut::kEof) continue;
        EXPECT_EQ(exchange->take_error().detail("phase"), "body");
      }
}

TEST(FakeTransport, PendsAndHangsWhereItIsTold) {
  FakeTransport fake;
  fake.answer(200, "text/plain", "ab", {1}).pending().head_alone();
  const Seen seen = read(*start(fake));
  EXPECT_EQ(seen.pieces, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(seen.head_only, 1);
  EXPECT_EQ(seen.pending, 4);  // before the head, each piece and the end
  fake.hangs();
  const Seen hanging = read(*start(fake), 100);
  EXPECT_EQ(hanging.pieces.size(), 2u);
  EXPECT_EQ(hanging.last, Step::kPending);
}

TEST(FakeTransport, CountsWhatBecomesOfItsExchanges) {
  FakeTransport fake;
  fake.answer(200, "text/plain", "ab", {1});
  Poller poller;
  std::string_view bytes;
  (void)start(fake);  // never pulled: no request
  EXPECT_EQ(fake.count(), 0u);
  EXPECT_EQ(start(fake)->pull(poller, bytes), Step::kEvent);
  EXPECT_EQ(fake.cancelled(), 1u);
  {
    const auto exchange = start(fake);
    EXPECT_EQ(exchange->pull(poller, bytes), Step::kEvent);
    exchange->proven();
    exchange->proven();
  }
  (void)read(*start(fake));
  EXPECT_EQ(fake.count(), 3u);
  EXPECT_EQ(fake.proven(), 1u);
  EXPECT_EQ(fake.cancelled(), 1u);
  EXPECT_EQ(fake.requests().at(2).url, "http://localhost/");
}

TEST(FakeTransport, WithoutAScriptThereIsAnError) {
  const FakeTransport fake;
  const auto exchange = start(fake);
  EXPECT_EQ(read(*exchange).last, Step::kError);
  EXPECT_EQ(exchange->take_error().code(), Errc::kNetwork);
}

}  // namespace
}  // namespace infer::http
