#!/usr/bin/env python3
"""snippets_test.py COMPILER INCLUDE_DIRECTORY GUIDE...: the C++ in the guides compiles, each block by itself.

A block with a main() is a program. Any other is the inside of a function, and may use what stands in PRELUDE: the names
that the text around it has introduced, and the reader's own functions.
"""
import os
import re
import subprocess
import sys
import tempfile

PRELUDE = """
#include <infer/infer.h>

#include <cstdlib>
#include <iostream>

infer::Result<infer::TextModel> model = infer::text("openai:gpt-5");
infer::TextRequest request;
infer::ImageRequest wish;
infer::Media picture;
infer::ApiConfig config;
infer::Result<infer::Response> answer = infer::Response{};
infer::Result<infer::Media> photo = infer::Media{}, before = photo, after = photo;
infer::Error error(infer::Errc::kIo, "");
infer::Call call;
infer::Poller poller;
std::string long_text, text, png, json, schema;
infer::Secret read_from_your_vault();
template <class... Any> void show(Any&&...);
template <class... Any> void save(Any&&...);
template <class... Any> void shrink(Any&&...);
template <class... Any> bool ask_user(Any&&...);
"""


def blocks(path):
    """(line, code) of each."""
    with open(path) as file:
        text = file.read()
    for match in re.finditer(r"^```cpp\n(.*?)^```$", text, re.M | re.S):
        yield text.count("\n", 0, match.start()) + 2, match.group(1)


def sources(path):
    """(how many pieces, code) of the files to compile: a program each, and one of all the functions."""
    functions, includes, count = "", "", 0
    for line, code in blocks(path):
        place = '#line %d "%s"\n' % (line, path)
        if re.search(r"\bint main\(", code):
            yield 1, place + code
            continue
        count += 1
        includes += "".join(re.findall(r"^#include.*\n", code, re.M))
        code = re.sub(r"^#include.*$", "", code, flags=re.M)
        functions += "int snippet_%d() {\n%s%sreturn 0;\n}\n" % (line, place, code)
    if count:
        yield count, PRELUDE + includes + functions


def main(compiler, include, guides):
    problems, count = "", 0
    with tempfile.TemporaryDirectory() as directory:
        file = os.path.join(directory, "snippets.cc")
        for pieces, code in (source for path in guides for source in sources(path)):
            count += pieces
            with open(file, "w") as out:
                out.write(code)
            done = subprocess.run([compiler, "-std=c++20", "-fsyntax-only", "-I", include, file], text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=100)
            if done.returncode:
                problems += done.stdout
    if problems or not count:
        sys.exit(problems or "there is no C++ in the guides")
    print("%d pieces of C++ compile" % count)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
