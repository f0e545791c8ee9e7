#include "src/cloud/multipart.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace infer::cloud {
namespace {

constexpr std::string_view kBreak = "\r\n";

// As browsers do it (HTML standard, multipart/form-data encoding): quotes and line breaks would end
// the name; all else goes as it is.
std::string form_name(std::string_view name) {
  std::string out;
  for (const char c : name) {
    switch (c) {
      case '"': out += "%22"; break;
      case '\r': out += "%0D"; break;
      case '\n': out += "%0A"; break;
      default: out += c;
    }
  }
  return out;
}

// FNV-1a, 64 bits: no secret, only a number that differs where the parts do.
std::uint64_t fingerprint(std::uint64_t hash, std::string_view bytes) {
  for (const char c : bytes) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3u;
  }
  return hash;
}

std::string hex(std::uint64_t number) {
  std::string out(16, '0');
  for (std::size_t i = 16; i-- > 0; number >>= 4) out[i] = "0123456789abcdef"[number & 15];
  return out;
}

}  // namespace

void Multipart::field(std::string_view name, std::string_view value) {
  Part part;
  part.head = "Content-Disposition: form-data; name=\"" + form_name(name) + "\"\r\n";
  part.text = value;
  parts_.push_back(std::move(part));
}

void Multipart::file(std::string_view name, std::string_view file_name, std::string_view type,
                     std::string_view bytes) {
  Part part;
  part.head = "Content-Disposition: form-data; name=\"" + form_name(name) + "\"; filename=\"" +
              form_name(file_name) + "\"\r\nContent-Type: " + std::string(type) + "\r\n";
  part.bytes = bytes;
  parts_.push_back(std::move(part));
}

std::string Multipart::boundary() const {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const Part& part : parts_) hash = fingerprint(fingerprint(hash, part.head), part.content());
  for (;;) {
    const std::string boundary = "----form-" + hex(hash);
    const bool occurs = std::any_of(parts_.begin(), parts_.end(), [&](const Part& part) {
      return part.content().find(boundary) != std::string_view::npos;
    });
    if (!occurs) return boundary;
    ++hash;  // the parts are finite: some number is in none of them
  }
}

std::string Multipart::content_type(std::string_view boundary) {
  return "multipart/form-data; boundary=" + std::string(boundary);
}

std::string Multipart::body(std::string_view boundary) const {
  const std::string line = "--" + std::string(boundary);
  std::size_t size = line.size() + 4;
  for (const Part& part : parts_)
    size += line.size() + part.head.size() + part.content().size() + 3 * kBreak.size();
  std::string out;
  out.reserve(size);
  for (const Part& part : parts_) {
    out += line;
    out += kBreak;
    out += part.head;
    out += kBreak;
    out += part.content();
    out += kBreak;
  }
  out += line;
  out += "--\r\n";
  return out;
}

}  // namespace infer::cloud
