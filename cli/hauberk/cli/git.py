"""Files of a git revision through `ls-tree` and `cat-file --batch`: no checkout, no temporary clone.

Names are relative to the root of the repository, with `/`, as git has them.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Sequence

from hauberk.cli.sources import MAX_FILE
from hauberk.policy.problems import HauberkError


def _run(*arguments: str, given: bytes = b"", at: str | None = None) -> bytes:
    command = ["git", *arguments]
    try:
        done = subprocess.run(command, input=given, capture_output=True, check=False, cwd=at)
    except FileNotFoundError:
        raise HauberkError("git is not installed: it is needed to read other revisions") from None
    if done.returncode:
        raise HauberkError(f"git {arguments[0]}: {done.stderr.decode('utf-8', 'replace').strip()}")
    return done.stdout


def root(at: str | None = None) -> str:
    """The real path of the folder that holds the repository around this folder, the current one if none is given."""
    return os.path.realpath(os.fsdecode(_run("rev-parse", "--show-toplevel", at=at).removesuffix(b"\n")))


def commit_of(revision: str) -> str:
    """The commit's name; raises HauberkError when the revision is unknown (a shallow clone lacks it)."""
    try:
        return _run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}").decode().strip()
    except HauberkError:
        root()  # outside of any repository that is the error to tell
        raise HauberkError(
            f"{revision}: no such revision here; a shallow clone has only a part: git fetch --unshallow, "
            "or fetch the branch that is meant"
        ) from None


def checked_out(paths: Sequence[str], without: Sequence[str]) -> str:
    """Name of the commit, with `+modified` when a file below `paths`, yet not below `without`, is not as it has it.

    The repository is the one around the first path: which folder is the current one makes no difference.
    """
    named = [os.path.realpath(path) for path in paths]
    at = _folder_outside(named[0])
    commit = _run("rev-parse", "--verify", "HEAD", at=at).decode().strip()
    left_out = [path for path in map(os.path.realpath, without) if path.startswith(f"{root(at)}/")]
    specs = [*(f":(literal){path}" for path in named), *(f":(exclude,literal){path}" for path in left_out)]
    changed = _run("status", "--porcelain", "--untracked-files=all", "-z", "--", *specs, at=at)
    return f"{commit}+modified" if changed else commit


def _folder_outside(path: str) -> str | None:
    """The path's folder, None where the repository around the current folder has it.

    There the variables count that git gives to hooks; some are relative to that folder.
    """
    try:
        if path == root() or path.startswith(f"{root()}/"):
            return None
    except HauberkError:
        pass
    return path if os.path.isdir(path) else os.path.dirname(path)  # noqa: PTH112, PTH120


def default_base() -> str:
    """Where this branch left its upstream, or the default branch of origin; raises HauberkError when there is none."""
    root()
    for upstream in ("@{upstream}", "origin/HEAD", "origin/main", "origin/master"):
        try:
            return _run("merge-base", "HEAD", upstream).decode().strip()
        except HauberkError:  # four at most
            continue
    raise HauberkError(
        "no upstream branch to compare with: name a revision, e.g. `hauberk diff main`, or two folders by --from, --to"
    )


def renamed_since(commit: str) -> dict[str, str]:
    """Old name -> name in the working tree, of each file that git takes for the same under another name."""
    listed = _run(
        "diff", "--no-ext-diff", "--no-textconv", "--no-relative", "--ignore-submodules",
        "-M", "--diff-filter=R", "--name-status", "-z", commit, "--",
    )  # fmt: skip
    fields = [os.fsdecode(field) for field in listed.split(b"\0")]
    return dict(zip(fields[1::3], fields[2::3], strict=False))


def files_at(
    commit: str,
    wanted: Callable[[str], bool],
    known: dict[str, bytes] | None = None,
    skipped: list[str] | None = None,
) -> list[tuple[str, bytes]]:
    """Name and bytes of the commit's regular files that are wanted; no other file's bytes are read.

    `known` are the bytes of objects that were read before; those that are read now are added. `skipped` is given a
    sentence for each submodule, and for each wanted link and file that is too large.
    """
    entries: list[tuple[str, str]] = []
    for record in _run("ls-tree", "-r", "-z", "-l", "--full-tree", commit).split(b"\0"):
        head, _, name = record.partition(b"\t")
        fields = head.split()
        if len(fields) != 4:
            continue
        path = os.fsdecode(name)
        if fields[0] == b"160000":
            if skipped is not None:
                skipped.append(f"{path} is a submodule: what is in it is not read")
        elif wanted(path):
            reason = _reason_to_skip(fields[0], int(fields[3]))
            if reason is None:
                entries.append((fields[2].decode(), path))
            elif skipped is not None:
                skipped.append(f"{path} {reason}")
    known = {} if known is None else known
    fresh = [entry for entry in entries if entry[0] not in known]
    known.update(zip((identity for identity, _ in fresh), _blobs(fresh), strict=True))
    return [(path, known[identity]) for identity, path in entries]


def _reason_to_skip(mode: bytes, size: int) -> str | None:
    if mode not in (b"100644", b"100755"):
        return "is a symbolic link: what it leads to is read under its own name only"
    return f"is larger than {MAX_FILE // 2**20} MiB: it is not read" if size > MAX_FILE else None


def _blobs(entries: Sequence[tuple[str, str]]) -> list[bytes]:
    if not entries:
        return []
    answer = _run("cat-file", "--batch", given="".join(f"{name}\n" for name, _ in entries).encode())
    found: list[bytes] = []
    at = 0
    for identity, path in entries:
        end = answer.index(b"\n", at)
        header = answer[at:end].split()
        if len(header) != 3:
            raise HauberkError(f"{path}: object {identity} is missing here (a partial clone?): run git fetch first")
        size = int(header[2])
        found.append(answer[end + 1 : end + 1 + size])
        at = end + 1 + size + 1
    return found
