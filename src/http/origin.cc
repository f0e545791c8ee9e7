#include "src/http/origin.h"

#include <curl/curl.h>

#include <memory>
#include <optional>

namespace infer::http {

namespace {
struct CurlUrlCleanup {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using CurlUrl = std::unique_ptr<CURLU, CurlUrlCleanup>;

std::string url_part(CURLU* url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK || !text) return {};
  std::string out(text);
  curl_free(text);
  return out;
}

Error bad_url(std::string_view why) {
  return Error(Errc::kInvalidRequest,
               "the address of the server cannot be used: " + std::string(why) +
                   "; it has to look like https://host/path or http://host:port/path")
      .with_detail("field", "base_url");
}
}  // namespace

std::string Origin::name() const { return port == (tls ? "443" : "80") ? host : host + ":" + port; }

Result<Origin> origin_of(const std::string& url) {
  const CurlUrl parsed(curl_url());
  if (!parsed) return Error(Errc::kOutOfMemory, "no memory for the address of a request");
  const CURLUcode rc = curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0);
  if (rc == CURLUE_UNSUPPORTED_SCHEME) return bad_url("only http and https are spoken");
  if (rc != CURLUE_OK) return bad_url(curl_url_strerror(rc));
  const std::string scheme = url_part(parsed.get(), CURLUPART_SCHEME);
  if (scheme != "http" && scheme != "https") return bad_url("only http and https are spoken");
  Origin origin;
  origin.tls = scheme == "https";
  origin.host = url_part(parsed.get(), CURLUPART_HOST);
  for (char& c : origin.host)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  origin.port = url_part(parsed.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
  if (origin.host.empty()) return bad_url("it names no host");
  origin.text = scheme + "://" + origin.host + ":" + origin.port;
  return origin;
}

bool is_proxy(const std::string& url) {
  const CurlUrl parsed(curl_url());
  if (!parsed || curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(),
                              CURLU_NON_SUPPORT_SCHEME | CURLU_GUESS_SCHEME) != CURLUE_OK)
    return false;
  const std::string scheme = url_part(parsed.get(), CURLUPART_SCHEME);
  // Without a scheme it is taken for http, whatever the host's name makes libcurl guess.
  if (url.find("://") == std::string::npos) return true;
  for (const char* known : {"http", "https", "socks4", "socks4a", "socks5", "socks5h"})
    if (scheme == known) return true;
  return false;
}

std::string resolve(const std::string& base, const std::string& location) {
  const CurlUrl url(curl_url());
  if (!url || curl_url_set(url.get(), CURLUPART_URL, base.c_str(), 0) != CURLUE_OK) return {};
  // On a URL that is there already a relative one is taken as relative to it.
  if (curl_url_set(url.get(), CURLUPART_URL, location.c_str(), CURLU_URLENCODE) != CURLUE_OK)
    return {};
  return url_part(url.get(), CURLUPART_URL);
}

}  // namespace infer::http
