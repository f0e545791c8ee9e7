#include "src/image/png_text.h"

#include <zlib.h>

#include <algorithm>
#include <new>

#include "infer/image.h"
#include "src/core/utf8.h"
#include "src/image/codec.h"
#include "src/image/png_chunks.h"

namespace infer {
namespace pictures {
namespace {

constexpr std::size_t kMostText = std::size_t{1} << 20;

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

std::string utf8_of_latin1(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (code < 0x80) {
      out += c;
      continue;
    }
    out += static_cast<char>(0xc0 | code >> 6);
    out += static_cast<char>(0x80 | (code & 0x3f));
  }
  return out;
}

// Nothing if a character has no place in Latin-1. The text is UTF-8.
std::optional<std::string> latin1_of_utf8(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto lead = static_cast<unsigned char>(text[i]);
    if (lead < 0x80) {
      out += text[i];
    } else if (lead == 0xc2 || lead == 0xc3) {
      out += static_cast<char>((lead & 3) << 6 | (text[++i] & 0x3f));
    } else {
      return std::nullopt;
    }
  }
  return out;
}

// The PNG specification, 11.3.3.1: printable, no space at an end, no two together.
bool is_keyword(std::string_view latin1) {
  if (latin1.empty() || latin1.size() > 79) return false;
  if (latin1.front() == ' ' || latin1.back() == ' ') return false;
  if (latin1.find("  ") != std::string_view::npos) return false;
  return std::all_of(latin1.begin(), latin1.end(), [](char c) {
    const auto code = static_cast<unsigned char>(c);
    return (code >= 32 && code <= 126) || code >= 161;
  });
}

Error wrong_pair(std::size_t i, const std::string& why) {
  const std::string field = "text[" + std::to_string(i) + "]";
  return Error(Errc::kInvalidRequest, field + ": " + why).with_detail("field", field);
}

void append_pair(std::string& out, const std::string& keyword, const std::string& text) {
  std::string data = *latin1_of_utf8(keyword) + '\0';
  const bool plain = is_ascii(text);
  // Not compressed, by no method, in no language, without a keyword in that language.
  if (!plain) data.append(4, '\0');
  data += text;
  append_chunk(out, plain ? "tEXt" : "iTXt", data);
}

bool is_text(std::string_view type) { return type == "tEXt" || type == "zTXt" || type == "iTXt"; }

// Takes what stands before the next NUL, and the NUL. Nothing if there is none.
std::optional<std::string_view> take_string(std::string_view& rest) {
  const std::size_t end = rest.find('\0');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view out = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return out;
}

struct InflateStream {
  z_stream z{};
  bool ready = inflateInit(&z) == Z_OK;
  ~InflateStream() {
    if (ready) inflateEnd(&z);
  }
};

// At most `most` bytes and one more, which says that there would be others.
std::optional<std::string> inflated(std::string_view packed, std::size_t most) {
  InflateStream stream;
  if (!stream.ready) throw std::bad_alloc();
  stream.z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.z.avail_in = static_cast<uInt>(packed.size());
  std::string out;
  char piece[4096];
  for (int status = Z_OK; status != Z_STREAM_END && out.size() <= most;) {
    stream.z.next_out = reinterpret_cast<Bytef*>(piece);
    stream.z.avail_out = sizeof piece;
    status = inflate(&stream.z, Z_NO_FLUSH);
    if (status == Z_MEM_ERROR) throw std::bad_alloc();
    if (status != Z_OK && status != Z_STREAM_END) return std::nullopt;
    out.append(piece, sizeof piece - stream.z.avail_out);
  }
  return out;
}

struct TextReader {
  PngText found{};
  std::size_t left = kMostText;

