#include "src/conformance/process.h"

#include <dirent.h>
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

namespace infer {
inline namespace v0 {
namespace process {

std::int64_t voluntary_switches() noexcept {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nvcsw;
}

std::chrono::nanoseconds thread_cpu() noexcept {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

std::set<long> threads() {
  std::set<long> ids;
  DIR* dir = opendir("/proc/self/task");
  if (dir == nullptr) return ids;
  while (const dirent* entry = readdir(dir))
    if (entry->d_name[0] != '.') ids.insert(std::strtol(entry->d_name, nullptr, 10));
  closedir(dir);
  return ids;
}

void* open_library(const std::string& path, std::string& why) {
  // A name without a slash would be searched for in the system's directories.
  const std::string file = path.find('/') == std::string::npos ? "./" + path : path;
  void* library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* reason = dlerror();
    why = reason ? reason : "it cannot be opened";
  }
  return library;
}

void* symbol(void* library, const char* name) { return dlsym(library, name); }

namespace {

// Reads a T at an offset of the file; false beyond its end.
template <class T>
bool read_at(const std::string& file, std::uint64_t offset, T& out) {
  if (offset > file.size() || file.size() - offset < sizeof(T)) return false;
  std::memcpy(&out, file.data() + offset, sizeof(T));
  return true;
}

// A name that the linker adds by itself says nothing about the plugin.
bool made_by_linker(const std::string& name) {
  static const char* const kNames[] = {"_init", "_fini", "__bss_start", "_edata", "_end"};
  for (const char* known : kNames)
    if (name == known) return true;
  return false;
}

bool is_exported(const ElfW(Sym) & symbol) {
  const int bind = symbol.st_info >> 4;
  const int type = symbol.st_info & 15;
  const int visibility = symbol.st_other & 3;
  return symbol.st_shndx != SHN_UNDEF && symbol.st_shndx != SHN_ABS &&
         (bind == STB_GLOBAL || bind == STB_WEAK || bind == STB_GNU_UNIQUE) && type != STT_FILE &&
         type != STT_SECTION && (visibility == STV_DEFAULT || visibility == STV_PROTECTED);
}

void add_exports(const std::string& file, const ElfW(Shdr) & symbols, const ElfW(Shdr) & strings,
                 std::vector<std::string>& names) {
  for (std::uint64_t at = 0; at + sizeof(ElfW(Sym)) <= symbols.sh_size; at += sizeof(ElfW(Sym))) {
    ElfW(Sym) symbol{};
    if (!read_at(file, symbols.sh_offset + at, symbol)) return;
    const std::uint64_t name_at = strings.sh_offset + symbol.st_name;
    if (!is_exported(symbol) || name_at >= file.size()) continue;
    const std::size_t end = file.find('\0', name_at);
    if (end == std::string::npos) continue;
    std::string name = file.substr(name_at, end - name_at);
    if (!made_by_linker(name)) names.push_back(std::move(name));
  }
}

}  // namespace

std::optional<std::vector<std::string>> exported_symbols(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  const std::string file((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  constexpr unsigned char kClass = sizeof(void*) == 8 ? ELFCLASS64 : ELFCLASS32;
  ElfW(Ehdr) header{};
  if (!read_at(file, 0, header) || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
      header.e_ident[EI_CLASS] != kClass || header.e_shentsize != sizeof(ElfW(Shdr)))
    return std::nullopt;
  bool found = false;
  std::vector<std::string> names;
  for (unsigned i = 0; i < header.e_shnum; ++i) {
    ElfW(Shdr) section{}, strings{};
    if (!read_at(file, header.e_shoff + i * sizeof section, section)) return std::nullopt;
    if (section.sh_type != SHT_DYNSYM) continue;
    if (!read_at(file, header.e_shoff + section.sh_link * sizeof strings, strings))
      return std::nullopt;
    found = true;
    add_exports(file, section, strings, names);
  }
  if (!found) return std::nullopt;
  return names;
}

std::string state() {
  std::string text;
  for (int number = 1; number < NSIG; ++number) {
    struct sigaction action{};
    if (sigaction(number, nullptr, &action) != 0) continue;
    char line[64];
    std::snprintf(line, sizeof line, "signal %d %p\n", number,
                  reinterpret_cast<void*>(action.sa_handler));
    text += line;
  }
  const char* locale = setlocale(LC_ALL, nullptr);
  text += std::string("locale ") + (locale ? locale : "") + "\n";
  char* where = getcwd(nullptr, 0);
  text += std::string("directory ") + (where ? where : "") + "\n";
  std::free(where);
  return text;
}

OutputTrap::OutputTrap() {
  std::FILE* file = std::tmpfile();  // deleted by itself
  if (file == nullptr) return;
  file_ = fcntl(fileno(file), F_DUPFD_CLOEXEC, 3);
  std::fclose(file);
  if (file_ < 0) return;
  std::fflush(nullptr);
  for (int fd : {1, 2}) {
    saved_[fd - 1] = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    dup2(file_, fd);
  }
}

std::string OutputTrap::release() {
  std::string text;
  if (file_ < 0) return text;
  std::fflush(nullptr);
  for (int fd : {1, 2}) {
    if (saved_[fd - 1] >= 0) {
      dup2(saved_[fd - 1], fd);
      ::close(saved_[fd - 1]);
    } else {
      ::close(fd);  // it was closed before, too
    }
  }
  char buffer[4096];
  const ssize_t size = pread(file_, buffer, sizeof buffer, 0);
  if (size > 0) text.assign(buffer, static_cast<std::size_t>(size));
  ::close(file_);
  file_ = -1;
  return text;
}

}  // namespace process
}  // namespace v0
}  // namespace infer
