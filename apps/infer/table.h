// Columns of text, and figures that people can read.
#ifndef INFER_APPS_TABLE_H_
#define INFER_APPS_TABLE_H_

#include <cstdint>
#include <string>
#include <vector>

namespace infer::cli {

// Left-aligned columns, as wide as their widest cell; the first row is the heading.
class Table {
 public:
  void row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

// "2.6M", "4B": three digits; empty for 0.
std::string short_count(std::int64_t value);
// "7.8 MB", in powers of 1000 as discs are sold; empty for 0.
std::string short_size(std::int64_t bytes);

}  // namespace infer::cli

#endif  // INFER_APPS_TABLE_H_
