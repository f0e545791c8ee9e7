// What infer_model points to: a context, the painter on it, and the thread that the painter has.
#ifndef INFER_ENGINES_DIFFUSION_MODEL_H_
#define INFER_ENGINES_DIFFUSION_MODEL_H_

#include <memory>
#include <string>

#include "config.h"
#include "engines/common/scheduler.h"
#include "facts.h"
#include "infer/plugin.h"
#include "painter.h"

namespace infer::diffusion {

class Model {
 public:
  // Throws Refusal.
  explicit Model(const infer_load& how);

  const std::string& describe() const { return describe_; }
  const ModelFacts& facts() const { return facts_; }
  const std::vector<Adapter>& adapters() const { return adapters_; }
  engine::Scheduler& scheduler() const { return *scheduler_; }

 private:
  ModelFacts facts_;
  std::vector<Adapter> adapters_;
  std::string describe_;
  std::unique_ptr<Painter> painter_;
  std::unique_ptr<engine::Scheduler> scheduler_;  // last: its thread uses the painter
};

}  // namespace infer::diffusion

#endif  // INFER_ENGINES_DIFFUSION_MODEL_H_
