"""The entry point."""

from __future__ import annotations

import sys
from contextlib import suppress


def main() -> None:
    """Answers `--version` at once: scripts ask it often, and loading the commands takes longer than the answer."""
    if sys.argv[1:] == ["--version"]:
        from hauberk.cli.version import version_line

        with suppress(OSError):  # what cannot be written is told below
            print(version_line(), flush=True)  # noqa: T201
            return
    from hauberk.cli.boundary import run

    run()


if __name__ == "__main__":
    main()
