// Where pictures that a model makes are written: one file each, named after one that was given.
#ifndef INFER_APPS_PICTURE_FILES_H_
#define INFER_APPS_PICTURE_FILES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "infer/error.h"

namespace infer::cli {

class PictureFiles {
 public:
  // `path`: that of the only picture; of several, "dir/red.png" gives "dir/red-1.png" and so on.
  // `force`: files that are there may be replaced.
  PictureFiles(std::string path, std::uint32_t pictures, bool force)
      : path_(std::move(path)), several_(pictures > 1), force_(force) {}

  // Of the picture with this index, counted from 0.
  std::string path(std::uint32_t picture) const;
  // Of its previews: "red.preview-1.png", "red-2.preview-1.png"; `preview` is counted from 0.
  std::string path(std::uint32_t picture, std::uint32_t preview) const;

  // What can be known before anything is asked and paid for: kNotFound where the directory is
  // missing, kInvalidRequest where the name is a directory's or a file is there already, kIo where
  // nothing may be written.
  std::optional<Error> check(const std::string& path) const;
  // Whole or not at all. The errors of check(), and kIo where it cannot be written.
  std::optional<Error> write(const std::string& path, std::string_view bytes) const;

 private:
  std::string numbered(std::uint32_t picture, const std::string& rest) const;

  std::string path_;
  bool several_;
  bool force_;
};

// ".png", as it is written; empty if the name has none.
std::string_view extension_of(std::string_view path) noexcept;

}  // namespace infer::cli

#endif  // INFER_APPS_PICTURE_FILES_H_
