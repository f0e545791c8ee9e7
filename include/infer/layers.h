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

#include <concepts>
#include <functional>
#include <memory>
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

}  // namespace v0
}  // namespace infer

#endif  // INFER_LAYERS_H_
