#include "infer/media.h"

#include <algorithm>
#include <utility>

#include "src/core/base64.h"
#include "src/core/utf8.h"
#include "src/port/file.h"

namespace infer {
inline namespace v0 {
namespace {

// ---- what bytes are

bool stands_at(std::string_view bytes, std::size_t offset, std::string_view what) {
  return bytes.size() >= offset + what.size() && bytes.substr(offset, what.size()) == what;
}

struct Magic {
  std::string_view begin{};
  std::string_view at_8{};  // empty: whatever
  std::string_view mime{};
};
constexpr Magic kMagics[] = {
    {"\x89PNG\r\n\x1a\n", "", "image/png"},
    {"\xff\xd8\xff", "", "image/jpeg"},
    {"GIF87a", "", "image/gif"},
    {"GIF89a", "", "image/gif"},
    {"RIFF", "WEBP", "image/webp"},
    {"RIFF", "WAVE", "audio/wav"},
    {{"II*\0", 4}, "", "image/tiff"},
    {{"MM\0*", 4}, "", "image/tiff"},
    {"%PDF-", "", "application/pdf"},
    {"OggS", "", "audio/ogg"},
    {"fLaC", "", "audio/flac"},
    {"ID3", "", "audio/mpeg"},
};

// "BM" alone begins many a text; the size of the header that follows has few values.
bool is_bmp(std::string_view bytes) {
  if (!stands_at(bytes, 0, "BM") || bytes.size() < 18) return false;
  constexpr std::string_view kHeaderSizes = "\x0c\x10\x28\x34\x38\x40\x6c\x7c";
  return kHeaderSizes.find(bytes[14]) != std::string_view::npos &&
         bytes.substr(15, 3) == std::string_view("\0\0\0", 3);
}

// A frame of MPEG audio, layer III, without a tag before it.
bool is_mp3_frame(std::string_view bytes) {
  if (bytes.size() < 3) return false;
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const bool layer_3 = at(0) == 0xff && (at(1) & 0xe6) == 0xe2;
  const bool version_known = (at(1) & 0x18) != 0x08;
  const bool rates_known = (at(2) & 0xf0) != 0xf0 && (at(2) & 0x0c) != 0x0c;
  return layer_3 && version_known && rates_known;
}

// The brands of an ISO media file say which pictures are in it.
std::string_view mime_of_brands(std::string_view bytes) {
  if (!stands_at(bytes, 4, "ftyp") || bytes.size() < 12) return {};
  std::size_t end = 0;
  for (std::size_t i = 0; i < 4; ++i) end = end << 8 | static_cast<unsigned char>(bytes[i]);
  end = std::min(end, bytes.size());
  bool heic = false;
  for (std::size_t at = 8; at + 4 <= end; at += 4) {
    if (at == 12) continue;  // the version
    const std::string_view brand = bytes.substr(at, 4);
    if (brand == "avif" || brand == "avis") return "image/avif";
    for (const std::string_view known : {"heic", "heix", "heim", "heis", "hevc", "hevx"})
      heic = heic || brand == known;
  }
  return heic ? std::string_view("image/heic") : std::string_view();
}

// ---- files

Error file_error(Errc code, const std::string& path, const std::string& what) {
  return Error(code, path + ": " + what).with_detail("field", "path");
}

Error too_large(const std::string& path, std::uint64_t size, std::size_t most) {
  return file_error(Errc::kTooLarge, path,
                    "has more than " + std::to_string(most) +
                        " bytes, the most that is read; raise max_bytes if that is meant")
      .with_detail("limit", "max_bytes")
      .with_detail("need", std::to_string(size))
      .with_detail("have", std::to_string(most));
}

// Not by what its directory says alone: some files of the system say that they have no bytes.
Result<std::string> bytes_of(const std::string& path, std::size_t max_bytes) {
  const auto file = port::File::open(path);
  if (!file) return Error(file.error()).with_detail("field", "path");
  if (!file->is_regular())
    return file_error(Errc::kIo, path,
                      "is no regular file; directories, devices and pipes are "
                      "not read");
  const auto said = static_cast<std::uint64_t>(std::max<std::int64_t>(file->size(), 0));
  if (said > max_bytes) return too_large(path, said, max_bytes);
  constexpr std::size_t kChunk = std::size_t{64} << 10;
  std::string bytes;
  for (std::size_t next = std::max<std::size_t>(said, kChunk);; next = bytes.size()) {
    const std::size_t had = bytes.size();
    bytes.resize(had + std::min(next, max_bytes - had) + 1);
    const std::size_t room = bytes.size() - had;
    const std::size_t got = file->read_at(static_cast<std::int64_t>(had), bytes.data() + had, room);
    bytes.resize(had + got);
    if (bytes.size() > max_bytes) return too_large(path, bytes.size(), max_bytes);
    if (got < room) break;
  }
  if (bytes.size() < said)
    return file_error(Errc::kIo, path,
                      "could be read up to byte " + std::to_string(bytes.size()) + " of " +
                          std::to_string(said) + " only");
  return bytes;
}

// ---- addresses

Error bad_url(const std::string& what) {
  return Error(Errc::kInvalidRequest, "url: " + what).with_detail("field", "url");
}

std::string lower_ascii(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return lower;
}

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'; }

// What an address that ends so is of; empty: it does not tell.
std::string_view mime_of_path(std::string_view url) {
  constexpr std::pair<std::string_view, std::string_view> kEndings[] = {
      {".png", "image/png"},   {".jpg", "image/jpeg"},      {".jpeg", "image/jpeg"},
      {".gif", "image/gif"},   {".webp", "image/webp"},     {".bmp", "image/bmp"},
      {".tif", "image/tiff"},  {".tiff", "image/tiff"},     {".heic", "image/heic"},
      {".avif", "image/avif"}, {".pdf", "application/pdf"}, {".wav", "audio/wav"},
      {".mp3", "audio/mpeg"},  {".ogg", "audio/ogg"},       {".flac", "audio/flac"},
  };
  const std::string path = lower_ascii(url.substr(0, url.find_first_of("?#")));
  const std::string_view name = std::string_view(path).substr(path.rfind('/') + 1);
  for (const auto& [ending, mime] : kEndings)
    if (name.size() > ending.size() && name.substr(name.size() - ending.size()) == ending)
      return mime;
  return {};
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Of what is no %XX, every byte stands for itself.
std::string percent_decoded(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
    const int low = high >= 0 ? hex_value(text[i + 2]) : -1;
    if (low < 0) {
      out += text[i];
      continue;
    }
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

// Base64 as browsers take it in such an address: white space anywhere, padding or none.
std::optional<std::string> from_forgiving_base64(std::string text) {
  text.erase(std::remove_if(text.begin(), text.end(), is_space), text.end());
  if (text.find('=') == std::string::npos) text.append((4 - text.size() % 4) % 4, '=');
  return core::from_base64(text);
}

// data:[type][;parameter]*[;base64],bytes (RFC 2397).
Result<Media> media_of_data_url(std::string_view url, std::string mime) {
  const std::size_t comma = url.find(',');
  if (comma == std::string_view::npos)
    return bad_url("a data: address needs a comma before its bytes");
  const std::string_view head = url.substr(5, comma - 5);
  const std::string type = lower_ascii(head.substr(0, head.find(';')));
  const std::string_view last = head.substr(std::min(head.rfind(';'), head.size()));
  std::string bytes = percent_decoded(url.substr(comma + 1));
  if (lower_ascii(last) == ";base64") {
    auto decoded = from_forgiving_base64(std::move(bytes));
    if (!decoded) return bad_url("the bytes of the data: address are no base64");
    bytes = std::move(*decoded);
  }
  if (bytes.empty()) return bad_url("the data: address has no bytes");
  Media media;
  media.mime = mime_of(bytes);
  if (media.mime.empty()) media.mime = std::move(mime);
  if (media.mime.empty()) media.mime = type;
  if (media.mime.empty()) return bad_url("what kind of file the data: address holds is unknown");
  media.source = Blob(std::move(bytes));
  return media;
}

}  // namespace

std::string_view mime_of(std::string_view bytes) noexcept {
  for (const Magic& magic : kMagics)
    if (stands_at(bytes, 0, magic.begin) && (magic.at_8.empty() || stands_at(bytes, 8, magic.at_8)))
      return magic.mime;
  if (is_bmp(bytes)) return "image/bmp";
  if (is_mp3_frame(bytes)) return "audio/mpeg";
  return mime_of_brands(bytes);
}

Result<Media> media_from_bytes(Blob bytes, std::string name) {
  const std::string what = name.empty() ? std::string("media") : name;
  if (bytes.empty()) return Error(Errc::kInvalidRequest, what + ": there are no bytes in it");
  Media media;
  media.mime = mime_of(bytes.view());
  if (media.mime.empty())
    return Error(Errc::kUnsupported,
                 what +
                     ": is no kind of file that is known by its beginning (PNG, JPEG, GIF, WebP, "
                     "BMP, TIFF, HEIC, AVIF, PDF, WAV, MP3, Ogg, FLAC); of another kind, make "
                     "the Media yourself and set its mime");
  media.source = std::move(bytes);
  media.name = std::move(name);
  return media;
}

Result<Media> media_from_file(const std::string& path, std::size_t max_bytes) {
  auto bytes = bytes_of(path, max_bytes);
  if (!bytes) return std::move(bytes.error());
  auto media = media_from_bytes(Blob(std::move(*bytes)), path);
  if (!media) return std::move(media.error()).with_detail("field", "path");
  media->name = path.substr(path.rfind('/') + 1);
  return media;
}

Result<Media> media_from_url(std::string url, std::string mime) {
  const std::string scheme = lower_ascii(std::string_view(url).substr(0, url.find(':')));
  if (scheme == "data") return media_of_data_url(url, std::move(mime));
  if ((scheme != "http" && scheme != "https") || url.find("://") != scheme.size())
    return bad_url(
        "must begin with https://, http:// or data:; a file is read with "
        "media_from_file()");
  const std::string_view rest = std::string_view(url).substr(scheme.size() + 3);
  if (rest.find_first_of("/?#") == 0 || rest.empty()) return bad_url("names no server");
  for (const char c : url)
    if (static_cast<unsigned char>(c) <= ' ' || c == 0x7f)
      return bad_url("holds a space or a control character; write it as %XX");
  if (core::utf8_error(url) != core::kValidUtf8) return bad_url("is not valid UTF-8");
  Media media;
  media.mime = mime.empty()
                   ? std::string(mime_of_path(rest.substr(std::min(rest.find('/'), rest.size()))))
                   : std::move(mime);
  media.source = Url{std::move(url)};
  return media;
}

}  // namespace v0
}  // namespace infer
