// JSON with places for values in it: "{{NAME}}".
#ifndef INFER_SRC_CLOUD_MODAL_JSON_TEMPLATE_H_
#define INFER_SRC_CLOUD_MODAL_JSON_TEMPLATE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "infer/result.h"

namespace infer::cloud {

// What stands in for the names. A name that is not there is left out, with the member or the
// element that is nothing but this name.
class TemplateValues {
 public:
  void text(std::string_view name, std::string_view value);
  // JSON of any other type.
  void json(std::string_view name, std::string value);

 private:
  friend class JsonTemplate;
  struct Value {
    std::string json{};
    std::string text{};
  };
  std::map<std::string, Value, std::less<>> values_{};
};

// Thread rule: immutable once parsed.
class JsonTemplate {
 public:
  // kInvalidRequest with what is wrong: no JSON, a '{{' that is not closed, a name that is none of
  // `known`, a name in a key. Everywhere else the text stays as it is, in its order.
  static Result<JsonTemplate> parse(const std::string& text,
                                    std::span<const std::string_view> known);

  bool names(std::string_view name) const { return names_.count(name) != 0; }
  // Nothing if all of it is one name without a value.
  std::optional<std::string> fill(const TemplateValues& values) const;

 private:
  struct Piece {
    bool is_name = false;
    std::string text{};
  };
  struct Node {
    enum class Kind : std::uint8_t { kRaw, kValue, kString, kObject, kArray };
    Kind kind = Kind::kRaw;
    std::string key{};   // as JSON, where it is a member
    std::string text{};  // kRaw: JSON; kValue: the name
    std::vector<Piece> pieces{};
    std::vector<Node> children;
  };

  Result<Node> node(std::string_view json, std::span<const std::string_view> known);
  Result<Node> string_node(const std::string& text, std::span<const std::string_view> known);
  static bool write(const Node& node, const TemplateValues& values, std::string& out);
  static void write_children(const Node& node, const TemplateValues& values, std::string& out);

  std::set<std::string, std::less<>> names_{};
  Node root_{};
};

}  // namespace infer::cloud

#endif  // INFER_SRC_CLOUD_MODAL_JSON_TEMPLATE_H_
