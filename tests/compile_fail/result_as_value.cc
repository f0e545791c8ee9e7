// A Result is not its value: what may have failed is looked at first.
// expect: conversion from '.*Result<.*TextModel>' to non-scalar type '.*TextModel'
// expect: no viable conversion from '.*Result<.*>' to '.*TextModel'
#include "infer/infer.h"

void open() {
  auto opened = infer::text("echo:");
#ifdef OK
  if (!opened) return;
  infer::TextModel model = *opened;
#else
  infer::TextModel model = opened;
#endif
  (void)model;
}
