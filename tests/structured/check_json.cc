// Reads lines in pairs, a JSON Schema and a JSON text, and writes a line for each, what check_json
// makes of them: "fits", "misfit RULE", or "refused CODE MESSAGE".
#include <infer/structured.h>

#include <iostream>
#include <string>

int main() {
  std::string schema, json;
  while (std::getline(std::cin, schema) && std::getline(std::cin, json)) {
    const auto checked = infer::check_json(json, schema);
    if (checked) {
      std::cout << "fits\n";
      continue;
    }
    const infer::Error& error = checked.error();
    if (error.code() == infer::Errc::kInvalidOutput)
      std::cout << "misfit " << error.detail("rule") << '\n';
    else
      std::cout << "refused " << infer::to_string(error.code()) << ' ' << error.message() << '\n';
  }
}
