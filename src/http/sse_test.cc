#include "src/http/sse.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <numeric>
#include <random>

#include "src/http/sse_oracle.h"
#include "src/http/sse_scan.h"
#include "src/port/effort.h"

namespace infer::http {
namespace {

using namespace std::string_literals;
using test::sse_decode;
using test::SseOracle;
using test::SseRecord;
using test::SseTranscript;
using Step = SseDecoder::Step;

std::vector<std::size_t> every_byte(std::size_t size) {
  std::vector<std::size_t> cuts(size);
  std::iota(cuts.begin(), cuts.end(), std::size_t{1});
  return cuts;
}

std::string shown(const SseTranscript& transcript) {
  std::string out;
  for (const SseRecord& event : transcript.events)
    out += "[" + event.type + "|" + event.id + "|" + event.data.substr(0, 200) + "]";
  if (transcript.retry) out += " retry " + std::to_string(*transcript.retry);
  if (!transcript.pending.empty()) out += " pending " + transcript.pending.substr(0, 200);
  if (transcript.too_large) out += " too large";
  return testing::PrintToString(out);
}

// ---- vectors: what comes of a wire, by the rules of the WHATWG

struct Vector {
  const char* name;
  std::string wire;
  std::vector<SseRecord> events;
  std::optional<std::uint64_t> retry = std::nullopt;
  std::string pending{};
};

std::vector<SseRecord> messages(std::initializer_list<std::string> data) {
  std::vector<SseRecord> events;
  for (const std::string& one : data) events.push_back({one, "", ""});
  return events;
}

const std::string kMark = "\xEF\xBB\xBF";         // BOM
const std::string kReplacement = "\xEF\xBF\xBD";  // U+FFFD

std::vector<Vector> vectors() {
  const std::string many(2048, 'x');
  const std::string megabyte(1024 * 1024, 'm');
  return {
      {"field-data", "data:\n\ndata\ndata\n\ndata:test\n\n", messages({"", "\n", "test"})},
      {"field-event", "event:test\ndata:x\n\ndata:x\n\n", {{"x", "test", ""}, {"x", "", ""}}},
      {"field-event-empty", "event: \ndata:data\n\n", messages({"data"})},
      {"field-event-last-counts",
       "event:a\nevent:b\ndata:x\n\nevent:a\nevent\ndata:y\n\n",
       {{"x", "b", ""}, {"y", "", ""}}},
      {"field-parsing",
       "data:\0\ndata:  2\rData:1\ndata\0:2\ndata:1\r\0data:4\nda-ta:3\rdata_5\n"
       "data:3\rdata:\r\n data:32\ndata:4\n\n"s,
       messages({"\0\n 2\n1\n3\n\n4"s})},
      {"retry-bogus", "retry:3000\nretry:1000x\ndata:x\n\n", messages({"x"}), 3000},
      {"retry", "retry:03000\ndata:x\n\n", messages({"x"}), 3000},
      {"retry-empty", "retry:\nretry\ndata:x\n\n", messages({"x"})},
      {"retry-signs", "retry:-1\nretry:+1\nretry: 1 \nretry:1.5\nretry: 7\n\n", {}, 7},
      {"retry-beyond-64-bits",
       "retry:18446744073709551615\n\nretry:18446744073709551616\n\n",
       {},
       18446744073709551615u},
      {"unknown", "data:test\n data\ndata\nfoobar:zzz\njustsometext\n:c\ndata:test\n\n",
       messages({"test\n\ntest"})},
      {"newlines", "data:test\r\ndata\ndata:test\r\n\r\n", messages({"test\n\ntest"})},
      {"leading-space", "data:\ttest\rdata: \ndata:test\n\n", messages({"\ttest\n\ntest"})},
      {"comments",
       "data:1\r:\0\n:\r\ndata:2\n:"s + many + "\rdata:3\n:data:fail\r:" + many + "\ndata:4\n\n",
       messages({"1\n2\n3\n4"})},
      {"bom", kMark + "data:1\n\n" + kMark + "data:2\n\ndata:3\n\n", messages({"1", "3"})},
      {"bom-2", kMark + kMark + "data:1\n\ndata:2\n\ndata:3\n\n", messages({"2", "3"})},
      {"bom-in-data", "data:" + kMark + "1\n\n", messages({kMark + "1"})},
      {"bom-half",
       "\xEF\xBB"
       "data:1\n\ndata:2\n\n",
       messages({"2"})},
      {"id-null", "id:x\0\ndata:1\n\n"s, messages({"1"})},
      {"id-sticks",
       "id:a\ndata:1\n\ndata:2\n\nid\ndata:3\n\nid:b\n\ndata:4\n\n",
       {{"1", "", "a"}, {"2", "", "a"}, {"3", "", ""}, {"4", "", "b"}}},
      {"id-null-keeps-the-last",
       "id:a\ndata:1\n\nid:b\0c\ndata:2\n\n"s,
       {{"1", "", "a"}, {"2", "", "a"}}},
      {"final-empty-line", "retry:1000\ndata:test1\n\nid:test\ndata:test2\n", messages({"test1"}),
       1000, "test2"},
      {"no-data-resets-the-type", "event:a\n\ndata:x\n\n", messages({"x"})},
      {"cr-only", "data:1\rdata:2\r\rdata:3\r\r", messages({"1\n2", "3"})},
      {"crlf", "data:1\r\ndata:2\r\n\r\ndata:3\r\n\r\n", messages({"1\n2", "3"})},
      {"lf-cr", "data:1\n\rdata:2\n\r", messages({"1", "2"})},
      {"unicode-line-ends",
       "data:a\xE2\x80\xA8"
       "b\xE2\x80\xA9"
       "c\xC2\x85"
       "d\n\n",
       messages({"a\xE2\x80\xA8"
                 "b\xE2\x80\xA9"
                 "c\xC2\x85"
                 "d"})},
      {"ascii-separators",
       "data:a\vb\fc\x1C"
       "d\x1D"
       "e\x1E"
       "f\n\n",
       messages({"a\vb\fc\x1C"
                 "d\x1D"
                 "e\x1E"
                 "f"})},
      {"emoji",
       "event:\xF0\x9F\x8E\x89\ndata: \xF0\x9F\x91\x8B\xF0\x9F\x8F\xBD \xE2\x82\xAC\n\n",
       {{"\xF0\x9F\x91\x8B\xF0\x9F\x8F\xBD \xE2\x82\xAC", "\xF0\x9F\x8E\x89", ""}}},
      {"invalid-utf-8",
       "data:a\xFF"
       "b\xE2\x82\xC3(\xF0\x9F\x8E"
       "c\xC0\xAF\xED\xA0\x80\xF4\x90\x80\x80\nid:\x80\nevent:\xE2\n\n",
       {{"a" + kReplacement + "b" + kReplacement + kReplacement + "(" + kReplacement + "c" +
             kReplacement + kReplacement + kReplacement + kReplacement + kReplacement +
             kReplacement + kReplacement + kReplacement + kReplacement,
         kReplacement, kReplacement}}},
      {"invalid-utf-8-in-a-name", "data\xE2:1\ndata:2\n\n", messages({"2"})},
      {"a-megabyte", "data: " + megabyte + "\n\ndata:x\n\n", messages({megabyte, "x"})},
      {"a-megabyte-of-lines", "data: " + megabyte + "\ndata:x\n\n", messages({megabyte + "\nx"})},
      {"done-without-space", "data:[DONE]\n\n", messages({"[DONE]"})},
      {"done-without-empty-line", "data: a\n\ndata: [DONE]\n", messages({"a"}), std::nullopt,
       "[DONE]"},
      {"done-without-line-end", "data: a\n\ndata: [DONE]", messages({"a"})},
      {"trailing-cr-at-eof", "data:1\n\r", messages({"1"})},
      {"trailing-cr-ends-a-line", "data:1\r", {}, std::nullopt, "1"},
      {"cut-in-the-last-line", "data:1\ndata:2", {}},
      {"names-are-case-sensitive", "DATA:1\nData:2\ndata :3\n data:4\nEvent:e\ndata:5\n\n",
       messages({"5"})},
      {"colons-in-values", "data::\ndata: : \nevent:a:b\n\n", {{":\n: ", "a:b", ""}}},
      {"nothing", "", {}},
      {"only-ends", "\n\r\r\n\n\r", {}},
  };
}

SseTranscript expected(const Vector& vector) {
  return SseTranscript{vector.events, vector.retry, vector.pending, false};
}

TEST(Sse, VectorsWholeAndByteByByte) {
  for (const Vector& vector : vectors()) {
    const SseTranscript want = expected(vector);
    const SseTranscript whole = sse_decode(vector.wire, {});
    EXPECT_TRUE(whole == want) << vector.name << ": " << shown(whole);
    const SseTranscript bytewise = sse_decode(vector.wire, every_byte(vector.wire.size()));
    EXPECT_TRUE(bytewise == want) << vector.name << ", byte by byte: " << shown(bytewise);
    // What is wrong with the oracle would be wrong with all that is compared with it below.
    const SseTranscript oracle = SseOracle::read(vector.wire);
    EXPECT_TRUE(oracle == want) << vector.name << ", the oracle: " << shown(oracle);
  }
}

TEST(Sse, VectorsCutInTwoEverywhere) {
  for (const Vector& vector : vectors()) {
    const SseTranscript want = expected(vector);
    // Of the megabyte: around its ends, and every 4,099th byte.
    const std::size_t size = vector.wire.size();
    for (std::size_t cut = 0; cut <= size;
         cut += size < 16384 || cut < 64 || cut + 64 >= size
                    ? port::kStride
                    : std::min<std::size_t>(4099, size - cut - 64)) {
      const SseTranscript got = sse_decode(vector.wire, {cut});
      ASSERT_TRUE(got == want) << vector.name << " cut at " << cut << ": " << shown(got);
    }
  }
}

TEST(Sse, ShortVectorsCutInThreeEverywhere) {
  for (const Vector& vector : vectors()) {
    if (vector.wire.size() > 200) continue;
    const SseTranscript want = expected(vector);
    for (std::size_t a = 0; a <= vector.wire.size(); ++a)
      for (std::size_t b = a; b <= vector.wire.size(); ++b) {
        const SseTranscript got = sse_decode(vector.wire, {a, b});
        ASSERT_TRUE(got == want) << vector.name << " cut at " << a << ", " << b << ": "
                                 << shown(got);
      }
  }
}

// A CR is an end at once: the event does not wait for the byte after it.
TEST(Sse, CarriageReturnEndsAtOnce) {
  const std::string wire = "data:1\r\r" + std::string(kPadding, '\n');
  SseDecoder decoder;
  decoder.feed(std::string_view(wire).substr(0, 8));
  ASSERT_EQ(decoder.next(), Step::kEvent);
  EXPECT_EQ(decoder.event().data, "1");
  EXPECT_EQ(decoder.next(), Step::kMore);
  decoder.feed(std::string_view(wire).substr(8, 1));  // the LF of that CR
  EXPECT_EQ(decoder.next(), Step::kMore);
  decoder.feed({});
  EXPECT_EQ(decoder.next(), Step::kMore);
  EXPECT_EQ(decoder.count(), 1u);
}

// ---- against the oracle

std::string random_stream(std::mt19937& random) {
  static const std::vector<std::string> kTokens = {
      "data",
      "data",
      "data:",
      "data: ",
      "event",
      "event: ",
      "id",
      "id: ",
      "retry",
      "retry: ",
      ":",
      ": ",
      " ",
      "\n",
      "\n",
      "\n\n",
      "\n\n",
      "\r",
      "\r\n",
      "\r\r",
      "\r\n\r\n",
      "\n\r",
      "\t",
      "\0"s,
      "\xEF\xBB\xBF",
      "\xEF",
      "\xBB",
      "\xBF",
      "x",
      "[DONE]",
      "{\"a\":\"b\"}",
      "0",
      "42",
      "9999999999999999999",
      "\xE2\x80\xA8",
      "\xC2\x85",
      "\xC3\xA9",
      "\xF0\x9F\x98\x80",
      "\xF0\x9F",
      "\x98\x80",
      "\xE2\x82",
      "\xC3",
      "\xFF",
      "\xC0\x80",
      "\xED\xA0\x80",
      "\xF4\x90",
      "\xE0\x9F",
      "\xF0\x8F",
      "\v",
      "dat",
      "a",
      "DATA:",
      "a text that is longer than one vector of sixteen bytes, and than one block of sixty-four, "
      "too",
      "une \xC3\xA9t\xC3\xA9 qui d\xC3\xA9passe un bloc de soixante-quatre octets, et m\xC3\xAAme "
      "un peu plus",
  };
  static const std::vector<std::string> kEnds = {"\n", "\n\n", "\r", "\r\r", "\r\n", "\r\n\r\n"};
  const auto one_of = [&](const auto& all) -> const std::string& {
    return all[random() % all.size()];
  };
  std::string out;
  for (std::size_t n = random() % 40; n > 0; --n) {
    if (random() % 3 == 0) out += "data:" + one_of(kTokens) + one_of(kEnds);
    out += one_of(kTokens);
  }
  return out;
}

std::vector<std::size_t> random_cuts(std::mt19937& random, std::size_t size) {
  std::vector<std::size_t> cuts(random() % 6);
  for (std::size_t& cut : cuts) cut = random() % (size + 1);
  std::sort(cuts.begin(), cuts.end());
  return cuts;
}

TEST(Sse, AgreesWithTheOracleOnRandomStreams) {
  std::mt19937 random(20260101);
  std::size_t events = 0;
  for (int i = 0; i < port::effort(100000); ++i) {
    const std::string wire = random_stream(random);
    const SseTranscript want = SseOracle::read(wire);
    const SseTranscript got = sse_decode(wire, random_cuts(random, wire.size()));
    ASSERT_TRUE(got == want) << "stream " << i << ": " << testing::PrintToString(wire) << "\ngives "
                             << shown(got) << "\nnot   " << shown(want);
    events += want.events.size();
  }
  EXPECT_GT(events, port::effort(100000u));  // the streams are worth comparing
}

TEST(Sse, OneMoreByteAtATimeAgreesWithTheOracle) {
  std::mt19937 random(7);
  for (int i = 0; i < 2000; ++i) {
    const std::string wire = random_stream(random);
    const SseTranscript got = sse_decode(wire, every_byte(wire.size()));
    ASSERT_TRUE(got == SseOracle::read(wire)) << testing::PrintToString(wire);
  }
}

// ---- limits

// The first line that is too long, or the first line that makes its event too large, ends it all.
TEST(Sse, TheLimitIsTheSameHoweverTheBytesAreCut) {
  std::mt19937 random(11);
  int failed = 0;
  for (int i = 0; i < 20000; ++i) {
    const std::string wire = random_stream(random);
    const std::size_t limit = random() % 40;
    const SseTranscript whole = sse_decode(wire, {}, limit);
    for (const auto& cuts : {random_cuts(random, wire.size()), every_byte(wire.size())}) {
      const SseTranscript got = sse_decode(wire, cuts, limit);
      ASSERT_TRUE(got == whole) << testing::PrintToString(wire) << " limit " << limit << "\n"
                                << shown(got) << "\n"
                                << shown(whole);
    }
    failed += whole.too_large;
    if (whole.too_large) continue;
    EXPECT_TRUE(whole == SseOracle::read(wire));
  }
  EXPECT_GT(failed, 1000);
}

TEST(Sse, ALineOrAnEventMayBeAsLargeAsTheLimit) {
  const auto fits = [](std::string wire, std::size_t limit) {
    const bool whole = !sse_decode(wire, {}, limit).too_large;
    EXPECT_EQ(whole, !sse_decode(wire, every_byte(wire.size()), limit).too_large);
    return whole;
  };
  EXPECT_TRUE(fits("data:12345\n\n", 10));
  EXPECT_FALSE(fits("data:12345\n\n", 9));
  EXPECT_FALSE(fits("data:12345", 9)) << "a line that never ends";
  EXPECT_TRUE(fits(":123456789\n", 10));
  EXPECT_FALSE(fits(":123456789\n", 9)) << "a comment is a line";
  EXPECT_TRUE(fits("data:1234\ndata:56789\n\n", 10));  // with the line feed between them
  EXPECT_FALSE(fits("data:1234\ndata:567890\n\n", 10));
  EXPECT_FALSE(fits("data\ndata\ndata\ndata\ndata\ndata\n\n", 4)) << "line feeds count";
  EXPECT_TRUE(fits("data:\xFF\xFF\n\n", 7));  // two times U+FFFD: six bytes
  EXPECT_FALSE(fits("data:\xFF\xFF\xFF\n\n", 8)) << "nine bytes";
}

// A line that never ends is given up as soon as it is too long, not when memory is.
TEST(Sse, AnEndlessLineIsNotKept) {
  constexpr std::size_t kLimit = 1024 * 1024, kFeed = 64 * 1024;
  for (const std::string& begin : {"data: "s, ":"s, ""s, "data: x\ndata: "s, "id: "s}) {
    const std::string piece = std::string(kFeed, 'x') + std::string(kPadding, 'x');
    const std::string memory = begin + std::string(kPadding, 'x');
    SseDecoder decoder(kLimit);
    decoder.feed({memory.data(), begin.size()});
    ASSERT_EQ(decoder.next(), Step::kMore);
    std::size_t feeds = 0;
    do {
      ASSERT_LE(++feeds, kLimit / kFeed + 1);
      decoder.feed({piece.data(), kFeed});
    } while (decoder.next() == Step::kMore);
    EXPECT_EQ(decoder.next(), Step::kTooLarge);
  }
}

TEST(Sse, TooLargeIsFinal) {
  const std::string wire = "data:1\n\ndata:too large\n\ndata:2\n\n" + std::string(kPadding, ' ');
  SseDecoder decoder(8);
  decoder.feed(std::string_view(wire).substr(0, wire.size() - kPadding));
  ASSERT_EQ(decoder.next(), Step::kEvent);
  EXPECT_EQ(decoder.event().data, "1");
  EXPECT_EQ(decoder.next(), Step::kTooLarge);
  EXPECT_EQ(decoder.next(), Step::kTooLarge);
  decoder.feed("data:3\n\n");
  EXPECT_EQ(decoder.next(), Step::kTooLarge);
  EXPECT_EQ(decoder.count(), 1u);
  EXPECT_EQ(decoder.pending_data(), "");
}

// ---- views and copies

TEST(Sse, AWholeEventIsNotCopied) {
  const std::string wire = "event: delta\ndata: {\"a\":1}\n\nid: 7\ndata: caf\xC3\xA9\r\n\r\n";
  std::string memory = wire + std::string(kPadding, '\0');
  SseDecoder decoder;
  decoder.feed({memory.data(), wire.size()});
  const auto inside = [&](std::string_view view) {
    return view.data() >= memory.data() && view.data() + view.size() <= memory.data() + wire.size();
  };
  ASSERT_EQ(decoder.next(), Step::kEvent);
  EXPECT_EQ(decoder.event().data, "{\"a\":1}");
  EXPECT_TRUE(inside(decoder.event().data));
  EXPECT_TRUE(inside(decoder.event().type));
  ASSERT_EQ(decoder.next(), Step::kEvent);
  EXPECT_EQ(decoder.event().data, "caf\xC3\xA9");
  EXPECT_EQ(decoder.event().id, "7");
  EXPECT_TRUE(inside(decoder.event().data));
  EXPECT_EQ(decoder.next(), Step::kMore);
}

TEST(Sse, ACopyGoesOnByItself) {
  const std::string memory = "event: a\ndata: 1\nda" + std::string(kPadding, '\0');
  auto decoder = std::make_unique<SseDecoder>();
  decoder->feed({memory.data(), memory.size() - kPadding});
  ASSERT_EQ(decoder->next(), Step::kMore);
  SseDecoder copy = *decoder;
  decoder.reset();
  const std::string rest = "ta: 2\n\n" + std::string(kPadding, '\0');
  copy.feed({rest.data(), rest.size() - kPadding});
  ASSERT_EQ(copy.next(), Step::kEvent);
  EXPECT_EQ(copy.event().data, "1\n2");
  EXPECT_EQ(copy.event().type, "a");
}

// ---- the scan

LineEnd scan_naively(const char* at, const char* end) {
  LineEnd out{at, true};
  for (; out.at != end && *out.at != '\n' && *out.at != '\r'; ++out.at)
    out.ascii = out.ascii && static_cast<unsigned char>(*out.at) < 0x80;
  return out;
}

TEST(SseScan, FindsEveryEndAtEveryDistance) {
  std::mt19937 random(3);
  for (int i = 0; i < 50000; ++i) {
    const std::size_t size = random() % 200;
    std::string text(size + kPadding, '\0');
    // Bytes that differ from CR and LF in one bit or by one, among others.
    for (char& c : text)
      c = "aaaaaaaaaaaaaaaaaaaa\x0B\x0C\x0E\x09\x8A\x8D\x4A\x4D\x7F\x01"[random() % 30];
    if (size != 0 && random() % 4 != 0) text[random() % size] = random() % 2 ? '\n' : '\r';
    if (random() % 2)
      for (char& c : text) c = static_cast<char>(c & 0x7F);
    text[size + random() % kPadding] = '\n';
    const char* const begin = text.data();
    const char* const end = begin + size;
    const LineEnd want = scan_naively(begin, end);
    const LineEnd portable = find_line_end_portable(begin, end);
    ASSERT_EQ(portable.at, want.at);
    ASSERT_EQ(portable.ascii, want.ascii);
    const LineEnd got = find_line_end(begin, end);
    ASSERT_EQ(got.at, want.at);
    ASSERT_EQ(got.ascii, want.ascii);
  }
}

// ---- streams of providers, as recorded

std::string slurp(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

struct Fixture {
  std::string name{};
  std::string wire{};
};

std::string json_type(const std::string& line) {
  const std::size_t at = line.find("\"type\":\"");
  return at == line.npos ? "" : line.substr(at + 8, line.find('"', at + 8) - at - 8);
}

// *.chunks.txt holds what stands behind "data: " of each event, a line each.
std::string stream_of_chunks(const std::string& name, const std::string& chunks) {
  const bool anthropic = name.find("anthropic") != name.npos;
  std::string wire, line;
  for (const char c : chunks + "\n") {
    if (c != '\n') {
      line += c;
      continue;
    }
    if (!line.empty()) {
      if (anthropic) wire += "event: " + json_type(line) + "\n";
      wire += "data: " + line + "\n\n";
    }
    line.clear();
  }
  return anthropic ? wire : wire + "data: [DONE]\n\n";
}

std::vector<Fixture> fixtures() {
  std::vector<Fixture> all;
  const std::filesystem::path root = INFER_SOURCE_DIR "/../shared/fixtures";
  if (!std::filesystem::exists(root)) return all;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    const std::string name = entry.path().lexically_relative(root).string();
    if (!entry.is_regular_file()) continue;
    if (entry.path().extension() == ".sse" || entry.path().extension() == ".txt") {
      const std::string bytes = slurp(entry.path());
      const bool chunks = name.find(".chunks.txt") != name.npos;
      if (!chunks && bytes.substr(0, 1) == "{") continue;  // an answer in one piece
      all.push_back({name, chunks ? stream_of_chunks(name, bytes) : bytes});
    }
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return all;
}

// The events that come, compared one by one as they come; the number of them that agree.
class Checker {
 public:
  explicit Checker(const SseTranscript& want) : want_(want) {}
  // False: something is not as it should be.
  bool drain(SseDecoder& decoder) {
    for (;;) {
      const Step step = decoder.next();
      if (step != Step::kEvent) return step == Step::kMore;
      const std::size_t i = decoder.count() - 1;
      if (i >= want_.events.size()) return false;
      const SseRecord& want = want_.events[i];
      const SseEvent& event = decoder.event();
      if (event.data != want.data || event.type != want.type || event.id != want.id) return false;
    }
  }
  bool complete(const SseDecoder& decoder) const {
    return decoder.count() == want_.events.size() && decoder.retry() == want_.retry &&
           decoder.pending_data() == want_.pending;
  }

 private:
  const SseTranscript& want_;
};

// A decoder that has read up to some offset, for ascending offsets: what was read before is not
// read again.
class Prefix {
 public:
  Prefix(std::string_view wire, Checker& checker) : wire_(wire), checker_(checker) {}
  bool up_to(std::size_t offset) {
    decoder_.feed(wire_.substr(at_, offset - at_));
    at_ = offset;
    return checker_.drain(decoder_);
  }
  SseDecoder and_the_rest() const {
    SseDecoder copy = decoder_;
    copy.feed(wire_.substr(at_));
    return copy;
  }

 private:
  std::string_view wire_;
  Checker& checker_;
  SseDecoder decoder_{};
  std::size_t at_ = 0;
};

class SseFixtures : public testing::Test {
 protected:
  void SetUp() override {
    all_ = fixtures();
    if (all_.empty()) GTEST_SKIP() << "no recorded streams beside this checkout";
  }
  std::vector<Fixture> all_;
};

constexpr std::size_t kSmall = 16 * 1024;

TEST_F(SseFixtures, AgreeWithTheOracle) {
  std::size_t events = 0;
  for (const Fixture& fixture : all_) {
    const SseTranscript want = SseOracle::read(fixture.wire);
    EXPECT_FALSE(want.events.empty()) << fixture.name;
    events += want.events.size();
    EXPECT_TRUE(sse_decode(fixture.wire, {}) == want) << fixture.name;
    EXPECT_TRUE(sse_decode(fixture.wire, every_byte(fixture.wire.size())) == want) << fixture.name;
  }
  EXPECT_GE(all_.size(), 80u);
  EXPECT_GE(events, 5000u);
}

TEST_F(SseFixtures, SmallOnesCutInTwoEverywhere) {
  for (const Fixture& fixture : all_) {
    if (fixture.wire.size() > kSmall) continue;
    const SseTranscript want = SseOracle::read(fixture.wire);
    const std::string memory = fixture.wire + std::string(kPadding, '\n');
    Checker checker(want);
    Prefix prefix({memory.data(), fixture.wire.size()}, checker);
    for (std::size_t cut = 0; cut <= fixture.wire.size(); cut += port::kStride) {
      ASSERT_TRUE(prefix.up_to(cut)) << fixture.name << " up to " << cut;
      SseDecoder decoder = prefix.and_the_rest();
      ASSERT_TRUE(checker.drain(decoder) && checker.complete(decoder))
          << fixture.name << " cut at " << cut;
    }
  }
}

// Within 4 bytes of each line's end, and at 2,000 seeded offsets.
TEST_F(SseFixtures, LargeOnesCutInTwoNearLineEndsAndElsewhere) {
  std::mt19937 random(2000);
  for (const Fixture& fixture : all_) {
    const std::size_t size = fixture.wire.size();
    if (size <= kSmall) continue;
    std::vector<std::uint8_t> cuts(size + 1, 0);
    for (std::size_t i = 0; i < size; ++i)
      if (fixture.wire[i] == '\n' || fixture.wire[i] == '\r')
        for (std::size_t k = i < 4 ? 0 : i - 4; k <= std::min(i + 4, size); ++k) cuts[k] = 1;
    for (int i = 0; i < 2000; ++i) cuts[random() % (size + 1)] = 1;
    const SseTranscript want = SseOracle::read(fixture.wire);
    const std::string memory = fixture.wire + std::string(kPadding, '\n');
    Checker checker(want);
    Prefix prefix({memory.data(), size}, checker);
    for (std::size_t cut = 0; cut <= size; cut += port::kStride) {
      if (cuts[cut] == 0) continue;
      ASSERT_TRUE(prefix.up_to(cut)) << fixture.name << " up to " << cut;
      SseDecoder decoder = prefix.and_the_rest();
      ASSERT_TRUE(checker.drain(decoder) && checker.complete(decoder))
          << fixture.name << " cut at " << cut;
    }
  }
}

}  // namespace
}  // namespace infer::http
