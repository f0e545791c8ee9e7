// For the contract's program: requests as they would go to OpenAI, caught on the way.
#ifndef INFER_TESTS_CONTRACT_BODIES_H_
#define INFER_TESTS_CONTRACT_BODIES_H_

#include <string>

#include "infer/cloud.h"
#include "infer/model.h"

namespace infer::contract {

// Prints the request, or requests, that these make: a name, the path, the type and the body in
// base64, between tabs, one a line. What is refused before it is sent counts as a failure and is
// said to stderr.
void put_chat(const std::string& name, const TextRequest& request, infer::Wire how = Wire::kAuto);
void put_responses(const std::string& name, const TextRequest& request,
                   infer::Wire how = Wire::kAuto);
void put_picture(const std::string& name, const ImageRequest& request,
                 infer::Wire how = Wire::kAuto);
void put_embeddings(const std::string& name, const EmbeddingRequest& request);

// What OpenAI answers to a request for text, read as it would be: the body of an answer over
// Responses, in one piece.
Response read_responses(const std::string& body);

int failures();

// ---- each API's requests (a file each)
void chat_bodies();
void responses_bodies();
void picture_bodies();
void embedding_bodies();

}  // namespace infer::contract

#endif  // INFER_TESTS_CONTRACT_BODIES_H_
