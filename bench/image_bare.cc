#include "bench/image_bare.h"

#include <cstdlib>
#include <stdexcept>

namespace infer::bench {

BarePainter::BarePainter(const std::string& model, const std::string& decoder) {
  sd_set_log_callback([](sd_log_level_t, const char*, void*) {}, nullptr);
  // Without one it writes a bar to the terminal.
  sd_set_progress_callback([](int, int, float, void*) {}, nullptr);
  sd_ctx_params_t params;
  sd_ctx_params_init(&params);
  params.model_path = model.c_str();
  params.taesd_path = decoder.c_str();
  params.free_params_immediately = false;
  params.n_threads = 1;
  params.lora_apply_mode = LORA_APPLY_AT_RUNTIME;  // as the plugin has it
  context_.reset(new_sd_ctx(&params));
  if (context_ == nullptr) throw std::runtime_error("stable-diffusion.cpp cannot load " + model);
}

Painted BarePainter::paint(const Painting& what) {
  sd_img_gen_params_t params;
  sd_img_gen_params_init(&params);
  params.prompt = what.prompt.c_str();
  params.width = params.height = static_cast<int>(what.side);
  params.seed = static_cast<int64_t>(what.seed);
  params.sample_params.sample_steps = static_cast<int>(what.steps);
  params.sample_params.sample_method = str_to_sample_method(what.method);
  params.sample_params.scheduler = str_to_scheduler(what.scheduler);
  params.sample_params.guidance.txt_cfg = static_cast<float>(what.guidance);

  Painted out;
  const Watch watch;
  sd_image_t* const image = generate_image(context_.get(), &params);
  if (image != nullptr && image->data != nullptr)
    out.pixels.assign(reinterpret_cast<const char*>(image->data),
                      std::size_t{image->width} * image->height * image->channel);
  out.seconds = watch.seconds();
  out.processor = watch.processor();
  if (image != nullptr) std::free(image->data);
  std::free(image);
  if (out.pixels.empty()) throw std::runtime_error("stable-diffusion.cpp gave no picture");
  return out;
}

}  // namespace infer::bench
