#include "bench/client_corpus.h"

#include <array>
#include <random>
#include <string_view>

namespace infer::bench {
namespace {

// Token-sized pieces as JSON strings hold them: words for the most part, line ends, quotes,
// Markdown, text beyond ASCII both as bytes and as escapes.
constexpr std::array<std::string_view, 48> kPieces = {" the",
                                                      " of",
                                                      " and",
                                                      " to",
                                                      " a",
                                                      " in",
                                                      " is",
                                                      " that",
                                                      " for",
                                                      " it",
                                                      " as",
                                                      " with",
                                                      " on",
                                                      " light",
                                                      " by",
                                                      " this",
                                                      " sky",
                                                      ",",
                                                      ".",
                                                      " are",
                                                      " be",
                                                      " from",
                                                      " scattered",
                                                      " wavelength",
                                                      " blue",
                                                      " more",
                                                      " which",
                                                      " or",
                                                      " an",
                                                      " at",
                                                      " not",
                                                      " molecules",
                                                      "The",
                                                      "-",
                                                      "'s",
                                                      " than",
                                                      " when",
                                                      " strongly",
                                                      " Rayleigh",
                                                      " atmosphere",
                                                      "\\n\\n",
                                                      "\\n",
                                                      " \\\"",
                                                      "**",
                                                      ":\\n\\n",
                                                      "\xc3\xa9",
                                                      "\xe6\x97\xa5\xe6\x9c\xac",
                                                      "\\u2019"};

class Writer {
 public:
  Writer(Dialect dialect, Variety variety, std::uint32_t seed)
      : dialect_(dialect), hostile_(variety == Variety::kHostile), random_(seed) {}

  std::vector<std::string> stream(std::size_t tokens) {
    dialect_ == Dialect::kOpenAi ? openai(tokens) : anthropic(tokens);
    return std::move(events_);
  }

 private:
  std::size_t below(std::size_t n) { return random_() % n; }
  std::string letters(std::size_t n) {
    static constexpr std::string_view kLetters =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    std::string out;
    while (out.size() < n) out += kLetters[below(kLetters.size())];
    return out;
  }
  std::string spaces(std::size_t most) { return std::string(below(most + 1), ' '); }

  // OpenAI: "obfuscation" hides the length of the text; its length varies, as there.
  void chunk(std::string_view choices, std::string_view usage) {
    if (hostile_) {
      id_ = letters(29);
      ++created_;
    }
    events_.push_back(
        "data: {\"id\":\"chatcmpl-" + id_ +
        "\",\"object\":\"chat.completion.chunk\",\"created\":" + std::to_string(created_) +
        ",\"model\":\"gpt-5-nano-2025-08-07\",\"service_tier\":\"default\","
        "\"system_fingerprint\":\"fp_5f3c0e1a27\",\"choices\":[" +
        std::string(choices) + "],\"usage\":" + std::string(usage) + ",\"obfuscation\":\"" +
        letters(1 + below(16)) + "\"}\n\n");
  }
  void openai(std::size_t tokens) {
    id_ = letters(29);
    chunk(
        "{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null},"
        "\"logprobs\":null,\"finish_reason\":null}",
        "null");
    for (std::size_t i = 0; i < tokens; ++i) {
      chunk("{\"index\":0,\"delta\":{\"content\":\"" + std::string(kPieces[below(kPieces.size())]) +
                "\"},\"logprobs\":null,\"finish_reason\":null}",
            "null");
    }
    chunk("{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"stop\"}", "null");
    const std::string n = std::to_string(tokens);
    chunk("", "{\"prompt_tokens\":15,\"completion_tokens\":" + n +
                  ",\"total_tokens\":" + std::to_string(tokens + 15) +
                  ",\"prompt_tokens_details\":{\"cached_tokens\":0,\"audio_tokens\":0},"
                  "\"completion_tokens_details\":{\"reasoning_tokens\":0,\"audio_tokens\":0,"
                  "\"accepted_prediction_tokens\":0,\"rejected_prediction_tokens\":0}}");
    events_.push_back("data: [DONE]\n\n");
  }

  // Anthropic: spaces before the last brace do what "obfuscation" does.
  void block(const std::string& type, const std::string& fields) {
    const std::string gap = hostile_ ? spaces(3) : "";
    std::string event =
        "event: " + type + "\ndata: {" + gap + "\"type\":" + gap + "\"" + type + "\"";
    if (!fields.empty()) event += "," + gap + fields;
    events_.push_back(event + spaces(14) + "}\n\n");
  }
  void anthropic(std::size_t tokens) {
    static const std::string kUsage =
        "\"usage\":{\"input_tokens\":19,\"cache_creation_input_tokens\":0,"
        "\"cache_read_input_tokens\":0,\"output_tokens\":";
    block("message_start",
          "\"message\":{\"model\":\"claude-haiku-4-5-20251001\",\"id\":\"msg_01" + letters(22) +
              "\",\"type\":\"message\",\"role\":\"assistant\",\"content\":[],\"stop_reason\":null,"
              "\"stop_sequence\":null," +
              kUsage + "3,\"service_tier\":\"standard\"}}");
    block("content_block_start", "\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}");
    block("ping", "");
    for (std::size_t i = 0; i < tokens; ++i) {
      block("content_block_delta", "\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"" +
                                       std::string(kPieces[below(kPieces.size())]) + "\"}");
    }
    block("content_block_stop", "\"index\":0");
    block("message_delta", "\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null}," +
                               kUsage + std::to_string(tokens) + "}");
    block("message_stop", "");
  }

  Dialect dialect_;
  bool hostile_;
  std::mt19937 random_;
  std::string id_{};
  long created_ = 1762317021;
  std::vector<std::string> events_{};
};

}  // namespace

std::vector<std::string> stream_events(Dialect dialect, std::size_t tokens, Variety variety,
                                       std::uint32_t seed) {
  return Writer(dialect, variety, seed).stream(tokens);
}

std::string whole_answer(Dialect dialect) {
  if (dialect == Dialect::kAnthropic) {
    return "{\"model\":\"claude-haiku-4-5-20251001\",\"id\":\"msg_01QC4g3HwBThD4BaNtBckFDJ\","
           "\"type\":\"message\",\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":"
           "\"Copenhagen is the capital of Denmark.\"}],\"stop_reason\":\"end_turn\","
           "\"stop_sequence\":null,\"usage\":{\"input_tokens\":19,\"cache_creation_input_tokens\":"
           "0,\"cache_read_input_tokens\":0,\"output_tokens\":11,\"service_tier\":\"standard\"}}";
  }
  return "{\"id\":\"chatcmpl-CYPS1lijGoK8gd9lYzY3r9Sx50nbt\",\"object\":\"chat.completion\","
         "\"created\":1762317021,\"model\":\"gpt-5-nano-2025-08-07\",\"choices\":[{\"index\":0,"
         "\"message\":{\"role\":\"assistant\",\"content\":\"Copenhagen is the capital of "
         "Denmark.\","
         "\"refusal\":null,\"annotations\":[]},\"logprobs\":null,\"finish_reason\":\"stop\"}],"
         "\"usage\":{\"prompt_tokens\":15,\"completion_tokens\":11,\"total_tokens\":26,"
         "\"prompt_tokens_details\":{\"cached_tokens\":0,\"audio_tokens\":0},"
         "\"completion_tokens_details\":{\"reasoning_tokens\":0,\"audio_tokens\":0,"
         "\"accepted_prediction_tokens\":0,\"rejected_prediction_tokens\":0}},"
         "\"service_tier\":\"default\",\"system_fingerprint\":null}";
}

}  // namespace infer::bench
