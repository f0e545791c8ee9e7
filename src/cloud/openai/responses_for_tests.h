// For the tests of this room: Responses from fixtures, and what their bytes say.
#ifndef INFER_SRC_CLOUD_OPENAI_RESPONSES_FOR_TESTS_H_
#define INFER_SRC_CLOUD_OPENAI_RESPONSES_FOR_TESTS_H_

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "src/cloud/openai/openai.h"
#include "src/cloud/openai/reading_for_tests.h"
#include "src/cloud/openai/responses_reader.h"

namespace infer::cloud::reading {

inline const ServerModel& responses_model() {
  static const ServerModel* const model = new ServerModel{.name = "gpt-5"};
  return *model;
}

// The stream of one response: the data of its events.
struct ResponsesRecording {
  std::string name;
  std::vector<std::string> events;

  std::string body(std::size_t n = SIZE_MAX) const {
    std::string text;
    for (std::size_t i = 0; i < std::min(n, events.size()); ++i) text += event_of(events[i]);
    return text;
  }
};

inline std::vector<std::string> responses_stream_names() {
  std::vector<std::string> names;
  for (const char* name : {"apply-patch-tool.1", "client-tool-search.2", "code-interpreter-tool.1",
                           "compaction.1", "file-search-tool.1", "image-generation-tool.1",
                           "local-shell-tool.1", "mcp-tool-approval.4", "mcp-tool.1", "phase.1",
                           "reasoning-encrypted-content.1", "web-search-tool.1"})
    names.push_back("vercel-ai/openai/responses/openai-" + std::string(name) + ".chunks.txt");
  for (const char* name : {"1", "2", "3"})
    names.push_back("vercel-ai/openai/responses/programmatic-tool-calling." + std::string(name) +
                    ".chunks.txt");
  for (const char* name : {"image-generation-tool.1", "web-search-tool.1", "x-search-tool"})
    names.push_back("vercel-ai/xai/responses/xai-" + std::string(name) + ".chunks.txt");
  for (const char* name :
       {"code-interpreter-tool.1", "image-generation-tool.1", "text.1", "tool-call.1"})
    names.push_back("vercel-ai/azure/azure-" + std::string(name) + ".chunks.txt");
  for (const char* name :
       {"reasoning_stream", "reasoning_stream_completed_empty", "reasoning_summary_capture"})
    names.push_back("rust-genai/openai_resp/" + std::string(name) + "/response_000.txt");
  return names;
}

inline std::vector<std::string> responses_whole_names() {
  std::vector<std::string> names;
  for (const char* name : {"openai/responses/openai-apply-patch-tool.1",
                           "openai/responses/openai-client-tool-search.2",
                           "openai/responses/openai-code-interpreter-tool.1",
                           "openai/responses/openai-compaction.1",
                           "openai/responses/openai-file-search-tool.1",
                           "openai/responses/openai-image-generation-tool.1",
                           "openai/responses/openai-local-shell-tool.1",
                           "openai/responses/openai-mcp-tool-approval.4",
                           "openai/responses/openai-mcp-tool.1",
                           "openai/responses/openai-phase.1",
                           "openai/responses/openai-reasoning-encrypted-content.1",
                           "openai/responses/openai-web-search-tool.1",
                           "openai/responses/programmatic-tool-calling.1",
                           "openai/responses/programmatic-tool-calling.2",
                           "openai/responses/programmatic-tool-calling.3",
                           "xai/responses/xai-code-execution-tool.1",
                           "xai/responses/xai-file-search-tool.1",
                           "xai/responses/xai-image-generation-tool.1",
                           "xai/responses/xai-web-search-tool.1",
                           "xai/responses/xai-x-search-tool.1",
                           "azure/azure-code-interpreter-tool.1",
                           "azure/azure-image-generation-tool.1",
                           "azure/azure-text.1",
                           "azure/azure-tool-call.1"})
    names.push_back("vercel-ai/" + std::string(name) + ".json");
  return names;
}

// A file may hold several responses, one after the other.
inline std::vector<ResponsesRecording> responses_recordings(const std::string& name) {
  std::vector<ResponsesRecording> recordings;
  std::istringstream lines(read_file(fixtures() + name));
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("data: ", 0) == 0) line = line.substr(6);
    if (line.rfind("{", 0) != 0) continue;
    if (line.find("\"response.created\"") != std::string::npos)
      recordings.push_back({name + "#" + std::to_string(recordings.size()), {}});
    if (!recordings.empty()) recordings.back().events.push_back(line);
  }
  return recordings;
}

