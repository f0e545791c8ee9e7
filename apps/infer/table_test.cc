#include "apps/infer/table.h"

#include <gtest/gtest.h>

namespace infer::cli {
namespace {

TEST(Table, AlignsByCharactersAndEndsLinesClean) {
  Table table;
  table.row({"NAME", "B"});
  table.row({"\xC3\xA4\xC3\xB6", "2"});
  table.row({"longer", ""});
  EXPECT_EQ(table.text(), "NAME    B\n\xC3\xA4\xC3\xB6      2\nlonger\n");
}

TEST(Table, ShowsNoControlCharacters) {
  Table table;
  table.row({"a\x1b[1m", "b\nc"});
  EXPECT_EQ(table.text(), "a\xE2\x90\x9B[1m  b c\n");
}

TEST(Figures, HaveTwoOrThreeDigits) {
  EXPECT_EQ(short_count(0), "");
  EXPECT_EQ(short_count(999), "999");
  EXPECT_EQ(short_count(2600000), "2.6M");
  EXPECT_EQ(short_count(4022468096), "4.0B");
  EXPECT_EQ(short_size(1830000), "1.8 MB");
  EXPECT_EQ(short_size(999600), "1.0 MB");
  EXPECT_EQ(short_size(12), "12 B");
}

}  // namespace
}  // namespace infer::cli
