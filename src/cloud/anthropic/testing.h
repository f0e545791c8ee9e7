// For the tests of this room: streams and answers of the provider, driven through the reader
// without a connection.
#ifndef INFER_SRC_CLOUD_ANTHROPIC_TESTING_H_
#define INFER_SRC_CLOUD_ANTHROPIC_TESTING_H_

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "infer/conformance.h"
#include "infer/model.h"
#include "src/cloud/anthropic/messages_reader.h"
#include "src/core/json.h"
#include "src/core/response.h"
#include "src/http/sse.h"

namespace infer::cloud::anthropic_test {

using core::Json;

// ---- fixtures

inline std::filesystem::path fixture_root() {
  return std::filesystem::path(INFER_SOURCE_DIR) / ".." / "shared" / "fixtures";
}

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

inline std::string sse_of(const std::vector<std::string>& payloads) {
  std::string stream;
  for (const std::string& payload : payloads) {
    const Json json = Json::parse(payload, nullptr, false);
    if (json.is_object()) stream += "event: " + core::string_or(json, "type") + '\n';
    stream += "data: " + payload + "\n\n";
  }
  return stream;
}

// One answer, streamed.
struct Stream {
  std::string name{};
  std::vector<std::string> payloads{};
  std::string bytes{};
};

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::size_t from = 0;
  while (from < text.size()) {
    const std::size_t end = std::min(text.find('\n', from), text.size());
    std::string line = text.substr(from, end - from);
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (!line.empty()) lines.push_back(std::move(line));
    from = end + 1;
  }
  return lines;
}

// Some files hold the answers of several requests, one after the other.
inline void add_streams(const std::string& name, const std::vector<std::string>& payloads,
                        std::vector<Stream>& to) {
  std::vector<std::string> one;
  int part = 0;
  for (const std::string& payload : payloads) {
    one.push_back(payload);
    if (core::string_or(Json::parse(payload), "type") != "message_stop") continue;
    to.push_back({name + "#" + std::to_string(part++), one, sse_of(one)});
    one.clear();
  }
}

inline std::vector<Stream> stream_fixtures() {
  std::vector<Stream> streams;
  std::vector<std::filesystem::path> files;
  for (const char* folder :
       {"vercel-ai/anthropic", "anthropic-sdk-python", "rust-genai/anthropic"}) {
    if (!std::filesystem::exists(fixture_root() / folder)) continue;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(fixture_root() / folder))
      if (entry.is_regular_file()) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  for (const auto& file : files) {
    const std::string name =
        file.parent_path().filename().string() + "/" + file.filename().string();
    const std::string ending = file.extension().string();
    if (ending != ".txt" && ending != ".sse") continue;
    const std::string text = read_file(file);
    std::vector<std::string> payloads;
    for (const std::string& line : lines_of(text)) {
      if (line.front() == '{') payloads.push_back(line);
      if (line.substr(0, 6) == "data: ") payloads.push_back(line.substr(6));
    }
    const std::size_t before = streams.size();
    add_streams(name, payloads, streams);
    // What was recorded as bytes is read as those bytes.
    if (text.find("\ndata: ") != std::string::npos && streams.size() == before + 1)
      streams.back().bytes = text.substr(text.find("event: ")) + "\n\n";
  }
  return streams;
}

// Where the proof is complete: behind the empty line after message_stop.
inline std::size_t proof_of(const std::string& bytes) {
  const std::size_t line = bytes.rfind("data:", bytes.rfind("message_stop"));
  return bytes.find("\n\n", line) + 2;
}

// Whole answers, by name.
inline std::vector<std::pair<std::string, std::string>> whole_fixtures() {
  std::vector<std::pair<std::string, std::string>> answers;
  const auto folder = fixture_root() / "vercel-ai/anthropic";
  if (!std::filesystem::exists(folder)) return answers;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == ".json")
      answers.emplace_back(entry.path().filename().string(), read_file(entry.path()));
  std::sort(answers.begin(), answers.end());
  return answers;
}

// ---- reading

struct Read {
  std::optional<Error> error{};
  bool proven = false;
  Response response{};
  std::uint64_t hash = 1469598103934665603ull;  // of all events
  std::size_t events = 0;
  std::optional<Finding> broken{};  // the first rule of the grammar that is
  std::vector<std::string> log{};   // the events in words, where asked for
};

class Collector {
 public:
  explicit Collector(bool log) : log_(log) { read.response.provider = "anthropic"; }

  void drain(EventQueue& queue) {
    while (!queue.empty()) take(queue.pop());
  }
  Read read{};

