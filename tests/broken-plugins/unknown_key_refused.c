/* A request with a key of the future is refused. Breaks request.unknown_key. */
#include "broken.h"

static int open_source(infer_model* model, const infer_open* how, infer_source** out,
                       infer_error* error) {
  static const char* const known = " max_tokens messages n output stop task temperature tools ";
  json_view root, key, value;
  const char* p = NULL;
  char name[64] = " ";
  if (json_check(how->request.data, how->request.size, &root))
    while (json_member(root, &p, &key, &value)) {
      if (key.end - key.at > 60) continue;
      size_t size = 1 + json_text(key, name + 1);
      name[size] = ' ', name[size + 1] = '\0';
      if (!strstr(known, name) && !strstr(" logprobs tool_choice ", name))
        return fail(error, INFER_E_INVALID_REQUEST, "I do not know", key);
    }
  return echo_open(model, how, out, error);
}

BROKEN_PLUGIN(.open = open_source)
