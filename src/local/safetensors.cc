#include "src/local/safetensors.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "src/core/json.h"
#include "src/core/utf8.h"

namespace infer::local {
namespace {

// The largest of real ones, of models with hundreds of billions of numbers, have some MiB.
constexpr std::uint64_t kMaxHeaderSize = std::uint64_t{32} << 20;
constexpr std::size_t kMaxDimensions = 16;
constexpr std::int64_t kMaxCount = std::int64_t{1} << 60;

struct DtypeSize {
  std::string_view name;
  int bits;
};

constexpr DtypeSize kDtypes[] = {
    {"BOOL", 8},    {"U8", 8},          {"I8", 8},         {"F8_E5M2", 8}, {"F8_E4M3", 8},
    {"F8_E8M0", 8}, {"I16", 16},        {"U16", 16},       {"F16", 16},    {"BF16", 16},
    {"I32", 32},    {"U32", 32},        {"F32", 32},       {"I64", 64},    {"U64", 64},
    {"F64", 64},    {"C64", 64},        {"F4", 4},         {"F6_E2M3", 6}, {"F6_E3M2", 6},
    {"C128", 128},  {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}};

int bits_of(std::string_view dtype) {
  for (const DtypeSize& known : kDtypes)
    if (known.name == dtype) return known.bits;
  return 0;
}

Error invalid_tensors(const std::string& what) {
  return Error(Errc::kModelInvalid, "not a whole .safetensors file: " + what);
}

// A name out of a file, for a message.
std::string shown(std::string_view name) {
  constexpr std::size_t kLongest = 120;
  std::string text = "'";
  for (const char c : core::utf8_repaired(name.substr(0, kLongest)))
    text += static_cast<unsigned char>(c) < 0x20 ? '?' : c;
  return text + (name.size() > kLongest ? "...'" : "'");
}

// Takes the header piece by piece, so that no tree of it is ever in memory. Only what the format
// has is let through: two levels of objects, and arrays of whole numbers below.
class HeaderSax final : public nlohmann::json_sax<core::Json> {
 public:
  SafetensorsHeader header{};
  std::string problem{};

  bool null() override { return refuse("null"); }
  bool boolean(bool) override { return refuse("a truth value"); }
  bool number_integer(number_integer_t) override { return refuse("a negative number"); }
  bool number_float(number_float_t, const string_t&) override { return refuse("a fraction"); }
  bool binary(binary_t&) override { return refuse("bytes"); }

  bool number_unsigned(number_unsigned_t value) override {
    if (!in_array_ || value > std::uint64_t{INT64_MAX}) return refuse("the number");
    const auto number = static_cast<std::int64_t>(value);
    if (key_ == "shape") {
      if (tensor_.shape.size() >= kMaxDimensions) return refuse("so many dimensions");
      tensor_.shape.push_back(number);
      return true;
    }
    if (offsets_ >= 2) return refuse("a third number");
    (offsets_ == 0 ? tensor_.begin : tensor_.end) = number;
    ++offsets_;
    return true;
  }
  bool string(string_t& text) override {
    if (in_metadata_) {
      header.metadata[key_] = std::move(text);
      return true;
    }
    if (depth_ != 2 || in_array_ || key_ != "dtype") return refuse("a text");
    tensor_.dtype = std::move(text);
    return true;
  }
  bool start_object(std::size_t) override {
    if (depth_ >= 2 || in_array_) return refuse("an object");
    if (++depth_ == 2) begin_entry();
    return true;
  }
  bool key(string_t& name) override {
    if (depth_ == 1) {
      entry_ = std::move(name);
      key_.clear();
      if (!names_.insert(entry_).second) return fail("its name comes twice");
      return true;
    }
    key_ = std::move(name);
    if (in_metadata_) return true;
    const bool known = key_ == "dtype" || key_ == "shape" || key_ == "data_offsets";
    if (!known) return fail("it has a member " + shown(key_) + ", which no tensor has");
    return true;
  }
  bool end_object() override {
    if (depth_ == 2 && !in_metadata_ && !end_tensor()) return false;
    in_metadata_ = false;
    --depth_;
    return true;
  }
  bool start_array(std::size_t) override {
    if (depth_ != 2 || in_array_ || in_metadata_ || (key_ != "shape" && key_ != "data_offsets"))
      return refuse("an array");
    if (key_ == "shape") {
      tensor_.shape.clear();
      has_shape_ = true;
    } else {
      offsets_ = 0;
    }
    in_array_ = true;
    return true;
  }
  bool end_array() override {
    in_array_ = false;
    return true;
  }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    problem = "its header is not valid JSON at byte " + std::to_string(8 + position);
    return false;
  }

