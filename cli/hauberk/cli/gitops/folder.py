"""A folder of rendered files: what is ours in it, and changing that all or not at all.

Ours is a file whose first line names the command. No other file is read further, changed or removed, no link is
followed, and what another run wrote into a folder below stays its own.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hauberk.cli.sources import SKIPPED_FOLDERS, displayed
from hauberk.policy.problems import HauberkError

Command = Literal["render", "crds"]
_COMMANDS: tuple[Command, ...] = ("render", "crds")
# a policy may be named kustomization, too
_INDEX = "apiVersion: kustomize.config.k8s.io/"


@dataclass(frozen=True, slots=True)
class Differences:
    """Names relative to the folder, sorted."""

    changed: tuple[str, ...]
    missing: tuple[str, ...]
    extra: tuple[str, ...]

    @property
    def none(self) -> bool:
        return not (self.changed or self.missing or self.extra)


def marker(command: Command) -> str:
    """The first line of what the command writes."""
    return f"# Written by hauberk {command}: what is changed here is lost with the next run."


def is_ours(data: bytes) -> bool:
    """Whether any of the commands wrote it: then it is no input."""
    return any(_is_of(command, data) for command in _COMMANDS)


def _is_of(command: Command, data: bytes) -> bool:
    return data.startswith(f"{marker(command)}\n".encode())


def differences(folder: Path, files: Mapping[str, str], command: Command) -> Differences:
    """What stands between the folder and the files; raises HauberkError where a file that is not ours is in the way."""
    there = dict(ours(folder, command))
    if there:
        _must_not_be_a_part(folder, command)
    for name in files:
        if name not in there:
            _must_be_free(folder, name, command)
    changed = sorted(name for name, text in files.items() if name in there and there[name] != text.encode())
    missing = sorted(name for name in files if name not in there)
    return Differences(tuple(changed), tuple(missing), tuple(sorted(name for name in there if name not in files)))


def ours(folder: Path, command: Command) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each file that the command wrote into the folder."""
    for top, folders, names in os.walk(folder, onerror=_cannot_list):
        folders[:] = sorted(
            name for name in folders if name not in SKIPPED_FOLDERS and not _is_another_output(Path(top, name))
        )
        for name in sorted(names):
            path = Path(top, name)
            start = _start(path)
            if _is_of(command, start):
                with path.open("rb") as file:
                    yield path.relative_to(folder).as_posix(), file.read()


def _is_another_output(folder: Path) -> bool:
    """Whether a run of its own wrote it: `render` leaves an index, `crds` a folder of that name."""
    return any(_is_output(folder, command) for command in _COMMANDS)


def _is_output(folder: Path, command: Command) -> bool:
    match command:
        case "render":
            return _start(folder / "kustomization.yaml").startswith(f"{marker(command)}\n{_INDEX}".encode())
        case "crds":
            return any(_is_of(command, _start(path)) for path in (folder / "crds").glob("*.yaml"))


def _must_not_be_a_part(folder: Path, command: Command) -> None:
    """Raises HauberkError where the files in the folder are those of a run into a folder above."""
    real = Path(os.path.realpath(folder))
    whose = next((one for one in (real, *real.parents) if _is_output(one, command)), real)
    if whose != real:
        raise HauberkError(
            f"{displayed(str(folder))}: has files that hauberk {command} wrote as a part of {displayed(str(whose))}: "
            "choose another --out"
        )


def _start(path: Path) -> bytes:
    """As much as tells whose the file is; nothing of a link."""
    if path.is_symlink() or not path.is_file():
        return b""
    with path.open("rb") as file:
        return file.read(256)


def _cannot_list(error: OSError) -> None:
    if not isinstance(error, (FileNotFoundError, NotADirectoryError)):
        raise HauberkError(f"{error.filename}: cannot be listed: {error.strerror}")


def _must_be_free(folder: Path, name: str, command: Command) -> None:
    path = folder
    for part in ("", *name.split("/")):
        path /= part
        is_last = path == folder / name
        if path.is_symlink() and path != folder:
            raise HauberkError(f"{displayed(str(path))}: is a link, which is not followed: remove it or choose another")
        if os.path.lexists(path) and (is_last or not path.is_dir()):
            raise HauberkError(
                f"{displayed(str(path))}: is there and not of hauberk {command} (its first line says nothing of it): "
                "move it away or choose another --out"
            )
        if path != folder and _is_another_output(path):
            raise HauberkError(f"{displayed(str(path))}: another run of hauberk wrote it: choose another --out")


def replace(folder: Path, files: Mapping[str, str], command: Command) -> Differences:
    """Makes them the files of the command in the folder, or changes nothing. Returns what was changed."""
    folder = Path(os.path.realpath(folder))
    found = differences(folder, files, command)
    if found.none:
        return found
    parent = folder.parent
    try:
        parent.mkdir(parents=True, exist_ok=True)
        # what is mounted there cannot be renamed into from outside
        mounted = folder.is_dir() and folder.stat().st_dev != parent.stat().st_dev
        aside = Path(tempfile.mkdtemp(prefix=".hauberk-", dir=folder if mounted else parent))
    except OSError as error:
        reason = "not a folder" if isinstance(error, (FileExistsError, NotADirectoryError)) else error.strerror
        raise HauberkError(f"{displayed(str(parent))}: cannot be written to: {reason}") from None
    try:
        _write(aside / "new", files, (*found.changed, *found.missing))
        if os.path.lexists(folder):
            _swap(folder, aside, found)
        else:
            (aside / "new").rename(folder)
    except OSError as error:
        where = displayed(str(error.filename or folder))
        raise HauberkError(f"{where}: {error.strerror}: nothing was changed") from None
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return found


def _write(folder: Path, files: Mapping[str, str], names: tuple[str, ...]) -> None:
    folder.mkdir()
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(files[name].encode())


def _swap(folder: Path, aside: Path, found: Differences) -> None:
    """Puts new files in the place of old ones, and all of it back when a step fails.

    What takes a step back is known before the step is made: an interruption may come between any two.
    """
    with ExitStack() as undo:
        for name in (*found.changed, *found.extra):
            kept, place = aside / "old" / name, folder / name
            kept.parent.mkdir(parents=True, exist_ok=True)
            _keep(place, kept)
            undo.callback(kept.replace, place)
        for name in found.missing:
            for path in reversed((folder / name).parents):
                if not path.exists():
                    undo.callback(_remove_folder, path)
                    path.mkdir()
            undo.callback((folder / name).unlink, missing_ok=True)
        for name in (*found.changed, *found.missing):
            (aside / "new" / name).replace(folder / name)
        for name in found.extra:
            (folder / name).unlink()
        undo.pop_all()
    for name in found.extra:
        for path in Path(name).parents[:-1]:
            _remove_folder(folder / path)


def _keep(file: Path, kept: Path) -> None:
    """A second name for the file, or a copy where there can be none: it is never away from its place."""
    try:
        kept.hardlink_to(file)
    except OSError:
        shutil.copy2(file, kept)


def _remove_folder(path: Path) -> None:
    with suppress(OSError):  # others may have files there
        path.rmdir()
