// Options of one group, as --help shows them together.
#ifndef INFER_APPS_OPTION_GROUPS_H_
#define INFER_APPS_OPTION_GROUPS_H_

#include <CLI/CLI.hpp>
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "apps/infer/load_options.h"

namespace infer::cli {

// Adds options to one group, one a line.
struct Group {
  CLI::App& command;
  const char* name;
  template <class T>
  CLI::Option* operator()(const char* option, T& value, const char* about) const {
    return command.add_option(option, value, about)->group(name);
  }
  CLI::Option* flag(const char* option, bool& value, const char* about) const {
    return command.add_flag(option, value, about)->group(name);
  }
};

// The options of one group for a model's loading; each notes that one was given.
class LoadGroup {
 public:
  LoadGroup(CLI::App& command, LoadOptions& options, const char* name = kName)
      : command_(command), o_(options), name_(name) {}

  template <class T>
  CLI::Option* option(const char* flag, T& value, const char* about) {
    LoadOptions& o = o_;
    return command_.add_option(flag, value, about)
        ->group(name_)
        ->each([&o, flag](const std::string&) { o.given = flag; });
  }
  CLI::Option* flag(const char* flag, std::optional<bool>& value, bool to, const char* about) {
    LoadOptions& o = o_;
    const auto set = [&value, &o, flag, to] {
      value = to;
      o.given = flag;
    };
    return command_.add_flag_callback(flag, set, about)->group(name_);
  }
  // One of some names, which stand in the order of the enumerators.
  template <class E>
  void choice(const char* flag, std::optional<E>& value, std::vector<std::string> names,
              const std::string& about) {
    std::string all;
    for (const std::string& name : names) all += (all.empty() ? "" : ", ") + name;
    LoadOptions& o = o_;
    const auto set = [&value, &o, flag, names, all](const std::string& text) {
      const auto found = std::find(names.begin(), names.end(), text);
      if (found == names.end())
        throw CLI::ValidationError(flag, "'" + text + "' is none of " + all);
      value = static_cast<E>(found - names.begin());
      o.given = flag;
    };
    command_.add_option_function<std::string>(flag, set, about + ": " + all)->group(name_);
  }
  static constexpr const char* kName = "Loading a local model; default: as the engine has it";

 private:
  CLI::App& command_;
  LoadOptions& o_;
  const char* name_;
};

}  // namespace infer::cli

#endif  // INFER_APPS_OPTION_GROUPS_H_
