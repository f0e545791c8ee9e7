#!/usr/bin/env python3
"""Builds a third-party engine once and keeps it: `engine.py llama` prints the directory it lies in.

The directory is $INFER_BUILD_CACHE/NAME-KEY (INFER_BUILD_CACHE: by default infer below XDG_CACHE_HOME,
or below ~/.cache) and holds include/, lib/ and the engine's LICENSE. KEY covers the pinned source and its
checksum, what of it is left out, the build's own text, its type and flags, and the compiler: the same key is found
again at once, another key is another directory, and no directory is ever changed after it appeared.

Flavours for graphics processors are builds with one flag more: `engine.py llama --define GGML_VULKAN=ON`.

The last line of stdout is the directory; progress and errors go to stderr; an error is one line.
"""
import argparse
import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
# What of the distribution is kept, and what of the kept tree is not needed to build a library.
ENGINES = {
    "llama": {
        "prefix": "vendor/llama.cpp/",
        "skip": ("models/", "docs/", "media/", "tools/", "tests/", "examples/", "gguf-py/", "conversion/",
                 "benches/", "ci/", "app/", "pocs/", "skills/", "grammars/", "requirements/"),
        "probe": ("CMakeLists.txt", "include/llama.h", "common/jinja/runtime.h"),
        "tree_variable": "INFER_LLAMA_TREE",
        "source_variable": "INFER_LLAMA_SOURCE",
        "need": ("lib/libllama.a", "lib/libggml.a", "lib/libggml-cpu.a", "lib/libggml-base.a", "lib/libinfer_common.a",
                 "include/llama.h", "include/common/chat.h", "LICENSE"),
    },
    "diffusion": {
        "prefix": "vendor/stable-diffusion.cpp/",
        "skip": ("docs/", "examples/", "script/", "thirdparty/libwebm/", "thirdparty/libwebp/", "ggml/docs/",
                 "ggml/examples/", "ggml/tests/", "ggml/scripts/", "ggml/ci/"),
        "probe": ("src/stable-diffusion.cpp", "include/stable-diffusion.h", "ggml/CMakeLists.txt"),
        "tree_variable": "INFER_SD_TREE",
        "source_variable": "INFER_SD_SOURCE",
        "need": ("lib/libstable-diffusion.a", "lib/libggml.a", "lib/libggml-cpu.a", "lib/libggml-base.a",
                 "include/stable-diffusion.h", "include/infer_sd.h", "LICENSE"),
    },
}
BUILD_TYPE = "Release"  # whatever the project is built as
MEMORY_PER_JOB = 1 << 30  # the largest translation units of an engine need about this much


class EngineError(Exception):
    """A failure that its one line explains."""


def say(text):
    print(text, file=sys.stderr, flush=True)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def pin_of(name):
    """(requirement, sha256) of engines/NAME/source.txt."""
    path = os.path.join(ROOT, "engines", name, "source.txt")
    for line in read(path).decode().splitlines():
        match = re.match(r"^([A-Za-z0-9._-]+==\S+)\s+--hash=sha256:([0-9a-f]{64})$", line.strip())
        if match:
            return match.group(1), match.group(2)
    raise EngineError("%s holds no pinned requirement with a sha256" % path)


def compiler_id(command, language):
    """Family, version and target of a compiler, whatever name it was called by."""
    try:
        macros = subprocess.run(command + ["-dM", "-E", "-x", language, os.devnull], check=True,
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.decode()
    except (OSError, subprocess.CalledProcessError):
        raise EngineError("the compiler %s does not run: install g++ or set CXX (and CC)" % " ".join(command))
    version = re.search(r'__VERSION__ "([^"]*)"', macros)
    family = "clang" if "__clang__" in macros else "gnu"
    machine = [m for m in ("__x86_64__", "__aarch64__", "__i386__", "__arm__", "__riscv", "__APPLE__", "__linux__")
               if "#define %s " % m in macros]
    return "%s %s %s" % (family, version.group(1) if version else "?", " ".join(machine))


def stamp_of(tree):
    """A stamp of a source tree that changes when a file is edited, added or removed."""
    digest = hashlib.sha256()
    for folder, folders, files in os.walk(tree):
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f != "build")
        for name in sorted(files):
            info = os.lstat(os.path.join(folder, name))
            path = os.path.relpath(os.path.join(folder, name), tree)
            digest.update(("%s\0%d\0%d\n" % (path, info.st_size, info.st_mtime_ns)).encode())
    return digest.hexdigest()


