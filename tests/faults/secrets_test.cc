// A key goes to its server and nowhere else: a canary is looked for in everything that comes out.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <mutex>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "infer/layers.h"
#include "infer/registry.h"
#include "src/port/temp_dir.h"
#include "tests/faults/server.h"

namespace infer::faults {
namespace {

constexpr std::string_view kKey = "sk-canary-3Zq8vT1";
constexpr std::string_view kHeader = "canary-header-7Yw2";
constexpr std::string_view kModalKey = "wk-canary-5Bm4";
constexpr std::string_view kModalSecret = "ws-canary-9Kd6";
constexpr std::string_view kBird = "canary";

// All that was said to set_log.
class Log {
 public:
  Log() { set_log(&Log::take, this); }
  ~Log() { set_log(nullptr, nullptr); }
  std::string text() {
    std::lock_guard lock(mutex_);
    return text_;
  }

 private:
  static void take(void* context, int, std::string_view line) {
    auto* self = static_cast<Log*>(context);
    std::lock_guard lock(self->mutex_);
    self->text_.append(line).push_back('\n');
  }
  std::mutex mutex_;
  std::string text_;
};

std::string all_of(const Error& error) {
  std::ostringstream out;
  out << error << '\n'
      << error.message() << '\n'
      << error.provider_code() << '\n'
      << error.request_id() << '\n'
      << error.body() << '\n';
  for (const auto& [name, value] : error.details()) out << name << '=' << value << '\n';
  if (const Response* partial = error.partial())
    out << partial->text() << partial->metadata << partial->id << partial->request_id;
  return out.str();
}

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

ApiConfig canary(const FaultServer& server, std::string_view fault, const Spoken& wire) {
  ApiConfig config = server.config(fault, wire);
  config.key = std::string(kKey);
  config.headers.emplace_back("x-also-secret", std::string(kHeader));
  config.timeouts.idle = config.timeouts.first = std::chrono::milliseconds(300);
  if (wire.scheme == kModal.scheme) {
    config.modal_key = std::string(kModalKey);
    config.modal_secret = std::string(kModalSecret);
    config.cold_start = std::chrono::milliseconds(300);
  }
  return config;
}

class Secrets : public testing::TestWithParam<Spoken> {
 protected:
  bool modal() const { return GetParam().scheme == kModal.scheme; }
  ApiConfig at(std::string_view fault) const { return canary(server_, fault, GetParam()); }
  Result<Response> ask(const ApiConfig& config, Wire wire) {
    auto model = infer::text(GetParam().id("fault-1"), config);
    if (!model) return std::move(model.error());
    Call call;
    call.wire = wire;
    return (*model | Tap{.on_error = [this](const Error& error) { seen_ += all_of(error); }})
        .generate("Hi", call);
  }
  FaultServer server_;
  std::string seen_;  // by a layer
};

TEST_P(Secrets, AreInNoErrorAndNoLog) {
  Log log;
  std::string out;
  for (const char* fault :
       {"echo-key", "echo-key:400", "echo-key:307", "echo-key:500", "echo-key:200",
        "echo-key-event", "redirect:other", "redirect-loop", "status:401", "status:500", "html",
        "broken-json", "eof-after-text", "close-at-once", "silent", "big-header"})
    for (const Wire wire : {Wire::kStream, Wire::kWhole}) {
      const auto answer = ask(at(fault), wire);
      if (!answer) out += all_of(answer.error());
    }
  EXPECT_GT(out.size(), 1000u);
  EXPECT_EQ(out.find(kBird), std::string::npos) << out;
  EXPECT_EQ(seen_.find(kBird), std::string::npos) << seen_;
  EXPECT_EQ(log.text().find(kBird), std::string::npos) << log.text();
}

// They do arrive; and they travel in headers, never in an address (F22).
TEST_P(Secrets, TravelInHeadersOnly) {
  server_.reset();
  ASSERT_TRUE(ask(at("well"), Wire::kStream));
  const Stats stats = server_.stats();
  ASSERT_EQ(stats.count(), 1);
  const Stats::Request& request = stats.requests[0];
  EXPECT_EQ(request.target.find(kBird), std::string::npos);
  int with = 0;
  for (const auto& [name, value] : request.headers) {
    if (value.find(kBird) == std::string::npos) continue;
    ++with;
    EXPECT_TRUE(name == "authorization" || name == "x-api-key" || name == "x-also-secret" ||
                (modal() && (name == "modal-key" || name == "modal-secret")))
        << name;
  }
  EXPECT_EQ(with, modal() ? 4 : 2);
}

TEST_P(Secrets, AreInNoConfigurationError) {
  ApiConfig config = at("well");
  config.key = std::string(kKey) + "\r\nx-smuggled: 1";
  const auto key = ask(config, Wire::kStream);
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().code(), Errc::kInvalidRequest) << key.error();
  EXPECT_EQ(all_of(key.error()).find(kBird), std::string::npos) << key.error();
  config = at("well");
  config.headers.emplace_back("x-bad", std::string(kHeader) + "\n");
  const auto header = ask(config, Wire::kStream);
  ASSERT_FALSE(header);
  EXPECT_EQ(all_of(header.error()).find(kBird), std::string::npos) << header.error();
  if (modal()) {
    config = at("well");
    config.modal_secret = std::string(kModalSecret) + "\r\nx-smuggled: 1";
    const auto secret = ask(config, Wire::kStream);
    ASSERT_FALSE(secret);
    EXPECT_EQ(secret.error().code(), Errc::kInvalidRequest) << secret.error();
    EXPECT_EQ(all_of(secret.error()).find(kBird), std::string::npos) << secret.error();
  }
  // An address that holds a key is refused, and not repeated.
  config = at("well");
  config.base_url = "http://me:" + std::string(kKey) + "@127.0.0.1:9/v1";
  const auto address = ask(config, Wire::kStream);
  ASSERT_FALSE(address);
  EXPECT_EQ(all_of(address.error()).find(kBird), std::string::npos) << address.error();
  std::ostringstream printed;
  printed << at("well").key;
  EXPECT_EQ(printed.str().find(kBird), std::string::npos);
}

// Neither in traffic that is kept for tests, nor in recorded events.
TEST_P(Secrets, AreInNoFile) {
  const port::TempDir directory;
  for (const char* fault : {"well", "echo-key", "echo-key-event", "echo-key:307", "redirect:path"})
    for (const Wire wire : {Wire::kStream, Wire::kWhole}) {
      ApiConfig config = at(fault);
      config.cassette = Cassette{directory / "cassette", Cassette::Mode::kRecord};
      auto model = infer::text(GetParam().id("fault-1"), config);
      ASSERT_TRUE(model) << model.error();
      Call call;
      call.wire = wire;
      const auto answer = (*model | Record{directory / "recording"}).generate("Hi", call);
      EXPECT_EQ(static_cast<bool>(answer),
                std::string(fault) == "well" || std::string(fault) == "redirect:path");
    }
  for (const char* file : {"cassette", "recording"}) {
    const std::string bytes = bytes_of(directory / file);
    EXPECT_GT(bytes.size(), 500u) << file;
    EXPECT_EQ(bytes.find(kBird), std::string::npos) << file << ":\n" << bytes;
  }
}

INSTANTIATE_TEST_SUITE_P(Wires, Secrets,
                         testing::Values(kOpenAiChat, kOpenAiResponses, kGroq, kModal, kAnthropic),
                         [](const auto& wire) { return wire.param.name; });

}  // namespace
}  // namespace infer::faults
