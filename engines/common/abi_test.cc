#include "abi.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>

namespace infer::engine {
namespace {

TEST(Abi, ReadsOnlyWhatTheCallerHas) {
  infer_file file;
  std::memset(&file, 0x7F, sizeof(file));
  file.size = offsetof(infer_file, role);
  file.fd = 5;
  const infer_file copy = read_struct(&file);
  EXPECT_EQ(copy.fd, 5);
  EXPECT_EQ(copy.path.data, nullptr);
  EXPECT_EQ(copy.role.size, 0u);
  EXPECT_EQ(read_struct<infer_file>(nullptr).size, 0u);
}

TEST(Abi, ReadsNoMoreThanItKnows) {
  struct Newer {
    infer_file file;
    char more[64];
  } newer;
  std::memset(&newer, 0, sizeof(newer));
  newer.file.size = sizeof(newer);
  newer.file.fd = 3;
  const infer_file copy = read_struct(&newer.file);
  EXPECT_EQ(copy.size, sizeof(infer_file));
  EXPECT_EQ(copy.fd, 3);
}

TEST(Abi, WritesNoMoreThanFits) {
  infer_event out;
  std::memset(&out, 0x7F, sizeof(out));
  out.size = offsetof(infer_event, data);
  infer_event value = {};
  value.size = 1;
  value.kind = INFER_EV_DELTA;
  value.part = 9;
  write_struct(&out, value);
  EXPECT_EQ(out.size, offsetof(infer_event, data));
  EXPECT_EQ(out.kind, INFER_EV_DELTA);
  EXPECT_EQ(out.part, 9u);
  EXPECT_EQ(out.finish, 0x7F7F7F7Fu);
  out.size = 2;  // nonsense: nothing may be touched
  write_struct(&out, infer_event{});
  EXPECT_EQ(out.kind, INFER_EV_DELTA);
}

// An error of exactly `size` bytes on the heap, where a sanitizer sees a byte too many.
struct ErrorOfSize {
  explicit ErrorOfSize(uint32_t size) : bytes(new char[size]) {
    std::memset(bytes.get(), 0x7F, size);
    std::memcpy(bytes.get(), &size, sizeof(size));
  }
  infer_error* get() { return reinterpret_cast<infer_error*>(bytes.get()); }
  std::unique_ptr<char[]> bytes;
};

TEST(Abi, ErrorsOfEverySize) {
  const std::string message(3000, 'm'), details = "{\"field\":\"x\"}";
  for (uint32_t size = 4; size <= sizeof(infer_error); ++size) {
    ErrorOfSize error(size);
    EXPECT_EQ(set_error(error.get(), INFER_E_IO, message, details), INFER_E_IO);
  }
  ErrorOfSize whole(sizeof(infer_error));
  set_error(whole.get(), INFER_E_IO, message, details);
  EXPECT_EQ(std::strlen(whole.get()->message), 1023u);
  EXPECT_EQ(whole.get()->details, details);
  EXPECT_STREQ(whole.get()->request_id, "");
  EXPECT_STREQ(whole.get()->body, "");
  EXPECT_EQ(whole.get()->http_status, 0);
  EXPECT_EQ(whole.get()->retry_after_ms, 0);
  EXPECT_EQ(set_error(nullptr, INFER_E_IO, "x"), INFER_E_IO);
}

TEST(Abi, ErrorsAreOneLineOfWholeCharacters) {
  infer_error error = {};
  error.size = sizeof(error);
  set_error(&error, INFER_E_IO, "a\nb\tc");
  EXPECT_STREQ(error.message, "a b c");
  set_error(&error, INFER_E_IO, std::string(1022, 'x') + "\xD0\x9F");
  EXPECT_STREQ(error.message, std::string(1022, 'x').c_str());
  set_error(&error, INFER_E_IO, "x", std::string(2000, 'd'));
  EXPECT_STREQ(error.details, "");  // half a JSON object would be worse than none
}

TEST(Abi, JsonQuote) { EXPECT_EQ(json_quote("a\"b\\c\n\x01"), "\"a\\\"b\\\\c\\u000a\\u0001\""); }

}  // namespace
}  // namespace infer::engine
