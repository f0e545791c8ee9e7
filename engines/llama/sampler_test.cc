// Samplers: each changes what can be drawn as its definition says, seeds, extremes,
// log-probabilities, and how the settings of a request are read. The logits are those of the
// repository's model after a real prompt, made so flat that the likeliest token has a chance of
// 0.2: however sure of itself a model is, there is then something to choose from.
#include "sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <numeric>
#include <set>

#include "logprobs.h"
#include "request.h"
#include "vocab_fixture.h"

namespace infer::llama {
namespace {

using Tokens = std::vector<llama_token>;
using Set = std::set<llama_token>;

constexpr int32_t kContext = 256;

// A context of the tiny model that goes on from a prompt.
class Writer {
 public:
  explicit Writer(const std::string& prompt) : prompt_(tiny_vocabulary().tokenize_plain(prompt)) {
    llama_context_params params = llama_context_default_params();
    params.n_ctx = params.n_batch = kContext;
    params.n_threads = params.n_threads_batch = 1;
    context_.reset(llama_init_from_model(tiny_model(), params));
    feed(prompt_);
  }
  void feed(Tokens tokens) {
    ASSERT_EQ(llama_decode(context_.get(),
                           llama_batch_get_one(tokens.data(), static_cast<int32_t>(tokens.size()))),
              0);
  }
  std::vector<float> logits() const {
    const float* begin = llama_get_logits_ith(context_.get(), -1);
    return std::vector<float>(begin, begin + tiny_vocabulary().size());
  }
  // The answer's tokens, until the model ends it or there are so many.
  Tokens answer(Sampler sampler, int most) {
    Tokens out;
    while (static_cast<int>(out.size()) < most) {
      out.push_back(sampler.next(context_.get(), -1));
      if (tiny_vocabulary().ends_reply(out.back())) break;
      feed({out.back()});
    }
    return out;
  }
  const Tokens& prompt() const { return prompt_; }

 private:
  struct Free {
    void operator()(llama_context* context) const { llama_free(context); }
  };
  std::unique_ptr<llama_context, Free> context_;
  Tokens prompt_;
};

double chance_of_best(const std::vector<float>& logits, double scale) {
  const double highest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp((logit - highest) * scale);
  return 1 / sum;
}

const std::vector<float>& real_logits() {
  static const std::vector<float> logits = [] {
    std::vector<float> flat = Writer("The cat is").logits();
    double low = 0, high = 1;
    for (int i = 0; i < 40; ++i) {
      const double scale = (low + high) / 2;
      (chance_of_best(flat, scale) > 0.2 ? high : low) = scale;
    }
    for (float& logit : flat) logit = static_cast<float>(logit * low);
    return flat;
  }();
  return logits;
}

std::string text_of(const Tokens& tokens) {
  std::string out;
  for (const llama_token token : tokens) tiny_vocabulary().append_piece(token, out);
  return out;
}

llama_token argmax(const std::vector<float>& logits) {
  return static_cast<llama_token>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

llama_token draw(const Sampling& how, const std::vector<float>& logits = real_logits(),
                 const Tokens& prompt = {}, uint32_t choice = 0) {
  return Sampler(how, {}, tiny_vocabulary(), prompt, choice).next(logits.data());
}

Sampling hot() {
  Sampling how;
  how.temperature = 1000;  // all that is left is nearly equally likely
  return how;
}

// What the first draws of many seeds give.
Set reached(Sampling how, int seeds = 600) {
  Set out;
  for (int seed = 0; seed < seeds; ++seed) {
    how.seed = static_cast<uint64_t>(seed);
    out.insert(draw(how));
  }
  return out;
}

struct Likely {
  llama_token token;
  double p;
};
std::vector<Likely> by_probability() {
  const auto& logits = real_logits();
  const double highest = logits[static_cast<std::size_t>(argmax(logits))];
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - highest);
  std::vector<Likely> out;
  for (std::size_t i = 0; i < logits.size(); ++i)
    out.push_back({static_cast<llama_token>(i), std::exp(logits[i] - highest) / sum});
  std::stable_sort(out.begin(), out.end(), [](auto& a, auto& b) { return a.p > b.p; });
  return out;
}

TEST(Samplers, TheTruncatingOnesLeaveWhatTheirDefinitionSays) {
  const std::vector<Likely> all = by_probability();
  Sampling top_k = hot();
  top_k.top_k = 7;
  Set expected;
  for (int i = 0; i < 7; ++i) expected.insert(all[static_cast<std::size_t>(i)].token);
  EXPECT_EQ(reached(top_k), expected);

  Sampling top_p = hot();
  top_p.top_p = 0.8;
  expected.clear();
  double sum = 0;
  for (const Likely& each : all) {
    expected.insert(each.token);
    if ((sum += each.p) >= 0.8) break;
  }
  EXPECT_EQ(reached(top_p, 4000), expected);

  Sampling min_p = hot();
  min_p.min_p = 0.1;
  expected.clear();
  for (const Likely& each : all) {
    if (each.p >= 0.1 * all[0].p) expected.insert(each.token);
  }
  EXPECT_EQ(reached(min_p), expected);
  EXPECT_GT(expected.size(), 1u);
}

TEST(Samplers, TopNSigmaAndTypical) {
  const auto& logits = real_logits();
  const double mean =
      std::accumulate(logits.begin(), logits.end(), 0.0) / static_cast<double>(logits.size());
  double squares = 0;
  for (const float logit : logits) squares += (logit - mean) * (logit - mean);
  const double deviation = std::sqrt(squares / static_cast<double>(logits.size()));
  const double highest = logits[static_cast<std::size_t>(argmax(logits))];
  Sampling how = hot();
  how.top_n_sigma = 1.5;
  Set expected;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (logits[i] >= highest - 1.5 * deviation) expected.insert(static_cast<llama_token>(i));
  }
  EXPECT_EQ(reached(how), expected);
  EXPECT_LT(expected.size(), 100u);