def key_of(name, args):
    upstream = os.path.join(ROOT, "engines", name, "upstream")
    parts = {
        "engine": name,
        "cc": compiler_id([args.cc], "c"),
        "cxx": compiler_id([args.cxx], "c++"),
        "upstream": hashlib.sha256(read(os.path.join(upstream, "CMakeLists.txt"))).hexdigest(),
        "flags": args.define,
        "build_type": BUILD_TYPE,
        "skip": ENGINES[name]["skip"],
        "source": [os.path.realpath(args.source), stamp_of(args.source)] if args.source else list(pin_of(name)),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:20]


def cache_root():
    root = os.environ.get("INFER_BUILD_CACHE")
    if not root:
        base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
        root = os.path.join(base, "infer")
    root = os.path.abspath(root)
    try:
        os.makedirs(root, exist_ok=True)
    except OSError as e:
        raise EngineError("cannot create the build cache %s: %s; set INFER_BUILD_CACHE" % (root, e.strerror))
    return root


def complete(name, directory):
    return all(os.path.exists(os.path.join(directory, f)) for f in ENGINES[name]["need"])


@contextlib.contextmanager
def locked(path):
    """Holds an advisory lock, so that the second of two builds waits and then finds the first one's work."""
    with open(path, "a") as f:
        try:
            fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say("waiting for another build of this engine to finish")
            fcntl.flock(f, fcntl.LOCK_EX)
        yield


def write_metadata_backend(folder):
    """A build backend that only copies PKG-INFO: pip asks for a source distribution's metadata even when it
    only downloads, and would otherwise install and run the distribution's real, unpinned build system."""
    package = os.path.join(folder, "scikit_build_core")
    os.makedirs(package)
    with open(os.path.join(package, "__init__.py"), "w") as f:
        f.write("")
    with open(os.path.join(package, "build.py"), "w") as f:
        f.write('import os, re, shutil\n'
                'def get_requires_for_build_wheel(config_settings=None):\n    return []\n'
                'def prepare_metadata_for_build_wheel(folder, config_settings=None):\n'
                '    text = open("PKG-INFO", encoding="utf-8").read()\n'
                '    field = lambda key: re.search("(?m)^%s: (.*)$" % key, text).group(1)\n'
                '    name = "%s-%s.dist-info" % (field("Name").replace("-", "_"), field("Version"))\n'
                '    os.makedirs(os.path.join(folder, name), exist_ok=True)\n'
                '    shutil.copy("PKG-INFO", os.path.join(folder, name, "METADATA"))\n'
                '    return name\n'
                'def build_wheel(folder, config_settings=None, metadata_directory=None):\n'
                '    raise RuntimeError("this distribution is only unpacked")\n')


def explain_pip(output, name, requirement):
    if "THESE PACKAGES DO NOT MATCH THE HASHES" in output:
        return "checksum mismatch: the downloaded %s is not the pinned one; it was not used" % requirement
    if "No module named pip" in output:
        return "python3 has no pip: install python3-pip"
    if "No space left" in output:
        return "no space left while downloading %s" % requirement
    if re.search(r"No matching distribution|Failed to establish|NewConnectionError|Temporary failure|timed out|"
                 r"Network is unreachable|Connection refused|ConnectionError|ProxyError", output):
        return ("cannot download %s: no package index answered; check the network, or give a source tree with "
                "-D%s=DIR" % (requirement, ENGINES[name]["source_variable"]))
    lines = [l.strip() for l in output.splitlines() if l.strip()]
    errors = [l for l in lines if l.lower().startswith("error")]
    return "pip could not download %s: %s" % (requirement, (errors or lines or ["no output"])[-1])


