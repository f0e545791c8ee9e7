// What has come of a body and was not read yet, in blocks: bytes are copied into one once and given
// out where they lie. Blocks come from a small stack of used ones, so that a stream runs in memory
// that is still in the processor's cache, and an idle reply holds none.
// Thread rule: one thread at a time, for a stack and all buffers that use it.
#ifndef INFER_SRC_HTTP_BODY_BUFFER_H_
#define INFER_SRC_HTTP_BODY_BUFFER_H_

#include <cstddef>
#include <cstring>
#include <string_view>
#include <utility>

#include "src/http/transport.h"

namespace infer::http {

struct BodyBlock {
  static constexpr std::size_t kBytes = std::size_t{16} * 1024;  // the most libcurl gives at once
  BodyBlock* next = nullptr;
  std::size_t used = 0;
  char bytes[kBytes + kPadding];
};

class BodyBlocks {
 public:
  BodyBlocks() = default;
  BodyBlocks(const BodyBlocks&) = delete;
  BodyBlocks& operator=(const BodyBlocks&) = delete;
  ~BodyBlocks() {
    while (free_) delete std::exchange(free_, free_->next);
  }
  // Blocks that hold what was not read yet.
  std::size_t in_use() const noexcept { return in_use_; }
  BodyBlock* take() {
    ++in_use_;
    if (!free_) return new BodyBlock;
    --count_;
    BodyBlock* block = std::exchange(free_, free_->next);
    block->next = nullptr;
    block->used = 0;
    return block;
  }
  void give_back(BodyBlock* block) noexcept {
    --in_use_;
    if (count_ >= kMost) {
      delete block;
      return;
    }
    ++count_;
    block->next = std::exchange(free_, block);
  }

 private:
  static constexpr std::size_t kMost =
      32;  // kept: what a burst of one reply and of some others holds
  BodyBlock* free_ = nullptr;
  std::size_t count_ = 0;
  std::size_t in_use_ = 0;
};

class BodyBuffer {
 public:
  explicit BodyBuffer(BodyBlocks* blocks) : blocks_(blocks) {}
  BodyBuffer(const BodyBuffer&) = delete;
  BodyBuffer& operator=(const BodyBuffer&) = delete;
  ~BodyBuffer() { clear(); }

  // Bytes that were appended and not given out yet.
  std::size_t size() const noexcept { return size_; }
  void append(const char* bytes, std::size_t n) {
    while (n != 0) {
      // A piece that does not fit whole goes into the next block: lines are cut less often.
      if (!last_ || (last_->used + n > BodyBlock::kBytes && last_->used != 0)) {
        BodyBlock* block = blocks_->take();
        (last_ ? last_->next : first_) = block;
        last_ = block;
      }
      const std::size_t room = BodyBlock::kBytes - last_->used;
      const std::size_t part = n < room ? n : room;
      std::memcpy(last_->bytes + last_->used, bytes, part);
      last_->used += part;
      size_ += part;
      bytes += part;
      n -= part;
    }
  }
  // The oldest bytes; empty: there are none. They live until the next call.
  std::string_view take() {
    release();
    if (!first_) return {};
    reading_ = std::exchange(first_, first_->next);
    if (!first_) last_ = nullptr;
    size_ -= reading_->used;
    return {reading_->bytes, reading_->used};
  }
  void clear() noexcept {
    release();
    while (first_) blocks_->give_back(std::exchange(first_, first_->next));
    last_ = nullptr;
    size_ = 0;
  }

 private:
  void release() noexcept {
    if (reading_) blocks_->give_back(std::exchange(reading_, nullptr));
  }

  BodyBlocks* blocks_;
  BodyBlock* first_ = nullptr;
  BodyBlock* last_ = nullptr;
  BodyBlock* reading_ = nullptr;  // given out
  std::size_t size_ = 0;
};

}  // namespace infer::http

#endif  // INFER_SRC_HTTP_BODY_BUFFER_H_
