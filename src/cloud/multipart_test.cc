#include "src/cloud/multipart.h"

#include <gtest/gtest.h>

#include <random>

#include "src/cloud/multipart_parser_for_tests.h"

namespace infer::cloud {
namespace {

using reading::FormPart;
using reading::parse_form;

std::optional<std::vector<FormPart>> read_back(const Multipart& form) {
  const std::string boundary = form.boundary();
  return parse_form(Multipart::content_type(boundary), form.body(boundary));
}

TEST(Multipart, WhatIsWritten) {
  Multipart form;
  form.field("model", "m");
  form.file("image", "a.png", "image/png", "\x89PNG");
  EXPECT_EQ(form.body("B"),
            "--B\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n"
            "--B\r\nContent-Disposition: form-data; name=\"image\"; filename=\"a.png\"\r\n"
            "Content-Type: image/png\r\n\r\n\x89PNG\r\n--B--\r\n");
  EXPECT_EQ(Multipart::content_type("B"), "multipart/form-data; boundary=B");
}

TEST(Multipart, TheSamePartsHaveTheSameBoundary) {
  const auto made = [](std::string_view value) {
    Multipart form;
    form.field("prompt", value);
    return form.boundary();
  };
  EXPECT_EQ(made("a cat"), made("a cat"));
  EXPECT_NE(made("a cat"), made("a dog"));
}

TEST(Multipart, NamesDoNotEndEarly) {
  Multipart form;
  form.field("a\"b", "1");
  form.file("i", "x\"; name=\"y\r\nEvil: 1", "image/png", "z");
  const auto parts = read_back(form);
  ASSERT_TRUE(parts);
  ASSERT_EQ(parts->size(), 2u);
  EXPECT_EQ(parts->at(0).name, "a%22b");
  EXPECT_EQ(parts->at(1).filename, "x%22; name=%22y%0D%0AEvil: 1");
  EXPECT_EQ(parts->at(1).name, "i");
}

TEST(Multipart, WhateverIsInThemPartsComeBack) {
  std::mt19937 random(3);
  const std::string pieces[] = {"\r\n",
                                "--",
                                "\r\n--",
                                "----form-",
                                "0123456789abcdef",
                                "\"",
                                std::string(1, '\0'),
                                "\xff",
                                "a",
                                "Content-Type: x\r\n\r\n"};
  for (int round = 0; round < 500; ++round) {
    std::vector<std::string> contents(1 + random() % 5);
    for (std::string& content : contents)
      for (std::size_t i = random() % 12; i-- > 0;) content += pieces[random() % 10];
    Multipart form;
    for (std::size_t i = 0; i < contents.size(); ++i) {
      if (i % 2 == 0)
        form.field("f" + std::to_string(i), contents[i]);
      else
        form.file("f" + std::to_string(i), "n", "t/t", contents[i]);
    }
    const auto parts = read_back(form);
    ASSERT_TRUE(parts);
    ASSERT_EQ(parts->size(), contents.size());
    for (std::size_t i = 0; i < contents.size(); ++i) {
      EXPECT_EQ(parts->at(i).content, contents[i]);
      EXPECT_EQ(parts->at(i).is_file, i % 2 == 1);
    }
  }
}

// A form inside of a form, as somebody would make it who knows how boundaries are chosen.
TEST(Multipart, AFormInsideOfAForm) {
  Multipart inner;
  inner.field("prompt", "hello");
  for (int depth = 0; depth < 20; ++depth) {
    const std::string body = inner.body(inner.boundary());
    Multipart outer;
    outer.file("image", "form.txt", "text/plain", body);
    const auto parts = read_back(outer);
    ASSERT_TRUE(parts);
    ASSERT_EQ(parts->size(), 1u);
    EXPECT_EQ(parts->at(0).content, body);
    inner = Multipart();
    inner.field("inner", body);
  }
}

// Content that holds the very boundary that would be chosen for it, for as long as it is the first
// choice.
TEST(Multipart, ABoundaryThatOccursIsNotTaken) {
  std::string lines;
  for (std::uint64_t i = 0; i < 16; ++i)
    for (const char c : std::string("0123456789abcdef")) {
      lines += "----form-";
      lines += std::string(15, '0') + c;
    }
  Multipart form;
  form.field("prompt", lines);
  const std::string boundary = form.boundary();
  EXPECT_EQ(lines.find(boundary), std::string::npos);
}

}  // namespace
}  // namespace infer::cloud
