// For tests: an app on Modal, as far as a client sees one, on a loopback port. While it is cold it
// refuses; a request that takes long is answered with a 303 to where its result will be. It counts
// what it sees, and what it runs.
#ifndef INFER_SRC_CLOUD_MODAL_MODAL_APP_FOR_TESTS_H_
#define INFER_SRC_CLOUD_MODAL_MODAL_APP_FOR_TESTS_H_

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "infer/infer.h"
#include "src/http/testing/test_server.h"

namespace infer::cloud::test {

class ModalApp {
 public:
  using Connection = http::test::TestConnection;
  using Heard = http::test::TestRequest;

  struct Behaviour {
    int cold = 0;  // so many requests come before it runs
    // What it says to them; none: the connection is reset.
    std::string refusal = "503 Service Unavailable";
    std::string refusal_headers{};
    std::string refusal_body = "starting";
    int hops = 0;  // 303s before a result
    bool proxy_token = false;
    bool bearer = false;
    bool drops_a_look = false;  // the first GET for a result is reset
    std::chrono::milliseconds sleeps{0};
    std::string location{};  // of the 303s, instead of its own
    // Instead of an answer in OpenAI's chat; the POST that ran, and what is to be answered.
    std::function<void(Connection&, const Heard&)> answer{};
  };

  ModalApp() : ModalApp(Behaviour{}) {}
  explicit ModalApp(Behaviour behaviour)
      : is_(std::move(behaviour)),
        cold_left_(is_.cold),
        server_([this](Connection& c, const Heard& r) { hear(c, r); }) {}

  std::string url(const std::string& path = {}) const { return server_.url(path); }
  ApiConfig config() const {
    ApiConfig config;
    config.base_url = url();
    if (is_.bearer) config.key = "vllm-bearer-canary";
    if (is_.proxy_token) {
      config.modal_key = "wk-canary-0123456789";
      config.modal_secret = "ws-canary-0123456789";
    }
    return config;
  }

  std::atomic<int> ran{0};      // POSTs that were taken
  std::atomic<int> refused{0};  // requests while it was cold
  std::atomic<int> looks{0};    // GETs for a result
  std::atomic<int> posts{0};    // of any kind
  std::vector<Heard> heard() const {
    std::lock_guard lock(mutex_);
    return heard_;
  }
  void wait_requests(int n) { server_.wait_requests(n); }

 private:
  static constexpr const char* kJson = "Content-Type: application/json\r\n";

  void hear(Connection& c, const Heard& r) {
    {
      std::lock_guard lock(mutex_);
      heard_.push_back(r);
      if (r.method == "POST") last_ = r;
    }
    if (r.method == "POST") ++posts;
    if (is_.proxy_token && (r.header("modal-key") != "wk-canary-0123456789" ||
                            r.header("modal-secret") != "ws-canary-0123456789"))
      return void(c.answer("modal-http: missing credentials for proxy authorization",
                           "401 Unauthorized", "Content-Type: text/plain\r\n"));
    if (cold_left_ > 0) {
      --cold_left_;
      ++refused;
      if (is_.refusal.empty()) return c.reset();
      return void(c.answer(is_.refusal_body, is_.refusal, is_.refusal_headers));
    }
    if (is_.bearer && r.header("authorization") != "Bearer vllm-bearer-canary")
      return void(c.answer(R"({"error":"Unauthorized"})", "401 Unauthorized", kJson));
    if (r.method == "POST") {
      ++ran;
      hops_left_ = is_.hops;
      return result(c, r);
    }
    if (r.target.find("__modal_function_call_id=fc-1") == std::string::npos) {
      std::this_thread::sleep_for(is_.sleeps);
      return void(c.answer(R"({"object":"list","data":[{"id":"tiny","object":"model"}]})", "200 OK",
                           kJson));
    }
    if (is_.drops_a_look && looks++ == 0) return c.reset();
    if (!is_.drops_a_look) ++looks;
    result(c, r);
  }

  void result(Connection& c, const Heard& r) {
    std::this_thread::sleep_for(is_.sleeps);
    if (hops_left_-- > 0) {
      const std::string path = r.target.substr(0, r.target.find('?'));
      const std::string to =
          is_.location.empty() ? path + "?__modal_function_call_id=fc-1" : is_.location;
      return void(c.answer("", "303 See Other", "Location: " + to + "\r\n"));
    }
    Heard post;
    {
      std::lock_guard lock(mutex_);
      post = last_;
    }
    if (is_.answer) return is_.answer(c, post);
    if (post.body.find("\"stream\":true") == std::string::npos)
      return void(c.answer(R"({"id":"c-1","model":"tiny","choices":[{"index":0,"message":)"
                           R"({"role":"assistant","content":"Hello there"},)"
                           R"("finish_reason":"stop"}]})",
                           "200 OK", kJson));
    c.begin_chunks("Content-Type: text/event-stream\r\n");
    for (const char* piece : {"Hello", " there"})
      c.chunk(std::string(R"(data: {"id":"c-1","model":"tiny","choices":[{"index":0,"delta":)") +
              R"({"content":")" + piece + "\"}}]}\n\n");
    c.chunk(
        "data: {\"id\":\"c-1\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":"
        "\"stop\"}]}\n\ndata: [DONE]\n\n");
    c.end_chunks();
  }

  Behaviour is_;
  mutable std::mutex mutex_;
  std::vector<Heard> heard_{};
  Heard last_{};  // POST
  std::atomic<int> cold_left_;
  std::atomic<int> hops_left_{0};
  http::test::TestServer server_;  // last: its threads use all above
};

}  // namespace infer::cloud::test

#endif  // INFER_SRC_CLOUD_MODAL_MODAL_APP_FOR_TESTS_H_
