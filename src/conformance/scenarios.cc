#include "src/conformance/scenarios.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "src/conformance/text.h"

namespace infer {
inline namespace v0 {
namespace {

// Rules that every whole reply is held to.
constexpr std::string_view kGrammar[] = {
    "open.failed",    "start.missing",  "start.twice",   "part.delta_before_begin",
    "part.after_end", "part.index",     "part.kind",     "part.left_open",
    "choice.index",   "usage.shrinks",  "usage.empty",   "text.split_utf8",
    "event.kind",     "finish.missing", "finish.twice",  "finish.after",
    "wake.missing",   "end.final",      "progress.steps"};

// After a stop at most this many events may still come: what was on its way.
constexpr std::size_t kEventsAfterCancel = 64;
// A call that waits is found in each of so many attempts.
constexpr int kAttempts = 4;

// Cyrillic, Chinese, an emoji beyond the first plane, and what JSON escapes.
constexpr std::string_view kUnicode =
    "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82 \xe4\xbd\xa0\xe5\xa5\xbd "
    "\xf0\x9f\xa6\x8a na\xc3\xafve \"quoted\" back\\slash tab\there";

Ask base(const Subject& subject) {
  Ask ask;
  ask.prompt = subject.options.prompt;
  ask.max_tokens = subject.max_tokens;
  if (subject.paints) {
    ask.picture.emplace();
    ask.picture->steps = subject.options.steps;
  }
  return ask;
}

bool overloaded(const Outcome& outcome) {
  return outcome.end == Outcome::End::kFailed && outcome.code == Errc::kOverloaded;
}
bool unsupported(const Outcome& outcome) {
  return outcome.refused() && outcome.code == Errc::kUnsupported;
}

// Until the engine is at work on the answer.
void read_something(const Subject& subject, Reading& reading) {
  const Outcome& so_far = reading.outcome();
  while (so_far.deltas == 0 && so_far.pictures.empty() &&
         !(subject.paints && so_far.progress != 0) && reading.advance()) {
  }
}

void check_waits(Subject& subject) {
  const struct {
    Duty duty;
    std::string_view rule;
    const char* name;
  } calls[] = {{Duty::kOpen, "open.waits", "open"},
               {Duty::kNext, "next.waits", subject.next_name()},
               {Duty::kCancel, "cancel.waits", "cancel"},
               {Duty::kClose, "close.waits", "close"}};
  const auto once = [&] {
    ask(subject, base(subject));
    Reading stopped(subject, base(subject));
    read_something(subject, stopped);
    stopped.stream().cancel();
    Reading left(subject, base(subject));
    read_something(subject, left);
  };
  std::array<int, 4> guilty{};
  for (int attempt = 1; attempt <= kAttempts; ++attempt) {
    std::array<int, 4> before{};
    for (const auto& call : calls)
      before[static_cast<std::size_t>(call.duty)] = subject.slow.count(call.duty);
    once();
    bool suspect = false;
    for (const auto& call : calls) {
      const auto i = static_cast<std::size_t>(call.duty);
      if (subject.slow.count(call.duty) > before[i]) ++guilty[i];
      suspect |= guilty[i] == attempt;
    }
    if (!suspect) break;  // the rule: each attempt, so one good attempt acquits
  }
  for (const auto& call : calls)
    subject.journal.check(call.rule, guilty[static_cast<std::size_t>(call.duty)] < kAttempts,
                          std::string(call.name) + " took up to " + subject.slow.worst(call.duty) +
                              ", asleep or computing, in each of " + std::to_string(kAttempts) +
                              " attempts");
}

void check_unicode(Subject& subject) {
  Ask what = base(subject);
  what.prompt = kUnicode;
  if (subject.options.echoes) what.max_tokens = 0;
  const Outcome outcome = ask(subject, what);
  subject.journal.check("open.failed", outcome.complete() || outcome.end == Outcome::End::kBroken,
                        "a prompt of several scripts " + outcome.to_text());
  if (subject.options.echoes && !subject.paints && outcome.complete())
    subject.journal.check("text.changed", outcome.text == what.prompt,
                          printable(what.prompt) + " came back as " + printable(outcome.text));
}

void check_empty(Subject& subject) {
  Ask what = base(subject);
  what.no_words = true;
  const Outcome outcome = ask(subject, what);
  subject.journal.check(
      "request.empty",
      outcome.end != Outcome::End::kFailed || outcome.code == Errc::kInvalidRequest,
      "a request without words " + outcome.to_text());
}

// Reading it may take a big model minutes, so it is given up after a moment.
void check_long(Subject& subject) {
  Ask what = base(subject);
  what.prompt.clear();
  constexpr std::size_t kLong = std::size_t{256} * 1024;
  while (what.prompt.size() < kLong) what.prompt += "one two three four five six seven eight ";
  const auto stream = subject.open(what);
  Step step = stream->step();
  if (step == Step::kPending && stream->wait(subject.options.patience.settle))
    step = stream->step();
  if (step != Step::kError) return subject.journal.looked_at("request.long");
  const Error error = stream->error();
  subject.journal.check("request.long",
                        error.code() == Errc::kContextOverflow || error.code() == Errc::kTooLarge,
                        "a prompt of 256 KiB fails with " + std::string(to_string(error.code())) +
                            ": " + error.message());
}

void check_two_at_once(Subject& subject) {
  const Ask first = base(subject);
  Ask second = first;
  second.prompt = "Count from one to ten, and say why. A river, a bear, a fox.";
  const Outcome alone[] = {ask(subject, first), ask(subject, second)};
  Reading a(subject, first), b(subject, second);
  for (bool more = true; more;) {
    more = a.advance();
    more = b.advance() || more;
  }
  const Outcome* both[] = {&a.outcome(), &b.outcome()};
  for (int i = 0; i < 2; ++i) {
    const Outcome& outcome = *both[i];
    if (overloaded(outcome)) return subject.journal.skipped("sources.mix", outcome.to_text());
    if (!subject.journal.check("sources.mix", outcome.complete(),
                               "one of two at once " + outcome.to_text()))
      return;
    if (subject.options.deterministic)
      subject.journal.check("sources.mix", outcome.same_answer(alone[i]),
                            "alone the answer is " + alone[i].answer() + ", beside another it is " +
                                outcome.answer());
  }
}

void check_threads(Subject& subject) {
  constexpr int kThreads = 4;
  std::vector<Outcome> outcomes(kThreads);
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i)
    threads.emplace_back(
        [&, i] { outcomes[static_cast<std::size_t>(i)] = ask(subject, base(subject)); });
  for (std::thread& thread : threads) thread.join();
  for (const Outcome& outcome : outcomes)
    subject.journal.check("open.threads", outcome.complete() || overloaded(outcome),
                          "one of four at once " + outcome.to_text());
}

void check_close_early(Subject& subject) {
  {
    Reading unread(subject, base(subject));
  }
  {
    Reading begun(subject, base(subject));
    begun.stream().step();
  }
  {
    Reading middle(subject, base(subject));
    middle.read(3);
  }
  const Outcome outcome = ask(subject, base(subject));
  subject.journal.check("close.early", outcome.complete(),
                        "after sources were closed early a reply " + outcome.to_text());
}

// Reads on after a stop. A reply that was over before may stay so.
void expect_cancelled(Subject& subject, Reading& reading, const char* when) {
  const std::size_t before = reading.outcome().events;
  const Outcome& outcome = reading.read(before + kEventsAfterCancel);
  const bool cancelled = outcome.end == Outcome::End::kFailed && outcome.code == Errc::kCancelled;
  subject.journal.check("cancel.ignored", cancelled || outcome.end == Outcome::End::kBroken,
                        std::string("cancelled ") + when + ", the reply " + outcome.to_text());
}

void check_cancel(Subject& subject) {
  Ask lengthy = base(subject);
  lengthy.max_tokens *= 4;
  {
    Reading reading(subject, lengthy);
    reading.stream().cancel();
    expect_cancelled(subject, reading, "before its first event");
  }
  {
    Reading reading(subject, lengthy);
    if (reading.read(3).end == Outcome::End::kRunning) {
      reading.stream().cancel();
      expect_cancelled(subject, reading, "after its third event");
    }
  }
  {
    Reading reading(subject, lengthy);
    std::thread other([&] { reading.stream().cancel(); });
    const Outcome& outcome = reading.read();
    other.join();
    subject.journal.check("cancel.ignored",
                          outcome.end != Outcome::End::kFailed || outcome.code == Errc::kCancelled,
                          "cancelled from another thread, the reply " + outcome.to_text());
  }
}

void check_cancel_after_end(Subject& subject) {
  Reading reading(subject, base(subject));
  if (!reading.read().complete()) return;
  reading.stream().cancel();
  subject.journal.check("end.final", reading.stream().step() == Step::kEnd,
                        "a cancel after the end changed the end");
}

void check_max_tokens(Subject& subject, const Outcome& plain) {
  constexpr std::int64_t kFew = 3;
  Ask what = base(subject);
  what.max_tokens = kFew;
  const Outcome outcome = ask(subject, what);
  if (unsupported(outcome)) return subject.journal.looked_at("limit.max_tokens");
  const auto tokens = outcome.output.value_or(static_cast<std::int64_t>(outcome.deltas));
  if (!subject.journal.check("limit.max_tokens", outcome.complete() && tokens <= kFew,
                             "asked for 3 tokens, the reply " + outcome.to_text() + " (" +
                                 std::to_string(tokens) + " tokens)"))
    return;
  if (subject.options.deterministic && outcome.text.size() < plain.text.size())
    subject.journal.check("limit.max_tokens", outcome.finishes[0] == Finish::kLength,
                          "cut by max_tokens, the finish is not LENGTH");
}

// Three characters from the middle of what the model says by itself.
std::string middle_of(const std::string& text) {
  const auto starts = [&](std::size_t i) { return (text[i] & 0xC0) != 0x80; };
  std::size_t first = text.size() / 2;
  while (first > 0 && !starts(first)) --first;
  std::size_t end = first;
  for (int characters = 0; end < text.size(); ++end)
    if (starts(end) && ++characters > 3) break;
  return text.substr(first, end - first);
}

void check_stop(Subject& subject, const Outcome& plain) {
  Ask what = base(subject);
  const std::string word = middle_of(plain.text);
  what.stop = {word.empty() ? std::string("the") : word};
  const Outcome outcome = ask(subject, what);
  if (unsupported(outcome)) return subject.journal.looked_at("limit.stop");
  if (!subject.journal.check(
          "limit.stop", outcome.complete() && outcome.text.find(what.stop[0]) == std::string::npos,
          "asked to stop before " + printable(what.stop[0]) + ", the reply " + outcome.to_text() +
              " with the text " + printable(outcome.text)))
    return;
  if (subject.options.deterministic && !word.empty())
    subject.journal.check("limit.stop", outcome.finishes[0] == Finish::kStopSequence,
                          "ended by a stop text, the finish is not STOP_SEQUENCE");
}

// The request is refused as unsupported, or `holds` is true of its whole answer.
template <class F>
void check_promise(Subject& subject, std::string_view rule, const Ask& what, F holds) {
  const Outcome outcome = ask(subject, what);
  if (unsupported(outcome) || outcome.end == Outcome::End::kBroken)
    return subject.journal.looked_at(rule);
  subject.journal.check(rule, outcome.complete() && holds(outcome),
                        "it is not refused, and the reply " + outcome.to_text() +
                            " with the text " + printable(outcome.text));
}

bool cut_short(const Outcome& outcome) {
  for (const Finish finish : outcome.finishes)
    if (finish == Finish::kLength || finish == Finish::kContextFull) return true;
  return false;
}

void check_promises(Subject& subject) {
  Ask two = base(subject);
  two.n = 2;
  check_promise(subject, "limit.n", two, [](const Outcome& o) { return o.finishes.size() == 2; });
  Ask likely = base(subject);
  likely.logprobs = true;
  check_promise(subject, "limit.logprobs", likely,
                [](const Outcome& o) { return o.logprobs || o.deltas == 0; });
  Ask json = base(subject);
  json.json = true;
  check_promise(subject, "limit.output", json,
                [](const Outcome& o) { return is_json(o.text) || cut_short(o); });
  Ask tools = base(subject);
  tools.tools = true;
  check_promise(subject, "limit.tools", tools,
                [](const Outcome& o) { return o.tool_call || cut_short(o); });
}

// A setting that was not kept is told of by a warning that names one of `fields`.
bool warned(const Outcome& outcome, std::initializer_list<std::string_view> fields) {
  for (const std::string& facts : outcome.warnings)
    for (const std::string_view field : fields)
      if (facts.find('"' + std::string(field) + '"') != std::string::npos) return true;
  return false;
}

bool refused_well(const Outcome& outcome) {
  return outcome.refused() &&
         (outcome.code == Errc::kUnsupported || outcome.code == Errc::kInvalidRequest ||
          outcome.code == Errc::kTooLarge);
}

void check_count(Subject& subject) {
  Ask two = base(subject);
  two.n = 2;
  const Outcome outcome = ask(subject, two);
  if (unsupported(outcome) || outcome.end == Outcome::End::kBroken)
    return subject.journal.looked_at("picture.count");
  subject.journal.check("picture.count", outcome.complete() && outcome.pictures.size() == 2,
                        "asked for 2 pictures, " + std::to_string(outcome.pictures.size()) +
                            " came; the reply " + outcome.to_text());
}

// Half as high as the model's own pictures.
void check_size(Subject& subject, const Picture& own) {
  if (own.width == 0)
    return subject.journal.skipped("picture.size", "the pictures' size cannot be seen");
  Ask what = base(subject);
  what.picture->width = own.width;
  what.picture->height = std::max(own.height / 2, 1u);
  const Outcome outcome = ask(subject, what);
  if (refused_well(outcome) || outcome.end == Outcome::End::kBroken ||
      warned(outcome, {"size", "width", "height"}))
    return subject.journal.looked_at("picture.size");
  bool as_asked = outcome.complete() && !outcome.pictures.empty();
  for (const Picture& picture : outcome.pictures)
    as_asked &= picture.width == what.picture->width && picture.height == what.picture->height;
  subject.journal.check("picture.size", as_asked,
                        "asked for " + std::to_string(what.picture->width) + "x" +
                            std::to_string(what.picture->height) + ", the reply " +
                            outcome.to_text() + " with " + outcome.answer());
}

void check_format(Subject& subject) {
  for (const char* format : {"png", "jpeg", "webp"}) {
    Ask what = base(subject);
    what.picture->format = format;
    const Outcome outcome = ask(subject, what);
    if (refused_well(outcome) || outcome.end == Outcome::End::kBroken ||
        warned(outcome, {"format"})) {
      subject.journal.looked_at("picture.format");
      continue;
    }
    bool as_asked = outcome.complete() && !outcome.pictures.empty();
    for (const Picture& picture : outcome.pictures)
      as_asked &= picture.mime == "image/" + std::string(format) ||
                  (picture.pixels && subject.pixels_for_files());
    subject.journal.check("picture.format", as_asked,
                          "asked for " + std::string(format) + ", the reply " + outcome.to_text() +
                              " with " +
                              (outcome.pictures.empty()     ? "no picture"
                               : outcome.pictures[0].pixels ? "pixels"
                                                            : outcome.pictures[0].mime));
  }
}

// False where it was broken.
bool check_seed(Subject& subject, const Outcome& plain) {
  if (!subject.options.deterministic) {
    subject.journal.skipped("picture.seed", "the backend is not said to be deterministic");
    return true;
  }
  const Outcome again = ask(subject, base(subject));
  return subject.journal.check("picture.seed", again.same_answer(plain),
                               "once the answer is " + plain.answer() + ", then " + again.answer());
}

void check_previews(Subject& subject) {
  Ask what = base(subject);
  what.picture->previews = 2;
  const Outcome outcome = ask(subject, what);
  subject.journal.check(
      "picture.preview",
      outcome.complete() || unsupported(outcome) || outcome.end == Outcome::End::kBroken,
      "asked for previews, the reply " + outcome.to_text());
}

void check_pictures(Subject& subject, const Outcome& plain) {
  if (plain.pictures.empty())
    return static_cast<void>(
        subject.journal.check("picture.count", false, "a plain reply holds no picture"));
  check_count(subject);
  check_size(subject, plain.pictures.front());
  check_format(subject);
  check_previews(subject);
}

}  // namespace

bool check_plain_reply(Subject& subject) {
  subject.journal.begin("a plain reply");
  const std::size_t before = subject.journal.findings();
  Outcome outcome = ask(subject, base(subject));
  if (unsupported(outcome)) {
    subject.max_tokens = 0;  // it may refuse the limit; then it must end by itself
    outcome = ask(subject, base(subject));
  }
  for (const std::string_view rule : kGrammar) subject.journal.looked_at(rule);
  if (outcome.end == Outcome::End::kFailed)
    subject.journal.broken("open.failed", "a plain reply " + outcome.to_text());
  if (subject.journal.findings() != before) return false;
  subject.journal.begin("calls that must not wait");
  check_waits(subject);
  return subject.journal.findings() == before;
}

void check_many_replies(Subject& subject) {
  Journal& journal = subject.journal;
  const Outcome plain = ask(subject, base(subject));
  journal.begin("prompts: several scripts, none, very long");
  check_unicode(subject);
  check_empty(subject);
  check_long(subject);
  bool repeats = true;
  if (subject.paints) {
    journal.begin("size, format, previews, seed of pictures");
    check_pictures(subject, plain);
    repeats = check_seed(subject, plain);
  }
  journal.begin("two sources at once");
  if (repeats) check_two_at_once(subject);
  journal.begin("four threads at once");
  check_threads(subject);
  journal.begin("closing early");
  check_close_early(subject);
  journal.begin("cancelling");
  check_cancel(subject);
  check_cancel_after_end(subject);
  if (subject.paints) return;
  journal.begin("max_tokens, stop");
  check_max_tokens(subject, plain);
  check_stop(subject, plain);
  journal.begin("n, logprobs, output, tools");
  check_promises(subject);
}

}  // namespace v0
}  // namespace infer