def download(name, work):
    """The pinned source distribution, its checksum verified by pip and again here."""
    requirement, sha256 = pin_of(name)
    package = requirement.split("==")[0]
    target, backend = os.path.join(work, "download"), os.path.join(work, "backend")
    os.makedirs(target)
    write_metadata_backend(backend)
    say("downloading %s" % requirement)
    env = dict(os.environ, PYTHONPATH=backend, PIP_DISABLE_PIP_VERSION_CHECK="1")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-build-isolation", "--no-binary", package,
               "--require-hashes", "--progress-bar", "off", "-d", target,
               "-r", os.path.join(ROOT, "engines", name, "source.txt")]
    # pip unpacks the distribution to read its metadata: in the cache, not in a /tmp that may be small.
    env["TMPDIR"] = work
    run = subprocess.run(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    output = run.stdout.decode(errors="replace")
    if run.returncode != 0:
        raise EngineError(explain_pip(output, name, requirement))
    files = os.listdir(target)
    if len(files) != 1:
        raise EngineError("pip left %d files where the source distribution of %s was expected"
                          % (len(files), requirement))
    archive = os.path.join(target, files[0])
    digest = hashlib.sha256()
    with open(archive, "rb") as f:
        for block in iter(lambda: f.read(1 << 20), b""):
            digest.update(block)
    if digest.hexdigest() != sha256:
        raise EngineError("checksum mismatch: %s has sha256 %s, pinned is %s"
                          % (files[0], digest.hexdigest(), sha256))
    return archive


def extract(name, archive, target):
    """Only plain files below the engine's folder, only names that stay below `target`."""
    spec = ENGINES[name]
    say("unpacking %s of %s" % (spec["prefix"].rstrip("/"), os.path.basename(archive)))
    with tarfile.open(archive, "r|*") as tar:
        for member in tar:
            path = member.name.split("/", 1)[1] if "/" in member.name else ""
            if not member.isfile() or not path.startswith(spec["prefix"]):
                continue
            path = path[len(spec["prefix"]):]
            if path.startswith(spec["skip"]) or path.startswith((".", "/")) or ".." in path.split("/"):
                continue
            destination = os.path.join(target, path)
            os.makedirs(os.path.dirname(destination), exist_ok=True)
            with open(destination, "wb") as out:
                shutil.copyfileobj(tar.extractfile(member), out)
            os.utime(destination, (member.mtime, member.mtime))
            os.chmod(destination, 0o755 if member.mode & 0o100 else 0o644)


def free_memory():
    """Bytes that programs may still take, what the file cache would give back included; None if unknown."""
    try:
        with open("/proc/meminfo") as f:
            return int(re.search(r"MemAvailable:\s+(\d+) kB", f.read()).group(1)) << 10
    except (AttributeError, OSError):
        return None


def jobs_of(args):
    if args.jobs:
        return args.jobs
    jobs = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    memory = free_memory()
    return jobs if memory is None else max(1, min(jobs, memory // MEMORY_PER_JOB))


def run_tool(command, log, echo):
    """Runs a build tool without the caller's compiler flags; its output goes to `log`, and to stderr if `echo`."""
    env = {k: v for k, v in os.environ.items()
           if k not in ("CFLAGS", "CXXFLAGS", "CPPFLAGS", "LDFLAGS", "MAKEFLAGS", "CMAKE_BUILD_TYPE",
                        "CMAKE_GENERATOR", "CMAKE_TOOLCHAIN_FILE", "DESTDIR")}
    # Keeps version look-ups of the engine's build from reading whatever repository lies above the cache.
    env["GIT_CEILING_DIRECTORIES"] = os.path.dirname(log)
    env["NINJA_STATUS"] = "[%f/%t] "
    shown, last = 0.0, ""
    # Left by an exception (a full disk, an interrupt), `with` shuts the tool's output, which ends it, and waits.
    with open(log, "ab") as out, \
            subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        for line in process.stdout:
            out.write(line)
            last = line.decode(errors="replace").rstrip()
            # A line per file is too much for a CI log, silence too little: one every two seconds.
            if echo and time.monotonic() - shown >= 2.0:
                shown = time.monotonic()
                say(re.sub(r"Building (C|CXX|ASM) object (\S*/)?", "", last))
    return process.returncode


def failure_of(name, log):
    text = read(log).decode(errors="replace")
    if "No space left on device" in text:
        return "no space left on device"
    if "Killed signal terminated program" in text:
        return "the compiler was killed, probably for want of memory; run cmake/engine.py %s --jobs 1 first" % name
    found = [l.strip() for l in text.splitlines() if re.search(r"\berror\b[: ]|CMake Error", l)]
    return found[0] if found else "no error line"


def build(name, args, tree, work):
    prefix, binary, log = (os.path.join(work, d) for d in ("prefix", "build", "build.log"))
    jobs = jobs_of(args)
    configure = [args.cmake, "-S", os.path.join(ROOT, "engines", name, "upstream"), "-B", binary, "-G", "Ninja",
                 "-DCMAKE_BUILD_TYPE=" + BUILD_TYPE, "-DCMAKE_C_COMPILER=" + args.cc, "-DCMAKE_CXX_COMPILER=" + args.cxx,
                 "-DCMAKE_MAKE_PROGRAM=" + args.ninja, "-DCMAKE_INSTALL_PREFIX=" + prefix,
                 "-D%s=%s" % (ENGINES[name]["tree_variable"], tree)] + ["-D" + d for d in args.define]
    steps = (("configuring", configure, False),
             ("building %s with %d jobs" % (name, jobs),
              [args.cmake, "--build", binary, "--target", "engine", "--", "-j%d" % jobs], True),
             ("installing", [args.cmake, "--install", binary], False))
    for what, command, echo in steps:
        say(what)
        if run_tool(command, log, echo) != 0:
            kept = os.path.join(cache_root(), "%s-failed.log" % name)
            shutil.copy(log, kept)
            raise EngineError("%s failed: %s (whole log: %s)" % (what, failure_of(name, log), kept))
    if not complete(name, prefix):
        raise EngineError("the build of %s ended without one of %s" % (name, ", ".join(ENGINES[name]["need"])))
    return prefix


def make(name, args, root, final):
    start = time.monotonic()
    for name_of_dead in os.listdir(root):  # the lock is held: what another build left, it left by being killed
        if name_of_dead.startswith(".%s-" % name):
            shutil.rmtree(os.path.join(root, name_of_dead), ignore_errors=True)
    work = tempfile.mkdtemp(prefix=".%s-" % name, dir=root)
    try:
        if args.source:
            tree = os.path.realpath(args.source)
        else:
            tree = os.path.join(work, "source")
            archive = download(name, work)
            extract(name, archive, tree)
            os.remove(archive)
        prefix = build(name, args, tree, work)
        if os.path.isdir(final):
            shutil.rmtree(final)  # incomplete: nothing that this script left
        os.rename(prefix, final)
    except OSError as e:
        raise EngineError("%s: %s" % (e.filename or root, e.strerror or e))
    finally:
        shutil.rmtree(work, ignore_errors=True)
    say("%s is built (%.0f s)" % (name, time.monotonic() - start))


def need_tools(args):
    for tool, package in ((args.cmake, "cmake (3.25 or newer)"), (args.ninja, "ninja-build")):
        if not shutil.which(tool):
            raise EngineError("%s is not installed: install %s" % (tool, package))


def main():
    parser = argparse.ArgumentParser(description="Builds an engine once; prints where it lies.")
    parser.add_argument("name", choices=sorted(ENGINES))
    parser.add_argument("--source", help="build this source tree instead of the pinned one; default: what the "
                        "environment's %s names" % " or ".join(sorted(e["source_variable"] for e in ENGINES.values())))
    parser.add_argument("--cc", default=os.environ.get("CC", "cc"))
    parser.add_argument("--cxx", default=os.environ.get("CXX", "c++"))
    parser.add_argument("--cmake", default="cmake")
    parser.add_argument("--ninja", default="ninja")
    parser.add_argument("--define", action="append", default=[], metavar="NAME=VALUE",
                        help="a further CMake variable of the engine's build, part of the key")
    parser.add_argument("--jobs", type=int, default=0, help="compilers at once; default: one per usable core")
    parser.add_argument("--where", action="store_true", help="print the directory, build nothing")
    args = parser.parse_args()
    args.source = args.source or os.environ.get(ENGINES[args.name]["source_variable"])
    try:
        if args.source:
            missing = [p for p in ENGINES[args.name]["probe"] if not os.path.exists(os.path.join(args.source, p))]
            if missing:
                raise EngineError("%s is no source tree of %s: it has no %s" % (args.source, args.name, missing[0]))
        root = cache_root()
        final = os.path.join(root, "%s-%s" % (args.name, key_of(args.name, args)))
        if not args.where and not complete(args.name, final):
            need_tools(args)
            with locked(os.path.join(root, "%s.lock" % args.name)):
                if not complete(args.name, final):
                    make(args.name, args, root, final)
    except EngineError as e:
        say("engine.py: %s" % " ".join(str(e).split()))
        return 1
    except OSError as e:
        say("engine.py: %s: %s" % (e.filename or args.name, e.strerror or e))
        return 1
    except KeyboardInterrupt:
        say("engine.py: interrupted; nothing was left behind")
        return 130
    print(final)
    return 0


if __name__ == "__main__":
    sys.exit(main())
