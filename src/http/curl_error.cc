#include "src/http/curl_error.h"

#include <array>
#include <cstring>
#include <string>
#include <string_view>
#include <system_error>

namespace infer::http {

namespace {

enum class CurlPhase { kDns, kConnect, kTls, kSend, kHead, kBody };

std::string_view to_string(CurlPhase phase) {
  constexpr std::array<std::string_view, 6> kNames = {"dns",  "connect", "tls",
                                                      "send", "head",    "body"};
  return kNames[static_cast<std::size_t>(phase)];
}

template <class T>
T fact(CURL* easy, CURLINFO what) {
  T value{};
  curl_easy_getinfo(easy, what, &value);
  return value;
}

bool says(const CurlTransfer& transfer, std::string_view words) {
  return std::string_view(transfer.reason).find(words) != std::string_view::npos;
}

CurlPhase phase_of(const CurlTransfer& transfer) {
  if (transfer.head_complete) return CurlPhase::kBody;
  if (transfer.head_bytes != 0) return CurlPhase::kHead;
  CURL* const easy = transfer.easy;
  if (transfer.sent_any) {
    const bool all = fact<long>(easy, CURLINFO_REQUEST_SIZE) > 0 &&
                     fact<curl_off_t>(easy, CURLINFO_SIZE_UPLOAD_T) >=
                         static_cast<curl_off_t>(transfer.request.body.size());
    return all ? CurlPhase::kHead : CurlPhase::kSend;
  }
  if (fact<curl_off_t>(easy, CURLINFO_NAMELOOKUP_TIME_T) == 0) return CurlPhase::kDns;
  // A connection counts as made when its handshake is over, too: only the words tell.
  return says(transfer, "SSL") ? CurlPhase::kTls : CurlPhase::kConnect;
}

// Nothing can have run as long as the request was not there whole.
RetryHint hint_of(CurlPhase phase) {
  return phase < CurlPhase::kHead ? RetryHint::kYes : RetryHint::kAmbiguous;
}

Error made(Errc code, CurlPhase phase, RetryHint hint, std::string message) {
  return Error(code, std::move(message))
      .with_retry(hint)
      .with_detail("phase", std::string(to_string(phase)));
}

// libcurl names the host that it tried to reach; if it is not ours it was a proxy.
bool was_the_proxy(const CurlTransfer& transfer) {
  constexpr std::string_view kTried = "Failed to connect to ";
  std::string_view reason = transfer.reason;
  if (reason.substr(0, kTried.size()) != kTried) return false;
  std::string host = transfer.origin().host;  // libcurl takes the brackets of an address off
  if (host.front() == '[') host = host.substr(1, host.size() - 2);
  const std::string ours = host + " port " + transfer.origin().port;
  return reason.substr(kTried.size(), ours.size()) != ours;
}

std::string system_reason(CURL* easy) {
  const long number = fact<long>(easy, CURLINFO_OS_ERRNO);
  if (number == 0) return "no answer";
  return std::generic_category().message(static_cast<int>(number));
}

Error lookup_failed(const CurlTransfer& transfer, bool proxy) {
  const std::string what = proxy ? "the name of the proxy for " + transfer.origin().name()
                                 : "the name " + transfer.origin().host;
  return made(Errc::kNetwork, CurlPhase::kDns, RetryHint::kYes,
              what + " cannot be resolved; check " + (proxy ? "the proxy" : "the address") +
                  " and the network");
}

Error connect_failed(const CurlTransfer& transfer) {
  const std::string what = was_the_proxy(transfer) ? "the proxy for " + transfer.origin().name()
                                                   : transfer.origin().name();
  return made(Errc::kNetwork, CurlPhase::kConnect, RetryHint::kYes,
              "cannot connect to " + what + ": " + system_reason(transfer.easy));
}

Error timed_out(const CurlTransfer& transfer) {
  const CurlPhase phase = phase_of(transfer);
  const char* what = phase == CurlPhase::kDns   ? "its name was not resolved"
                     : phase == CurlPhase::kTls ? "the TLS handshake was not done"
                                                : "no connection came about";
  return made(
             Errc::kTimeout, phase, RetryHint::kYes,
             transfer.origin().name() + " could not be reached in the time for connecting: " + what)
      .with_detail("timeout", "connect");
}

// Not in OpenSSL's words: those that tell a broken connection from a refused handshake.
bool broken_in_handshake(const CurlTransfer& transfer) {
  return says(transfer, "reset by peer") || says(transfer, "SSL_ERROR_SYSCALL") ||
         says(transfer, "unexpected eof") || says(transfer, "Broken pipe");
}

Error tls_failed(const CurlTransfer& transfer) {
  if (broken_in_handshake(transfer))
    return made(Errc::kNetwork, CurlPhase::kTls, RetryHint::kYes,
                "the connection to " + transfer.origin().name() +
                    " was closed in the middle of the TLS handshake");
  const std::string reason = *transfer.reason ? transfer.reason : "no reason is known";
  const bool certificate = says(transfer, "certificate") || says(transfer, "subject name");
  return made(Errc::kTls, CurlPhase::kTls, RetryHint::kNo,
              "no safe connection to " + transfer.origin().name() + ": " + reason +
                  (certificate ? "; if the server is right, name the certificates to trust by "
                                 "ca_file"
                               : "; check that the address and the port are those of an https "
                                 "server"));
}

Error proxy_failed(const CurlTransfer& transfer) {
  const long status = fact<long>(transfer.easy, CURLINFO_HTTP_CONNECTCODE);
  std::string message =
      "the proxy does not let a connection through to " + transfer.origin().name();
  if (status >= 300) message += " (http " + std::to_string(status) + ")";
  if (status == 407) message += ": it asks for a user and a password";
  // What a proxy refuses it refuses again; that it cannot reach the server may change.
  return made(Errc::kNetwork, CurlPhase::kConnect,
              status >= 500 || status == 0 ? RetryHint::kYes : RetryHint::kNo, std::move(message));
}

Error no_http(const CurlTransfer& transfer, CurlPhase phase) {
  return made(Errc::kProtocol, phase, RetryHint::kNo,
              transfer.origin().name() + " answers what is not HTTP: " +
                  (*transfer.reason ? transfer.reason : "no reason is known"));
}

Error cut(const CurlTransfer& transfer) {
  if (fact<long>(transfer.easy, CURLINFO_HTTP_CONNECTCODE) >= 300) return proxy_failed(transfer);
  const CurlPhase phase = phase_of(transfer);
  if (says(transfer, "Too large response headers"))
    return made(Errc::kTooLarge, phase, RetryHint::kNo,
                "the headers of the answer from " + transfer.origin().name() + " are too large")
        .with_detail("limit", "header_bytes");
  if (says(transfer, "chunked-encoding")) return no_http(transfer, phase);
  const char* when = phase == CurlPhase::kSend   ? "before the request was sent"
                     : phase == CurlPhase::kHead ? "before an answer came"
                     : phase == CurlPhase::kBody ? "in the middle of the answer"
                                                 : "before it could be used";
  return made(Errc::kNetwork, phase, hint_of(phase),
              "the connection to " + transfer.origin().name() + " broke " + when);
}

Error no_memory(const CurlTransfer& transfer) {
  // libcurl's word for a single header line of more than 100 KiB, too.
  if (transfer.sent_any && !transfer.head_complete)
    return made(Errc::kTooLarge, CurlPhase::kHead, RetryHint::kNo,
                "a header of the answer from " + transfer.origin().name() +
                    " is larger than 100 KiB, or memory ran out")
        .with_detail("limit", "header_bytes");
  return Error(Errc::kOutOfMemory, "no memory for a request to " + transfer.origin().name());
}

}  // namespace

Error curl_error(const CurlTransfer& transfer, CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST: return lookup_failed(transfer, false);
    case CURLE_COULDNT_RESOLVE_PROXY: return lookup_failed(transfer, true);
    case CURLE_COULDNT_CONNECT: return connect_failed(transfer);
    case CURLE_OPERATION_TIMEDOUT: return timed_out(transfer);
    case CURLE_PROXY: return proxy_failed(transfer);
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_USE_SSL_FAILED: return tls_failed(transfer);
    case CURLE_OUT_OF_MEMORY: return no_memory(transfer);
    case CURLE_URL_MALFORMAT:
      return Error(Errc::kInvalidRequest,
                   "the address of the server, or of its proxy, cannot be used")
          .with_detail("field", "base_url");
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING: return no_http(transfer, phase_of(transfer));
    default: return cut(transfer);
  }
}

bool is_broken(CURLcode code) {
  return code == CURLE_GOT_NOTHING || code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR ||
         code == CURLE_COULDNT_CONNECT;
}

bool died_in_the_pool(const CurlTransfer& transfer, CURLcode code) {
  return is_broken(code) && code != CURLE_COULDNT_CONNECT && transfer.head_bytes == 0 &&
         fact<long>(transfer.easy, CURLINFO_NUM_CONNECTS) == 0;
}

}  // namespace infer::http
