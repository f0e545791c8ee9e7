// What the suite asks of the operating system; the only file of the suite that is POSIX.
#ifndef INFER_CONFORMANCE_PROCESS_H_
#define INFER_CONFORMANCE_PROCESS_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace infer {
inline namespace v0 {
namespace process {

// How often the calling thread has given its processor away by itself: it waited for something.
std::int64_t voluntary_switches() noexcept;
// Processor time of the calling thread.
std::chrono::nanoseconds thread_cpu() noexcept;
// The ids of the threads of this process; empty where the system does not say.
std::set<long> threads();

// Opens a shared object, RTLD_NOW | RTLD_LOCAL; null and a reason where that fails. It stays open.
void* open_library(const std::string& path, std::string& why);
void* symbol(void* library, const char* name);
// The names that a shared object exports, read from the file itself; nothing where it cannot be
// read (another word size, no dynamic symbols).
std::optional<std::vector<std::string>> exported_symbols(const std::string& path);

// Signal handlers, locale and working directory, as one text to compare.
std::string state();

// Turns stdout and stderr of the process to a file as long as it lives.
class OutputTrap {
 public:
  OutputTrap();
  ~OutputTrap() { release(); }
  OutputTrap(const OutputTrap&) = delete;
  OutputTrap& operator=(const OutputTrap&) = delete;
  // False: there was no file to turn them to; nothing was changed.
  bool works() const noexcept { return file_ >= 0; }
  // Puts both back and gives what was written, clipped to 4 KiB.
  std::string release();

 private:
  int file_ = -1;
  int saved_[2] = {-1, -1};
};

}  // namespace process
}  // namespace v0
}  // namespace infer

#endif  // INFER_CONFORMANCE_PROCESS_H_
