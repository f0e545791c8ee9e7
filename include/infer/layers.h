// infer/layers.h - wrapping a model, giving a model.
//
//   auto model = infer::text("llama:tiny-chat") | infer::Tap{[](const infer::Event& e) { ... }};
//
// A layer is a value with shared_ptr<const Backend> operator()(shared_ptr<const Backend>) const.
// Because every kind of model is a handle over a Backend, a layer is written once for all kinds,
// and `|` puts it around a TextModel, an ImageModel, an EmbeddingModel, a RerankModel, or a Result
// of one (whose error passes through). Layers read from the inside out: the last one is the
// outermost.
//
// Thread rule: layers are values; the models they give are safe for concurrent use, so a function
// given to a layer may be called from several threads at once.
#ifndef INFER_LAYERS_H_
#define INFER_LAYERS_H_

#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "infer/model.h"

namespace infer {
inline namespace v0 {

template <class L>
concept Layer = requires(const L& layer, std::shared_ptr<const Backend> inner) {
  { layer(std::move(inner)) } -> std::convertible_to<std::shared_ptr<const Backend>>;
};
template <class M>
concept ModelHandle = std::same_as<M, TextModel> || std::same_as<M, ImageModel> ||
                      std::same_as<M, EmbeddingModel> || std::same_as<M, RerankModel>;

template <ModelHandle M, Layer L>
M operator|(const M& model, const L& layer) {
  return M(layer(model.backend()));
}
template <ModelHandle M, Layer L>
Result<M> operator|(Result<M> model, const L& layer) {
  if (!model) return model;
  return M(layer(model->backend()));
}

// Looks at what passes and changes nothing: for logs, meters, tests. The functions run on the
// thread that pulls, between the backend and the reader; views live as long as the call.
struct Tap {
  std::function<void(const Event&)> on_event{};
  std::function<void(const Request&)> on_request{};
  std::function<void(const Error&)> on_error{};
  INFER_API std::shared_ptr<const Backend> operator()(std::shared_ptr<const Backend> inner) const;
};

// Fills what a text request leaves unset: sampling, limits, stop sequences, a system message where
// the conversation has none. What the request sets wins.
struct Defaults {
  TextRequest request{};  // its messages, if any, go before a conversation without a system message
  INFER_API std::shared_ptr<const Backend> operator()(std::shared_ptr<const Backend> inner) const;
};

// Sends a request again where the failure says that this may help (Error::retry()): what did not
// reach the server, 408, 409, 429, 500, 502, 503, 504, 529, and what the server's x-should-retry
// allows. Never: a certificate, an exhausted quota, an answer of which content has already been
// delivered. The Response says how often it was sent (Response::attempts), an Error too (detail
// "attempts").
//
//   auto model = infer::text("openai:gpt-5") | infer::Retry{};
//
// The wait before the n-th retry is what the server asked for, if it did (retry_after), else
// `backoff` doubled n-1 times, at most `max_backoff`, of which up to a quarter is taken off by
// chance. All waits and attempts together stay within the Call's deadline; its other times apply to
// each attempt. Source of the figures: the official SDKs.
//
// Where no retry is left the reply ends at once with the last error itself, whose detail
// "retry_stopped" says why: "attempts", max_retries are used up; "deadline", the wait would not
// fit; "max_wait", the server asks for more than that, see retry_after(); "budget" and "ambiguous",
// see below.
//
// Retries stop adding to an outage: all Retry layers of a process that talk to one server
// (ModelInfo::endpoint) share a bucket of 500, from which a retry takes 5 (after a timeout 10) and
// into which an answer puts 1, or what its retries took. An empty bucket means no retry. A backend
// without an endpoint has a bucket a layer.
//
// Requests whose loss is ambiguous (sent, but no answer came) may have run, and may be billed
// twice: text, embeddings, rankings and counts are sent again, pictures are not.
//
// One Retry is enough: inside of another (Call::retried_by), an inner one does nothing but warn
// ("stacked_retry"). Events before the first content are held back until an attempt is chosen: by
// its first content, its end, or because it is the last; or because they are more than a thousand
// events, or than 1 MiB.
struct Retry {
  std::uint32_t max_retries = 2;  // besides the first attempt; 0: none
  std::chrono::milliseconds backoff{500};
  std::chrono::milliseconds max_backoff{8000};
  std::chrono::milliseconds max_wait{60000};
  // Told before each wait, on the thread that pulls: the error, which attempt failed (1, 2, ...),
  // how long the wait is.
  std::function<void(const Error&, std::uint32_t attempt, std::chrono::milliseconds wait)>
      on_retry{};
  INFER_API std::shared_ptr<const Backend> operator()(std::shared_ptr<const Backend> inner) const;
};

// Writes every request and the events of its reply to a file, as they pass, for Replay: tests that
// need no model. One JSON object a line (docs/formats/recording.md); appended, and written out at
// each reply's end, its error included. Replies that their reader gives up or stops are not
// recorded. A file that cannot be written makes the reply fail with kIo, before the model is asked
// if that is known by then: a recording with holes is none. Any number of layers, threads and
// processes may write one file.
struct Record {
  std::string path{};
  INFER_API std::shared_ptr<const Backend> operator()(std::shared_ptr<const Backend> inner) const;
};
// Answers from such a file, and never asks the model that it wraps, whose ModelInfo it shows: equal
// requests get the recorded replies in their order, the last one again and again. A request that is
// not in the file is kNotFound; the message, and detail "field", say in which field the nearest
// recorded one differs. The file is read once, when the layer is put on; if it cannot be (kIo), or
// is no recording (kProtocol, detail "line"), every request fails with that.
struct Replay {
  std::string path{};
  INFER_API std::shared_ptr<const Backend> operator()(std::shared_ptr<const Backend> inner) const;
};

}  // namespace v0
}  // namespace infer

#endif  // INFER_LAYERS_H_
