// Whole characters out of a stream of bytes that may be split anywhere: an incomplete character at
// the end is held back, and bytes that cannot be UTF-8 become U+FFFD, one for each maximal invalid
// piece (as browsers do).
#ifndef INFER_ENGINES_COMMON_UTF8_H_
#define INFER_ENGINES_COMMON_UTF8_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace infer::engine {

class Utf8Stream {
 public:
  // Appends to `out` what of the bytes so far is known to be whole.
  void feed(std::string_view bytes, std::string& out) {
    for (const char c : bytes) feed_byte(static_cast<unsigned char>(c), out);
  }
  // The stream ends: a character that never became whole is U+FFFD.
  void finish(std::string& out) {
    if (need_ != 0) replace(out);
  }
  bool holds_back() const { return need_ != 0; }

 private:
  void feed_byte(unsigned char byte, std::string& out) {
    if (need_ != 0) {
      if (byte >= low_ && byte <= high_) {
        held_[have_++] = static_cast<char>(byte);
        low_ = 0x80;
        high_ = 0xBF;
        if (--need_ == 0) out.append(held_, have_);
        return;
      }
      replace(out);  // and the byte begins anew
    }
    begin(byte, out);
  }

  void begin(unsigned char byte, std::string& out) {
    low_ = 0x80;
    high_ = 0xBF;
    if (byte < 0x80) {
      out += static_cast<char>(byte);
      return;
    }
    if (byte >= 0xC2 && byte <= 0xDF) {
      need_ = 1;
    } else if (byte >= 0xE0 && byte <= 0xEF) {
      need_ = 2;
      if (byte == 0xE0) low_ = 0xA0;   // shorter forms are not allowed
      if (byte == 0xED) high_ = 0x9F;  // surrogates are not characters
    } else if (byte >= 0xF0 && byte <= 0xF4) {
      need_ = 3;
      if (byte == 0xF0) low_ = 0x90;
      if (byte == 0xF4) high_ = 0x8F;  // nothing above U+10FFFF
    } else {
      out += "\xEF\xBF\xBD";
      return;
    }
    held_[0] = static_cast<char>(byte);
    have_ = 1;
  }

  void replace(std::string& out) {
    need_ = 0;
    out += "\xEF\xBF\xBD";
  }

  char held_[4] = {};
  unsigned have_ = 0, need_ = 0;
  unsigned char low_ = 0x80, high_ = 0xBF;  // what the next byte must lie between
};

}  // namespace infer::engine

#endif  // INFER_ENGINES_COMMON_UTF8_H_