 private:
  bool fail(const std::string& why) {
    if (problem.empty()) problem = "tensor " + shown(entry_) + ": " + why;
    return false;
  }
  bool refuse(const std::string& what) {
    if (depth_ == 0) {
      problem = "its header is no JSON object";
      return false;
    }
    return fail(what + " does not belong " + (key_.empty() ? "here" : "in " + shown(key_)));
  }
  void begin_entry() {
    in_metadata_ = entry_ == "__metadata__";
    tensor_ = SafetensorsTensor{};
    offsets_ = 0;
    has_shape_ = false;
  }
  bool end_tensor() {
    if (tensor_.dtype.empty()) return fail("it has no dtype");
    if (!has_shape_) return fail("it has no shape");
    if (offsets_ != 2) return fail("data_offsets must be two numbers");
    for (const std::int64_t length : tensor_.shape) {
      if (length != 0 && tensor_.count > kMaxCount / length) return fail("its shape is too large");
      tensor_.count *= length;
    }
    const int bits = bits_of(tensor_.dtype);
    if (bits == 0) return fail("its dtype " + shown(tensor_.dtype) + " is not known");
    if (tensor_.begin > tensor_.end) return fail("it ends before it begins");
    const std::int64_t bytes = tensor_.end - tensor_.begin;
    if (tensor_.count / 8 > INT64_MAX / 2 / bits) return fail("its shape is too large");
    const std::int64_t whole = tensor_.count / 8 * bits;
    const std::int64_t rest = tensor_.count % 8 * bits;
    if (rest % 8 != 0 || whole + rest / 8 != bytes)
      return fail("its shape and dtype do not make the " + std::to_string(bytes) +
                  " bytes between its offsets");
    tensor_.name = entry_;
    header.tensors.push_back(std::move(tensor_));
    return true;
  }

  int depth_ = 0;
  bool in_array_ = false;
  bool in_metadata_ = false;
  bool has_shape_ = false;
  int offsets_ = 0;
  std::string entry_{};
  std::string key_{};
  SafetensorsTensor tensor_{};
  std::unordered_set<std::string> names_{};
};

// The tensors must fill what follows the header: nothing before, between, after or twice.
Result<void> check_places(SafetensorsHeader& header, std::int64_t data_size) {
  std::sort(header.tensors.begin(), header.tensors.end(), [](const auto& a, const auto& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  std::int64_t at = 0;
  for (const SafetensorsTensor& tensor : header.tensors) {
    if (tensor.end > data_size)
      return invalid_tensors("tensor " + shown(tensor.name) + " ends at byte " +
                             std::to_string(tensor.end) + " of " + std::to_string(data_size) +
                             "; the file is cut off");
    if (tensor.begin != at)
      return invalid_tensors(
          "tensor " + shown(tensor.name) +
          (tensor.begin < at ? " overlaps the one before it" : " leaves a hole before it"));
    at = tensor.end;
    if (tensor.count > kMaxCount - header.parameters)
      return invalid_tensors("it has more numbers than can be");
    header.parameters += tensor.count;
  }
  if (at != data_size)
    return invalid_tensors(std::to_string(data_size - at) +
                           " bytes at its end belong to no tensor");
  return {};
}

}  // namespace

Result<SafetensorsHeader> read_safetensors(const port::File& file) {
  const std::int64_t size = file.size();
  std::array<unsigned char, 8> begin{};
  if (size < 10 || file.read_at(0, begin.data(), begin.size()) != begin.size())
    return invalid_tensors("it is empty, too short or cannot be read");
  std::uint64_t length = 0;
  for (std::size_t i = begin.size(); i-- > 0;) length = length << 8 | begin[i];
  if (length > static_cast<std::uint64_t>(size - 8))
    return invalid_tensors("its header would end beyond the file");
  if (length > kMaxHeaderSize)
    return invalid_tensors("its header has " + std::to_string(length) + " bytes; at most " +
                           std::to_string(kMaxHeaderSize) + " are read");
  std::string text(static_cast<std::size_t>(length), '\0');
  if (file.read_at(8, text.data(), text.size()) != text.size())
    return invalid_tensors("its header cannot be read");
  // The parser takes a NUL for the end of the text, whatever comes after it.
  if (text.empty() || text[0] != '{' || text.find('\0') != std::string::npos)
    return invalid_tensors("its header is no JSON object");
  HeaderSax sax;
  if (!core::Json::sax_parse(text.begin(), text.end(), &sax)) return invalid_tensors(sax.problem);
  if (auto placed = check_places(sax.header, size - 8 - static_cast<std::int64_t>(length)); !placed)
    return std::move(placed.error());
  return std::move(sax.header);
}

}  // namespace infer::local
