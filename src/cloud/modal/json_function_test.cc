// Functions with a JSON of their own: what they are told, and how they are understood.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <string>

#include "infer/infer.h"
#include "src/cloud/modal/modal.h"
#include "src/cloud/modal/modal_app_for_tests.h"
#include "src/core/base64.h"

namespace infer::cloud {
namespace {

using test::ModalApp;

constexpr std::string_view kPng("\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 16);

// A function that answers with this, whatever it is told.
class Function {
 public:
  Function(JsonFunction function, std::string answer,
           std::string type = "Content-Type: application/json\r\n")
      : app_({.answer = [answer, type](
                            ModalApp::Connection& c,
                            const ModalApp::Heard&) { c.answer(answer, "200 OK", type); }}),
        config_(app_.config()) {
    config_.function = std::move(function);
  }
  template <class Model>
  Model as() const {
    auto backend = Registry::builtin().open("modal:tiny", config_, {});
    EXPECT_TRUE(backend) << backend.error();
    return Model(*backend);
  }
  TextModel text() const { return as<TextModel>(); }
  std::string told() const {
    const auto heard = app_.heard();
    return heard.empty() ? "(nothing)" : heard.back().body;
  }
  const ModalApp& app() const { return app_; }

 private:
  ModalApp app_;
  ApiConfig config_;
};

template <class T>
Error error_of(const Result<T>& result) {
  if (!result) return result.error();
  ADD_FAILURE() << "a success";
  return Error(Errc::kEngine, "a success");
}

TEST(JsonFunction, ATextIsAskedForAndFound) {
  const Function f({.path = "/generate?mode=fast",
                    .request = R"({"text":"{{prompt}}","sys":"{{system}}","opts":{"limit":)"
                               R"("{{max_tokens}}","t":"{{temperature}}","stop":"{{stop}}",)"
                               R"("seed":"{{seed}}"},"model":"{{model}}"})",
                    .text = "/output/0/text",
                    .input_tokens = "/usage/in",
                    .output_tokens = "/usage/out"},
                   R"({"output":[{"text":"Hello \u00e9"}],"usage":{"in":3,"out":5},"id":"x"})");
  TextRequest request{.messages = {system("Be brief."), user("Say \"hi\"")}};
  request.max_tokens = 7;
  request.temperature = 0.25;
  request.stop = {"\n", "end"};
  const auto response = f.text().generate(request);
  ASSERT_TRUE(response) << response.error();
  EXPECT_EQ(response->text(), "Hello \xC3\xA9");
  EXPECT_EQ(response->usage.input, 3);
  EXPECT_EQ(response->usage.output, 5);
  EXPECT_EQ(response->model, "tiny");
  EXPECT_EQ(response->provider, "modal");
  EXPECT_EQ(response->finish(), Finish::kUnknown);
  EXPECT_NE(response->metadata.find(R"("id":"x")"), std::string::npos);
  EXPECT_TRUE(response->warnings.empty());
  EXPECT_EQ(f.told(), R"({"text":"Say \"hi\"","sys":"Be brief.","opts":{"limit":7,"t":0.25,)"
                      R"("stop":["\n","end"]},"model":"tiny"})");
  EXPECT_EQ(f.app().heard().back().target, "/generate?mode=fast");
  // The same as a stream: one piece.
  EXPECT_EQ(f.text().stream(request).finish()->text(), "Hello \xC3\xA9");
}

TEST(JsonFunction, AHistoryGoesWhereTheTemplateHasAPlaceForIt) {
  const Function f({.request = R"({"chat":"{{messages}}"})", .text = ""}, R"("yes")");
  const auto response =
      f.text().generate({.messages = {system("s"), user("a"), assistant("b"), user("c")}});
  ASSERT_TRUE(response) << response.error();
  EXPECT_EQ(response->text(), "yes");
  EXPECT_EQ(f.told(), R"({"chat":[{"role":"system","content":"s"},{"role":"user","content":"a"},)"
                      R"({"role":"assistant","content":"b"},{"role":"user","content":"c"}]})");
}

TEST(JsonFunction, APictureGoesAsBase64) {
  const Function f({.request = R"({"q":"{{prompt}}","img":"{{image}}"})", .text = "/a"},
                   R"({"a":"a cat"})");
  const Media cat{.mime = "image/png", .source = Blob(std::string(kPng))};
  const auto response = f.text().generate({.messages = {user("What is it?", {cat})}});
  ASSERT_TRUE(response) << response.error();
  EXPECT_EQ(f.told(), R"({"q":"What is it?","img":")" + core::to_base64(kPng) + "\"}");
  const Media far{.mime = "image/png", .source = Url{"https://example.com/cat.png"}};
  EXPECT_EQ(error_of(f.text().generate({.messages = {user("?", {far})}})).code(),
            Errc::kUnsupported);
  EXPECT_EQ(error_of(f.text().generate({.messages = {user("?", {cat, cat})}})).code(),
            Errc::kUnsupported);
  const Media paper{.mime = "application/pdf", .source = Blob(std::string("%PDF-1.7"))};
  EXPECT_EQ(error_of(f.text().generate({.messages = {user("?", {paper})}})).code(),
            Errc::kUnsupported);
  EXPECT_EQ(f.app().posts, 1);
}

// Law 3: what the template does not name.
TEST(JsonFunction, APromiseIsRefusedBeforeAnythingIsSentAndQualityIsAWarning) {
  const Function f({.request = R"({"text":"{{prompt}}"})", .text = "/t"}, R"({"t":"x"})");
  const auto field_of = [&](const std::function<void(TextRequest&)>& change) {
    TextRequest request{.messages = {user("hi")}};
    change(request);
    const Error error = error_of(f.text().generate(request));
    EXPECT_EQ(error.code(), Errc::kUnsupported) << error;
    EXPECT_EQ(error.provider(), "modal");
    return std::string(error.detail("field"));
  };
  EXPECT_EQ(field_of([](TextRequest& r) { r.max_tokens = 1; }), "max_tokens");
  EXPECT_EQ(field_of([](TextRequest& r) { r.stop = {"x"}; }), "stop");
  EXPECT_EQ(field_of([](TextRequest& r) { r.n = 2; }), "n");
  EXPECT_EQ(field_of([](TextRequest& r) { r.tools = {{.name = "f"}}; }), "tools");
  EXPECT_EQ(field_of([](TextRequest& r) { r.output.form = Output::Form::kJsonObject; }), "output");
  EXPECT_EQ(field_of([](TextRequest& r) { r.logprobs = Logprobs{}; }), "logprobs");
  EXPECT_EQ(field_of([](TextRequest& r) { r.messages.insert(r.messages.begin(), system("s")); }),
            "messages");
  EXPECT_EQ(field_of([](TextRequest& r) { r.messages.push_back(user("again")); }), "messages[1]");
  EXPECT_EQ(
      field_of([](TextRequest& r) { r.messages.insert(r.messages.begin(), assistant("before")); }),
      "messages[0]");
  EXPECT_EQ(
      field_of([](TextRequest& r) {
        r.messages = {user("?", {Media{.mime = "image/png", .source = Blob(std::string("x"))}})};
      }),
      "messages.media");
  EXPECT_EQ(f.app().posts, 0);

  TextRequest request{.messages = {user("hi")}};
  request.temperature = 1;
  request.sampling.top_k = 5;
  request.user = "u";
  request.extra = {{"modal", R"({"added":[1]})"}, {"openai", R"({"not":1})"}};
  const auto response = f.text().generate(request);
  ASSERT_TRUE(response) << response.error();
  ASSERT_EQ(response->warnings.size(), 2u);
  EXPECT_EQ(response->warnings[0].code, "unsupported_setting");
  EXPECT_EQ(response->warnings[0].extra, R"({"setting":"temperature"})");
  EXPECT_EQ(f.told(), R"({"text":"hi","added":[1]})");
}

TEST(JsonFunction, PlainTextIsTakenAsItIs) {
  const Function f({.request = R"({"text":"{{prompt}}"})"}, "data: \"just\" text\n",
                   "Content-Type: text/plain; charset=utf-8\r\n");
  EXPECT_EQ(f.text().generate("hi")->text(), "data: \"just\" text\n");
}

TEST(JsonFunction, WhatCannotBeFoundIsNamed) {
  const struct {
    const char* pointer;
    const char* answer;
    const char* says;
  } rows[] = {{"/output/0/text", R"({"output":[]})", "'/output/0/text'"},
              {"/output", R"({"output":{"text":"x"}})", "object"},
              {"/output", "not JSON", "no JSON"},
              {"/output", R"({"output":"x")", "no JSON"},
              {"/output", "null", "'/output'"}};
  for (const auto& row : rows) {
    const Function f({.request = R"({"text":"{{prompt}}"})", .text = row.pointer}, row.answer);
    const Error error = error_of(f.text().generate("hi"));
    EXPECT_EQ(error.code(), Errc::kProtocol) << error;
    EXPECT_NE(error.message().find(row.says), std::string::npos) << error;
    EXPECT_EQ(error.body(), row.answer);
  }
  for (const char* type : {"Content-Type: text/html\r\n", "Content-Type: Text/HTML\r\n"}) {
    const Function page({.request = R"({"text":"{{prompt}}"})", .text = "/t"}, "<html>", type);
    EXPECT_EQ(error_of(page.text().generate("hi")).code(), Errc::kProtocol) << type;
  }
  const Function stream({.request = R"({"text":"{{prompt}}"})", .text = "/t"}, "data: {}\n\n",
                        "Content-Type: text/event-stream\r\n");
  EXPECT_EQ(error_of(stream.text().generate("hi")).code(), Errc::kProtocol);
}

TEST(JsonFunction, AMappingThatIsNoneIsRefusedWhenItIsOpened) {
  const std::string good = R"({"t":"{{prompt}}"})";
  const struct {
    JsonFunction function;
    const char* field;
    const char* says;
  } rows[] = {
      {{}, "function.request", "empty"},
      {{.request = "{"}, "function.request", "no JSON"},
      {{.request = R"({"t":"{{promt}}"})"}, "function.request", "{{promt}}"},
      {{.request = R"({"t":"{{model}}"})"}, "function.request", "neither"},
      {{.request = good, .text = "output"}, "function.text", "JSON Pointer"},
      {{.request = good, .image = "/a~b"}, "function.image", "~"},
      {{.request = good, .vectors = "x"}, "function.vectors", "JSON Pointer"},
      {{.request = good, .input_tokens = "x"}, "function.input_tokens", "JSON Pointer"},
      {{.request = good, .output_tokens = "x"}, "function.output_tokens", "JSON Pointer"},
      {{.path = "generate", .request = good}, "function.path", "'/'"},
      {{.path = "/a b", .request = good}, "function.path", "space"},
      {{.request = good, .health = "health"}, "function.health", "'/'"},
  };
  for (const auto& row : rows) {
    ApiConfig config;
    config.base_url = "http://localhost:1";
    config.function = row.function;
    const Error error = error_of(text("modal:tiny", config));
    EXPECT_EQ(error.code(), Errc::kInvalidRequest) << error;
    EXPECT_EQ(error.detail("field"), row.field) << error;
    EXPECT_NE(error.message().find(row.field), std::string::npos) << error;
    EXPECT_NE(error.message().find(row.says), std::string::npos) << error;
    EXPECT_EQ(error.provider(), "modal");
  }
}

TEST(JsonFunction, FiguresThatAreNoneAreLeftOut) {
  for (const char* figure : {"-1", "18446744073709551615", "1.5", "\"3\"", "null"}) {
    const Function f({.request = R"({"text":"{{prompt}}"})", .text = "/t", .input_tokens = "/n"},
                     std::string(R"({"t":"x","n":)") + figure + "}");
    const auto response = f.text().generate("hi");
    ASSERT_TRUE(response) << response.error();
    EXPECT_EQ(response->usage.input, std::nullopt) << figure;
  }
}

// ---- pictures

const JsonFunction kDraws{
    .request = R"({"p":"{{prompt}}","w":"{{width}}","h":"{{height}}","count":"{{n}}"})",
    .image = "/images"};

TEST(JsonFunction, PicturesInBase64) {
  const std::string one = "\"" + core::to_base64(kPng) + "\"";
  const std::string url = "\"data:image/png;base64," + core::to_base64(kPng) + "\"";
  const Function f(kDraws, R"({"images":[)" + one + "," + url + "]}");
  const auto response = f.as<ImageModel>().generate({.prompt = "a cat", .width = 64, .n = 2});
  ASSERT_TRUE(response) << response.error();
  ASSERT_EQ(response->message().parts.size(), 2u);
  for (const Part& part : response->message().parts) {
    ASSERT_NE(part.get<Media>(), nullptr);
    EXPECT_EQ(part.get<Media>()->mime, "image/png");
    EXPECT_EQ(std::get<Blob>(part.get<Media>()->source).view(), kPng);
    EXPECT_EQ(part.issuer, response->issuer);
  }
  EXPECT_EQ(response->finish(), Finish::kStop);
  EXPECT_EQ(f.told(), R"({"p":"a cat","w":64,"count":2})");
  EXPECT_EQ(error_of(f.as<ImageModel>().generate({.prompt = "a cat", .n = 3})).code(),
            Errc::kProtocol);
  const Function single({.request = R"({"p":"{{prompt}}"})", .image = "/i"},
                        R"({"i":)" + one + "}");
  ASSERT_TRUE(single.as<ImageModel>().generate({.prompt = "a cat"}));
  const Function bad({.request = R"({"p":"{{prompt}}"})", .image = "/i"}, R"({"i":"%%%"})");
  EXPECT_EQ(error_of(bad.as<ImageModel>().generate({.prompt = "a cat"})).code(), Errc::kProtocol);
}

TEST(JsonFunction, APictureAsItIs) {
  for (const char* type :
       {"Content-Type: image/png\r\n", "Content-Type: application/octet-stream\r\n", ""}) {
    const Function f({.request = R"({"p":"{{prompt}}"})"}, std::string(kPng), type);
    const auto response = f.as<ImageModel>().generate({.prompt = "a cat"});
    ASSERT_TRUE(response) << type << response.error();
    ASSERT_EQ(response->message().parts.size(), 1u);
    const Media* const media = response->message().parts.front().get<Media>();
    ASSERT_NE(media, nullptr);
    EXPECT_EQ(media->mime, "image/png");
    EXPECT_EQ(std::get<Blob>(media->source).view(), kPng);
  }
}

// The bytes know best what they are.
TEST(JsonFunction, APictureIsWhatItsBytesSay) {
  const std::string jpeg("\xFF\xD8\xFF\xE0\0\x10JFIF", 10);
  const Function f({.request = R"({"p":"{{prompt}}"})"}, jpeg, "Content-Type: image/png\r\n");
  const auto response = f.as<ImageModel>().generate({.prompt = "a cat"});
  ASSERT_TRUE(response) << response.error();
  EXPECT_EQ(response->message().parts.front().get<Media>()->mime, "image/jpeg");
  const Function vague({.request = R"({"p":"{{prompt}}"})"}, "<svg/>",
                       "Content-Type: image/svg+xml\r\n");
  const auto drawing = vague.as<ImageModel>().generate({.prompt = "a cat"});
  ASSERT_TRUE(drawing) << drawing.error();
  EXPECT_EQ(drawing->message().parts.front().get<Media>()->mime, "image/svg+xml");
}

TEST(JsonFunction, SeveralPicturesMayBeLarge) {
  const auto wire = json_function_wire(kDraws, "tiny", "modal");
  ASSERT_TRUE(wire) << wire.error();
  const auto sent = (*wire)->write(ImageRequest{.prompt = "x", .n = 3}, {});
  ASSERT_TRUE(sent) << sent.error();
  ASSERT_TRUE(sent->needs);
  EXPECT_EQ(sent->needs->body_bytes, std::size_t{3} * 64 << 20);
}

TEST(JsonFunction, WhatAPictureCannotBeToldIsRefusedOrWarnedOf) {
  const Function f({.request = R"({"p":"{{prompt}}"})", .image = "/i"},
                   R"({"i":")" + core::to_base64(kPng) + "\"}");
  const ImageModel draws = f.as<ImageModel>();
  EXPECT_EQ(error_of(draws.generate({.prompt = "x", .width = 64})).detail("field"), "width");
  EXPECT_EQ(error_of(draws.generate({.prompt = "x", .n = 2})).detail("field"), "n");
  ImageRequest edit{.prompt = "x"};
  edit.images = {Media{.mime = "image/png", .source = Blob(std::string(kPng))}};
  EXPECT_EQ(error_of(draws.generate(edit)).detail("field"), "images");
  EXPECT_EQ(f.app().posts, 0);
  ImageRequest seeded{.prompt = "x"};
  seeded.seed = 7;
  const auto response = draws.generate(seeded);
  ASSERT_TRUE(response) << response.error();
  ASSERT_EQ(response->warnings.size(), 1u);
  EXPECT_EQ(response->warnings.front().extra, R"({"setting":"seed"})");
}

// A picture costs: what may have been drawn is not drawn again.
TEST(JsonFunction, APictureIsAskedForAgainOnlyWhereNothingCanHaveRun) {
  for (const char* refusal : {"502 X", "504 X", ""}) {
    ModalApp app({.cold = 1, .refusal = refusal});
    ApiConfig config = app.config();
    config.function = kDraws;
    const auto draws = image("modal:tiny", config);
    ASSERT_TRUE(draws);
    EXPECT_EQ(error_of(draws->generate({.prompt = "a cat"})).retry(), RetryHint::kAmbiguous);
    EXPECT_EQ(app.posts, 1) << refusal;
  }
  const std::string drawn = R"({"images":")" + core::to_base64(kPng) + "\"}";
  ModalApp app({.cold = 2,
                .refusal_headers = "retry-after-ms: 1\r\n",
                .hops = 2,
                .answer = [drawn](ModalApp::Connection& c, const ModalApp::Heard&) {
                  c.answer(drawn, "200 OK", "Content-Type: application/json\r\n");
                }});
  ApiConfig config = app.config();
  config.function = kDraws;
  const auto response = image("modal:tiny", config)->generate({.prompt = "a cat"});
  ASSERT_TRUE(response) << response.error();
  EXPECT_EQ(app.ran, 1);
  EXPECT_EQ(app.posts, 3);
}

