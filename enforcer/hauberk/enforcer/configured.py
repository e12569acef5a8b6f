"""The posture that a repository's `hauberk.yaml` sets: tests are run under the one that `hauberk test` takes."""

from __future__ import annotations

from pathlib import Path

from hauberk.policy.documents import decode, pointer_token
from hauberk.policy.documents import read as read_documents
from hauberk.policy.loose import is_mapping, mapping
from hauberk.policy.problems import HauberkError, Problem

FILE_NAME = "hauberk.yaml"
FIELDS = ("file", "network", "capabilities")
_VALUES = ("audit", "block")


def posture_settings(start: Path) -> dict[str, str]:
    """What the nearest file from `start` upwards says, not above the root of a git repository; may be nothing.

    Raises:
        HauberkError: it cannot be read, or says something else than a posture there, with its place.

    """
    for folder in (start, *start.parents):
        if (folder / FILE_NAME).is_file():
            return _posture(folder / FILE_NAME)
        if (folder / ".git").exists():
            break
    return {}


def _posture(path: Path) -> dict[str, str]:
    text = decode(path.read_bytes())
    if isinstance(text, Problem):
        raise HauberkError(f"{path}: {text.message}")
    parsed = read_documents(text)
    for problem in parsed.problems:
        at = problem.position
        raise HauberkError(f"{path}:{at.line}:{at.column}: {problem.message}" if at else f"{path}: {problem.message}")
    if not parsed.documents:
        return {}
    document = parsed.documents[0]
    given = mapping(document.data).get("posture", {})
    if not is_mapping(given):
        at = document.place("/posture")
        raise HauberkError(f"{path}:{at.line}:{at.column}: posture must be a mapping of {', '.join(FIELDS)}")
    for name, value in given.items():
        if name not in FIELDS or value not in _VALUES:
            at = document.place(f"/posture/{pointer_token(name)}")
            raise HauberkError(
                f"{path}:{at.line}:{at.column}: posture: give {', '.join(FIELDS)}, each {' or '.join(_VALUES)}"
            )
    return {name: str(value) for name, value in given.items()}
