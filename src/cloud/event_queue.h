// Events in a row: a wire's reader may get several from one piece of its stream; a Source gives one
// a pull. What the events point to is kept until the queue has run empty.
//
// It also keeps the grammar of event.h for wires whose parts may interleave: of one choice one part
// at a time is open in what comes out; others are held back until it has ended.
#ifndef INFER_SRC_CLOUD_EVENT_QUEUE_H_
#define INFER_SRC_CLOUD_EVENT_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "infer/event.h"

namespace infer::cloud {

class EventQueue {
 public:
  // A part of this reply, as its wire knows it: any number that is the same for all its pieces.
  using Key = std::uint64_t;

  // ---- for readers. Views that are given need to live until the call returns, except `bytes` of
  // delta_view(), which must live until the queue has run empty.

  void start(Meta meta);
  void warning(const Warning& warning);
  // Figures never shrink in what comes out, whatever the wire says.
  void usage(Usage usage);
  // After all parts of the choice have ended; ends those that have not. `raw`: the provider's word,
  // or the stop text of kStopSequence. `extra`: JSON to keep of the message as a whole.
  void finish(std::uint32_t choice, Finish why, std::string_view raw, std::string_view extra = {});

  // `data` and `id` as the table of event.h says. `extra`: JSON facts of the part, see there.
  void begin(Key key, std::uint32_t choice, Event::PartKind kind, std::string_view data = {},
             std::string_view id = {}, std::string_view extra = {});
  bool is_open(Key key) const { return parts_.count(key) != 0; }
  void delta(Key key, std::string_view bytes, std::vector<TokenLogprob> logprobs = {});
  // As delta(), without a copy where the part is not held back.
  void delta_view(Key key, std::string_view bytes);
  void end(Key key, std::string_view data = {}, std::string_view id = {},
           std::string_view extra = {});

  // What is going on, where it is known how far: step of steps.
  void progress(std::string_view what, std::uint32_t step, std::uint32_t steps);
  // A picture, a part in one piece; held back like any other. `extra`: JSON to keep.
  void media(Key key, std::uint32_t choice, Media media, std::string_view extra = {});
  // What a picture looks like on the way; only while no part of its choice is open.
  void preview(std::uint32_t choice, Media media, std::string_view extra, std::uint32_t step,
               std::uint32_t steps);
  // All rows of the reply, one after the other.
  void vectors(std::vector<float> rows, std::uint32_t dimensions);

  // ---- for the Source

  bool empty() const noexcept { return at_ == ready_.size(); }
  // The next event; it lives until the next call of pop() or of a reader's function.
  const Event& pop();
  // Put into every usage from now on.
  Timing timing{};
  // Bytes of parts so far, held back ones included; previews, which nobody keeps, are not.
  std::size_t answer_bytes() const noexcept { return answer_bytes_; }

 private:
  struct Open {
    std::uint32_t choice = 0;
    std::uint32_t part = 0;  // its index, once it is let out
    Event::PartKind kind = Event::PartKind::kNone;
    bool out = false;    // its beginning has been let out
    bool ended = false;  // while held back
    std::string begin_data{}, begin_id{}, begin_extra{};
    std::string held{};
    std::vector<TokenLogprob> held_logprobs{};
    std::list<std::string> held_bytes{};  // what held_logprobs points to
    std::string end_data{}, end_id{}, end_extra{};
    std::optional<Media> media{};  // instead of all this, and end_extra
  };
  struct Choice {
    std::uint32_t next_part = 0;
    std::list<Key> order{};  // open parts, the one that is let out first
  };

  void recycle();
  std::string_view keep(std::string_view bytes);
  Event& push(Event::Kind kind);
  Open* find(Key key);
  void put_begin(Open& part, std::string_view data, std::string_view id, std::string_view extra);
  Event& put_delta(const Open& part, std::string_view bytes);
  void put_delta(const Open& part, std::string_view bytes, std::vector<TokenLogprob> logprobs);
  void put_end(const Open& part, std::string_view data, std::string_view id,
               std::string_view extra);
  Event& put_media(Media media, std::uint32_t choice, std::uint32_t part, std::string_view extra);
  void let_out(Choice& choice);  // the next held part, and those after it that have ended

  std::vector<Event> ready_{};
  std::size_t at_ = 0;
  // Lists: unlike a deque, one that is empty holds no memory, and thousands of replies wait.
  std::list<std::string> strings_{};
  std::list<std::vector<TokenLogprob>> logprobs_{};
  std::list<Usage> usages_{};
  std::list<Media> media_{};
  std::list<std::vector<float>> vectors_{};
  Meta meta_{};
  Usage last_usage_{};
  std::map<Key, Open> parts_{};
  Key last_key_ = 0;  // of `last_`, found before: deltas of one part come in a row
  Open* last_ = nullptr;
  std::map<std::uint32_t, Choice> choices_{};
  std::size_t answer_bytes_ = 0;
};

}  // namespace infer::cloud

#endif  // INFER_SRC_CLOUD_EVENT_QUEUE_H_
