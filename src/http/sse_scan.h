// Where a line ends, and whether it is ASCII so far: the one loop that looks at every byte of a
// stream.
#ifndef INFER_SRC_HTTP_SSE_SCAN_H_
#define INFER_SRC_HTTP_SSE_SCAN_H_

#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>

#include <algorithm>
#include <bit>
#endif

namespace infer::http {

struct LineEnd {
  const char* at = nullptr;  // of the CR or LF; the end where there is none
  bool ascii = true;         // all that stands before it
};

// What every processor can: eight bytes at a time. Reads nothing beyond the end.
inline LineEnd find_line_end_portable(const char* at, const char* end) noexcept {
  constexpr std::uint64_t kOnes = 0x0101010101010101u;
  constexpr std::uint64_t kHighs = 0x8080808080808080u;
  // Not 0 if one of the bytes is 0; may be so for a byte that follows such a one, too.
  const auto has_zero = [](std::uint64_t x) { return (x - kOnes) & ~x & kHighs; };
  std::uint64_t high = 0;
  while (end - at >= 8) {
    std::uint64_t eight;
    std::memcpy(&eight, at, sizeof eight);
    if ((has_zero(eight ^ (kOnes * '\n')) | has_zero(eight ^ (kOnes * '\r'))) != 0) break;
    high |= eight & kHighs;
    at += 8;
  }
  for (; at != end && *at != '\n' && *at != '\r'; ++at)
    high |= static_cast<std::uint8_t>(*at) & 0x80;
  return {at, high == 0};
}

#if defined(__SSE2__)
// Reads whole blocks: up to 63 bytes beyond the end.
inline LineEnd find_line_end_sse2(const char* at, const char* end) noexcept {
  struct Block {
    __m128i a, b, c, d;
  };
  const auto mask = [](__m128i v) { return static_cast<std::uint32_t>(_mm_movemask_epi8(v)); };
  const auto masks = [&](const Block& v) {
    return (std::uint64_t{mask(v.d) << 16 | mask(v.c)} << 32) | (mask(v.b) << 16 | mask(v.a));
  };
  const auto is_end = [](__m128i v) {
    return _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('\n')),
                        _mm_cmpeq_epi8(v, _mm_set1_epi8('\r')));
  };
  __m128i high = _mm_setzero_si128();
  for (; at < end; at += 64) {
    const auto* from = reinterpret_cast<const __m128i*>(at);
    const Block v{_mm_loadu_si128(from), _mm_loadu_si128(from + 1), _mm_loadu_si128(from + 2),
                  _mm_loadu_si128(from + 3)};
    // A block without a byte up to CR, of which text has few besides CR and LF, holds no end.
    const __m128i least = _mm_min_epu8(_mm_min_epu8(v.a, v.b), _mm_min_epu8(v.c, v.d));
    const __m128i all = _mm_or_si128(_mm_or_si128(v.a, v.b), _mm_or_si128(v.c, v.d));
    const bool low =
        mask(_mm_cmpeq_epi8(_mm_subs_epu8(least, _mm_set1_epi8('\r')), _mm_setzero_si128())) != 0;
    const bool last = end - at <= 64;
    if (low || last) {
      const std::uint64_t ends = masks({is_end(v.a), is_end(v.b), is_end(v.c), is_end(v.d)});
      std::size_t n = last ? static_cast<std::size_t>(end - at) : 64;
      if (ends != 0) n = std::min(n, static_cast<std::size_t>(std::countr_zero(ends)));
      if (last || ends != 0) {
        const bool ascii = mask(_mm_or_si128(high, all)) == 0 ||
                           (mask(high) == 0 && (n == 0 || masks(v) << (64 - n) == 0));
        return {at + n, ascii};
      }
    }
    high = _mm_or_si128(high, all);
  }
  return {end, mask(high) == 0};
}
#endif

// kPadding bytes beyond the end must be readable.
inline LineEnd find_line_end(const char* at, const char* end) noexcept {
#if defined(__SSE2__)
  return find_line_end_sse2(at, end);
#else
  return find_line_end_portable(at, end);
#endif
}

}  // namespace infer::http

#endif  // INFER_SRC_HTTP_SSE_SCAN_H_
