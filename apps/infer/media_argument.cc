#include "apps/infer/media_argument.h"

#include <string_view>
#include <utility>

#include "apps/infer/prompt.h"
#include "infer/media.h"

namespace infer::cli {

bool is_address(const std::string& name) {
  return std::string_view(name).starts_with("data:") || name.find("://") != std::string::npos;
}

Result<Media> read_media(const std::string& name, const StopToken& stop) {
  const auto wrong = [&](Errc code, const std::string& what) {
    return Error(code, "'" + name + "' " + what).with_detail("field", "image");
  };
  if (name.empty()) return wrong(Errc::kInvalidRequest, "is no name of a picture");
  const std::string_view scheme = std::string_view(name).substr(0, name.find(':'));
  if (is_address(name)) {
    if (scheme != "https" && scheme != "http" && scheme != "data")
      return wrong(Errc::kInvalidRequest, "is an address that providers do not read: use https://");
    return media_from_url(name);
  }
  auto bytes = name == "-" ? read_stdin(stop) : std::string();
  if (!bytes) return bytes.error();
  if (name == "-" && bytes->empty())
    return wrong(Errc::kInvalidRequest, "stands for stdin, and there are no bytes in it");
  auto media = name == "-" ? media_from_bytes(Blob(std::move(*bytes))) : media_from_file(name);
  if (!media && media.error().code() == Errc::kUnsupported)
    return wrong(Errc::kUnsupported,
                 "begins like no picture or document that is known here: PNG, JPEG, GIF, WebP, PDF "
                 "and some more");
  return media;
}

}  // namespace infer::cli