  std::vector<Likely> all = by_probability();
  double entropy = 0;
  for (const Likely& each : all) entropy -= each.p * std::log(each.p);
  std::stable_sort(all.begin(), all.end(), [&](auto& a, auto& b) {
    return std::fabs(-std::log(a.p) - entropy) < std::fabs(-std::log(b.p) - entropy);
  });
  Sampling typical = hot();
  typical.typical_p = 0.5;
  expected.clear();
  double sum = 0;
  for (const Likely& each : all) {
    expected.insert(each.token);
    if ((sum += each.p) > 0.5) break;
  }
  EXPECT_EQ(reached(typical), expected);
  // A token that is ruled out does not disturb the entropy of the others.
  typical.logit_bias = {{by_probability().back().token, -1e6f}};
  EXPECT_EQ(reached(typical), expected);
}

TEST(Samplers, XtcTakesTheLikeliestAway) {
  const std::vector<Likely> all = by_probability();
  Sampling how = hot();
  how.top_k = 10;
  how.xtc_probability = 1;
  double kept = 0;
  for (std::size_t i = 0; i < 10; ++i) kept += all[i].p;
  // Three tokens are that likely among those that top_k left: the last of them stays.
  how.xtc_threshold = (all[2].p + all[3].p) / 2 / kept;
  Set expected;
  for (std::size_t i = 2; i < 10; ++i) expected.insert(all[i].token);
  EXPECT_EQ(reached(how), expected);
  how.xtc_probability = 0;
  EXPECT_EQ(reached(how).size(), 10u);
}

TEST(Samplers, MirostatCutsAtItsSurprise) {
  Sampling how;
  how.temperature = 1;
  how.mirostat = 2;
  how.mirostat_tau = 1;  // the first draw may surprise by 2 * tau bits
  Set allowed;
  for (const Likely& each : by_probability()) {
    if (-std::log2(each.p) <= 2) allowed.insert(each.token);
  }
  if (allowed.empty()) allowed.insert(by_probability()[0].token);
  const Set drawn = reached(how, 200);
  EXPECT_TRUE(std::includes(allowed.begin(), allowed.end(), drawn.begin(), drawn.end()));
  how.mirostat_tau = 8;
  EXPECT_GT(reached(how, 200).size(), allowed.size());
  for (const int version : {1, 2}) {
    how.mirostat = version;
    how.mirostat_tau = 5;
    how.seed = 3;
    const auto once = [&] {
      Writer run("Tell me");
      return run.answer(Sampler(how, {}, tiny_vocabulary(), run.prompt()), 30);
    };
    EXPECT_EQ(once(), once());
  }
}

TEST(Samplers, TopKOfOneIsTheLikeliestAtAnyTemperature) {
  for (const double temperature : {0.001, 0.5, 2.0, 1000.0}) {
    Sampling how;
    how.temperature = temperature;
    how.top_k = 1;
    EXPECT_EQ(reached(how, 20), Set{argmax(real_logits())});
  }
  EXPECT_EQ(draw({}), argmax(real_logits()));
}

TEST(Samplers, TemperatureWidensAndDynamicTemperatureMoves) {
  Sampling how;
  how.temperature = 0.05;
  const std::size_t cold = reached(how, 200).size();
  how.temperature = 3;
  EXPECT_GT(reached(how, 200).size(), cold);
  // A range of 0 is the plain temperature; a range makes another distribution.
  const auto draws = [](Sampling s) {
    Tokens out;
    for (s.seed = 0; *s.seed < 100; ++*s.seed) out.push_back(draw(s));
    return out;
  };
  Sampling plain;
  plain.temperature = 1.5;
  Sampling exponent = plain;
  exponent.dynatemp_exponent = 3;
  EXPECT_EQ(draws(plain), draws(exponent));
  Sampling range = plain;
  range.dynatemp_range = 1.4;
  EXPECT_NE(draws(plain), draws(range));
  EXPECT_NE(draws(range), draws([&] {
              Sampling s = range;
              s.dynatemp_exponent = 3;
              return s;
            }()));
  Sampling unset;
  unset.dynatemp_range = 2;
  EXPECT_GT(reached(unset, 200).size(), 1u) << "the range alone is a temperature";
}

TEST(Samplers, BiasForcesAndForbids) {
  Sampling how = hot();
  const llama_token favourite = argmax(real_logits());
  how.logit_bias = {{500, 1e6f}};
  EXPECT_EQ(reached(how, 30), Set{500});
  how = {};
  how.logit_bias = {{favourite, -1e6f}};
  EXPECT_NE(draw(how), favourite);
  how.temperature = 1;
  EXPECT_EQ(reached(how, 200).count(favourite), 0u);
}

TEST(Samplers, PenaltiesLookAtTheEndOfThePrompt) {
  const llama_token favourite = argmax(real_logits());
  const Tokens prompt = {favourite, favourite, 300, 301};
  const std::pair<const char*, std::function<void(Sampling&)>> kinds[] = {
      {"repeat", [](Sampling& s) { s.repeat_penalty = 1e6; }},
      {"presence", [](Sampling& s) { s.presence_penalty = 1e6; }},
      {"frequency", [](Sampling& s) { s.frequency_penalty = 1e6; }}};
  for (const auto& kind : kinds) {
    Sampling how;
    kind.second(how);
    EXPECT_NE(draw(how, real_logits(), prompt), favourite) << kind.first;
    how.repeat_last_n = -1;
    EXPECT_NE(draw(how, real_logits(), prompt), favourite) << kind.first;
    how.repeat_last_n = 2;  // 300 and 301 alone
    EXPECT_EQ(draw(how, real_logits(), prompt), favourite) << kind.first;
    how.repeat_last_n = 0;
    EXPECT_EQ(draw(how, real_logits(), prompt), favourite) << kind.first;
  }
  // What was drawn counts too.
  Sampling how;
  how.presence_penalty = 1e6;
  Sampler sampler(how, {}, tiny_vocabulary(), {});
  Set seen;
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(seen.insert(sampler.next(real_logits().data())).second);
}

TEST(Samplers, DryForbidsToGoOnRepeating) {
  std::vector<float> logits(static_cast<std::size_t>(tiny_vocabulary().size()), 0);
  logits[403] = 10;
  logits[404] = 9;
  Tokens prompt = {400, 401, 402, 403, 350, 400, 401, 402};
  Sampling how;
  EXPECT_EQ(draw(how, logits, prompt), 403);
  how.dry_multiplier = 20;
  EXPECT_EQ(draw(how, logits, prompt), 404) << "403 would repeat 400 401 402 403";
  how.dry_allowed_length = 10;
  EXPECT_EQ(draw(how, logits, prompt), 403);
  how.dry_allowed_length = 2;
  how.dry_last_n = 4;
  EXPECT_EQ(draw(how, logits, prompt), 403) << "the first time is out of reach";
  how.dry_last_n = -1;
  EXPECT_EQ(draw(how, logits, prompt), 404);
  // A line feed breaks the sequence.
  prompt.insert(prompt.end() - 1, tiny_vocabulary().tokenize_plain("\n")[0]);
  prompt.insert(prompt.begin() + 2, tiny_vocabulary().tokenize_plain("\n")[0]);
  EXPECT_EQ(draw(how, logits, prompt), 403);
}

TEST(Seeds, SameSeedSameTextOtherwiseOthers) {
  Sampling how;
  how.temperature = 4;
  how.seed = 42;
  Writer run("Once");
  const auto once = [&](uint32_t choice) {
    Writer fresh("Once");
    return fresh.answer(Sampler(how, {}, tiny_vocabulary(), {}, choice), 20);
  };
  EXPECT_EQ(once(0), once(0));
  EXPECT_NE(once(0), once(1));
  const Sampler first(how, {}, tiny_vocabulary(), {});
  Writer cloned("Once");
  EXPECT_EQ(cloned.answer(first.clone(1), 20), once(1));
  how.seed.reset();
  std::set<Tokens> texts;
  for (int i = 0; i < 8; ++i) texts.insert(once(0));
  EXPECT_GT(texts.size(), 6u);
  // Seeds that the engine has another meaning for.
  for (const uint64_t seed :
       {uint64_t{0xFFFFFFFF}, uint64_t{0xFFFFFFFE}, UINT64_MAX, uint64_t{0}}) {
    how.seed = seed;
    EXPECT_EQ(once(0), once(0)) << seed;
  }
}

TEST(Samplers, NoExtremeLeadsToNonsense) {
  const std::function<void(Sampling&)> extremes[] = {
      [](Sampling& s) { s.temperature = 1000; },
      [](Sampling& s) { s.temperature = 1e-3; },
      [](Sampling& s) { s.dynatemp_range = 1000, s.dynatemp_exponent = 1000; },
      [](Sampling& s) { s.dynatemp_range = 1e-9, s.dynatemp_exponent = 0, s.temperature = 0; },
      [](Sampling& s) { s.typical_p = 0; },
      [](Sampling& s) { s.typical_p = 0.9, s.logit_bias = {{5, -1e6f}, {6, 1e6f}}; },
      [](Sampling& s) { s.top_n_sigma = 1e-9; },
      [](Sampling& s) { s.top_n_sigma = 1e6, s.typical_p = 0.1; },
      [](Sampling& s) { s.xtc_probability = 1, s.xtc_threshold = 0; },
      [](Sampling& s) { s.min_p = 1; },
      [](Sampling& s) { s.top_p = 1e-9; },
      [](Sampling& s) { s.repeat_penalty = 1e6, s.frequency_penalty = 1e6; },
      [](Sampling& s) { s.repeat_penalty = 1e-3, s.presence_penalty = -1e6; },
      [](Sampling& s) { s.dry_multiplier = 1000, s.dry_base = 1000, s.dry_allowed_length = 0; },
      [](Sampling& s) { s.mirostat = 1, s.mirostat_tau = 0, s.mirostat_eta = 1; },
      [](Sampling& s) { s.mirostat = 1, s.mirostat_tau = 1000, s.mirostat_eta = 1; },
      [](Sampling& s) { s.mirostat = 2, s.mirostat_tau = 0, s.mirostat_eta = 0; },
      [](Sampling& s) { s.mirostat = 2, s.logit_bias = {{5, 1e6f}}; },
  };
  std::vector<std::vector<float>> all(4, real_logits());
  std::fill(all[1].begin(), all[1].end(), 0.0f);
  std::fill(all[2].begin(), all[2].end(), -1e30f);
  all[2][9] = 1e30f;
  std::fill(all[3].begin(), all[3].end(), -std::numeric_limits<float>::infinity());
  all[3][4] = 1;
  for (std::size_t i = 0; i < std::size(extremes); ++i) {
    Sampling how;
    how.temperature = 1;
    how.seed = 1;
    extremes[i](how);
    for (const std::vector<float>& logits : all) {
      Sampler sampler(how, {}, tiny_vocabulary(), {1, 2, 3, 1, 2, 3});
      for (int step = 0; step < 20; ++step) {
        const llama_token token = sampler.next(logits.data());
        ASSERT_TRUE(token >= 0 && token < tiny_vocabulary().size()) << i;
        ASSERT_GT(logits[static_cast<std::size_t>(token)], -std::numeric_limits<float>::infinity());
      }
    }
  }
  std::vector<float> broken = all[1];
  broken[3] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THROW(draw({}, broken), Refusal);
  EXPECT_THROW(draw(hot(), broken), Refusal);
}

GrammarSpec text_grammar(const std::string& gbnf) {
  OutputForm form;
  form.kind = OutputForm::Kind::kGrammar;
  form.grammar = gbnf;
  return grammar_of(form);
}

TEST(SamplerWithGrammar, HoldsTheAnswerToItAndEnds) {
  const GrammarSpec spec = text_grammar("root ::= (\"yes\" | \"no\") \"!\"");
  std::set<std::string> texts;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    Sampling how;
    how.temperature = seed == 0 ? 0 : 2;
    how.seed = seed;
    Writer run("Is it?");
    const Tokens answer = run.answer(Sampler(how, spec, tiny_vocabulary(), run.prompt()), 20);
    EXPECT_TRUE(tiny_vocabulary().ends_reply(answer.back()));
    texts.insert(text_of(answer));
  }
  EXPECT_EQ(texts, (std::set<std::string>{"yes!", "no!"}));
}

