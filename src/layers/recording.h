// The file that Record writes and Replay reads (docs/formats/recording.md).
#ifndef INFER_SRC_LAYERS_RECORDING_H_
#define INFER_SRC_LAYERS_RECORDING_H_

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "infer/backend.h"
#include "src/core/json.h"

namespace infer::layers {

// The first line.
inline constexpr std::string_view kRecordingHead =
    "{\"format\":\"infer-recording\",\"version\":1}\n";

// A request as it stands in a recording. Equal requests are equal here, and only they.
struct RecordedRequest {
  explicit RecordedRequest(const Request& request);
  RecordedRequest(std::string json, std::string bytes)
      : text(std::move(json)), blobs(std::move(bytes)) {}

  std::string text;   // docs/formats/request.md
  std::string blobs;  // what that refers to, a JSON array; empty: none
  friend bool operator<(const RecordedRequest& a, const RecordedRequest& b) {
    return a.text != b.text ? a.text < b.text : a.blobs < b.blobs;
  }
};

// One line. `events`: event_json() of each, by commas.
std::string recorded_line(const RecordedRequest& request, std::string_view events,
                          const Error* error);

struct RecordedReply {
  std::shared_ptr<const EventBuffer> events{};
  std::optional<Error> error{};
};
struct Recording {
  struct Entry {
    std::size_t line = 0;  // of the first of them
    std::vector<RecordedReply> replies{};
  };
  std::map<RecordedRequest, Entry> entries{};
};

// kIo where the file cannot be read; kProtocol, with detail "line", where it is no recording.
Result<Recording> read_recording(const std::string& path);

// Where two requests differ.
struct RequestDifference {
  std::size_t fields = 0;      // how many differ
  std::string first{};         // the first of them, a JSON pointer: "/messages/0/parts/0/text"
  std::string in_a{}, in_b{};  // what stands there, shortened
};
RequestDifference difference(const RecordedRequest& a, const RecordedRequest& b);

}  // namespace infer::layers

#endif  // INFER_SRC_LAYERS_RECORDING_H_