  // False if the chunk makes no sense.
  bool read(const PngChunk& chunk) {
    std::string_view rest = chunk.data;
    const auto keyword = take_string(rest);
    // Parts with nothing in them could be without number.
    if (!keyword || keyword->empty()) return false;
    bool packed = chunk.type == "zTXt";
    if (chunk.type == "iTXt") {
      if (rest.size() < 2) return false;
      packed = rest[0] != 0;
      rest.remove_prefix(1);
    }
    if (chunk.type != "tEXt") {
      if (rest.empty() || rest[0] != 0) return false;  // the only method is zlib's
      rest.remove_prefix(1);
    }
    if (chunk.type == "iTXt" && (!take_string(rest) || !take_string(rest))) return false;
    std::optional<std::string> text;
    if (packed)
      text = inflated(rest, left);
    else
      text = std::string(rest.substr(0, left + 1));
    if (!text) return false;
    add(utf8_of_latin1(*keyword),
        chunk.type == "iTXt" ? core::utf8_repaired(*text) : utf8_of_latin1(*text));
    return true;
  }
  bool too_much() const { return too_much_; }

 private:
  void add(std::string keyword, std::string text) {
    const std::size_t size = keyword.size() + text.size();
    too_much_ = too_much_ || size > left;
    left -= std::min(size, left);
    found.emplace_back(std::move(keyword), std::move(text));
  }
  bool too_much_ = false;
};

std::optional<Error> no_png(std::string_view png) {
  if (png.substr(0, kPngSignature.size()) == kPngSignature) return std::nullopt;
  return Error(Errc::kInvalidRequest, "this is no PNG: only a PNG has text in it");
}

}  // namespace

std::optional<Error> wrong_text(const PngText& text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto& [keyword, value] = text[i];
    if (core::utf8_error(keyword) != core::kValidUtf8 ||
        core::utf8_error(value) != core::kValidUtf8)
      return wrong_pair(i, "is no UTF-8");
    const auto latin1 = latin1_of_utf8(keyword);
    if (!latin1 || !is_keyword(*latin1))
      return wrong_pair(i,
                        "a keyword has 1 to 79 printable characters of Latin-1, and no space at "
                        "an end or beside another");
    if (value.find('\0') != std::string::npos) return wrong_pair(i, "text has no NUL in it");
    if (value.size() > kMostText)
      return wrong_pair(i, "has " + std::to_string(value.size()) + " bytes; the most is " +
                               std::to_string(kMostText));
  }
  return std::nullopt;
}

Result<std::string> with_text(std::string_view png, const PngText& text) {
  if (auto error = no_png(png)) return *std::move(error);
  std::string out(kPngSignature);
  PngChunks chunks(png);
  PngChunk chunk;
  for (bool first = true; chunks.next(chunk); first = false) {
    if (first && chunk.type != "IHDR") return damaged(ImageFormat::kPng, "it has no header");
    const std::string_view keyword = chunk.data.substr(0, chunk.data.find('\0'));
    const bool replaced =
        is_text(chunk.type) && std::any_of(text.begin(), text.end(), [&](const auto& pair) {
          return latin1_of_utf8(pair.first) == keyword;
        });
    if (!replaced) out += chunk.whole;
    if (first)
      for (const auto& [name, value] : text) append_pair(out, name, value);
  }
  if (!chunks.at_end()) return cut_off(ImageFormat::kPng);
  return out;
}

Result<PngText> text_of(std::string_view png) {
  if (auto error = no_png(png)) return *std::move(error);
  PngChunks chunks(png);
  PngChunk chunk;
  TextReader reader;
  while (chunks.next(chunk)) {
    if (!checksum_fits(chunk))
      return damaged(ImageFormat::kPng, "the checksum of a part does not fit");
    if (is_text(chunk.type) && !reader.read(chunk))
      return damaged(ImageFormat::kPng, "a text in it makes no sense");
    if (reader.too_much())
      return Error(Errc::kTooLarge, "the PNG has more than 1 MiB of text in it")
          .with_detail("have", std::to_string(kMostText));
  }
  if (!chunks.at_end()) return cut_off(ImageFormat::kPng);
  return std::move(reader.found);
}

}  // namespace pictures

inline namespace v0 {

Result<std::vector<std::pair<std::string, std::string>>> image_text(std::string_view png) try {
  return pictures::text_of(png);
} catch (const std::bad_alloc&) {
  return pictures::no_memory(ImageFormat::kPng);
}

}  // namespace v0
}  // namespace infer
