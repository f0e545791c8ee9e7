#include "infer/model.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

namespace infer {
inline namespace v0 {

namespace {
TextRequest request_of(std::string_view prompt) {
  TextRequest request;
  request.messages.push_back(user(std::string(prompt)));
  return request;
}
// A caller of these waits for the whole answer anyway.
Call whole(Call call) {
  if (call.wire == Wire::kAuto) call.wire = Wire::kWhole;
  return call;
}
}  // namespace

Reply TextModel::stream(TextRequest request, Call call) const {
  return Reply(backend_, Request(std::move(request)), std::move(call));
}
Reply TextModel::stream(std::string_view prompt, Call call) const {
  return stream(request_of(prompt), std::move(call));
}
Result<Response> TextModel::generate(TextRequest request, Call call) const {
  return stream(std::move(request), whole(std::move(call))).finish();
}
Result<Response> TextModel::generate(std::string_view prompt, Call call) const {
  return generate(request_of(prompt), std::move(call));
}

Result<std::int64_t> TextModel::count_tokens(TextRequest request, Call call) const {
  CountRequest count{.request = std::move(request)};
  auto response = Reply(backend_, Request(std::move(count)), whole(std::move(call))).finish();
  if (!response) return response.error();
  if (!response->usage.input)
    return Error(Errc::kProtocol, "the backend counted no tokens").with_provider(info().provider);
  return *response->usage.input;
}

std::vector<Result<Response>> TextModel::map(std::vector<TextRequest> requests,
                                             std::size_t parallel, Call call) const {
  const std::size_t n = requests.size();
  std::vector<std::optional<Result<Response>>> results(n);
  std::vector<Reply> running(n);
  Poller poller;
  call.poller = poller;
  std::size_t started = 0, done = 0;
  const auto start_one = [&] {
    running[started] = stream(std::move(requests[started]), whole(call));
    ++started;
  };
  while (started < std::min(n, std::max<std::size_t>(parallel, 1))) start_one();
  while (done < n) {
    poller.wait();  // also returns when a source wakes the poller as a whole
    while (Reply* reply = poller.ready()) {
      Step step = reply->try_next();
      while (step == Step::kEvent) step = reply->try_next();
      if (step == Step::kPending) continue;
      const auto i = static_cast<std::size_t>(reply - running.data());
      results[i] = reply->finish();
      running[i] = Reply();
      ++done;
      if (started < n) start_one();
    }
  }
  std::vector<Result<Response>> out;
  out.reserve(n);
  for (auto& result : results) out.push_back(std::move(*result));
  return out;
}

Result<Response> describe(const TextModel& model, Media media, std::string_view prompt, Call call) {
  TextRequest request;
  request.messages.push_back(user(std::string(prompt), {std::move(media)}));
  return model.generate(std::move(request), std::move(call));
}

Reply ImageModel::stream(ImageRequest request, Call call) const {
  return Reply(backend_, Request(std::move(request)), std::move(call));
}
Result<Response> ImageModel::generate(ImageRequest request, Call call) const {
  return stream(std::move(request), whole(std::move(call))).finish();
}

Result<Embeddings> EmbeddingModel::embed(EmbeddingRequest request, Call call) const {
  const std::size_t rows = request.inputs.size();
  auto response = Reply(backend_, Request(std::move(request)), whole(std::move(call))).finish();
  if (!response) return response.error();
  Embeddings out;
  out.values = std::move(response->vectors);
  out.dimensions = response->dimensions;
  out.usage = std::move(response->usage);
  out.warnings = std::move(response->warnings);
  if (out.rows() != rows || out.values.size() != rows * out.dimensions)
    return Error(Errc::kProtocol, "the backend gave " + std::to_string(out.rows()) +
                                      " vectors for " + std::to_string(rows) + " inputs")
        .with_provider(info().provider);
  return out;
}
Result<Embeddings> EmbeddingModel::embed(std::vector<std::string> inputs, Call call) const {
  return embed(EmbeddingRequest{.inputs = std::move(inputs)}, std::move(call));
}

Result<Ranking> RerankModel::rerank(RerankRequest request, Call call) const {
  const std::size_t rows = request.documents.size();
  const std::size_t most = std::min<std::size_t>(rows, request.top_n.value_or(UINT32_MAX));
  auto response = Reply(backend_, Request(std::move(request)), whole(std::move(call))).finish();
  if (!response) return response.error();
  const std::vector<float>& scores = response->vectors;
  if (response->dimensions != 1 || scores.size() != rows)
    return Error(Errc::kProtocol, "the backend gave " + std::to_string(scores.size()) +
                                      " scores for " + std::to_string(rows) + " documents")
        .with_provider(info().provider);
  Ranking out;
  for (std::size_t i = 0; i < rows; ++i) {
    if (std::isnan(scores[i]))
      return Error(Errc::kProtocol,
                   "the score of documents[" + std::to_string(i) + "] is no number")
          .with_provider(info().provider);
    out.items.push_back({i, scores[i]});
  }
  std::sort(out.items.begin(), out.items.end(), [](const Ranking::Item& a, const Ranking::Item& b) {
    return a.score != b.score ? a.score > b.score : a.index < b.index;
  });
  out.items.resize(most);
  out.usage = std::move(response->usage);
  out.warnings = std::move(response->warnings);
  return out;
}
Result<Ranking> RerankModel::rerank(std::string query, std::vector<std::string> documents,
                                    Call call) const {
  return rerank(RerankRequest{.query = std::move(query), .documents = std::move(documents)},
                std::move(call));
}

}  // namespace v0
}  // namespace infer
