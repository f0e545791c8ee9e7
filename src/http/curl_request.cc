#include "src/http/curl_request.h"

#include <openssl/opensslv.h>
#include <openssl/ssl.h>

#include <climits>
#include <mutex>
#include <string>
#include <string_view>

#include "src/http/ca_store.h"

namespace infer::http {

namespace {

// Names and TLS sessions are shared by all pollers, so that a call in a new one is not slower than
// it must be. Connections are not: libcurl's sharing of them between threads is not safe.
class CurlShare {
 public:
  CurlShare() : share_(curl_share_init()) {
    if (!share_) return;
    curl_share_setopt(share_, CURLSHOPT_LOCKFUNC, &lock);
    curl_share_setopt(share_, CURLSHOPT_UNLOCKFUNC, &unlock);
    curl_share_setopt(share_, CURLSHOPT_USERDATA, this);
    curl_share_setopt(share_, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
    curl_share_setopt(share_, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
  }
  CURLSH* handle() const { return share_; }

 private:
  static void lock(CURL*, curl_lock_data kind, curl_lock_access, void* self) {
    static_cast<CurlShare*>(self)->mutexes_[kind].lock();
  }
  static void unlock(CURL*, curl_lock_data kind, void* self) {
    static_cast<CurlShare*>(self)->mutexes_[kind].unlock();
  }
  CURLSH* share_;
  std::mutex mutexes_[CURL_LOCK_DATA_LAST];
};

const CurlShare& curl_share() {
  static const CurlShare* const one = new CurlShare;
  return *one;
}

// Our store can be given to libcurl's TLS library only if both are the same OpenSSL.
bool tls_is_openssl() {
  static const bool yes = [] {
    const char* version = curl_version_info(CURLVERSION_NOW)->ssl_version;
    const std::string ours = "OpenSSL/" + std::to_string(OPENSSL_VERSION_MAJOR) + ".";
    return version && std::string_view(version).substr(0, ours.size()) == ours;
  }();
  return yes;
}

// For every handshake: the certificates are read when they are needed for the first time.
CURLcode use_store(CURL*, void* context, void* self) noexcept {
  auto& transfer = *static_cast<CurlTransfer*>(self);
  const Options& options = *transfer.request.options;
  // Nothing is checked with it, but for a proxy's own certificate.
  if (options.insecure_tls && options.proxy.compare(0, 6, "https:") != 0) return CURLE_OK;
  try {
    auto store = ca_store(options.ca_file);
    if (!store) {
      if (!transfer.error) transfer.error = std::move(store.error());
      return CURLE_SSL_CACERT_BADFILE;
    }
    SSL_CTX_set1_cert_store(static_cast<SSL_CTX*>(context), *store);
    return CURLE_OK;
  } catch (const std::bad_alloc&) {
    return CURLE_OUT_OF_MEMORY;
  }
}

void set_tls(CURL* easy, const Options& options) {
  const long verify = options.insecure_tls ? 0 : 1;
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, verify);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, verify * 2);
  const char* file = options.ca_file.empty() ? nullptr : options.ca_file.c_str();
  if (!tls_is_openssl()) {
    // CAPATH stays null: without it libcurl parses the file once per poller.
    curl_easy_setopt(easy, CURLOPT_CAINFO,
                     file ? file : curl_version_info(CURLVERSION_NOW)->cainfo);
    return;
  }
  // libcurl loads nothing; its context gets the shared store. The path, which is never looked into,
  // tells libcurl which connections and sessions were checked with which file: one that another
  // file vouched for must not be used.
  curl_easy_setopt(easy, CURLOPT_CAPATH, file);
}

std::optional<Error> set_proxy(CURL* easy, const Options& options) {
  if (!options.proxy.empty() && options.proxy != "none" && !is_proxy(options.proxy))
    return Error(Errc::kInvalidRequest,
                 "the proxy is none: it has to look like http://host:port, https://, socks4://, "
                 "socks4a://, socks5:// or socks5h://, or be \"none\"")
        .with_detail("field", "proxy");
  // Null: libcurl looks at http_proxy, https_proxy, all_proxy; "": it does not.
  const char* proxy = options.proxy.empty() ? nullptr : options.proxy.c_str();
  if (options.proxy == "none") proxy = "";
  curl_easy_setopt(easy, CURLOPT_PROXY, proxy);
  curl_easy_setopt(easy, CURLOPT_NOPROXY, options.no_proxy ? options.no_proxy->c_str() : nullptr);
  return {};
}

void set_method(CURL* easy, const HttpRequest& request) {
  if (request.method == "GET") {
    curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, nullptr);
    return;
  }
  curl_easy_setopt(easy, CURLOPT_POST, 1L);
  curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.c_str());  // not copied
  const char* method = request.method == "POST" ? nullptr : request.method.c_str();
  curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
}

