// An app of Modal's that sleeps, redirects, refuses and starts: right in each case, and no call is
// sent twice that may have begun.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>

#include "infer/registry.h"
#include "tests/faults/server.h"

namespace infer::faults {
namespace {

class ModalApps : public testing::Test {
 protected:
  ApiConfig config(const std::string& fault) const { return server_.config(fault, kModal); }
  static Result<Response> ask(const ApiConfig& config, Wire how) {
    const auto model = infer::text("modal:echo-1", config);
    if (!model) return model.error();
    Call call;
    call.wire = how;
    return model->generate("a fox and a bear", call);
  }
  static long count(const Stats& stats, const std::string& method) {
    return std::count_if(stats.requests.begin(), stats.requests.end(),
                         [&](const Stats::Request& request) { return request.method == method; });
  }
  FaultServer server_;
};

TEST_F(ModalApps, ALongCallIsFollowedAndNotSentAgain) {
  for (const char* fault : {"modal:0", "modal:2", "modal:2:0:0.2", "modal:30"})
    for (const Wire how : {Wire::kStream, Wire::kWhole}) {
      SCOPED_TRACE(fault);
      server_.reset();
      const auto answer = ask(config(fault), how);
      ASSERT_TRUE(answer) << answer.error();
      EXPECT_EQ(answer->text(), "a fox and a bear");
      const Stats stats = server_.stats();
      EXPECT_EQ(count(stats, "POST"), 1);
      const std::string hops = std::string(fault).substr(6);
      EXPECT_EQ(count(stats, "GET"), std::stoi(hops));
      for (const Stats::Request& request : stats.requests)
        EXPECT_EQ(request.headers.count("modal-secret"), 1u) << request.method;
    }
}

TEST_F(ModalApps, AColdAppIsWaitedFor) {
  server_.reset();
  ApiConfig patient = config("modal:2:2");
  const auto answer = ask(patient, Wire::kStream);
  ASSERT_TRUE(answer) << answer.error();
  EXPECT_EQ(answer->text(), "a fox and a bear");
  // Two were refused before anything ran, the third one ran.
  EXPECT_EQ(count(server_.stats(), "POST"), 3);
}

TEST_F(ModalApps, AnAppThatStaysColdIsGivenUp) {
  ApiConfig impatient = config("modal:0:1000000");
  impatient.cold_start = std::chrono::milliseconds(300);
  const auto answer = ask(impatient, Wire::kStream);
  ASSERT_FALSE(answer);
  EXPECT_TRUE(answer.error().code() == Errc::kTimeout || answer.error().code() == Errc::kOverloaded)
      << answer.error();
}

TEST_F(ModalApps, WithoutItsTokenItRefuses) {
  server_.reset();
  ApiConfig stranger = config("modal:2");
  stranger.modal_key = stranger.modal_secret = Secret();
  const auto answer = ask(stranger, Wire::kStream);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code(), Errc::kUnauthorized) << answer.error();
  EXPECT_EQ(server_.stats().count(), 1);
}

TEST_F(ModalApps, IsWarmedUp) {
  server_.reset();
  const auto warm = warmup("modal:echo-1", config("modal:0:2"));
  ASSERT_TRUE(warm) << warm.error();
  const Stats stats = server_.stats();
  EXPECT_EQ(count(stats, "POST"), 0);
  EXPECT_EQ(count(stats, "GET"), 3);
}

}  // namespace
}  // namespace infer::faults
