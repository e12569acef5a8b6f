"""Policies -> decision lists by the kubearmor model (semantics, section 5): its enforcer, quirks and all.

How an order of entries says the lookup: what is let pass at once stands first, then the scope of the source,
then the global scope. In a scope exact keys stand before the last component (global process rules), then
recursive directories from long to short, then the others, whose matcher is true only for the longest prefix
the program can see. Keys of one kind exclude each other, so their order does not matter; replacement has
already happened in the store. Each key is its denials followed by a pass, so the first key that is hit
decides, as the lookup ends there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hauberk.policy.lists import (
    ALWAYS,
    NOT_OWNER,
    ON_TTY,
    Arguments,
    Condition,
    DecisionList,
    Entry,
    Origin,
    deny_entry,
    pass_entry,
    posture_default,
)
from hauberk.policy.matching import (
    SEEN_BYTES,
    Anything,
    Below,
    Capable,
    DomainBelow,
    Exact,
    Named,
    Pathless,
    SocketProtocol,
    SocketType,
    Target,
    octets,
    seen,
)
from hauberk.policy.model import (
    DOMAIN_OF_OP,
    Access,
    Domain,
    Model,
    Op,
    Policy,
    Posture,
    Preset,
    Verdict,
    Workload,
)
from hauberk.policy.semantics.presets import PresetHit, preset_entries
from hauberk.policy.semantics.store import GLOBAL, Held, Keys, Store, fill
from hauberk.policy.tables import SOCKET_TYPES

WINDOW = 64
"""Bytes of a path in which the programs look for the ends of directories."""

_ARGUMENTS = 20
_ARGUMENT_BYTES = 103
_PARENTS = 10
_CHOWN = Condition(chown=True)


class KubeArmor:
    """The compiler of one workload: the class of a source, the list of an operation for a class."""

    def __init__(self, policies: Sequence[Policy], workload: Workload, posture: Posture) -> None:  # noqa: ARG002
        self._policies = policies
        self._posture = posture
        self._stores: dict[Domain, Store] = {}

    def source_class(self, access: Access) -> str | None:
        """The source if it has a scope of its own; `""` for any other known one, None for an unknown one."""
        source = access.parent_source if access.op == "exec" else access.source
        if source is None:
            return None
        source = seen(source)
        return source if access.op != "map_exec" and source in self._store(access.domain).scopes else GLOBAL

    def named_sources(self, op: Op) -> frozenset[str]:
        """Sources that have a list of their own for this operation."""
        return frozenset() if op == "map_exec" else frozenset(self._store(DOMAIN_OF_OP[op]).scopes)

    def build(self, op: Op, source: str | None) -> DecisionList:
        """The list of `op` for one class of sources."""
        entries, watches = preset_entries(self._presets(), op)
        if op == "map_exec":
            return DecisionList(Model.KUBEARMOR, op, tuple(entries), watches=tuple(watches))
        domain = DOMAIN_OF_OP[op]
        store = self._store(domain)
        if domain in ("process", "file"):
            entries.append(Entry(Pathless(root=True), ALWAYS, Verdict.ALLOWED))
        if op == "modify":
            entries.append(Entry(Anything(), _CHOWN, Verdict.ALLOWED))
        lost = domain == "file" and source is None and store.allow_listed
        blocks = self._posture.of(domain) == "block"
        for scope in dict.fromkeys((source or GLOBAL, GLOBAL)):
            for target, held in _lookup(domain, scope, store.scopes.get(scope, {})):
                entries.extend(_entries(target, held, _denials(op, held, store, lost=lost, posture_blocks=blocks)))
        default = posture_default(allow_listed=store.allow_listed, blocks=blocks)
        return DecisionList(Model.KUBEARMOR, op, tuple(entries), default, tuple(watches))

    def _store(self, domain: Domain) -> Store:
        if domain not in self._stores:
            self._stores[domain] = fill(domain, self._policies)
        return self._stores[domain]

    def _presets(self) -> Iterator[PresetHit]:
        last: dict[str, tuple[Policy, Preset]] = {}
        for policy in self._policies:
            for preset in policy.presets:
                last[preset.name] = (policy, preset)
        for policy, preset in last.values():
            yield PresetHit(Origin(policy, preset), preset.action_text != "Audit")


def _lookup(domain: Domain, scope: str, keys: Keys) -> Iterator[tuple[Target, Held]]:
    """The keys of one scope in the order of the lookup (semantics 5.2)."""
    match domain:
        case "process" | "file":
            yield from _paths(keys, by_component=domain == "process" and scope == GLOBAL)
        case "network":
            for key, held in keys.items():
                if key in SOCKET_TYPES:
                    yield SocketType(key), held
            for key, held in keys.items():
                if key not in SOCKET_TYPES:
                    yield SocketProtocol(int(key)), held
        case "dns":
            for key in sorted(keys, key=len, reverse=True):
                yield DomainBelow((key,), _PARENTS), keys[key]
        case "capabilities":
            for key, held in keys.items():
                yield Capable(key), held


def _paths(keys: Keys, *, by_component: bool) -> Iterator[tuple[Target, Held]]:
    exact = [(key, held) for key, held in keys.items() if held.recursive is None and _fits(key, SEEN_BYTES)]
    for key, held in exact:
        if key.startswith("/"):
            yield Exact(key), held
    if by_component:
        # Any key without a slash can be found here, whatever field it was written in.
        for key, held in exact:
            if "/" not in key:
                yield Named(key), held
    directories = [
        (key, held)
        for key, held in keys.items()
        if held.recursive is not None and key.startswith("/") and _fits(key, WINDOW)
    ]
    directories.sort(key=lambda pair: (not pair[1].recursive, -len(pair[0])))
    for key, held in directories:
        yield Below(key, deep=held.recursive is True, itself=False, window=WINDOW), held


def _fits(key: str, size: int) -> bool:
    return len(octets(key)) <= size


def _entries(target: Target, held: Held, denials: tuple[Condition, ...]) -> Iterator[Entry]:
    for condition in denials:
        yield deny_entry(target, condition, held.origin, blocks=held.blocks)
    if ALWAYS not in denials:
        yield pass_entry(target, held.origin)


def _denials(op: Op, held: Held, store: Store, *, lost: bool, posture_blocks: bool) -> tuple[Condition, ...]:
    """When the rule that was found denies (semantics 5.3); in every other case it lets pass."""
    flags = held.flags
    match op:
        case "exec":
            return _exec_denials(held)
        case "read":
            return _read_denials(held, lost=lost)
        case "write":
            denials = _read_denials(held, lost=lost)
            if flags.read_only:
                return (ALWAYS,)
            if flags.pts is False and store.allow_listed and ALWAYS not in denials:
                return (*denials, ON_TTY)
            return denials
        case "modify":
            if flags.owner_only:
                return () if lost and flags.pts is not False else (NOT_OWNER,)
        case "network":
            if flags.pts is False:
                return (ON_TTY,) if held.blocks or posture_blocks else ()
        case "dns" | "capability" | "map_exec":
            pass
    if flags.pts is False:
        return (ON_TTY,)
    return (ALWAYS,) if held.blocks and not (lost and op == "modify") else ()


def _read_denials(held: Held, *, lost: bool) -> tuple[Condition, ...]:
    flags = held.flags
    if flags.owner_only:
        return (NOT_OWNER,)
    if flags.read_only:
        return ()
    if flags.pts is False:
        return (ON_TTY,)
    return (ALWAYS,) if held.blocks and not lost else ()


def _exec_denials(held: Held) -> tuple[Condition, ...]:
    flags = held.flags
    denials: tuple[Condition, ...]
    if flags.owner_only:
        denials = (ALWAYS,) if flags.allowed_args else (NOT_OWNER,)
    elif flags.pts is False:
        denials = (ON_TTY,)
    else:
        denials = (ALWAYS,) if held.blocks else ()
    if not flags.allowed_args or held.by_name:
        return denials
    arguments = Arguments(flags.allowed_args, _ARGUMENTS, _ARGUMENT_BYTES)
    return tuple(Condition(tty=condition.tty, listed=False, arguments=arguments) for condition in denials)
