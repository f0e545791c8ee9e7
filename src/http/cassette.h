// Traffic kept in a file: what a Transport was asked and what it answered, as bytes with the
// boundaries of the pieces in which they came. The file: docs/formats/cassette.md.
//
// Recording, an exchange is first read to its end and written, then given from what was written:
// whatever a reader has seen is in the file, and what is not in the file nobody has seen. So
// nothing streams while a cassette records, and an exchange that is cancelled leaves no trace.
#ifndef INFER_SRC_HTTP_CASSETTE_H_
#define INFER_SRC_HTTP_CASSETTE_H_

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "infer/cloud.h"
#include "src/http/transport.h"

namespace infer::http {

// The one form of all bodies that mean the same: of JSON, its keys sorted.
using Canonical = std::function<std::string(std::string_view body)>;

// kRecord asks `inner` and appends; kReplay never asks it. What is replayed is found by method,
// path with query, and body; equal requests get their answers in the order in which they were
// recorded, the last one again and again. Bodies are compared in their canonical form, without
// `canonical` byte by byte.
//
// `secrets` are replaced by "[secret]" wherever they occur in what is written and in what is looked
// for; those of less than 8 bytes are words that occur by chance, and stay. Of headers only those
// that are known to be harmless are written at all.
//
// Errors of an exchange: kIo for a file that cannot be written; kNotFound, kForbidden, kIo for one
// that cannot be read; kProtocol, with the line, for one that is no cassette, is damaged or is of
// another version; kNotFound, with where the nearest one differs, for a request that is not in it;
// kTooLarge for an answer of more than 256 MiB while recording.
// Thread rule: safe for concurrent use. Several processes may record into one file.
std::shared_ptr<const Transport> cassette_transport(Cassette cassette,
                                                    std::shared_ptr<const Transport> inner,
                                                    std::vector<std::string> secrets = {},
                                                    Canonical canonical = {});

}  // namespace infer::http

#endif  // INFER_SRC_HTTP_CASSETTE_H_
