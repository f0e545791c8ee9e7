// One open request: what infer_source points to.
#ifndef INFER_ENGINES_LLAMA_SOURCE_H_
#define INFER_ENGINES_LLAMA_SOURCE_H_

#include <memory>

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
  void begin(const Model& model, const TextRequest& request);
  void count(std::size_t tokens);
  void queue(const Model& model, TextRequest request, std::vector<llama_token> prompt);

  // Shared with the scheduler, which may hold it for a step after this is gone.
  std::shared_ptr<engine::EntryChannel> channel_;
  engine::EntryReader reader_;
};

}  // namespace infer::llama

#endif  // INFER_ENGINES_LLAMA_SOURCE_H_
