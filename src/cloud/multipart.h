// A multipart/form-data body (RFC 7578): fields and files, in their order.
#ifndef INFER_SRC_CLOUD_MULTIPART_H_
#define INFER_SRC_CLOUD_MULTIPART_H_

#include <string>
#include <string_view>
#include <vector>

namespace infer::cloud {

class Multipart {
 public:
  void field(std::string_view name, std::string_view value);
  // `type`: without line breaks. `bytes` need to live until body() returns.
  void file(std::string_view name, std::string_view file_name, std::string_view type,
            std::string_view bytes);

  // The line between two parts. It occurs in none of them, whatever they hold, and is the same for
  // the same parts: recordings find a request by its body.
  std::string boundary() const;
  static std::string content_type(std::string_view boundary);
  std::string body(std::string_view boundary) const;

 private:
  struct Part {
    std::string head{};        // its headers
    std::string text{};        // of a field
    std::string_view bytes{};  // of a file
    std::string_view content() const { return bytes.empty() ? std::string_view(text) : bytes; }
  };
  std::vector<Part> parts_{};
};

}  // namespace infer::cloud

#endif  // INFER_SRC_CLOUD_MULTIPART_H_
