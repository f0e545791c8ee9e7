#include "src/cloud/event_queue.h"

#include <algorithm>

namespace infer::cloud {
namespace {

void keep_larger(std::optional<std::int64_t>& now, const std::optional<std::int64_t>& before) {
  if (before && (!now || *now < *before)) now = before;
}

}  // namespace

// Before anything is put in: what has run empty begins anew, in the memory that it has.
void EventQueue::recycle() {
  if (!empty() || at_ == 0) return;
  ready_.clear();
  at_ = 0;
  if (!strings_.empty()) strings_.clear();
  if (!logprobs_.empty()) logprobs_.clear();
  if (!usages_.empty()) usages_.clear();
  if (!media_.empty()) media_.clear();
  if (!vectors_.empty()) vectors_.clear();
}

std::string_view EventQueue::keep(std::string_view bytes) {
  if (bytes.empty()) return {};
  recycle();
  return strings_.emplace_back(bytes);
}

Event& EventQueue::push(Event::Kind kind) {
  recycle();
  Event& event = ready_.emplace_back();
  event.kind = kind;
  return event;
}

const Event& EventQueue::pop() { return ready_[at_++]; }

void EventQueue::start(Meta meta) {
  meta_ = std::move(meta);
  Event& event = push(Event::Kind::kStart);
  event.meta = &meta_;
  event.id = meta_.model;
  event.extra = meta_.extra;
}

void EventQueue::warning(const Warning& warning) {
  Event& event = push(Event::Kind::kWarning);
  event.data = keep(warning.code);
  event.id = keep(warning.message);
  event.extra = keep(warning.extra);
}

void EventQueue::usage(Usage usage) {
  keep_larger(usage.input, last_usage_.input);
  keep_larger(usage.cache_read, last_usage_.cache_read);
  keep_larger(usage.cache_write, last_usage_.cache_write);
  keep_larger(usage.output, last_usage_.output);
  keep_larger(usage.reasoning, last_usage_.reasoning);
  // What is measured here, and what the server says of itself, now or before.
  usage.timing.connect = timing.connect;
  usage.timing.first = timing.first;
  for (auto part : {&Timing::queue, &Timing::prefill, &Timing::decode})
    if (!(usage.timing.*part)) usage.timing.*part = last_usage_.timing.*part;
  last_usage_ = usage;
  Event& event = push(Event::Kind::kUsage);
  event.usage = &usages_.emplace_back(std::move(usage));
}

void EventQueue::finish(std::uint32_t choice, Finish why, std::string_view raw,
                        std::string_view extra) {
  std::vector<Key> open(choices_[choice].order.begin(), choices_[choice].order.end());
  for (const Key key : open) end(key);
  Event& event = push(Event::Kind::kFinish);
  event.choice = choice;
  event.finish = why;
  event.data = keep(raw);
  event.extra = keep(extra);
}

EventQueue::Open* EventQueue::find(Key key) {
  if (last_ && last_key_ == key) return last_;
  const auto found = parts_.find(key);
  if (found == parts_.end()) return nullptr;
  last_key_ = key;
  last_ = &found->second;
  return last_;
}

void EventQueue::begin(Key key, std::uint32_t choice, Event::PartKind kind, std::string_view data,
                       std::string_view id, std::string_view extra) {
  Open& part = parts_[key];
  last_ = nullptr;
  answer_bytes_ += data.size() + id.size() + extra.size();
  part.choice = choice;
  part.kind = kind;
  Choice& of = choices_[choice];
  of.order.push_back(key);
  part.out = of.order.size() == 1;
  if (part.out) return put_begin(part, data, id, extra);
  part.begin_data = data;
  part.begin_id = id;
  part.begin_extra = extra;
}

void EventQueue::delta(Key key, std::string_view bytes, std::vector<TokenLogprob> logprobs) {
  Open* const part = find(key);
  if (!part || part->ended) return;
  if (bytes.empty() && logprobs.empty()) return;
  answer_bytes_ += bytes.size();
  if (part->out) return put_delta(*part, keep(bytes), std::move(logprobs));
  part->held += bytes;
  for (TokenLogprob& entry : logprobs) {
    entry.bytes = part->held_bytes.emplace_back(entry.bytes);
    part->held_logprobs.push_back(entry);
  }
}

void EventQueue::delta_view(Key key, std::string_view bytes) {
  Open* const part = find(key);
  if (!part || !part->out) return delta(key, bytes);
  if (bytes.empty()) return;
  answer_bytes_ += bytes.size();
  put_delta(*part, bytes);
}

void EventQueue::end(Key key, std::string_view data, std::string_view id, std::string_view extra) {
  Open* const part = find(key);
  if (!part || part->ended) return;
  answer_bytes_ += data.size() + id.size() + extra.size();
  if (!part->out) {
    part->ended = true;
    part->end_data = data;
    part->end_id = id;
    part->end_extra = extra;
    return;
  }
  put_end(*part, data, id, extra);
  Choice& of = choices_[part->choice];
  of.order.pop_front();  // what is let out is the first
  parts_.erase(key);
  last_ = nullptr;
  let_out(of);
}

void EventQueue::progress(std::string_view what, std::uint32_t step, std::uint32_t steps) {
  Event& event = push(Event::Kind::kProgress);
  event.data = keep(what);
  event.step = step;
  event.steps = steps;
}

Event& EventQueue::put_media(Media media, std::uint32_t choice, std::uint32_t part,
                             std::string_view extra) {
  Event& event = push(Event::Kind::kMedia);
  event.choice = choice;
  event.part = part;
  event.media = &media_.emplace_back(std::move(media));
  event.extra = keep(extra);
  return event;
}

void EventQueue::media(Key key, std::uint32_t choice, Media media, std::string_view extra) {
  answer_bytes_ += extra.size();
  if (const auto* blob = std::get_if<Blob>(&media.source)) answer_bytes_ += blob->size();
  Choice& of = choices_[choice];
  if (of.order.empty()) {
    put_media(std::move(media), choice, of.next_part++, extra);
    return;
  }
  of.order.push_back(key);
  Open& part = parts_[key];
  last_ = nullptr;
  part.choice = choice;
  part.ended = true;
  part.media = std::move(media);
  part.end_extra = extra;
}

void EventQueue::preview(std::uint32_t choice, Media media, std::string_view extra,
                         std::uint32_t step, std::uint32_t steps) {
  const Choice& of = choices_[choice];
  if (!of.order.empty()) return;
  Event& event = put_media(std::move(media), choice, of.next_part, extra);
  event.preview = true;
  event.step = step;
  event.steps = steps;
}

void EventQueue::vectors(std::vector<float> rows, std::uint32_t dimensions) {
  answer_bytes_ += rows.size() * sizeof(float);
  Event& event = push(Event::Kind::kVectors);
  event.vectors = vectors_.emplace_back(std::move(rows));
  event.dimensions = dimensions;
}

void EventQueue::let_out(Choice& choice) {
  while (!choice.order.empty()) {
    const Key key = choice.order.front();
    Open& part = parts_[key];
    part.out = true;
    if (part.media) {
      part.part = choice.next_part++;
      put_media(std::move(*part.media), part.choice, part.part, part.end_extra);
      choice.order.pop_front();
      parts_.erase(key);
      last_ = nullptr;
      continue;
    }
    put_begin(part, part.begin_data, part.begin_id, part.begin_extra);
    if (!part.held.empty() || !part.held_logprobs.empty())
      put_delta(part, keep(part.held), std::move(part.held_logprobs));
    part.held.clear();
    if (!part.ended) return;
    put_end(part, part.end_data, part.end_id, part.end_extra);
    choice.order.pop_front();
    parts_.erase(key);
    last_ = nullptr;
  }
}

void EventQueue::put_begin(Open& part, std::string_view data, std::string_view id,
                           std::string_view extra) {
  part.part = choices_[part.choice].next_part++;
  Event& event = push(Event::Kind::kPartBegin);
  event.part_kind = part.kind;
  event.choice = part.choice;
  event.part = part.part;
  event.data = keep(data);
  event.id = keep(id);
  event.extra = keep(extra);
}

Event& EventQueue::put_delta(const Open& part, std::string_view bytes) {
  Event& event = push(Event::Kind::kDelta);
  event.part_kind = part.kind;
  event.choice = part.choice;
  event.part = part.part;
  event.data = bytes;
  return event;
}

void EventQueue::put_delta(const Open& part, std::string_view bytes,
                           std::vector<TokenLogprob> logprobs) {
  Event& event = put_delta(part, bytes);
  if (logprobs.empty()) return;
  for (TokenLogprob& entry : logprobs) entry.bytes = keep(entry.bytes);
  event.logprobs = logprobs_.emplace_back(std::move(logprobs));
}

void EventQueue::put_end(const Open& part, std::string_view data, std::string_view id,
                         std::string_view extra) {
  Event& event = push(Event::Kind::kPartEnd);
  event.part_kind = part.kind;
  event.choice = part.choice;
  event.part = part.part;
  event.data = keep(data);
  event.id = keep(id);
  event.extra = keep(extra);
}

}  // namespace infer::cloud
