// The configuration of a load as the JSON that plugins get.
#ifndef INFER_SRC_PLUGIN_CONFIG_H_
#define INFER_SRC_PLUGIN_CONFIG_H_

#include <string>
#include <string_view>
#include <vector>

#include "infer/registry.h"
#include "infer/result.h"

namespace infer::plugin {

// Only what is set. Checks what JSON could not carry: numbers that are none, values beyond their
// enumeration, text that is no UTF-8, adapters that are no files (their paths become canonical, so
// that equal configurations read equal). Ranges are the engine's, which has its own.
// kInvalidRequest or kNotFound, naming the field.
Result<std::string> config_json(const Config& config);

// A model's configuration: what the caller says, and beneath it what the model's card says, key by
// key; "parts" and "defaults" member by member.
class MergedConfig {
 public:
  // Both JSON objects; no card: "{}". `card_file` is for messages.
  static MergedConfig of(std::string_view caller, std::string_view card, std::string card_file);

  const std::string& text() const noexcept { return text_; }
  // The error of a load, saying whose setting it is about where that is the card's.
  Error explained(Error error) const;

 private:
  std::string text_{};
  std::string card_file_{};
  std::vector<std::string> from_card_{};  // "threads", "parts.taesd"
};

}  // namespace infer::plugin

#endif  // INFER_SRC_PLUGIN_CONFIG_H_
