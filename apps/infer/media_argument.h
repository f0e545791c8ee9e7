// A picture or a document that is named on the command line.
#ifndef INFER_APPS_MEDIA_ARGUMENT_H_
#define INFER_APPS_MEDIA_ARGUMENT_H_

#include <string>

#include "infer/message.h"
#include "infer/result.h"
#include "infer/stop.h"

namespace infer::cli {

// "https://..." and the like: an address, not a file's name.
bool is_address(const std::string& name);

// A file; "-", the bytes of stdin; or an address, which is passed on to the provider (data: is
// taken apart). The errors of media.h, and of read_stdin().
Result<Media> read_media(const std::string& name, const StopToken& stop);

}  // namespace infer::cli

#endif  // INFER_APPS_MEDIA_ARGUMENT_H_
