// The shipped image model paints what it is asked for, as a program sees it: all 72 combinations of
// colour, shape and ground. At most one of each 18 may be wrong, so at most 4 of all.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <utility>

#include "infer/infer.h"
#include "models/tiny-shapes/judge.h"
#include "src/port/temp_dir.h"

namespace infer::shapes {
namespace {

constexpr char kModels[] = INFER_BUILD_DIR "/share/infer/models/";

Picture drawn(const Colour& colour, std::string_view shape, const Colour& ground) {
  Picture picture;
  for (int y = 0; y < kSide; ++y)
    for (int x = 0; x < kSide; ++x)
      picture.push_back(inside(shape, x + 0.5 - 33, y + 0.5 - 31, 21) ? colour : ground);
  return picture;
}

bool is(const Verdict& verdict, const Named& colour, std::string_view shape, const Named& ground) {
  return verdict.colour == colour.name && verdict.shape == shape && verdict.ground == ground.name;
}

LocalConfig one_thread() {
  LocalConfig config;
  config.threads = 1;
  return config;
}

Picture painted(const ImageModel& model, const std::string& prompt, std::uint64_t seed) {
  ImageRequest request{.prompt = prompt};
  request.seed = seed;
  const auto response = model.generate(request);
  if (!response) {
    ADD_FAILURE() << response.error();
    return {};
  }
  Picture picture;
  for (const Part& part : response->message().parts) {
    const auto* media = part.get<Media>();
    const auto* pixels = media ? std::get_if<Pixels>(&media->source) : nullptr;
    if (!pixels || pixels->width != kSide || pixels->height != kSide || pixels->channels != 3)
      continue;
    const std::string_view bytes = pixels->data.view();
    for (std::uint32_t y = 0; y < kSide; ++y)
      for (std::uint32_t x = 0; x < kSide; ++x) {
        const auto at = static_cast<std::size_t>(y) * pixels->stride + std::size_t{x} * 3;
        Colour colour{};
        for (std::size_t i = 0; i < 3; ++i) colour[i] = static_cast<unsigned char>(bytes[at + i]);
        picture.push_back(colour);
      }
  }
  EXPECT_EQ(picture.size(), std::size_t{kSide} * kSide) << "no picture of 64 x 64";
  picture.resize(std::size_t{kSide} * kSide);
  return picture;
}

// How many of the shape's 18 pictures are what was asked for.
struct Count {
  int right = 0;
  double flat = 0;  // mean
  std::string wrong{};
};
Count count_right(const ImageModel& model, const char* shape) {
  Count count;
  std::uint64_t seed = 100;
  for (const Named& colour : kColours) {
    for (const Named& ground : kGrounds) {
      const std::string prompt = std::string(colour.name[0] == 'o' ? "an " : "a ") + colour.name +
                                 " " + shape + " on a " + ground.name + " background";
      const Verdict seen = judge(painted(model, prompt, seed++));
      count.flat += seen.flat / 18;
      if (is(seen, colour, shape, ground))
        ++count.right;
      else
        count.wrong += prompt + ": " + seen.colour + " " + seen.shape + " on " + seen.ground + "\n";
    }
  }
  return count;
}

TEST(Judge, KnowsEachDrawing) {
  for (const Named& colour : kColours)
    for (const char* shape : kShapes)
      for (const Named& ground : kGrounds) {
        const Verdict seen = judge(drawn(colour.colour, shape, ground.colour));
        EXPECT_TRUE(is(seen, colour, shape, ground))
            << colour.name << " " << shape << " on " << ground.name << " is seen as " << seen.colour
            << " " << seen.shape << " on " << seen.ground;
      }
}

TEST(Judge, TakesNothingElse) {
  EXPECT_EQ(judge(drawn({220, 90, 30}, "circle", {250, 250, 250})).colour, "none");
  EXPECT_EQ(judge(drawn({220, 30, 30}, "circle", {190, 190, 190})).ground, "none");
  EXPECT_EQ(judge(Picture(kSide * kSide, Colour{128, 128, 128})).shape, "none");
  std::mt19937 random(1);
  for (int i = 0; i < 20; ++i) {
    Picture noise(kSide * kSide);
    for (Colour& pixel : noise)
      for (int& channel : pixel) channel = static_cast<int>(random() % 256);
    EXPECT_EQ(judge(noise).shape, "none");
  }
}

class Shapes : public testing::TestWithParam<const char*> {};

TEST_P(Shapes, AreAsAskedFor) {
  const auto model = image("diffusion:tiny-shapes", one_thread());
  ASSERT_TRUE(model) << model.error();
  const Count count = count_right(*model, GetParam());
  RecordProperty("right", count.right);
  EXPECT_GE(count.right, 17) << count.wrong;
  EXPECT_GE(count.flat, 0.9);
}

INSTANTIATE_TEST_SUITE_P(, Shapes, testing::ValuesIn(kShapes),
                         [](const auto& of) { return std::string(of.param); });

// Goes through a GGUF file of version 3 whose metadata are texts, as tiny-shapes.gguf is one.
class Gguf {
 public:
  explicit Gguf(std::string bytes) : bytes_(std::move(bytes)) {}

