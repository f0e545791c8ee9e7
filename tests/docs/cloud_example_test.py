#!/usr/bin/env python3
"""cloud_example_test.py PROGRAM: examples/cloud.cc, compiled, asks a provider on this machine, which refuses once."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import provider_mock  # noqa: E402

with provider_mock.ProviderMock() as mock:
    env = dict(os.environ, OPENAI_BASE_URL=mock.url, OPENAI_API_KEY="sk-canary-0123", no_proxy="*",
               ANTHROPIC_BASE_URL=mock.url, ANTHROPIC_API_KEY="sk-canary-0123")
    for model in ("openai:mock-1", "anthropic:mock-1"):
        mock.plan = [provider_mock.Refusal(429, "rate_limit_error", {"retry-after-ms": "20"})]
        done = subprocess.run([sys.argv[1], model, "Which?"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              env=env, timeout=100)
        expected = [provider_mock.TEXT + "\n17 in, ", "; sent 2 times\n"]
        if done.returncode or any(text not in done.stdout for text in expected):
            sys.exit("exit code %d, output: %s%s" % (done.returncode, done.stdout, done.stderr))
        if "rate_limited" not in done.stderr or "trying again in 20 ms" not in done.stderr or "canary" in done.stderr:
            sys.exit("stderr: " + done.stderr)
    if len(mock.requests) != 4:
        sys.exit("%d requests instead of 4" % len(mock.requests))
