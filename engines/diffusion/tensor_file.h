// For tests: files of tensors.
#ifndef INFER_ENGINES_DIFFUSION_TENSOR_FILE_H_
#define INFER_ENGINES_DIFFUSION_TENSOR_FILE_H_

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace infer::test {

// What a tensor is filled with: one number, or one for each place.
struct Fill {
  Fill(float value) : at([value](std::size_t) { return value; }) {}
  Fill(std::function<float(std::size_t)> each) : at(std::move(each)) {}
  std::function<float(std::size_t)> at;
};

using Tensors = std::vector<std::tuple<std::string, std::vector<int>, Fill>>;

// A .safetensors file of f32 tensors.
inline std::string write_tensors(const std::string& path, const Tensors& all) {
  nlohmann::json header = nlohmann::json::object();
  std::string data;
  for (const auto& [name, shape, fill] : all) {
    const std::size_t begin = data.size();
    std::size_t count = 1;
    for (const int side : shape) count *= static_cast<std::size_t>(side);
    for (std::size_t i = 0; i < count; ++i) {
      const float value = fill.at(i);
      data.append(reinterpret_cast<const char*>(&value), sizeof(value));
    }
    header[name] = {{"dtype", "F32"}, {"shape", shape}, {"data_offsets", {begin, data.size()}}};
  }
  const std::string text = header.dump();
  const auto size = static_cast<uint64_t>(text.size());
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(&size), sizeof(size))
      .write(text.data(), static_cast<std::streamsize>(text.size()))
      .write(data.data(), static_cast<std::streamsize>(data.size()));
  return path;
}

}  // namespace infer::test

#endif  // INFER_ENGINES_DIFFUSION_TENSOR_FILE_H_
