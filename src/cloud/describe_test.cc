// From a picture to what is said of it, over real connections to a server in this process that
// speaks as each of the providers does.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "infer/cloud.h"
#include "infer/media.h"
#include "infer/registry.h"
#include "src/cloud/anthropic/anthropic.h"
#include "src/cloud/openai/openai.h"
#include "src/core/base64.h"
#include "src/core/json.h"
#include "src/http/fake_transport.h"
#include "src/http/testing/test_server.h"
#include "src/port/temp_dir.h"

namespace infer::cloud {
namespace {

using core::Json;
using http::test::TestConnection;
using http::test::TestRequest;
using http::test::TestServer;

const std::string kPng = std::string("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x02\0\0\0\x03", 24);
const std::string kPdf = "%PDF-1.7\n";
constexpr const char* kSaid = "A cat.";

std::string whole_answer(std::string_view target) {
  if (target.ends_with("/chat/completions"))
    return R"({"id":"c","model":"m","choices":[{"index":0,"finish_reason":"stop",)"
           R"("message":{"role":"assistant","content":"A cat."}}]})";
  if (target.ends_with("/responses"))
    return R"({"id":"r","object":"response","model":"m","status":"completed","output":[)"
           R"({"type":"message","id":"i","role":"assistant","status":"completed","content":[)"
           R"({"type":"output_text","text":"A cat.","annotations":[]}]}]})";
  if (target.ends_with("/messages"))
    return R"({"id":"a","type":"message","role":"assistant","model":"m","stop_reason":"end_turn",)"
           R"("content":[{"type":"text","text":"A cat."}],)"
           R"("usage":{"input_tokens":3,"output_tokens":2}})";
  return {};
}

// Keeps what is asked of it. Pictures would be fetched from it, if anybody did that.
class Describer {
 public:
  std::string base(const std::string& path) const { return server_.url(path, "127.0.0.1"); }
  std::vector<TestRequest> requests() {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  void serve(TestConnection& connection, const TestRequest& request) {
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(request);
    }
    const std::string body = whole_answer(request.target);
    if (body.empty())
      connection.answer("{}", "404 Not Found");
    else
      connection.answer(body, "200 OK", "Content-Type: application/json\r\n");
  }
  std::mutex mutex_{};
  std::vector<TestRequest> requests_{};
  TestServer server_{[this](TestConnection& c, const TestRequest& r) { serve(c, r); }};
};

// A provider, and how it is sent a picture and a document.
struct Way {
  const char* id;
  const char* path;
  TextApi api;
  std::string target;
  Json (*question)(const std::string& text);
  Json (*picture)(const std::string& url, const std::string& detail);
};

Json image_url(const std::string& url, const std::string& detail) {
  Json part{{"type", "image_url"}, {"image_url", {{"url", url}}}};
  if (!detail.empty()) part["image_url"]["detail"] = detail;
  return part;
}
Json input_image(const std::string& url, const std::string& detail) {
  return {
      {"type", "input_image"}, {"image_url", url}, {"detail", detail.empty() ? "auto" : detail}};
}
Json anthropic_image(const std::string& url, const std::string&) {
  if (url.rfind("data:", 0) != 0)
    return {{"type", "image"}, {"source", {{"type", "url"}, {"url", url}}}};
  return {
      {"type", "image"},
      {"source",
       {{"type", "base64"}, {"media_type", "image/png"}, {"data", url.substr(url.find(',') + 1)}}}};
}
Json text_part(const std::string& text) { return {{"type", "text"}, {"text", text}}; }
Json input_text(const std::string& text) { return {{"type", "input_text"}, {"text", text}}; }

const Way kWays[] = {
    {"openai:m", "/v1", TextApi::kChat, "/v1/chat/completions", text_part, image_url},
    {"openai:m", "/v1", TextApi::kResponses, "/v1/responses", input_text, input_image},
    {"anthropic:m", "", TextApi::kAuto, "/v1/messages", text_part, anthropic_image},
    {"groq:m", "/openai/v1", TextApi::kAuto, "/openai/v1/chat/completions", text_part, image_url},
    {"modal:m", "/v1", TextApi::kAuto, "/v1/chat/completions", text_part, image_url},
};

TextModel model_at(const Way& way, const Describer& server) {
  ApiConfig config;
  config.base_url = server.base(way.path);
  config.text_api = way.api;
  auto model = text(way.id, config);
  EXPECT_TRUE(model) << model.error();
  return *model;
}

Json content_of(const TestRequest& request) {
  const Json body = Json::parse(request.body);
  return (body.contains("messages") ? body["messages"] : body["input"])[0]["content"];
}

TEST(Describe, bytes_a_file_and_an_address_everywhere) {
  const port::TempDir dir;
  const auto file = media_from_file(dir.write("cat.bin", kPng));
  ASSERT_TRUE(file) << file.error();
  const std::string data = "data:image/png;base64," + core::to_base64(kPng);
  for (const Way& way : kWays) {
    Describer server;
    const TextModel model = model_at(way, server);
    const std::string address = server.base("/cat.png");
    auto from_web = media_from_url(address);
    ASSERT_TRUE(from_web);
    from_web->detail = "low";
    struct Case {
      Media media;
      std::string url;
      std::string detail;
    };
    const Case cases[] = {{*file, data, ""},
                          {*media_from_bytes(Blob(kPng)), data, ""},
                          {*media_from_url(data), data, ""},
                          {*from_web, address, "low"}};
    std::size_t sent = 0;
    for (const Case& c : cases) {
      const auto said = describe(model, c.media, "What is it?");
      ASSERT_TRUE(said) << way.id << ": " << said.error();
      EXPECT_EQ(said->text(), kSaid);
      const auto requests = server.requests();
      ASSERT_EQ(requests.size(), ++sent) << way.id << ": one request, and no picture is fetched";
      EXPECT_EQ(requests.back().method, "POST");
      EXPECT_EQ(requests.back().target, way.target);
      EXPECT_EQ(content_of(requests.back()),
                Json::array({way.question("What is it?"), way.picture(c.url, c.detail)}))
          << way.id;
    }
  }
}

TEST(Describe, a_document) {
  const Media document{.mime = "application/pdf", .source = Blob(kPdf), .name = "a.pdf"};
  const std::string base64 = core::to_base64(kPdf), data = "data:application/pdf;base64," + base64;
  const Json chat{{"type", "file"}, {"file", {{"filename", "a.pdf"}, {"file_data", data}}}};
  const Json expected[] = {
      chat,
      {{"type", "input_file"}, {"filename", "a.pdf"}, {"file_data", data}},
      {{"type", "document"},
       {"title", "a.pdf"},
       {"source", {{"type", "base64"}, {"media_type", "application/pdf"}, {"data", base64}}}},
      Json(),  // Groq takes none
      chat,
  };
  for (std::size_t i = 0; i < std::size(kWays); ++i) {
    Describer server;
    const auto said = describe(model_at(kWays[i], server), document, "Sum it up.");
    if (expected[i].is_null()) {
      ASSERT_FALSE(said) << kWays[i].id;
      EXPECT_EQ(said.error().code(), Errc::kUnsupported) << said.error();
      EXPECT_EQ(said.error().provider(), "groq");
      EXPECT_TRUE(server.requests().empty());
      continue;
    }
    ASSERT_TRUE(said) << kWays[i].id << ": " << said.error();
    EXPECT_EQ(content_of(server.requests().at(0))[1], expected[i]) << kWays[i].id;
  }
}

TEST(Describe, a_document_by_its_address) {
  const auto document = media_from_url("https://example.com/a?id=1", "application/pdf");
  ASSERT_TRUE(document);
  const Json expected[] = {
      Json(),
      {{"type", "input_file"}, {"file_url", "https://example.com/a?id=1"}},
      {{"type", "document"}, {"source", {{"type", "url"}, {"url", "https://example.com/a?id=1"}}}},
      Json(),
      Json(),
  };
  for (std::size_t i = 0; i < std::size(kWays); ++i) {
    Describer server;
    const auto said = describe(model_at(kWays[i], server), *document);
    ASSERT_EQ(said.has_value(), !expected[i].is_null()) << kWays[i].id;
    if (said) {
      EXPECT_EQ(content_of(server.requests().at(0))[1], expected[i]) << kWays[i].id;
    } else {
      EXPECT_EQ(said.error().code(), Errc::kUnsupported) << said.error();
      EXPECT_EQ(said.error().detail("field"), "messages[0].parts[1]");
      EXPECT_TRUE(server.requests().empty());
    }
  }
}

// ---- limits, at the providers' own addresses: a transport that sends nothing anywhere

TextModel own_model(const std::string& scheme, TextApi api, const http::FakeTransport& fake) {
  ApiConfig config;
  config.key = "sk-of-the-tests";
  config.text_api = api;
  config.base_url = scheme == "openai"      ? "https://api.openai.com/v1"
                    : scheme == "anthropic" ? "https://api.anthropic.com"
                                            : "https://api.groq.com/openai/v1";
  if (scheme == "anthropic") {
    auto endpoint = anthropic_endpoint(config);
    EXPECT_TRUE(endpoint) << endpoint.error();
    endpoint->transport = fake.transport();
    auto wire = anthropic_wire(anthropic_model("m", *endpoint, config));
    return TextModel(make_backend(std::move(wire), *endpoint, {.name = "m"}));
  }
  auto endpoint = openai_endpoint(config, scheme);
  EXPECT_TRUE(endpoint) << endpoint.error();
  endpoint->transport = fake.transport();
  auto wire = openai_wire(server_model("m", *endpoint, config, openai_dialect(*endpoint)));
  return TextModel(make_backend(std::move(wire), *endpoint, {.name = "m"}));
}

TEST(Describe, over_a_limit_nothing_is_sent) {
  std::string large = kPng;
  large.resize(std::size_t{21} << 20, 'x');
  const Media picture{.source = Blob(large)};
  const Media strange{.mime = "image/bmp", .source = Url{"https://example.com/a.bmp"}};
  const Media detailed{.source = Url{"https://example.com/a.png"}, .detail = "closely"};
  for (const auto& [scheme, api] :
       {std::pair("openai", TextApi::kChat), std::pair("openai", TextApi::kResponses),
        std::pair("anthropic", TextApi::kAuto), std::pair("groq", TextApi::kAuto)}) {
    http::FakeTransport fake;
    fake.answer(500, "text/plain", "it was sent");
    const TextModel model = own_model(scheme, api, fake);
    const auto said = describe(model, picture);
    ASSERT_FALSE(said);
    EXPECT_EQ(said.error().code(), Errc::kTooLarge) << scheme << ": " << said.error();
    EXPECT_EQ(said.error().provider(), scheme);
    EXPECT_EQ(said.error().detail("field"), "messages[0].parts[1]");
    for (const char* fact : {"limit", "need", "have"})
      EXPECT_FALSE(said.error().detail(fact).empty()) << scheme << ' ' << fact;
    if (scheme != std::string("groq")) {
      const auto refused = describe(model, strange);
      ASSERT_FALSE(refused);
      EXPECT_EQ(refused.error().code(), Errc::kUnsupported) << refused.error();
    }
    if (scheme == std::string("openai")) {
      const auto refused = describe(model, detailed);
      ASSERT_FALSE(refused);
      EXPECT_EQ(refused.error().code(), Errc::kInvalidRequest) << refused.error();
      EXPECT_EQ(refused.error().detail("field"), "messages[0].parts[1].detail");
    }
    EXPECT_EQ(fake.count(), 0u) << scheme;
  }
}

TEST(Describe, a_server_of_ones_own_has_the_last_word) {
  std::string large = kPng;
  large.resize(std::size_t{21} << 20, 'x');
  Describer server;
  const auto said = describe(model_at(kWays[0], server), {.source = Blob(large)});
  ASSERT_TRUE(said) << said.error();
  EXPECT_EQ(server.requests().size(), 1u);
}

}  // namespace
}  // namespace infer::cloud
