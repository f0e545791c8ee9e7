// What docs/design/diffusion-threads.md promises, as a program sees it: through the public API,
// with the shipped models, several models in one process.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "infer/infer.h"

namespace infer {
namespace {

using testing::ElementsAreArray;

constexpr char kShapes[] = "diffusion:tiny-shapes";

// Of another configuration, so that it is another model: its random numbers are others, and so are
// its pictures.
LocalConfig one_thread(std::string rng = {}) {
  LocalConfig config;
  config.threads = 1;
  if (!rng.empty()) config.rng = std::move(rng);
  return config;
}

ImageModel load(const char* rng = "") {
  auto model = image(kShapes, one_thread(rng));
  if (!model) ADD_FAILURE() << model.error();
  return std::move(*model);
}

ImageRequest circle(std::uint64_t seed, std::uint32_t steps = 2) {
  ImageRequest request{.prompt = "a red circle on a white background"};
  request.seed = seed;
  request.steps = steps;
  return request;
}

// The pixels of all pictures, or why there are none.
std::string painted(const Result<Response>& response) {
  if (!response) return "error: " + response.error().message();
  std::string all;
  for (const Part& part : response->message().parts) {
    const auto* media = part.get<Media>();
    const auto* pixels = media ? std::get_if<Pixels>(&media->source) : nullptr;
    if (pixels) all += pixels->data.view();
  }
  return all.empty() ? "no picture" : all;
}

std::string said(const TextModel& model) {
  TextRequest request;
  request.messages = {user("What is the capital of France?")};
  request.temperature = 0;
  request.max_tokens = 24;
  const auto response = model.generate(request);
  return response ? response->text() : "error: " + response.error().message();
}

TEST(DiffusionThreads, TwoModelsAndATextModelGiveWhatTheyGiveAlone) {
  const ImageModel first = load(), second = load("cpu");
  auto writer = text("llama:tiny-chat", one_thread());
  if (!writer && writer.error().code() == Errc::kNotFound)
    GTEST_SKIP() << "built without the llama engine";
  ASSERT_TRUE(writer) << writer.error();
  const std::string alone[] = {painted(first.generate(circle(1))),
                               painted(second.generate(circle(1))), said(*writer)};
  EXPECT_EQ(alone[0].size(), 64u * 64 * 3) << alone[0];
  EXPECT_EQ(alone[1].size(), 64u * 64 * 3) << alone[1];
  ASSERT_NE(alone[0], alone[1]);  // or a mix-up of the two could not be seen
  std::vector<std::string> together[3];
  std::thread threads[] = {std::thread([&] {
                             for (int i = 0; i < 3; ++i)
                               together[0].push_back(painted(first.generate(circle(1))));
                           }),
                           std::thread([&] {
                             for (int i = 0; i < 3; ++i)
                               together[1].push_back(painted(second.generate(circle(1))));
                           }),
                           std::thread([&] {
                             for (int i = 0; i < 6; ++i) together[2].push_back(said(*writer));
                           })};
  for (std::thread& thread : threads) thread.join();
  for (int i = 0; i < 3; ++i)
    for (const std::string& one : together[i]) EXPECT_TRUE(one == alone[i]) << "model " << i;
}

TEST(DiffusionThreads, ManyThreadsOpenCancelAndCloseOnOneModel) {
  const ImageModel model = load();
  const std::string alone = painted(model.generate(circle(5)));
  std::vector<std::thread> threads;
  std::vector<std::string> wrong(6);
  for (unsigned i = 0; i < wrong.size(); ++i)
    threads.emplace_back([&, i] {
      std::mt19937 random(i);
      for (int round = 0; round < 4; ++round) {
        StopSource stop;
        Call call;
        call.stop = stop.token();
        Reply reply = model.stream(circle(random()), call);
        const unsigned events = random() % 4;
        for (unsigned n = 0; n < events && reply.next() != nullptr; ++n) {
        }
        if (round % 2 == 0) continue;  // closed in the middle
        stop.request_stop();
        while (reply.next() != nullptr) {
        }
        if (reply.error() && reply.error()->code() != Errc::kCancelled)
          wrong[i] = reply.error()->message();
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(wrong, testing::Each(std::string()));
  EXPECT_TRUE(painted(model.generate(circle(5))) == alone);
}

// What one reply was told: steps and previews.
struct Told {
  std::vector<std::string> wrong{};
  std::size_t progress = 0, previews = 0;
};
Told told(const ImageModel& model, std::uint32_t steps, std::uint32_t previews) {
  ImageRequest request = circle(steps, steps);
  request.previews = previews;
  Reply reply = model.stream(request);
  Told so_far;
  std::uint32_t last = 0;
  while (const Event* event = reply.next()) {
    if (event->kind == Event::Kind::kMedia && event->preview) ++so_far.previews;
    if (event->kind != Event::Kind::kProgress || event->data != "painting") continue;
    ++so_far.progress;
    if (event->steps != steps || event->step < last || event->step > steps)
      so_far.wrong.push_back(std::to_string(event->step) + " of " + std::to_string(event->steps));
    last = event->step;
  }
  if (reply.error()) so_far.wrong.push_back(reply.error()->message());
  return so_far;
}

TEST(DiffusionThreads, ProgressAndPreviewsGoToTheirOwnReply) {
  const ImageModel first = load(), second = load("cpu");
  std::vector<Told> with, without;
  std::thread other([&] {
    for (int i = 0; i < 3; ++i) without.push_back(told(second, 5, 0));
  });
  for (int i = 0; i < 4; ++i) with.push_back(told(first, 3, 2));
  other.join();
  for (const Told& one : with) {
    EXPECT_THAT(one.wrong, ElementsAreArray(std::vector<std::string>{}));
    EXPECT_GT(one.progress, 0u);
    EXPECT_GT(one.previews, 0u);
  }
  for (const Told& one : without) {
    EXPECT_THAT(one.wrong, ElementsAreArray(std::vector<std::string>{}));
    EXPECT_GT(one.progress, 0u);
    EXPECT_EQ(one.previews, 0u);
  }
}

// Each thread is the first to ask for some table that the engine fills when it is asked.
TEST(DiffusionThreads, SeveralModelsLoadAtOnce) {
  std::vector<std::string> pictures(4);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < pictures.size(); ++i)
    threads.emplace_back([&, i] {
      LocalConfig config = one_thread();
      config.defaults = ImageDefaults{};
      config.defaults->negative_prompt = std::to_string(i);  // makes it a model of its own
      auto model = image(kShapes, config);
      pictures[i] = model ? painted(model->generate(circle(3))) : model.error().message();
    });
  for (std::thread& thread : threads) thread.join();
  const std::string alone = painted(load().generate(circle(3)));
  for (const std::string& picture : pictures) EXPECT_TRUE(picture == alone);
}

}  // namespace
}  // namespace infer
