"""`make demo`: the main job on the examples, each step with the command that a user would type.

usage: python scripts/demo.py HAUBERK
"""

from __future__ import annotations

import subprocess
import sys

STEPS = (
    ("What does a policy for nginx from a tutorial really do?", ("lint", "examples/nginx/policy.yaml"), 1),
    ("And the corrected one, with the Namespace and Deployment it is for?", ("lint", "examples/nginx/corrected"), 0),
    (
        "May bash read nginx's configuration there, and why not?",
        ("explain", "examples/nginx/corrected", "--read", "/etc/nginx/nginx.conf", "--from", "/usr/bin/bash"),
        0,
    ),
    ("Who may do what there, and by which rule?", ("matrix", "examples/nginx/corrected"), 0),
    (
        "What would another enforcer make of the first policy?",
        ("diff", "--from-model", "kubearmor", "--to-model", "hauberk", "examples/nginx/policy.yaml"),
        0,
    ),
    ("Do the example policies do what their tests say?", ("test", "examples"), 0),
    ("What is HB401 about?", ("rules", "HB401"), 0),
    ("All examples; only the first policy has findings:", ("lint", "examples"), 1),
    ("Are they in canonical form?", ("fmt", "--check", "examples"), 0),
)


def main(hauberk: str) -> int:
    wrong = 0
    for title, arguments, expected in STEPS:
        print(f"\n== {title}\n$ hauberk {' '.join(arguments)}", flush=True)
        code = subprocess.run([hauberk, *arguments], check=False).returncode
        print(f"(exit code {code})", flush=True)
        if code != expected:
            print(f"expected exit code {expected}", file=sys.stderr)
            wrong += 1
    return wrong


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
