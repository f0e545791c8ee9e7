#include "source.h"

#include <algorithm>
#include <string>
#include <utility>

#include "choice.h"
#include "fit.h"
#include "refusal.h"

namespace infer::llama {
namespace {

[[noreturn]] void refuse_overflow(const Model& model, std::size_t prompt) {
  const std::string needs = std::to_string(prompt + 1), has = std::to_string(model.context());
  throw Refusal(INFER_E_CONTEXT_OVERFLOW,
                "the prompt and one token of answer are " + needs + " tokens, the context is " +
                    has +
                    ": shorten the messages, load with a larger context or ask for truncation",
                "{\"need\":" + needs + ",\"have\":" + has + "}");
}

// What a prompt that is cut leaves to the answer: max_tokens, but no more than half of the context;
// a quarter of it where no limit is set.
std::size_t room_for_answer(const Model& model, const TextRequest& request) {
  const int64_t context = model.context();
  const int64_t wanted = request.max_tokens.value_or(context / 4);
  return static_cast<std::size_t>(std::clamp<int64_t>(wanted, 1, context / 2));
}

}  // namespace

Source::Source(const Model& model, const infer_open& how)
    : channel_(
          std::make_shared<engine::EntryChannel>(model.scheduler().bell(), how.wake, how.wake_ctx)),
      reader_(*channel_) {
  const std::string_view request = engine::to_view(how.request);
  switch (how.task) {
    case INFER_TASK_TEXT:
    case INFER_TASK_COUNT: open_text(model, request, how.task == INFER_TASK_COUNT); break;
    case INFER_TASK_EMBED: open_embedding(model, request); break;
    case INFER_TASK_RERANK: open_ranking(model, request); break;
    default: throw Refusal(INFER_E_UNSUPPORTED, "llama.cpp makes text, embeddings and rankings");
  }
}

void Source::open_text(const Model& model, std::string_view json, bool only_count) {
  const Chat& chat = model.chat();
  TextRequest request = parse_text_request(json, model.vocabulary().size());
  ChatPlan plan = chat.plan(request);
  if (!only_count && plan.prompt.empty()) {
    throw field_refusal(INFER_E_INVALID_REQUEST, "messages",
                        "hold no text, and the model needs some to begin with");
  }
  if (!only_count && plan.prompt.size() >= model.context()) shorten(model, request, plan);
  begin(model);
  warn(request.warnings);
  warn(plan.warnings);
  if (!chat.has_template()) {
    warn({Warning{"no_chat_template",
                  "the model has no chat template: it goes on writing after the messages' text",
                  {}}});
  }
  if (only_count) {
    count(plan.prompt.size());
  } else {
    queue(model, std::move(request), std::move(plan));
  }
}

void Source::open_embedding(const Model& model, std::string_view json) {
  const EmbedFacts& facts = model.embedding();
  const EmbedRequest request = parse_embed_request(json, facts.dimensions);
  TokenRows rows =
      embed_tokens(llama_model_get_vocab(model.weights()), request.inputs, model.context());
  begin(model);
  warn(request.warnings);
  queue(model, std::move(rows),
        EmbedShape{false, request.dimensions.value_or(facts.dimensions), request.normalize});
}

void Source::open_ranking(const Model& model, std::string_view json) {
  model.ranking();
  const RankRequest request = parse_rank_request(json);
  TokenRows rows = rank_tokens(model.weights(), model.vocabulary(), request, model.context());
  begin(model);
  warn(request.warnings);
  queue(model, std::move(rows), EmbedShape{true, 1, false});
}

void Source::shorten(const Model& model, TextRequest& request, ChatPlan& plan) {
  const std::size_t size = plan.prompt.size();
  if (!request.drop_oldest) refuse_overflow(model, size);
  const std::size_t answer = room_for_answer(model, request);
  Fitted fitted = drop_oldest(
      request.messages, model.context() - answer,
      [&](const auto& messages) { return model.chat().prompt(messages, request, plan); });
  if (fitted.prompt.size() >= model.context()) refuse_overflow(model, fitted.prompt.size());
  plan.prompt = std::move(fitted.prompt);
  const std::string count = std::to_string(fitted.dropped);
  plan.warnings.push_back(Warning{
      "truncated_prompt",
      "the oldest " + count + " messages were left out, for the context is too small",
      "{\"dropped_messages\":" + count + ",\"need\":" + std::to_string(size + 1) + ",\"have\":" +
          std::to_string(model.context()) + ",\"answer\":" + std::to_string(answer) + "}"});
}

// The channel's first entries are written here, before the scheduler's thread knows of it.
void Source::begin(const Model& model) {
  engine::Entry& start = channel_->slot();
  start.reset(INFER_EV_START);
  start.id = model.name();
  channel_->publish();
}

void Source::warn(const std::vector<Warning>& warnings) {
  for (const Warning& warning : warnings) {
    engine::Entry& entry = channel_->slot();
    entry.reset(INFER_EV_WARNING);
    entry.data = warning.code;
    entry.id = warning.message;
    entry.extra = warning.extra;
    channel_->publish();
  }
}

void Source::count(std::size_t tokens) {
  for (const uint16_t kind : {INFER_EV_USAGE, INFER_EV_FINISH}) {
    engine::Entry& entry = channel_->slot();
    entry.reset(kind);
    entry.with_usage = true;
    entry.usage = {};
    entry.usage.known = engine::kKnowsInput;
    entry.usage.input = static_cast<int64_t>(tokens);
    if (kind == INFER_EV_FINISH) {
      entry.finish = INFER_FIN_STOP;
      entry.data = "stop";
    }
    channel_->publish();
  }
}

void Source::queue(const Model& model, TextRequest request, ChatPlan made) {
  ReplyLimits limits;
  limits.context = model.context();
  limits.max_tokens = request.max_tokens.value_or(-1);
  limits.stop_ids = std::move(request.stop_token_ids);
  limits.stops = std::move(request.stop);
  limits.logprobs = request.logprobs;
  const auto reply = std::make_shared<Reply>(channel_, model.vocabulary(), std::move(made.prompt),
                                             std::move(limits));
  const auto plan = std::make_shared<const ChatPlan>(std::move(made));
  const Sampler sampler(request.sampling, plan->grammar, model.vocabulary(), reply->prompt);
  engine::Scheduler::Sequences choices;
  for (uint32_t i = 0; i < request.n; ++i) {
    choices.push_back(std::make_unique<Choice>(reply, plan, i, sampler.clone(i)));
  }
  reader_.expect(request.n);
  submit(model, choices);
}

void Source::queue(const Model& model, TokenRows rows, EmbedShape shape) {
  engine::Scheduler::Sequences job;
  job.push_back(std::make_unique<EmbedJob>(channel_, std::move(rows), shape));
  submit(model, job);
}

void Source::submit(const Model& model, engine::Scheduler::Sequences& sequences) {
  if (!model.scheduler().submit(sequences)) {
    throw Refusal(INFER_E_OVERLOADED, std::to_string(engine::Scheduler::kMaxQueued) +
                                          " replies wait for this model already: try again later");
  }
}

}  // namespace infer::llama
