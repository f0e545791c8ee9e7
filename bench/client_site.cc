#include "bench/client_site.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <sstream>

namespace infer::bench {
namespace {

void add_extension(X509* to, X509* issuer, int id, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, to, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, id, value);
  if (!extension || X509_add_ext(to, extension, -1) != 1) fail("cannot make a certificate");
  X509_EXTENSION_free(extension);
}

// Signed by `issuer` with `issuer_key`, or by itself.
X509* certificate(const char* name, EVP_PKEY* key, X509* issuer, EVP_PKEY* issuer_key) {
  X509* made = X509_new();
  X509_set_version(made, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(made), issuer ? 2 : 1);
  X509_gmtime_adj(X509_getm_notBefore(made), -3600);
  X509_gmtime_adj(X509_getm_notAfter(made), 7L * 24 * 3600);
  X509_set_pubkey(made, key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
  X509* const from = issuer ? issuer : made;
  X509_set_issuer_name(made, X509_get_subject_name(from));
  add_extension(made, from, NID_basic_constraints, issuer ? "CA:FALSE" : "critical,CA:TRUE");
  if (issuer) add_extension(made, from, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
  if (X509_sign(made, issuer_key, EVP_sha256()) == 0) fail("cannot sign a certificate");
  return made;
}

void write_pem(const std::string& path, X509* one, EVP_PKEY* key) {
  std::FILE* file = std::fopen(path.c_str(), "a");
  if (!file) fail("cannot write " + path);
  if (one) PEM_write_X509(file, one);
  if (key) PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
  std::fclose(file);
}

// The server's certificate and key, and a bundle: the system's with the server's root at its end.
void make_certificates(const std::string& chain, const std::string& key_file,
                       const std::string& bundle) {
  EVP_PKEY* root_key = EVP_EC_gen("P-256");
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* root = certificate("Bench root", root_key, nullptr, root_key);
  X509* leaf = certificate("localhost", key, root, root_key);
  write_pem(chain, leaf, nullptr);
  write_pem(key_file, nullptr, key);
  std::ifstream system("/etc/ssl/certs/ca-certificates.crt");
  std::ofstream(bundle) << system.rdbuf();
  write_pem(bundle, root, nullptr);
  X509_free(leaf);
  X509_free(root);
  EVP_PKEY_free(key);
  EVP_PKEY_free(root_key);
}

}  // namespace

Site::Site(const std::string& program) : ca_file_(dir_ / "bundle.pem") {
  const std::string chain = dir_ / "server.pem", key = dir_ / "server.key";
  make_certificates(chain, key, ca_file_);
  int in[2], out[2];
  if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) fail("no pipe");
  child_ = fork();
  if (child_ == 0) {
    dup2(in[0], STDIN_FILENO);
    dup2(out[1], STDOUT_FILENO);
    execl(program.c_str(), program.c_str(), chain.c_str(), key.c_str(), nullptr);
    _exit(127);
  }
  close(in[0]);
  close(out[1]);
  to_child_ = in[1];
  std::FILE* ports = fdopen(out[0], "r");
  if (std::fscanf(ports, "%d %d", &port_, &tls_port_) != 2) fail("cannot start " + program);
  std::fclose(ports);
}

Site::~Site() {
  close(to_child_);
  waitpid(child_, nullptr, 0);
}

Load Site::load(Dialect dialect, const std::string& path, bool tls) const {
  Load load;
  load.dialect = dialect;
  load.port = tls ? tls_port_ : port_;
  load.tls = tls;
  if (tls) load.ca_file = ca_file_;
  load.path = path;
  return load;
}

std::string Site::get(const std::string& path) const {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port_));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    fail("the server has gone");
  const std::string request = "GET " + path + " HTTP/1.1\r\nHost: bench\r\n\r\n";
  if (write(fd, request.data(), request.size()) < 0) fail("the server has gone");
  std::string answer;
  for (;;) {
    char buffer[4096];
    const std::size_t head = answer.find("\r\n\r\n");
    const std::size_t length = answer.find("content-length: ");
    if (head != std::string::npos && length < head &&
        answer.size() >= head + 4 + std::stoul(answer.substr(length + 16, 20)))
      break;
    const long n = read(fd, buffer, sizeof buffer);
    if (n <= 0) fail("the server has gone");
    answer.append(buffer, static_cast<std::size_t>(n));
  }
  close(fd);
  return answer.substr(answer.find("\r\n\r\n") + 4);
}

Site::Stats Site::stats() const {
  Stats stats;
  std::istringstream(get("/stats")) >> stats.connections >> stats.handshakes >> stats.requests;
  return stats;
}

std::string Site::closed() const { return get("/closed"); }

}  // namespace infer::bench
