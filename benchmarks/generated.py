"""Policies for measuring: of one size, all different, with the faults that real ones have now and then."""

from __future__ import annotations

import random
from pathlib import Path


def policy(number: int, rules: int = 20) -> str:
    """A KubeArmorPolicy with this many rules; every eighth has a fault that a rule of the catalogue names."""
    choice = random.Random(number)  # noqa: S311  # nothing secret about it
    rows = [
        "apiVersion: security.kubearmor.com/v1",
        "kind: KubeArmorPolicy",
        f"metadata:\n  name: policy-{number}\n  namespace: team-{number % 50}",
        "spec:\n  severity: 5\n  tags: [generated]\n  message: generated",
        f"  selector:\n    matchLabels:\n      app: app-{number}",
        "  process:\n    matchPaths:",
    ]
    for index in range(rules // 2):
        rows.append(f"      - path: /usr/bin/tool-{choice.randrange(1000)}-{index}")
        if index % 3 == 0:
            rows.append(f"        fromSource:\n          - path: /usr/sbin/server-{index}")
    rows.append("  file:\n    matchDirectories:")
    for index in range(rules - rules // 2):
        rows.append(f"      - dir: /srv/data-{choice.randrange(1000)}-{index}/\n        recursive: true")
        if number % 8 == 0 and index == 0:
            rows.append("        readOnly: true")
    rows.append("  action: Block")
    return "\n".join(rows) + "\n"


def write(folder: Path, count: int) -> None:
    """`count` policies, one a file, five hundred a folder."""
    for number in range(count):
        path = folder / f"{number // 500:03}" / f"policy-{number:05}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(policy(number))
