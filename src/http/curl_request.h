// An easy handle made ready for a request.
#ifndef INFER_SRC_HTTP_CURL_REQUEST_H_
#define INFER_SRC_HTTP_CURL_REQUEST_H_

#include <optional>

#include "src/http/curl_transfer.h"

namespace infer::http {

// Before anything else; any thread, any number of times. Never cleaned up: others in the process
// may use libcurl too.
void curl_init();
// A handle with all that is the same for every request; null: no memory.
CURL* new_easy();
// Everything that a request may differ in is set, whatever the handle did before, so that handles
// can be used again. The transfer has to live until clear_easy(). After an error the handle is good
// for nothing.
std::optional<Error> prepare_easy(CurlEasy& easy, CurlTransfer& transfer);
void clear_easy(CURL* easy) noexcept;

}  // namespace infer::http

#endif  // INFER_SRC_HTTP_CURL_REQUEST_H_
