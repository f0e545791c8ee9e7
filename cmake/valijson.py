#!/usr/bin/env python3
"""Fetches the headers of valijson, which holds JSON against a schema, where the system has none.

  valijson.py            fetches them into the build cache, if they are not there, and prints the folder
  valijson.py --where    prints where they are or would be

They come from Debian's package libvalijson-dev, by apt's own client, which checks its signature. The package itself
is not installed: it wants Qt, Poco and others for adapters that are not used here.
"""
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, HERE)
from engine import EngineError, cache_root  # noqa: E402

PACKAGE = "libvalijson-dev"
HEADER = os.path.join("valijson", "validator.hpp")
OTHERWISE = "install valijson by other means and name its prefix with CMAKE_PREFIX_PATH, or its folder of headers " \
            "with -DINFER_VALIJSON_INCLUDE_DIR=DIR"


def there(folder):
    return os.path.exists(os.path.join(folder, HEADER))


def last_line(text):
    lines = [line for line in text.decode(errors="replace").strip().splitlines() if line]
    errors = [line for line in lines if line.startswith("E:")]
    return (errors or lines or ["no output"])[0]


def apt(work, *arguments):
    done = subprocess.run(["apt-get", "-q"] + list(arguments), cwd=work, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=300)
    return done.returncode, done.stdout


def download(work):
    """The package's file, in `work`. Without apt's lists, which need root, lists of our own are made for the while."""
    code, text = apt(work, "download", PACKAGE)
    if code:
        state, cache = os.path.join(work, "state"), os.path.join(work, "cache")
        for folder in (os.path.join(state, "lists", "partial"), os.path.join(cache, "archives", "partial")):
            os.makedirs(folder)
        own = ["-o", "Dir::State=" + state, "-o", "Dir::Cache=" + cache,
               "-o", "Dir::State::status=/var/lib/dpkg/status", "-o", "APT::Sandbox::User="]
        code, text = apt(work, *own, "update")
        if not code:
            code, text = apt(work, *own, "download", PACKAGE)
    found = [name for name in os.listdir(work) if name.endswith(".deb")]
    if code or len(found) != 1:
        raise EngineError("apt-get could not fetch %s: %s" % (PACKAGE, last_line(text)))
    return os.path.join(work, found[0])


def fetch(root, final):
    for tool in ("apt-get", "dpkg-deb"):
        if not shutil.which(tool):
            raise EngineError("%s is not here" % tool)
    work = tempfile.mkdtemp(prefix=".valijson-", dir=root)
    try:
        unpacked = os.path.join(work, "unpacked")
        subprocess.run(["dpkg-deb", "-x", download(work), unpacked], check=True)
        made = os.path.join(work, "include")
        shutil.move(os.path.join(unpacked, "usr", "include"), made)
        shutil.copy(os.path.join(unpacked, "usr", "share", "doc", PACKAGE, "copyright"), made)
        if not there(made):
            raise EngineError("%s has no %s" % (PACKAGE, HEADER))
        os.makedirs(os.path.dirname(final), exist_ok=True)
        try:
            os.rename(made, final)
        except OSError:
            if not there(final):  # else: another one was quicker
                raise
    finally:
        shutil.rmtree(work, ignore_errors=True)


def main():
    try:
        root = cache_root()
        final = os.path.join(root, "valijson", "include")
        if "--where" not in sys.argv and not there(final):
            fetch(root, final)
    except (EngineError, OSError, subprocess.SubprocessError) as e:
        print("no valijson: %s; %s" % (" ".join(str(e).split()), OTHERWISE), file=sys.stderr)
        return 1
    print(final)
    return 0


if __name__ == "__main__":
    sys.exit(main())
