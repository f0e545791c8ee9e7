// The card beside a model file: how it is loaded where the caller does not say.
// docs/formats/model-card.md describes it.
#ifndef INFER_SRC_LOCAL_CARD_H_
#define INFER_SRC_LOCAL_CARD_H_

#include <string>
#include <vector>

#include "infer/result.h"

namespace infer::local {

struct Card {
  std::string file{};                // where it is; empty: there is none
  std::string config = "{}";         // JSON object; its paths are absolute
  std::vector<std::string> parts{};  // all of those paths, canonical
  std::string description{};
  std::string licence{};
};

// The card of a model file: NAME.card.json beside NAME.gguf; of a model in several pieces,
// NAME-00001-of-00004.gguf, it is NAME.card.json too. A model without one has an empty card.
// kModelInvalid, naming the card and the member, for a card that is not as the format says or that
// names a file which is not there or not below its own directory.
Result<Card> read_card(const std::string& model_path);

}  // namespace infer::local

#endif  // INFER_SRC_LOCAL_CARD_H_
