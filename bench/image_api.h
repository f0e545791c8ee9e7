// The runs of bench/image through the public API.
#ifndef INFER_BENCH_IMAGE_API_H_
#define INFER_BENCH_IMAGE_API_H_

#include <string>

#include "bench/image_work.h"
#include "infer/infer.h"

namespace infer::bench {

// A failed call ends the benchmark with its message. One thread.
ImageModel load_painter(const std::string& model, const std::string& decoder);

Painted paint(const ImageModel& model, const Painting& what);

}  // namespace infer::bench

#endif  // INFER_BENCH_IMAGE_API_H_
