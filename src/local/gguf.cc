#include "src/local/gguf.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "src/core/utf8.h"

namespace infer::local {
namespace {

// GGUF is little-endian; so are the machines this runs on.
enum Type : std::uint32_t {
  kUint8,
  kInt8,
  kUint16,
  kInt16,
  kUint32,
  kInt32,
  kFloat32,
  kBool,
  kString,
  kArray,
  kUint64,
  kInt64,
  kFloat64
};

// Far beyond every real one (large vocabularies take some 20 MiB): where a hostile file stops.
constexpr std::int64_t kMaxHeader = std::int64_t{128} << 20;

constexpr bool is_integer(std::uint32_t type) {
  return type <= kInt32 || type == kUint64 || type == kInt64;
}

constexpr std::size_t size_of(std::uint32_t type) {
  switch (type) {
    case kUint8:
    case kInt8:
    case kBool: return 1;
    case kUint16:
    case kInt16: return 2;
    case kUint32:
    case kInt32:
    case kFloat32: return 4;
    case kUint64:
    case kInt64:
    case kFloat64: return 8;
    default: return 0;
  }
}

// Reads forward through the file with a buffer; remembers the first thing that went wrong.
class Cursor {
 public:
  explicit Cursor(const port::File& file)
      : file_(file),
        size_(std::clamp<std::int64_t>(file.size(), 0, kMaxHeader)),
        buffer_(1 << 16) {}

  std::int64_t offset() const { return offset_; }
  bool ok() const { return ok_; }
  void fail() { ok_ = false; }

  template <class T>
  T read() {
    T value{};
    bytes(&value, sizeof value);
    return value;
  }
  void skip(std::uint64_t n) {
    if (!ok_ || n > static_cast<std::uint64_t>(size_ - offset_)) return fail();
    offset_ += static_cast<std::int64_t>(n);
  }
  // A string; one that is longer than `keep` is passed over and reads as empty.
  std::string string(std::size_t keep) {
    const auto n = read<std::uint64_t>();
    std::string text;
    if (n > keep) {
      skip(n);
    } else {
      text.resize(static_cast<std::size_t>(n));
      bytes(text.data(), text.size());
    }
    return text;
  }

 private:
  void bytes(void* to, std::size_t n) {
    if (!ok_ || n > static_cast<std::size_t>(size_ - offset_)) return fail();
    char* out = static_cast<char*>(to);
    while (n > 0) {
      if (offset_ < start_ || offset_ >= start_ + have_) {
        start_ = offset_;
        have_ = static_cast<std::int64_t>(file_.read_at(start_, buffer_.data(), buffer_.size()));
        if (have_ == 0) return fail();
      }
      const std::size_t chunk = std::min(n, static_cast<std::size_t>(start_ + have_ - offset_));
      std::memcpy(out, buffer_.data() + (offset_ - start_), chunk);
      out += chunk;
      n -= chunk;
      offset_ += static_cast<std::int64_t>(chunk);
    }
  }

