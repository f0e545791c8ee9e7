#!/usr/bin/env python3
"""cloud_example_test.py CLOUD DESCRIBE PICTURE: these examples, compiled, ask a provider on this machine."""
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import provider_mock  # noqa: E402


def check(done, *expected):
    if done.returncode or any(text not in done.stdout for text in expected) or "canary" in done.stderr:
        sys.exit("exit code %d, output: %s%s" % (done.returncode, done.stdout, done.stderr))


def main(cloud, describe, picture):
    with provider_mock.ProviderMock() as mock, tempfile.TemporaryDirectory() as directory:
        env = dict(os.environ, OPENAI_BASE_URL=mock.url, OPENAI_API_KEY="sk-canary-0123", no_proxy="*",
                   ANTHROPIC_BASE_URL=mock.url, ANTHROPIC_API_KEY="sk-canary-0123")

        def run(*command):
            return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env, timeout=100)
        for model in ("openai:mock-1", "anthropic:mock-1"):
            mock.plan = [provider_mock.Refusal(429, "rate_limit_error", {"retry-after-ms": "20"})]
            done = run(cloud, model, "Which?")
            check(done, provider_mock.TEXT + "\n17 in, ", "; sent 2 times\n")
            if "rate_limited" not in done.stderr or "trying again in 20 ms" not in done.stderr:
                sys.exit("stderr: " + done.stderr)
        if len(mock.requests) != 4:
            sys.exit("%d requests instead of 4" % len(mock.requests))

        file = os.path.join(directory, "red.png")
        check(run(picture, file, "a red circle", "openai:mock-1"), file + ": 16 x 16 pixels\n", "9 in, 272 out")
        with open(file, "rb") as written:
            if written.read() != provider_mock.png(16, 16):
                sys.exit("the picture is not the one that was sent")
        for model in ("openai:mock-1", "anthropic:mock-1"):
            check(run(describe, model, file, "Which colour?"), provider_mock.TEXT + "\n17 in, ")
            if "Which colour?" not in str(mock.requests[-1].body) or "iVBOR" not in str(mock.requests[-1].body):
                sys.exit("the question or the picture was not sent")


if __name__ == "__main__":
    main(*sys.argv[1:])
