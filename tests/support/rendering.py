"""Running `hauberk render` on a small policy."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from support import hauberk
from support.policies import policy

CLEAN = policy("  action: Block\n  file:\n    matchPaths:\n      - path: /etc/shadow\n", name="shadow")


def done(*arguments: str | Path, code: int = 0, **more: Any) -> subprocess.CompletedProcess[str]:
    result = hauberk("render", *arguments, **more)
    assert result.returncode == code, result.stdout + result.stderr
    assert "Traceback" not in result.stderr
    return result
