// The conformance component: links, and knows its rules.
#include <infer/conformance.h>

int main() { return infer::conformance_rules().empty() ? 1 : 0; }
