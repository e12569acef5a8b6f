"""The entry point of `hauberk-enforcer`."""

from __future__ import annotations

import sys
from contextlib import suppress


def main() -> None:
    """Answers `--version` at once, without loading the commands."""
    if sys.argv[1:] == ["--version"]:
        from hauberk.enforcer.version import version_line

        with suppress(OSError):  # what cannot be written is told below
            print(version_line(), flush=True)  # noqa: T201
            return
    try:
        from hauberk.enforcer.boundary import run
    except KeyboardInterrupt:  # before there is a boundary
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
