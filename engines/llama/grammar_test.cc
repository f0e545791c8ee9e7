// Grammars: what is refused, that the walk agrees with llama.cpp's own, that its work is bounded,
// and lazy ones.
#include "grammar.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "vocab_fixture.h"

namespace infer::llama {
namespace {

std::string repeat(const std::string& text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

TEST(Gbnf, SaysWhatIsWrongAndWhere) {
  const std::pair<std::string, const char*> cases[] = {
      {"", "no rule named root"},
      {"a ::= \"b\"", "no rule named root"},
      {"root ::= thing", "line 1: the rule thing is used but not defined"},
      {"root ::= \"a\"\nroot ::= \"b\"", "line 2: the rule root is defined twice"},
      {"root = \"a\"", "::= is expected"},
      {"root ::= \"a", "no closing '\"'"},
      {"root ::= [a", "no closing ']'"},
      {"root ::= (\"a\"", "')' is expected"},
      {"root ::= \"a\")", "line 1: unexpected ')'"},
      {"root ::= \"\\q\"", "unknown escape"},
      {"root ::= \"\\xG0\"", "hexadecimal"},
      {"root ::= \"\\uD800\"", "no character"},
      {"root ::= [z-a]", "backwards"},
      {"root ::= *", "nothing stands before"},
      {"root ::= \"a\"{3,2}", "above the most"},
      {"root ::= \"a\"{10001}", "10000"},
      {"root ::= \"a\"{99999999999999999999}", "10000"},
      {"root ::= \"a\"{,}", "number of repetitions"},
      {"root ::= root \"a\" | \"b\"", "left recursion"},
      {"root ::= a\na ::= b? a \"x\" | \"y\"\nb ::= \"z\"", "left recursion"},
      {"root ::= \"a\" root | \"x\" root", "no text of finite length"},
      {"root ::= x\nx ::= \"a\" x", "the rule x never ends"},
      {"root ::= []", "no text of finite length"},
      {"root ::= <nothing at all>", "no token"},
      {"root ::= <[999999]>", "no token"},
      {"root ::= \"\xff\"", "not UTF-8"},
      {"root ::= \"a\" (", "')' is expected"},
      {std::string("root ::= \"a\0b\"", 14), "zero byte"},
      {"root ::= " + repeat("(", 50000) + "\"a\"" + repeat(")", 50000), "nested deeper"},
      {"root ::= \"" + repeat("a", 300000) + "\"", "items"},
      {"root ::= \"" + repeat("a", 2000000) + "\"", "1 MiB"},
      {"root ::= (\"a\" (\"b\" (\"c\" (\"d\")){9000}){9000}){9000}" + repeat(" (\"a\"){9000}", 30),
       "items"},
      {"root ::= \"a\"" + repeat(" (\"x\")", 40000), "rules"},
  };
  for (const auto& bad : cases) {
    const std::string what = refusal_of(bad.first);
    EXPECT_NE(what.find(bad.second), std::string::npos)
        << bad.first.substr(0, 60) << " -> " << what;
    EXPECT_EQ(what.rfind("-1 output.grammar: ", 0), 0u) << what;
  }
}

TEST(Gbnf, ReadsTheLanguage) {
  const std::string grammar =
      "# a comment\n"
      "root ::= ( \"a\" | # another\n  [b-d] ) tail? \"\\u00e9\\n\"{2} # end\n\n"
      "tail ::= \"-\"+ .{1,2}\r\n";
  EXPECT_TRUE(satisfies(grammar, "a\u00e9\n\u00e9\n"));
  EXPECT_TRUE(satisfies(grammar, "c---\u20ac\u00e9\n\u00e9\n"));
  EXPECT_FALSE(satisfies(grammar, "e\u00e9\n\u00e9\n"));
  EXPECT_FALSE(satisfies(grammar, "a\u00e9\n"));
  EXPECT_TRUE(satisfies("root ::= \"a\"{0} \"b\"{2,} [^\\]\\-x]", "bbbz"));
  EXPECT_FALSE(satisfies("root ::= \"a\"{0} \"b\"{2,} [^\\]\\-x]", "bb-"));
  // Rules that may be empty under a repetition end, and a cycle through the last item is no left
  // recursion.
  EXPECT_TRUE(satisfies("root ::= (\"a\"*)* \"b\"", "aaab"));
  EXPECT_TRUE(satisfies("root ::= (a? b?)+ \"!\"\na ::= \"a\"*\nb ::= \"b\"", "abba!"));
  EXPECT_TRUE(satisfies("root ::= root | \"a\"", "a"));
}

// The allowed tokens of the grammar as llama.cpp has them.
class Theirs {
 public:
  explicit Theirs(const std::string& gbnf)
      : sampler_(llama_sampler_init_grammar(tiny_vocabulary().engine(), gbnf.c_str(), "root"),
                 llama_sampler_free) {}
  std::vector<bool> allowed() {
    std::vector<llama_token_data> all;
    for (llama_token id = 0; id < tiny_vocabulary().size(); ++id) all.push_back({id, 1, 0});
    llama_token_data_array array = {all.data(), all.size(), -1, false};
    llama_sampler_apply(sampler_.get(), &array);
    std::vector<bool> out;
    for (const llama_token_data& each : all) out.push_back(each.logit > 0);
    return out;
  }
  void accept(llama_token token) { llama_sampler_accept(sampler_.get(), token); }

 private:
  std::unique_ptr<llama_sampler, void (*)(llama_sampler*)> sampler_;
};

bool ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0; });
}

