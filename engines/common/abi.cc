#include "abi.h"

#include <algorithm>

namespace infer::engine {
namespace {

// The largest prefix of `text` that fits `room` bytes and splits no character.
std::size_t clip(std::string_view text, std::size_t room) {
  if (text.size() <= room) return text.size();
  std::size_t end = room;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return end;
}

// How much of the field [begin, begin + width) the caller has.
std::size_t room_of(uint32_t size, std::size_t begin, std::size_t width) {
  return size <= begin ? 0 : std::min<std::size_t>(width, size - begin);
}

void put_text(char* field, std::size_t room, std::string_view text) {
  if (room == 0) return;
  const std::size_t length = clip(text, room - 1);
  std::transform(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(length), field,
                 [](char c) {
                   const auto byte = static_cast<unsigned char>(c);
                   return byte < 0x20 || byte == 0x7F ? ' ' : c;
                 });
  field[length] = '\0';
}

}  // namespace

int set_error(infer_error* out, int code, std::string_view message, std::string_view details) {
  if (out == nullptr) return code;
  const uint32_t size = out->size;
  if (INFER_HAS_FIELD(out, http_status)) out->http_status = 0;
  if (INFER_HAS_FIELD(out, retry_after_ms)) out->retry_after_ms = 0;
  put_text(out->message, room_of(size, offsetof(infer_error, message), sizeof(out->message)),
           message);
  const std::size_t room = room_of(size, offsetof(infer_error, details), sizeof(out->details));
  put_text(out->details, room, details.size() < room ? details : std::string_view());
  put_text(out->request_id,
           room_of(size, offsetof(infer_error, request_id), sizeof(out->request_id)), {});
  put_text(out->body, room_of(size, offsetof(infer_error, body), sizeof(out->body)), {});
  return code;
}

std::string json_quote(std::string_view text) {
  static const char kHex[] = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20) {
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
  out += '"';
  return out;
}

}  // namespace infer::engine