TEST(SamplerWithGrammar, GreedyTakesTheLikeliestThatIsAllowed) {
  Sampler sampler({}, text_grammar("root ::= [0-9]+"), tiny_vocabulary(), {});
  const auto& logits = real_logits();
  llama_token best = -1;
  GrammarState state = state_of("root ::= [0-9]+");
  for (llama_token id = 0; id < tiny_vocabulary().size(); ++id) {
    if (state.allows(id) &&
        (best < 0 || logits[static_cast<std::size_t>(id)] > logits[static_cast<std::size_t>(best)]))
      best = id;
  }
  EXPECT_EQ(sampler.next(logits.data()), best);
}

TEST(SamplerWithGrammar, ASeedGivesTheSameTextAndClonesBeginAnew) {
  Sampling how;
  how.temperature = 2;
  how.seed = 11;
  const Sampler first(how, text_grammar("root ::= [a-z ]{5,30} \".\""), tiny_vocabulary(), {});
  const auto once = [&](uint32_t choice) {
    Writer run("Hello");
    return text_of(run.answer(first.clone(choice), 40));
  };
  EXPECT_EQ(once(0), once(0));
  EXPECT_NE(once(0), once(1));
}

TEST(SamplerWithGrammar, NoTokenLeftIsAnError) {
  Sampling how;
  how.temperature = 1;
  // Nothing but a token that ends the reply may follow, and the model rules those out.
  std::vector<float> logits(real_logits().size(), 0);
  for (llama_token id = 0; id < tiny_vocabulary().size(); ++id) {
    if (tiny_vocabulary().ends_reply(id))
      logits[static_cast<std::size_t>(id)] = -std::numeric_limits<float>::infinity();
  }
  for (const double temperature : {0.0, 1.0}) {
    how.temperature = temperature;
    Sampler sampler(how, text_grammar("root ::= \"a\""), tiny_vocabulary(), {});
    EXPECT_EQ(text_of({sampler.next(logits.data())}), "a");
    try {
      sampler.next(logits.data());
      ADD_FAILURE();
    } catch (const Refusal& e) {
      EXPECT_NE(std::string(e.what()).find("grammar"), std::string::npos);
    }
  }
}

