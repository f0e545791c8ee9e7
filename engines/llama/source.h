// One open request: what infer_source points to.
#ifndef INFER_ENGINES_LLAMA_SOURCE_H_
#define INFER_ENGINES_LLAMA_SOURCE_H_

#include <memory>
#include <string_view>
#include <vector>

#include "chat_plan.h"
#include "engines/common/entry.h"
#include "infer/plugin.h"
#include "model.h"
#include "request.h"

namespace infer::llama {

class Source {
 public:
  // Checks the request, tokenises it and queues the reply; all refusals happen here. Throws
  // Refusal.
  Source(const Model& model, const infer_open& how);
  ~Source() { channel_->close(); }

  int next(infer_event* out, infer_error* error) { return reader_.next(out, error); }
  void cancel() { channel_->cancel(); }

 private:
  void open_text(const Model& model, std::string_view json, bool only_count);
  void open_embedding(const Model& model, std::string_view json);
  void open_ranking(const Model& model, std::string_view json);
  void shorten(const Model& model, TextRequest& request, ChatPlan& plan);
  void begin(const Model& model);
  void warn(const std::vector<Warning>& warnings);
  void count(std::size_t tokens);
  void queue(const Model& model, TextRequest request, ChatPlan plan);
  void queue(const Model& model, TokenRows rows, EmbedShape shape);
  void submit(const Model& model, engine::Scheduler::Sequences& sequences);

  // Shared with the scheduler, which may hold it for a step after this is gone.
  std::shared_ptr<engine::EntryChannel> channel_;
  engine::EntryReader reader_;
};

}  // namespace infer::llama

#endif  // INFER_ENGINES_LLAMA_SOURCE_H_
