#include "bench/client_decode.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bench/client_bare.h"
#include "bench/client_load.h"
#include "bench/client_ours.h"
#include "bench/report.h"
#include "src/cloud/anthropic/anthropic.h"
#include "src/cloud/event_queue.h"
#include "src/cloud/openai/openai.h"
#include "src/http/sse.h"
#include "src/http/transport.h"

namespace infer::bench {
namespace {

constexpr std::size_t kTokens = 500;
constexpr std::size_t kChunk = 16 * 1024;

struct Corpus {
  std::vector<std::string> answers{};
  std::size_t events = 0;
  std::size_t bytes = 0;
};

Corpus make(Dialect dialect, Variety variety, std::size_t answers) {
  Corpus corpus;
  for (std::size_t i = 0; i < answers; ++i) {
    const auto events = stream_events(dialect, kTokens, variety, static_cast<std::uint32_t>(i));
    std::string& all = corpus.answers.emplace_back();
    for (const std::string& event : events) all += event;
    corpus.events += events.size();
    corpus.bytes += all.size();
  }
  return corpus;
}

class OurDecoder {
 public:
  explicit OurDecoder(Dialect dialect)
      : wire_(dialect == Dialect::kAnthropic ? cloud::anthropic_wire({.name = kModel})
                                             : cloud::openai_wire({.name = kModel})) {
    Load load;
    load.dialect = dialect;
    request_ = request_of(load);
    call_.wire = Wire::kStream;
  }

  // Readers come with their requests, which are written before the time is taken.
  void prepare(std::size_t answers) {
    outgoing_.clear();
    for (std::size_t i = 0; i < answers; ++i) {
      auto outgoing = wire_->write(request_, call_);
      if (!outgoing) fail(outgoing.error().message());
      outgoing_.push_back(std::move(*outgoing));
    }
  }

  void read(std::size_t number, std::string_view answer) {
    cloud::Reader& reader = *outgoing_[number].reader;
    reader.head(head_);
    http::SseDecoder stream;
    cloud::EventQueue queue;
    while (!answer.empty()) {
      const std::size_t n = std::min(answer.size(), kChunk);
      std::memcpy(chunk_.data(), answer.data(), n);
      answer.remove_prefix(n);
      stream.feed(std::string_view(chunk_.data(), n));
      while (stream.next() == http::SseDecoder::Step::kEvent) {
        if (auto error = reader.event(stream.event().type, stream.event().data, queue))
          fail(error->message());
        drain(queue);
      }
    }
    if (!reader.proven()) fail("our decoder does not see the answer's end");
    reader.close(queue);
    drain(queue);
  }

  std::string* keep = nullptr;
  std::size_t text = 0;  // bytes

 private:
  void drain(cloud::EventQueue& queue) {
    while (!queue.empty()) {
      const Event& event = queue.pop();
      if (event.kind != Event::Kind::kDelta) continue;
      text += event.data.size();
      if (keep) keep->append(event.data);
    }
  }

  std::shared_ptr<const cloud::Wire> wire_;
  Request request_{};
  Call call_{};
  http::HttpHead head_{.status = 200};
  std::vector<cloud::Outgoing> outgoing_{};
  std::vector<char> chunk_ = std::vector<char>(kChunk + http::kPadding);
};

double ours(OurDecoder& decoder, const Corpus& corpus) {
  decoder.prepare(corpus.answers.size());
  const double before = cpu_seconds();
  for (std::size_t i = 0; i < corpus.answers.size(); ++i) decoder.read(i, corpus.answers[i]);
  return cpu_seconds() - before;
}

double theirs(BareDecoder& decoder, const Corpus& corpus) {
  const double before = cpu_seconds();
  for (const std::string& answer : corpus.answers)
    for (std::size_t at = 0; at < answer.size(); at += kChunk)
      decoder.feed(answer.data() + at, std::min(kChunk, answer.size() - at));
  return cpu_seconds() - before;
}

}  // namespace

Decoding decode(Dialect dialect, Variety variety, std::size_t answers, int rounds) {
  const Corpus corpus = make(dialect, variety, answers);
  OurDecoder our(dialect);
  BareDecoder bare(dialect);
  std::string our_text, bare_text;
  our.keep = &our_text;
  bare.keep = &bare_text;
  ours(our, corpus);
  theirs(bare, corpus);
  if (our_text != bare_text || our_text.empty()) fail("the decoders do not find the same text");
  our.keep = bare.keep = nullptr;

  std::vector<double> our_ns, their_ns, ratios;
  const double scale = 1e9 / static_cast<double>(corpus.events);
  for (int round = 0; round < rounds; ++round) {
    our_ns.push_back(ours(our, corpus) * scale);
    their_ns.push_back(theirs(bare, corpus) * scale);
    ratios.push_back(our_ns.back() / their_ns.back());
  }
  return {median(our_ns), median(their_ns), median(ratios), corpus.events, corpus.bytes};
}

}  // namespace infer::bench
