#!/usr/bin/env python3
"""readme_test.py: the C++ block of README.md is examples/quickstart.cc, to the byte.
readme_test.py PROGRAM: that file, compiled, answers."""
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def same():
    blocks = re.findall(r"^```cpp\n(.*?)^```$", (ROOT / "README.md").read_text(), re.M | re.S)
    if len(blocks) != 1:
        sys.exit("README.md has %d C++ blocks, the quick start should be the only one" % len(blocks))
    if blocks[0] != (ROOT / "examples" / "quickstart.cc").read_text():
        sys.exit("README.md's C++ block differs from examples/quickstart.cc")


def answers(program):
    done = subprocess.run([program], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=100)
    text = done.stdout.decode()
    if done.returncode or "The capital of France is Paris." not in text:
        sys.exit("exit code %d, output: %s" % (done.returncode, text))


if len(sys.argv) > 1:
    answers(sys.argv[1])
else:
    same()
