#include "scheduler.h"

#include <iterator>
#include <utility>

namespace infer::engine {

Scheduler::Scheduler(StepEngine& engine, std::size_t width) : engine_(engine), width_(width) {
  active_.reserve(width);
  ready_.reserve(width);
  thread_ = std::thread([this] { run(); });
}

Scheduler::~Scheduler() {
  stop_.store(true);
  bell_.ring();
  thread_.join();
  while (!active_.empty()) retire(active_.size() - 1);
}

bool Scheduler::submit(Sequences& sequences) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (queued_.load() >= kMaxQueued) return false;
    queued_.fetch_add(sequences.size());
    uint64_t turn = replies_++;
    for (auto& sequence : sequences) {
      sequence->turn_ = turn;
      turn += width_;
    }
    inbox_.splice(inbox_.end(), sequences);
  }
  bell_.ring();
  return true;
}

void Scheduler::run() {
  uint32_t handled = bell_.count() - 1;
  while (!stop_.load()) {
    const uint32_t seen = bell_.count();
    // New replies, cancels and closes all ring: nothing to look for when nobody did.
    if (seen != handled) {
      take_inbox();
      drop_abandoned();
      handled = seen;
    }
    admit();
    collect_ready();
    if (ready_.empty()) {
      bell_.wait(seen);
      continue;
    }
    engine_.step(ready_);
    for (std::size_t i = active_.size(); i-- > 0;) {
      if (active_[i]->done) retire(i);
    }
  }
}

void Scheduler::take_inbox() {
  std::lock_guard<std::mutex> lock(mutex_);
  while (!inbox_.empty()) {
    auto place = queue_.end();
    while (place != queue_.begin() && (*std::prev(place))->turn_ > inbox_.front()->turn_) --place;
    queue_.splice(place, inbox_, inbox_.begin());
  }
}

void Scheduler::drop_abandoned() {
  const auto abandoned = [](Sequence& s) {
    return s.channel().closed() || s.channel().cancelled();
  };
  for (std::size_t i = active_.size(); i-- > 0;) {
    if (abandoned(*active_[i])) retire(i);
  }
  queued_.fetch_sub(std::erase_if(queue_, [&](auto& waiting) { return abandoned(*waiting); }));
}

void Scheduler::admit() {
  while (!queue_.empty() && active_.size() < width_) {
    active_.push_back(std::move(queue_.front()));
    queue_.pop_front();
    queued_.fetch_sub(1);
    engine_.admit(*active_.back());
  }
}

void Scheduler::collect_ready() {
  ready_.clear();
  for (auto& sequence : active_) {
    if (can_step(*sequence)) ready_.push_back(sequence.get());
  }
}

bool Scheduler::can_step(Sequence& sequence) {
  EntryChannel& channel = sequence.channel();
  if (sequence.parked_ && !channel.parked()) sequence.parked_ = false;
  if (!queue_.empty()) return true;  // somebody waits for this one's place: the channel may grow
  if (sequence.parked_) return false;
  if (channel.has_room(kHeadroom)) return true;
  sequence.parked_ = channel.park();
  return !sequence.parked_;
}

void Scheduler::retire(std::size_t index) {
  engine_.retire(*active_[index]);
  active_.erase(active_.begin() + static_cast<std::ptrdiff_t>(index));
}

}  // namespace infer::engine
