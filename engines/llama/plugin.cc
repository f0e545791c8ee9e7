// The plugin's border: the constant table, and the translation of exceptions into infer_error.
#include "infer/plugin.h"

#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "devices.h"
#include "engines/common/abi.h"
#include "engines/common/border.h"
#include "engines/common/cpu.h"
#include "gguf_file.h"
#include "host.h"
#include "llama.h"
#include "model.h"
#include "refusal.h"
#include "source.h"
#include "template_limits.h"

struct infer_model {
  explicit infer_model(const infer_load& how) : model(how) {}
  infer::llama::Model model;
};

struct infer_source {
  infer_source(const infer::llama::Model& model, const infer_open& how) : source(model, how) {}
  infer::llama::Source source;
};

namespace infer::llama {
namespace {

template <class Body>
int guarded(infer_error* error, Body&& body) noexcept {
  return engine::guarded(error, "llama.cpp", body);
}

int init(const infer_host* host, infer_error* error) {
  return guarded(error, [&]() -> int {
    // Before anything of the engine runs: it is compiled for these instructions.
    if (const char* missing = engine::missing_cpu_feature()) {
      throw Refusal(INFER_E_UNSUPPORTED, std::string("this processor has no ") + missing +
                                             ", which the llama plugin was built for");
    }
    static std::once_flag once;
    std::call_once(once, [host] {
      attach_engine(host);
      llama_backend_init();
    });
    // A flavour for a graphics processor has nothing over the plain one where there is none.
    if (std::string_view(INFER_LLAMA_NAME) != "llama" && engine::accelerators().empty()) {
      throw Refusal(INFER_E_UNSUPPORTED,
                    "its driver finds no device to compute on; the plain llama plugin needs none");
    }
    return INFER_OK;
  });
}

int load(const infer_load* how, infer_model** out, infer_error* error) {
  return guarded(error, [&]() -> int {
    const TemplateBudget budget;
    *out = new infer_model(engine::read_struct(how));
    return INFER_OK;
  });
}

void unload(infer_model* model) { delete model; }

int describe(infer_model* model, infer_str* json, infer_error*) {
  *json = engine::to_str(model->model.describe());
  return INFER_OK;
}

int probe(const infer_file* file, infer_error* error) {
  return guarded(error, [&]() -> int {
    const infer_file in = engine::read_struct(file);
    check_gguf_header(open_model_file(in).get(), file_name(in));
    return INFER_OK;
  });
}

int open(infer_model* model, const infer_open* how, infer_source** out, infer_error* error) {
  return guarded(error, [&]() -> int {
    const TemplateBudget budget;
    *out = new infer_source(model->model, engine::read_struct(how));
    return INFER_OK;
  });
}

int next(infer_source* source, infer_event* out, infer_error* error) {
  return guarded(error, [&]() -> int { return source->source.next(out, error); });
}

void cancel(infer_source* source) { source->source.cancel(); }

void close(infer_source* source) { delete source; }

int devices(infer_str* json, infer_error* error) {
  return guarded(error, [&]() -> int {
    thread_local std::string text;
    text = engine::devices_json();
    *json = engine::to_str(text);
    return INFER_OK;
  });
}

constexpr infer_str text(const char* literal, std::size_t size) { return infer_str{literal, size}; }
#define INFER_TEXT(literal) text(literal, sizeof(literal) - 1)

constexpr infer_plugin kPlugin = {
    sizeof(infer_plugin),
    INFER_ABI,
    INFER_TEXT(INFER_LLAMA_NAME),
    INFER_TEXT(INFER_LLAMA_VERSION),
    INFER_TEXT("MIT"),
    init,
    load,
    unload,
    describe,
    probe,
    open,
    next,
    cancel,
    close,
    devices,
    nullptr,  // names: requests for text name nothing of the engine's
};

}  // namespace
}  // namespace infer::llama

extern "C" INFER_EXPORT const infer_plugin* INFER_PLUGIN_ENTRY(uint32_t host_abi) {
  return host_abi == INFER_ABI ? &infer::llama::kPlugin : nullptr;
}
