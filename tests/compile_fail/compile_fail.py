#!/usr/bin/env python3
"""compile_fail.py CASE.cc COMPILER: the case compiles with -DOK and fails without it, for the reason it names.

The case's leading comments hold `// expect: REGEX` (a part of the compiler's message; with several, one must match:
compilers word things differently) and may hold `// flags: FLAGS`. 77 where the compiler is not installed."""
import re
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def main():
    case, compiler = Path(sys.argv[1]), sys.argv[2]
    if not shutil.which(compiler):
        print("%s is not installed" % compiler)
        return 77
    text = case.read_text()
    expected = re.findall(r"^// expect: (.*)$", text, re.M)
    flags = " ".join(re.findall(r"^// flags: (.*)$", text, re.M)).split()
    if not expected:
        print("%s names no expected message" % case.name)
        return 1

    def compiled(more):
        command = [compiler, "-std=c++20", "-fsyntax-only", "-I", str(ROOT / "include")] + flags + more + [str(case)]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              env=dict(os.environ, LC_ALL="C"))
        return done.returncode == 0, done.stdout

    passed, output = compiled(["-DOK"])
    if not passed:
        print("the control (-DOK) must compile, and does not:\n" + output)
        return 1
    passed, output = compiled([])
    if passed:
        print("the misuse compiles")
        return 1
    errors = "\n".join(line for line in output.splitlines() if "error:" in line)
    if not any(re.search(regex, errors) for regex in expected):
        print("it fails, but no error matches %s:\n%s" % (" or ".join(expected), output))
        return 1
    return 0


sys.exit(main())
