#!/usr/bin/env python3
"""readme_test.py: the C++ block of README.md is examples/quickstart.cc, to the byte.
readme_test.py PROGRAM TEXT...: an example, compiled, says each of these."""
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


def says(program, texts):
    done = subprocess.run([program], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=100)
    output = done.stdout.decode()
    if done.returncode or any(text not in output for text in texts):
        sys.exit("exit code %d, output: %s" % (done.returncode, output))


if len(sys.argv) > 1:
    says(sys.argv[1], sys.argv[2:])
else:
    same()
