// Servers repeat what they were sent: an error may quote a key. What comes out of this library does
// not.
#ifndef INFER_SRC_CLOUD_SCRUB_H_
#define INFER_SRC_CLOUD_SCRUB_H_

#include <string>
#include <string_view>
#include <vector>

#include "infer/cloud.h"
#include "infer/error.h"

namespace infer::cloud {

// The text with every secret in it replaced by "[secret]". Secrets of less than 8 bytes stay: they
// are words that occur by chance.
std::string scrubbed(std::string_view text, const std::vector<Secret>& secrets);
// The same of all texts of an error.
Error scrubbed(Error error, const std::vector<Secret>& secrets);

}  // namespace infer::cloud

#endif  // INFER_SRC_CLOUD_SCRUB_H_
