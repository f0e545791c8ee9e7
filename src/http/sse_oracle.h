// For tests and the fuzzer: server-sent events read by the letter of the standard's prose, the
// whole text at once, with no thought of speed. It shares nothing with the decoder, on purpose.
#ifndef INFER_SRC_HTTP_SSE_ORACLE_H_
#define INFER_SRC_HTTP_SSE_ORACLE_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/http/sse.h"
#include "src/http/transport.h"

namespace infer::test {

struct SseRecord {
  std::string data{};
  std::string type{};
  std::string id{};
  friend bool operator==(const SseRecord& a, const SseRecord& b) {
    return a.data == b.data && a.type == b.type && a.id == b.id;
  }
};

struct SseTranscript {
  std::vector<SseRecord> events{};
  std::optional<std::uint64_t> retry{};
  std::string pending{};  // the data of an event that only lacks its empty line
  bool too_large = false;
  friend bool operator==(const SseTranscript& a, const SseTranscript& b) {
    return a.events == b.events && a.retry == b.retry && a.pending == b.pending &&
           a.too_large == b.too_large;
  }
};

// ---- the oracle

// Encoding standard, 8.1.1: the decoder of UTF-8, as its steps stand there.
inline std::u32string whatwg_utf8_decode(std::string_view bytes) {
  std::u32string out;
  std::uint32_t code_point = 0, needed = 0, seen = 0, lower = 0x80, upper = 0xBF;
  for (std::size_t i = 0; i < bytes.size();) {
    const std::uint32_t byte = static_cast<std::uint8_t>(bytes[i]);
    if (needed == 0) {
      ++i;
      if (byte <= 0x7F) {
        out.push_back(static_cast<char32_t>(byte));
      } else if (byte >= 0xC2 && byte <= 0xDF) {
        needed = 1;
        code_point = byte & 0x1F;
      } else if (byte >= 0xE0 && byte <= 0xEF) {
        if (byte == 0xE0) lower = 0xA0;
        if (byte == 0xED) upper = 0x9F;
        needed = 2;
        code_point = byte & 0xF;
      } else if (byte >= 0xF0 && byte <= 0xF4) {
        if (byte == 0xF0) lower = 0x90;
        if (byte == 0xF4) upper = 0x8F;
        needed = 3;
        code_point = byte & 0x7;
      } else {
        out.push_back(0xFFFD);
      }
      continue;
    }
    if (byte < lower || byte > upper) {  // the byte is looked at again
      code_point = needed = seen = 0;
      lower = 0x80;
      upper = 0xBF;
      out.push_back(0xFFFD);
      continue;
    }
    ++i;
    lower = 0x80;
    upper = 0xBF;
    code_point = (code_point << 6) | (byte & 0x3F);
    if (++seen != needed) continue;
    out.push_back(static_cast<char32_t>(code_point));
    code_point = needed = seen = 0;
  }
  if (needed != 0) out.push_back(0xFFFD);
  return out;
}

inline std::string utf8_of(const std::u32string& text) {
  std::string out;
  for (const char32_t c : text) {
    const auto put = [&](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
    if (c < 0x80) {
      put(c);
    } else if (c < 0x800) {
      put(0xC0 | (c >> 6)), put(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
      put(0xE0 | (c >> 12)), put(0x80 | ((c >> 6) & 0x3F)), put(0x80 | (c & 0x3F));
    } else {
      put(0xF0 | (c >> 18)), put(0x80 | ((c >> 12) & 0x3F));
      put(0x80 | ((c >> 6) & 0x3F)), put(0x80 | (c & 0x3F));
    }
  }
  return out;
}

// HTML standard, 9.2.6 "Interpreting an event stream".
class SseOracle {
 public:
  static SseTranscript read(std::string_view bytes) {
    if (bytes.substr(0, 3) == "\xEF\xBB\xBF") bytes.remove_prefix(3);  // "UTF-8 decode": one BOM
    SseOracle oracle;
    const std::u32string text = whatwg_utf8_decode(bytes);
    std::u32string line;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == U'\r' && i + 1 < text.size() && text[i + 1] == U'\n') {
        ++i;  // a pair is one end
      } else if (text[i] != U'\r' && text[i] != U'\n') {
        line.push_back(text[i]);
        continue;
      }
      oracle.line(line);
      line.clear();
    }
    if (line.empty() && !oracle.data_.empty()) {
      oracle.data_.pop_back();
      oracle.out_.pending = utf8_of(oracle.data_);
    }
    return oracle.out_;
  }

 private:
  void line(const std::u32string& line) {
    if (line.empty()) {
      dispatch();
    } else if (line[0] == U':') {
      // ignore the line
    } else if (const std::size_t colon = line.find(U':'); colon != std::u32string::npos) {
      std::u32string value = line.substr(colon + 1);
      if (!value.empty() && value[0] == U' ') value.erase(0, 1);
      field(line.substr(0, colon), value);
    } else {
      field(line, U"");
    }
  }
  void field(const std::u32string& name, const std::u32string& value) {
    if (name == U"event") {
      type_ = value;
    } else if (name == U"data") {
      data_ += value;
      data_.push_back(U'\n');
    } else if (name == U"id") {
      if (value.find(U'\0') == std::u32string::npos) id_ = value;
    } else if (name == U"retry") {
      if (!value.empty() && value.find_first_not_of(U"0123456789") == std::u32string::npos)
        out_.retry = number(value);
    }
  }
  static std::uint64_t number(const std::u32string& digits) {
    long double exact = 0;  // 64 bits of mantissa: enough up to where it no longer matters
    std::uint64_t wrapped = 0;
    for (const char32_t digit : digits) {
      exact = exact * 10 + static_cast<long double>(digit - U'0');
      wrapped = wrapped * 10 + (digit - U'0');
    }
    return exact > 18446744073709551615.0L ? ~std::uint64_t{0} : wrapped;
  }
  void dispatch() {
    if (data_.empty()) {
      type_.clear();
      return;
    }
    if (data_.back() == U'\n') data_.pop_back();
    out_.events.push_back(SseRecord{utf8_of(data_), utf8_of(type_), utf8_of(id_)});
    data_.clear();
    type_.clear();
  }

  SseTranscript out_{};
  std::u32string data_{}, type_{}, id_{};
};

// ---- the decoder, run over pieces

// Takes what the decoder gives until it wants more; false after kTooLarge.
inline bool sse_drain(http::SseDecoder& decoder, SseTranscript& out) {
  for (;;) {
    switch (decoder.next()) {
      case http::SseDecoder::Step::kMore: return true;
      case http::SseDecoder::Step::kTooLarge: out.too_large = true; return false;
      case http::SseDecoder::Step::kEvent: break;
    }
    const http::SseEvent& event = decoder.event();
    // The padding is read, so that a sanitizer sees where there is none.
    volatile char sum = 0;
    for (std::size_t i = 0; i < http::kPadding; ++i)
      sum = static_cast<char>(sum ^ event.data.data()[event.data.size() + i]);
    out.events.push_back(
        SseRecord{std::string(event.data), std::string(event.type), std::string(event.id)});
  }
}

// `cuts`: ascending offsets. Every piece has memory of its own, which goes before the next is fed;
// what stands behind it looks like the rest of a line, so that nobody takes the padding for text.
inline SseTranscript sse_decode(std::string_view bytes, const std::vector<std::size_t>& cuts,
                                std::size_t limit = 16 * 1024 * 1024) {
  http::SseDecoder decoder(limit);
  SseTranscript out;
  std::size_t at = 0;
  for (std::size_t i = 0; i <= cuts.size(); ++i) {
    const std::size_t end = i < cuts.size() ? std::min(cuts[i], bytes.size()) : bytes.size();
    const std::string_view piece = bytes.substr(at, end - at);
    const auto memory = std::make_unique<char[]>(piece.size() + http::kPadding);
    std::copy(piece.begin(), piece.end(), memory.get());
    for (std::size_t k = 0; k < http::kPadding; ++k)
      memory[piece.size() + k] = "\n\r\xA5:x"[(k + i) % 5];
    decoder.feed({memory.get(), piece.size()});
    if (!sse_drain(decoder, out)) break;
    at = end;
  }
  out.retry = decoder.retry();
  out.pending = decoder.pending_data();
  return out;
}

}  // namespace infer::test

#endif  // INFER_SRC_HTTP_SSE_ORACLE_H_
