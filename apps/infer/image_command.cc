// The command line of infer image.
#include <CLI/CLI.hpp>

#include "apps/infer/image.h"
#include "apps/infer/option_groups.h"
#include "apps/infer/options.h"

namespace infer::cli {
namespace {

void add_picture_options(CLI::App& command, ImageOptions& o) {
  ImageRequest& r = o.request;
  const Group group{command, "The picture; default: as the model has it"};
  group("--size", o.size, "Pixels, such as 1024x1536")->type_name("WxH");
  group("-n,--count", r.n, "How many; default 1");
  group("--seed", r.seed, "Same seed, same picture, where a model can");
  group("--negative", r.negative_prompt, "What should not be there");
  group("--format", r.format, "png, jpeg, webp; default: by the file's name");
  group("--quality", o.quality, "0 to 100: how much of JPEG and WebP is kept; OpenAI: low, ...");
  group("--compression", r.compression, "The same as --quality with a number");
  group("--background", r.background, "OpenAI: transparent, opaque");
  group.flag("--metadata,!--no-metadata", o.metadata,
             "Write prompt and settings into the PNG, or do not, which is the default");
}

void add_other_pictures(CLI::App& command, ImageOptions& o) {
  const Group group{command, "Other pictures"};
  CLI::Option* init =
      group("--init,--edit", o.starts, "A picture to start from; providers take several")
          ->allow_extra_args(false);
  group("--strength", o.request.strength, "0 to 1: how far to leave it; default 0.75")->needs(init);
  group("--mask", o.mask, "White: what of it is painted anew; OpenAI: the transparent part");
  CLI::Option* control = group("--control", o.control, "Edges, a depth map, ...: --control-net");
  group("--control-strength", o.request.diffusion.control_strength, "0 to 10; default 0.9")
      ->needs(control);
  group("--reference", o.references, "A picture to look at; may be repeated")
      ->allow_extra_args(false);

  const Group way{command, "On the way"};
  way.flag("--preview", o.preview, "Write some, as FILE.preview-1.png and so on");
  way("--previews", o.request.previews, "How many to show");
  way.flag("--save-previews", o.save_previews, "Write them too");
}

void add_painting_options(CLI::App& command, ImageOptions& o) {
  ImageRequest& r = o.request;
  Diffusion& d = r.diffusion;
  const Group group{command, "How a local model paints; default: as the model has it"};
  group("--steps", r.steps, "How many steps");
  group("--guidance", r.guidance, "How closely to keep to the words; 1: no guidance");
  group("--distilled-guidance", d.distilled_guidance, "Of models trained with it (Flux)");
  group("--image-guidance", d.image_guidance, "How closely to keep to the picture");
  group("--sampler", r.sample_method, "A name of --list-samplers");
  group("--scheduler", r.scheduler, "The same");
  group("--eta", d.eta, "Noise of a step");
  group("--flow-shift", d.flow_shift, "Of models that match flows");
  group("--sigmas", d.sigmas, "The noise levels themselves, such as 14.6,2.1,0")->delimiter(',');
  group("--clip-skip", d.clip_skip, "Which layer of CLIP, from the last");
  CLI::Option* layers =
      group("--skip-layers", d.skip_layers, "Skip-layer guidance (SD3)")->delimiter(',');
  group("--skip-layer-scale", d.skip_layer_scale, "How much of it")->needs(layers);
  group("--lora", o.adapters, "PATH or PATH=SCALE, an adapter; may be repeated")
      ->allow_extra_args(false);
  CLI::Option* cache =
      group("--step-cache", o.step_cache, "Leave out what changes little: easycache, ...");
  group("--step-cache-threshold", o.step_cache_threshold, "How much is little")->needs(cache);
  group.flag("--tiling", o.tiling, "Decode piece by piece, for less memory");
  group("--tile", o.tile, "Their size, in latent pixels");

  const Group larger{command, "Larger pictures of a local model"};
  CLI::Option* hires = larger("--hires", o.hires, "Paint, enlarge so many times, paint over it");
  larger("--hires-upscaler", o.hires_fix.upscaler, "latent, lanczos, model, ...; default latent")
      ->needs(hires);
  larger("--hires-steps", o.hires_fix.steps, "Of the second painting")->needs(hires);
  larger("--hires-strength", o.hires_fix.strength, "0 to 1; default 0.7")->needs(hires);
  larger.flag("--upscale", o.request.diffusion.upscale, "Enlarge by --upscaler");
}

}  // namespace

void add_image_options(CLI::App& command, ImageOptions& o) {
  command.add_option("PROMPT", o.prompt, "What to paint; - reads it from stdin");
  command.add_option("-m,--model", o.model,
                     "scheme:name of a model that paints, or a file; default: the shipped one");
  command.add_option("-o,--output", o.output,
                     "The file; of several pictures FILE-1.png and so on; - for stdout");
  command.add_flag("--force", o.force, "Replace files that are there already");
  command.add_flag("--json", o.json, "Print one JSON object a line, for programs");
  command.add_flag("--list-samplers", o.list_samplers,
                   "Paint nothing; list the names for --sampler and --scheduler");
  add_picture_options(command, o);
  add_other_pictures(command, o);
  add_painting_options(command, o);
  add_image_load_options(command, o.load);
  add_cloud_options(command, o.load.cloud);
  add_retry_option(command, o.load.cloud);
  add_time_options(command, o.times);
}

}  // namespace infer::cli
