#include "src/layers/recording.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "src/core/event_json.h"
#include "src/core/request_json.h"
#include "src/core/utf8.h"
#include "src/port/file.h"

namespace infer::layers {

using core::find;
using core::Json;

RecordedRequest::RecordedRequest(const Request& request) {
  core::RequestJson json = core::to_json(request);
  text = std::move(json.text);
  if (json.blobs.empty()) return;
  Json list = Json::array();
  for (const auto& blob : json.blobs) {
    if (const auto* bytes = std::get_if<Blob>(&blob))
      list.push_back(core::base64_json("b64", bytes->view()));
    else
      list.push_back(core::pixels_json(std::get<Pixels>(blob)));
  }
  blobs = core::dump_json(list);
}

std::string recorded_line(const RecordedRequest& request, std::string_view events,
                          const Error* error) {
  std::string line = "{";
  if (!request.blobs.empty()) line += "\"blobs\":" + request.blobs + ",";
  if (error) line += "\"error\":" + core::dump_json(core::error_json(*error)) + ",";
  line += "\"events\":[";
  line += events;
  return line + "],\"request\":" + request.text + "}\n";
}

namespace {

// More than any test needs, and no more than fits into memory.
constexpr std::int64_t kMaxRecording = std::int64_t{1} << 30;

Result<std::string> read_whole(const std::string& path) {
  auto file = port::File::open(path);
  if (!file) return Error(Errc::kIo, file.error().message());
  const std::int64_t size = file->size();
  if (size > kMaxRecording)
    return Error(Errc::kTooLarge, path + ": a recording of more than 1 GiB is not read");
  std::string text(static_cast<std::size_t>(std::max<std::int64_t>(size, 0)), '\0');
  text.resize(file->read_at(0, text.data(), text.size()));
  if (static_cast<std::int64_t>(text.size()) != size)
    return Error(Errc::kIo, path + ": could not be read to its end");
  return text;
}

class RecordingReader {
 public:
  explicit RecordingReader(const std::string& path) : path_(path) {}

  Result<Recording> read(std::string_view text) {
    if (text.empty()) return Error(Errc::kProtocol, path_ + ": the file is empty: no recording");
    while (!text.empty()) {
      ++line_;
      const std::size_t end = std::min(text.find('\n'), text.size());
      if (auto error = read_line(text.substr(0, end))) return std::move(*error);
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    return std::move(out_);
  }

 private:
  Error wrong(const std::string& what) const {
    return Error(Errc::kProtocol, path_ + ": line " + std::to_string(line_) + ": " + what)
        .with_detail("line", std::to_string(line_));
  }

  std::optional<Error> read_line(std::string_view text) {
    if (line_ > 1 && text.empty()) return std::nullopt;
    const auto json = core::parse_json(text);
    if (!json) return wrong(json.error().message());
    return line_ == 1 ? read_head(*json) : read_reply(*json);
  }

  std::optional<Error> read_head(const Json& json) {
    if (core::string_or(json, "format") != "infer-recording")
      return wrong(R"(not a recording: its first line must have "format":"infer-recording")");
    const auto version = core::int_at(json, "version");
    if (!version) return wrong("version: must be a number");
    if (*version != 1)
      return wrong("written in version " + std::to_string(*version) +
                   " of the format; this library reads version 1");
    return std::nullopt;
  }

  std::optional<Error> read_reply(const Json& json) {
    const Json* request = find(json, "request");
    const Json* blobs = find(json, "blobs");
    const Json* events = find(json, "events");
    const Json* error = find(json, "error");
    if (!request || !request->is_object()) return wrong("request: must be an object");
    if (blobs && !blobs->is_array()) return wrong("blobs: must be an array");
    if (!events || !events->is_array()) return wrong("events: must be an array");
    if (error && !error->is_object()) return wrong("error: must be an object");
    RecordedReply reply;
    auto kept = std::make_shared<EventBuffer>();
    for (std::size_t i = 0; i < events->size(); ++i)
      if (auto misfit = core::read_event((*events)[i], *kept))
        return wrong("event " + std::to_string(i + 1) + ": " + misfit->message());
    reply.events = std::move(kept);
    if (error)
      if (auto misfit = core::read_error(*error, reply.error))
        return wrong("error: " + misfit->message());
    Recording::Entry& entry = out_.entries[RecordedRequest(
        core::dump_json(*request), blobs && !blobs->empty() ? core::dump_json(*blobs) : "")];
    if (entry.line == 0) entry.line = line_;
    entry.replies.push_back(std::move(reply));
    return std::nullopt;
  }

  const std::string& path_;
  std::size_t line_ = 0;
  Recording out_;
};

// ---- differences -------------------------------------------------------------------------------

constexpr std::size_t kExcerpt = 60;  // bytes

std::string excerpt(const Json* value, std::size_t from) {
  if (!value) return "nothing";
  std::string text = value->is_string() ? value->get<std::string>() : core::dump_json(*value);
  const bool tail = from + kExcerpt < text.size();
  text = core::utf8_repaired(text.substr(from, kExcerpt));
  if (from > 0) text.insert(0, "...");
  if (tail) text += "...";
  return value->is_string() ? core::dump_json(text) : text;
}

class Comparison {
 public:
  explicit Comparison(std::string root) : path_(std::move(root)) {}
  RequestDifference found;

