#include "painter.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>
#include <optional>
#include <string>
#include <utility>

#include "engines/common/abi.h"
#include "engines/common/refusal.h"
#include "host.h"
#include "infer_sd.h"

namespace infer::diffusion {
namespace {

using engine::Refusal;
using Clock = std::chrono::steady_clock;

// Entries that stay free for what must be told: a picture and the end.
constexpr uint32_t kKept = 4;

bool begins_with(std::string_view text, std::string_view begin) {
  return text.substr(0, begin.size()) == begin;
}

// The cheapest preview that shows the picture: by a small VAE, by a table of colours that the
// engine has for the family's latent pictures (an eighth of the size), or by the VAE itself.
preview_t preview_mode(const ModelFacts& facts) {
  if (facts.has_small_vae) return PREVIEW_TAE;
  for (const char* family : {"SD", "Instruct", "Fl", "Chroma", "Qwen", "Anima", "Z-Image"}) {
    if (begins_with(facts.family, family)) return PREVIEW_PROJ;
  }
  return PREVIEW_VAE;
}

// Of `steps`, whether this one (from 1) is to be shown, so that `wanted` are, spread evenly; the
// last one is the picture itself.
bool shows(uint32_t step, uint32_t steps, uint32_t wanted) {
  if (wanted == 0) return false;
  if (wanted >= steps) return true;
  const uint64_t all = steps - 1, many = std::min<uint64_t>(wanted, all);
  return step < steps && step * many / all > (step - 1) * many / all;
}

Picture copied(const sd_image_t& image) {
  const std::size_t bytes = std::size_t{image.width} * image.height * image.channel;
  return Picture{image.width, image.height, image.channel, {image.data, image.data + bytes}};
}

// What generate_image() and upscale() give, freed as they want it.
class Owned {
 public:
  explicit Owned(sd_image_t image) : image_(image) {}
  ~Owned() { std::free(image_.data); }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  const sd_image_t& get() const { return image_; }

 private:
  sd_image_t image_;
};

[[noreturn]] void fail_as_engine(const char* what) {
  const std::string why = engine_error();
  // The engine has no kinds of errors, and says so in words alone.
  const bool memory = why.find("alloc") != std::string::npos;
  throw Refusal(memory ? INFER_E_OUT_OF_MEMORY : INFER_E_ENGINE,
                std::string(what) + (why.empty() ? "" : ": ") + why +
                    (memory ? "; ask for a smaller picture or for vae_tiling" : ""));
}

// Hears the engine while it makes one picture.
class Progress final : public Watcher {
 public:
  Progress(engine::EntryChannel& channel, const PaintRequest& request, uint32_t picture,
           const Context& context, uint32_t threads)
      : channel_(channel),
        request_(request),
        context_(context),
        threads_(threads),
        each_(request.steps_per_picture()),
        base_(picture * each_),
        began_(Clock::now()),
        last_(began_) {
    begin_previews(request.previews == 0 ? PREVIEW_NONE : preview_mode(context.facts()));
    take_share();
  }
  ~Progress() { begin_previews(PREVIEW_NONE); }

  // Why the engine was stopped, if it was not for the reader.
  const std::optional<Refusal>& refusal() const { return refusal_; }
  Clock::duration before_painting() const { return first_step_ - began_; }

  bool loading(int, int) override { return !abandoned(); }

  void sampled(int step, int steps, float) override {
    if (abandoned()) throw Stop{};
    if (step == 0) {
      if (done_ == 0) first_step_ = Clock::now();
      before_ = done_;
    } else {
      if (done_ == 0) check_adapters_of_painting();
      done_ = before_ + static_cast<uint32_t>(step);
    }
    const Clock::time_point now = Clock::now();
    if (step > 0) tell("painting", engine::nanoseconds(now - last_));
    last_ = now;
    preview_next_step(step < steps && shows(done_ + 1, each_, request_.previews));
    take_share();
  }

  void tiled(int tile, int) override {
    if (abandoned()) throw Stop{};
    if (tile == 0) tell(done_ == 0 ? "reading" : "decoding", 0);
    take_share();
  }

  void preview(const sd_image_t& picture) override {
    if (!channel_.has_room(kKept)) return;
    try {
      engine::Entry& entry = channel_.slot();
      entry.reset(INFER_EV_MEDIA);
      entry.part = base_ / each_;
      Picture copy = copied(picture);
      entry.width = copy.width;
      entry.height = copy.height;
      entry.channels = copy.channels;
      entry.pixels = std::move(copy.data);
      entry.preview = true;
      entry.step = base_ + done_ + 1;  // shown before its step is told
      entry.steps = each_ * request_.n;
      channel_.publish();
      channel_.flush();
    } catch (const std::bad_alloc&) {
      // The picture itself will tell.
    }
  }

