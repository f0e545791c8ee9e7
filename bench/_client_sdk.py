#!/usr/bin/env python3
"""The rows of bench client for Python's SDKs: openai and LiteLLM, against the same server.

Makes virtual environments with the pinned versions in the build cache (INFER_BUILD_CACHE, else ~/.cache/infer) on
first use, and measures CPU time, user and system, of the whole process. Prints one JSON object; "not_run" has the reason
where a package cannot be had. LiteLLM 1.82.7, 1.82.8 and 1.107.0 were reported as compromised: never those."""
import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

# A virtual environment each: LiteLLM asks for an older openai.
PACKAGES = {"openai": "3.57.0", "litellm": "1.106.12"}
MODEL = "gpt-5-nano"
QUESTION = [{"role": "user", "content": "What is the capital of Denmark? Answer in one sentence."}]


def cache():
    return Path(os.environ.get("INFER_BUILD_CACHE") or Path.home() / ".cache" / "infer")


def environment(name):
    """The interpreter of the virtual environment, made where it is missing. A wheel that would run code at every start
    of the interpreter (a .pth file) is refused before it is installed."""
    version = PACKAGES[name]
    place = cache() / ("bench-sdk-%s-%s" % (name, version))
    python = place / "venv" / "bin" / "python"
    if (place / "ready").exists():
        return python
    venv.create(place / "venv", with_pip=True, clear=True)
    pip = [python, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run(pip + ["download", "--no-deps", "--only-binary", ":all:", "-d", place / "wheels",
                          "%s==%s" % (name, version)], check=True, stdout=sys.stderr)
    wheels = sorted((place / "wheels").glob("*.whl"))
    for wheel in wheels:
        bad = [entry for entry in zipfile.ZipFile(wheel).namelist() if entry.endswith(".pth")]
        if bad:
            raise RuntimeError("%s holds %s" % (wheel.name, ", ".join(bad)))
    subprocess.run(pip + ["install"] + wheels, check=True, stdout=sys.stderr)
    (place / "ready").touch()
    return python


def cpu():
    use = resource.getrusage(resource.RUSAGE_SELF)
    return use.ru_utime + use.ru_stime


def openai_calls(base):
    import openai
    clients = {path: openai.OpenAI(api_key="none", base_url="%s/%s/v1" % (base, path), max_retries=0)
               for path in ("burst/500", "whole")}

    def stream():
        chunks = clients["burst/500"].chat.completions.create(model=MODEL, messages=QUESTION, stream=True)
        return sum(1 for chunk in chunks if chunk.choices and chunk.choices[0].delta.content)

    def whole():
        answer = clients["whole"].chat.completions.create(model=MODEL, messages=QUESTION)
        return len(answer.choices[0].message.content)
    return stream, whole


def litellm_calls(base):
    import litellm
    litellm.telemetry = False

    def ask(path, stream):
        return litellm.completion(model="openai/" + MODEL, messages=QUESTION, stream=stream, api_key="none",
                                  base_url="%s/%s/v1" % (base, path), num_retries=0)

    def stream():
        return sum(1 for chunk in ask("burst/500", True) if chunk.choices and chunk.choices[0].delta.content)

    def whole():
        return len(ask("whole", False).choices[0].message.content)
    return stream, whole


def measure(make, base, rounds):
    """Microseconds of CPU time an event of a stream, and a small request."""
    stream, whole = make(base)
    stream()
    whole()
    burst, small = [], []
    for _ in range(rounds):
        before = cpu()
        events = sum(stream() for _ in range(2))
        burst.append((cpu() - before) * 1e6 / events)
        before = cpu()
        for _ in range(20):
            whole()
        small.append((cpu() - before) * 1e6 / 20)
    return {"burst_us": statistics.median(burst), "completion_us": statistics.median(small)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--base", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--inside", choices=sorted(PACKAGES))
    args = parser.parse_args()
    if args.inside:
        make = {"openai": openai_calls, "litellm": litellm_calls}[args.inside]
        print("RESULT " + json.dumps(measure(make, args.base, args.rounds)))
        return
    out = {}
    quiet = dict(os.environ, LITELLM_LOCAL_MODEL_COST_MAP="True", LITELLM_LOG="ERROR", NO_PROXY="127.0.0.1")
    for name, version in PACKAGES.items():
        out[name] = {"version": version}
        try:
            run = subprocess.run([environment(name), __file__, "--base", args.base, "--rounds", str(args.rounds),
                                  "--inside", name], check=True, stdout=subprocess.PIPE, text=True, env=quiet)
            lines = [line for line in run.stdout.splitlines() if line.startswith("RESULT ")]
            out[name].update(json.loads(lines[-1][len("RESULT "):]))
        except (OSError, subprocess.CalledProcessError, RuntimeError, IndexError) as error:
            out[name]["not_run"] = str(error)
    print(json.dumps(out))


if __name__ == "__main__":
    main()
