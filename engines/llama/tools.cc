#include "tools.h"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <limits>

#include "infer/plugin.h"
#include "parse.h"
#include "refusal.h"

namespace infer::llama {
namespace {

constexpr std::size_t kMostTools = 1024, kLongestName = 64;

// Names become part of grammars and of tags.
void check_name(const std::string& name, const std::string& field) {
  const auto allowed = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-';
  };
  if (name.empty() || name.size() > kLongestName ||
      !std::all_of(name.begin(), name.end(), allowed)) {
    invalid(field, "must be 1 to 64 letters, digits, '_' and '-'");
  }
}

// The schema of a tool as text and as a tree; a tool without one takes no arguments.
void read_schema(const Json& tool, const std::string& where, Tool& out) {
  out.schema = member(tool, "schema", where);
  if (out.schema.empty()) out.schema = R"({"type": "object", "properties": {}})";
  try {
    out.tree = parse_tree(out.schema, "the schema");
  } catch (const Refusal& e) {
    invalid(where + ".schema", e.what());
  }
  const auto type = std::find(out.tree.keys.begin(), out.tree.keys.end(), "type");
  if (type == out.tree.keys.end()) return;
  const Tree& value = out.tree.items[static_cast<std::size_t>(type - out.tree.keys.begin())];
  if (value.kind != Tree::Kind::kString || value.text != "object")
    invalid(where + ".schema", "must have \"type\": \"object\": the arguments are an object");
}

Tool parse_tool(const Json& value, const std::string& where) {
  if (!value.is_object()) invalid(where, "must be an object");
  if (value.contains("provider_json")) {
    unsupported(where + ".provider_json",
                "a local model has no built-in tools; give name, description and schema");
  }
  Tool tool;
  tool.name = member(value, "name", where);
  check_name(tool.name, where + ".name");
  tool.description = member(value, "description", where);
  // The grammar of a call holds the arguments to the schema whether `strict` is set or not.
  if (value.contains("strict")) get_bool(value["strict"], where + ".strict");
  read_schema(value, where, tool);
  return tool;
}

std::vector<Tool> parse_tools(const Json& value) {
  if (!value.is_array() || value.size() > kMostTools)
    invalid("tools", "must be an array of at most " + std::to_string(kMostTools) + " tools");
  std::vector<Tool> tools;
  for (const Json& item : value) {
    const std::string where = "tools[" + std::to_string(tools.size()) + "]";
    Tool tool = parse_tool(item, where);
    const bool taken = std::any_of(tools.begin(), tools.end(),
                                   [&](const Tool& other) { return other.name == tool.name; });
    if (taken) invalid(where + ".name", "another tool has the name \"" + tool.name + "\" already");
    tools.push_back(std::move(tool));
  }
  return tools;
}

ToolChoice parse_tool_choice(const Json& value) {
  using Mode = ToolChoice::Mode;
  if (value == "auto") return {};
  if (value == "none") return {Mode::kNone, {}};
  if (value == "required") return {Mode::kRequired, {}};
  if (value.is_object() && value.contains("name"))
    return {Mode::kNamed, get_string(value["name"], "tool_choice.name")};
  invalid("tool_choice", "must be \"auto\", \"none\", \"required\" or {\"name\": a tool's name}");
}

Thinking::Effort parse_effort(const Json& value) {
  using Effort = Thinking::Effort;
  static constexpr struct {
    const char* word;
    Effort effort;
  } kEfforts[] = {{"none", Effort::kNone}, {"minimal", Effort::kMinimal},
                  {"low", Effort::kLow},   {"medium", Effort::kMedium},
                  {"high", Effort::kHigh}, {"max", Effort::kMax}};
  const auto* const found = std::find_if(std::begin(kEfforts), std::end(kEfforts),
                                         [&](const auto& e) { return value == e.word; });
  if (found == std::end(kEfforts))
    invalid("reasoning.effort", "must be none, minimal, low, medium, high or max");
  return found->effort;
}

Thinking parse_reasoning(const Json& value, std::vector<Warning>& warnings) {
  if (!value.is_object()) invalid("reasoning", "must be an object");
  Thinking thinking;
  for (const auto& item : value.items()) {
    const std::string field = "reasoning." + item.key();
    if (item.key() == "effort") {
      thinking.effort = parse_effort(item.value());
    } else if (item.key() == "budget_tokens") {
      thinking.budget_tokens = static_cast<int32_t>(
          get_int(item.value(), field, 0, std::numeric_limits<int32_t>::max()));
    } else if (item.key() == "summary") {
      get_string(item.value(), field);
      warnings.push_back(unsupported_setting(
          field, "a local model's reasoning is given as it is written, not summarised"));
    } else {
      invalid(field, "is unknown; reasoning has effort, budget_tokens and summary");
    }
  }
  return thinking;
}

}  // namespace

bool parse_tool_setting(const std::string& key, const Json& v, TextRequest& request) {
  Tooling& tooling = request.tooling;
  if (key == "tools") {
    tooling.tools = parse_tools(v);
  } else if (key == "tool_choice") {
    tooling.choice = parse_tool_choice(v);
  } else if (key == "parallel_tools") {
    tooling.parallel = get_bool(v, key);
  } else if (key == "reasoning") {
    tooling.thinking = parse_reasoning(v, request.warnings);
  } else {
    return false;
  }
  return true;
}

}  // namespace infer::llama
