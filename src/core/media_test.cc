#include "infer/media.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <random>
#include <string>
#include <utility>
#include <vector>

#include "src/core/base64.h"
#include "src/port/temp_dir.h"

namespace infer {
namespace {

std::string bytes(std::initializer_list<int> values) {
  std::string out;
  for (const int value : values) out += static_cast<char>(value);
  return out;
}
std::string big(std::uint32_t value, int n) {
  std::string out;
  for (int i = n - 1; i >= 0; --i) out += static_cast<char>(value >> (8 * i) & 255);
  return out;
}
std::string little(std::uint32_t value, int n) {
  std::string out;
  for (int i = 0; i < n; ++i) out += static_cast<char>(value >> (8 * i) & 255);
  return out;
}

// ---- the beginnings of picture files, written by hand

std::string png(std::uint32_t w, std::uint32_t h) {
  return "\x89PNG\r\n\x1a\n" + big(13, 4) + "IHDR" + big(w, 4) + big(h, 4) +
         bytes({8, 2, 0, 0, 0}) + big(0, 4);
}
std::string segment(int marker, const std::string& payload) {
  return bytes({0xff, marker}) + big(static_cast<std::uint32_t>(payload.size()) + 2, 2) + payload;
}
std::string frame(std::uint32_t w, std::uint32_t h) {
  return bytes({8}) + big(h, 2) + big(w, 2) + bytes({1, 1, 0x11, 0});
}
// With a thumbnail inside of its Exif part, whose frame is not the picture's.
std::string jpeg(std::uint32_t w, std::uint32_t h, int marker = 0xc0) {
  const std::string small = bytes({0xff, 0xd8}) + segment(0xc0, frame(160, 120));
  return bytes({0xff, 0xd8}) + segment(0xe1, bytes({'E', 'x', 'i', 'f', 0, 0}) + small) +
         segment(0xc4, "tables") + bytes({0xff, 0xff}) + segment(0xdb, "tables") +
         segment(marker, frame(w, h)) + segment(0xda, "scan") + "....";
}
std::string gif(std::uint32_t w, std::uint32_t h) {
  return "GIF89a" + little(w, 2) + little(h, 2) + bytes({0, 0, 0, 0x3b});
}
std::string riff(const std::string& chunk, const std::string& payload) {
  const auto size = static_cast<std::uint32_t>(payload.size());
  return "RIFF" + little(size + 12, 4) + "WEBP" + chunk + little(size, 4) + payload;
}
std::string webp_lossy(std::uint32_t w, std::uint32_t h) {
  return riff("VP8 ", bytes({0x10, 0, 0, 0x9d, 0x01, 0x2a}) + little(w, 2) + little(h, 2) + "..");
}
std::string webp_lossless(std::uint32_t w, std::uint32_t h) {
  return riff("VP8L", bytes({0x2f}) + little((w - 1) | (h - 1) << 14, 4) + "...");
}
std::string webp_extended(std::uint32_t w, std::uint32_t h) {
  return riff("VP8X", bytes({0x10, 0, 0, 0}) + little(w - 1, 3) + little(h - 1, 3));
}
std::string bmp(std::uint32_t w, std::uint32_t h, std::uint32_t header = 40) {
  const int n = header == 12 ? 2 : 4;
  return "BM" + std::string(12, '\0') + little(header, 4) + little(w, n) + little(h, n) +
         std::string(16, '\0');
}

std::vector<std::pair<std::string, PictureSize>> pictures() {
  return {
      {png(1, 1), {1, 1}},
      {png(70000, 3), {70000, 3}},
      {jpeg(640, 480), {640, 480}},
      {jpeg(8000, 65535, 0xc2), {8000, 65535}},  // progressive
      {gif(10, 20), {10, 20}},
      {webp_lossy(16383, 2), {16383, 2}},
      {webp_lossy(300 | 0x4000, 200 | 0x8000), {300, 200}},  // how it is to be scaled
      {webp_lossless(16384, 1), {16384, 1}},
      {webp_lossless(7, 9), {7, 9}},
      {webp_extended(16777216, 5), {16777216, 5}},
      {bmp(33, 44), {33, 44}},
      {bmp(33, 0u - 44u), {33, 44}},  // the top row first
      {bmp(300, 200, 12), {300, 200}},
      {bmp(1, 2, 124), {1, 2}},
  };
}

TEST(PictureSize, of_every_kind) {
  for (const auto& [file, size] : pictures()) {
    const auto found = picture_size(file);
    ASSERT_TRUE(found) << mime_of(file);
    EXPECT_EQ(*found, size) << mime_of(file) << ' ' << found->width << 'x' << found->height;
  }
}

// Each prefix is memory of its own, so that a sanitizer sees a read behind its end. What a prefix
// says is nothing or the truth.
TEST(PictureSize, of_a_file_that_ends_anywhere) {
  for (const auto& [file, size] : pictures()) {
    bool found_before = false;
    for (std::size_t n = 0; n <= file.size(); ++n) {
      const std::vector<char> prefix(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(n));
      const auto found = picture_size({prefix.data(), prefix.size()});
      if (found) {
        EXPECT_EQ(*found, size) << mime_of(file) << " at " << n;
      }
      EXPECT_TRUE(found || !found_before) << mime_of(file) << " at " << n;
      found_before = found.has_value();
    }
    EXPECT_TRUE(found_before);
  }
}

TEST(PictureSize, of_a_picture_without_a_side_there_is_none) {
  for (const std::string& file :
       {png(0, 5),
        png(5, 0),
        png(0x80000000u, 5),
        jpeg(0, 5),
        jpeg(5, 0),
        gif(0, 1),
        gif(1, 0),
        webp_lossy(0, 1),
        webp_lossy(1, 0x4000),
        bmp(0, 1),
        bmp(1, 0),
        bmp(0x80000001u, 1),
        bmp(1, 0x80000000u),
        riff("VP8 ", std::string(20, 'x')),
        riff("VP8L", "x1234...."),
        riff("ALPH", std::string(20, 'x')),
        std::string("\x89PNG\r\n\x1a\n....CgBI............"),
        bytes({0xff, 0xd8}) + segment(0xda, "scan") + segment(0xc0, frame(1, 1)),
        bytes({0xff, 0xd8, 0xff, 0xe0, 0, 1}) + segment(0xc0, frame(1, 1)),
        bytes({0xff, 0xd8, 0xff, 0xe0, 0, 2}) + "no marker" + segment(0xc0, frame(1, 1)),
        bytes({0xff, 0xd8, 0xff, 0xc0, 0, 6, 8, 0, 1, 0, 1, 0, 0}),
        std::string("nonsense")})
    EXPECT_FALSE(picture_size(file)) << mime_of(file);
}

// Any bytes at all behind a beginning that is known.
TEST(PictureSize, of_damaged_files) {
  std::mt19937 random(7);
  const auto files = pictures();
  std::size_t sizes = 0;
  for (int round = 0; round < 40000; ++round) {
    std::string file = files[random() % files.size()].first;
    const auto keep = static_cast<std::size_t>(random() % (file.size() + 1));
    std::string tail(random() % 64, '\0');
    for (char& c : tail) c = static_cast<char>(random() % 4 == 0 ? 0xff : random());
    const std::string whole = file.substr(0, keep) + tail;
    const std::vector<char> own(whole.begin(), whole.end());
    const auto found = picture_size({own.data(), own.size()});
    if (!found) continue;
    ++sizes;
    EXPECT_GT(found->width, 0u);
    EXPECT_GT(found->height, 0u);
  }
  EXPECT_GT(sizes, 1000u);
}

TEST(MimeOf, what_a_file_begins_with) {
  const std::pair<std::string, const char*> files[] = {
      {png(1, 1), "image/png"},
      {jpeg(1, 1), "image/jpeg"},
      {gif(1, 1), "image/gif"},
      {"GIF87a", "image/gif"},
      {webp_lossy(1, 1), "image/webp"},
      {bmp(1, 1), "image/bmp"},
      {bytes({'I', 'I', '*', 0, 8, 0}), "image/tiff"},
      {bytes({'M', 'M', 0, '*', 0, 8}), "image/tiff"},
      {big(24, 4) + "ftypheic" + big(0, 4) + "mif1heic", "image/heic"},
      {big(24, 4) + "ftypmif1" + big(0, 4) + "heicmif1", "image/heic"},
      {big(24, 4) + "ftypavif" + big(0, 4) + "mif1miaf", "image/avif"},
      {big(24, 4) + "ftypmif1" + big(0, 4) + "miafavif", "image/avif"},
      {"%PDF-1.7\n", "application/pdf"},
      {"RIFF....WAVEfmt ", "audio/wav"},
      {"ID3\x04", "audio/mpeg"},
      {bytes({0xff, 0xfb, 0x90, 0x64}), "audio/mpeg"},
      {bytes({0xff, 0xf3, 0x40, 0xc4}), "audio/mpeg"},
      {"OggS", "audio/ogg"},
      {"fLaC", "audio/flac"},
      // None of them, though it looks a little like it.
      {"", ""},
      {"RIFF....AVI LIST", ""},
      {"RIFF....WAV", ""},
      {"BMW is a maker of cars, and no picture", ""},
      {"GIF88a", ""},
      {"%PDF", ""},
      {"\x89PNG\r\n", ""},
      {bytes({0xff, 0xd8}), ""},
      {bytes({0xff, 0xfe, 'a', 0}), ""},      // UTF-16
      {bytes({0xff, 0xf1, 0x50, 0x80}), ""},  // AAC
      {big(24, 4) + "ftypisom" + big(0, 4) + "isomheic", "image/heic"},
      {big(16, 4) + "ftypisom" + big(0, 4) + "heic", ""},  // behind the box
      {big(0xffffffffu, 4) + "ftypmp42", ""},
      {"<svg xmlns=", ""},
      {"plain text", ""},
  };
  for (const auto& [file, mime] : files) EXPECT_EQ(mime_of(file), mime) << file.substr(0, 20);
}

TEST(MimeOf, never_reads_behind_the_end) {
  std::mt19937 random(11);
  for (int round = 0; round < 20000; ++round) {
    std::vector<char> any(random() % 40);
    for (char& c : any) c = static_cast<char>(random());
    if (any.size() > 8 && random() % 2 == 0) std::copy_n("ftyp", 4, any.begin() + 4);
    const std::string_view mime = mime_of({any.data(), any.size()});
    EXPECT_TRUE(mime.empty() || mime.find('/') != std::string_view::npos);
  }
}

// ---- files

void expect_error(const Result<Media>& media, Errc code, const std::string& says,
                  std::string_view field = "path") {
  ASSERT_FALSE(media);
  EXPECT_EQ(media.error().code(), code) << media.error();
  EXPECT_NE(media.error().message().find(says), std::string::npos) << media.error();
  EXPECT_EQ(media.error().detail("field"), field);
}

TEST(MediaFromFile, is_its_bytes_its_type_and_its_name) {
  const port::TempDir dir;
  std::string file = png(3, 4);
  file.resize(200000, 'x');  // more than one piece
  const auto media = media_from_file(dir.write("in/my cat.JPG", file));
  ASSERT_TRUE(media) << media.error();
  EXPECT_EQ(media->mime, "image/png");  // whatever it is called
  EXPECT_EQ(media->name, "my cat.JPG");
  EXPECT_EQ(std::get<Blob>(media->source).view(), file);
  EXPECT_EQ(media->detail, "");
}

TEST(MediaFromFile, names_what_is_wrong) {
  const port::TempDir dir;
  expect_error(media_from_file(dir / "none.png"), Errc::kNotFound, dir / "none.png");
  expect_error(media_from_file(dir.path()), Errc::kIo, "no regular file");
  expect_error(media_from_file(""), Errc::kNotFound, "");
  expect_error(media_from_file(dir.write("empty", "")), Errc::kInvalidRequest, "no bytes");
  expect_error(media_from_file(dir.write("a.txt", "just text")), Errc::kUnsupported, "a.txt");
  if (geteuid() != 0) {  // who may read everything
    const std::string file = dir.write("closed.png", png(1, 1));
    ASSERT_EQ(chmod(file.c_str(), 0), 0);
    expect_error(media_from_file(file), Errc::kForbidden, "closed.png");
  }
}

TEST(MediaFromFile, reads_no_more_than_it_may) {
  const port::TempDir dir;
  const std::string file = dir.write("a.png", png(1, 1) + std::string(1000, 'x'));
  const std::size_t size = png(1, 1).size() + 1000;
  EXPECT_TRUE(media_from_file(file, size));
  for (const std::size_t most : {size - 1, std::size_t{1}, std::size_t{0}}) {
    const auto media = media_from_file(file, most);
    expect_error(media, Errc::kTooLarge, std::to_string(most));
    EXPECT_EQ(media.error().detail("limit"), "max_bytes");
    EXPECT_EQ(media.error().detail("need"), std::to_string(size));
    EXPECT_EQ(media.error().detail("have"), std::to_string(most));
  }
}

TEST(MediaFromFile, does_not_wait_for_what_has_no_end) {
  const port::TempDir dir;
  const std::string pipe = dir / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  expect_error(media_from_file(pipe), Errc::kIo, "no regular file");
  for (const char* device : {"/dev/zero", "/dev/null"})
    if (access(device, R_OK) == 0)
      expect_error(media_from_file(device), Errc::kIo, "no regular file");
  // The system says of these that they are empty, and they are not.
  if (access("/proc/self/maps", R_OK) == 0) {
    expect_error(media_from_file("/proc/self/maps"), Errc::kUnsupported, "/proc/self/maps");
    expect_error(media_from_file("/proc/self/maps", 10), Errc::kTooLarge, "10 bytes");
  }
}

TEST(MediaFromBytes, tells_the_type) {
  const auto media = media_from_bytes(Blob(gif(1, 2)), "a.gif");
  ASSERT_TRUE(media);
  EXPECT_EQ(media->mime, "image/gif");
  EXPECT_EQ(media->name, "a.gif");
  expect_error(media_from_bytes(Blob()), Errc::kInvalidRequest, "no bytes", "");
  expect_error(media_from_bytes(Blob(std::string("text")), "b"), Errc::kUnsupported, "b:", "");
}

// ---- addresses

TEST(MediaFromUrl, is_passed_on_as_it_is) {
  struct Case {
    std::string url;
    std::string mime;   // given
    std::string found;  // in the Media
  };
  const Case cases[] = {
      {"https://example.com/cat", "", ""},
      {"https://example.com/cat.PNG?size=1#a.pdf", "", "image/png"},
      {"HTTP://example.com/a/b.pdf", "", "application/pdf"},
      {"https://example.com/b.pdf", "image/png", "image/png"},
      {"https://example.com/doc", "application/pdf", "application/pdf"},
      {"https://example.com", "", ""},
      {"https://example.png", "", ""},
      {"https://example.com/.png", "", ""},
      {"https://example.com/x.png/y", "", ""},
      {"https://user@[::1]:8080/a%20b.jpeg", "", "image/jpeg"},
      {"https://example.com/\xc3\xa9.webp", "", "image/webp"},
  };
  for (const Case& c : cases) {
    const auto media = media_from_url(c.url, c.mime);
    ASSERT_TRUE(media) << media.error();
    EXPECT_EQ(std::get<Url>(media->source).url, c.url);
    EXPECT_EQ(media->mime, c.found) << c.url;
  }
}

TEST(MediaFromUrl, what_is_no_address_of_the_web) {
  for (const char* url : {"",
                          "cat.png",
                          "/photos/cat.png",
                          "file:///etc/passwd",
                          "ftp://example.com/a.png",
                          "https:",
                          "https:/example.com",
                          "https://",
                          "https:///a.png",
                          "https://?x",
                          "//example.com",
                          "javascript:alert(1)",
                          "https://example.com/a b.png",
                          "https://example.com/a\nb",
                          "https://example.com/\x01",
                          "https://example.com/\xff",
                          "data:",
                          "data:image/png;base64",
                          "data:;base64,",
                          "data:image/png,",
                          "data:image/png;base64,!!!!",
                          "data:image/png;base64,iVBORw0KGg=x",
                          "data:,"})
    expect_error(media_from_url(url), Errc::kInvalidRequest, "url: ", "url");
}

TEST(MediaFromUrl, the_bytes_of_a_data_address) {
  const std::string file = png(5, 6);
  const std::string base64 = core::to_base64(file);
  std::string unpadded = base64;
  while (unpadded.back() == '=') unpadded.pop_back();
  std::string escaped;
  for (const char c : base64) escaped += c == '+' ? "%2B" : c == '=' ? "%3d" : std::string(1, c);
  for (const std::string& url :
       {"data:image/png;base64," + base64, "DATA:image/PNG;charset=x;BASE64," + base64,
        "data:;base64," + base64, "data:image/jpeg;base64," + base64,
        "data:image/png;base64," + unpadded, "data:image/png;base64," + escaped,
        "data:image/png;base64," + base64.substr(0, 8) + "\r\n " + base64.substr(8)}) {
    const auto media = media_from_url(url);
    ASSERT_TRUE(media) << url << ' ' << media.error();
    EXPECT_EQ(media->mime, "image/png") << url;
    EXPECT_EQ(std::get<Blob>(media->source).view(), file) << url;
  }
  const auto text = media_from_url("data:text/plain;charset=utf-8,50%25%20off%2");
  ASSERT_TRUE(text) << text.error();
  EXPECT_EQ(text->mime, "text/plain");
  EXPECT_EQ(std::get<Blob>(text->source).view(), "50% off%2");
  const auto named = media_from_url("data:,abc", "text/markdown");
  ASSERT_TRUE(named);
  EXPECT_EQ(named->mime, "text/markdown");
}

// Whatever comes in is refused or gives bytes: nothing is read outside of it.
TEST(MediaFromUrl, any_data_address) {
  std::mt19937 random(13);
  constexpr std::string_view kLetters = "abcXYZ09+/=%,;:. \n2Ff\xff";
  for (int round = 0; round < 20000; ++round) {
    std::string url = "data:";
    if (random() % 2 == 0) url += "a/b;base64,";
    for (std::size_t n = random() % 24; n > 0; --n) url += kLetters[random() % kLetters.size()];
    const auto media = media_from_url(url);
    if (!media)
      EXPECT_EQ(media.error().code(), Errc::kInvalidRequest);
    else
      EXPECT_FALSE(std::get<Blob>(media->source).empty());
  }
}

}  // namespace
}  // namespace infer
