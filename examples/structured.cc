// An answer that is JSON: shown while it is written, checked when it is whole.
//   structured                 the shipped model
//   structured openai:MODEL    another one
#include <infer/infer.h>

#include <iostream>

int main(int argc, char** argv) {
  auto model = infer::text(argc > 1 ? argv[1] : "llama:tiny-chat");
  if (!model) {
    std::cerr << model.error() << '\n';
    return 1;
  }

  infer::TextRequest request{.messages = {infer::user("What is the capital of France?")}};
  request.temperature = 0;
  request.max_tokens = 200;
  request.output = {.form = infer::Output::Form::kJsonSchema, .schema = R"({
      "type": "object",
      "properties": {"country": {"type": "string", "enum": ["France", "Spain"]},
                     "capital": {"type": "string", "enum": ["Paris", "Madrid"]}},
      "required": ["country", "capital"]})"};

  infer::PartialJson so_far;
  auto reply = model->stream(request);
  for (std::string_view chunk : reply.text()) {
    so_far.add(chunk);
    std::cout << so_far.text() << '\n';  // valid JSON at any time
  }

  if (auto whole = reply.finish()) {
    std::cout << "fits: " << whole->text() << '\n';
  } else {
    const infer::Error& error = whole.error();  // kInvalidOutput: where, and why
    std::cerr << error << '\n';
    if (error.partial()) std::cerr << "the answer was: " << error.partial()->text() << '\n';
    return 1;
  }
}