// The member's bytes as they stand in the text, found without the code under test.
inline std::string bytes_of_member(const std::string& text, const std::string& name) {
  const std::string key = "\"" + name + "\":";
  std::size_t at = text.find(key);
  if (at == std::string::npos) return {};
  at += key.size();
  while (text[at] == ' ') ++at;
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = at; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\') ++i;
      if (c == '"') quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ']') {
      if (--depth == 0) return text.substr(at, i + 1 - at);
    }
  }
  return {};
}

// What an answer says.
struct SaidByResponse {
  std::string id, model, text, reasoning, status;
  std::vector<std::string> kinds;                           // of its items, in their order
  std::vector<std::vector<std::string>> calls;              // id, name, arguments
  std::vector<std::pair<std::string, std::string>> others;  // type, JSON
  std::int64_t input = -1, output = -1, cached = -1, thought = -1;
};

inline void say_item(const nlohmann::json& item, SaidByResponse& said) {
  const std::string type = item.value("type", "");
  const auto join = [&said](const nlohmann::json& list, std::string& thoughts) {
    for (const auto& one : list) {
      if (one["text"].get<std::string>().empty()) continue;
      thoughts += (thoughts.empty() ? "" : "\n\n") + one["text"].get<std::string>();
    }
  };
  said.kinds.push_back(type);
  if (type == "message") {
    for (const auto& content : item["content"])
      if (content["type"] == "output_text") said.text += content["text"].get<std::string>();
  } else if (type == "reasoning") {
    std::string thoughts;
    join(item.value("summary", nlohmann::json::array()), thoughts);
    if (item.contains("content") && item["content"].is_array()) join(item["content"], thoughts);
    said.reasoning += thoughts;
  } else if (type == "function_call") {
    said.calls.push_back({item["call_id"], item["name"], item["arguments"]});
  } else if (type == "custom_tool_call") {
    said.calls.push_back({item["call_id"], item["name"], item["input"]});
  } else {
    said.others.emplace_back(type, item.dump());
  }
}

inline SaidByResponse said_by(const nlohmann::json& response, const nlohmann::json& output) {
  SaidByResponse said;
  said.id = response["id"];
  said.model = response["model"];
  said.status = response["status"];
  for (const auto& item : output) say_item(item, said);
  const auto& usage = response["usage"];
  said.input = usage["input_tokens"];
  said.output = usage["output_tokens"];
  said.cached = usage["input_tokens_details"]["cached_tokens"];
  said.thought = usage["output_tokens_details"]["reasoning_tokens"];
  return said;
}

inline SaidByResponse said_by(const Response& response) {
  SaidByResponse said;
  said.id = response.id;
  said.model = response.model;
  said.status = response.choices.at(0).finish_raw;
  std::string last;
  for (const Part& part : response.message().parts) {
    // The parts of one message are one item.
    std::string kind = part.get<Reasoning>() ? "reasoning" : "message";
    if (const auto* text = part.get<Text>()) said.text += text->text;
    if (const auto* reasoning = part.get<Reasoning>()) said.reasoning += reasoning->text;
    if (const auto* call = part.get<ToolCall>()) {
      kind = call->custom ? "custom_tool_call" : "function_call";
      said.calls.push_back({call->id, call->name, call->arguments});
    }
    if (const auto* item = part.get<Opaque>()) {
      kind = item->type;
      said.others.emplace_back(kind, nlohmann::json::parse(item->json).dump());
    }
    if (kind == "message" && part.id == last) continue;
    said.kinds.push_back(kind);
    last = part.id;
  }
  said.input = response.usage.input.value_or(-1);
  said.output = response.usage.output.value_or(-1);
  said.cached = response.usage.cache_read.value_or(-1);
  said.thought = response.usage.reasoning.value_or(-1);
  return said;
}

inline Outcome read_responses(const std::vector<std::string_view>& pieces,
                              ResponsesReader::Path path = ResponsesReader::Path::kPlain,
                              const ServerModel& model = responses_model()) {
  ResponsesReader reader(model, std::nullopt, path);
  return read_pieces(reader, 1, pieces);
}

inline Outcome read_whole_response(std::string_view body,
                                   const ServerModel& model = responses_model()) {
  ResponsesReader reader(model);
  EventQueue queue;
  Collector collector(1);
  auto error = reader.whole(body, queue);
  if (!error) reader.close(queue);
  collector.take(queue);
  return collector.end(!error, std::move(error));
}

}  // namespace infer::cloud::reading

#endif  // INFER_SRC_CLOUD_OPENAI_RESPONSES_FOR_TESTS_H_
