#include "choice.h"

#include <algorithm>
#include <utility>

namespace infer::llama {

namespace {

std::vector<std::string> all_stops(const Reply& reply, const ChatPlan& plan) {
  std::vector<std::string> stops = reply.limits.stops;
  stops.insert(stops.end(), plan.stops.begin(), plan.stops.end());
  return stops;
}

bool holds(const std::vector<std::string>& texts, const std::string& text) {
  return std::find(texts.begin(), texts.end(), text) != texts.end();
}

}  // namespace

Choice::Choice(std::shared_ptr<Reply> reply, std::shared_ptr<const ChatPlan> plan, uint32_t index,
               Sampler sampler)
    : Sequence(reply->channel),
      reply_(std::move(reply)),
      plan_(std::move(plan)),
      index_(index),
      tokens_(reply_->prompt),
      sampler_(std::move(sampler)),
      parser_(plan_->parser()),
      publisher_(*reply_->channel, index),
      stops_(all_stops(*reply_, *plan_)) {}

void Choice::begin(std::size_t reused) {
  begun_ = true;
  decoded_ = reused;
  reply_->began(reused);
}

void Choice::decoded(std::size_t count) {
  if (in_prompt()) reply_->computed_prompt(count);
  decoded_ += count;
  reply_->stepped();
}

void Choice::take(llama_context* context, int32_t output_index, uint64_t step) {
  const llama_token token = draw(context, output_index);
  const ReplyLimits& limits = reply_->limits;
  const bool first = !reply_->has_first_token();
  const bool reasoning = parser_ != nullptr && parser_->in_reasoning();
  ++drawn_;
  reasoned_ += reasoning;
  reply_->drew_token(reasoning);
  if (first) {
    reply_->fill_usage(publisher_.entry(INFER_EV_USAGE), std::nullopt);
    publisher_.publish();
  }
  const bool stop_id =
      std::find(limits.stop_ids.begin(), limits.stop_ids.end(), token) != limits.stop_ids.end();
  if (stop_id || reply_->vocabulary.ends_reply(token)) {
    finish(INFER_FIN_STOP, stop_id ? "stop_token_id" : "stop", step);
    return;
  }
  tokens_.push_back(token);
  add_text(token);
  if (limits.logprobs) publish_probabilities(context, output_index, token);
  if (stopped_ && !holds(limits.stops, stops_.found())) {
    finish(INFER_FIN_STOP, "stop", step);  // the template's own way to end a turn
  } else if (stopped_) {
    finish(INFER_FIN_STOP_SEQUENCE, stops_.found(), step);
  } else if (drawn_ == limits.max_tokens) {
    finish(INFER_FIN_LENGTH, "length", step);
  } else if (tokens_.size() >= limits.context) {
    finish(INFER_FIN_CONTEXT_FULL, "context_full", step);
  } else {
    hand_on(text_);
    text_.clear();
  }
  channel().flush();
}

// Not in the middle of a character: a grammar waits for the rest of it, which is three bytes at
// most.
bool Choice::spent(const ThinkingBudget& budget) const {
  constexpr int kRest = 3;
  const int64_t over = reasoned_ - budget.tokens;
  return over >= 0 && parser_->in_reasoning() && !(utf8_.holds_back() && over < kRest);
}

// The next token: the model's, or, where its reasoning has used up its budget, what ends it.
llama_token Choice::draw(llama_context* context, int32_t output_index) {
  const auto& budget = plan_->budget;
  if (budget && forced_ < budget->end.size() && (forced_ > 0 || spent(*budget))) {
    const llama_token token = budget->end[forced_++];
    sampler_.accept(token);
    return token;
  }
  if (parser_ != nullptr) sampler_.in_reasoning(parser_->in_reasoning());
  return sampler_.next(context, output_index);
}

void Choice::append_piece(llama_token token, std::string& out) const {
  if (std::binary_search(plan_->shown.begin(), plan_->shown.end(), token)) {
    out += reply_->vocabulary.control_text(token);
  } else {
    reply_->vocabulary.append_piece(token, out);
  }
}

void Choice::add_text(llama_token token) {
  piece_.clear();
  whole_.clear();
  append_piece(token, piece_);
  utf8_.feed(piece_, whole_);
  stopped_ = stops_.feed(whole_, text_);
}

void Choice::publish_probabilities(llama_context* context, int32_t output_index,
                                   llama_token token) {
  logprobs_of(llama_get_logits_ith(context, output_index), reply_->vocabulary.size(), token,
              *reply_->limits.logprobs, probabilities_);
  publisher_.alternatives(static_cast<uint32_t>(probabilities_.size() - 1));
  for (const TokenProbability& p : probabilities_) {
    piece_.clear();
    append_piece(p.token, piece_);
    publisher_.probability(p.token, p.logprob, piece_);
  }
}

void Choice::hand_on(std::string_view text) {
  if (parser_ != nullptr) {
    parser_->feed(text, publisher_);
  } else {
    publisher_.text(text);
  }
}

// What was held back because it might have gone on - half a character, the beginning of a stop
// sequence, of a tag - is text after all, unless a stop sequence ended the answer.
void Choice::finish(uint32_t reason, std::string_view raw, uint64_t step) {
  std::string why(raw);  // it may lie in the matcher that is emptied now
  if (!stopped_) {
    whole_.clear();
    utf8_.finish(whole_);
    if (!stops_.feed(whole_, text_)) stops_.finish(text_);
  }
  hand_on(text_);
  if (parser_ != nullptr && parser_->finish(publisher_) && reason == INFER_FIN_STOP) {
    reason = INFER_FIN_TOOL_CALLS;
    why = "tool_calls";
  }
  publisher_.end_part();
  engine::Entry& entry = publisher_.entry(INFER_EV_FINISH);
  entry.finish = reason;
  entry.data = why;
  reply_->fill_usage(entry, step);
  publisher_.publish();
  channel().flush();
  done = true;
}

}  // namespace infer::llama
