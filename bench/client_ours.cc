#include "bench/client_ours.h"

#include <utility>

namespace infer::bench {
namespace {

void count(const Event& event, Found& found) {
  if (event.kind != Event::Kind::kDelta) return;
  ++found.pieces;
  found.bytes += event.data.size();
}

// Everything that the reply has now.
Step pull(Reply& reply, Found& found) {
  Step step = Step::kPending;
  while ((step = reply.try_next()) == Step::kEvent) count(reply.event(), found);
  if (step == Step::kError) fail(reply.error()->message());
  return step;
}

Call call_of(const Load& load) {
  Call call;
  call.wire = load.stream ? Wire::kStream : Wire::kWhole;
  return call;
}

}  // namespace

TextModel open_model(const Load& load, ApiConfig config) {
  config.key = "none";
  config.proxy = "none";
  config.ca_file = load.ca_file;
  if (config.base_url.empty()) config.base_url = load.origin() + "/v1";
  const std::string scheme = load.dialect == Dialect::kAnthropic ? "anthropic:" : "openai:";
  auto model = text(scheme + kModel, std::move(config));
  if (!model) fail(model.error().message());
  return *model;
}

TextRequest request_of(const Load& load) {
  TextRequest request;
  request.messages.push_back(user(kQuestion));
  if (load.dialect == Dialect::kAnthropic) request.max_tokens = 4096;
  return request;
}

Found OurClient::run(const Load& load) {
  const TextModel model = open_model(load);
  Call call = call_of(load);
  call.poller = poller_;
  std::vector<Reply> replies(load.together);
  std::size_t started = 0;
  std::size_t ended = 0;
  Found found;
  const double before = cpu_seconds();
  const auto ask = [&](Reply& reply) {
    if (started == load.requests) return;
    ++started;
    reply = model.stream(request_of(load), call);
  };
  for (Reply& reply : replies) ask(reply);
  while (ended < load.requests && poller_.wait()) {
    while (Reply* reply = poller_.ready()) {
      if (pull(*reply, found) != Step::kEnd) continue;
      ++ended;
      ask(*reply);
    }
  }
  found.cpu_seconds = cpu_seconds() - before;
  return found;
}

void OurClient::hold(const Load& load) {
  const TextModel model = open_model(load);
  Call call = call_of(load);
  call.poller = poller_;
  held_.reserve(held_.size() + load.together);
  for (std::size_t i = 0; i < load.together; ++i)
    held_.push_back(model.stream(request_of(load), call));
  Found found;
  while (found.pieces < load.together && poller_.wait()) {
    while (Reply* reply = poller_.ready())
      if (pull(*reply, found) == Step::kEnd) fail("an idle reply ended");
  }
}

Found run_generate(const Load& load) {
  const TextModel model = open_model(load);
  const Call call = call_of(load);
  Found found;
  const double before = cpu_seconds();
  for (std::size_t i = 0; i < load.requests; ++i) {
    const auto response = model.generate(request_of(load), call);
    if (!response) fail(response.error().message());
    ++found.pieces;
    found.bytes += response->text().size();
  }
  found.cpu_seconds = cpu_seconds() - before;
  return found;
}

}  // namespace infer::bench