  // Null: it is not there.
  void compare(const Json* a, const Json* b) {
    if (a && b && *a == *b) return;
    if (a && b && a->is_object() && b->is_object()) return objects(*a, *b);
    if (a && b && a->is_array() && b->is_array()) return arrays(*a, *b);
    if (++found.fields > 1) return;
    found.first = path_;
    std::size_t from = 0;
    if (a && b && a->is_string() && b->is_string()) {
      const auto& x = a->get_ref<const std::string&>();
      const auto& y = b->get_ref<const std::string&>();
      while (from < x.size() && from < y.size() && x[from] == y[from]) ++from;
      from = from > kExcerpt / 2 ? from - kExcerpt / 2 : 0;
    }
    found.in_a = excerpt(a, from);
    found.in_b = excerpt(b, from);
  }

 private:
  void objects(const Json& a, const Json& b) {
    for (const auto& [key, value] : a.items()) below(key, &value, find(b, key));
    for (const auto& [key, value] : b.items())
      if (!find(a, key)) below(key, nullptr, &value);
  }
  void arrays(const Json& a, const Json& b) {
    for (std::size_t i = 0; i < std::max(a.size(), b.size()); ++i)
      below(std::to_string(i), i < a.size() ? &a[i] : nullptr, i < b.size() ? &b[i] : nullptr);
  }
  void below(const std::string& key, const Json* a, const Json* b) {
    const std::size_t before = path_.size();
    path_ += '/';
    for (const char c : key) path_ += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
    compare(a, b);
    path_.resize(before);
  }

  std::string path_;
};

Json parsed(const std::string& text) {
  auto json = core::parse_json(text.empty() ? "[]" : text);
  return json ? std::move(*json) : Json();
}

}  // namespace

Result<Recording> read_recording(const std::string& path) {
  const auto text = read_whole(path);
  if (!text) return text.error();
  return RecordingReader(path).read(*text);
}

RequestDifference difference(const RecordedRequest& a, const RecordedRequest& b) {
  Comparison requests(""), blobs("/blobs");
  const Json x = parsed(a.text), y = parsed(b.text);
  const Json p = parsed(a.blobs), q = parsed(b.blobs);
  requests.compare(&x, &y);
  blobs.compare(&p, &q);
  RequestDifference& first = requests.found.fields > 0 ? requests.found : blobs.found;
  first.fields = requests.found.fields + blobs.found.fields;
  return std::move(first);
}

}  // namespace infer::layers
