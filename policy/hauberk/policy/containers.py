"""The containers of a pod: which image they run and what is started in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hauberk.policy.loose import listing, mapping
from hauberk.policy.loose import text as text_of

_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_HOOKS = ("postStart", "preStop")


@dataclass(frozen=True, slots=True)
class Command:
    """What the kubelet runs in the container; `field` names it as in the manifest."""

    field: str
    argv: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Container:
    """`command`, `args` and `path` (the variable PATH) are None where the image decides; `mounts` hide the image."""

    name: str
    image: str = ""
    command: tuple[str, ...] | None = None
    args: tuple[str, ...] | None = None
    path: str | None = None
    working_dir: str | None = None
    mounts: tuple[str, ...] = ()
    commands: tuple[Command, ...] = ()


def containers_of(entries: object) -> tuple[Container, ...]:
    """The containers of `spec.containers`; those without a name are left out."""
    return tuple(
        _container(name, entry)
        for entry in map(mapping, listing(entries))
        if isinstance(name := entry.get("name"), str)
    )


def _container(name: str, entry: Mapping[str, Any]) -> Container:
    variables = {
        text_of(item.get("name")): text_of(item.get("value")) for item in map(mapping, listing(entry.get("env")))
    }
    mounts = (text_of(item.get("mountPath")) for item in map(mapping, listing(entry.get("volumeMounts"))))
    return Container(
        name,
        text_of(entry.get("image")) or "",
        _argv(entry.get("command")),
        _argv(entry.get("args")),
        variables.get("PATH"),
        text_of(entry.get("workingDir")) or None,
        tuple(sorted(mount for mount in mounts if mount and mount.startswith("/"))),
        tuple(_commands(entry)),
    )


def _argv(value: object) -> tuple[str, ...] | None:
    """An empty list is as none for the kubelet."""
    return tuple(str(item) for item in listing(value)) or None


def _commands(entry: Mapping[str, Any]) -> Iterator[Command]:
    hooks = mapping(entry.get("lifecycle"))
    for field, holder in (
        *((probe, mapping(entry.get(probe))) for probe in _PROBES),
        *((f"lifecycle.{hook}", mapping(hooks.get(hook))) for hook in _HOOKS),
    ):
        argv = _argv(mapping(holder.get("exec")).get("command"))
        if argv:
            yield Command(f"{field}.exec.command", argv)
