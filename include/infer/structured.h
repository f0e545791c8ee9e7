// infer/structured.h - answers that are JSON.
//
//   infer::TextRequest request{.messages = {infer::user("Who wrote Emma, and when?")}};
//   request.output = {.form = infer::Output::Form::kJsonSchema, .schema = R"({
//       "type": "object",
//       "properties": {"author": {"type": "string"}, "year": {"type": "integer"}},
//       "required": ["author", "year"]})"};
//
//   infer::PartialJson json;                                  // what can be read so far
//   auto reply = model->stream(request);
//   for (std::string_view chunk : reply.text()) {
//     json.add(chunk);
//     show(json.text());                                      // {"author":"Jane Au"}
//   }
//   auto whole = reply.finish();                              // fits the schema, or kInvalidOutput
//
// One schema serves all providers: what each takes differs, and is fitted (Output::strict); whether
// the answer fits the schema as given is checked here (Output::check).
//
// Schemas are JSON Schema, draft 7, and of the later drafts "$defs", "prefixItems", what stands
// beside a "$ref", "dependentRequired" and "dependentSchemas". A "$ref" leads inside of the schema
// only; nothing is ever fetched. "format" says nothing here. A keyword that would change the
// verdict and is not checked is refused by name, never passed over: docs/guides/structured.md.
//
// Thread rule: plain values.
#ifndef INFER_STRUCTURED_H_
#define INFER_STRUCTURED_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "infer/result.h"

namespace infer {
inline namespace v0 {

// Whether the text is JSON that fits the schema. kInvalidOutput if not: the message says where and
// why, details "pointer" (RFC 6901, into the text) and "rule" (the schema's keyword; "syntax" where
// it is no JSON). kInvalidRequest for a schema that is none or cannot be checked, with the details
// "field" ("schema"), "pointer" (into the schema) and "rule"; kTooLarge if telling would take too
// long: 64 steps for each byte of the text and a million more, a step being one look at one value,
// or at eight entries of a list that it is compared with (enum, properties, required).
INFER_API Result<void> check_json(std::string_view json, std::string_view schema);

// JSON that is still coming, made whole: open strings, arrays and objects are closed; a member
// without its value is left out, and so is a word, a number, an escape or a character that may be
// cut ("12" can become 123: it counts once what follows it has come; only where the whole text is
// a number, that is shown as it grows).
//
// What text() holds is always the beginning of what it will hold: strings grow, arrays and objects
// gain elements and members at their end, and nothing that was there changes.
class INFER_API PartialJson {
 public:
  // The next piece; may end anywhere, also inside of a character. False, and all that follows is
  // ignored, once what came cannot be the beginning of a JSON text (RFC 8259, in UTF-8, nested at
  // most 128 deep). Costs what the piece costs.
  bool add(std::string_view piece);
  // Valid JSON; "null" as long as no value has begun. Copies what has come.
  std::string text() const;
  // The value has come to its end; only white space may follow. A text that is only a number has no
  // end of its own: it is complete with the white space after it.
  bool complete() const noexcept;
  bool valid() const noexcept { return valid_; }

 private:
  bool take(unsigned char c);
  bool begin_value(unsigned char c);
  bool in_string(unsigned char c);
  bool in_escape(unsigned char c);
  bool in_number(unsigned char c);
  bool close(unsigned char c);
  void end_value(std::size_t size);

  std::string bytes_{};              // what has come
  std::string stack_{};              // what is open: '{' or '['
  std::size_t keep_ = 0;             // bytes_ up to here can be closed
  std::size_t at_ = 0;               // bytes_ up to here have been looked at
  std::uint32_t unit_ = 0;           // the escape being read; a first half of two waits above it
  std::uint8_t state_ = 0;           // what is awaited
  std::uint8_t step_ = 0;            // how far into a word, a number, an escape
  std::uint8_t more_ = 0;            // bytes that the character still has
  std::uint8_t low_ = 0, high_ = 0;  // what the next of them may be
  bool key_ = false;                 // the string is a member's name
  bool valid_ = true;
};

}  // namespace v0
}  // namespace infer

#endif  // INFER_STRUCTURED_H_