TEST(SamplerWithGrammar, ALazyOneSleepsWhileTheModelThinks) {
  GrammarSpec spec;
  spec.gbnf = "root ::= \"hat\"";
  spec.lazy = true;
  spec.trigger_words = {"h"};
  std::vector<float> logits(static_cast<std::size_t>(tiny_vocabulary().size()), 0);
  const llama_token first = tiny_vocabulary().tokenize_plain("h")[0];
  const llama_token other = tiny_vocabulary().tokenize_plain("z")[0];
  const auto after_h = [&](bool thinks) {
    Sampler sampler({}, spec, tiny_vocabulary(), {});
    sampler.in_reasoning(thinks);
    logits[static_cast<std::size_t>(first)] = 9;
    EXPECT_EQ(sampler.next(logits.data()), first);
    logits[static_cast<std::size_t>(first)] = 0;
    sampler.in_reasoning(false);
    logits[static_cast<std::size_t>(other)] = 9;
    const llama_token next = sampler.next(logits.data());
    logits[static_cast<std::size_t>(other)] = 0;
    return next;
  };
  EXPECT_EQ(after_h(true), other);
  EXPECT_NE(after_h(false), other);
}

TEST(SamplerWithGrammar, TakesTokensThatWereNotDrawn) {
  GrammarSpec spec;
  spec.gbnf = "root ::= \"hat\"";
  Sampler sampler({}, spec, tiny_vocabulary(), {});
  const auto token = [](const char* text) { return tiny_vocabulary().tokenize_plain(text)[0]; };
  sampler.accept(token("h"));
  EXPECT_THROW(sampler.accept(token("z")), Refusal);
}

