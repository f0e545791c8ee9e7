// infer/message.h - what is said: messages made of parts.
//
// A conversation is a vector<Message>; a message has a role and parts; a part is one thing a model
// reads or writes: text, a picture, its reasoning, a tool call, a tool's result. What a model sent
// goes back byte for byte in the next request, ids, signatures and unknown items included.
//
//   std::vector<infer::Message> chat = {infer::system("Be brief."), infer::user("Hello!")};
//   chat.push_back(response.message());          // keeps everything that the provider needs
//
// Thread rule: plain values. Blob is an immutable shared buffer: copying a message copies no
// picture.
#ifndef INFER_MESSAGE_H_
#define INFER_MESSAGE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "infer/export.h"

namespace infer {
inline namespace v0 {

// An immutable, shared run of bytes. Copies share; the bytes live as long as any copy does.
class INFER_API Blob {
 public:
  Blob() = default;
  // Takes the bytes over, without a copy of them.
  explicit Blob(std::string bytes);
  explicit Blob(std::vector<std::uint8_t> bytes);
  // Copies `size` bytes.
  static Blob copy(const void* data, std::size_t size);
  // Bytes that somebody else keeps: `owner` is held as long as a copy of the Blob lives.
  static Blob borrow(const void* data, std::size_t size, std::shared_ptr<const void> owner);

  const std::uint8_t* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  std::string_view view() const noexcept { return {reinterpret_cast<const char*>(data_), size_}; }
  // Same bytes.
  friend bool operator==(const Blob& a, const Blob& b) noexcept { return a.view() == b.view(); }

 private:
  const std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
  std::shared_ptr<const void> owner_;
};

// An address that is passed on to the provider; the library never fetches it.
struct Url {
  std::string url{};
  bool operator==(const Url&) const = default;
};
// A file that was uploaded to the provider before.
struct FileId {
  std::string id{};
  bool operator==(const FileId&) const = default;
};
// An uncompressed picture: top row first, 8 bits a channel.
struct Pixels {
  Blob data{};                 // height * stride bytes
  std::uint32_t width = 0;     // pixels
  std::uint32_t height = 0;    // pixels
  std::uint32_t channels = 0;  // 1 grey, 3 RGB, 4 RGBA
  std::uint32_t stride = 0;    // bytes from one row to the next
  bool operator==(const Pixels&) const = default;
};

struct Text {
  std::string text{};  // UTF-8
  bool operator==(const Text&) const = default;
};
// The model declines, in its own words.
struct Refusal {
  std::string text{};
  bool operator==(const Refusal&) const = default;
};
// A picture, a PDF, a sound.
struct Media {
  std::string mime{};  // "image/png", ...; empty: unknown, or raw pixels
  std::variant<Blob, Url, FileId, Pixels> source{};
  // OpenAI's detail: "low", "high", "auto", over Responses "original"; empty: the provider's
  // default.
  std::string detail{};
  std::string name{};  // a file name for providers that show one
  bool operator==(const Media&) const = default;
};
// The model's thinking. `signature` is opaque and may stand alone, with no text.
struct Reasoning {
  std::string text{};
  std::string signature{};
  bool redacted = false;
  bool operator==(const Reasoning&) const = default;
};
// The model asks for a function. `arguments` are the bytes as they came, never written anew; they
// are JSON unless `custom`.
struct ToolCall {
  std::string id{};
  std::string name{};
  std::string arguments{};
  bool custom = false;             // a free-text tool
  bool provider_executed = false;  // the provider runs it; not for the caller
  bool operator==(const ToolCall&) const = default;
};
struct Part;
// What the function gave.
struct ToolResult {
  std::string call_id{};
  std::string name{};
  std::vector<Part> content;  // text and media
  bool is_error = false;
  bool provider_executed = false;
  INFER_API bool operator==(const ToolResult&) const;
};
// An item this library does not know: kept whole and sent back whole.
struct Opaque {
  std::string type{};  // the provider's name for it
  std::string json{};
  bool operator==(const Opaque&) const = default;
};

// Request only: ask the provider to cache the prompt up to and including this part (Anthropic's
// cache_control). Backends without it ignore it.
enum class CacheHint : std::uint8_t { kNone, kShort /* 5 minutes */, kLong /* 1 hour */ };

struct Part {
  std::variant<Text, Refusal, Media, Reasoning, ToolCall, ToolResult, Opaque> value{};
  std::string id{};      // the provider's id of this item
  std::string issuer{};  // who made it: id, signature and extra go back to nobody else
  std::string extra{};   // the issuer's JSON, kept verbatim: citations, encrypted reasoning
  CacheHint cache = CacheHint::kNone;

  // The part as a T, or null.
  template <class T>
  const T* get() const noexcept {
    return std::get_if<T>(&value);
  }
  template <class T>
  T* get() noexcept {
    return std::get_if<T>(&value);
  }
  INFER_API bool operator==(const Part&) const;
};

enum class Role : std::uint8_t { kSystem, kDeveloper, kUser, kAssistant, kTool };
INFER_API std::string_view to_string(Role role) noexcept;

struct Message {
  Role role = Role::kUser;
  std::vector<Part> parts{};
  std::string id{};     // the provider's id of this message
  std::string name{};   // of the participant, where a provider knows it
  std::string extra{};  // the issuer's JSON, kept verbatim

  // The text parts joined; no reasoning, no refusal.
  INFER_API std::string text() const;
  bool operator==(const Message&) const = default;
};

INFER_API Message system(std::string text);
INFER_API Message user(std::string text);
INFER_API Message user(std::string text, std::vector<Media> media);
INFER_API Message assistant(std::string text);
// The answer to a tool call, for the next request.
INFER_API Message tool_result(const ToolCall& call, std::string content, bool is_error = false);

}  // namespace v0
}  // namespace infer

#endif  // INFER_MESSAGE_H_
