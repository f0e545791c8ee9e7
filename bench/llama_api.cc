#include "bench/llama_api.h"

#include <chrono>
#include <limits>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

#include "bench/llama_bare.h"

namespace infer::bench {
namespace {

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

[[noreturn]] void fail(const Error& error) { throw std::runtime_error(error.message()); }

}  // namespace

TextModel load(const std::string& path, std::int64_t context, std::int32_t parallel) {
  LocalConfig config;
  config.context = context;
  config.parallel = parallel;
  config.threads = 1;
  auto model = text("llama:" + path, config);
  if (!model) fail(model.error());
  return *model;
}

TextRequest greedy(std::string user, std::size_t tokens) {
  TextRequest request;
  request.messages.push_back(infer::user(std::move(user)));
  request.max_tokens = static_cast<std::int64_t>(tokens);
  request.temperature = 0;
  return request;
}

ApiRun run_one(const TextModel& model, const TextRequest& request) {
  ApiRun out;
  const double processor = processor_time();
  const auto start = Clock::now();
  Reply reply = model.stream(request);
  while (const Event* event = reply.next()) {
    if (out.first == 0 && event->is_content()) out.first = since(start);
  }
  out.seconds = since(start);
  out.processor = processor_time() - processor;
  if (reply.error()) fail(*reply.error());
  out.response = reply.response();
  return out;
}

Together run_together(const TextModel& model, const std::vector<TextRequest>& requests) {
  Together out;
  out.runs.resize(requests.size());
  const double processor = processor_time();
  const auto start = Clock::now();
  Poller poller;
  Call call;
  call.poller = poller;
  std::vector<Reply> replies;
  for (const TextRequest& request : requests) replies.push_back(model.stream(request, call));
  const auto opened = Clock::now() - start;
  while (poller.wait()) {
    while (Reply* reply = poller.ready()) {
      ApiRun& run = out.runs[static_cast<std::size_t>(reply - replies.data())];
      while (reply->try_next() == Step::kEvent) {
        if (run.first == 0 && reply->event().is_content()) run.first = since(start);
      }
      run.seconds = since(start);
    }
  }
  out.seconds = since(start);
  out.processor = processor_time() - processor;
  for (std::size_t i = 0; i < replies.size(); ++i) {
    if (replies[i].error()) fail(*replies[i].error());
    out.runs[i].response = replies[i].response();
  }
  const auto first = out.runs[0].response.usage.timing.first;
  out.joined = first && opened < *first;
  return out;
}

double raw_figure(const Response& response, const char* name) {
  const auto raw = nlohmann::json::parse(response.usage.raw, nullptr, /*allow_exceptions=*/false);
  if (raw.is_object() && raw.contains(name) && raw[name].is_number()) return raw[name];
  return std::numeric_limits<double>::quiet_NaN();
}

}  // namespace infer::bench