  // Puts random numbers in the place of the denoiser's, each in the range of its type.
  std::string with_random_weights() {
    at_ = 8;
    const auto tensors = take<std::uint64_t>();
    const auto pairs = take<std::uint64_t>();
    for (std::uint64_t i = 0; i < pairs; ++i) {
      text();
      EXPECT_EQ(take<std::uint32_t>(), 8u) << "not a text";
      text();
    }
    std::vector<Place> places;
    for (std::uint64_t i = 0; i < tensors; ++i) places.push_back(tensor());
    const std::size_t data = (at_ + 31) / 32 * 32;
    for (const Place& place : places)
      if (place.name.starts_with("model.diffusion_model.")) randomise(place, data + place.offset);
    return std::move(bytes_);
  }

 private:
  struct Place {
    std::string name;
    std::size_t count = 1;
    std::uint32_t type = 0;
    std::size_t offset = 0;
  };

  template <class T>
  T take() {
    T value{};
    std::memcpy(&value, bytes_.data() + at_, sizeof value);
    at_ += sizeof value;
    return value;
  }
  std::string text() {
    const auto size = take<std::uint64_t>();
    at_ += size;
    return bytes_.substr(at_ - size, size);
  }
  Place tensor() {
    Place place;
    place.name = text();
    const auto dimensions = take<std::uint32_t>();
    for (std::uint32_t i = 0; i < dimensions; ++i) place.count *= take<std::uint64_t>();
    place.type = take<std::uint32_t>();
    place.offset = take<std::uint64_t>();
    return place;
  }
  void randomise(const Place& place, std::size_t at) {
    constexpr std::uint32_t kF32 = 0, kQ4_0 = 2, kQ8_0 = 8;
    if (place.type == kF32) {
      std::uniform_real_distribution<float> small(-0.3f, 0.3f);
      for (std::size_t i = 0; i < place.count; ++i) {
        const float value = small(random_);
        std::memcpy(bytes_.data() + at + i * sizeof value, &value, sizeof value);
      }
      return;
    }
    ASSERT_TRUE(place.type == kQ4_0 || place.type == kQ8_0) << place.name << " " << place.type;
    // Blocks of 32 numbers: their scale as a half, then their digits.
    const std::size_t digits = place.type == kQ8_0 ? 32 : 16;
    const std::uint16_t scale = place.type == kQ8_0 ? 0x1400 : 0x2400;  // 2^-10 and 2^-6
    for (std::size_t block = 0; block < place.count / 32; ++block) {
      char* to = bytes_.data() + at + block * (digits + 2);
      std::memcpy(to, &scale, sizeof scale);
      for (std::size_t i = 0; i < digits; ++i) to[i + 2] = static_cast<char>(random_());
    }
  }

  std::string bytes_;
  std::size_t at_ = 0;
  std::mt19937 random_{7};
};

TEST(Control, RandomWeightsPaintNoise) {
  std::ifstream file(std::string(kModels) + "tiny-shapes.gguf", std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  ASSERT_GT(bytes.str().size(), 1'000'000u);
  const port::TempDir dir;
  const std::string path = dir.write("random.gguf", Gguf(bytes.str()).with_random_weights());
  LocalConfig config = one_thread();
  config.parts = ImageParts{.taesd = std::string(kModels) + "tiny-shapes-tae.safetensors"};
  config.defaults = ImageDefaults{.width = 64, .height = 64, .steps = 8, .guidance = 1.0};
  const auto model = image("diffusion:" + path, config);
  ASSERT_TRUE(model) << model.error();
  const Count count = count_right(*model, "circle");
  RecordProperty("right", count.right);
  RecordProperty("flat", std::to_string(count.flat));
  EXPECT_LE(count.right, 1) << "chance is one of 72";
  EXPECT_LT(count.flat, 0.5) << "the pictures are no noise";
}

}  // namespace
}  // namespace infer::shapes
