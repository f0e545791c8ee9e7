// Where a URL leads, as far as a transport has to know.
#ifndef INFER_SRC_HTTP_ORIGIN_H_
#define INFER_SRC_HTTP_ORIGIN_H_

#include <string>
#include <string_view>

#include "infer/result.h"

namespace infer::http {

struct Origin {
  std::string text{};  // "https://api.openai.com:443": the port is always there, no user, no path
  std::string host{};  // as in the URL; an IPv6 address in brackets
  std::string port{};
  bool tls = false;

  // For people: "api.openai.com", "localhost:8000".
  std::string name() const;
  friend bool operator==(const Origin& a, const Origin& b) { return a.text == b.text; }
};

// kInvalidRequest for what is no http or https URL. The error does not quote the URL: it may hold a
// password or a key.
Result<Origin> origin_of(const std::string& url);
// Whether libcurl can use this proxy: "http://host:port", "socks5h://host:port", "host:port".
bool is_proxy(const std::string& url);
// The URL that a Location header of an answer from `base` leads to; empty: it is none.
std::string resolve(const std::string& base, const std::string& location);

}  // namespace infer::http

#endif  // INFER_SRC_HTTP_ORIGIN_H_
