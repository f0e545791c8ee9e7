// For tests: certificates that vouch for themselves.
#ifndef INFER_TESTS_FAULTS_CERTIFICATE_H_
#define INFER_TESTS_FAULTS_CERTIFICATE_H_

#include <string>

namespace infer::faults {

struct Certificate {
  std::string names = "IP:127.0.0.1,DNS:localhost";  // whom it is for, as OpenSSL writes it
  long from = -3600;                                 // validity, seconds from now
  long until = 24 * 3600;
};
// Writes it and its key as PEM files; false where that fails.
bool write_certificate(const Certificate& what, const std::string& file,
                       const std::string& key_file);

}  // namespace infer::faults

#endif  // INFER_TESTS_FAULTS_CERTIFICATE_H_