TEST(Logprobs, AreTheModelsOwnDistribution) {
  const auto& logits = real_logits();
  const int32_t count = tiny_vocabulary().size();
  std::vector<TokenProbability> out;
  logprobs_of(logits.data(), count, 77, static_cast<uint32_t>(count), out);
  ASSERT_EQ(out.size(), static_cast<std::size_t>(count) + 1);
  double sum = 0;
  for (std::size_t i = 1; i < out.size(); ++i) {
    sum += std::exp(out[i].logprob);
    EXPECT_LE(out[i].logprob, i > 1 ? out[i - 1].logprob : 0);
    if (out[i].token == 77) {
      EXPECT_EQ(out[i].logprob, out[0].logprob);
    }
  }
  EXPECT_NEAR(sum, 1, 1e-4);
  EXPECT_EQ(out[0].token, 77);
  const std::vector<Likely> all = by_probability();
  logprobs_of(logits.data(), count, all[3].token, 5, out);
  ASSERT_EQ(out.size(), 6u);
  EXPECT_NEAR(out[0].logprob, std::log(all[3].p), 1e-4);
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(out[i + 1].token, all[i].token);
    EXPECT_NEAR(out[i + 1].logprob, std::log(all[i].p), 1e-4);
  }
  logprobs_of(logits.data(), count, 5, 0, out);
  EXPECT_EQ(out.size(), 1u);
  const float impossible[] = {0, -std::numeric_limits<float>::infinity()};
  logprobs_of(impossible, 2, 1, 2, out);
  EXPECT_TRUE(std::isfinite(out[0].logprob));
  EXPECT_EQ(out[1].token, 0);
  EXPECT_EQ(out[1].logprob, 0);
}

