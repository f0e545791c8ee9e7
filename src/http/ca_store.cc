#include "src/http/ca_store.h"

#include <curl/curl.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include <map>
#include <memory>
#include <mutex>

#include "src/port/file.h"

namespace infer::http {

namespace {
struct FreeStore {
  void operator()(X509_STORE* store) const { X509_STORE_free(store); }
};
using Store = std::unique_ptr<X509_STORE, FreeStore>;

struct Stores {
  std::mutex mutex;
  std::map<std::string, Store> by_file;
};
// Never destroyed: connections may be made while the process exits.
Stores& stores() {
  static Stores* const one = new Stores;
  return *one;
}

Error no_certificates(const std::string& file, std::string_view why) {
  return Error(Errc::kInvalidRequest, "the file of trusted certificates '" + file +
                                          "' cannot be used: " + std::string(why) +
                                          "; ca_file has to name a PEM file of certificates")
      .with_detail("field", "ca_file");
}

// The system's bundle is where libcurl was told when it was built, else where OpenSSL was
// (SSL_CERT_FILE and SSL_CERT_DIR, if they are set).
bool load_system(X509_STORE* store) {
  const curl_version_info_data* info = curl_version_info(CURLVERSION_NOW);
  if (info->age >= CURLVERSION_SEVENTH && info->cainfo &&
      X509_STORE_load_file(store, info->cainfo) == 1)
    return true;
  return X509_STORE_set_default_paths(store) == 1;
}

Result<Store> load(const std::string& file) {
  Store store(X509_STORE_new());
  if (!store) return Error(Errc::kOutOfMemory, "no memory for the trusted certificates");
  // A certificate in the store is trusted, also one that did not sign itself: as libcurl has it.
  X509_STORE_set_flags(store.get(), X509_V_FLAG_PARTIAL_CHAIN);
  if (file.empty()) {
    if (!load_system(store.get()))
      return Error(Errc::kTls,
                   "this system's trusted certificates cannot be read; name a PEM file by ca_file");
  } else {
    if (auto readable = port::File::open(file); !readable)
      return no_certificates(file, readable.error().message());
    if (X509_STORE_load_file(store.get(), file.c_str()) != 1) {
      const char* reason = ERR_reason_error_string(ERR_peek_last_error());
      return no_certificates(file, reason ? reason : "it holds no certificate");
    }
  }
  return store;
}
}  // namespace

Result<X509_STORE*> ca_store(const std::string& file) {
  Stores& all = stores();
  std::lock_guard lock(all.mutex);
  const auto found = all.by_file.find(file);
  if (found != all.by_file.end()) return found->second.get();
  ERR_clear_error();
  auto store = load(file);
  ERR_clear_error();  // what is left in the thread's queue would be taken for a connection's
  if (!store) return store.error();
  X509_STORE* made = store->get();
  all.by_file.emplace(file, std::move(*store));
  return made;
}

}  // namespace infer::http
