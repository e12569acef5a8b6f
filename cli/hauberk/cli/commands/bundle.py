"""`hauberk bundle`: a rendered folder as an OCI artifact on disk."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from hauberk.cli.gitops.folder import ours
from hauberk.cli.gitops.layout import is_ours, layout
from hauberk.cli.sources import displayed
from hauberk.policy.digest import ANNOTATION
from hauberk.policy.loose import listing, mapping
from hauberk.policy.problems import HauberkError

_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}\Z")
_COMMIT = re.compile(r"[0-9a-f]{40}\Z")


@dataclass(frozen=True, slots=True)
class Bundled:
    """`digest` is that of the manifest: what the artifact is known by in a registry."""

    digest: str
    files: int


def bundle(folder: Path, target: Path, tag: str, source: str | None) -> Bundled:
    """Packs what `hauberk render` wrote into the folder; raises HauberkError where that is no whole set."""
    if not _TAG.match(tag):
        raise HauberkError(f"--tag {tag}: not a tag: letters, digits, dots, dashes and underscores")
    files = dict(ours(folder, "render"))
    if "kustomization.yaml" not in files or "bundle.yaml" not in files:
        raise HauberkError(f"{displayed(str(folder))}: not a folder that `hauberk render --out` wrote")
    for name in _listed(files["kustomization.yaml"], folder):
        if name not in files:
            where = displayed(str(folder / name))
            raise HauberkError(f"{where}: kustomization.yaml names it, and it is not there: run `hauberk render` again")
    digest, whole = layout(files, tag, _annotations(files["bundle.yaml"], folder, source))
    _replace(Path(os.path.realpath(target)), whole)
    return Bundled(digest, len(files))


def _listed(index: bytes, folder: Path) -> list[str]:
    """The files that make up the set."""
    try:
        return [str(name) for name in listing(mapping(yaml.safe_load(index)).get("resources"))]
    except (yaml.YAMLError, ValueError, RecursionError):
        where = displayed(str(folder / "kustomization.yaml"))
        raise HauberkError(f"{where}: cannot be read: run `hauberk render` again") from None


def _annotations(text: bytes, folder: Path, source: str | None) -> dict[str, str]:
    try:
        data: Any = yaml.safe_load(text)["data"]
        found = {ANNOTATION: str(data["digest"])}
        commit = str(data.get("commit", ""))
    except (yaml.YAMLError, KeyError, TypeError, AttributeError):
        where = displayed(str(folder / "bundle.yaml"))
        raise HauberkError(f"{where}: names no digest: run `hauberk render` again") from None
    if commit:
        # the form that Flux shows a revision in
        found["org.opencontainers.image.revision"] = f"sha1:{commit}" if _COMMIT.match(commit) else commit
    if source:
        found["org.opencontainers.image.source"] = source
    return found


def _replace(target: Path, files: Mapping[str, bytes]) -> None:
    """Writes the layout aside and renames it; one that is there goes only after that."""
    if os.path.lexists(target):
        index = target / "index.json"
        empty = target.is_dir() and not any(target.iterdir())
        if not empty and not (index.is_file() and is_ours(index.read_bytes())):
            raise HauberkError(f"{displayed(str(target))}: is there and no bundle of ours: remove it or choose another")
    aside: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=".hauberk-", dir=target.parent))
        for name, data in files.items():
            path = aside / "new" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        _exchange(target, aside)
    except OSError as error:
        where = displayed(str(error.filename or target))
        raise HauberkError(f"{where}: {error.strerror}: nothing was changed") from None
    finally:
        if aside is not None:
            shutil.rmtree(aside, ignore_errors=True)


def _exchange(target: Path, aside: Path) -> None:
    had = os.path.lexists(target)
    if had:
        target.rename(aside / "old")
    try:
        (aside / "new").rename(target)
    except BaseException:
        if had:
            (aside / "old").rename(target)
        raise
