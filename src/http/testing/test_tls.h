// For tests: a certificate authority of their own, made when they run.
#ifndef INFER_SRC_HTTP_TESTING_TEST_TLS_H_
#define INFER_SRC_HTTP_TESTING_TEST_TLS_H_

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

#include "src/port/temp_dir.h"

namespace infer::http::test {

struct FreeTls {
  void operator()(SSL_CTX* p) const { SSL_CTX_free(p); }
  void operator()(X509* p) const { X509_free(p); }
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
};
using TlsContext = std::unique_ptr<SSL_CTX, FreeTls>;

// An authority and the file that a client has to trust.
class TestCa {
 public:
  // Under a name of its own: of two with one name the right one is looked for by trying.
  TestCa() : key_(EVP_EC_gen("P-256")), certificate_(make(dir_.path(), {}, 0, 3600, true)) {
    std::unique_ptr<BIO, void (*)(BIO*)> out(BIO_new_file(file().c_str(), "w"), BIO_free_all);
    PEM_write_bio_X509(out.get(), certificate_.get());
  }
  std::string file() const { return dir_ / "ca.pem"; }

  // A server's context with a certificate of this authority. `names`: "DNS:localhost,IP:127.0.0.1".
  // Valid from now + `from` to now + `to`, seconds.
  TlsContext server(const std::string& names = "DNS:localhost,IP:127.0.0.1", long from = -60,
                    long to = 3600) const {
    TlsContext context(SSL_CTX_new(TLS_server_method()));
    // One key for all: what is tested is the certificate.
    const auto certificate = make("server", names, from, to, false);
    SSL_CTX_use_certificate(context.get(), certificate.get());
    SSL_CTX_use_PrivateKey(context.get(), key_.get());
    return context;
  }

 private:
  std::unique_ptr<X509, FreeTls> make(std::string name, const std::string& names, long from,
                                      long to, bool authority) const {
    std::unique_ptr<X509, FreeTls> out(X509_new());
    name = name.substr(name.rfind('/') + 1);
    X509_set_version(out.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(out.get()), authority ? 1 : 2);
    X509_gmtime_adj(X509_getm_notBefore(out.get()), from);
    X509_gmtime_adj(X509_getm_notAfter(out.get()), to);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(out.get()), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    X509_set_issuer_name(out.get(),
                         X509_get_subject_name(authority ? out.get() : certificate_.get()));
    X509_set_pubkey(out.get(), key_.get());
    extend(out.get(), NID_basic_constraints, authority ? "critical,CA:TRUE" : "CA:FALSE");
    if (!names.empty()) extend(out.get(), NID_subject_alt_name, names.c_str());
    X509_sign(out.get(), key_.get(), EVP_sha256());
    return out;
  }
  static void extend(X509* certificate, int what, const char* value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, what, value);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  }

  port::TempDir dir_;
  std::unique_ptr<EVP_PKEY, FreeTls> key_;
  std::unique_ptr<X509, FreeTls> certificate_;
};

}  // namespace infer::http::test

#endif  // INFER_SRC_HTTP_TESTING_TEST_TLS_H_
