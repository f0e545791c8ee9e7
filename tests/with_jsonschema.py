"""What the tests that need python-jsonschema share."""
import os
import subprocess
import sys

SKIPPED = 77  # what ctest takes for "skipped"


def jsonschema_or_skip():
    try:
        import jsonschema
        return jsonschema
    except ImportError:
        # The package of the system is for the system's interpreter.
        system = "/usr/bin/python3"
        if os.path.realpath(sys.executable) != os.path.realpath(system) and "INFER_RETRIED" not in os.environ:
            if subprocess.run([system, "-c", "import jsonschema"], capture_output=True).returncode == 0:
                os.environ["INFER_RETRIED"] = "1"
                os.execv(system, [system] + sys.argv)
        print("skipped: the package jsonschema (Debian: python3-jsonschema) is not installed")
        sys.exit(SKIPPED)
