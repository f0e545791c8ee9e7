#include "src/cloud/openai/chat_reader.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "src/cloud/object_writer.h"
#include "src/cloud/openai/openai.h"
#include "src/cloud/rate_limits.h"
#include "src/cloud/raw_json.h"

namespace infer::cloud {
namespace {

using core::Json;

constexpr std::string_view kXGroq = "x_groq";
constexpr std::int64_t kMaxChoiceIndex = 1023;
constexpr std::size_t kMaxSeen = 256;               // names of members that are not known
constexpr std::size_t kMaxFactBytes = 1024 * 1024;  // of such members, before and after the start

void add_fact(std::string& members, std::string_view name, std::string_view raw) {
  members += members.empty() ? "" : ",";
  append_json_string(members, name);
  members += ':';
  members += raw;
}

std::optional<std::int64_t> figure(const Json& usage, std::string_view key) {
  const auto number = core::int_at(usage, key);
  return number && *number >= 0 ? number : std::nullopt;
}

std::optional<std::int64_t> figure(const Json& usage, std::string_view group,
                                   std::string_view key) {
  const Json* details = core::find(usage, group);
  return details ? figure(*details, key) : std::nullopt;
}

std::optional<double> time_figure(const Json& usage, std::string_view key) {
  const Json* value = core::find(usage, key);
  return value && value->is_number() ? std::optional(value->get<double>()) : std::nullopt;
}

// Nothing for what is no time that an answer can take.
std::optional<std::chrono::nanoseconds> time_of(std::optional<double> told) {
  constexpr double kMost = 366 * 86400.0;
  if (!told || !(*told >= 0 && *told <= kMost)) return std::nullopt;
  return std::chrono::nanoseconds(static_cast<std::int64_t>(std::round(*told * 1e9)));
}

}  // namespace

std::optional<Usage> chat_usage(const Json& usage, std::string_view raw) {
  ChatFigures figures;
  figures.prompt = figure(usage, "prompt_tokens");
  figures.completion = figure(usage, "completion_tokens");
  figures.total = figure(usage, "total_tokens");
  figures.cached = figure(usage, "prompt_tokens_details", "cached_tokens");
  figures.cache_write = figure(usage, "prompt_tokens_details", "cache_write_tokens");
  figures.cache_hit = figure(usage, "prompt_cache_hit_tokens");
  figures.reasoning = figure(usage, "completion_tokens_details", "reasoning_tokens");
  figures.queue = time_figure(usage, "queue_time");
  figures.prefill = time_figure(usage, "prompt_time");
  figures.decode = time_figure(usage, "completion_time");
  return chat_usage(figures, raw);
}

std::optional<Usage> chat_usage(const ChatFigures& figures, std::string_view raw) {
  Usage found;
  found.input = figures.prompt;
  found.output = figures.completion;
  found.cache_read = figures.cached ? figures.cached : figures.cache_hit;
  found.cache_write = figures.cache_write;
  found.reasoning = figures.reasoning;
  found.timing.queue = time_of(figures.queue);
  found.timing.prefill = time_of(figures.prefill);
  found.timing.decode = time_of(figures.decode);
  const auto total = figures.total;
  // xAI leaves the reasoning out of completion_tokens; the total tells.
  if (total && found.input && found.output && found.reasoning && *found.reasoning > 0 &&
      *total - *found.input - *found.reasoning == *found.output)
    *found.output += *found.reasoning;
  if (!found.input && !found.output) return std::nullopt;
  found.raw = raw;
  return found;
}

void ChatReader::head(const http::HttpHead& head) {
  head_ = &head;
  if (const std::string* id = head.find("x-request-id")) meta_.request_id = *id;
  meta_.rate_limits = typed_rate_limits(head, dialect_.windows);
  if (const std::string limits = rate_limits(head, "x-ratelimit-"); !limits.empty())
    add_fact(start_facts_, "rate_limits", limits);
}

std::optional<Error> ChatReader::event(std::string_view type, std::string_view data,
                                       EventQueue& out) {
  ++events_;
  if (done_) return std::nullopt;
  if (path_ == Path::kTemplates && type != "error") {
    DeltaHoles holes;
    if (const Meaning* meaning = templates_.match(data, holes, http::kPadding))
      if (plain(*meaning, holes[0], out)) return std::nullopt;
  }
  const std::string_view text = trimmed_json(data);
  if (text.empty()) return std::nullopt;
  if (text == "[DONE]") return mark_of_the_end();
  if (type == "error") return server_error(text);
  if (path_ != Path::kFull && read_plain(data, out)) return std::nullopt;
  return full(text, out);
}

ChatChoice* ChatReader::find_choice(std::uint32_t index) {
  if (last_ && last_index_ == index) return last_;
  const auto found = choices_.find(index);
  if (found == choices_.end()) return nullptr;
  last_index_ = index;
  last_ = &found->second;
  return last_;
}

bool ChatReader::plain(const Meaning& meaning, std::string_view inside, EventQueue& out) {
  ChatChoice* const choice = find_choice(meaning.choice);
  if (!choice) return false;
  if (!has_escapes(inside)) return choice->plain(meaning.field, meaning.call, inside, true, out);
  scratch_.clear();
  append_unescaped(scratch_, inside);
  return choice->plain(meaning.field, meaning.call, scratch_, false, out);
}

bool ChatReader::read_plain(std::string_view data, EventQueue& out) {
  PlainDelta delta;
  if (!read_plain_delta(data, seen_, delta)) return false;
  if (delta.is_piece_alone()) {
    if (!started_ && delta.model.empty()) return false;
    const auto choice = choices_.find(delta.choice);
    const bool knows = choice != choices_.end() &&
                       std::all_of(delta.choice_facts.begin(), delta.choice_facts.end(),
                                   [&](const PlainDelta::Fact& fact) {
                                     return choice->second.has_fact(fact.name, fact.raw);
                                   });
    const Meaning meaning{delta.choice, delta.field, delta.call};
    if (knows && plain(meaning, delta.inside, out)) {
      if (path_ == Path::kTemplates) learn(data, delta);
      return true;
    }
  }
  return apply_plain(delta, out);
}

void ChatReader::learn(std::string_view data, const PlainDelta& delta) {
  const Meaning meaning{delta.choice, delta.field, delta.call};
  if (delta.obfuscation.data())
    templates_.learn(data, {delta.inside, delta.obfuscation}, meaning);
  else
    templates_.learn(data, {delta.inside}, meaning);
}

// What answer() does with the same event. False, and nothing is done: it is for the full parser.
bool ChatReader::apply_plain(const PlainDelta& delta, EventQueue& out) {
  if (delta.has_piece && delta.field == DeltaField::kArguments) return false;
  if (delta.choice_facts.count != 0 || delta.choice >= n_) return false;
  if (delta.facts.count + seen_.size() > kMaxSeen || (started_ && delta.facts.count != 0))
    return false;
  std::optional<Usage> figures;
  if (!delta.usage.empty()) {
    figures = chat_usage(delta.figures, delta.usage);
    if (!figures) return false;
  }
  if (!started_ && meta_.response_id.empty()) meta_.response_id = delta.id;
  for (const PlainDelta::Fact& fact : delta.facts) note_fact(fact.name, fact.raw);
  note_model(delta.model, out);
  if (delta.has_choice) {
    start(out);
    ChatChoice& choice = choices_.try_emplace(delta.choice, delta.choice).first->second;
    scratch_.clear();
    append_unescaped(scratch_, delta.inside);
    if (delta.has_piece && choice.text(delta.field, scratch_, out)) return false;
    choice.set_finish(delta.finish);
  }
  if (!figures) return true;
  start(out);
  out.usage(std::move(*figures));
  return true;
}

std::optional<Error> ChatReader::mark_of_the_end() {
  const bool proves = dialect_.done_proves && !choices_.empty();
  if (!proves && !all_finished())
    return Error(Errc::kTruncated,
                 "the stream said [DONE] without a finish_reason for every answer: it may be cut")
        .with_provider(model_.provider)
        .with_retry(RetryHint::kAmbiguous);
  done_ = true;
  return missing_choices();
}

// How many answers come is a promise, which a server that does not know "n" breaks.
std::optional<Error> ChatReader::missing_choices() const {
  if (choices_.size() >= n_) return std::nullopt;
  return Error(Errc::kProtocol, "n: " + std::to_string(n_) + " answers were asked for, " +
                                    std::to_string(choices_.size()) +
                                    " came; this server or model does not give several")
      .with_provider(model_.provider)
      .with_detail("field", "n");
}

// ---- the full parser

std::optional<Error> ChatReader::full(std::string_view data, EventQueue& out) {
  std::string repaired;
  const auto json = parse_lenient(data, repaired);
  if (!json) return wrong(json.error().message(), data);
  return answer(*json, data, out);
}

std::optional<Error> ChatReader::answer(const Json& json, std::string_view raw, EventQueue& out) {
  if (!json.is_object()) return wrong("it is not a JSON object", raw);
  const Json* error = core::find(json, "error");
  // vLLM had "object" before it had "error".
  if ((error && !says_nothing(*error)) || core::string_or(json, "object") == "error")
    return server_error(raw);
  if (auto stopped = stopped_early(json, raw)) return stopped;
  note_facts(json, raw);
  note_model(core::string_or(json, "model"), out);
  if (const Json* list = core::find(json, "choices"); list && !list->is_null())
    if (auto bad = choices(*list, raw_member(raw, "choices").value_or("[]"), out)) return bad;
  note_usage(json, raw, out);
  return std::nullopt;
}

// Groq says in a member of its own why it gives up on a stream.
std::optional<Error> ChatReader::stopped_early(const Json& json, std::string_view raw) const {
  const Json* groq = core::find(json, kXGroq);
  const Json* error = groq ? core::find(*groq, "error") : nullptr;
  if (!error || says_nothing(*error)) return std::nullopt;
  return server_error(raw_member(raw, kXGroq).value_or("{}"));
}

Error ChatReader::server_error(std::string_view body) const {
  return provider_error(model_.provider, *head_, body, openai_complaint(body));
}

Error ChatReader::wrong(std::string_view what, std::string_view bytes) const {
  return bad_answer(model_.provider, what, events_, bytes);
}

std::optional<Error> ChatReader::choices(const Json& list, std::string_view raw, EventQueue& out) {
  if (!list.is_array()) return wrong("\"choices\" is not a list", raw);
  const auto elements = raw_elements(raw);
  for (std::size_t i = 0; i < list.size() && i < elements.size(); ++i) {
    const Json& entry = list[i];
    if (!entry.is_object()) return wrong("an entry of \"choices\" is not an object", raw);
    auto index = static_cast<std::int64_t>(i);
    if (const Json* given = core::find(entry, "index"); given && !given->is_null())
      index = core::int_at(entry, "index").value_or(-1);
    if (index < 0 || index > kMaxChoiceIndex)
      return wrong("the index of a choice is not a number from 0 to 1023", elements[i]);
    if (index >= static_cast<std::int64_t>(n_))
      return wrong(
          "it holds choice " + std::to_string(index) + ", asked for were " + std::to_string(n_),
          elements[i]);
    start(out);
    const auto at = static_cast<std::uint32_t>(index);
    ChatChoice& choice = choices_.try_emplace(at, at).first->second;
    if (auto what = choice.read(entry, elements[i], out)) return wrong(*what, elements[i]);
    // A template knows what was new when it was learnt, not what has come since.
    if (choice.facts_changed()) templates_.clear();
  }
  return std::nullopt;
}

// Members of the answer that have no place of their own.
void ChatReader::note_facts(const Json& json, std::string_view raw) {
  if (!started_ && meta_.response_id.empty()) meta_.response_id = core::string_or(json, "id");
  for (const RawMember& member : raw_members(raw)) {
    const std::string& name = member.key;
    if (name == kXGroq) {
      if (const Json* groq = core::find(json, name)) note_groq(*groq, member.value);
      continue;
    }
    if (name == "choices" || name == "usage" || name == "id" || name == "model" ||
        name == "object" || name == "obfuscation" || is_seen(name))
      continue;
    const Json* value = core::find(json, name);
    if (!value || says_nothing(*value) || (name == "created" && *value == 0)) continue;
    note_fact(name, member.value);
  }
}

// Of one that comes again, the members that are new: "id" and "seed" stand in the first event of a
// stream, other things in the last.
void ChatReader::note_groq(const Json& groq, std::string_view raw) {
  if (!started_ && meta_.request_id.empty()) meta_.request_id = core::string_or(groq, "id");
  ObjectWriter fresh;
  for (const RawMember& member : raw_members(raw)) {
    const std::string name = std::string(kXGroq) + '.' + member.key;
    if (member.key == "usage" || is_seen(name) || seen_.size() >= kMaxSeen) continue;
    seen_.push_back(name);
    fresh.raw(member.key, std::string(member.value));
  }
  if (fresh.object().empty()) return;
  note_fact(kXGroq, fresh.str());
}

bool ChatReader::is_seen(std::string_view name) const {
  return std::find(seen_.begin(), seen_.end(), name) != seen_.end();
}

void ChatReader::note_fact(std::string_view name, std::string_view raw) {
  if (seen_.size() >= kMaxSeen) return;
  const std::string& facts = started_ ? late_facts_ : start_facts_;
  if (facts.size() + name.size() + raw.size() > kMaxFactBytes) return;
  seen_.emplace_back(name);
  add_fact(started_ ? late_facts_ : start_facts_, name, raw);
}

void ChatReader::note_model(std::string_view model, EventQueue& out) {
  if (model.empty() || started_) return;
  meta_.model = model;
  start(out);
}

void ChatReader::note_usage(const Json& json, std::string_view raw, EventQueue& out) {
  const Json* usage = core::find(json, "usage");
  std::string_view bytes = raw_member(raw, "usage").value_or("null");
  if (!usage || says_nothing(*usage)) {  // Groq, in streams, at times only there
    const Json* groq = core::find(json, kXGroq);
    usage = groq ? core::find(*groq, "usage") : nullptr;
    if (usage) bytes = raw_member(raw_member(raw, kXGroq).value_or("{}"), "usage").value_or("");
  }
  if (!usage || !usage->is_object()) return note_usage_of_choice(json, raw, out);
  auto figures = chat_usage(*usage, bytes);
  if (!figures) return;
  start(out);
  out.usage(std::move(*figures));
}

// Moonshot puts the figures into the choice that ends.
void ChatReader::note_usage_of_choice(const Json& json, std::string_view raw, EventQueue& out) {
  const Json* list = core::find(json, "choices");
  if (!list || !list->is_array()) return;
  const auto elements = raw_elements(raw_member(raw, "choices").value_or("[]"));
  for (std::size_t i = 0; i < list->size() && i < elements.size(); ++i) {
    const Json* usage = core::find((*list)[i], "usage");
    if (!usage || !usage->is_object()) continue;
    if (auto figures = chat_usage(*usage, raw_member(elements[i], "usage").value_or("{}")))
      out.usage(std::move(*figures));
  }
}

void ChatReader::start(EventQueue& out) {
  if (std::exchange(started_, true)) return;
  if (!is_seen("created")) seen_.emplace_back("created");  // later ones tell nothing
  if (!start_facts_.empty()) meta_.extra = "{" + std::exchange(start_facts_, {}) + "}";
  out.start(std::exchange(meta_, {}));
}

// ---- whole answers

bool ChatReader::whole_plain(std::string_view body, EventQueue& out) {
  std::string padded;
  padded.reserve(body.size() + http::kPadding);
  padded.append(body).append(http::kPadding, '\0');
  PlainDelta answer;
  return read_plain_answer(std::string_view(padded).substr(0, body.size()), answer) &&
         answer.has_choice && apply_plain(answer, out);
}

std::optional<Error> ChatReader::whole(std::string_view body, EventQueue& out) {
  body = trimmed_json(body);
  if (path_ == Path::kFull || !whole_plain(body, out))
    if (auto error = full(body, out)) return error;
  if (choices_.empty()) return wrong("it has no \"choices\"", body);
  done_ = true;
  return missing_choices();
}

// ---- the end

bool ChatReader::all_finished() const {
  return choices_.size() >= n_ &&
         std::all_of(choices_.begin(), choices_.end(),
                     [](const auto& choice) { return choice.second.finished(); });
}

bool ChatReader::proven() const { return done_ || all_finished(); }

void ChatReader::close(EventQueue& out) {
  start(out);
  bool first = true;
  for (auto& [index, choice] : choices_) {
    choice.end_parts(std::exchange(first, false) ? late_facts_ : std::string(), out);
    choice.put_finish(out);
  }
}

}  // namespace infer::cloud
