#!/usr/bin/env python3
"""The keys of a command line never come out of it: cli_secrets_test.py INFER

Runs the program against servers that repeat the key they were sent, with everything that it can be asked to tell.
"""
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
CANARY = "canary-5Hq2mZ7"  # in every key
# Scheme -> what a base URL ends in, and the environment's names of its keys.
PROVIDERS = {
    "openai": ("v1", ["OPENAI_API_KEY"]),
    "anthropic": ("v1", ["ANTHROPIC_API_KEY"]),
    "groq": ("openai/v1", ["GROQ_API_KEY"]),
    "modal": ("v1", ["MODAL_API_KEY", "MODAL_PROXY_TOKEN_ID", "MODAL_PROXY_TOKEN_SECRET"]),
}


def start_server():
    server = subprocess.Popen([sys.executable, os.path.join(HERE, "fault_server.py")], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True)
    words = server.stdout.readline().split()
    return server, "http://127.0.0.1:" + words[words.index("port") + 1]


def main():
    program = sys.argv[1]
    server, origin = start_server()
    failures = runs = 0
    for scheme, (tail, keys) in PROVIDERS.items():
        for fault, code in (("well", 0), ("echo-key", None), ("echo-key-event", None), ("echo-key:500", None),
                            ("redirect:other", None), ("html", None)):
            # A key of the environment goes to the environment's address.
            environment = dict(os.environ, no_proxy="*")
            environment[scheme.upper() + "_BASE_URL"] = "%s/%s/%s" % (origin, fault, tail)
            environment.update((name, "%s-%d" % (CANARY, i)) for i, name in enumerate(keys))
            for more in (["--stats", "--verbose"], ["--json"]):
                command = [program, "run", "-m", scheme + ":fault-1", "--no-retry"] + more + ["Hi"]
                done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, text=True, errors="replace", timeout=60)
                runs += 1
                wrong = []
                if CANARY in done.stdout:
                    wrong.append("the key comes out")
                if code == 0 and ("Hello" not in done.stdout or done.returncode != 0):
                    wrong.append("it does not answer")
                if fault.startswith("echo-key") and "[secret]" not in done.stdout:
                    wrong.append("the server was not told the key")
                if code is None and (done.returncode == 0 or not done.stdout):
                    wrong.append("it does not fail")
                if wrong:
                    failures += 1
                    print("%s: %s (exit code %d)\n%s" % (" ".join(command), ", ".join(wrong), done.returncode,
                                                        done.stdout))
    server.stdin.close()
    server.wait()
    print("%d runs, %d wrong" % (runs, failures))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