bool has_break(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos;
}

bool add_header(HeaderList& list, const char* line) {
  curl_slist* longer = curl_slist_append(list.get(), line);
  if (!longer) return false;
  (void)list.release();
  list.reset(longer);
  return true;
}

std::optional<Error> set_headers(CURL* easy, CurlTransfer& transfer) {
  const HttpRequest& request = transfer.request;
  transfer.header_list.reset();
  bool typed = request.method == "GET", fits = true;
  std::string line;
  for (const Header& header : request.headers) {
    if (header.name.empty() || has_break(header.name) || has_break(header.value))
      return Error(Errc::kInvalidRequest, "a header has a line break, a zero byte or no name");
    // libcurl's way to say "with an empty value"; "name:" would mean "not at all".
    line.assign(header.name).append(header.value.empty() ? ";" : ": ").append(header.value);
    fits = fits && add_header(transfer.header_list, line.c_str());
    typed = typed || same_name(header.name, "content-type");
  }
  // Without these libcurl would ask before it sends a long body, which costs a round trip and many
  // servers do not know, and would call a body a form.
  fits = fits && add_header(transfer.header_list, "Expect:");
  if (!typed) fits = fits && add_header(transfer.header_list, "Content-Type:");
  if (!fits) return Error(Errc::kOutOfMemory, "no memory for the headers of a request");
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer.header_list.get());
  return {};
}

long connect_limit(const HttpRequest& request) {
  // To libcurl 0 means five minutes, and to us unset means for ever: 24 days.
  if (!request.connect_timeout) return INT_MAX;
  const auto ms = request.connect_timeout->count();
  return ms < 1 ? 1 : ms > INT_MAX ? INT_MAX : static_cast<long>(ms);
}

}  // namespace

void curl_init() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

CURL* new_easy() {
  CURL* easy = curl_easy_init();
  if (!easy) return nullptr;
  curl_easy_setopt(easy, CURLOPT_SHARE, curl_share().handle());
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &CurlTransfer::on_header);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &CurlTransfer::on_body);
  curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, &CurlTransfer::on_connected);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);  // no SIGALRM, no longjmp out of a lookup
  curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 1L);
  // Destroying a request whose name is being looked up must not wait for the lookup's thread.
  curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);  // CurlTransfer::redirect
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_HTTP09_ALLOWED, 0L);  // or any bytes at all would be an answer
  curl_easy_setopt(easy, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
  // A compressed stream arrives in lumps. Having asked, libcurl decompresses what comes anyway.
  curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "identity");
  curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);  // a proxy's are not the answer's
  // Servers and the boxes between close what is idle; later than this a pooled connection is more
  // likely dead than alive.
  curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, 60L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, 60L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, 60L);
  curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
  if (tls_is_openssl()) {
    curl_easy_setopt(easy, CURLOPT_CAINFO, nullptr);
    curl_easy_setopt(easy, CURLOPT_PROXY_CAINFO, nullptr);
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, &use_store);
  }
  // Debian's libcurl has a directory here, which would switch its own cache of certificates off.
  curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);
  curl_easy_setopt(easy, CURLOPT_PROXY_CAPATH, nullptr);
  return easy;
}

std::optional<Error> prepare_easy(CurlEasy& easy, CurlTransfer& transfer) {
  const HttpRequest& request = transfer.request;
  CURL* const curl = easy.curl;
  if (auto error = set_headers(curl, transfer)) return error;
  set_method(curl, request);
  if (easy.options != request.options) {  // it is kept, so that no other one is taken for it
    set_tls(curl, *request.options);
    if (auto error = set_proxy(curl, *request.options)) return error;
    easy.options = request.options;
  }
  if (easy.url != request.url) {
    curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
    easy.url = request.url;
  }
  if (const long limit = connect_limit(request); easy.connect_limit != limit) {
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, limit);
    easy.connect_limit = limit;
  }
  // libcurl repeats a request by itself when a pooled connection turns out dead. Welcome, except
  // for what must not run twice: that gets a connection of its own.
  if (const int fresh = transfer.fresh ? 1 : 0; easy.fresh != fresh) {
    curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, static_cast<long>(fresh));
    easy.fresh = fresh;
  }
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, transfer.reason);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_PREREQDATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_SSL_CTX_DATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_PRIVATE, &transfer);
  return {};
}

// The error buffer is written to when a connection is closed, too; what else points into the
// transfer is looked at in a transfer only.
void clear_easy(CURL* easy) noexcept { curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, nullptr); }

}  // namespace infer::http