TextRequest parse(const std::string& more) {
  return parse_text_request(
      R"({"messages":[{"role":"user","parts":[{"type":"text","text":"x"}]}],)" + more + "}", 1024);
}

TEST(Settings, AreReadWhole) {
  const TextRequest r = parse(
      R"("temperature":0.5,"top_p":0.9,"seed":7,"logprobs":{"top":3},"stop":["a","b"],
         "stop_token_ids":[5],"logit_bias":{"3":-1.5},
         "sampling":{"top_k":4,"min_p":0.1,"typical_p":0.2,"top_n_sigma":1.5,"repeat_penalty":1.1,
         "repeat_last_n":-1,"presence_penalty":0.3,"frequency_penalty":0.4,"mirostat":0,
         "mirostat_tau":6,"mirostat_eta":0.2,"xtc_probability":0.5,"xtc_threshold":0.3,
         "dry_multiplier":0.8,"dry_base":2,"dry_allowed_length":3,"dry_last_n":-1,
         "dynatemp_range":0.1,"dynatemp_exponent":1.2})");
  const Sampling& s = r.sampling;
  EXPECT_EQ(s.temperature + s.top_p + s.min_p + s.typical_p + s.top_n_sigma,
            0.5 + 0.9 + 0.1 + 0.2 + 1.5);
  EXPECT_EQ(s.top_k, 4);
  EXPECT_EQ(s.repeat_penalty, 1.1);
  EXPECT_EQ(s.repeat_last_n, -1);
  EXPECT_EQ(s.presence_penalty, 0.3);
  EXPECT_EQ(s.frequency_penalty, 0.4);
  EXPECT_EQ(s.mirostat_tau, 6);
  EXPECT_EQ(s.mirostat_eta, 0.2);
  EXPECT_EQ(s.xtc_probability, 0.5);
  EXPECT_EQ(s.xtc_threshold, 0.3);
  EXPECT_EQ(s.dry_multiplier, 0.8);
  EXPECT_EQ(s.dry_base, 2);
  EXPECT_EQ(s.dry_allowed_length, 3);
  EXPECT_EQ(s.dry_last_n, -1);
  EXPECT_EQ(s.dynatemp_range, 0.1);
  EXPECT_EQ(s.dynatemp_exponent, 1.2);
  EXPECT_EQ(r.logprobs, 3u);
  EXPECT_TRUE(r.warnings.empty());
}

