#include "src/http/cassette_file.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "src/core/base64.h"
#include "src/core/utf8.h"

namespace infer::http {
namespace {

// Headers that tell a reader what was asked and hold nothing that is somebody's.
constexpr std::array<std::string_view, 5> kRequestHeaders = {
    "accept", "content-type", "anthropic-version", "anthropic-beta", "openai-beta"};
// What wires, retries and messages look at.
constexpr std::array<std::string_view, 15> kAnswerHeaders = {"content-type",
                                                             "content-encoding",
                                                             "location",
                                                             "retry-after",
                                                             "retry-after-ms",
                                                             "x-should-retry",
                                                             "request-id",
                                                             "x-request-id",
                                                             "anthropic-version",
                                                             "openai-version",
                                                             "openai-processing-ms",
                                                             "openai-model",
                                                             "server",
                                                             "date",
                                                             "via"};
constexpr std::array<std::string_view, 3> kAnswerPrefixes = {"x-ratelimit-", "anthropic-ratelimit-",
                                                             "ratelimit"};

constexpr std::size_t kShortestSecret = 8;
constexpr std::string_view kInsteadOfSecret = "[secret]";

std::string lower_name(std::string_view name) {
  std::string out(name);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

template <std::size_t n>
bool is_among(const std::array<std::string_view, n>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_answer_header(std::string_view name) {
  return is_among(kAnswerHeaders, name) ||
         std::any_of(kAnswerPrefixes.begin(), kAnswerPrefixes.end(), [&](std::string_view prefix) {
           return name.substr(0, prefix.size()) == prefix;
         });
}

// Text that stands on one line and comes out of any editor as it went in.
bool is_line(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if ((c < ' ' && c != '\t') || c == 0x7F) return false;
    const auto next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0u;
    if (c == 0xC2 && next < 0xA0) return false;  // the control characters of Latin-1
    if (c == 0xE2 && next == 0x80 && i + 2 < text.size() &&
        (text[i + 2] == '\xA8' || text[i + 2] == '\xA9'))
      return false;  // U+2028 and U+2029 are line ends to some
  }
  return core::utf8_error(text) == core::kValidUtf8;
}

// ---- writing

void write_headers(std::string& out, const std::vector<Header>& headers,
                   bool (*wanted)(std::string_view)) {
  for (const Header& header : headers) {
    const std::string name = lower_name(header.name);
    if (!wanted(name) || !is_line(header.value)) continue;
    out += "header " + name + ": " + header.value + "\n";
  }
}

// Line by line: '|' text and a line feed, '^' text and CR LF, '+' text alone, '=' base64.
void write_bytes(std::string& out, std::string_view word, std::string_view bytes) {
  out += word;
  out += ' ' + std::to_string(bytes.size()) + '\n';
  while (!bytes.empty()) {
    const std::size_t lf = bytes.find('\n');
    const std::string_view line = bytes.substr(0, lf == bytes.npos ? lf : lf + 1);
    bytes.remove_prefix(line.size());
    const bool ended = lf != bytes.npos;
    const bool crlf = ended && line.size() > 1 && line[line.size() - 2] == '\r';
    const std::string_view text = line.substr(0, line.size() - (crlf ? 2 : ended ? 1 : 0));
    if (is_line(text)) {
      out += crlf ? '^' : ended ? '|' : '+';
      out += text;
    } else {
      out += '=';
      core::append_base64(out, line);
    }
    out += '\n';
  }
}

std::string one_line(std::string_view text) {
  std::string out = core::utf8_repaired(text);
  for (char& c : out)
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7F) c = ' ';
  return out;
}

void write_error(std::string& out, const Error& error) {
  out += "error " + std::string(to_string(error.code())) + "\n";
  out += "message " + one_line(error.message()) + "\n";
  out += error.retry() == RetryHint::kYes  ? "retry yes\n"
         : error.retry() == RetryHint::kNo ? "retry no\n"
                                           : "retry ambiguous\n";
  for (const auto& [name, value] : error.details())
    out += "detail " + one_line(name) + ": " + one_line(value) + "\n";
}

// ---- reading

// The lines of a cassette, and what is wrong with one.
class CassetteReader {
 public:
  CassetteReader(std::string_view text, const std::string& path) : rest_(text), path_(path) {}

  Result<std::vector<Recorded>> read() {
    std::vector<Recorded> all;
    if (auto error = first_line()) return *error;
    while (next_word()) {
      Recorded exchange;
      exchange.line = number_;
      if (auto error = read_exchange(exchange)) return *error;
      all.push_back(std::move(exchange));
    }
    return all;
  }

 private:
  using Failure = std::optional<Error>;

  Error wrong(const std::string& what) const {
    return Error(Errc::kProtocol,
                 "cassette \"" + path_ + "\", line " + std::to_string(number_) + ": " + what)
        .with_detail("line", std::to_string(number_))
        .with_detail("path", path_);
  }

