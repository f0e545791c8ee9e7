// infer/model.h - what a program calls: models, and the replies they give.
//
//   auto model = infer::text("llama:tiny-chat");            // registry.h
//   if (!model) { std::cerr << model.error() << '\n'; return 1; }
//
//   auto reply = model->stream("Why is the sky blue?");     // piece by piece
//   for (std::string_view chunk : reply.text()) std::cout << chunk << std::flush;
//   auto done = reply.finish();                             // the whole answer, or the error
//
//   auto whole = model->generate("And at night?");          // all at once
//   if (whole) std::cout << whole->text() << '\n';
//
// Thread rule: models are immutable handles, cheap to copy and safe for concurrent use. A Reply
// belongs to one thread at a time.
// Lifetime: a Reply keeps its model: infer::text(id)->stream(prompt) is safe.
#ifndef INFER_MODEL_H_
#define INFER_MODEL_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "infer/backend.h"
#include "infer/call.h"
#include "infer/error.h"
#include "infer/event.h"
#include "infer/message.h"
#include "infer/request.h"
#include "infer/result.h"

namespace infer {
inline namespace v0 {

// A token of the answer with its alternatives, likeliest first.
struct ChosenToken {
  struct Candidate {
    std::int32_t token = -1;
    float logprob = 0;
    std::string bytes{};
  };
  Candidate chosen{};
  std::vector<Candidate> top{};
};

// One of the n answers.
struct Choice {
  Message message{.role = Role::kAssistant};
  Finish finish = Finish::kUnknown;
  std::string finish_raw{};     // the provider's own word
  std::string stop_sequence{};  // kStopSequence: which
  std::vector<ChosenToken> logprobs{};
};

// A reply as a whole: what has come so far, or all of it.
struct Response {
  std::vector<Choice> choices{};
  std::string id{};        // the provider's
  std::string provider{};  // the scheme
  std::string model{};     // that answered
  std::string request_id{};
  std::string metadata{};                // JSON: fingerprints and the like; empty if none
  std::string issuer{};                  // of its parts: Part::issuer
  std::vector<RateLimit> rate_limits{};  // what the provider said of them; empty: nothing
  Usage usage{};
  std::vector<Warning> warnings{};
  std::vector<float> vectors{};  // embeddings, row by row
  std::uint32_t dimensions = 0;  // length of a row
  std::uint32_t attempts = 1;    // how often it was sent
  bool cached = false;           // from a cache of this library

  // Of the first choice; empty if there is none.
  INFER_API const Message& message() const noexcept;
  INFER_API std::string text() const;
  INFER_API Finish finish() const noexcept;
  INFER_API std::vector<ToolCall> tool_calls() const;
};

// Vectors, one row an input.
struct Embeddings {
  std::vector<float> values{};   // rows * dimensions
  std::uint32_t dimensions = 0;  // length of a row
  Usage usage{};
  std::vector<Warning> warnings{};
  std::size_t rows() const noexcept { return dimensions == 0 ? 0 : values.size() / dimensions; }
  std::span<const float> operator[](std::size_t row) const noexcept {
    return std::span<const float>(values).subspan(row * dimensions, dimensions);
  }
};

// Documents by how well they answer the query.
struct Ranking {
  struct Item {
    std::size_t index = 0;  // of the document in the request
    float score = 0;        // the model's own scale; comparable within one ranking only
  };
  // Best first; of equal scores the earlier document first. At most top_n.
  std::vector<Item> items{};
  Usage usage{};
  std::vector<Warning> warnings{};
};

// A running answer. Movable; destroying it abandons the work (closes the connection, frees the
// sequence). A moved-from Reply is empty: next() gives null and error() says kInvalidRequest.
class [[nodiscard]] INFER_API Reply {
 public:
  class TextRange;

  Reply() noexcept;
  Reply(Reply&&) noexcept;
  Reply& operator=(Reply&&) noexcept;
  ~Reply();

  // The next event; waits for it. Null at the end and on error. For replies that have no poller of
  // the caller's; in one that has, it waits in that poller.
  const Event* next();
  // One pull, which never waits. kEvent: event() holds it until the next call.
  Step try_next();
  const Event& event() const noexcept;

  // The text of the first choice, delta by delta, as string_views that live until the next one:
  //   for (std::string_view chunk : reply.text()) ...
  // Other events are passed over (response() has them). Stops at the end or on error.
  TextRange text() &;
  TextRange text() && = delete;  // the Reply would die before its text is read

  // Once: calls `fn` when the reply may have an event, inside the Poller::wait() of the thread that
  // waits there. kUnsupported without Call::poller. `fn` must not throw.
  Result<void> on_ready(std::function<void()> fn);

  // What has come so far, at any time before finish(), which takes it.
  const Response& response() const noexcept;
  // Null unless it failed.
  const Error* error() const noexcept;
  // Reads to the end: the whole Response, or the error with what came as error.partial(). Once: a
  // second call is kInvalidRequest, never an empty success.
  Result<Response> finish();

 private:
  friend class TextModel;
  friend class ImageModel;
  friend class EmbeddingModel;
  friend class RerankModel;
  friend struct detail::PollerState;
  struct Impl;
  Reply(std::shared_ptr<const Backend> backend, Request request, Call call);
  std::unique_ptr<Impl> impl_;
};

// An input range over a Reply's text.
class Reply::TextRange {
 public:
  class Iterator {
   public:
    using value_type = std::string_view;
    using difference_type = std::ptrdiff_t;
    explicit Iterator(Reply* reply = nullptr) : reply_(reply) { ++*this; }
    std::string_view operator*() const noexcept { return chunk_; }
    INFER_API Iterator& operator++();
    void operator++(int) { ++*this; }
    bool operator==(const Iterator& other) const noexcept { return reply_ == other.reply_; }

   private:
    Reply* reply_;
    std::string_view chunk_{};
  };
  Iterator begin() const { return Iterator(reply_); }
  Iterator end() const { return Iterator(); }

 private:
  friend class Reply;
  explicit TextRange(Reply* reply) : reply_(reply) {}
  Reply* reply_;
};

class INFER_API TextModel {
 public:
  // Null is not allowed.
  explicit TextModel(std::shared_ptr<const Backend> backend) : backend_(std::move(backend)) {}

  const ModelInfo& info() const noexcept { return backend_->info(); }
  const std::shared_ptr<const Backend>& backend() const noexcept { return backend_; }

  // Starts at once and never waits: a bad request is the reply's first step.
  Reply stream(TextRequest request, Call call = {}) const;
  Reply stream(std::string_view prompt, Call call = {}) const;
  // stream() read to its end. With Wire::kAuto a backend may ask for the answer in one piece.
  Result<Response> generate(TextRequest request, Call call = {}) const;
  Result<Response> generate(std::string_view prompt, Call call = {}) const;
  // Tokens of the prompt. kUnsupported where a backend cannot tell without running it.
  Result<std::int64_t> count_tokens(TextRequest request, Call call = {}) const;
  // Answers to many requests, `parallel` at a time (at least 1), on this thread; in their order.
  // One that fails does not stop the others. call.poller is not used.
  std::vector<Result<Response>> map(std::vector<TextRequest> requests, std::size_t parallel = 4,
                                    Call call = {}) const;

 private:
  std::shared_ptr<const Backend> backend_;
};

// What is to be seen in a picture, or said in a document: a text request of these two parts.
//
//   auto model = infer::text("openai:gpt-5");
//   auto cat = infer::media_from_file("cat.jpg");   // media.h
//   if (!model || !cat) return 1;
//   auto said = infer::describe(*model, *cat, "Which breed is this?");
//
// Which kinds of file, how large and how many, is checked against the provider's limits before
// anything is sent: kTooLarge or kUnsupported, naming the limit.
INFER_API Result<Response> describe(const TextModel& model, Media media,
                                    std::string_view prompt = "Describe this picture.",
                                    Call call = {});

class INFER_API ImageModel {
 public:
  explicit ImageModel(std::shared_ptr<const Backend> backend) : backend_(std::move(backend)) {}

  const ModelInfo& info() const noexcept { return backend_->info(); }
  const std::shared_ptr<const Backend>& backend() const noexcept { return backend_; }

  // kProgress and preview events on the way, one kMedia a picture.
  Reply stream(ImageRequest request, Call call = {}) const;
  // The pictures are the Media parts of response.message().
  Result<Response> generate(ImageRequest request, Call call = {}) const;

 private:
  std::shared_ptr<const Backend> backend_;
};

class INFER_API EmbeddingModel {
 public:
  explicit EmbeddingModel(std::shared_ptr<const Backend> backend) : backend_(std::move(backend)) {}

  const ModelInfo& info() const noexcept { return backend_->info(); }
  const std::shared_ptr<const Backend>& backend() const noexcept { return backend_; }

  Result<Embeddings> embed(EmbeddingRequest request, Call call = {}) const;
  Result<Embeddings> embed(std::vector<std::string> inputs, Call call = {}) const;

 private:
  std::shared_ptr<const Backend> backend_;
};

// A model that scores documents against a query.
//   auto best = infer::rerank("llama:/models/bge-reranker.gguf")->rerank(query, documents);
class INFER_API RerankModel {
 public:
  explicit RerankModel(std::shared_ptr<const Backend> backend) : backend_(std::move(backend)) {}

  const ModelInfo& info() const noexcept { return backend_->info(); }
  const std::shared_ptr<const Backend>& backend() const noexcept { return backend_; }

  // kUnsupported where the model does not rank; kContextOverflow names a document that is too long
  // beside the query.
  Result<Ranking> rerank(RerankRequest request, Call call = {}) const;
  Result<Ranking> rerank(std::string query, std::vector<std::string> documents,
                         Call call = {}) const;

 private:
  std::shared_ptr<const Backend> backend_;
};

}  // namespace v0
}  // namespace infer

#endif  // INFER_MODEL_H_
