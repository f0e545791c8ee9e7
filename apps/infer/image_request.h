// What infer image asks for, from its options: all that can be known before a model is loaded, or
// asked and paid.
#ifndef INFER_APPS_IMAGE_REQUEST_H_
#define INFER_APPS_IMAGE_REQUEST_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "apps/infer/answer_options.h"
#include "apps/infer/load_options.h"
#include "apps/infer/picture_files.h"
#include "infer/image.h"
#include "infer/registry.h"
#include "infer/request.h"

namespace infer::cli {

struct ImageOptions {
  std::string model{};                  // empty: the shipped one
  std::optional<std::string> prompt{};  // "-": stdin
  std::string output{};                 // a file; "-": stdout
  std::string size{};                   // "1024x1536"; empty: the model's
  std::string quality{};                // a provider's word, or a number: request.compression
  std::vector<std::string> starts{};    // pictures to start from, as read_media() takes them
  std::string mask{}, control{};        // the same
  std::vector<std::string> references{};
  std::vector<std::string> adapters{};  // "PATH" or "PATH=SCALE"
  bool tiling = false;
  std::optional<std::uint32_t> tile{};
  std::string step_cache{};
  std::optional<double> step_cache_threshold{};
  std::optional<double> hires{};  // the scale
  HiresFix hires_fix{};           // what else there is of it
  ImageRequest request{};         // what options fill in directly
  bool preview = false;           // previews, and write them
  bool save_previews = false;
  bool metadata = false;  // prompt and parameters go into the file
  bool force = false;
  bool list_samplers = false;
  LoadOptions load{};
  Times times{};
  bool json = false;

  // --preview asks for some where their number is not given, and writes them.
  std::uint32_t previews() const {
    constexpr std::uint32_t kSome = 3;  // as many as OpenAI gives
    return preview && request.previews == 0 ? kSome : request.previews;
  }
  bool writes_previews() const { return preview || save_previews; }
};

// Nothing but what a provider is asked for, or a local model; files are read. Errors name the
// option.
struct ImageJob {
  std::string id{};  // of the model
  bool local = true;
  ImageRequest request{};
  // How pixels are encoded; of local models the only place where format and quality stand.
  EncodeOptions encoding{};
  bool encode_asked = false;  // by an option or the file's name, not by default
};
Result<ImageJob> read_image_job(const ImageOptions& options, const StopToken& stop);

// kInvalidRequest with all names where the engine of this local model has no such sample method or
// scheduler. Nothing if it does not tell its names: then the model itself refuses it.
std::optional<Error> check_samplers(const ImageJob& job);

// kInvalidRequest unless the pictures and their previews have a place to go to; the errors of
// PictureFiles::check(). Before anything is read.
std::optional<Error> check_output(const ImageOptions& options, const PictureFiles& files);

// The picture as a file's bytes: what is one already stays as it is unless words are to be put into
// it. `seed`: that of this picture, where it is known.
Result<Media> encoded(const ImageJob& job, bool metadata, const Media& media,
                      std::optional<std::uint64_t> seed);
// Whether that can work at all: tried with one pixel.
std::optional<Error> check_encoding(const ImageJob& job, bool metadata);

}  // namespace infer::cli

#endif  // INFER_APPS_IMAGE_REQUEST_H_
