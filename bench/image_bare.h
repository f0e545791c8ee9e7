// The bound of bench/image: stable-diffusion.cpp without this library. One context, and its own
// call for each picture.
#ifndef INFER_BENCH_IMAGE_BARE_H_
#define INFER_BENCH_IMAGE_BARE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "bench/image_work.h"
#include "stable-diffusion.h"

namespace infer::bench {

class BarePainter {
 public:
  // The file of the denoiser and that of its small decoder. One thread.
  BarePainter(const std::string& model, const std::string& decoder);

  Painted paint(const Painting& what);

 private:
  struct Free {
    void operator()(sd_ctx_t* context) const { free_sd_ctx(context); }
  };
  std::unique_ptr<sd_ctx_t, Free> context_;
};

}  // namespace infer::bench

#endif  // INFER_BENCH_IMAGE_BARE_H_
