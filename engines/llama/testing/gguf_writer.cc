#include "gguf_writer.h"

#include <cstdio>
#include <new>
#include <stdexcept>

namespace infer::llama::testing {
namespace {

struct FreeContext {
  void operator()(ggml_context* context) const { ggml_free(context); }
};

[[noreturn]] void invalid(const std::string& name, const std::string& what) {
  throw std::invalid_argument("tensor " + name + ": " + what);
}

int64_t checked_count(const std::string& name, const std::vector<int64_t>& shape, ggml_type type) {
  if (shape.empty() || shape.size() > GGML_MAX_DIMS) invalid(name, "must have 1 to 4 dimensions");
  int64_t count = 1;
  for (const int64_t size : shape) {
    if (size <= 0) invalid(name, "has a dimension of " + std::to_string(size));
    count *= size;
  }
  if (shape[0] % ggml_blck_size(type) != 0) {
    invalid(name, "rows of " + std::to_string(shape[0]) + " do not fill blocks of " +
                      std::to_string(ggml_blck_size(type)) + ", which " + ggml_type_name(type) +
                      " has");
  }
  if (ggml_quantize_requires_imatrix(type))
    invalid(name, std::string(ggml_type_name(type)) + " needs an importance matrix");
  return count;
}

}  // namespace

GgufWriter::GgufWriter() : file_(gguf_init_empty()) {
  if (file_ == nullptr) throw std::bad_alloc();
}

void GgufWriter::set(const std::string& key, const std::string& value) {
  gguf_set_val_str(file_.get(), key.c_str(), value.c_str());
}
void GgufWriter::set(const std::string& key, bool value) {
  gguf_set_val_bool(file_.get(), key.c_str(), value);
}
void GgufWriter::set_u16(const std::string& key, uint16_t value) {
  gguf_set_val_u16(file_.get(), key.c_str(), value);
}
void GgufWriter::set_u32(const std::string& key, uint32_t value) {
  gguf_set_val_u32(file_.get(), key.c_str(), value);
}
void GgufWriter::set_i32(const std::string& key, int32_t value) {
  gguf_set_val_i32(file_.get(), key.c_str(), value);
}
void GgufWriter::set_u64(const std::string& key, uint64_t value) {
  gguf_set_val_u64(file_.get(), key.c_str(), value);
}
void GgufWriter::set_f32(const std::string& key, float value) {
  gguf_set_val_f32(file_.get(), key.c_str(), value);
}

void GgufWriter::set(const std::string& key, const std::vector<std::string>& values) {
  std::vector<const char*> texts;
  texts.reserve(values.size());
  for (const std::string& value : values) texts.push_back(value.c_str());
  gguf_set_arr_str(file_.get(), key.c_str(), texts.data(), texts.size());
}
void GgufWriter::set(const std::string& key, const std::vector<int32_t>& values) {
  gguf_set_arr_data(file_.get(), key.c_str(), GGUF_TYPE_INT32, values.data(), values.size());
}
void GgufWriter::set(const std::string& key, const std::vector<uint32_t>& values) {
  gguf_set_arr_data(file_.get(), key.c_str(), GGUF_TYPE_UINT32, values.data(), values.size());
}
void GgufWriter::set(const std::string& key, const std::vector<float>& values) {
  gguf_set_arr_data(file_.get(), key.c_str(), GGUF_TYPE_FLOAT32, values.data(), values.size());
}

void GgufWriter::tensor(const std::string& name, const std::vector<int64_t>& shape, ggml_type type,
                        const std::vector<float>& values) {
  const int64_t count = checked_count(name, shape, type);
  if (values.size() != static_cast<std::size_t>(count)) {
    invalid(name,
            "takes " + std::to_string(count) + " values and got " + std::to_string(values.size()));
  }
  if (name.size() >= GGML_MAX_NAME) invalid(name, "the name is too long");
  if (gguf_find_tensor(file_.get(), name.c_str()) >= 0) invalid(name, "was added already");
  // The description of the tensor, without room for its values.
  const std::unique_ptr<ggml_context, FreeContext> context(
      ggml_init({ggml_tensor_overhead(), nullptr, /*no_alloc=*/true}));
  if (context == nullptr) throw std::bad_alloc();
  ggml_tensor* tensor =
      ggml_new_tensor(context.get(), type, static_cast<int>(shape.size()), shape.data());
  ggml_set_name(tensor, name.c_str());
  const std::size_t size = ggml_nbytes(tensor);
  data_.push_back(std::make_unique<char[]>(size));
  if (ggml_quantize_chunk(type, values.data(), data_.back().get(), 0, count / shape[0], shape[0],
                          nullptr) != size) {
    invalid(name, "could not be converted");
  }
  tensor->data = data_.back().get();
  gguf_add_tensor(file_.get(), tensor);
}

void GgufWriter::write(const std::string& path) const {
  std::FILE* out = std::fopen(path.c_str(), "wb");
  bool written = out != nullptr && gguf_write_to_file_ptr(file_.get(), out, /*only_meta=*/false);
  if (out != nullptr) written = std::fclose(out) == 0 && written;
  if (!written) throw std::runtime_error("cannot write " + path);
}

}  // namespace infer::llama::testing
