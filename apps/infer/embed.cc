#include "apps/infer/embed.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "apps/infer/exit_code.h"
#include "apps/infer/json_lines.h"
#include "apps/infer/json_text.h"
#include "apps/infer/load.h"
#include "apps/infer/output.h"
#include "apps/infer/prompt.h"
#include "apps/infer/signals.h"
#include "apps/infer/stats.h"
#include "apps/infer/terminal.h"

namespace infer::cli {
namespace {

// So many at a time: of a model that is loaded here the first vectors come soon; for a provider
// they are as many as any takes in one request, and the library sends no more than this one takes.
constexpr std::size_t kBatchHere = 64;
constexpr std::size_t kBatchOfProvider = 2048;

// The arguments, "-" standing for the lines of stdin that are not empty.
Result<std::vector<std::string>> read_texts(const std::vector<std::string>& arguments,
                                            const char* what, const StopToken& stop) {
  std::vector<std::string> texts;
  for (const std::string& argument : arguments) {
    if (argument != "-") {
      texts.push_back(argument);
      continue;
    }
    auto all = read_stdin(stop);
    if (!all) return all.error();
    for (std::size_t at = 0; at < all->size();) {
      const std::size_t end = std::min(all->find('\n', at), all->size());
      std::string line = all->substr(at, end - at);
      if (!line.empty() && line.back() == '\r') line.pop_back();
      if (!line.empty()) texts.push_back(std::move(line));
      at = end + 1;
    }
  }
  if (texts.empty())
    return Error(Errc::kInvalidRequest,
                 std::string("no ") + what + "; give some as arguments, or - for lines of stdin")
        .with_detail("field", what);
  return texts;
}

void append_vector(std::string& out, std::span<const float> values, char separator) {
  const std::size_t begin = out.size();
  for (const float value : values) {
    if (out.size() != begin) out += separator;
    append_number(out, value);
  }
}

void append_row(std::string& out, std::size_t index, std::span<const float> values, bool json) {
  if (!json) {
    append_vector(out, values, ' ');
    out += '\n';
    return;
  }
  Object o(out);
  o.text("kind", "embedding");
  o.number("index", static_cast<std::int64_t>(index));
  o.number("dimensions", static_cast<std::int64_t>(values.size()));
  std::string& list = o.key("values");
  list += '[';
  append_vector(list, values, ',');
  list += ']';
  o.close();
  out += '\n';
}

void append_finish(std::string& out, const Usage& usage) {
  Object o(out);
  o.text("kind", "finish");
  append_usage(o.key("usage"), usage);
  o.close();
  out += '\n';
}

void tell(const std::vector<Warning>& warnings) {
  for (const Warning& warning : warnings) complain("warning: " + warning.message);
}

// The exit code once all is composed.
int written(Output& out, bool json) {
  if (out.flush() || out.reader_gone()) return kOk;
  return fail(out.error(), out, json);
}

}  // namespace

std::optional<Error> take_model(std::string& model, std::vector<std::string>& words) {
  if (!model.empty()) return std::nullopt;
  if (words.empty() || words.front().empty())
    return Error(
               Errc::kInvalidRequest,
               "no model named; name one first, or with -m, such as openai:text-embedding-3-small "
               "or a GGUF file")
        .with_detail("field", "model");
  model = words.front();
  words.erase(words.begin());
  return std::nullopt;
}

int embed(const EmbedOptions& o) {
  Output out(STDOUT_FILENO);
  const Interrupt interrupt;
  const auto failed = [&](const Error& error) {
    return fail(interrupt.explain(error), out, o.json);
  };
  std::string name = o.model;
  std::vector<std::string> words = o.texts;
  if (auto error = take_model(name, words)) return failed(*error);
  auto texts = read_texts(words, "texts", interrupt.token());
  if (!texts) return failed(texts.error());
  show_engine_log(o.load.verbose);
  auto model = open_embedding(name, o.load, interrupt.token());
  if (!model) return failed(model.error());
  const std::size_t batch = provider_of(model_id(name)) ? kBatchOfProvider : kBatchHere;
  Usage usage;
  for (std::size_t at = 0; at < texts->size(); at += batch) {
    EmbeddingRequest request = o.request;
    const auto begin = texts->begin() + static_cast<std::ptrdiff_t>(at);
    const std::size_t count = std::min(batch, texts->size() - at);
    request.inputs.assign(begin, begin + static_cast<std::ptrdiff_t>(count));
    auto rows = model->embed(std::move(request), call_of(o.times, interrupt.token()));
    if (!rows) return failed(rows.error());
    if (at == 0) tell(rows->warnings);
    add_tokens(usage, rows->usage);
    for (std::size_t i = 0; i < rows->rows(); ++i)
      append_row(out.buffer(), at + i, (*rows)[i], o.json);
    if (!out.flush()) return written(out, false);
  }
  if (o.json) append_finish(out.buffer(), usage);
  return written(out, o.json);
}

int rerank(const RerankOptions& o) {
  Output out(STDOUT_FILENO);
  const Interrupt interrupt;
  const auto failed = [&](const Error& error) {
    return fail(interrupt.explain(error), out, o.json);
  };
  std::string name = o.model;
  std::vector<std::string> words = o.words;
  if (auto error = take_model(name, words)) return failed(*error);
  RerankRequest request = o.request;
  if (words.empty())
    return failed(
        Error(Errc::kInvalidRequest, "no query; write infer rerank MODEL QUERY DOCUMENT...")
            .with_detail("field", "query"));
  request.query = words.front();
  words.erase(words.begin());
  auto documents = read_texts(words, "documents", interrupt.token());
  if (!documents) return failed(documents.error());
  show_engine_log(o.load.verbose);
  auto model = open_rerank(name, o.load, interrupt.token());
  if (!model) return failed(model.error());
  request.documents = *documents;
  auto ranking = model->rerank(std::move(request), call_of(o.times, interrupt.token()));
  if (!ranking) return failed(ranking.error());
  tell(ranking->warnings);
  std::string& text = out.buffer();
  for (const Ranking::Item& item : ranking->items) {
    const std::string& document = (*documents)[item.index];
    if (o.json) {
      Object line(text);
      line.text("kind", "document");
      line.number("index", static_cast<std::int64_t>(item.index));
      append_number(line.key("score"), item.score);
      line.text("text", document);
      line.close();
    } else {
      append_number(text, item.score);
      text += '\t';
      append_visible(text, document, Lines::kOne);
    }
    text += '\n';
  }
  if (o.json) append_finish(text, ranking->usage);
  return written(out, o.json);
}

}  // namespace infer::cli