// Random walks: token for token what llama.cpp allows, but for bytes that are no UTF-8.
void agree(const std::string& gbnf, uint32_t seed) {
  GrammarState ours = state_of(gbnf, /*text_only=*/false);
  Theirs theirs(gbnf);
  std::mt19937 random(seed);
  for (int step = 0; step < 40; ++step) {
    const std::vector<uint8_t> mine = *ours.allowed();
    const std::vector<bool> other = theirs.allowed();
    std::vector<llama_token> open;
    for (llama_token id = 0; id < tiny_vocabulary().size(); ++id) {
      const auto i = static_cast<std::size_t>(id);
      const std::string_view bytes = tiny_vocabulary().pieces().bytes(id);
      if (!bytes.empty() && bytes[0] == '\0') continue;  // llama.cpp never allows a zero byte
      if (mine[i] != 0) {
        // Of a token that is merely not another one it does not matter what it says.
        const bool any = gbnf.find('!') != std::string::npos && !ascii(bytes);
        ASSERT_TRUE(other[i] || any) << gbnf << ": " << bytes << " at " << step;
        if (!tiny_vocabulary().ends_reply(id) && other[i]) open.push_back(id);
      } else if (other[i]) {
        ASSERT_FALSE(ascii(bytes)) << gbnf << ": " << bytes << " at " << step;
      }
      ASSERT_EQ(ours.allows(id), mine[i] != 0) << gbnf << ": " << bytes;
    }
    if (open.empty()) return;
    const llama_token next = open[random() % open.size()];
    ours.accept(next);
    theirs.accept(next);
  }
}

TEST(GrammarWalk, AgreesWithTheEngines) {
  const char* const grammars[] = {
      "root ::= \"hello \" (\"world\" | \"there\" | \"w\" [a-z]+)",
      "root ::= [0-9]{2,4} (\", \" [0-9]{2,4})*",
      "root ::= \"(\" root \")\" | \"x\" | .",
      "root ::= ([^\"\\\\] | \"\\\\\" [nt])* \"\\\"\"",
      "root ::= \"\u00fc\" [\u0400-\u04ff]+ \"\u20ac\"",
      "root ::= ws item (\",\" ws item)*\nitem ::= [a-z]+ | [0-9]+ | \"[\" root \"]\"\n"
      "ws ::= (\" \" | \"\\n\" [ \\t]{0,4})?",
      "root ::= <|im_start|> \"user\" .*",
      "root ::= !<|im_start|> \"a\" | <[72]> [b-z]",
  };
  for (const char* grammar : grammars) {
    for (uint32_t seed = 0; seed < 4; ++seed) agree(grammar, seed);
  }
}

