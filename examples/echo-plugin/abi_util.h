/* abi_util.h - what every plugin written in C wants: structs of another age, and errors that help.
   Copy this file along with json_scan.h. C99. */
#ifndef ABI_UTIL_H_
#define ABI_UTIL_H_
#include <infer/plugin.h>
#include <stdio.h>
#include <string.h>

#include "json_scan.h"

/* Ours from theirs: what their struct is too old to have reads as zero. */
static void take(void* mine, uint32_t size, const void* theirs) {
  uint32_t known = *(const uint32_t*)theirs;
  memset(mine, 0, size);
  memcpy(mine, theirs, known < size ? known : size);
}

/* Theirs from ours: what their struct is too old to have stays unwritten, as does their size. */
static void give(void* theirs, const void* mine, uint32_t size) {
  const uint32_t head = sizeof(uint32_t);
  uint32_t known = *(const uint32_t*)theirs;
  if (known < size) size = known;
  if (size > head) memcpy((char*)theirs + head, (const char*)mine + head, size - head);
}

static infer_str str(const char* text) {
  infer_str view = {text, strlen(text)};
  return view;
}

static json_view json_of(const char* text) {
  json_view view = {text, text + strlen(text)};
  return view;
}

/* Fills in an error and returns its code. The message says what was wrong, with what, and what to
   do; `field` is the key at fault as JSON, quotes included, or empty. */
static int fail(infer_error* error, int code, const char* message, json_view field) {
  infer_error mine;
  /* A very long key is left out: cut in two it would be no JSON. */
  int size = field.end - field.at > 200 ? 0 : (int)(field.end - field.at);
  memset(&mine, 0, sizeof mine);
  snprintf(mine.message, sizeof mine.message, "%s%s%.*s", message, size ? ": " : "", size,
           field.at);
  if (size) snprintf(mine.details, sizeof mine.details, "{\"field\":%.*s}", size, field.at);
  give(error, &mine, sizeof mine);
  return code;
}

#endif
