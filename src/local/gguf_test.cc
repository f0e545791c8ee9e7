#include "src/local/gguf.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <random>
#include <sstream>
#include <vector>

#include "src/core/utf8.h"
#include "src/port/temp_dir.h"

namespace infer::local {
namespace {

std::string shipped() {
  std::ifstream file(INFER_SOURCE_DIR "/models/tiny-chat/tiny-chat.gguf", std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

// A file whose bytes may change while it is open.
class Scratch {
 public:
  explicit Scratch(const std::string& bytes)
      : path_(dir_.write("m.gguf", bytes)),
        fd_(open(path_.c_str(), O_RDWR | O_CLOEXEC)),
        file_(std::move(*port::File::open(path_))) {}
  ~Scratch() { close(fd_); }
  Result<GgufHeader> read() { return read_gguf(file_); }
  void cut(std::size_t n) { ASSERT_EQ(ftruncate(fd_, static_cast<off_t>(n)), 0); }
  void put(std::size_t at, char byte) {
    ASSERT_EQ(pwrite(fd_, &byte, 1, static_cast<off_t>(at)), 1);
  }

 private:
  port::TempDir dir_;
  std::string path_;
  int fd_;
  port::File file_;
};

Result<GgufHeader> read_bytes(const std::string& bytes) { return Scratch(bytes).read(); }

// Writes headers, right and wrong.
struct Writer {
  std::string bytes;
  template <class T>
  Writer& put(T value) {
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }
  Writer& text(std::string_view s) {
    put<std::uint64_t>(s.size());
    bytes += s;
    return *this;
  }
  static Writer header(std::uint64_t tensors, std::uint64_t pairs, std::uint32_t version = 3) {
    Writer w;
    w.bytes = "GGUF";
    w.put(version).put(tensors).put(pairs);
    return w;
  }
  Writer& architecture() {
    return text("general.architecture").put<std::uint32_t>(8).text("llama");
  }
  Writer& tensor(std::vector<std::uint64_t> shape) {
    text("t").put(static_cast<std::uint32_t>(shape.size()));
    for (std::uint64_t n : shape) put(n);
    return put<std::uint32_t>(0).put<std::uint64_t>(0);
  }
};

TEST(Gguf, ShowsItsTensors) {
  Writer w = Writer::header(2, 0);
  w.tensor({2, 3}).tensor({5});
  const port::TempDir dir;
  std::string seen;
  const auto header = read_gguf(*port::File::open(dir.write("m.gguf", w.bytes)),
                                [&](std::string_view name, const auto& shape) {
                                  seen += std::string(name) + std::to_string(shape.size()) + "," +
                                          std::to_string(shape[0]) + ";";
                                });
  ASSERT_TRUE(header) << header.error();
  EXPECT_EQ(header->architecture, "");
  EXPECT_EQ(seen, "t2,2;t1,5;");
}

TEST(Gguf, ReadsTheShippedModel) {
  auto header = read_bytes(shipped());
  ASSERT_TRUE(header) << header.error();
  EXPECT_FALSE(header->architecture.empty());
  EXPECT_EQ(header->quantization, "F16");
  EXPECT_GT(header->parameters, 100000);
  EXPECT_GT(header->context, 0);
}

TEST(Gguf, EveryTruncationIsACleanError) {
  std::string bytes = shipped();
  ASSERT_GT(bytes.size(), 40000u);
  bytes.resize(40000);
  Scratch file(bytes);
  // The header ends somewhere; what is cut before is an error, what is cut after is not.
  bool cut_before = false;
  for (std::size_t n = bytes.size(); n-- > 0;) {
#if defined(__SANITIZE_THREAD__)
    if (n % 29 != 0) continue;  // one thread: there is nothing more to find, slowly
#endif
    file.cut(n);
    auto header = file.read();
    if (header) {
      ASSERT_FALSE(cut_before) << "readable at " << n;
    } else {
      cut_before = true;
      ASSERT_EQ(header.error().code(), Errc::kModelInvalid);
      ASSERT_FALSE(header.error().message().empty());
    }
  }
}

TEST(Gguf, RandomDamageNeverCrashes) {
  std::string bytes = shipped();
  bytes.resize(40000);
  Scratch file(bytes);
  std::mt19937 random(6);
  int readable = 0;
  for (int i = 0; i < 20000; ++i) {
    // Half of the damage goes to the first 2 KiB, where the structure is densest.
    std::vector<std::size_t> places;
    for (unsigned n = 1 + random() % 3; n > 0; --n)
      places.push_back(random() % (random() % 2 == 0 ? 2048 : bytes.size()));
    for (std::size_t at : places) file.put(at, static_cast<char>(random()));
    if (auto header = file.read()) {
      ++readable;
      ASSERT_EQ(core::utf8_error(header->architecture), core::kValidUtf8);
      ASSERT_GE(header->parameters, 0);
      ASSERT_GE(header->context, 0);
    } else {
      ASSERT_EQ(header.error().code(), Errc::kModelInvalid);
    }
    for (std::size_t at : places) file.put(at, bytes[at]);
  }
  EXPECT_EQ(file.read().has_value(), read_bytes(bytes).has_value());
  RecordProperty("readable", readable);
}

TEST(Gguf, HostileSizesAreErrors) {
  constexpr std::uint64_t kHuge[] = {UINT64_MAX, UINT64_MAX / 2, std::uint64_t{1} << 62,
                                     std::uint64_t{1} << 40, UINT32_MAX};
  for (std::uint64_t n : kHuge) {
    EXPECT_FALSE(read_bytes(Writer::header(0, n).architecture().bytes));
    EXPECT_FALSE(read_bytes(Writer::header(n, 1).architecture().bytes));
    EXPECT_FALSE(read_bytes(Writer::header(0, 1).put(n).bytes));  // a key
    EXPECT_FALSE(read_bytes(
        Writer::header(0, 1).text("general.architecture").put<std::uint32_t>(8).put(n).bytes));
    for (std::uint32_t element = 0; element < 14; ++element)
      EXPECT_FALSE(read_bytes(Writer::header(0, 2)
                                  .architecture()
                                  .text("a")
                                  .put<std::uint32_t>(9)
                                  .put(element)
                                  .put(n)
                                  .bytes));
    EXPECT_FALSE(read_bytes(Writer::header(1, 1).architecture().tensor({n, n, n}).bytes));
  }
  // Many tensors, each just large enough.
  Writer many = Writer::header(64, 1).architecture();
  for (int i = 0; i < 64; ++i) many.tensor({std::uint64_t{1} << 59});
  EXPECT_FALSE(read_bytes(many.bytes));
  Writer wide = Writer::header(1, 1).architecture();
  wide.text("t").put<std::uint32_t>(UINT32_MAX);
  EXPECT_FALSE(read_bytes(wide.bytes + std::string(100, '\0')));
  Writer empty = Writer::header(2, 1).architecture().tensor({0, UINT64_MAX}).tensor({2, 3});
  ASSERT_TRUE(read_bytes(empty.bytes));
  EXPECT_EQ(read_bytes(empty.bytes)->parameters, 6);
}

TEST(Gguf, HugeSparseFilesDoNotTakeForEver) {
  // Zeros read as pairs without name and value; there are 2^60 of them.
  port::TempDir dir;
  const std::string path = dir.write("m.gguf", Writer::header(0, std::uint64_t{1} << 60).bytes);
  ASSERT_EQ(truncate(path.c_str(), off_t{1} << 40), 0);
  EXPECT_FALSE(read_gguf(*port::File::open(path)));
}

TEST(Gguf, NestedArraysAndUnknownTypesAreErrors) {
  Writer nested = Writer::header(0, 2).architecture().text("a");
  for (int i = 0; i < 100; ++i) nested.put<std::uint32_t>(9);
  EXPECT_FALSE(read_bytes(nested.bytes));
  for (std::uint32_t type : {13u, 99u, UINT32_MAX})
    EXPECT_FALSE(read_bytes(Writer::header(0, 2).architecture().text("a").put(type).bytes +
                            std::string(100, '\0')));
}

TEST(Gguf, WrongKindsOfFile) {
  const auto message = [](const std::string& bytes) {
    auto header = read_bytes(bytes);
    return header ? std::string() : header.error().message();
  };
  EXPECT_NE(message("").find("empty"), std::string::npos);
  EXPECT_NE(message("ELF and more").find("GGUF"), std::string::npos);
  EXPECT_NE(message(Writer::header(0, 0, 1).bytes).find("version 1"), std::string::npos);
  EXPECT_NE(message(Writer::header(0, 0, 4).bytes).find("version 4"), std::string::npos);
  auto null = port::File::open("/dev/null");
  EXPECT_FALSE(read_gguf(*null));
  auto zero = port::File::open("/dev/zero");
  EXPECT_FALSE(read_gguf(*zero));
}

// A key of ours with a value of another type is passed over whole, so that what follows is read.
TEST(Gguf, OddTypesOfKnownKeysDoNotShiftTheRest) {
  for (const char* key : {"general.file_type", "llama.context_length", "general.name"}) {
    for (std::uint32_t type = 0; type < 13; ++type) {
      if (type == 9) continue;
      static constexpr std::size_t kSizes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
      Writer w = Writer::header(0, 2).text(key).put(type);
      if (type == 8)
        w.text("four");
      else
        w.bytes += std::string(kSizes[type], '\x7F');
      auto header = read_bytes(w.architecture().bytes);
      ASSERT_TRUE(header) << key << " as type " << type << ": " << header.error();
      EXPECT_EQ(header->architecture, "llama");
      EXPECT_GE(header->context, 0);
    }
  }
  Writer negative = Writer::header(0, 2).text("llama.context_length").put<std::uint32_t>(11);
  EXPECT_EQ(read_bytes(negative.put<std::int64_t>(-5).architecture().bytes)->context, 0);
}

TEST(Gguf, TextIsRepaired) {
  Writer w = Writer::header(0, 1).text("general.architecture").put<std::uint32_t>(8);
  auto header = read_bytes(w.text("ll\xFFma").bytes);
  ASSERT_TRUE(header);
  EXPECT_EQ(header->architecture, "ll\xEF\xBF\xBDma");
}

}  // namespace
}  // namespace infer::local