TEST(Settings, OutOfRangeNamesTheFieldAndWhatIsAllowed) {
  const std::pair<const char*, const char*> cases[] = {
      {R"("temperature":-1)", "temperature: must be a number from 0 to 1000"},
      {R"("temperature":"hot")", "temperature: must be a number"},
      {R"("top_p":0)", "top_p: must be a number above 0 and at most 1"},
      {R"("sampling":{"min_p":1.1})", "sampling.min_p: must be a number from 0 to 1"},
      {R"("sampling":{"typical_p":-0.1})", "sampling.typical_p: must be a number from 0 to 1"},
      {R"("sampling":{"top_k":-1})", "sampling.top_k: must be a whole number from 0"},
      {R"("sampling":{"top_k":1.5})", "sampling.top_k: must be a whole number"},
      {R"("sampling":{"top_n_sigma":-1})", "sampling.top_n_sigma"},
      {R"("sampling":{"mirostat":3})", "sampling.mirostat: must be a whole number from 0 to 2"},
      {R"("sampling":{"mirostat_eta":2})", "sampling.mirostat_eta: must be a number from 0 to 1"},
      {R"("sampling":{"xtc_probability":2})", "sampling.xtc_probability"},
      {R"("sampling":{"dry_base":0.5})", "sampling.dry_base: must be a number from 1"},
      {R"("sampling":{"dry_last_n":-2})", "sampling.dry_last_n: must be a whole number from -1"},
      {R"("sampling":{"repeat_penalty":0})",
       "sampling.repeat_penalty: must be a number from 0.001"},
      {R"("sampling":{"frequency_penalty":1e7})", "sampling.frequency_penalty"},
      {R"("sampling":{"dynatemp_exponent":-1})", "sampling.dynatemp_exponent"},
      {R"("logprobs":{"top":101})", "logprobs.top: must be a whole number from 0 to 100"},
      {R"("logprobs":true)", "logprobs: must be an object"},
      {R"("logit_bias":{"1024":1})", "logit_bias: has no token id 1024"},
      {R"("logit_bias":{"1":1e9})", "logit_bias.1"},
      {R"("stop_token_ids":[-1])", "stop_token_ids[0]"},
      {R"("stop":[""])", "stop[0]: must not be empty"},
      {R"("seed":-1)", "seed"},
      {R"("output":{"type":"xml"})", "output.type: must be"},
      {R"("output":{"type":"grammar"})", "output.grammar: must be a grammar"},
      {R"("output":{"type":"json_schema"})", "output.schema: must be a JSON Schema"},
      {R"("output":{"type":"json_schema","schema":"{\"not\":{}}"})", "\"not\""},
  };
  for (const auto& bad : cases) {
    try {
      parse(bad.first);
      ADD_FAILURE() << bad.first;
    } catch (const Refusal& e) {
      EXPECT_NE(std::string(e.what()).find(bad.second), std::string::npos) << e.what();
    }
  }
}

TEST(Settings, ContradictionsAreWarnedOf) {
  EXPECT_EQ(
      parse(R"("temperature":1,"top_p":0.5,"sampling":{"mirostat":2,"top_k":4})").warnings.size(),
      2u);
  EXPECT_EQ(parse(R"("sampling":{"mirostat":2})").warnings.size(), 1u);
  EXPECT_EQ(parse(R"("sampling":{"strange":2})").warnings.size(), 1u);
  EXPECT_EQ(parse(R"("output":{"type":"json_schema","schema":"{\"not\":{}}","strict":false})")
                .warnings.size(),
            1u);
}

}  // namespace
}  // namespace infer::llama
