"""The version, said without loading the command line."""

from __future__ import annotations


def version_line() -> str:
    """`hauberk 1.2.3`."""
    from importlib.metadata import version

    return f"hauberk {version('hauberk')}"
