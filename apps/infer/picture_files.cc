#include "apps/infer/picture_files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "src/port/write_file.h"

namespace infer::cli {
namespace {

// Where the extension begins, with its dot; the end of the path if it has none.
std::size_t extension_at(std::string_view path) {
  const std::size_t name = path.rfind('/') + 1;  // npos + 1 is 0
  const std::size_t dot = path.rfind('.');
  return dot == std::string_view::npos || dot <= name ? path.size() : dot;
}

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Error bad_file(Errc code, const std::string& path, const std::string& what) {
  return Error(code, path + what).with_detail("field", "output");
}

}  // namespace

std::string PictureFiles::numbered(std::uint32_t picture, const std::string& rest) const {
  const std::size_t dot = extension_at(path_);
  // A server that gives more than was asked for overwrites nothing.
  const bool with_number = several_ || picture > 0;
  return path_.substr(0, dot) + (with_number ? "-" + std::to_string(picture + 1) : "") + rest +
         path_.substr(dot);
}

std::string PictureFiles::path(std::uint32_t picture) const { return numbered(picture, ""); }

std::string PictureFiles::path(std::uint32_t picture, std::uint32_t preview) const {
  return numbered(picture, ".preview-" + std::to_string(preview + 1));
}

std::optional<Error> PictureFiles::check(const std::string& path) const {
  struct stat there{};
  if (::stat(path.c_str(), &there) == 0) {
    if (S_ISDIR(there.st_mode))
      return bad_file(Errc::kInvalidRequest, path, " is a directory; name a file in it");
    if (S_ISREG(there.st_mode) && !force_)
      return bad_file(Errc::kInvalidRequest, path, " is there already; --force replaces it");
  } else if (errno != ENOENT && errno != ENOTDIR) {
    return bad_file(Errc::kIo, path, std::string(" cannot be written: ") + std::strerror(errno));
  }
  const std::string directory = directory_of(path);
  if (::stat(directory.c_str(), &there) != 0 || !S_ISDIR(there.st_mode))
    return bad_file(Errc::kNotFound, path,
                    " cannot be written: there is no directory " + directory);
  // What is there and is no plain file, such as a pipe, is written to as it is.
  const bool plain = ::stat(path.c_str(), &there) != 0 || S_ISREG(there.st_mode);
  if (::access(plain ? directory.c_str() : path.c_str(), W_OK) != 0)
    return bad_file(Errc::kIo, path, std::string(" cannot be written: ") + std::strerror(errno));
  return std::nullopt;
}

std::optional<Error> PictureFiles::write(const std::string& path, std::string_view bytes) const {
  if (auto error = check(path)) return error;
  if (auto written = port::write_file(path, bytes); !written) return written.error();
  return std::nullopt;
}

std::string_view extension_of(std::string_view path) noexcept {
  return path.substr(extension_at(path));
}

}  // namespace infer::cli
