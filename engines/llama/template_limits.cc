#include "template_limits.h"

#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <vector>

#include "jinja/lexer.h"

// Defined where the interpreter is patched; a negative number is no bound.
void infer_jinja_budget(int64_t steps);

namespace infer::llama {
namespace {

using jinja::token;

constexpr std::size_t kMostBytes = std::size_t{1} << 20;
constexpr int kDeepestExpression = 64, kMostTokens = 2000;

// Walks over the tokens of a template and counts what a parser would recurse over.
class Scan {
 public:
  explicit Scan(const std::string& source) : source_(source) {}

  void run(const std::vector<token>& tokens) {
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      at_ = tokens[i].pos;
      switch (tokens[i].t) {
        case token::open_statement: begin_statement(tokens, i + 1); [[fallthrough]];
        case token::open_expression: words_ = brackets_ = 0; break;
        case token::open_paren:
        case token::open_square_bracket:
        case token::open_curly_bracket:
          if (++brackets_ > kDeepestExpression) refuse("brackets are nested too deeply");
          break;
        case token::close_paren:
        case token::close_square_bracket:
        case token::close_curly_bracket: --brackets_; break;
        default: break;
      }
      if (++words_ > kMostTokens) refuse("an expression is too long");
    }
  }

 private:
  [[noreturn]] void refuse(const char* what) const {
    const auto end = source_.begin() + static_cast<std::ptrdiff_t>(std::min(at_, source_.size()));
    throw std::runtime_error("line " + std::to_string(1 + std::count(source_.begin(), end, '\n')) +
                             ": " + what);
  }

  // A block is as deep as its alternatives are many: each elif lies within the one before.
  void begin_statement(const std::vector<token>& tokens, std::size_t first) {
    if (first >= tokens.size()) return;
    const std::string& word = tokens[first].value;
    if (word == "if" || word == "for" || word == "macro" || word == "call" || word == "filter" ||
        (word == "set" && !assigns(tokens, first))) {
      blocks_.push_back(1);
      ++depth_;
    } else if (word == "elif" && !blocks_.empty()) {
      ++blocks_.back();
      ++depth_;
    } else if (word.compare(0, 3, "end") == 0 && !blocks_.empty()) {
      depth_ -= blocks_.back();
      blocks_.pop_back();
    }
    if (depth_ > kDeepestExpression)
      refuse("blocks are nested too deeply, or have too many alternatives");
  }

  static bool assigns(const std::vector<token>& tokens, std::size_t at) {
    for (; at < tokens.size() && tokens[at].t != token::close_statement; ++at) {
      if (tokens[at].t == token::equals) return true;
    }
    return false;
  }

  const std::string& source_;
  std::size_t at_ = 0;
  int words_ = 0, brackets_ = 0, depth_ = 0;
  std::vector<int> blocks_;
};

}  // namespace

void check_template(const std::string& source) {
  if (source.size() > kMostBytes) throw std::runtime_error("it is larger than 1 MiB");
  jinja::lexer lexer;
  const jinja::lexer_result result = lexer.tokenize(source);
  Scan(result.source).run(result.tokens);
}

namespace {
thread_local bool t_budget = false;
}

TemplateBudget::TemplateBudget() {
  t_budget = true;
  infer_jinja_budget(kSteps);
}

TemplateBudget::~TemplateBudget() {
  t_budget = false;
  infer_jinja_budget(-1);
}

void TemplateBudget::renew(std::size_t messages) {
  if (t_budget) infer_jinja_budget(kSteps + 400 * static_cast<int64_t>(messages));
}

}  // namespace infer::llama