  // False at the end of the file. A last line without a line feed needs no mark: whatever is cut
  // off there leaves an exchange without its "end".
  bool next_line() {
    if (rest_.empty()) return false;
    const std::size_t lf = rest_.find('\n');
    ++number_;
    line_ = rest_.substr(0, lf);
    rest_.remove_prefix(lf == rest_.npos ? rest_.size() : lf + 1);
    return true;
  }

  // The next line that is neither empty nor a comment, as a word and what follows it.
  bool next_word() {
    while (next_line()) {
      if (line_.empty() || line_[0] == '#') continue;
      const std::size_t space = line_.find(' ');
      word_ = line_.substr(0, space);
      value_ = space == line_.npos ? std::string_view() : line_.substr(space + 1);
      return true;
    }
    return false;
  }

  Failure first_line() {
    if (!next_line()) {
      number_ = 1;
      return wrong("the file is empty");
    }
    if (line_ == kCassetteHead.substr(0, kCassetteHead.size() - 1)) return std::nullopt;
    if (line_.substr(0, 1) == "i" && line_.back() == '\r')
      return wrong("its lines end with CR LF: something has converted the file");
    const std::string_view name = "infer cassette ";
    if (line_.substr(0, name.size()) != name) return wrong("this is not a cassette");
    return wrong("version \"" + one_line(line_.substr(name.size(), 20)) +
                 "\" of the format is not known; this library reads version 1");
  }

  Failure read_exchange(Recorded& to) {
    if (word_ != "request") return wrong("\"request\" was expected");
    const std::size_t space = value_.find(' ');
    if (space == 0 || space == value_.npos || value_.substr(space + 1, 1) != "/")
      return wrong("a method and a path were expected after \"request\"");
    to.method = value_.substr(0, space);
    to.path = value_.substr(space + 1);
    bool answered = false, body = false;
    while (next_word()) {
      Failure error;
      if (word_ == "header") {
        error = read_header(answered ? to.head.headers : to.request_headers);
      } else if (word_ == "body" && !answered && !std::exchange(body, true)) {
        error = read_bytes(to.body);
      } else if (word_ == "answer" && !std::exchange(answered, true)) {
        error = read_number(to.head.status);
        if (!error && (to.head.status < 100 || to.head.status > 999))
          error = wrong("this is not an HTTP status");
      } else if (word_ == "piece" && answered) {
        error = read_bytes(to.pieces.emplace_back());
      } else if (word_ == "error") {
        return read_error(to);
      } else if (word_ == "end" && answered) {
        return std::nullopt;
      } else {
        return wrong("\"" + one_line(word_.substr(0, 20)) + "\" is not expected here");
      }
      if (error) return error;
    }
    return wrong("the exchange that begins in line " + std::to_string(to.line) + " has no \"end\"");
  }

  Failure read_header(std::vector<Header>& to) {
    const std::size_t colon = value_.find(": ");
    if (colon == 0 || colon == value_.npos) return wrong("\"NAME: VALUE\" was expected");
    to.push_back({std::string(value_.substr(0, colon)), std::string(value_.substr(colon + 2))});
    return std::nullopt;
  }

  template <class Number>
  Failure read_number(Number& to) {
    const char* const end = value_.data() + value_.size();
    const auto [at, ec] = std::from_chars(value_.data(), end, to);
    if (ec != std::errc() || at != end) return wrong("a number was expected");
    return std::nullopt;
  }

  Failure read_bytes(std::string& to) {
    std::size_t size = 0;
    if (auto error = read_number(size)) return error;
    const std::size_t begin = number_;
    while (!rest_.empty() && std::string_view("|^+=").find(rest_[0]) != std::string_view::npos) {
      next_line();
      const std::string_view text = line_.substr(1);
      if (line_[0] == '=') {
        const auto bytes = core::from_base64(text);
        if (!bytes) return wrong("this is not base64");
        to += *bytes;
        continue;
      }
      to += text;
      if (line_[0] == '^') to += '\r';
      if (line_[0] != '+') to += '\n';
    }
    if (to.size() == size) return std::nullopt;
    return wrong("line " + std::to_string(begin) + " announces " + std::to_string(size) +
                 " bytes, but " + std::to_string(to.size()) + " follow");
  }

  Failure read_error(Recorded& to) {
    const auto code = errc_from_string(value_);
    if (!code) return wrong("no error has the code \"" + one_line(value_.substr(0, 40)) + "\"");
    if (!next_word() || word_ != "message") return wrong("\"message\" was expected");
    Error error(*code, std::string(value_));
    while (next_word()) {
      if (word_ == "end") {
        to.error = std::move(error);
        return std::nullopt;
      }
      if (word_ == "retry") {
        if (value_ != "yes" && value_ != "no" && value_ != "ambiguous")
          return wrong("\"retry\" is yes, no or ambiguous");
        error = std::move(error).with_retry(value_ == "yes"  ? RetryHint::kYes
                                            : value_ == "no" ? RetryHint::kNo
                                                             : RetryHint::kAmbiguous);
        continue;
      }
      std::vector<Header> detail;
      if (word_ != "detail") return wrong("\"retry\", \"detail\" or \"end\" was expected");
      if (auto failure = read_header(detail)) return failure;
      error = std::move(error).with_detail(detail[0].name, detail[0].value);
    }
    return wrong("the error has no \"end\"");
  }

