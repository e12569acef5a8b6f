"""How many instructions a processor of this machine does in a second: what guests count, in time.

usage: python benchmarks/rate.py [--kernel 6.12]

The same work is counted in a guest and timed here, as root. HAUBERK_GUEST names the guests, as `make guest-tools`
prints it. What the kernel prints and libbpf reads is divided by its bytes, as the two kernels have not as many.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests")]

from support.guest import Guest  # noqa: E402
from support.payload import packages  # noqa: E402
from support.programs import INSIDE  # noqa: E402


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--kernel", default="6.12")
    given = options.parse_args()
    script = INSIDE / "rate.py"
    with Guest.boot(given.kernel, {**packages(), "/t/rate.py": script}, icount=True, memory=2048) as guest:
        counted: dict[str, float] = json.loads(guest.run(["python3", "/t/rate.py"], timeout=1200).checked())
    here = subprocess.run([sys.executable, script], check=True, stdout=subprocess.PIPE)
    timed: dict[str, float] = json.loads(here.stdout)
    for work, instructions in counted.items():
        print(f"{work:12} {instructions / timed[work]:5.1f} thousand million instructions a second")


if __name__ == "__main__":
    main()
