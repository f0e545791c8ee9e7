// The certificates that are trusted, parsed once for the process. Left to itself, libcurl parses
// the system's bundle for every connection where it was built with a directory of certificates
// (Debian's is): 23 ms and 900 KiB each.
#ifndef INFER_SRC_HTTP_CA_STORE_H_
#define INFER_SRC_HTTP_CA_STORE_H_

#include <string>

#include "infer/result.h"

struct x509_store_st;

namespace infer::http {

// The store of this PEM file; empty: the system's. It lives for ever and may be shared by any
// number of connections and threads. kInvalidRequest, naming the file, for one that cannot be read
// or holds no certificate.
Result<x509_store_st*> ca_store(const std::string& file);

}  // namespace infer::http

#endif  // INFER_SRC_HTTP_CA_STORE_H_