  std::string_view rest_;
  const std::string& path_;
  std::size_t number_ = 0;  // of the line, from 1
  std::string_view line_{};
  std::string_view word_{};
  std::string_view value_{};
};

// ---- secrets

// Where the secrets lie in `text`: no two overlap; of two that begin together the longer one.
struct Found {
  std::size_t at = 0;
  std::size_t size = 0;
};

std::vector<Found> find_secrets(const std::vector<std::string>& secrets, std::string_view text) {
  std::vector<Found> all;
  for (const std::string& secret : secrets) {
    if (secret.size() < kShortestSecret) continue;
    for (std::size_t at = text.find(secret); at != text.npos; at = text.find(secret, at + 1))
      all.push_back({at, secret.size()});
  }
  std::sort(all.begin(), all.end(), [](const Found& a, const Found& b) {
    return a.at != b.at ? a.at < b.at : a.size > b.size;
  });
  // Those that overlap become one: not a byte of either stays.
  std::vector<Found> apart;
  for (const Found& one : all) {
    if (apart.empty() || one.at >= apart.back().at + apart.back().size) {
      apart.push_back(one);
      continue;
    }
    apart.back().size = std::max(apart.back().size, one.at + one.size - apart.back().at);
  }
  return apart;
}

Error error_without(const std::vector<std::string>& secrets, const Error& error) {
  Error clean = Error(error.code(), without(secrets, error.message())).with_retry(error.retry());
  for (const auto& [name, value] : error.details())
    clean = std::move(clean).with_detail(name, without(secrets, value));
  return clean;
}

}  // namespace

std::string to_text(const Recorded& exchange) {
  std::string out = "\nrequest " + exchange.method + ' ' + exchange.path + '\n';
  write_headers(out, exchange.request_headers,
                [](std::string_view name) { return is_among(kRequestHeaders, name); });
  write_bytes(out, "body", exchange.body);
  if (exchange.head.status != 0) {
    out += "answer " + std::to_string(exchange.head.status) + '\n';
    write_headers(out, exchange.head.headers, is_answer_header);
    for (const std::string& piece : exchange.pieces) write_bytes(out, "piece", piece);
  }
  if (exchange.error) write_error(out, *exchange.error);
  out += "end\n";
  return out;
}

Result<std::vector<Recorded>> read_cassette(std::string_view text, const std::string& path) {
  return CassetteReader(text, path).read();
}

std::string path_of(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme != url.npos) url.remove_prefix(scheme + 3);
  const std::size_t begin = url.find_first_of("/?#");
  std::string path(begin == url.npos ? std::string_view() : url.substr(begin));
  path = path.substr(0, path.find('#'));
  return path.substr(0, 1) == "/" ? path : "/" + path;
}

std::string without(const std::vector<std::string>& secrets, std::string text) {
  const std::vector<Found> found = find_secrets(secrets, text);
  for (auto one = found.rbegin(); one != found.rend(); ++one)
    text.replace(one->at, one->size, kInsteadOfSecret);
  return text;
}

namespace {

// A secret in two pieces is replaced in the first; what the others had of it is gone.
void take_out_of_pieces(const std::vector<std::string>& secrets, std::vector<std::string>& pieces) {
  std::string all;
  for (const std::string& piece : pieces) all += piece;
  const std::vector<Found> found = find_secrets(secrets, all);
  if (found.empty()) return;
  auto next = found.begin();
  std::size_t at = 0;
  for (std::string& piece : pieces) {
    const std::size_t end = at + piece.size();
    std::string clean;
    while (at < end) {
      if (next != found.end() && at >= next->at + next->size) ++next;
      const bool inside = next != found.end() && at >= next->at;
      if (inside && at == next->at) clean += kInsteadOfSecret;
      const std::size_t stop = next == found.end() ? end
                               : inside            ? next->at + next->size
                                                   : next->at;
      const std::size_t upto = std::min(end, stop);
      if (!inside) clean.append(all, at, upto - at);
      at = upto;
    }
    piece = std::move(clean);
  }
}

}  // namespace

void take_out(const std::vector<std::string>& secrets, Recorded& exchange) {
  exchange.path = without(secrets, std::move(exchange.path));
  exchange.body = without(secrets, std::move(exchange.body));
  for (auto* headers : {&exchange.request_headers, &exchange.head.headers})
    for (Header& header : *headers) header.value = without(secrets, std::move(header.value));
  take_out_of_pieces(secrets, exchange.pieces);
  if (exchange.error) exchange.error = error_without(secrets, *exchange.error);
}

}  // namespace infer::http
