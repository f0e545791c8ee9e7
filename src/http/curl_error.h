// What libcurl's failures mean.
#ifndef INFER_SRC_HTTP_CURL_ERROR_H_
#define INFER_SRC_HTTP_CURL_ERROR_H_

#include "src/http/curl_transfer.h"

namespace infer::http {

// While the easy handle still knows how far it came. The message names hosts, never URLs, and
// holds no header.
Error curl_error(const CurlTransfer& transfer, CURLcode code);
// A connection that broke on the way, or was refused.
bool is_broken(CURLcode code);
// The connection was a pooled one, and it died before a byte of an answer: the server had closed it
// before it saw the request, most likely.
bool died_in_the_pool(const CurlTransfer& transfer, CURLcode code);

}  // namespace infer::http

#endif  // INFER_SRC_HTTP_CURL_ERROR_H_
