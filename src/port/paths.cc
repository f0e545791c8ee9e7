#include "src/port/paths.h"

#include <dirent.h>
#include <dlfcn.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>

namespace infer::port {

std::string module_directory() {
  Dl_info info{};
  if (dladdr(reinterpret_cast<const void*>(&module_directory), &info) == 0 || !info.dli_fname)
    return {};
  std::string file = info.dli_fname;
  // The program itself goes by the name it was started with, which may be relative to a directory
  // that it has left since.
  if (file.empty() || file.front() != '/') file = "/proc/self/exe";
  const auto real = canonical(file);
  return real ? real->substr(0, real->rfind('/')) : std::string();
}

std::vector<std::string> path_list(const char* variable) {
  std::vector<std::string> list;
  const char* value = std::getenv(variable);
  for (std::string_view rest = value ? value : ""; !rest.empty();) {
    const std::size_t colon = rest.find(':');
    const std::string_view entry = rest.substr(0, colon);
    if (!entry.empty() && entry.front() == '/') list.emplace_back(entry);
    rest.remove_prefix(colon == std::string_view::npos ? rest.size() : colon + 1);
  }
  return list;
}

FileKind file_kind(const std::string& path) {
  struct stat st{};
  if (stat(path.c_str(), &st) != 0) return FileKind::kNone;
  if (S_ISREG(st.st_mode)) return FileKind::kFile;
  return S_ISDIR(st.st_mode) ? FileKind::kDirectory : FileKind::kOther;
}

std::optional<std::string> canonical(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(realpath(path.c_str(), nullptr),
                                                         &std::free);
  if (!real) return std::nullopt;
  return std::string(real.get());
}

std::vector<std::string> existing(const std::vector<std::string>& paths) {
  std::vector<std::string> out;
  for (const std::string& path : paths) {
    auto real = canonical(path);
    if (real && std::find(out.begin(), out.end(), *real) == out.end())
      out.push_back(std::move(*real));
  }
  return out;
}

std::vector<std::string> list_directory(const std::string& path) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(opendir(path.c_str()), &closedir);
  if (!dir) return names;
  while (const dirent* entry = readdir(dir.get())) names.emplace_back(entry->d_name);
  std::sort(names.begin(), names.end());
  return names;
}

namespace {
Result<void> trusted_one(const std::string& path, bool is_file) {
  struct stat st{};
  if (stat(path.c_str(), &st) != 0)
    return Error(Errc::kNotFound, path + ": " + std::strerror(errno));
  if (st.st_uid != 0 && st.st_uid != geteuid())
    return Error(Errc::kForbidden, path + " belongs to another user (uid " +
                                       std::to_string(st.st_uid) +
                                       "); code is loaded only from root's files and your own");
  const bool world_writable = (st.st_mode & S_IWOTH) != 0;
  if (world_writable && is_file)
    return Error(Errc::kForbidden, path + " is writable by everybody; chmod o-w it");
  if (world_writable && (st.st_mode & S_ISVTX) == 0)
    return Error(Errc::kForbidden,
                 path +
                     " is a directory writable by everybody; chmod o-w it or put the file "
                     "elsewhere");
  return {};
}
}  // namespace

Result<void> trusted(const std::string& canonical_path) {
  std::string path = canonical_path;
  for (bool is_file = true; !path.empty(); is_file = false) {
    if (auto ok = trusted_one(path, is_file); !ok) return ok;
    path.resize(path.rfind('/'));
  }
  return trusted_one("/", false);
}

}  // namespace infer::port
