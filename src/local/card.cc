#include "src/local/card.h"

#include <optional>
#include <string_view>
#include <utility>

#include "src/core/json.h"
#include "src/local/split_name.h"
#include "src/port/file.h"
#include "src/port/paths.h"

namespace infer::local {
namespace {

constexpr std::int64_t kMaxCard = std::int64_t{1} << 20;

std::string card_path(const std::string& model_path) {
  if (const auto piece = split_name(model_path)) return piece->prefix + ".card.json";
  const std::size_t slash = model_path.rfind('/');
  const std::size_t dot = model_path.rfind('.');
  const bool has_ending =
      dot != std::string::npos && (slash == std::string::npos || dot > slash + 1);
  return model_path.substr(0, has_ending ? dot : std::string::npos) + ".card.json";
}

class CardReader {
 public:
  explicit CardReader(std::string file) { card_.file = std::move(file); }

  Result<Card> read(const std::string& bytes) {
    auto json = core::parse_json(bytes);
    if (!json) return bad(json.error().message());
    if (!json->is_object()) return bad("it must be a JSON object");
    for (const auto& [key, value] : json->items()) {
      const bool text = key == "description" || key == "licence";
      if (!text && key != "config")
        return bad("unknown member '" + key + "'; it has config, description and licence");
      if (text && !value.is_string()) return bad(key + " must be a text");
      if (!text && !value.is_object()) return bad("config must be an object");
    }
    card_.description = core::string_or(*json, "description");
    card_.licence = core::string_or(*json, "licence");
    const auto config = json->find("config");
    if (config == json->end()) return std::move(card_);
    if (auto resolved = resolve(*config); !resolved) return std::move(resolved.error());
    card_.config = core::dump_json(*config);
    return std::move(card_);
  }

 private:
  Error bad(const std::string& what) const {
    return Error(Errc::kModelInvalid, "the model's card " + card_.file + ": " + what)
        .with_detail("card", card_.file);
  }

  Result<void> resolve(core::Json& config) {
    // Whether to trust a file is for whom it is loaded for, not for who put a text beside it.
    if (config.contains("allow_pickle"))
      return bad("config.allow_pickle can only be said by the caller");
    if (const auto parts = config.find("parts"); parts != config.end())
      if (auto done = resolve_all(*parts, "config.parts"); !done) return done;
    const auto adapters = config.find("adapters");
    if (adapters == config.end()) return {};
    if (!adapters->is_array()) return bad("config.adapters must be an array");
    for (std::size_t i = 0; i < adapters->size(); ++i) {
      core::Json& adapter = (*adapters)[i];
      const std::string field = "config.adapters[" + std::to_string(i) + "]";
      if (!adapter.is_object() || !adapter.contains("path")) return bad(field + " has no path");
      if (auto done = resolve_path(adapter["path"], field + ".path"); !done) return done;
    }
    return {};
  }
  // An object of paths; "embeddings" in it is another one.
  Result<void> resolve_all(core::Json& parts, const std::string& field) {
    if (!parts.is_object()) return bad(field + " must be an object");
    for (auto& [name, path] : parts.items()) {
      const std::string here = field + "." + name;
      const bool inner = name == "embeddings" && field == "config.parts";
      if (auto done = inner ? resolve_all(path, here) : resolve_path(path, here); !done)
        return done;
    }
    return {};
  }
  Result<void> resolve_path(core::Json& value, const std::string& field) {
    const std::string* given = value.get_ptr<const std::string*>();
    if (!given || given->empty()) return bad(field + " must be the path of a file");
    if (given->find('\0') != std::string::npos) return bad(field + " has a zero byte in it");
    if (given->front() == '/')
      return bad(field + " must be relative to the card's directory, not " + *given);
    if (("/" + *given + "/").find("/../") != std::string::npos)
      return bad(field + " leaves the card's directory: " + *given);
    const std::string directory = card_.file.substr(0, card_.file.rfind('/') + 1);
    const auto root = port::canonical(directory.empty() ? "." : directory);
    const auto real = port::canonical(directory + *given);
    if (!root || !real) return bad(field + ": no file " + directory + *given);
    const std::string below = *root == "/" ? *root : *root + "/";
    if (!real->starts_with(below))
      return bad(field + " is a link that leaves the card's directory: " + *given);
    if (port::file_kind(*real) != port::FileKind::kFile)
      return bad(field + " is not a regular file: " + *given);
    card_.parts.push_back(*real);
    value = *real;
    return {};
  }

  Card card_;
};

}  // namespace

Result<Card> read_card(const std::string& model_path) {
  const std::string path = card_path(model_path);
  const auto bad = [&](const std::string& what) {
    return Error(Errc::kModelInvalid, "the model's card " + path + " " + what)
        .with_detail("card", path);
  };
  const port::FileKind kind = port::file_kind(path);
  if (kind == port::FileKind::kNone) return Card{};
  if (kind != port::FileKind::kFile) return bad("is not a regular file");
  const auto file = port::File::open(path);
  if (!file) return bad("cannot be read: " + file.error().message());
  const std::int64_t size = file->size();
  if (size < 0 || size > kMaxCard)
    return bad("has more than " + std::to_string(kMaxCard) + " bytes");
  std::string bytes(static_cast<std::size_t>(size), '\0');
  bytes.resize(file->read_at(0, bytes.data(), bytes.size()));
  return CardReader(path).read(bytes);
}

}  // namespace infer::local
