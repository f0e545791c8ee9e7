#include "src/local/model_file.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "src/local/card.h"
#include "src/local/gguf.h"
#include "src/local/image_family.h"
#include "src/local/safetensors.h"
#include "src/local/split_name.h"
#include "src/port/file.h"
#include "src/port/paths.h"

namespace infer::local {
namespace {

constexpr std::string_view kEndings[] = {".gguf", ".safetensors", ".ckpt"};

void take_parts(const ImageFile& image, ModelFile& out) {
  out.task = "image";
  out.family = image.family;
  // A denoiser without its text encoders is a model, whose card or caller names the rest.
  if (!image.denoiser) out.part = image.part;
}

void look_at_gguf(const port::File& file, bool paints, SeenFile& seen) {
  ImageFileReader reader;
  auto header = read_gguf(
      file, [&](std::string_view tensor, const auto& shape) { reader.tensor(tensor, shape); });
  ModelFile& out = seen.file;
  if (!header) {
    out.problem = header.error().message();
    return;
  }
  out.quantization = header->quantization;
  out.parameters = header->parameters;
  const ImageFile image = reader.result();
  if (paints || image.denoiser || (header->architecture.empty() && image.known())) {
    seen.scheme = "diffusion";
    take_parts(image, out);
    if (!image.known()) out.problem = "none of its tensors belongs to a model that paints";
    return;
  }
  out.family = header->architecture;
  out.context = header->context;
  // Others embed, rank or see; which, only the engine tells.
  if (header->context > 0 && header->architecture.find("bert") == std::string::npos)
    out.task = "text";
  if (header->architecture.empty()) out.problem = "the GGUF header names no architecture";
}

// The type in which most of its numbers are.
std::string main_type(const SafetensorsHeader& header) {
  std::map<std::string, std::int64_t> counts;
  for (const SafetensorsTensor& tensor : header.tensors) counts[tensor.dtype] += tensor.count;
  const auto most =
      std::max_element(counts.begin(), counts.end(),
                       [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == counts.end() ? std::string() : most->first;
}

void look_at_safetensors(const port::File& file, bool paints, SeenFile& seen) {
  seen.scheme = "diffusion";
  ModelFile& out = seen.file;
  auto header = read_safetensors(file);
  if (!header) {
    out.problem = header.error().message();
    return;
  }
  ImageFileReader reader;
  for (SafetensorsTensor& tensor : header->tensors) {
    std::reverse(tensor.shape.begin(), tensor.shape.end());
    reader.tensor(tensor.name, tensor.shape);
  }
  out.quantization = main_type(*header);
  out.parameters = header->parameters;
  const ImageFile image = reader.result();
  if (image.part == "llm" && !paints) {
    seen.scheme = "llama";
    out.task = "text";
    out.problem =
        "no engine here reads text models from .safetensors; convert it to GGUF. A model that "
        "paints may have it as its part llm";
    return;
  }
  take_parts(image, out);
  if (!image.known()) out.problem = "none of its tensors belongs to a model that paints";
}

void look_at_pickle(const port::File& file, SeenFile& seen) {
  seen.scheme = "diffusion";
  seen.file.task = "image";
  char begin[4] = {};
  const std::string_view bytes(begin, file.read_at(0, begin, sizeof begin));
  const bool zip = bytes == "PK\x03\x04";
  const bool bare = bytes.size() >= 2 && bytes[0] == '\x80' && bytes[1] >= 1 && bytes[1] <= 5;
  seen.file.problem = zip || bare
                          ? "a pickle, a format that was made to run code; it loads only with "
                            "LocalConfig::allow_pickle"
                          : "not a .ckpt file: neither a zip archive nor a pickle";
}

// Adds the sizes of the further pieces, and says which one is missing.
void add_further_pieces(const std::string& directory, const std::string& name, SeenFile& seen) {
  ModelFile& model = seen.file;
  const SplitName first = split_name(name).value_or(SplitName{});
  for (int n = 2; n <= first.count; ++n) {
    const std::string piece = first.piece(n);
    const auto file = port::File::open(directory + "/" + piece);
    if (!file || !file->is_regular()) {
      if (model.problem.empty()) model.problem = "its piece " + piece + " is missing";
      return;
    }
    model.size_bytes += file->size();
    if (first.ending == ".gguf") {
      if (const auto header = read_gguf(*file)) model.parameters += header->parameters;
    } else if (const auto tensors = read_safetensors(*file)) {
      model.parameters += tensors->parameters;
    }
  }
  if (first.count > 1 && seen.scheme == "diffusion" && model.problem.empty())
    model.problem = "split into several files, which the engine does not read; join them into one";
}

void add_card(SeenFile& seen) {
  // As loading does, which follows links first.
  const std::string real = port::canonical(seen.file.path).value_or(seen.file.path);
  auto card = read_card(real);
  if (!card) {
    if (seen.file.problem.empty()) seen.file.problem = card.error().message();
    return;
  }
  // What holds a part of itself is still the model, and counted once.
  std::erase(card->parts, real);
  for (const std::string& part : card->parts)
    if (const auto file = port::File::open(part)) seen.file.size_bytes += file->size();
  seen.card_parts = std::move(card->parts);
}

}  // namespace

bool is_model_name(std::string_view name) {
  for (const std::string_view ending : kEndings)
    if (name.size() > ending.size() && name.ends_with(ending)) return true;
  return false;
}

SeenFile look_at_model(const std::string& directory, const std::string& name, bool paints) {
  SeenFile seen;
  seen.scheme = paints || !name.ends_with(".gguf") ? "diffusion" : "llama";
  ModelFile& out = seen.file;
  out.path = directory + "/" + name;
  auto file = port::File::open(out.path);
  if (!file) {
    out.problem = file.error().message();
    return seen;
  }
  out.size_bytes = file->size();
  if (name.ends_with(".gguf")) look_at_gguf(*file, paints, seen);
  if (name.ends_with(".safetensors")) look_at_safetensors(*file, paints, seen);
  if (name.ends_with(".ckpt")) look_at_pickle(*file, seen);
  add_further_pieces(directory, name, seen);
  add_card(seen);
  return seen;
}

}  // namespace infer::local
