#include "source.h"

#include <string>
#include <utility>

#include "refusal.h"

namespace infer::llama {
namespace {

TextRequest checked_request(const Model& model, const infer_open& how) {
  if (how.task != INFER_TASK_TEXT && how.task != INFER_TASK_COUNT) {
    throw Refusal(INFER_E_UNSUPPORTED,
                  "this model makes text: other tasks are not supported in this version");
  }
  return parse_text_request(engine::to_view(how.request), model.vocabulary().size());
}

void check_fits(const Model& model, std::size_t prompt) {
  const std::size_t need = prompt + 1;
  if (need <= model.context()) return;
  const std::string needs = std::to_string(need), has = std::to_string(model.context());
  throw Refusal(
      INFER_E_CONTEXT_OVERFLOW,
      "the prompt and one token of answer are " + needs + " tokens, the context is " + has,
      "{\"need\":" + needs + ",\"have\":" + has + "}");
}

}  // namespace

Source::Source(const Model& model, const infer_open& how)
    : channel_(
          std::make_shared<engine::EntryChannel>(model.scheduler().bell(), how.wake, how.wake_ctx)),
      reader_(*channel_) {
  TextRequest request = checked_request(model, how);
  std::vector<llama_token> prompt = model.prompt(request.messages);
  if (how.task == INFER_TASK_COUNT) {
    begin(model, request);
    count(prompt.size());
    return;
  }
  if (prompt.empty()) {
    throw field_refusal(INFER_E_INVALID_REQUEST, "messages",
                        "hold no text, and the model needs some to begin with");
  }
  check_fits(model, prompt.size());
  begin(model, request);
  queue(model, std::move(request), std::move(prompt));
}

// The channel's first entries are written here, before the scheduler's thread knows of it.
void Source::begin(const Model& model, const TextRequest& request) {
  engine::Entry& start = channel_->slot();
  start.reset(INFER_EV_START);
  start.id = model.name();
  channel_->publish();
  const auto warn = [this](const Warning& warning) {
    engine::Entry& entry = channel_->slot();
    entry.reset(INFER_EV_WARNING);
    entry.data = warning.code;
    entry.id = warning.message;
    entry.extra = warning.extra;
    channel_->publish();
  };
  for (const Warning& warning : request.warnings) warn(warning);
  if (!model.has_template()) {
    warn(Warning{"no_chat_template",
                 "the model has no chat template: it goes on writing after the messages' text",
                 {}});
  }
}

void Source::count(std::size_t tokens) {
  for (const uint16_t kind : {INFER_EV_USAGE, INFER_EV_FINISH}) {
    engine::Entry& entry = channel_->slot();
    entry.reset(kind);
    entry.with_usage = true;
    entry.usage = {};
    entry.usage.known = 1;
    entry.usage.input = static_cast<int64_t>(tokens);
    if (kind == INFER_EV_FINISH) {
      entry.finish = INFER_FIN_STOP;
      entry.data = "stop";
    }
    channel_->publish();
  }
}

void Source::queue(const Model& model, TextRequest request, std::vector<llama_token> prompt) {
  ReplyLimits limits;
  limits.context = model.context();
  limits.max_tokens = request.max_tokens.value_or(-1);
  limits.stop_ids = std::move(request.stop_token_ids);
  Sampler sampler(request.sampling, model.vocabulary(), prompt);
  std::unique_ptr<engine::Sequence> reply =
      std::make_unique<Reply>(channel_, model.vocabulary(), std::move(prompt), std::move(sampler),
                              std::move(request.stop), std::move(limits));
  if (!model.scheduler().submit(reply)) {
    throw Refusal(INFER_E_OVERLOADED, std::to_string(engine::Scheduler::kMaxQueued) +
                                          " replies wait for this model already: try again later");
  }
}

}  // namespace infer::llama