TEST(GrammarWalk, OnlyWholeCharactersPass) {
  // A byte each: halves of characters, overlong forms, surrogates and what lies beyond Unicode.
  const std::pair<const char*, bool> cases[] = {
      {"\xc3\xa9", true},  {"\xe2\x82\xac", true},  {"\xf0\x9f\x98\x80", true},
      {"\xc0\x80", false}, {"\xe0\x80\x80", false}, {"\xed\xa0\x80", false},
      {"\x80", false},     {"\xf5\x80", false},     {"\xf4\x90\x80\x80", false}};
  const TokenPieces& pieces = tiny_vocabulary().pieces();
  for (const auto& each : cases) {
    GrammarState state = state_of("root ::= [^a]*");
    bool passed = true;
    for (const char* c = each.first; *c != '\0' && passed; ++c) {
      const auto byte = std::find_if(
          pieces.by_bytes().begin(), pieces.by_bytes().end(),
          [&](llama_token token) { return pieces.bytes(token) == std::string(1, *c); });
      ASSERT_NE(byte, pieces.by_bytes().end());
      passed = state.allows(*byte);
      if (passed) state.accept(*byte);
    }
    EXPECT_EQ(passed && state.complete(), each.second) << nlohmann::json(each.first[0]);
  }
}

TEST(GrammarWalk, ControlTokensAreTextOnlyWhereTheCallerDoesNotReadIt) {
  const llama_token control = tiny_vocabulary().token_named("<|im_start|>");
  ASSERT_GE(control, 0);
  GrammarState shown = state_of("root ::= .*", true);
  EXPECT_FALSE(shown.allows(control));
  EXPECT_EQ((*shown.allowed())[static_cast<std::size_t>(control)], 0);
  GrammarState marker = state_of("root ::= \"<|im_start|>\" .*", false);
  EXPECT_TRUE(marker.allows(control));
}

TEST(GrammarWalk, EndsWhereItIsCompleteAndNowhereElse) {
  const llama_token end = tiny_vocabulary().eos();
  GrammarState state = state_of("root ::= \"ab\"");
  EXPECT_FALSE(state.allows(end));
  ASSERT_TRUE(feed(state, "ab"));
  EXPECT_TRUE(state.allows(end));
  for (llama_token id = 0; id < tiny_vocabulary().size(); ++id)
    EXPECT_EQ((*state.allowed())[static_cast<std::size_t>(id)] != 0,
              tiny_vocabulary().ends_reply(id));
}

TEST(GrammarWalk, AmbiguityEndsInAnErrorOrAnAnswer) {
  const std::string grammars[] = {
      "root ::= (\"a\"?){500}",
      "root ::= (\"a\"? \"a\"? \"a\"?){1000}",
      "root ::= (\"a\"{0,1000}){0,1000} \"b\"",
      "root ::= ((\"a\"* \"a\"*)* (\"a\"* | \"aa\"*)*)*",
      "root ::= \"a\" root \"a\" | \"a\" root \"b\" | \"a\"",
      "root ::= (\"a\" | \"aa\" | \"aaa\" | root2)+\nroot2 ::= \"a\" (\"a\" | \"aa\")+",
  };
  for (const std::string& grammar : grammars) {
    try {
      GrammarState state = state_of(grammar);
      for (int i = 0; i < 3 && state.allowed() != nullptr; ++i) {
        if (!feed(state, "a")) break;
      }
    } catch (const Refusal& e) {
      EXPECT_EQ(e.code(), INFER_E_INVALID_REQUEST);
      EXPECT_NE(std::string(e.what()).find("too ambiguous"), std::string::npos);
    }
  }
}

