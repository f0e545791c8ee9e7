// The plugin's border: the constant table, and the translation of exceptions into infer_error.
#include "infer/plugin.h"

#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "engines/common/abi.h"
#include "engines/common/border.h"
#include "engines/common/cpu.h"
#include "engines/common/ggml_devices.h"
#include "engines/common/refusal.h"
#include "host.h"
#include "model.h"
#include "names.h"
#include "parts.h"
#include "source.h"

struct infer_model {
  explicit infer_model(const infer_load& how) : model(how) {}
  infer::diffusion::Model model;
};

struct infer_source {
  infer_source(const infer::diffusion::Model& model, const infer_open& how) : source(model, how) {}
  infer::diffusion::Source source;
};

namespace infer::diffusion {
namespace {

template <class Body>
int guarded(infer_error* error, Body&& body) noexcept {
  return engine::guarded(error, "stable-diffusion.cpp", body);
}

int init(const infer_host* host, infer_error* error) {
  return guarded(error, [&]() -> int {
    // Before anything of the engine runs: it is compiled for these instructions.
    if (const char* missing = engine::missing_cpu_feature()) {
      throw engine::Refusal(INFER_E_UNSUPPORTED, std::string("this processor has no ") + missing +
                                                     ", which the diffusion plugin was built for");
    }
    static std::once_flag once;
    std::call_once(once, [host] { attach_engine(host); });
    // A flavour for a graphics processor has nothing over the plain one where there is none.
    if (std::string_view(INFER_DIFFUSION_NAME) != "diffusion" && engine::accelerators().empty()) {
      throw engine::Refusal(
          INFER_E_UNSUPPORTED,
          "its driver finds no device to compute on; the plain diffusion plugin needs none");
    }
    return INFER_OK;
  });
}

int load(const infer_load* how, infer_model** out, infer_error* error) {
  return guarded(error, [&]() -> int {
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
    // Whether it is allowed is for the load to say.
    Config config;
    config.allow_pickle = true;
    check_model_file(std::string(engine::to_view(in.path)), config);
    return INFER_OK;
  });
}

int open(infer_model* model, const infer_open* how, infer_source** out, infer_error* error) {
  return guarded(error, [&]() -> int {
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

int names(infer_str* json, infer_error* error) {
  return guarded(error, [&]() -> int {
    *json = engine::to_str(names_json());
    return INFER_OK;
  });
}

constexpr infer_str text(const char* literal, std::size_t size) { return infer_str{literal, size}; }
#define INFER_TEXT(literal) text(literal, sizeof(literal) - 1)

constexpr infer_plugin kPlugin = {
    sizeof(infer_plugin),
    INFER_ABI,
    INFER_TEXT(INFER_DIFFUSION_NAME),
    INFER_TEXT(INFER_DIFFUSION_VERSION),
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
    names,
};

}  // namespace
}  // namespace infer::diffusion

extern "C" INFER_EXPORT const infer_plugin* INFER_PLUGIN_ENTRY(uint32_t host_abi) {
  return host_abi == INFER_ABI ? &infer::diffusion::kPlugin : nullptr;
}
