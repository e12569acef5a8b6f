"""Where a report goes: to the file that was asked for, or to standard output, in colour on a terminal."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from hauberk.cli.files import write


def emit(text: str, output: Path | None) -> None:
    """Raises HauberkError where `output` cannot be written; a file is written whole or not at all."""
    write(output or "-", text)
    sys.stdout.flush()


def coloured(output: Path | None = None) -> bool:
    """On a terminal, unless NO_COLOR says otherwise (https://no-color.org); never in a file."""
    terminal = output is None and sys.stdout.isatty()
    return terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