  // Each adapter that was asked for has found its place, or the request fails; what is left over of
  // one is said once.
  void check_adapters_of_picture() {
    check_adapters(true);
    if (base_ == 0) warn_of_leftovers();
  }

 private:
  bool abandoned() const { return channel_.cancelled() || channel_.closed(); }

  // Given back and asked for at each step, so that a long painting does not keep others waiting.
  void take_share() {
    share_.reset();
    share_.emplace(threads_);
    infer_sd_set_threads(context_.get(), static_cast<int>(share_->threads()));
    if (context_.upscaler() != nullptr)
      infer_sd_set_upscaler_threads(context_.upscaler(), static_cast<int>(share_->threads()));
  }

  // Nobody has to read this for the work to go on.
  void tell(const char* what, int64_t step_ns) {
    if (!channel_.has_room(kKept)) return;
    engine::Entry& entry = channel_.slot();
    entry.reset(INFER_EV_PROGRESS);
    entry.data = what;
    entry.step = base_ + done_;
    entry.steps = each_ * request_.n;
    entry.step_ns = step_ns;
    channel_.publish();
    channel_.flush();
  }

  void check_adapters_of_painting() {
    try {
      check_adapters(false);
    } catch (const Refusal& e) {
      refusal_ = e;
      throw Stop{};
    }
  }

  // The engine passes over a file that it cannot read and tensors that belong nowhere. After the
  // first step all have found their place but those of the VAE.
  void check_adapters(bool whole) const {
    for (const Adapter& adapter : request_.adapters) {
      if (adapter.scale == 0) continue;
      const infer_sd_adapter_t use = infer_sd_adapter(context_.get(), adapter.path.c_str());
      if (use.tensors == 0) {
        const std::string why = engine_error();
        throw Refusal(INFER_E_MODEL_INVALID, adapter.path +
                                                 " holds no adapter for models of this "
                                                 "kind" +
                                                 (why.empty() ? "" : ": ") + why);
      }
      if (use.used == 0 && (whole || use.of_decoder == 0)) {
        throw Refusal(INFER_E_MODEL_INVALID,
                      adapter.path + " is an adapter for another model: none of its " +
                          std::to_string(use.tensors) + " tensors belongs to this one");
      }
    }
  }

  void warn_of_leftovers() {
    for (const Adapter& adapter : request_.adapters) {
      const infer_sd_adapter_t use = infer_sd_adapter(context_.get(), adapter.path.c_str());
      if (adapter.scale == 0 || use.used >= use.tensors) continue;
      engine::Entry& entry = channel_.slot();
      entry.reset(INFER_EV_WARNING);
      entry.data = "unsupported_setting";
      entry.id = "diffusion.adapters: " + std::to_string(use.tensors - use.used) + " of " +
                 std::to_string(use.tensors) + " tensors of " + adapter.path +
                 " have no place in this model; the rest was used";
      entry.extra = "{\"setting\":\"diffusion.adapters\"}";
      channel_.publish();
    }
  }

