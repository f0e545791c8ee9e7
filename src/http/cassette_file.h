// The text of a cassette (docs/formats/cassette.md).
#ifndef INFER_SRC_HTTP_CASSETTE_FILE_H_
#define INFER_SRC_HTTP_CASSETTE_FILE_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "infer/result.h"
#include "src/http/transport.h"

namespace infer::http {

inline constexpr std::string_view kCassetteHead = "infer cassette 1\n";

// One request and what came of it.
struct Recorded {
  std::string method{};
  std::string path{};  // of the URL, with its query
  std::vector<Header> request_headers{};
  std::string body{};
  HttpHead head{};  // status 0: none came
  std::vector<std::string> pieces{};
  std::optional<Error> error{};  // how it ended; none: the end
  std::size_t line = 0;          // where it begins in its file
};

// As it is appended to the file. Headers that are not on the lists of the format's page, and values
// that are not text, are left out.
std::string to_text(const Recorded& exchange);

// kProtocol with the line and the reason (details "line", "path") if it is not a whole cassette.
Result<std::vector<Recorded>> read_cassette(std::string_view text, const std::string& path);

// "/v1/models?x=1" of "https://host:1/v1/models?x=1#y".
std::string path_of(std::string_view url);

// Replaces every secret of 8 bytes and more by "[secret]", also where it lies in two pieces.
std::string without(const std::vector<std::string>& secrets, std::string text);
void take_out(const std::vector<std::string>& secrets, Recorded& exchange);

}  // namespace infer::http

#endif  // INFER_SRC_HTTP_CASSETTE_FILE_H_
