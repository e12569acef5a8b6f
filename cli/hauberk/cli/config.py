"""hauberk.yaml: settings of a repository, checked against the schema that is published beside this module."""

from __future__ import annotations

import datetime as dt
import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatch
from importlib.resources import files
from pathlib import Path
from typing import Any

from hauberk.cli import sources
from hauberk.cli.globs import anchored, matched
from hauberk.policy.loose import is_list, listing, mapping
from hauberk.policy.problems import HauberkError, Severity

FILE_NAME = "hauberk.yaml"


@dataclass(frozen=True, slots=True)
class RuleException:
    """`expires` is the last day it holds; empty `paths` (absolute globs) or `policies` mean all."""

    rules: tuple[str, ...]
    reason: str
    expires: dt.date | None
    paths: tuple[str, ...]
    policies: tuple[str, ...]
    pointer: str

    def covers(self, rule: str, path: str, namespace: str | None, name: str | None) -> bool:
        if not any(matches(rule, chosen) for chosen in self.rules):
            return False
        if self.paths and not matched(path, self.paths):
            return False
        names = (name or "", f"{namespace or 'default'}/{name or ''}")
        return not self.policies or any(fnmatch(text, glob) for glob in self.policies for text in names)

    def expired(self, today: dt.date) -> bool:
        return self.expires is not None and self.expires < today


@dataclass(frozen=True, slots=True)
class Config:
    """All settings; None where neither the file nor the default says anything. `path` is "" without a file.

    Globs and paths of the file are absolute here: what they name does not depend on where the command is run.
    """

    path: str = ""
    text: str = ""
    target: str = "both"
    fail_on: Severity = Severity.ERROR
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    severity: Mapping[str, str] = field(default_factory=dict[str, str])
    rules: tuple[str, ...] = ()
    opa: str | None = None
    engine: str = "wasm"
    opa_url: str = "http://127.0.0.1:8181"
    exclude: tuple[str, ...] = ()
    markdown: bool = False
    baseline: str | None = None
    posture: Mapping[str, str] | None = None
    exceptions: tuple[RuleException, ...] = ()
    images: Mapping[str, str] = field(default_factory=dict[str, str])
    environments: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def targets(self) -> tuple[str, ...]:
        return ("kubearmor", "hauberk") if self.target == "both" else (self.target,)

    def wanted(self, rule: str) -> bool:
        """Whether select, ignore and severity leave the rule in."""
        if self.select and not any(matches(rule, chosen) for chosen in self.select):
            return False
        return not any(matches(rule, chosen) for chosen in self.ignore) and self.severity.get(rule) != "off"


def matches(rule: str, chosen: str) -> bool:
    """`HB304` itself, or a family: `HB3`, `HB`."""
    return rule == chosen or (len(chosen) < 5 and rule.startswith(chosen))


def find(given: str | None, start: Path) -> Path | None:
    """The file named, else the nearest `hauberk.yaml` from `start` upwards, not above the root of a git repository."""
    if given is not None:
        if not os.path.isfile(given):  # noqa: PTH113  # Path.is_file raises for what may not be looked at
            raise HauberkError(f"{given}: no such configuration file")
        return Path(given)
    for folder in (start, *start.parents):
        if os.path.isfile(folder / FILE_NAME):  # noqa: PTH113  # likewise
            return folder / FILE_NAME
        if os.path.exists(folder / ".git"):  # noqa: PTH110  # likewise
            return None
    return None


def load(path: Path | None) -> Config:
    """Settings of the file; raises HauberkError with file, line and column for anything it should not say."""
    if path is None:
        return Config()
    from hauberk.cli.config_check import checked  # YAML and a validator, not needed without the file

    data, text = checked(path)
    return _config(data, path, text)


def _config(data: dict[str, Any], path: Path, text: str) -> Config:
    names = {"failOn": "fail_on"}
    config = Config(path=str(path), text=text)
    for key, value in data.items():
        items = listing(value)
        converted: Any = tuple(items) if is_list(value) else value
        match key:
            case "failOn":
                converted = Severity(value)
            case "rules":
                converted = tuple(_own(item, key, path) for item in items)
            case "baseline":
                converted = _own(str(value), key, path)
            case "images":
                converted = {name: _image(path, name, str(item)) for name, item in mapping(value).items()}
            case "exclude":
                converted = anchored(items, path.parent)
            case "exceptions":
                converted = tuple(_exception(item, number, path) for number, item in enumerate(items))
            case _:
                pass
        config = replace(config, **{names.get(key, key): converted})
    return config


def _own(name: str, key: str, path: Path) -> str:
    """A file or folder that the settings name; raises HauberkError when it is not of the folder of the settings.

    The settings may come from an untrusted branch: they must not make the command read devices or other people's files.
    """
    folder = os.path.realpath(path.parent)
    found = path.parent / name
    for file in (found, *(sorted(found.rglob("*.rego")) if os.path.isdir(found) else ())):  # noqa: PTH112  # likewise
        if not sources.inside(os.path.realpath(file), folder):
            raise HauberkError(f"{path}: {key}: {file} is not below {folder}: move it there or give it with --{key}")
        try:
            status = file.stat()
        except FileNotFoundError:
            continue  # who wants to read it says so
        except OSError as error:
            raise HauberkError(f"{path}: {key}: {file}: {error.strerror}") from None
        if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
            raise HauberkError(f"{path}: {key}: {file} is not a regular file")
        if status.st_size > sources.MAX_FILE:
            raise HauberkError(f"{path}: {key}: {file} is over {sources.MAX_FILE // 1024 // 1024} MiB")
    return str(found)


def _image(settings: Path, name: str, item: str) -> str:
    """An image that the settings name; raises HauberkError when it is not of their folder, as for `_own`."""
    folder = os.path.realpath(settings.parent)
    if not sources.inside(os.path.realpath(settings.parent / item), folder):
        raise HauberkError(f"{settings}: images: {item} is not below {folder}: move it there or give it with --image")
    if not name or "=" in name:
        raise HauberkError(f"{settings}: images: {name!r} is not the name of an image")
    return str(settings.parent / item)


def _exception(item: dict[str, Any], number: int, path: Path) -> RuleException:
    expires = item.get("expires")
    try:
        day = dt.date.fromisoformat(expires) if expires else None
    except ValueError:
        raise HauberkError(f"{path}: exceptions[{number}].expires: {expires} is not a date, write YYYY-MM-DD") from None
    return RuleException(
        tuple(item["rules"]),
        item["reason"],
        day,
        anchored(item.get("paths", ()), path.parent),
        tuple(item.get("policies", ())),
        f"/exceptions/{number}",
    )


def schema() -> dict[str, Any]:
    """The JSON Schema of the file."""
    found: dict[str, Any] = json.loads((files("hauberk.cli") / "hauberk.schema.json").read_text(encoding="utf-8"))
    return found


def overridden(config: Config, given: Mapping[str, Any]) -> Config:
    """The settings with what the command line gives; None, False and empty mean "not given"."""
    return replace(config, **{key: value for key, value in given.items() if value})
