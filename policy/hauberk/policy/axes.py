"""The two sides of a matrix: the programs and the assets that policies name, each with an example that can be asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from hauberk.policy.matching import (
    Anything,
    Below,
    Capable,
    DomainBelow,
    Exact,
    Glob,
    Named,
    SocketProtocol,
    SocketType,
    Target,
    subject_of,
)
from hauberk.policy.model import Access, Domain, Model, Op, Policy, Workload
from hauberk.policy.realpaths import real_path
from hauberk.policy.rulings import OTHER_PROGRAM
from hauberk.policy.semantics.hauberk import targets
from hauberk.policy.tables import CAPABILITIES, PROTOCOL_NUMBERS
from hauberk.policy.targets import shortest_paths

EVERY_OTHER = "every other program"
UNKNOWN = "an unknown program"
ANYTHING_ELSE = "anything else"

_PATH_OPS: tuple[Op, ...] = ("read", "write", "modify", "exec")
_SOCKETS = (("stream", 6), ("dgram", 17), ("raw", 1), ("raw", 58), ("stream", 132), ("seqpacket", 132))
_UNNAMED = ("/example", "/other/example", "/other/other/example")
_PROTOCOL_NAMES = {number: name for name, number in PROTOCOL_NUMBERS.items()}


@dataclass(frozen=True, slots=True)
class Program:
    """A row. `source` is the path that acts, None for an unknown program; `kind` is other, unknown, path or name."""

    label: str
    source: str | None
    kind: str = "path"


@dataclass(frozen=True, slots=True)
class Asset:
    """A column. `target`, or `type` and `protocol`, are the example that is asked; `kind` says what the label means.

    `group` is path, network, dns, capability or memory.
    """

    group: str
    label: str
    kind: str
    ops: tuple[Op, ...]
    target: str = ""
    type: str = ""
    protocol: int = 0

    def access(self, op: Op, program: Program) -> Access:
        """The example access; the starter of a program is the task that forked it, as a shell does."""
        return Access(
            op,
            self.target,
            source=program.source,
            parent_source=program.source if op == "exec" else None,
            how="delete" if op == "modify" else "",
            type=self.type,
            protocol=self.protocol,
        )


@dataclass(slots=True)
class Axes:
    """`unreal` counts the sources that no program can have, `unshown` the patterns without a short example."""

    programs: list[Program]
    assets: list[Asset]
    unreal: int = 0
    unshown: int = 0


@dataclass(slots=True)
class _Named:
    """What the rules name; each is an ordered set."""

    targets: dict[Target, None] = field(default_factory=dict[Target, None])
    presets: set[str] = field(default_factory=set[str])
    domains: set[Domain] = field(default_factory=set[Domain])
    sources: dict[str, None] = field(default_factory=dict[str, None])
    started: dict[Target, None] = field(default_factory=dict[Target, None])


def axes(policies: Iterable[Policy], workload: Workload) -> Axes:
    """Programs: those that no rule names first, then unknown ones, sources, and what process rules start."""
    named = _named(policies, workload)
    sources = [source for source in named.sources if real_path(source)]
    examples = {glob: _matching(glob) for glob in named.targets if isinstance(glob, Glob)}
    unshown = sum(example is None for example in examples.values())
    assets = list(_assets(named, examples))
    return Axes(_programs(named, sources), assets, len(named.sources) - len(sources), unshown)


def _named(policies: Iterable[Policy], workload: Workload) -> _Named:
    named = _Named()
    for policy in policies:
        named.presets.update(preset.name for preset in policy.presets)
        for rule in policy.rules:
            if rule.action is None:
                continue
            named.domains.add(rule.domain)
            named.sources.update(dict.fromkeys(source for source in rule.sources if source is not None))
            for target, _ in targets(rule.matcher, workload):
                named.targets[target] = None
                if rule.domain == "process":
                    named.started[target] = None
    return named


def _programs(named: _Named, sources: Sequence[str]) -> list[Program]:
    found = {source: Program(source, source) for source in sources}
    for target in named.started:
        if isinstance(target, Exact) and real_path(target.path):
            found.setdefault(target.path, Program(target.path, target.path))
    by_name: list[Program] = []
    for target in named.started:
        path = f"/usr/bin/{target.name}" if isinstance(target, Named) else ""
        if isinstance(target, Named) and real_path(path) and path not in found:
            by_name.append(Program(target.name, path, "name"))
    other = OTHER_PROGRAM
    while other in found:
        other += "x"
    first = [Program(EVERY_OTHER, other, "other"), Program(UNKNOWN, None, "unknown")]
    # a program that is named as a source may do what others may not: it stands before those that are only started
    order = sorted(found.values(), key=lambda program: (program.label not in named.sources, program.label))
    return [*first, *order, *sorted(by_name, key=lambda program: program.label)]


def _assets(named: _Named, examples_of: Mapping[Glob, str | None]) -> Iterator[Asset]:
    """By group. A rule that matches nothing may still make an allow-list: what it does shows on anything else."""
    found = list(named.targets)
    yield from _told_apart(sorted(_paths(found, examples_of), key=lambda asset: asset.label))
    yield from _else("path", _PATH_OPS, (Asset("path", "", "", (), path) for path in _UNNAMED), found)
    yield from _of_presets(named.presets)
    if "network" in named.domains:
        yield from sorted(_sockets(found), key=lambda asset: asset.label)
        examples = (Asset("network", "", "", (), type=kind, protocol=number) for kind, number in _SOCKETS)
        yield from _else("network", ("network",), examples, found)
    if "dns" in named.domains:
        names = sorted({target.names[0] for target in found if isinstance(target, DomainBelow)})
        yield from (Asset("dns", name, "below", ("dns",), name) for name in names)
        examples = (Asset("dns", "", "", (), f"{name}.example") for name in ("other", "another"))
        yield from _else("dns", ("dns",), examples, found)
    if "capabilities" in named.domains:
        capable = sorted({target.name for target in found if isinstance(target, Capable)})
        yield from (Asset("capability", name, "value", ("capability",), name) for name in capable)
        examples = (Asset("capability", "", "", (), name) for name in sorted(CAPABILITIES))
        yield from _else("capability", ("capability",), examples, found)


def _of_presets(presets: set[str]) -> Iterator[Asset]:
    """What presets are about; the preset exec is about any program."""
    if "filelessExec" in presets:
        yield Asset("path", "a program without a file", "value", ("exec",), "memfd:x")
    if presets & {"protectEnv", "protectProc"}:
        yield Asset("path", "/proc/<pid>/environ", "value", ("read",), "/proc/1/environ")
    if "protectProc" in presets:
        yield Asset("path", "/proc/<pid>/**", "value", ("read",), "/proc/1/status")
    if "anonymousMapExec" in presets:
        yield Asset("memory", "anonymous memory", "value", ("map_exec",))


def _else(group: str, ops: tuple[Op, ...], examples: Iterable[Asset], found: Sequence[Target]) -> Iterator[Asset]:
    """What nothing names, shown by the first example that nothing hits; where everything is named there is none."""
    op: Op = "read" if group == "path" else ops[0]
    for example in examples:
        subject = subject_of(Model.HAUBERK, example.access(op, Program("", None)))
        # in other groups a matcher finds nothing to compare with, but for Anything, which only networks have
        if not any(target.hits(subject) for target in found if group == "network" or not isinstance(target, Anything)):
            yield Asset(group, ANYTHING_ELSE, "else", ops, example.target, example.type, example.protocol)
            return


def _paths(found: Sequence[Target], examples_of: Mapping[Glob, str | None]) -> Iterator[Asset]:
    taken = {target.path for target in found if isinstance(target, Exact)}
    taken.update(target.dir.rstrip("/") for target in found if isinstance(target, Below))
    names = {target.name for target in found if isinstance(target, Named)}
    shallow = {target.dir for target in found if isinstance(target, Below) and not target.deep}
    for target in found:
        match target:
            case Exact(path=path):
                yield Asset("path", path, "path", _PATH_OPS, path)
            case Below(dir=directory, deep=deep):
                name = _free(directory, taken, names)
                below = f"{name}/{name}" if deep and directory in shallow else name
                label, kind = (f"{directory}**", "below") if deep else (f"{directory}*", "directory")
                yield Asset("path", label, kind, _PATH_OPS, directory + below)
            case Glob(pattern=pattern, name=ending):
                example = examples_of[target]
                if example is not None:
                    label = pattern if ending is None else f"{pattern} named {ending}"
                    yield Asset("path", label, "pattern", _PATH_OPS, example)
            case Named(name=name):
                yield Asset("path", name, "name", _PATH_OPS, f"/usr/bin/{name}")
            case _:
                continue


def _matching(glob: Glob) -> str | None:
    """A short path that the pattern matches, with the name that it may ask for too."""
    for path in shortest_paths(glob.pattern):
        example = path if glob.name is None else f"{path.rpartition('/')[0]}/{glob.name}"
        if glob.hits(subject_of(Model.HAUBERK, Access("exec", example))):
            return example
    return None


def _free(directory: str, taken: set[str], names: set[str]) -> str:
    """A name in the directory that no rule is about."""
    name = "example"
    while directory + name in taken or name in names:
        name += "-x"
    return name


def _told_apart(paths: Sequence[Asset]) -> Iterator[Asset]:
    """A directory and a pattern may have one text."""
    seen: set[str] = set()
    for asset in paths:
        label = f"{asset.label} ({asset.kind})" if asset.label in seen else asset.label
        seen.add(asset.label)
        yield Asset(asset.group, label, asset.kind, asset.ops, asset.target)


def _sockets(found: Sequence[Target]) -> Iterator[Asset]:
    numbers = {target.number for target in found if isinstance(target, SocketProtocol)}
    types = {target.type for target in found if isinstance(target, SocketType)}
    for target in found:
        match target:
            case SocketProtocol(number=number):
                kind = next((kind for kind, speaks in _SOCKETS if speaks == number), "raw")
                yield Asset(
                    "network", _PROTOCOL_NAMES.get(number, str(number)), "value", ("network",), "", kind, number
                )
            case SocketType(type=kind):
                speaking = [number for one, number in _SOCKETS if one == kind] or [0]
                number = next((number for number in speaking if number not in numbers), speaking[0])
                yield Asset("network", kind, "value", ("network",), "", kind, number)
            case Anything():
                free = [pair for pair in _SOCKETS if pair[0] not in types and pair[1] not in numbers]
                kind, number = free[0] if free else _SOCKETS[0]
                yield Asset("network", "all", "value", ("network",), "", kind, number)
            case _:
                continue
