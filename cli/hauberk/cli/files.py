"""Writing files: the whole text or nothing."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hauberk.policy.problems import HauberkError


def write(path: str | Path, text: str) -> None:
    """Written aside, then renamed; a link stays a link, the mode of an existing file is kept."""
    target = Path(path)
    try:
        target = target.resolve() if target.is_symlink() else target
        mode = target.stat().st_mode & 0o7777 if target.exists() else 0o644
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", newline="", dir=target.parent, prefix=f".{target.name}.", delete=False
        ) as file:
            try:
                file.write(text)
                file.flush()
                Path(file.name).chmod(mode)
                Path(file.name).replace(target)
            except BaseException:
                Path(file.name).unlink(missing_ok=True)
                raise
    except OSError as error:
        raise HauberkError(f"{path}: cannot be written: {error.strerror}") from None
