"""The version, said without loading the command line."""

from __future__ import annotations


def version_line() -> str:
    """`hauberk-enforcer 1.2.3`."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"hauberk-enforcer {version('hauberk')}"
    except PackageNotFoundError:
        return "hauberk-enforcer (not installed)"
