#include "grammar.h"

#include <algorithm>

#include "refusal.h"

namespace infer::llama {
namespace {

using Kind = GrammarItem::Kind;

constexpr int32_t kDead = -1, kUnknown = -2;
// Units of work for one token, some ten nanoseconds each.
constexpr std::size_t kMostWork = std::size_t{1} << 23;
constexpr std::size_t kMostPlaces = 8192;                 // of one state
constexpr std::size_t kMostNodes = std::size_t{1} << 20;  // ever at once
constexpr std::size_t kManyNodes = std::size_t{1} << 17;  // then what is not needed is forgotten
constexpr std::size_t kManyStates = 2048;
// A trigger is looked for in so much of what was said last; patterns in less, for the standard
// library's regular expressions recurse on every character.
constexpr std::size_t kKeptText = 16384, kPatternText = 1024;

[[noreturn]] void too_ambiguous(const GrammarSpec& spec) {
  throw field_refusal(INFER_E_INVALID_REQUEST, spec.field,
                      "the grammar is too ambiguous: a text can be read in so many ways that the "
                      "work for one token has no end; repeat nothing that may be empty");
}

}  // namespace

GrammarSpec grammar_of(const OutputForm& output) {
  GrammarSpec spec;
  if (output.kind == OutputForm::Kind::kText) return spec;
  spec.gbnf = output.grammar;
  spec.text_only = true;
  spec.field = output.kind == OutputForm::Kind::kGrammar ? "output.grammar" : "output.schema";
  return spec;
}

Grammar::Grammar(const GrammarSpec& spec, const Vocabulary& vocabulary)
    : spec_(spec), pieces_(vocabulary.pieces()) {
  try {
    rules_ =
        parse_gbnf(spec.gbnf, [&](std::string_view text) { return vocabulary.token_named(text); });
  } catch (const GrammarError& e) {
    throw field_refusal(INFER_E_INVALID_REQUEST, spec.field, e.what());
  }
  for (const GrammarItem& item : rules_.items) {
    if ((item.kind == Kind::kToken || item.kind == Kind::kNotToken) &&
        item.value >= static_cast<uint32_t>(vocabulary.size())) {
      throw field_refusal(INFER_E_INVALID_REQUEST, spec.field,
                          "the model has no token <[" + std::to_string(item.value) + "]>");
    }
  }
  for (const std::string& pattern : spec.trigger_patterns) {
    try {
      patterns_.emplace_back(pattern);
    } catch (const std::regex_error& e) {
      throw field_refusal(INFER_E_INVALID_REQUEST, spec.field,
                          "the trigger " + pattern + " is no regular expression: " + e.what());
    }
  }
}

GrammarState::GrammarState(std::shared_ptr<const Grammar> grammar)
    : grammar_(std::move(grammar)), waiting_(grammar_->spec().lazy) {
  nodes_.push_back({});
  marks_.push_back(0);
  begin_work();
  place_.state = initial();
}

void GrammarState::begin_work() { work_ = 0; }

void GrammarState::spend(std::size_t work) {
  work_ += work;
  if (work_ > kMostWork) too_ambiguous(grammar_->spec());
}

uint32_t GrammarState::node(uint32_t item, uint32_t below) {
  const uint64_t key = (static_cast<uint64_t>(item) << 32) | below;
  const auto found = node_ids_.emplace(key, static_cast<uint32_t>(nodes_.size()));
  if (found.second) {
    if (nodes_.size() >= kMostNodes) too_ambiguous(grammar_->spec());
    nodes_.push_back({item, below});
    marks_.push_back(0);
    spend(8);
  }
  return found.first->second;
}

// Opens rules until only characters, tokens and the empty stack are left.
void GrammarState::close(std::vector<uint32_t> open, std::vector<uint32_t>& out) {
  const GrammarRules& rules = grammar_->rules();
  ++mark_;
  while (!open.empty()) {
    const uint32_t id = open.back();
    open.pop_back();
    if (marks_[id] == mark_) continue;
    marks_[id] = mark_;
    spend(1);
    if (id == 0) {
      out.push_back(0);
      continue;
    }
    const Node at = nodes_[id];
    const GrammarItem& item = rules.items[at.item];
    if (item.kind == Kind::kEnd) {
      open.push_back(at.below);
    } else if (item.kind == Kind::kRule) {
      // After the last item of a sequence there is nothing to come back to.
      const bool last = rules.items[at.item + 1].kind == Kind::kEnd;
      const uint32_t below = last ? at.below : node(at.item + 1, at.below);
      for (const uint32_t begin : rules.alternatives[item.value])
        open.push_back(node(begin, below));
    } else {
      out.push_back(id);
    }
  }
}

const std::vector<uint32_t>& GrammarState::after(uint32_t id) {
  const auto found = after_.find(id);
  if (found != after_.end()) return found->second;
  const Node at = nodes_[id];
  std::vector<uint32_t> out;
  close({node(at.item + 1, at.below)}, out);
  return after_.emplace(id, std::move(out)).first->second;
}

int32_t GrammarState::state_of(std::vector<uint32_t> nodes) {
  if (nodes.empty()) return kDead;
  std::sort(nodes.begin(), nodes.end());
  nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
  if (nodes.size() > kMostPlaces) too_ambiguous(grammar_->spec());
  const auto found = state_ids_.find(nodes);
  if (found != state_ids_.end()) return found->second;
  State state;
  const GrammarRules& rules = grammar_->rules();
  for (const uint32_t id : nodes) {
    if (id == 0) continue;
    const GrammarItem& item = rules.items[nodes_[id].item];
    state.has_tokens |= item.kind != Kind::kChars;
    if (item.kind == Kind::kChars && rules.sets[item.value].overlaps(128, UINT32_MAX))
      state.wide.push_back(id);
  }
  state.next.fill(kUnknown);
  state.nodes = nodes;
  spend(nodes.size() + 64);
  const auto id = static_cast<int32_t>(states_.size());
  states_.push_back(std::move(state));
  state_ids_.emplace(std::move(nodes), id);
  return id;
}

int32_t GrammarState::initial() {
  std::vector<uint32_t> open, out;
  for (const uint32_t begin : grammar_->rules().alternatives[grammar_->rules().root])
    open.push_back(node(begin, 0));
  close(std::move(open), out);
  return state_of(std::move(out));
}

int32_t GrammarState::step(int32_t state, uint32_t character) {
  const auto index = static_cast<std::size_t>(state);
  if (character < 128 && states_[index].next[character] != kUnknown)
    return states_[index].next[character];
  const GrammarRules& rules = grammar_->rules();
  std::vector<uint32_t> out;
  const std::vector<uint32_t>& from = character < 128 ? states_[index].nodes : states_[index].wide;
  for (const uint32_t id : from) {
    if (id == 0) continue;
    const GrammarItem& item = rules.items[nodes_[id].item];
    if (item.kind != Kind::kChars || !rules.sets[item.value].has(character)) continue;
    const std::vector<uint32_t>& next = after(id);
    spend(4 * next.size());  // they will be sorted
    out.insert(out.end(), next.begin(), next.end());
  }
  spend(from.size());
  const int32_t next = state_of(std::move(out));
  if (character < 128) states_[index].next[character] = next;
  return next;
}

bool GrammarState::step(Place& place, unsigned char byte) {
  if (place.more == 0) {
    if (byte < 0x80) {
      place.state = step(place.state, byte);
      return place.state != kDead;
    }
    if (byte < 0xC2 || byte > 0xF4) return false;
    place.more = byte >= 0xF0 ? 3 : byte >= 0xE0 ? 2 : 1;
    place.least = place.more == 3 ? 0x10000 : place.more == 2 ? 0x800 : 0x80;
    place.value = byte & (0x3Fu >> place.more);
    return true;
  }
  if ((byte & 0xC0) != 0x80) return false;
  place.value = (place.value << 6) | (byte & 0x3Fu);
  if (--place.more > 0) return true;
  if (place.value < place.least || place.value > 0x10FFFF) return false;
  place.state = step(place.state, place.value);
  return place.state != kDead;
}

// A token may end within a character if one of those that can come of it is allowed.
bool GrammarState::may_stop(const Place& place) const {
  if (place.more == 0) return true;
  const int shift = 6 * place.more;
  const uint32_t low = std::max(place.value << shift, place.least);
  const uint32_t high = std::min((place.value << shift) | ((1u << shift) - 1), 0x10FFFFu);
  if (low > high) return false;
  const GrammarRules& rules = grammar_->rules();
  const State& state = states_[static_cast<std::size_t>(place.state)];
  return std::any_of(state.wide.begin(), state.wide.end(), [&](uint32_t id) {
    return rules.sets[rules.items[nodes_[id].item].value].overlaps(low, high);
  });
}

bool GrammarState::walk(Place& place, std::string_view bytes) {
  for (const char c : bytes) {
    spend(1);
    if (!step(place, static_cast<unsigned char>(c))) return false;
  }
  return may_stop(place);
}

// Where <name> and !<name> lead; kDead if nowhere.
int32_t GrammarState::step_token(int32_t state, llama_token token) {
  const auto index = static_cast<std::size_t>(state);
  // A token that ends a reply ends it, whatever the grammar says of it.
  if (!states_[index].has_tokens || grammar_->pieces().ends_reply(token)) return kDead;
  const GrammarRules& rules = grammar_->rules();
  std::vector<uint32_t> out;
  for (const uint32_t id : states_[index].nodes) {
    if (id == 0) continue;
    const GrammarItem& item = rules.items[nodes_[id].item];
    const bool same = item.value == static_cast<uint32_t>(token);
    if (!(item.kind == Kind::kToken && same) && !(item.kind == Kind::kNotToken && !same)) continue;
    const std::vector<uint32_t>& next = after(id);
    out.insert(out.end(), next.begin(), next.end());
  }
  return state_of(std::move(out));
}

std::optional<GrammarState::Place> GrammarState::after_token(const Place& place,
                                                             llama_token token) {
  const TokenPieces& pieces = grammar_->pieces();
  if (pieces.ends_reply(token) && place.more == 0) {
    const State& state = states_[static_cast<std::size_t>(place.state)];
    if (state.nodes.front() == 0) return place;
  }
  const int32_t by_id = place.more == 0 ? step_token(place.state, token) : kDead;
  Place by_text = place;
  const bool text = !pieces.ends_reply(token) && !pieces.bytes(token).empty() &&
                    !(grammar_->spec().text_only && pieces.is_control(token)) &&
                    walk(by_text, pieces.bytes(token));
  if (by_id == kDead) return text ? std::optional<Place>(by_text) : std::nullopt;
  Place out;
  out.state = by_id;
  if (text && by_text.more == 0) {
    std::vector<uint32_t> both = states_[static_cast<std::size_t>(by_id)].nodes;
    const auto& other = states_[static_cast<std::size_t>(by_text.state)].nodes;
    both.insert(both.end(), other.begin(), other.end());
    out.state = state_of(std::move(both));
  }
  return out;
}

// Where a trigger begins in said_, whose last token is new.
std::optional<std::size_t> GrammarState::find_trigger() const {
  const GrammarSpec& spec = grammar_->spec();
  const std::size_t fresh = tokens_said_.back().begin;
  for (const std::string& word : spec.trigger_words) {
    const std::size_t from = fresh >= word.size() ? fresh - word.size() + 1 : 0;
    const std::size_t at = word.empty() ? std::string::npos : said_.find(word, from);
    if (at != std::string::npos) return at;
  }
  const std::size_t begin = said_.size() > kPatternText ? said_.size() - kPatternText : 0;
  const auto flags =
      begin > 0 || cut_ ? std::regex_constants::match_not_bol : std::regex_constants::match_default;
  for (const std::regex& pattern : grammar_->patterns()) {
    std::smatch match;
    if (!std::regex_search(said_.begin() + static_cast<long>(begin), said_.end(), match, pattern,
                           flags)) {
      continue;
    }
    for (std::size_t i = 1; i < match.size(); ++i) {
      if (match.length(i) > 0) return begin + static_cast<std::size_t>(match.position(i));
    }
    return begin + static_cast<std::size_t>(match.position(0));
  }
  return std::nullopt;
}

// Where the token leads if it makes a trigger complete (hit); nullopt if the grammar refuses what
// was said from the trigger's beginning on. The token has been added to what was said.
std::optional<GrammarState::Place> GrammarState::triggered(llama_token token, bool& hit) {
  const auto& ids = grammar_->spec().trigger_tokens;
  hit = std::find(ids.begin(), ids.end(), token) != ids.end();
  if (hit) return after_token(place_, token);
  const std::optional<std::size_t> start = find_trigger();
  hit = start.has_value();
  if (!hit) return std::nullopt;
  std::optional<Place> place = place_;
  for (std::size_t i = 0; place && i < tokens_said_.size(); ++i) {
    const std::size_t end = i + 1 < tokens_said_.size() ? tokens_said_[i + 1].begin : said_.size();
    if (end <= *start) continue;
    if (tokens_said_[i].begin >= *start) {
      place = after_token(*place, tokens_said_[i].token);
    } else if (!walk(*place, std::string_view(said_).substr(*start, end - *start))) {
      place.reset();
    }
  }
  return place;
}

bool GrammarState::allows(llama_token token) {
  begin_work();
  if (!waiting_) return after_token(place_, token).has_value();
  const TokenPieces& pieces = grammar_->pieces();
  const std::size_t size = said_.size();
  tokens_said_.push_back({token, size});
  said_ += pieces.bytes(token);
  bool hit = false;
  const bool fits = triggered(token, hit).has_value();
  said_.resize(size);
  tokens_said_.pop_back();
  return !hit || fits;
}

void GrammarState::accept(llama_token token) {
  begin_work();
  if (waiting_) {
    tokens_said_.push_back({token, said_.size()});
    said_ += grammar_->pieces().bytes(token);
    bool hit = false;
    const std::optional<Place> place = triggered(token, hit);
    if (hit) {
      waiting_ = false;
      said_.clear();
      tokens_said_.clear();
      if (place) place_ = *place;
    } else if (said_.size() > 2 * kKeptText) {
      cut_ = true;
      const std::size_t gone = said_.size() - kKeptText;
      said_.erase(0, gone);
      const auto kept = std::find_if(tokens_said_.begin(), tokens_said_.end(),
                                     [&](const Said& said) { return said.begin >= gone; });
      tokens_said_.erase(tokens_said_.begin(), kept);
      for (Said& said : tokens_said_) said.begin -= gone;
    }
    return;
  }
  if (const std::optional<Place> place = after_token(place_, token)) place_ = *place;
  if (nodes_.size() > kManyNodes || states_.size() > kManyStates) forget();
}

const std::vector<uint8_t>* GrammarState::allowed() {
  if (waiting_) return nullptr;
  begin_work();
  const TokenPieces& pieces = grammar_->pieces();
  const auto& order = pieces.by_bytes();
  allowed_.assign(pieces.size(), 0);
  // places[n]: after n bytes of the token before; they are known up to `alive`.
  std::vector<Place> places{place_};
  std::size_t alive = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const std::string_view bytes = pieces.bytes(order[i]);
    const std::size_t shared = pieces.shared(i);
    if (shared > alive) continue;  // dies where the one before died
    alive = shared;
    places.resize(alive + 1);
    Place place = places.back();
    while (alive < bytes.size()) {
      spend(1);
      if (!step(place, static_cast<unsigned char>(bytes[alive]))) break;
      places.push_back(place);
      ++alive;
    }
    const bool hidden =
        pieces.ends_reply(order[i]) || (grammar_->spec().text_only && pieces.is_control(order[i]));
    if (alive == bytes.size() && !hidden && may_stop(place))
      allowed_[static_cast<std::size_t>(order[i])] = 1;
  }
  if (states_[static_cast<std::size_t>(place_.state)].has_tokens && place_.more == 0) {
    for (std::size_t token = 0; token < allowed_.size(); ++token) {
      if (step_token(place_.state, static_cast<llama_token>(token)) != kDead) allowed_[token] = 1;
    }
  }
  if (complete()) {
    for (const llama_token token : pieces.ending()) allowed_[static_cast<std::size_t>(token)] = 1;
  }
  return &allowed_;
}

bool GrammarState::complete() const {
  return waiting_ ||
         (place_.more == 0 && states_[static_cast<std::size_t>(place_.state)].nodes.front() == 0);
}

// Keeps only the stacks of the state that the answer is in.
void GrammarState::forget() {
  const std::vector<Node> nodes = std::move(nodes_);
  const std::vector<uint32_t> kept = states_[static_cast<std::size_t>(place_.state)].nodes;
  nodes_.assign(1, {});
  marks_.assign(1, 0);
  mark_ = 0;
  node_ids_.clear();
  after_.clear();
  states_.clear();
  state_ids_.clear();
  std::unordered_map<uint32_t, uint32_t> moved{{0, 0}};
  std::vector<uint32_t> path, out;
  for (const uint32_t id : kept) {
    path.clear();
    for (uint32_t at = id; moved.find(at) == moved.end(); at = nodes[at].below) path.push_back(at);
    for (; !path.empty(); path.pop_back()) {
      const Node& old = nodes[path.back()];
      moved[path.back()] = node(old.item, moved[old.below]);
    }
    out.push_back(moved[id]);
  }
  place_.state = state_of(std::move(out));
}

}  // namespace infer::llama
