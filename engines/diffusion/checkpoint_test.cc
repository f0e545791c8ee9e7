// Checkpoints as torch writes them, a zip file with a pickle in it: read only where that is
// allowed, whole, and unharmed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <tuple>
#include <vector>

#include "paint_driver.h"
#include "src/port/temp_dir.h"
#include "tensor_file.h"

namespace infer::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

template <class Number>
std::string little(Number number) {
  std::string bytes(sizeof(number), '\0');
  std::memcpy(bytes.data(), &number, sizeof(number));
  return bytes;
}

uint32_t checksum(const std::string& bytes) {
  uint32_t sum = ~uint32_t{0};
  for (const char c : bytes) {
    sum ^= static_cast<uint8_t>(c);
    for (int i = 0; i < 8; ++i) sum = sum >> 1 ^ (sum & 1 ? 0xEDB88320U : 0U);
  }
  return ~sum;
}

// A zip file whose entries are stored as they are.
class Zip {
 public:
  void add(const std::string& name, const std::string& bytes) {
    const auto size = static_cast<uint32_t>(bytes.size());
    const std::string entry = little(uint16_t{20}) + little(uint16_t{0}) + little(uint16_t{0}) +
                              little(uint32_t{0}) + little(checksum(bytes)) + little(size) +
                              little(size) + little(static_cast<uint16_t>(name.size())) +
                              little(uint16_t{0});
    index_ += std::string("PK\x01\x02") + little(uint16_t{20}) + entry + std::string(10, '\0') +
              little(static_cast<uint32_t>(file_.size())) + name;
    file_ += std::string("PK\x03\x04") + entry + name + bytes;
    ++entries_;
  }
  std::string bytes() const {
    return file_ + index_ + "PK\x05\x06" + little(uint32_t{0}) + little(entries_) +
           little(entries_) + little(static_cast<uint32_t>(index_.size())) +
           little(static_cast<uint32_t>(file_.size())) + little(uint16_t{0});
  }

 private:
  std::string file_, index_;
  uint16_t entries_ = 0;
};

std::string pickled(const std::string& text) {
  return "X" + little(static_cast<uint32_t>(text.size())) + text;
}
std::string pickled(int number) { return "J" + little(number); }

// Each tensor is the end of a storage with `more` numbers before it, as torch saves what was cut
// from something larger.
std::string checkpoint(const Tensors& all, int more) {
  Zip zip;
  std::string pickle = "\x80\x02}(";
  for (const auto& [name, shape, fill] : all) {
    int count = 1;
    std::string sides, strides;
    for (const int side : shape) sides += pickled(side);
    for (auto side = shape.rbegin(); side != shape.rend(); ++side) {
      strides.insert(0, pickled(count));
      count *= *side;
    }
    std::string data;
    for (int i = 0; i < more; ++i) data += little(1e30F);
    for (int i = 0; i < count; ++i) data += little(fill.at(static_cast<std::size_t>(i)));
    zip.add("archive/data/" + name, data);
    pickle += pickled(name) + "ctorch._utils\n_rebuild_tensor_v2\n((" + pickled("storage") +
              "ctorch\nFloatStorage\n" + pickled(name) + pickled("cpu") + pickled(more + count) +
              "tQ" + pickled(more) + "(" + sides + "t(" + strides +
              "t\x89"
              "ccollections\nOrderedDict\n)RtR";
  }
  zip.add("archive/data.pkl", pickle + "u.");
  return zip.bytes();
}

// An upscaler that makes every picture twice as large and of one grey.
Tensors grey_upscaler() {
  Tensors all;
  for (const auto& [name, from, to] :
       {std::tuple{"conv_first", 3, 64}, std::tuple{"conv_body", 64, 64},
        std::tuple{"conv_up1", 64, 64}, std::tuple{"conv_hr", 64, 64},
        std::tuple{"conv_last", 64, 3}}) {
    all.emplace_back(std::string(name) + ".weight", std::vector<int>{to, from, 3, 3}, 0.0F);
    all.emplace_back(std::string(name) + ".bias", std::vector<int>{to},
                     std::string(name) == "conv_last" ? 0.25F : 0.0F);
  }
  return all;
}

int load(Model& model, const std::string& bytes, const char* allowed) {
  const port::TempDir dir;
  const std::string path = dir.write("upscaler.pth", bytes);
  return model.load(kModels + "tiny-shapes.gguf",
                    shapes_config(",\"upscaler\":\"" + path + "\"", allowed));
}

constexpr char kAllowed[] = ",\"allow_pickle\":true";

TEST(DiffusionCheckpoint, ItsNumbersAreRead) {
  for (const int more : {0, 300000}) {  // those of a whole storage, and of the end of a larger one
    Model model;
    ASSERT_EQ(load(model, checkpoint(grey_upscaler(), more), kAllowed), INFER_OK)
        << more << ": " << model.failure().message;
    EXPECT_EQ(
        picture(model, "\"steps\":1,\"width\":16,\"height\":16,\"diffusion\":{\"upscale\":true}"),
        filled(32, 32, 3, '\x40'))
        << more;
  }
}

TEST(DiffusionCheckpoint, IsRefusedWhereItIsNotAllowedOrDamaged) {
  const std::string whole = checkpoint(grey_upscaler(), 0);
  Model model;
  EXPECT_EQ(load(model, whole, ""), INFER_E_FORBIDDEN);
  EXPECT_THAT(model.failure().message, HasSubstr("allow_pickle"));
  for (const int more : {0, 50}) {
    std::string damaged = checkpoint(grey_upscaler(), more);
    damaged[100000] = '\x3f';  // a number that is another, as its checksum tells
    EXPECT_EQ(load(model, damaged, kAllowed), INFER_E_MODEL_INVALID) << more;
    EXPECT_THAT(model.failure().message, AllOf(HasSubstr("upscaler.pth"), HasSubstr("is damaged")));
  }
}

}  // namespace
}  // namespace infer::test
