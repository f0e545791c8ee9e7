// For tests: a directory of its own that goes with what is in it.
#ifndef INFER_SRC_PORT_TEMP_DIR_H_
#define INFER_SRC_PORT_TEMP_DIR_H_

#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>

namespace infer::port {

class TempDir {
 public:
  TempDir() {
    std::string pattern = std::filesystem::temp_directory_path().string() + "/infer-test-XXXXXX";
    if (mkdtemp(pattern.data())) path_ = std::filesystem::canonical(pattern).string();
  }
  ~TempDir() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }
  std::string write(std::string_view name, std::string_view bytes) const {
    const std::string file = *this / name;
    std::filesystem::create_directories(std::filesystem::path(file).parent_path());
    std::ofstream(file, std::ios::binary) << bytes;
    chmod(file.c_str(), 0644);
    return file;
  }

 private:
  std::string path_;
};

}  // namespace infer::port

#endif  // INFER_SRC_PORT_TEMP_DIR_H_
