// A cassette from end to end: a model that is opened with one answers as it did when it was
// recorded, with no network.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "src/cloud/backend.h"
#include "src/cloud/openai/openai.h"
#include "src/core/scripted.h"
#include "src/http/cassette.h"
#include "src/http/fake_transport.h"
#include "src/port/temp_dir.h"

namespace infer::cloud {
namespace {

using http::FakeTransport;

const std::string kStream =
    "data: "
    "{\"id\":\"c1\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":"
    "\"Gr\xC3\xBC\xC3\x9F\"}}]}"
    "\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\n"
    "data: [DONE]\n\n";

class CassetteBackend : public testing::Test {
 protected:
  ApiConfig config(Cassette::Mode mode) const {
    return {.key = "sk-canary-0123456789",
            .base_url = "http://localhost:9/v1",
            .cassette = Cassette{dir_ / "chat.cassette", mode}};
  }
  // As ApiConfig::cassette does it, but with the fake where libcurl would be.
  TextModel recording(const FakeTransport& fake) const {
    const ApiConfig how = config(Cassette::Mode::kRecord);
    auto endpoint = openai_endpoint(how);
    EXPECT_TRUE(endpoint) << endpoint.error();
    endpoint->transport =
        http::cassette_transport(*how.cassette, fake.transport(), {how.key.reveal()});
    const Dialect& dialect = openai_dialect(*endpoint);
    auto wire = openai_wire(server_model("m", *endpoint, how, dialect));
    return TextModel(make_backend(std::move(wire), *endpoint, {.name = "m"}));
  }
  std::string text() const {
    std::ifstream in(dir_ / "chat.cassette", std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
  }

  port::TempDir dir_;
};

TEST_F(CassetteBackend, AnswersAsItDidWhenItWasRecorded) {
  FakeTransport fake;
  std::vector<std::size_t> sizes(kStream.size(), 1);
  fake.answer(200, "text/event-stream", kStream, sizes).header("x-request-id", "req_7");
  fake.answer(429, "application/json", R"({"error":{"message":"slow down"}})")
      .header("retry-after", "7");
  fake.answer(200, "text/event-stream", kStream).cut_at(130, FakeTransport::Cut::kReset);
  const TextModel recorded = recording(fake);
  Call call;
  call.wire = infer::Wire::kStream;
  const auto first = recorded.generate("Hi", call);
  ASSERT_TRUE(first) << first.error();
  ASSERT_FALSE(recorded.generate("Hi", call));
  ASSERT_FALSE(recorded.generate("Ho", call));
  EXPECT_EQ(text().find("canary"), std::string::npos);

  const auto model = infer::text("openai:m", config(Cassette::Mode::kReplay));
  ASSERT_TRUE(model) << model.error();
  const auto cut = model->generate("Ho", call);
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().code(), Errc::kNetwork);
  ASSERT_TRUE(cut.error().partial());
  EXPECT_EQ(cut.error().partial()->text(), "Gr\xC3\xBC\xC3\x9F");
  const auto again = model->generate("Hi", call);
  ASSERT_TRUE(again) << again.error();
  EXPECT_EQ(again->text(), first->text());
  EXPECT_EQ(again->request_id, "req_7");
  EXPECT_EQ(again->usage.output, 2);
  const auto limited = model->generate("Hi", call);
  ASSERT_FALSE(limited);
  EXPECT_EQ(limited.error().code(), Errc::kRateLimited);
  EXPECT_EQ(limited.error().retry_after(), std::chrono::seconds(7));
  EXPECT_EQ(fake.count(), 3u);
}

// The order of members and white space are no difference; a word is one.
TEST_F(CassetteBackend, BodiesAreComparedAsJson) {
  dir_.write("chat.cassette",
             "infer cassette 1\n"
             "request POST /v1/chat/completions\n"
             "body 71\n"
             "|{ \"model\": \"m\",\n"
             "+  \"messages\": [ { \"role\": \"user\", \"content\": \"Hi\" } ] }\n"
             "answer 200\n"
             "header content-type: application/json\n"
             "piece 68\n"
             "+{\"choices\":[{\"message\":{\"content\":\"Hello\"},\"finish_reason\":\"stop\"}]}\n"
             "end\n");
  const auto model = infer::text("openai:m", config(Cassette::Mode::kReplay));
  ASSERT_TRUE(model) << model.error();
  Call call;
  call.wire = infer::Wire::kWhole;
  const auto answer = model->generate("Hi", call);
  ASSERT_TRUE(answer) << answer.error();
  EXPECT_EQ(answer->text(), "Hello");
  const auto other = model->generate("Ho", call);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code(), Errc::kNotFound);
  EXPECT_NE(other.error().message().find("the nearest, in line 2, differs"), std::string::npos)
      << other.error();
}

TEST_F(CassetteBackend, ACassetteThatIsNotThereIsSaid) {
  const auto model = infer::text("openai:m", config(Cassette::Mode::kReplay));
  ASSERT_TRUE(model) << model.error();
  const auto answer = model->generate("Hi");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code(), Errc::kNotFound);
  EXPECT_NE(answer.error().message().find("chat.cassette"), std::string::npos) << answer.error();
}

}  // namespace
}  // namespace infer::cloud
