#!/usr/bin/env python3
"""install_test.py WHAT ...: installs the build into a prefix, or builds and runs one consumer of that prefix."""
import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def run(command, env=None):
    print("$ " + " ".join(map(str, command)), flush=True)
    done = subprocess.run([str(word) for word in command], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True)
    print(done.stdout, flush=True)
    if done.returncode:
        sys.exit("exit code %d" % done.returncode)
    return done.stdout


def prefix(args, where):
    shutil.rmtree(where, ignore_errors=True)
    run([args.cmake, "--install", args.build, "--prefix", where])
    expected = ["include/infer/infer.h", "include/infer/plugin.h", "include/infer/image.h",
                args.libdir + "/cmake/infer/inferConfig.cmake", args.libdir + "/pkgconfig/infer.pc",
                args.libdir + "/infer/plugins/infer-echo.so",
                "share/infer/models/tiny-chat.gguf", "share/doc/infer/LICENSE"]
    if args.diffusion:
        expected += [args.libdir + "/infer/plugins/infer-diffusion.so", "share/infer/models/tiny-shapes.gguf",
                     "share/infer/models/tiny-shapes-tae.safetensors", "share/infer/models/tiny-shapes.card.json",
                     "share/doc/infer/LICENSE.stable-diffusion.cpp"]
    missing = [name for name in expected if not (where / name).exists()]
    if missing:
        sys.exit("not installed: " + ", ".join(missing))


def ask(program):
    """With an empty environment: what is found is found by its place."""
    answer = run([program], env={})
    if answer.count("hi") != 3:
        sys.exit("expected the prompt three times, read: %r" % answer)


def ask_provider(program, args):
    """What answers is not there, so that what is built in can be told from what is not."""
    answer = run([program], env={}).strip()
    expected = "network" if args.cloud else "not_found"
    if answer != expected:
        sys.exit("expected %s, read: %r" % (expected, answer))


def paint(program, args):
    answer = run([program], env={}).strip()
    expected = "%s %s" % ("64x64" if args.diffusion else "not_found", "image/png" if args.image else "unsupported")
    if answer != expected:
        sys.exit("expected %s, read: %r" % (expected, answer))


def program(_, where, __):
    infer = where / "bin" / "infer"
    if not infer.exists():
        print("the program is not part of this build")
        sys.exit(77)
    run([infer, "version"], env={})
    answer = run([infer, "run", "-m", "echo:3", "hi"], env={})
    if answer.count("hi") != 3:
        sys.exit("expected the prompt three times, read: %r" % answer)


def cmake_consumer(args, source, work, settings):
    run([args.cmake, "-S", source, "-B", work, "-G", args.generator, "-DCMAKE_CXX_COMPILER=" + args.cxx] + settings)
    run([args.cmake, "--build", work, "-j", "2"])
    ask(work / "consumer")
    paint(work / "paint", args)


def find_package(args, where, work):
    cmake_consumer(args, HERE / "find_package", work, ["-DCMAKE_PREFIX_PATH=%s" % where])
    ask_provider(work / "cloud", args)
    found = (work / "cloud-found").read_text().strip()
    if found != ("TRUE" if args.cloud else "FALSE"):
        sys.exit("find_package(infer COMPONENTS cloud): %s" % found)


def add_subdirectory(args, where, work):
    # Linked statically: the plugins are those of the prefix that was configured. In batches, for the time it takes.
    cmake_consumer(args, HERE / "add_subdirectory", work,
                   ["-DINFER_SOURCE=%s" % ROOT, "-DCMAKE_INSTALL_PREFIX=%s" % where,
                    "-DCMAKE_INSTALL_LIBDIR=%s" % args.libdir,
                    "-DINFER_UNITY=ON",
                    "-DINFER_CLOUD=%s" % ("ON" if args.cloud else "OFF"),
                    "-DINFER_IMAGE=%s" % ("ON" if args.image else "OFF")])


def pkg_config(args, where, work):
    if not shutil.which("pkg-config"):
        print("pkg-config is not installed")
        sys.exit(77)
    work.mkdir(parents=True)
    env = dict(os.environ, PKG_CONFIG_PATH=str(where / args.libdir / "pkgconfig"))
    flags = run(["pkg-config", "--cflags", "--libs", "infer"], env).split()
    libdir = run(["pkg-config", "--variable=libdir", "infer"], env).strip()
    # The program comes first: a static library answers only what was asked before it.
    for source in ("main.cc", "cloud.cc", "paint.cc"):
        program = work / source[:-3]
        run([args.cxx, "-std=c++20", HERE / source, "-o", program] + flags + ["-Wl,-rpath," + libdir])
    ask(work / "main")
    ask_provider(work / "cloud", args)
    paint(work / "paint", args)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what")
    for name in ("cmake", "generator", "cxx", "build", "libdir", "work"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--cloud", action="store_true", help="the build has the providers")
    parser.add_argument("--image", action="store_true", help="the build reads and writes picture files")
    parser.add_argument("--diffusion", action="store_true", help="the build has the plugin and the model that paint")
    args = parser.parse_args()
    where, work = Path(args.work) / "prefix", Path(args.work) / args.what
    if args.what == "prefix":
        prefix(args, where)
        return
    shutil.rmtree(work, ignore_errors=True)
    {"program": program, "find_package": find_package, "pkg_config": pkg_config,
     "add_subdirectory": add_subdirectory}[args.what](args, where, work)


main()
