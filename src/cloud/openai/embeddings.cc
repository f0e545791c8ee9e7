// An EmbeddingRequest as the body of POST /embeddings.
#include <utility>

#include "src/cloud/object_writer.h"
#include "src/cloud/openai/embedding_reader.h"
#include "src/cloud/openai/extra.h"
#include "src/cloud/openai/openai.h"
#include "src/core/text_checks.h"

namespace infer::cloud {

Result<Outgoing> write_openai_embedding(const ServerModel& model, const EmbeddingRequest& r) {
  if (r.normalize && !*r.normalize)
    return Error(Errc::kUnsupported,
                 "normalize: vectors come as the server makes them, which cannot be undone; leave "
                 "it unset")
        .with_detail("field", "normalize");
  Outgoing out;
  out.path = "/embeddings";
  if (!r.input_type.empty())
    out.warnings.push_back(core::unsupported_warning("input_type", "the embeddings API"));
  RawObject body;
  if (!model.name.empty()) body.set_string("model", model.name);
  std::vector<std::string> inputs;
  inputs.reserve(r.inputs.size());
  for (const std::string& input : r.inputs) inputs.push_back(json_string(input));
  body.set("input", array_of(inputs));
  // A quarter of the bytes, and no number is read or written in tens.
  body.set_string("encoding_format", model.dialect->base64_vectors ? "base64" : "float");
  if (r.dimensions) body.set("dimensions", std::to_string(*r.dimensions));
  if (!r.user.empty()) body.set_string("user", r.user);
  if (auto error = merge_extra(
          r.extra, model.provider,
          {{"input", "EmbeddingRequest::inputs"}, {"dimensions", "EmbeddingRequest::dimensions"}},
          body))
    return std::move(*error);
  out.body = body.text();
  out.reader = std::make_unique<EmbeddingReader>(
      model, VectorOrder{.rows = r.inputs.size(),
                         .dimensions = r.dimensions,
                         .normalize = r.normalize.value_or(false)});
  return out;
}

}  // namespace infer::cloud
