#!/usr/bin/env python3
"""picture_example_test.py PICTURE: the example, compiled, paints by the shipped model, into the kind of file that its name asks for."""
import os
import subprocess
import sys
import tempfile

BEGINNINGS = {"circle.png": b"\x89PNG\r\n\x1a\n", "a.webp": b"RIFF"}


def main(picture):
    with tempfile.TemporaryDirectory() as directory:
        for name, beginning in BEGINNINGS.items():
            # The first one has no arguments: all of it is the example's own.
            command = [picture] + ([] if name == "circle.png" else [name, "a blue square on a white background"])
            done = subprocess.run(command, cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=100)
            if done.returncode or name + ": 64 x 64 pixels\n" not in done.stdout:
                sys.exit("exit code %d, output: %s%s" % (done.returncode, done.stdout, done.stderr))
            with open(os.path.join(directory, name), "rb") as written:
                if not written.read().startswith(beginning):
                    sys.exit(name + " is of another kind")
        if sorted(os.listdir(directory)) != sorted(BEGINNINGS):
            sys.exit("files: %s" % os.listdir(directory))


if __name__ == "__main__":
    main(*sys.argv[1:])
