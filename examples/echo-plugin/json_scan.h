/* json_scan.h - just enough JSON to read a request without allocating. C99.

   Check once, then walk. json_check() proves that a text is one JSON value (RFC 8259, at most
   JSON_DEPTH deep, no lone surrogate); after that json_member(), json_element() and json_text()
   walk the proven text and cannot fail. A value is a view into the text: {"a":1} is seven bytes,
   "x" is three with its quotes. */
#ifndef JSON_SCAN_H_
#define JSON_SCAN_H_
#include <stdint.h>
#include <string.h>

#define JSON_DEPTH 128

typedef struct {
  const char* at;
  const char* end;
} json_view;

static const char* json_space(const char* p, const char* end) {
  while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r')) ++p;
  return p;
}

/* The four hex digits of \uXXXX, or -1. */
static long json_hex(const char* p, const char* end) {
  long value = 0;
  if (end - p < 4) return -1;
  for (int i = 0; i < 4; ++i) {
    char c = p[i];
    int digit = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

static size_t json_utf8(long code, char out[4]) {
  if (code < 0x80) return out[0] = (char)code, 1;
  if (code < 0x800) {
    out[0] = (char)(0xC0 | code >> 6);
    out[1] = (char)(0x80 | (code & 0x3F));
    return 2;
  }
  if (code < 0x10000) {
    out[0] = (char)(0xE0 | code >> 12);
    out[1] = (char)(0x80 | (code >> 6 & 0x3F));
    out[2] = (char)(0x80 | (code & 0x3F));
    return 3;
  }
  out[0] = (char)(0xF0 | code >> 18);
  out[1] = (char)(0x80 | (code >> 12 & 0x3F));
  out[2] = (char)(0x80 | (code >> 6 & 0x3F));
  out[3] = (char)(0x80 | (code & 0x3F));
  return 4;
}

/* Reads one byte or one escape inside a string: its UTF-8 goes to out, and the place after it comes
   back; NULL where it is not allowed. */
static const char* json_unit(const char* p, const char* end, char out[4], size_t* size) {
  static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
  const char* known;
  long code, low;
  *size = 1;
  if ((unsigned char)*p < 0x20) return NULL;
  if (*p != '\\') return out[0] = *p, p + 1;
  if (++p == end) return NULL;
  if (*p != 'u') {
    if (*p == '\0' || !(known = strchr(from, *p))) return NULL;
    return out[0] = to[known - from], p + 1;
  }
  if ((code = json_hex(++p, end)) < 0) return NULL;
  p += 4;
  if (code >= 0xDC00 && code <= 0xDFFF) return NULL;
  if (code >= 0xD800 && code <= 0xDBFF) { /* the first half of a pair */
    if (end - p < 6 || p[0] != '\\' || p[1] != 'u') return NULL;
    low = json_hex(p + 2, end);
    if (low < 0xDC00 || low > 0xDFFF) return NULL;
    code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    p += 6;
  }
  *size = json_utf8(code, out);
  return p;
}

static const char* json_skip_string(const char* p, const char* end) {
  char unit[4];
  size_t size;
  if (p == end || *p != '"') return NULL;
  for (++p; p && p < end && *p != '"';) p = json_unit(p, end, unit, &size);
  return p && p < end ? p + 1 : NULL;
}

static const char* json_digits(const char* p, const char* end) {
  const char* first = p;
  while (p < end && *p >= '0' && *p <= '9') ++p;
  return p > first ? p : NULL;
}

static const char* json_skip_number(const char* p, const char* end) {
  if (p < end && *p == '-') ++p;
  if (p < end && *p == '0')
    ++p;
  else
    p = json_digits(p, end);
  if (p && p < end && *p == '.') p = json_digits(p + 1, end);
  if (p && p < end && (*p == 'e' || *p == 'E')) {
    ++p;
    if (p < end && (*p == '+' || *p == '-')) ++p;
    p = json_digits(p, end);
  }
  return p;
}

/* The place after the value at p, or NULL where it is not JSON. Recursion ends at JSON_DEPTH. */
static const char* json_skip(const char* p, const char* end, int depth) {
  char close;
  p = json_space(p, end);
  if (p == end) return NULL;
  if (*p == '"') return json_skip_string(p, end);
  if (end - p >= 4 && (!memcmp(p, "true", 4) || !memcmp(p, "null", 4))) return p + 4;
  if (end - p >= 5 && !memcmp(p, "false", 5)) return p + 5;
  if (*p != '{' && *p != '[') return json_skip_number(p, end);
  if (depth == JSON_DEPTH) return NULL;
  close = *p == '{' ? '}' : ']';
  p = json_space(p + 1, end);
  if (p < end && *p == close) return p + 1;
  for (;;) {
    if (close == '}') {
      if (!(p = json_skip_string(p, end))) return NULL;
      p = json_space(p, end);
      if (p == end || *p++ != ':') return NULL;
    }
    if (!(p = json_skip(p, end, depth + 1))) return NULL;
    p = json_space(p, end);
    if (p == end) return NULL;
    if (*p == close) return p + 1;
    if (*p++ != ',') return NULL;
    p = json_space(p, end);
  }
}

/* 1 where the text is one JSON value; `value` is then the value without the space around it. */
static int json_check(const char* text, size_t size, json_view* value) {
  const char* end = text + size;
  value->at = json_space(text, end);
  value->end = json_skip(value->at, end, 0);
  return value->end && json_space(value->end, end) == end;
}

static int json_is(json_view value, char first) {
  return value.at < value.end && *value.at == first;
}

/* The next element of a proven array: begin with *p = NULL; 0 at the end, and for anything else. */
static inline int json_element(json_view array, const char** p, json_view* value) {
  if (!*p && !json_is(array, '[')) return 0;
  *p = json_space(*p ? *p : array.at + 1, array.end);
  if (**p == ',') *p = json_space(*p + 1, array.end);
  if (**p == ']') return 0;
  value->at = *p;
  value->end = *p = json_skip(*p, array.end, 0);
  return 1;
}

/* The next member of a proven object, likewise; `key` keeps its quotes. */
static int json_member(json_view object, const char** p, json_view* key, json_view* value) {
  if (!*p && !json_is(object, '{')) return 0;
  *p = json_space(*p ? *p : object.at + 1, object.end);
  if (**p == ',') *p = json_space(*p + 1, object.end);
  if (**p == '}') return 0;
  key->at = *p;
  key->end = json_skip_string(*p, object.end);
  value->at = json_space(json_space(key->end, object.end) + 1, object.end);
  value->end = *p = json_skip(value->at, object.end, 0);
  return 1;
}

/* Writes the text of a proven string to out and returns its size, which is below the string's. */
static inline size_t json_text(json_view string, char* out) {
  char unit[4];
  size_t size, total = 0;
  if (!json_is(string, '"')) return 0;
  for (const char* p = string.at + 1; p < string.end - 1; total += size) {
    p = json_unit(p, string.end, unit, &size);
    memcpy(out + total, unit, size);
  }
  return total;
}

/* 1 where a proven string says exactly `word`. */
static int json_equals(json_view string, const char* word) {
  char unit[4];
  size_t size, left = strlen(word);
  if (!json_is(string, '"')) return 0;
  for (const char* p = string.at + 1; p < string.end - 1; word += size, left -= size) {
    p = json_unit(p, string.end, unit, &size);
    if (size > left || memcmp(unit, word, size) != 0) return 0;
  }
  return left == 0;
}

/* 1 where a proven value is a whole number that fits; it goes to *out. */
static int json_whole(json_view value, int64_t* out) {
  int64_t number = 0;
  int minus = json_is(value, '-');
  const char* p = value.at + minus;
  if (p == value.end) return 0;
  for (; p < value.end; ++p) {
    if (*p < '0' || *p > '9' || number > (INT64_MAX - 9) / 10) return 0;
    number = number * 10 + (*p - '0');
  }
  *out = minus ? -number : number;
  return 1;
}

#endif