 private:
  void take(const Event& event) {
    ++read.events;
    const std::string usage = event.usage ? usage_of(*event.usage) : std::string();
    const std::string facts = std::to_string(static_cast<int>(event.kind)) + ',' +
                              std::to_string(static_cast<int>(event.part_kind)) + ',' +
                              std::to_string(static_cast<int>(event.finish)) + ',' +
                              std::to_string(event.part);
    for (const std::string_view piece :
         {std::string_view(facts), event.data, event.id, event.extra, std::string_view(usage)}) {
      for (const char c : piece) mix(static_cast<unsigned char>(c));
      mix(256);
      if (log_) line_ += std::string(piece) + '|';
    }
    if (log_) read.log.push_back(std::exchange(line_, {}));
    if (!read.broken) read.broken = checker_.feed(event);
    core::accumulate(event, read.response);
  }
  static std::string usage_of(const Usage& usage) {
    std::string text = usage.raw;
    for (const auto& figure :
         {usage.input, usage.cache_read, usage.cache_write, usage.output, usage.reasoning})
      text += figure ? ' ' + std::to_string(*figure) : " -";
    return text;
  }
  void mix(unsigned value) { read.hash = (read.hash ^ value) * 1099511628211ull; }

  bool log_;
  std::string line_{};
  EventChecker checker_{};
};

// As the backend does it: each piece is memory of its own that goes when it is used up.
inline Read read_stream(std::string_view bytes, const std::vector<std::size_t>& sizes = {},
                        const MessagesReaderOptions& options = {}, bool log = false) {
  const std::unique_ptr<Reader> reader = messages_reader(options);
  const http::HttpHead head{.status = 200};
  reader->head(head);
  EventQueue queue;
  http::SseDecoder decoder;
  Collector to(log);
  std::size_t i = 0;
  while (!bytes.empty() && !reader->done() && !to.read.error) {
    const std::size_t size = i < sizes.size() ? std::min(sizes[i++], bytes.size()) : bytes.size();
    const auto piece = std::make_unique<char[]>(size + http::kPadding);
    std::copy_n(bytes.data(), size, piece.get());
    bytes.remove_prefix(size);
    decoder.feed({piece.get(), size});
    while (!reader->done() && decoder.next() == http::SseDecoder::Step::kEvent) {
      to.read.error = reader->event(decoder.event().type, decoder.event().data, queue);
      to.drain(queue);
      if (to.read.error) break;
    }
  }
  to.read.proven = reader->proven();
  if (to.read.proven && !to.read.error) reader->close(queue);
  to.drain(queue);
  return std::move(to.read);
}

inline Read read_whole(std::string_view body, const MessagesReaderOptions& options = {}) {
  const std::unique_ptr<Reader> reader = messages_reader(options);
  const http::HttpHead head{.status = 200};
  reader->head(head);
  EventQueue queue;
  Collector to(false);
  to.read.error = reader->whole(body, queue);
  to.read.proven = reader->proven();
  if (to.read.proven && !to.read.error) reader->close(queue);
  to.drain(queue);
  return std::move(to.read);
}

// ---- an independent reading, with nothing of the library but its JSON parser's type

// The content of the answer as Anthropic's own clients put it together.
inline Json content_of(const std::vector<std::string>& payloads) {
  Json content = Json::array();
  std::vector<std::string> inputs;
  bool started = false;
  for (const std::string& payload : payloads) {
    const Json event = Json::parse(payload);
    const std::string type = event["type"];
    if (type == "message_start" && !started) {
      started = true;
      content = event["message"].value("content", Json::array());
      inputs.assign(content.size(), "");
    } else if (type == "content_block_start") {
      content.push_back(event["content_block"]);
      inputs.emplace_back();
    } else if (type == "content_block_delta") {
      const Json& delta = event["delta"];
      const std::size_t index = event["index"];
      Json& block = content[index];
      const std::string kind = delta["type"];
      if (kind == "text_delta")
        block["text"] = block["text"].get<std::string>() + delta["text"].get<std::string>();
      if (kind == "thinking_delta")
        block["thinking"] =
            block["thinking"].get<std::string>() + delta["thinking"].get<std::string>();
      if (kind == "signature_delta") block["signature"] = delta["signature"];
      if (kind == "input_json_delta") inputs[index] += delta["partial_json"].get<std::string>();
      if (kind == "citations_delta") {
        if (!block.contains("citations") || block["citations"].is_null())
          block["citations"] = Json::array();
        block["citations"].push_back(delta["citation"]);
      }
      if (kind == "compaction_delta") {
        block["content"] = delta["content"];
        block["encrypted_content"] = delta["encrypted_content"];
      }
    }
  }
  for (std::size_t i = 0; i < content.size(); ++i)
    if (!inputs[i].empty()) content[i]["input"] = Json::parse(inputs[i]);
  return content;
}

// The content as the next request has it: without what says nothing.
inline Json content_to_send(const Json& content) {
  Json out = Json::array();
  for (Json block : content) {
    if (block["type"] == "text") {
      if (block["text"].get<std::string>().empty()) continue;
      if (block.contains("citations") &&
          (block["citations"].is_null() || block["citations"].empty()))
        block.erase("citations");
    }
    out.push_back(block);
  }
  return out;
}

}  // namespace infer::cloud::anthropic_test

#endif  // INFER_SRC_CLOUD_ANTHROPIC_TESTING_H_
