// A strict reader of multipart/form-data, written from RFC 2046 section 5.1.1 and RFC 7578, and not
// from what writes it here.
#ifndef INFER_SRC_CLOUD_MULTIPART_PARSER_FOR_TESTS_H_
#define INFER_SRC_CLOUD_MULTIPART_PARSER_FOR_TESTS_H_

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace infer::cloud::reading {

struct FormPart {
  std::string name{}, filename{}, type{}, content{};
  bool is_file = false;
};

// name="x"; filename="y": nothing if a quote is missing.
inline std::optional<std::string> form_parameter(std::string_view line, std::string_view key) {
  const std::string begin = "; " + std::string(key) + "=\"";
  const std::size_t at = line.find(begin);
  if (at == std::string_view::npos) return std::nullopt;
  const std::size_t from = at + begin.size();
  const std::size_t end = line.find('"', from);
  if (end == std::string_view::npos) return std::nullopt;
  return std::string(line.substr(from, end - from));
}

inline std::optional<FormPart> form_part(std::string_view part) {
  const std::size_t blank = part.find("\r\n\r\n");
  if (blank == std::string_view::npos) return std::nullopt;
  FormPart out;
  out.content = part.substr(blank + 4);
  std::string_view heads = part.substr(0, blank + 2);
  bool disposed = false;
  while (!heads.empty()) {
    const std::size_t end = heads.find("\r\n");
    const std::string_view line = heads.substr(0, end);
    heads.remove_prefix(end + 2);
    if (line.substr(0, 32) == "Content-Disposition: form-data; ") {
      const auto name = form_parameter(line, "name");
      if (!name || disposed) return std::nullopt;
      disposed = true;
      out.name = *name;
      if (const auto file = form_parameter(line, "filename")) {
        out.filename = *file;
        out.is_file = true;
      }
    } else if (line.substr(0, 14) == "Content-Type: ") {
      out.type = line.substr(14);
    } else {
      return std::nullopt;
    }
  }
  return disposed ? std::optional(out) : std::nullopt;
}

// Nothing if it is not what the content type says.
inline std::optional<std::vector<FormPart>> parse_form(std::string_view content_type,
                                                       std::string_view body) {
  constexpr std::string_view kType = "multipart/form-data; boundary=";
  if (content_type.substr(0, kType.size()) != kType) return std::nullopt;
  const std::string boundary(content_type.substr(kType.size()));
  if (boundary.empty() || boundary.size() > 70) return std::nullopt;
  const std::string first = "--" + boundary + "\r\n";
  if (body.substr(0, first.size()) != first) return std::nullopt;
  body.remove_prefix(first.size());
  std::vector<FormPart> parts;
  const std::string line = "\r\n--" + boundary;
  for (;;) {
    const std::size_t end = body.find(line);
    if (end == std::string_view::npos) return std::nullopt;
    auto part = form_part(body.substr(0, end));
    if (!part) return std::nullopt;
    parts.push_back(std::move(*part));
    body.remove_prefix(end + line.size());
    if (body == "--\r\n") return parts;
    if (body.substr(0, 2) != "\r\n") return std::nullopt;
    body.remove_prefix(2);
  }
}

}  // namespace infer::cloud::reading

#endif  // INFER_SRC_CLOUD_MULTIPART_PARSER_FOR_TESTS_H_
