// bench client: the same with libcurl and simdjson alone. Usage: bench_client_start_bare BASE_URL
#include <curl/curl.h>
#include <simdjson.h>

#include <cstdio>
#include <string>

namespace {

std::size_t keep(char* bytes, std::size_t, std::size_t size, void* to) {
  static_cast<std::string*>(to)->append(bytes, size);
  return size;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string url = std::string(argc > 1 ? argv[1] : "") + "/chat/completions";
  const char* const body =
      "{\"model\":\"gpt-5-nano\",\"messages\":[{\"role\":\"user\",\"content\":"
      "\"What is the capital of Denmark? Answer in one sentence.\"}]}";
  std::string answer;
  curl_global_init(CURL_GLOBAL_DEFAULT);
  CURL* easy = curl_easy_init();
  curl_slist* headers = curl_slist_append(nullptr, "Content-Type: application/json");
  headers = curl_slist_append(headers, "Authorization: Bearer none");
  curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, keep);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &answer);
  if (curl_easy_perform(easy) != CURLE_OK) return 1;
  simdjson::ondemand::parser parser;
  simdjson::padded_string json(answer);
  simdjson::ondemand::document document;
  if (parser.iterate(json).get(document) != 0) return 1;
  for (auto choice : document["choices"]) {
    std::string_view text;
    if (choice["message"]["content"].get_string().get(text) != 0) return 1;
    std::puts(std::string(text).c_str());
  }
  curl_slist_free_all(headers);
  curl_easy_cleanup(easy);
  return 0;
}