  const port::File& file_;
  std::int64_t size_;  // how far to read; offset_ never passes it
  std::vector<char> buffer_;
  std::int64_t start_ = 0, have_ = 0, offset_ = 0;
  bool ok_ = true;
};

std::optional<std::int64_t> read_integer(Cursor& in, std::uint32_t type) {
  switch (type) {
    case kUint8: return in.read<std::uint8_t>();
    case kInt8: return in.read<std::int8_t>();
    case kUint16: return in.read<std::uint16_t>();
    case kInt16: return in.read<std::int16_t>();
    case kUint32: return in.read<std::uint32_t>();
    case kInt32: return in.read<std::int32_t>();
    case kUint64: return static_cast<std::int64_t>(in.read<std::uint64_t>());
    case kInt64: return in.read<std::int64_t>();
    default: return std::nullopt;
  }
}

void skip_value(Cursor& in, std::uint32_t type) {
  if (type == kString) return in.skip(in.read<std::uint64_t>());
  if (type != kArray) {
    if (size_of(type) == 0) return in.fail();
    return in.skip(size_of(type));
  }
  const auto element = in.read<std::uint32_t>();
  const auto n = in.read<std::uint64_t>();
  if (element == kString) {
    for (std::uint64_t i = 0; i < n && in.ok(); ++i) in.skip(in.read<std::uint64_t>());
  } else if (size_of(element) == 0 || n > std::numeric_limits<std::uint64_t>::max() / 8) {
    in.fail();  // arrays of arrays do not occur
  } else {
    in.skip(n * size_of(element));
  }
}

// llama.cpp's llama_ftype numbers (include/llama.h there).
std::string quantization_name(std::int64_t file_type) {
  constexpr std::array<std::pair<int, const char*>, 31> kNames = {
      {{0, "F32"},      {1, "F16"},      {2, "Q4_0"},    {3, "Q4_1"},    {7, "Q8_0"},
       {8, "Q5_0"},     {9, "Q5_1"},     {10, "Q2_K"},   {11, "Q3_K_S"}, {12, "Q3_K_M"},
       {13, "Q3_K_L"},  {14, "Q4_K_S"},  {15, "Q4_K_M"}, {16, "Q5_K_S"}, {17, "Q5_K_M"},
       {18, "Q6_K"},    {19, "IQ2_XXS"}, {20, "IQ2_XS"}, {21, "Q2_K_S"}, {22, "IQ3_XS"},
       {23, "IQ3_XXS"}, {24, "IQ1_S"},   {25, "IQ4_NL"}, {26, "IQ3_S"},  {27, "IQ3_M"},
       {28, "IQ2_S"},   {29, "IQ2_M"},   {30, "IQ4_XS"}, {31, "IQ1_M"},  {32, "BF16"},
       {38, "MXFP4"}}};
  for (const auto& [number, name] : kNames)
    if (number == file_type) return name;
  return {};
}

void read_pair(Cursor& in, GgufHeader& header) {
  const std::string key = in.string(1024);
  const auto type = in.read<std::uint32_t>();
  constexpr std::string_view kContext = ".context_length";
  if (type == kString && key == "general.architecture") {
    header.architecture = core::utf8_repaired(in.string(1 << 10));
  } else if (type == kString && key == "general.name") {
    header.name = core::utf8_repaired(in.string(1 << 16));
  } else if (key == "general.file_type" && is_integer(type)) {
    header.quantization = quantization_name(read_integer(in, type).value_or(-1));
  } else if (key.ends_with(kContext) && is_integer(type)) {
    header.context = std::max<std::int64_t>(read_integer(in, type).value_or(0), 0);
  } else {
    skip_value(in, type);
  }
}

// How many numbers the tensor has; at most kMaxParameters.
constexpr std::int64_t kMaxParameters = std::int64_t{1} << 60;

std::int64_t read_tensor(Cursor& in, const OnGgufTensor& on_tensor) {
  const std::string name = in.string(1024);
  std::vector<std::int64_t> shape;
  const auto dimensions = in.read<std::uint32_t>();
  if (dimensions > 8) in.fail();
  std::uint64_t n = 1;
  for (std::uint32_t i = 0; i < dimensions && in.ok(); ++i) {
    const auto length = in.read<std::uint64_t>();
    if (length != 0 && n > std::uint64_t{kMaxParameters} / length) in.fail();
    n *= length;
    shape.push_back(static_cast<std::int64_t>(std::min<std::uint64_t>(length, INT64_MAX)));
  }
  in.skip(sizeof(std::uint32_t) + sizeof(std::uint64_t));  // type, offset
  if (!in.ok()) return 0;
  if (on_tensor) on_tensor(name, shape);
  return static_cast<std::int64_t>(n);
}

Error invalid(const std::string& what) { return Error(Errc::kModelInvalid, what); }

}  // namespace

Result<GgufHeader> read_gguf(const port::File& file, const OnGgufTensor& on_tensor) {
  Cursor in(file);
  const auto magic = in.read<std::uint32_t>();
  if (!in.ok()) return invalid("not a GGUF file: it is empty or cannot be read");
  constexpr std::uint32_t kMagic = 0x46554747;  // "GGUF"
  if (magic != kMagic) return invalid("not a GGUF file: it does not begin with 'GGUF'");
  const auto version = in.read<std::uint32_t>();
  if (version < 2 || version > 3)
    return invalid("GGUF version " + std::to_string(version) + "; versions 2 and 3 are read");
  const auto tensors = in.read<std::uint64_t>();
  const auto pairs = in.read<std::uint64_t>();
  GgufHeader header;
  for (std::uint64_t i = 0; i < pairs && in.ok(); ++i) read_pair(in, header);
  for (std::uint64_t i = 0; i < tensors && in.ok(); ++i) {
    header.parameters += read_tensor(in, on_tensor);
    if (header.parameters > kMaxParameters) in.fail();
  }
  if (!in.ok())
    return invalid("the GGUF header is damaged or cut off at byte " + std::to_string(in.offset()));
  return header;
}

}  // namespace infer::local