// ---- vectors

TEST(JsonFunction, Vectors) {
  const JsonFunction embeds{.request = R"({"inputs":"{{inputs}}","dim":"{{dimensions}}"})",
                            .vectors = "/embeddings"};
  const Function f(embeds, R"({"embeddings":[[1,-2.5,3e2],[0,0.125,7]]})");
  const auto two = f.as<EmbeddingModel>().embed({.inputs = {"a", "b"}, .dimensions = 3});
  ASSERT_TRUE(two) << two.error();
  EXPECT_EQ(two->rows(), 2u);
  EXPECT_EQ(two->values, (std::vector<float>{1, -2.5f, 300, 0, 0.125f, 7}));
  EXPECT_EQ(f.told(), R"({"inputs":["a","b"],"dim":3})");
  EXPECT_EQ(error_of(f.as<EmbeddingModel>().embed(std::vector<std::string>{"a"})).code(),
            Errc::kProtocol);
  EXPECT_EQ(error_of(f.as<EmbeddingModel>().embed({.inputs = {"a"}, .normalize = true})).code(),
            Errc::kUnsupported);
  const Error short_rows =
      error_of(f.as<EmbeddingModel>().embed({.inputs = {"a", "b"}, .dimensions = 2}));
  EXPECT_EQ(short_rows.code(), Errc::kProtocol);
  EXPECT_EQ(short_rows.detail("field"), "dimensions");
  const Function flat(embeds, R"({"embeddings":[1,2]})");
  EXPECT_EQ(flat.as<EmbeddingModel>().embed(std::vector<std::string>{"a"})->dimensions, 2u);
  for (const char* wrong : {R"([[1,2],[3]])", R"([["a"],["b"]])", R"([[],[]])", R"([1,[2]])", "{}",
                            R"([[1e99],[1]])", "null", "[]"}) {
    const Function g(embeds, std::string(R"({"embeddings":)") + wrong + "}");
    EXPECT_EQ(error_of(g.as<EmbeddingModel>().embed(std::vector<std::string>{"a", "b"})).code(),
              Errc::kProtocol)
        << wrong;
  }
  EXPECT_EQ(error_of(f.text().generate("hi")).code(), Errc::kUnsupported);
  EXPECT_EQ(error_of(f.as<ImageModel>().generate({.prompt = "x"})).code(), Errc::kUnsupported);
}

}  // namespace
}  // namespace infer::cloud
