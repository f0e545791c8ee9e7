// Server-sent events, as the WHATWG has them (HTML, 9.2.5 and 9.2.6): bytes in, events out, the
// same events however the bytes are cut. Thread rule: one thread at a time.
//
// An event that lies whole in the bytes of one feed() and has one data line is a view into them;
// only what straddles feeds, has several data lines or is not UTF-8 is copied. Invalid UTF-8
// becomes U+FFFD, one for each maximal subpart, as "UTF-8 decode" of the WHATWG encoding standard.
#ifndef INFER_SRC_HTTP_SSE_H_
#define INFER_SRC_HTTP_SSE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace infer::http {

// Views live until the next call of the decoder. After `data` at least kPadding bytes are readable.
struct SseEvent {
  std::string_view data{};
  std::string_view type{};  // empty: "message"
  std::string_view id{};    // the last id seen
};

// Copyable; a copy made while an event is held shares its views.
class SseDecoder {
 public:
  enum class Step : std::uint8_t {
    kEvent,     // event() holds one
    kMore,      // all bytes are used up: feed() the next
    kTooLarge,  // a line or the data of an event is larger than the limit; final
  };

  // `limit`: bytes. No more than that and one feed is ever held.
  explicit SseDecoder(std::size_t limit = std::size_t{16} << 20) : limit_(limit) {}

  // The next bytes. They, and kPadding readable bytes after them, must live until next() has said
  // kMore. Only after kMore, or at the beginning.
  void feed(std::string_view bytes);
  Step next();
  const SseEvent& event() const noexcept { return event_; }

  // At the end of the stream: the data of a pending event whose lines are complete but whose empty
  // line never came. WHATWG discards it; some servers end so after "data: [DONE]". Empty where
  // there is none or a line was cut. As padded as an event's data.
  std::string_view pending_data() const noexcept;
  // The server's reconnection time, milliseconds.
  std::optional<std::uint64_t> retry() const noexcept { return retry_; }
  // Events dispatched so far: for error messages.
  std::size_t count() const noexcept { return count_; }

 private:
  // Bytes with kPadding zeros after them.
  class Padded {
   public:
    std::string_view view(std::size_t from = 0) const noexcept;
    std::size_t size() const noexcept { return size_; }
    // False, and nothing happens, if there were more than `limit` bytes then.
    bool append(std::string_view bytes, std::size_t limit);
    void clear() noexcept;  // gives large memory back

   private:
    std::string bytes_{};
    std::size_t size_ = 0;
  };
  struct Line {
    std::string_view bytes{};
    bool ascii = true;
    bool carried = false;  // lies in line_, not in the fed bytes
  };
  enum class Where : std::uint8_t { kNowhere, kFed, kKept };

  void skip_bom();
  bool skip_frame();
  void learn_frame();
  bool carry(std::string_view bytes, bool ascii);
  bool field(const Line& line);
  bool data_field(const Line& line, std::string_view value);
  void type_field(const Line& line, std::string_view value);
  void retry_field(std::string_view value);
  bool add_data(std::string_view value, bool valid);
  bool append_decoded(std::string_view value);
  bool keep_data();
  bool dispatch();
  void forget();
  Step more();
  Step too_large();

  std::size_t limit_;
  SseEvent event_{};
  std::optional<std::uint64_t> retry_{};
  std::size_t count_ = 0;

  const char* at_ = nullptr;  // what is left of the fed bytes
  const char* end_ = nullptr;
  std::uint8_t bom_ = 0;   // bytes of a leading BOM seen; 3: past it, or there is none
  bool after_cr_ = false;  // a line feed that comes now belongs to the last line's end
  bool failed_ = false;
  bool given_ = false;  // event() is out, and what it points to goes with the next call
  bool line_ascii_ = true;
  Padded line_{};  // the beginning of a line, from earlier feeds

  // The bytes with which the last event began, up to its data: "event: x\ndata: ". Events of one
  // kind come in rows: one that begins with the same bytes means the same up to there.
  static constexpr std::size_t kMaxFrame = 64;
  std::array<char, kMaxFrame> frame_{};
  std::size_t frame_size_ = 0;
  std::size_t frame_type_at_ = 0;
  std::size_t frame_type_size_ = 0;
  bool fresh_ = true;            // no line of the next event has been looked at
  const char* begin_ = nullptr;  // of the event under way; null: nothing can be learned from it

  // The event under way. No view into a member: a copy of the decoder must not share it.
  Where data_ = Where::kNowhere;
  std::string_view fed_data_{};
  Padded kept_data_{};
  std::size_t kept_from_ = 0;  // where the data begins in kept_data_
  bool type_kept_ = false;
  std::string_view fed_type_{};
  std::string kept_type_{};
  std::string id_{};
};

}  // namespace infer::http

#endif  // INFER_SRC_HTTP_SSE_H_
