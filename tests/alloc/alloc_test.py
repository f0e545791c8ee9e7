#!/usr/bin/env python3
"""Nothing is allocated per event: alloc_test.py INFER COUNTER.so

500 and 1000 events from the echo plugin go through the program, with one layer between source and reader. Between the
two runs the allocations must differ by fewer than 32: the reply's own copy of the text grows now and then, nothing else.
"""
import os
import subprocess
import sys
import tempfile

LIMIT = 32


def allocations(infer, counter, directory, *args):
    result = os.path.join(directory, "count")
    env = dict(os.environ, LD_PRELOAD=counter, COUNT_ALLOC_FILE=result)
    done = subprocess.run([infer, "run", *args], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=120)
    if done.returncode != 0:
        sys.exit("infer run %s: exit code %d: %s" % (" ".join(args), done.returncode, done.stderr.decode()))
    with open(result) as file:
        return int(file.read()), done.stdout.decode()


def main():
    infer, counter = (os.path.abspath(path) for path in sys.argv[1:3])
    failed = False
    with tempfile.TemporaryDirectory(prefix="infer-alloc-") as directory:
        for form in ([], ["--json"]):
            counts = []
            for deltas in (500, 1000):
                count, out = allocations(infer, counter, directory, *form, "-m", "echo:%d" % deltas, "hi")
                seen = out.count('"kind":"text"') if form else len(out.split())
                if seen != deltas or count == 0:
                    sys.exit("%d deltas asked for, %d seen, %d allocations counted" % (deltas, seen, count))
                counts.append(count)
            difference = abs(counts[1] - counts[0])
            ok = difference < LIMIT
            failed |= not ok
            print("infer run %-7s 500 events: %d allocations, 1000 events: %d, difference %d, limit %d: %s"
                  % (" ".join(form), counts[0], counts[1], difference, LIMIT, "ok" if ok else "FAILED"))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
