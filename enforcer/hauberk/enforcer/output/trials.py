"""Results of policy tests that the kernel answered: text, JSON."""

from __future__ import annotations

import json
from dataclasses import asdict

from hauberk.enforcer.commands.test import Trials


def as_text(run: Trials) -> str:
    """What failed and what cannot run, then how many of each."""
    lines = [f"{one.path}:{one.line} failed {one.test}: {one.what}: {one.wrong}" for one in run.failed]
    lines += [f"cannot run {reason}" for reason in run.broken]
    passed = len(run.tried) - len(run.failed)
    lines.append(f"{passed} passed, {len(run.failed)} failed, {len(run.broken)} cannot run")
    return "".join(f"{line}\n" for line in lines)


def as_json(run: Trials) -> str:
    """As `hauberk test` writes it, with what the kernel answered."""
    checked = [asdict(one) | {"model": "hauberk"} for one in run.tried]
    document = {"version": 1, "checked": checked, "broken": run.broken}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
