// For the tests of this room: streams from fixtures, read as a Source would read them.
#ifndef INFER_SRC_CLOUD_OPENAI_READING_FOR_TESTS_H_
#define INFER_SRC_CLOUD_OPENAI_READING_FOR_TESTS_H_

#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "infer/conformance.h"
#include "infer/model.h"
#include "src/cloud/openai/chat_reader.h"
#include "src/core/response.h"
#include "src/http/sse.h"

namespace infer::cloud::reading {

inline std::string fixtures() { return std::string(INFER_SOURCE_DIR) + "/../shared/fixtures/"; }
inline bool have_fixtures() { return std::filesystem::exists(fixtures() + "vercel-ai"); }

inline std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

inline std::string event_of(std::string_view data) { return "data: " + std::string(data) + "\n\n"; }

// The streams of this wire among the fixtures, as a server sends them.
struct Recording {
  std::string name;
  std::string body;
};
inline Recording recording(const std::string& name) {
  const std::string bytes = read_file(fixtures() + name);
  if (name.find(".chunks.txt") == std::string::npos) return {name, bytes};
  Recording made{name, {}};
  std::istringstream lines(bytes);
  for (std::string line; std::getline(lines, line);)
    if (!line.empty()) made.body += event_of(line);
  made.body += event_of("[DONE]");
  return made;
}
inline std::vector<std::string> recording_names() {
  return {"vercel-ai/openai/chat/azure-model-router.1.chunks.txt",
          "vercel-ai/openai-compatible/chat/anthropic-fallback-tool-call.sse",
          "vercel-ai/openai-compatible/chat/xai-text.chunks.txt",
          "vercel-ai/groq/groq-text.chunks.txt",
          "vercel-ai/groq/groq-tool-call.chunks.txt",
          "vercel-ai/deepseek/chat/deepseek-reasoning.chunks.txt",
          "vercel-ai/deepseek/chat/deepseek-text.chunks.txt",
          "vercel-ai/deepseek/chat/deepseek-tool-call.chunks.txt",
          "vercel-ai/mistral/mistral-reasoning.chunks.txt",
          "vercel-ai/mistral/mistral-tool-call.chunks.txt",
          "vercel-ai/xai/xai-tool-call.chunks.txt",
          "vercel-ai/alibaba/alibaba-text.chunks.txt",
          "vercel-ai/moonshotai/moonshotai-stream.chunks.txt",
          "vercel-ai/azure/azure-deepseek-reasoning.1.chunks.txt",
          "rust-genai/github_copilot/tool_stream/response_000.txt"};
}

// What came of an answer.
struct Outcome {
  std::string events{};  // every event with all that it holds, one a line
  std::vector<Event::Kind> kinds{};
  Response response{};
  std::optional<Error> error{};
  std::string broken{};  // the first rule of the grammar that was broken
  bool proven = false;
  const Choice& choice(std::size_t i = 0) const { return response.choices.at(i); }
};

class Collector {
 public:
  explicit Collector(std::uint32_t n) : checker_(n) { outcome_.response.provider = "openai"; }

  void take(EventQueue& queue) {
    while (!queue.empty()) {
      const Event& event = queue.pop();
      outcome_.kinds.push_back(event.kind);
      describe(event);
      core::accumulate(event, outcome_.response);
      if (auto finding = checker_.feed(event)) note(*finding);
    }
  }
  Outcome end(bool proven, std::optional<Error> error) {
    outcome_.proven = proven;
    outcome_.error = std::move(error);
    if (!outcome_.error)
      if (auto finding = checker_.end()) note(*finding);
    return std::move(outcome_);
  }

 private:
  void note(const Finding& finding) {
    if (outcome_.broken.empty()) outcome_.broken = finding.rule + ": " + finding.what;
  }
  void describe(const Event& event) {
    std::string& to = outcome_.events;
    const auto field = [&](std::string_view text) {
      to += '|';
      to += text;
    };
    to += std::to_string(static_cast<int>(event.kind)) + "." +
          std::to_string(static_cast<int>(event.part_kind)) + "." +
          std::to_string(static_cast<int>(event.finish)) + "." + std::to_string(event.choice) +
          "." + std::to_string(event.part);
    field(event.data);
    field(event.id);
    field(event.extra);
    if (event.usage) {
      field(event.usage->raw);
      field(std::to_string(event.usage->input.value_or(-1)));
      field(std::to_string(event.usage->output.value_or(-1)));
    }
    if (event.meta) {
      field(event.meta->response_id);
      field(event.meta->request_id);
    }
    for (const TokenLogprob& entry : event.logprobs) {
      field(entry.bytes);
      to += "=" + std::to_string(entry.logprob) + "+" + std::to_string(entry.n_top);
    }
    to += '\n';
  }

  Outcome outcome_{};
  EventChecker checker_;
};

// Bytes in memory of their own, with garbage behind them, as a transport gives them.
class Piece {
 public:
  explicit Piece(std::string_view bytes)
      : size_(bytes.size()), memory_(new char[bytes.size() + http::kPadding]) {
    std::memcpy(memory_.get(), bytes.data(), size_);
    std::memset(memory_.get() + size_, '"', http::kPadding);
  }
  std::string_view view() const { return {memory_.get(), size_}; }

 private:
  std::size_t size_;
  std::unique_ptr<char[]> memory_;
};

inline Error cut_short() { return Error(Errc::kTruncated, "the stream ended"); }

// The stream in these pieces, as a Source reads it.
inline Outcome read_pieces(Reader& reader, std::uint32_t n,
                           const std::vector<std::string_view>& pieces) {
  http::SseDecoder decoder;
  EventQueue queue;
  Collector collector(n);
  std::optional<Error> error;
  bool closed = false;
  for (const std::string_view bytes : pieces) {
    const Piece piece(bytes);
    decoder.feed(piece.view());
    while (!error && !closed && decoder.next() == http::SseDecoder::Step::kEvent) {
      error = reader.event(decoder.event().type, decoder.event().data, queue);
      if (error) break;
      if (reader.done()) {
        reader.close(queue);
        closed = true;
      }
      collector.take(queue);
    }
    if (error || closed) break;
  }
  if (!error && !closed && decoder.pending_data() == "[DONE]")
    error = reader.event({}, decoder.pending_data(), queue);
  if (!error && !closed && reader.proven()) {
    reader.close(queue);
    collector.take(queue);
    closed = true;
  }
  if (!error && !closed) error = cut_short();
  return collector.end(closed, std::move(error));
}

inline Outcome read_stream(std::string_view body, const Dialect& dialect = kCompatibleDialect,
                           std::uint32_t n = 1,
                           ChatReader::Path path = ChatReader::Path::kTemplates) {
  ChatReader reader(dialect, n, path);
  return read_pieces(reader, n, {body});
}

inline Outcome read_whole(std::string_view body, const Dialect& dialect = kCompatibleDialect,
                          std::uint32_t n = 1,
                          ChatReader::Path path = ChatReader::Path::kTemplates) {
  ChatReader reader(dialect, n, path);
  EventQueue queue;
  Collector collector(n);
  auto error = reader.whole(body, queue);
  if (!error) reader.close(queue);
  collector.take(queue);
  return collector.end(!error, std::move(error));
}

}  // namespace infer::cloud::reading

#endif  // INFER_SRC_CLOUD_OPENAI_READING_FOR_TESTS_H_
