"""Files of a git revision through `ls-tree` and `cat-file --batch`: no checkout, no temporary clone."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import PurePosixPath

from hauberk.cli.sources import MAX_FILE, Source
from hauberk.policy.problems import HauberkError


def _run(*arguments: str, given: bytes = b"") -> bytes:
    try:
        done = subprocess.run(["git", *arguments], input=given, capture_output=True, check=False)  # noqa: S607
    except FileNotFoundError:
        raise HauberkError("git is not installed: it is needed to read other revisions") from None
    if done.returncode:
        raise HauberkError(f"git {arguments[0]}: {done.stderr.decode('utf-8', 'replace').strip()}")
    return done.stdout


def files_at(revision: str, paths: Sequence[str]) -> list[Source]:
    """Regular files below the paths at the revision, with paths as the working tree would give them.

    Raises HauberkError when the revision is unknown (a shallow clone lacks it: fetch it first).
    """
    try:
        commit = _run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}").decode().strip()
    except HauberkError:
        raise HauberkError(
            f"{revision}: no such revision here; in a shallow clone fetch it first: "
            f"git fetch --depth=1 origin {revision}"
        ) from None
    wanted = ["." if path in (".", "./") else path for path in paths if path != "-"]
    listed = _run("ls-tree", "-r", "-z", "-l", "--end-of-options", commit, "--", *wanted)
    entries: list[tuple[str, str]] = []
    for record in listed.split(b"\0"):
        head, _, name = record.partition(b"\t")
        fields = head.split()
        # 120000 is a symbolic link, 160000 a submodule: neither is a file of this tree
        if len(fields) == 4 and fields[0] in (b"100644", b"100755") and int(fields[3]) <= MAX_FILE:
            entries.append((fields[2].decode(), name.decode("utf-8", "surrogateescape")))
    answer = _run("cat-file", "--batch", given="".join(f"{name}\n" for name, _ in entries).encode())
    found: list[Source] = []
    at = 0
    for identity, path in entries:
        end = answer.index(b"\n", at)
        header = answer[at:end].split()
        if len(header) != 3:
            raise HauberkError(f"{path}: object {identity} is missing here (a partial clone?): run git fetch first")
        size = int(header[2])
        found.append(Source(PurePosixPath(path).as_posix(), answer[end + 1 : end + 1 + size]))
        at = end + 1 + size + 1
    return found
