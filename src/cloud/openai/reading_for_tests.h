// For the tests of this room: streams from fixtures, read as a Source would read them.
#ifndef INFER_SRC_CLOUD_OPENAI_READING_FOR_TESTS_H_
#define INFER_SRC_CLOUD_OPENAI_READING_FOR_TESTS_H_

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
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

// An answer of this wire among the fixtures, as a server sends it.
struct Recording {
  std::string name{};
  std::string body{};
  bool stream = false;
};

// What the bytes are is told by what they hold, not by their name: the events of a stream, or one
// whole answer, with "choices" that have what chat completions have.
inline bool is_of_chat(const nlohmann::json& answer, const char* said) {
  if (!answer.is_object() || !answer.contains("choices") || !answer["choices"].is_array())
    return false;
  for (const auto& choice : answer["choices"])
    if (choice.is_object() && choice.contains(said)) return true;
  return false;
}

inline std::optional<Recording> recording_of(const std::string& name, const std::string& bytes) {
  const auto whole = nlohmann::json::parse(bytes, nullptr, false);
  if (!whole.is_discarded())
    if (is_of_chat(whole, "message")) return Recording{name, bytes, false};
  std::istringstream lines(bytes);
  bool chat = false, framed = false;
  std::string events;
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("data:", 0) == 0) {
      framed = true;
      line.erase(0, line.rfind("data: ", 0) == 0 ? 6 : 5);
    }
    const auto event = nlohmann::json::parse(line, nullptr, false);
    if (event.is_discarded()) continue;
    chat = chat || is_of_chat(event, "delta");
    events += event_of(line);
  }
  if (!chat) return std::nullopt;
  return Recording{name, framed ? bytes : events + event_of("[DONE]"), true};
}

// Of all files below the folder of the fixtures, in the order of their names.
inline const std::vector<Recording>& recordings() {
  static const std::vector<Recording>* const all = [] {
    auto* const found = new std::vector<Recording>;
    if (!have_fixtures()) return found;
    const std::string root = fixtures();
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
      if (!entry.is_regular_file()) continue;
      const std::string path = entry.path().string();
      if (auto made = recording_of(path.substr(root.size()), read_file(path)))
        found->push_back(std::move(*made));
    }
    std::sort(found->begin(), found->end(),
              [](const Recording& x, const Recording& y) { return x.name < y.name; });
    return found;
  }();
  return *all;
}
// The names of those that are streams, or of those that are not.
inline std::vector<std::string> recording_names(bool stream = true) {
  std::vector<std::string> names;
  for (const Recording& recording : recordings())
    if (recording.stream == stream) names.push_back(recording.name);
  return names;
}
inline const Recording& recording(const std::string& name) {
  for (const Recording& made : recordings())
    if (made.name == name) return made;
  static const Recording* const none = new Recording;
  return *none;
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
      for (auto part : {&Timing::queue, &Timing::prefill, &Timing::decode})
        field(std::to_string(
            (event.usage->timing.*part).value_or(std::chrono::nanoseconds(-1)).count()));
    }
    if (event.meta) {
      field(event.meta->response_id);
      field(event.meta->request_id);
      field(event.meta->issuer);
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

// A server that speaks this dialect; it lives as long as the program.
inline const ServerModel& server(const Dialect& dialect = kCompatibleDialect) {
  static std::map<const Dialect*, ServerModel>* const all =
      new std::map<const Dialect*, ServerModel>;
  ServerModel& made = (*all)[&dialect];
  made.dialect = &dialect;
  return made;
}

inline Outcome read_stream(std::string_view body, const Dialect& dialect = kCompatibleDialect,
                           std::uint32_t n = 1,
                           ChatReader::Path path = ChatReader::Path::kTemplates) {
  ChatReader reader(server(dialect), n, path);
  return read_pieces(reader, n, {body});
}

inline Outcome read_whole(Reader& reader, std::uint32_t n, std::string_view body) {
  EventQueue queue;
  Collector collector(n);
  auto error = reader.whole(body, queue);
  if (!error) reader.close(queue);
  collector.take(queue);
  return collector.end(!error, std::move(error));
}

inline Outcome read_whole(std::string_view body, const Dialect& dialect = kCompatibleDialect,
                          std::uint32_t n = 1,
                          ChatReader::Path path = ChatReader::Path::kTemplates) {
  ChatReader reader(server(dialect), n, path);
  return read_whole(reader, n, body);
}

}  // namespace infer::cloud::reading

#endif  // INFER_SRC_CLOUD_OPENAI_READING_FOR_TESTS_H_