TEST(GrammarWalk, RemembersDeepStacksWhenItForgetsStates) {
  GrammarState state = state_of("root ::= \"[\" root \"]\" | \"x\"");
  for (int i = 0; i < 5000; ++i) ASSERT_TRUE(feed(state, "["));
  ASSERT_TRUE(feed(state, "x"));
  for (int i = 0; i < 5000; ++i) {
    ASSERT_FALSE(state.complete());
    ASSERT_TRUE(feed(state, "]")) << i;
  }
  EXPECT_TRUE(state.complete());
}

GrammarState lazy(GrammarSpec spec) {
  spec.lazy = true;
  return GrammarState(std::make_shared<const Grammar>(spec, tiny_vocabulary()));
}

TEST(LazyGrammar, BindsFromItsTriggerOn) {
  GrammarSpec spec;
  spec.gbnf = "root ::= \"<call>\" [0-9]+ \"</call>\"";
  spec.trigger_words = {"<call>"};
  GrammarState state = lazy(spec);
  EXPECT_EQ(state.allowed(), nullptr);
  EXPECT_TRUE(state.allows(tiny_vocabulary().eos()));
  ASSERT_TRUE(feed(state, "Let me see. <call"));
  EXPECT_EQ(state.allowed(), nullptr);
  ASSERT_TRUE(feed(state, ">"));
  ASSERT_NE(state.allowed(), nullptr);
  EXPECT_FALSE(state.allows(tiny_vocabulary().eos()));
  EXPECT_FALSE(feed(state, "x"));
  ASSERT_TRUE(feed(state, "42</call>"));
  EXPECT_TRUE(state.complete());
}

TEST(LazyGrammar, PatternsTokensAndTriggersThatTheGrammarRefuses) {
  GrammarSpec spec;
  spec.gbnf = "root ::= \"{\" [a-z]+ \"}\"";
  spec.trigger_patterns = {"go\\s*(\\{)"};
  GrammarState state = lazy(spec);
  ASSERT_TRUE(feed(state, "{ is no trigger, go  "));
  ASSERT_TRUE(feed(state, "{"));
  EXPECT_FALSE(feed(state, "1"));
  ASSERT_TRUE(feed(state, "ab}"));
  EXPECT_TRUE(state.complete());

  GrammarSpec token;
  token.gbnf = "root ::= <|im_start|> \"tool\"";
  token.trigger_tokens = {tiny_vocabulary().token_named("<|im_start|>")};
  GrammarState by_token = lazy(token);
  ASSERT_TRUE(feed(by_token, "<|im_start|>")) << "as plain text it is no trigger";
  ASSERT_TRUE(by_token.allows(token.trigger_tokens[0]));
  by_token.accept(token.trigger_tokens[0]);
  EXPECT_FALSE(feed(by_token, "x"));

  GrammarSpec strange;
  strange.gbnf = "root ::= \"(((\"";
  strange.trigger_words = {"<"};
  GrammarState refusing = lazy(strange);
  EXPECT_FALSE(feed(refusing, "<")) << "the grammar does not know its own trigger";

  GrammarSpec bad;
  bad.gbnf = "root ::= \"a\"";
  bad.trigger_patterns = {"("};
  EXPECT_THROW(lazy(bad), Refusal);
}

TEST(LazyGrammar, LongTextBeforeTheTrigger) {
  GrammarSpec spec;
  spec.gbnf = "root ::= \"@@\" [0-9]";
  spec.trigger_words = {"@@"};
  GrammarState state = lazy(spec);
  for (int i = 0; i < 2000; ++i) ASSERT_TRUE(feed(state, "some words and more "));
  ASSERT_TRUE(feed(state, "@@"));
  EXPECT_FALSE(feed(state, "x"));
  EXPECT_TRUE(feed(state, "7"));
}

}  // namespace
}  // namespace infer::llama
