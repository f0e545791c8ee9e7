#include "file_header.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "engines/common/refusal.h"
#include "host.h"
#include "infer/plugin.h"
#include "infer_sd.h"
#include "src/local/gguf.h"
#include "src/local/safetensors.h"
#include "src/port/file.h"

namespace infer::diffusion {
namespace {

using engine::field_refusal;
using local::ImageFileReader;

[[noreturn]] void refuse_file(const std::string& path, const std::string& field,
                              const std::string& why) {
  throw field_refusal(INFER_E_MODEL_INVALID, field, path + " " + why);
}

port::File open_regular(const std::string& path, const std::string& field) {
  auto file = port::File::open(path);
  if (!file) {
    const bool missing = file.error().code() == Errc::kNotFound;
    throw field_refusal(missing ? INFER_E_NOT_FOUND : INFER_E_FORBIDDEN, field,
                        missing ? "no file " + path : path + " cannot be read");
  }
  if (!file->is_regular())
    throw field_refusal(INFER_E_INVALID_REQUEST, field, path + " is not a regular file");
  return std::move(*file);
}

// The formats that were made to run code: a zip archive of pickles, or one alone.
bool is_pickle(std::string_view begin) {
  return begin.substr(0, 4) == "PK\x03\x04" ||
         (begin.size() >= 2 && begin[0] == '\x80' && begin[1] >= 1 && begin[1] <= 5);
}

std::int64_t read_as_gguf(const port::File& file, const std::string& path, const std::string& field,
                          ImageFileReader& reader) {
  const auto header = local::read_gguf(
      file, [&](std::string_view name, const auto& shape) { reader.tensor(name, shape); });
  if (!header) refuse_file(path, field, "is damaged: " + header.error().message());
  return header->parameters;
}

std::int64_t read_as_safetensors(const port::File& file, const std::string& path,
                                 const std::string& field, ImageFileReader& reader) {
  auto header = local::read_safetensors(file);
  if (!header) {
    refuse_file(path, field,
                "is no file that this engine reads, or it is damaged: neither GGUF nor a pickle, "
                "and " +
                    header.error().message());
  }
  for (local::SafetensorsTensor& tensor : header->tensors) {
    std::reverse(tensor.shape.begin(), tensor.shape.end());
    reader.tensor(tensor.name, tensor.shape);
  }
  return header->parameters;
}

std::int64_t read_as_pickle(const std::string& path, const std::string& field,
                            ImageFileReader& reader) {
  struct Seen {
    ImageFileReader& reader;
    std::int64_t parameters;
  } seen = {reader, 0};
  clear_engine_error();
  const auto show = [](void* to, const char* name, const int64_t* shape, int dims) {
    auto& all = *static_cast<Seen*>(to);
    all.reader.tensor(name, std::vector<std::int64_t>(shape, shape + dims));
    std::int64_t count = 1;
    for (int i = 0; i < dims; ++i) count *= shape[i];
    all.parameters += count;
  };
  bool read = false;
  std::string why;
  try {
    read = infer_sd_tensors(path.c_str(), show, &seen);
    if (!read) why = engine_error();
  } catch (const std::exception& e) {
    why = e.what();
  }
  if (!read)
    refuse_file(path, field, "is damaged, or no checkpoint" + (why.empty() ? why : ": " + why));
  return seen.parameters;
}

}  // namespace

FileHeader read_header(const std::string& path, const std::string& field, bool allow_pickle) {
  const port::File file = open_regular(path, field);
  char begin[16];
  const std::string_view seen(begin, file.read_at(0, begin, sizeof(begin)));
  if (seen.empty()) refuse_file(path, field, "is empty");
  ImageFileReader reader;
  FileHeader out;
  if (seen.substr(0, 4) == "GGUF") {
    out.parameters = read_as_gguf(file, path, field, reader);
  } else if (!is_pickle(seen)) {
    out.parameters = read_as_safetensors(file, path, field, reader);
  } else if (allow_pickle) {
    out.parameters = read_as_pickle(path, field, reader);
  } else {
    throw field_refusal(
        INFER_E_FORBIDDEN, field,
        path +
            " is a pickle, a format that was made to run code; set allow_pickle if you trust "
            "where it comes from, or convert it to .safetensors");
  }
  out.holds = reader.result();
  return out;
}

}  // namespace infer::diffusion
