// JSON written by hand into a buffer that is used again, for what is said once an event.
#ifndef INFER_APPS_JSON_TEXT_H_
#define INFER_APPS_JSON_TEXT_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace infer::cli {

// "text", quoted and escaped. What is not UTF-8 becomes U+FFFD: a line is always valid JSON.
void append_string(std::string& out, std::string_view text);
void append_number(std::string& out, std::int64_t value);
// The shortest decimals that give the same value back; null unless finite.
void append_number(std::string& out, double value);
void append_number(std::string& out, float value);
// Bytes in base64, quoted.
void append_base64(std::string& out, std::string_view bytes);

// An object, member by member:
//   Object o(out); o.text("kind", "start"); o.number("choice", 0); o.close();
class Object {
 public:
  explicit Object(std::string& out) : out_(out) { out_ += '{'; }
  // Writes the key; the value is the caller's to append to it.
  std::string& key(std::string_view name);
  void text(std::string_view name, std::string_view value) { append_string(key(name), value); }
  void number(std::string_view name, std::int64_t value) { append_number(key(name), value); }
  void null(std::string_view name) { key(name) += "null"; }
  void boolean(std::string_view name, bool value) { key(name) += value ? "true" : "false"; }
  // Left out where there is nothing to say.
  void text_if(std::string_view name, std::string_view value) {
    if (!value.empty()) text(name, value);
  }
  void close() { out_ += '}'; }

 private:
  std::string& out_;
  bool first_ = true;
};

}  // namespace infer::cli

#endif  // INFER_APPS_JSON_TEXT_H_
