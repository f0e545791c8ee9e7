#!/usr/bin/env python3
"""Installs the mock server that the fault tests talk to, or says where it lies.

  aimock.py            installs the pinned package into the build cache, if it is not there, and prints its program
  aimock.py --where    prints where the program is or would be

A machine without node, npm or a network builds and passes its tests all the same: those that need it are skipped.
"""
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(HERE, "..", "..", "cmake"))
from engine import EngineError, cache_root  # noqa: E402

PACKAGE, VERSION = "@copilotkit/aimock", "1.43.0"


def program_in(folder):
    return os.path.join(folder, "node_modules", PACKAGE, "dist", "cli.js")


def install(root, final):
    for tool in ("node", "npm"):
        if not shutil.which(tool):
            raise EngineError("%s is not installed" % tool)
    work = tempfile.mkdtemp(prefix=".aimock-", dir=root)
    try:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(os.path.join(HERE, "aimock", name), work)
        # `ci` takes what the lock file names and checks it against the digest there.
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--omit=peer", "--loglevel=error",
                   "--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=2000"]
        done = subprocess.run(command, cwd=work, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
        if done.returncode or not os.path.exists(program_in(work)):
            lines = done.stdout.decode(errors="replace").strip().splitlines()
            raise EngineError("npm could not install it: %s" % (lines[0] if lines else "no output"))
        try:
            os.rename(work, final)
        except OSError:
            if not os.path.exists(program_in(final)):  # else: another one was quicker
                raise
    finally:
        shutil.rmtree(work, ignore_errors=True)


def main():
    try:
        root = cache_root()
        final = os.path.join(root, "aimock-" + VERSION)
        if "--where" not in sys.argv and not os.path.exists(program_in(final)):
            install(root, final)
    except (EngineError, OSError, subprocess.SubprocessError) as e:
        print("no %s %s: %s" % (PACKAGE, VERSION, " ".join(str(e).split())), file=sys.stderr)
        return 1
    print(program_in(final))
    return 0


if __name__ == "__main__":
    sys.exit(main())
