#!/usr/bin/env python3
"""header_check.py COMPILER: every public header compiles alone, twice included, with and without exceptions.

The C ABI compiles as C99 too. Prints one line per failure; 77 where the compiler is not installed."""
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FLAGS = ["-fsyntax-only", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Werror", "-I", str(ROOT / "include")]


def failure(compiler, name, flags):
    text = '#include "infer/%s"\n#include "infer/%s"\n' % (name, name)
    done = subprocess.run([compiler] + FLAGS + flags + ["-"], input=text, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, env=dict(os.environ, LC_ALL="C"))
    if done.returncode == 0:
        return None
    lines = [line for line in done.stdout.splitlines() if "error:" in line] or [done.stdout.strip()]
    return "%s, infer/%s, %s: %s" % (compiler, name, " ".join(flags), lines[0].replace(str(ROOT) + "/", ""))


def main():
    compiler = sys.argv[1]
    if not shutil.which(compiler):
        print("%s is not installed" % compiler)
        return 77
    names = sorted(path.name for path in (ROOT / "include" / "infer").glob("*.h"))
    cxx = ["-x", "c++", "-std=c++20"]
    work = [(name, cxx + mode) for name in names for mode in ([], ["-fno-exceptions", "-fno-rtti"])]
    work.append(("plugin.h", ["-x", "c", "-std=c99"]))
    problems = [problem for problem in (failure(compiler, *item) for item in work) if problem]
    print("\n".join(problems) or "%d headers, %d compilations: all pass" % (len(names), len(work)))
    return 1 if problems else 0


sys.exit(main())
