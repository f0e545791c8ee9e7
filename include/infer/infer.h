// infer/infer.h - everything a program needs.
//
// One API for every model. A program names a model and gets the same handle, the same events and
// the same errors, whoever answers:
//
//   #include <infer/infer.h>
//   #include <iostream>
//
//   int main() {
//     auto model = infer::text("llama:tiny-chat");
//     if (!model) { std::cerr << model.error() << '\n'; return 1; }
//
//     auto reply = model->stream("What is the capital of France?");
//     for (std::string_view chunk : reply.text()) std::cout << chunk << std::flush;
//
//     if (auto done = reply.finish()) std::cout << '\n' << done->usage << '\n';
//     else std::cerr << done.error() << '\n';
//   }
//
// Where to look, in the order of reading:
//
//   registry.h   names: text("llama:..."), what is installed, configuration
//   cloud.h      keys, addresses, proxies, limits of the providers
//   model.h      TextModel, ImageModel, EmbeddingModel, RerankModel; Reply and Response
//   request.h    what can be asked, every field
//   message.h    conversations: messages and parts
//   media.h      pictures and documents from files, bytes, addresses
//   image.h      pictures as files: PNG, JPEG, WebP
//   structured.h answers that are JSON: checked, and readable while they come
//   event.h      what a Reply gives, piece by piece, and its grammar
//   error.h      every failure; result.h: Result<T>
//   call.h       per call: stop token (stop.h), timeouts, poller
//   poller.h     many replies on one thread
//   tools.h      run_tools: a model calls functions until it has its answer
//   layers.h     wrapping models
//   mock.h       a scripted model for your tests
//
// For those who write backends: backend.h (C++), plugin.h (the C ABI), conformance.h (the suite).
//
// Five rules hold everywhere:
//   1. Nothing waits but Reply::next(), finish(), generate(), embed(), rerank(), map(),
//      run_tools() and Poller::wait().
//   2. What can fail returns a Result; nothing throws, prints or aborts.
//   3. Models are immutable and safe for concurrent use; a Reply belongs to one thread at a time.
//   4. There is nothing to initialise and nothing to shut down.
//   5. JSON crosses this API as text; no other library's type appears in it.
#ifndef INFER_INFER_H_
#define INFER_INFER_H_

#include "infer/backend.h"
#include "infer/call.h"
#include "infer/cloud.h"
#include "infer/error.h"
#include "infer/event.h"
#include "infer/image.h"
#include "infer/layers.h"
#include "infer/media.h"
#include "infer/message.h"
#include "infer/mock.h"
#include "infer/model.h"
#include "infer/poller.h"
#include "infer/registry.h"
#include "infer/request.h"
#include "infer/result.h"
#include "infer/stop.h"
#include "infer/structured.h"
#include "infer/tools.h"

#endif  // INFER_INFER_H_
