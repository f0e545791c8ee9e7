// Rules of a grammar that is being written, each body once, and those that all JSON is made of.
#ifndef INFER_ENGINES_LLAMA_GBNF_WRITER_H_
#define INFER_ENGINES_LLAMA_GBNF_WRITER_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace infer::llama {

// Code points from first to second.
using CharRanges = std::vector<std::pair<uint32_t, uint32_t>>;

class GbnfWriter {
 public:
  // A rule with this body; the name of the one that has it already, if one does.
  std::string rule(const std::string& body);
  // A rule whose body comes later.
  std::string declare();
  void define(const std::string& name, const std::string& body);
  // One of JSON's own: ws, char, plain (a character that needs no escape), string, number, integer,
  // object, array, value; what it refers to comes with it.
  std::string json(const std::string& name);

  std::size_t size() const { return rules_.size(); }
  // All rules, and `root` with this body.
  std::string text(const std::string& root) const;

 private:
  std::map<std::string, std::string> rules_;    // name -> body
  std::map<std::string, std::string> by_body_;  // body -> name
  std::size_t next_ = 0;
};

// Alternatives in brackets; `""` for none.
std::string any_of(const std::vector<std::string>& alternatives);
// A character set of these ranges; they must not be empty.
std::string char_set(const CharRanges& ranges, bool negated = false);
// Whole numbers from low to high, 0 <= low <= high, as alternatives.
std::vector<std::string> digits_between(uint64_t low, uint64_t high);

}  // namespace infer::llama

#endif  // INFER_ENGINES_LLAMA_GBNF_WRITER_H_
