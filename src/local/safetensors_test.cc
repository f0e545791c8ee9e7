#include "src/local/safetensors.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <string>

#include "src/port/temp_dir.h"

namespace infer::local {
namespace {

std::string with_header(const std::string& header, std::size_t data) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(header.size() >> (8 * i) & 0xff);
  return bytes + header + std::string(data, 'x');
}

Result<SafetensorsHeader> read_tensors(const std::string& bytes) {
  const port::TempDir dir;
  return read_safetensors(*port::File::open(dir.write("m.safetensors", bytes)));
}

const char kTwo[] =
    R"({"__metadata__":{"format":"pt"},"b":{"dtype":"F16","shape":[2,3],"data_offsets":[4,16]},)"
    R"("a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}  )";

TEST(Safetensors, ReadsAHeader) {
  const auto header = read_tensors(with_header(kTwo, 16));
  ASSERT_TRUE(header) << header.error();
  ASSERT_EQ(header->tensors.size(), 2u);
  EXPECT_EQ(header->tensors[0].name, "a");
  EXPECT_EQ(header->tensors[0].count, 1);
  EXPECT_EQ(header->tensors[1].dtype, "F16");
  EXPECT_EQ(header->tensors[1].shape, (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(header->tensors[1].begin, 4);
  EXPECT_EQ(header->tensors[1].end, 16);
  EXPECT_EQ(header->parameters, 7);
  EXPECT_EQ(header->metadata.at("format"), "pt");
  EXPECT_TRUE(read_tensors(with_header("{}", 0)));
}

TEST(Safetensors, RefusesEveryTruncationAndEveryByteTooMuch) {
  const std::string whole = with_header(kTwo, 16);
  for (std::size_t n = 0; n < whole.size(); ++n) {
    const auto cut = read_tensors(whole.substr(0, n));
    ASSERT_FALSE(cut) << n;
    EXPECT_EQ(cut.error().code(), Errc::kModelInvalid);
  }
  EXPECT_FALSE(read_tensors(whole + "x"));
}

TEST(Safetensors, SaysWhatIsWrong) {
  const auto tensor = [](const std::string& members) { return "{\"t\":{" + members + "}}"; };
  const auto shaped = [&](const std::string& shape, const std::string& offsets) {
    return tensor("\"dtype\":\"F32\",\"shape\":" + shape + ",\"data_offsets\":" + offsets);
  };
  const struct {
    std::string header;
    const char* says;
  } cases[] = {
      {"[]", "no JSON object"},
      {"{\"a\"", "not valid JSON"},
      {"{} x", "not valid JSON"},
      {std::string("{}\0", 3), "no JSON object"},
      {"{\"t\":\"text\"}", "a text does not belong"},
      {"{\"t\":[1]}", "an array does not belong"},
      {tensor("\"dtype\":\"F32\",\"shape\":[{}]"), "an object does not belong"},
      {tensor("\"dtype\":\"F32\",\"shape\":[[1]]"), "an array does not belong"},
      {tensor("\"dtype\":null"), "null does not belong"},
      {tensor("\"shape\":[1],\"data_offsets\":[0,4]"), "no dtype"},
      {tensor("\"dtype\":\"F32\",\"data_offsets\":[0,4]"), "no shape"},
      {tensor("\"dtype\":\"F32\",\"shape\":[1]"), "two numbers"},
      {tensor("\"dtype\":\"F33\",\"shape\":[1],\"data_offsets\":[0,4]"), "'F33' is not known"},
      {tensor("\"size\":1"), "a member 'size'"},
      {shaped("[-1]", "[0,4]"), "a negative number"},
      {shaped("[1.5]", "[0,4]"), "a fraction"},
      {shaped("[1]", "[0]"), "two numbers"},
      {shaped("[1]", "[0,4,8]"), "a third number"},
      {shaped("[1]", "[4,0]"), "ends before it begins"},
      {shaped("[2]", "[0,4]"), "do not make the 4 bytes"},
      {shaped("[4294967296,4294967296,4294967296]", "[0,4]"), "too large"},
      {shaped("[1152921504606846976]", "[0,4]"), "too large"},
      {shaped("[18446744073709551615]", "[0,4]"), "the number does not belong"},
      {shaped("[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", "[0,4]"), "so many dimensions"},
      {shaped("[2]", "[0,8]"), "ends at byte 8 of 4"},
      {shaped("[0]", "[4,4]"), "leaves a hole"},
      {"{\"t\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[0,4]},"
       "\"u\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[2,4]}}",
       "overlaps"},
      {"{\"t\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[0,4]},"
       "\"t\":{\"dtype\":\"F16\",\"shape\":[0],\"data_offsets\":[4,4]}}",
       "comes twice"},
      {"{}", "belong to no tensor"},
  };
  for (const auto& item : cases) {
    const auto header = read_tensors(with_header(item.header, 4));
    ASSERT_FALSE(header) << item.header;
    EXPECT_EQ(header.error().code(), Errc::kModelInvalid);
    EXPECT_NE(header.error().message().find(item.says), std::string::npos)
        << item.header << "\n"
        << header.error().message();
  }
}

TEST(Safetensors, AHeaderOfAnySizeThatTheFileDoesNotHaveIsRefusedAtOnce) {
  for (const std::uint64_t size : {std::uint64_t{9}, std::uint64_t{1} << 40, UINT64_MAX}) {
    std::string bytes;
    for (int i = 0; i < 8; ++i) bytes += static_cast<char>(size >> (8 * i) & 0xff);
    EXPECT_FALSE(read_tensors(bytes + "{}"));
  }
}

TEST(Safetensors, AnyChangedByteIsReadOrRefused) {
  std::mt19937 random(3);
  const std::string whole = with_header(kTwo, 16);
  int read = 0;
  for (int i = 0; i < 2000; ++i) {
    std::string bytes = whole;
    bytes[random() % bytes.size()] = static_cast<char>(random());
    const auto header = read_tensors(bytes);
    if (!header) continue;
    ++read;
    EXPECT_LE(header->tensors.size(), 2u);
  }
  EXPECT_GT(read, 0);
  EXPECT_LT(read, 2000);
}

}  // namespace
}  // namespace infer::local
