"""Runs two commands at once; fails when one of them does.

usage: python scripts/beside.py --shown-last COMMAND COMMAND
"""

from __future__ import annotations

import argparse
import shlex
import shutil
import subprocess
import sys
import tempfile


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shown-last", required=True, metavar="COMMAND", help="Its output is shown when both ended.")
    parser.add_argument("command", metavar="COMMAND")
    given = parser.parse_args()
    with tempfile.TemporaryFile() as said:
        beside = subprocess.Popen(shlex.split(given.shown_last), stdout=said, stderr=subprocess.STDOUT)
        try:
            code = subprocess.run(shlex.split(given.command), check=False).returncode
            other = beside.wait()
        finally:
            # both have ended, or this one was interrupted
            beside.terminate()
            beside.wait()
        said.seek(0)
        print(given.shown_last, flush=True)
        shutil.copyfileobj(said, sys.stdout.buffer)
    return code or other


if __name__ == "__main__":
    sys.exit(main())
