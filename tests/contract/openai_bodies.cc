// Writes requests of every kind as they would go to OpenAI (bodies.h).
#include <cstdio>
#include <utility>

#include "src/cloud/backend.h"
#include "src/cloud/openai/openai.h"
#include "src/core/base64.h"
#include "src/http/fake_transport.h"
#include "tests/contract/bodies.h"

namespace infer::contract {
namespace {

int failed = 0;

// OpenAI's own address, with a transport that keeps what it is given.
std::shared_ptr<const Backend> backend_over(const http::FakeTransport& fake, TextApi api) {
  ApiConfig config;
  config.key = "sk-of-the-tests";
  config.base_url = "https://api.openai.com/v1";
  config.text_api = api;
  auto endpoint = cloud::openai_endpoint(config);
  if (!endpoint) std::abort();
  endpoint->transport = fake.transport();
  auto wire = cloud::openai_wire(
      cloud::server_model("gpt-5", *endpoint, config, cloud::openai_dialect(*endpoint)));
  return cloud::make_backend(std::move(wire), std::move(*endpoint), {.name = "gpt-5"});
}

void put(const std::string& name, Request request, TextApi api, infer::Wire how) {
  http::FakeTransport fake;
  fake.answer(400, "application/json", R"({"error":{"message":"seen"}})");
  Call call;
  call.wire = how;
  const auto backend = backend_over(fake, api);
  const auto source = backend->open(std::make_shared<const Request>(std::move(request)), call);
  Poller poller;
  Step step = source->pull(poller);
  for (; step == Step::kEvent || step == Step::kPending; step = source->pull(poller))
    if (step == Step::kPending) poller.wait(Clock::now() + std::chrono::seconds(1));
  if (fake.count() == 0) {
    std::fprintf(stderr, "%s: %s\n", name.c_str(), source->take_error().message().c_str());
    ++failed;
  }
  for (const http::HttpRequest& sent : fake.requests()) {
    std::string type;
    for (const http::Header& header : sent.headers)
      if (header.name == "Content-Type") type = header.value;
    std::printf("%s\t%s\t%s\t%s\n", name.c_str(), sent.url.c_str(), type.c_str(),
                core::to_base64(sent.body).c_str());
  }
}

}  // namespace

void put_chat(const std::string& name, const TextRequest& request, infer::Wire how) {
  put("chat/" + name, request, TextApi::kChat, how);
}
void put_responses(const std::string& name, const TextRequest& request, infer::Wire how) {
  put("responses/" + name, request, TextApi::kResponses, how);
}
void put_picture(const std::string& name, const ImageRequest& request, infer::Wire how) {
  put("picture/" + name, request, TextApi::kChat, how);
}
void put_embeddings(const std::string& name, const EmbeddingRequest& request) {
  put("embeddings/" + name, request, TextApi::kChat, Wire::kAuto);
}

Response read_responses(const std::string& body) {
  http::FakeTransport fake;
  fake.answer(200, "application/json", body);
  Call call;
  call.wire = Wire::kWhole;
  auto answer = TextModel(backend_over(fake, TextApi::kResponses)).generate("hi", call);
  if (answer) return std::move(*answer);
  std::fprintf(stderr, "an answer over Responses: %s\n", answer.error().message().c_str());
  ++failed;
  return {};
}

int failures() { return failed; }

}  // namespace infer::contract

int main() {
  infer::contract::chat_bodies();
  infer::contract::responses_bodies();
  infer::contract::picture_bodies();
  infer::contract::embedding_bodies();
  return infer::contract::failures() == 0 ? 0 : 1;
}