  engine::EntryChannel& channel_;
  const PaintRequest& request_;
  const Context& context_;
  const uint32_t threads_, each_, base_;
  uint32_t done_ = 0, before_ = 0;  // steps of this picture; those before the hires fix
  Clock::time_point began_, last_, first_step_ = began_;
  std::optional<CpuShare> share_;
  std::optional<Refusal> refusal_;
};

}  // namespace

void Painter::admit(engine::Sequence& sequence) {
  static_cast<PaintJob&>(sequence).admitted_ = Clock::now();
}

void Painter::retire(engine::Sequence&) { reset(); }

void Painter::reset() noexcept {
  try {
    const AbortGuard guard;
    infer_sd_reset(context_->get());
    if (context_->upscaler() != nullptr) infer_sd_reset_upscaler(context_->upscaler());
  } catch (...) {
    // Nothing that frees can fail; and if it does, the next picture says so.
  }
}

void Painter::step(const std::vector<engine::Sequence*>& ready) {
  for (engine::Sequence* sequence : ready) {
    auto& job = static_cast<PaintJob&>(*sequence);
    const auto fail = [&](int code, std::string_view why) {
      job.done = true;
      engine::publish_failure(job.channel(), code, why);
    };
    try {
      const AbortGuard guard;
      paint(job);
    } catch (const Stop&) {
      job.done = true;  // the reader has gone, or knows that it cancelled
    } catch (const Refusal& e) {
      fail(e.code(), e.what());
    } catch (const infer_sd_bad_schedule& e) {
      fail(INFER_E_INVALID_REQUEST, std::string("scheduler: cannot make this number of steps: ") +
                                        e.what() + "; ask for others, or for \"discrete\"");
    } catch (const std::bad_alloc&) {
      fail(INFER_E_OUT_OF_MEMORY, "out of memory: ask for a smaller picture or for vae_tiling");
    } catch (const std::exception& e) {
      fail(INFER_E_ENGINE, std::string("stable-diffusion.cpp failed: ") + e.what());
    } catch (...) {
      fail(INFER_E_ENGINE, "stable-diffusion.cpp failed for an unknown reason");
    }
  }
}

Picture Painter::generate(PaintJob& job) {
  PaintRequest& request = job.request_;
  std::vector<sd_lora_t> loras;
  std::vector<sd_image_t> references;
  sd_img_gen_params_t params = engine_params(request, job.painted_, loras);
  for (const Picture& reference : request.references) references.push_back(view_of(reference));
  const bool of_person = context_->facts().photo_maker;
  if (of_person) {
    params.pm_params.id_images = references.data();
    params.pm_params.id_images_count = static_cast<int>(references.size());
  } else {
    params.ref_images = references.data();
    params.ref_images_count = static_cast<int>(references.size());
    params.auto_resize_ref_image = true;
  }
  const Clock::time_point began = Clock::now();
  std::optional<Picture> picture;
  {
    Progress progress(job.channel(), request, job.painted_, *context_, threads_);
    try {
      const std::unique_ptr<sd_image_t, decltype(&std::free)> images(
          generate_image(context_->get(), &params), &std::free);
      if (!images || images->data == nullptr) fail_as_engine("the picture could not be painted");
      const Owned painted(*images);
      progress.check_adapters_of_picture();
      picture = copied(painted.get());
      if (request.mask) {
        const uint32_t width = picture->width, height = picture->height;
        keep_unmasked(resized(*request.init, width, height),
                      mask_resized(*request.mask, width, height), *picture);
      }
      if (request.upscale) picture = enlarge(*picture);
    } catch (const Stop&) {
      if (progress.refusal()) throw Refusal(*progress.refusal());
      throw;
    }
    job.prefill_ += progress.before_painting();
    job.decode_ += Clock::now() - began - progress.before_painting();
  }
  return std::move(*picture);
}

Picture Painter::enlarge(const Picture& picture) {
  const Owned large(upscale(context_->upscaler(), view_of(picture),
                            static_cast<uint32_t>(get_upscale_factor(context_->upscaler()))));
  if (large.get().data == nullptr) fail_as_engine("the picture could not be enlarged");
  return copied(large.get());
}

void Painter::paint(PaintJob& job) {
  engine::EntryChannel& channel = job.channel();
  if (channel.cancelled() || channel.closed()) throw Stop{};
  clear_engine_error();
  Picture picture = generate(job);
  const PaintRequest& request = job.request_;
  if (job.painted_ == 0) job.first_ = Clock::now() - job.opened_;
  const int64_t seed = request.seed + job.painted_;
  ++job.painted_;
  engine::Entry& media = channel.slot();
  media.reset(INFER_EV_MEDIA);
  media.part = job.painted_ - 1;
  media.width = picture.width;
  media.height = picture.height;
  media.channels = picture.channels;
  media.pixels = std::move(picture.data);
  media.extra = "{\"seed\":" + std::to_string(seed) + "}";
  media.steps = request.steps_per_picture() * request.n;
  media.step = request.steps_per_picture() * job.painted_;
  channel.publish();
  if (job.painted_ == request.n) {
    job.done = true;
    engine::Entry& end = channel.slot();
    end.reset(INFER_EV_FINISH);
    end.finish = INFER_FIN_STOP;
    end.data = "stop";
    end.with_usage = true;
    end.usage = {};
    end.usage.known =
        engine::kKnowsQueue | engine::kKnowsPrefill | engine::kKnowsDecode | engine::kKnowsFirst;
    end.usage.queue_ns = engine::nanoseconds(job.admitted_ - job.opened_);
    end.usage.prefill_ns = engine::nanoseconds(job.prefill_);
    end.usage.decode_ns = engine::nanoseconds(job.decode_);
    end.usage.first_ns = engine::nanoseconds(job.first_);
    channel.publish();
  }
  channel.flush();
}

}  // namespace infer::diffusion
