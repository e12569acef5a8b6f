"""What the programs do with the entries of a policy, step by step as bpf/lib/judge.bpf.h does it, in Python."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from hauberk.enforcer.kernel.hashing import Seed, components_of, mix
from hauberk.enforcer.kernel.image import Image
from hauberk.enforcer.kernel.wire import CELL, HEADER, STATE, Area, Flag, Kind, Side
from hauberk.policy.matching import octets, socket_protocol
from hauberk.policy.model import Access, Action, Report, Rule, Verdict
from hauberk.policy.tables import CAPABILITY_NAMES

SEED = Seed(tuple((n * 0x9E3779B97F4A7C15 + 0x1234567) % 2**64 for n in range(65)))
TYPES = {"stream": 1, "dgram": 2, "raw": 3, "rdm": 4, "seqpacket": 5, "dccp": 6, "packet": 10}


@dataclass(slots=True)
class Answer:
    denied: bool = False
    rule: int = 0
    posture: bool = False
    sets: list[int] = field(default_factory=list[int])


@dataclass(slots=True)
class Kernel:
    """The entries of one policy under one seed."""

    image: Image
    entries: dict[int, bytes] = field(init=False)
    rows: dict[Area, list[bytes]] = field(init=False)

    def __post_init__(self) -> None:
        numbers = {area: 100 + area for area in self.image.automata}
        pairs = list(self.image.entries(SEED, numbers))
        self.entries = dict(pairs)
        assert len(self.entries) == len(pairs), "two keys have one hash"
        self.rows = {area: list(self.image.states(area)) for area in self.image.automata}

    def decide(self, access: Access) -> Answer:
        area, side = {
            "exec": (Area.PROCESS, Side.READ),
            "read": (Area.FILE, Side.READ),
            "write": (Area.FILE, Side.CHANGE),
            "modify": (Area.FILE, Side.CHANGE),
            "network": (Area.NETWORK, Side.READ),
            "capability": (Area.CAPABILITIES, Side.READ),
        }[access.op]
        answer = Answer()
        source = self._source(access)
        header = self._header(area, 0)
        if header is None:
            return answer
        named = self._header(area, source) if source else None
        tiers = [(header, 0), *([(named, source)] if named else [])]
        path = components_of(octets(access.target)) if access.target.startswith("/") else None
        if area in {Area.NETWORK, Area.CAPABILITIES}:
            best = [self._scalars(access, area, *tier, answer) for tier in tiers]
        elif path is not None:
            best = [self._path(access, area, side, path, *tier, header, answer) for tier in tiers]
        elif area is Area.FILE:
            return answer
        else:
            best = []
        deciding = next((cell for cell in reversed(best) if cell and any(cell[:4])), None)
        if deciding is not None:
            numbers = [deciding[0]]
            numbers += [deciding[1]] if access.uid != access.owner_uid else []
            numbers += [deciding[2]] if access.tty else []
            answer.rule = min((n for n in numbers if n), default=0)
            answer.denied = bool(answer.rule)
            answer.rule = answer.rule or deciding[3]
        elif header[2] & Flag.LISTED:
            answer.posture = True
            answer.denied = bool(header[2] & Flag.BLOCKS)
        if access.op == "exec":
            self._memory(header, path, answer)
        return answer

    def _memory(self, header: tuple[int, ...], path: tuple[bytes, ...] | None, answer: Answer) -> None:
        if not header[2] & Flag.MEMORIES:
            return
        if path is not None:
            where = SEED.key(SEED.path(path[:2]), Area.PROCESS, Kind.MEMORY, 0)
            if len(path) < 3 or where not in self.entries:
                return
        if header[6]:
            answer.sets.append(header[6])
        if header[5]:
            answer.denied, answer.rule, answer.posture = True, header[5], False

    def _source(self, access: Access) -> int:
        components = components_of(octets(access.source)) if access.source else None
        return 0 if components is None else SEED.path(components)

    def _header(self, area: Area, source: int) -> tuple[int, ...] | None:
        found = self.entries.get(SEED.key(0, area, Kind.HEADER, source))
        return None if found is None else HEADER.unpack(found)

    def _look(
        self, what: int, area: Area, kind: Kind, source: int, side: Side, access: Access, answer: Answer
    ) -> tuple[int, ...] | None:
        found = self.entries.get(SEED.key(what, area, kind, source))
        if found is None:
            return None
        cell = CELL.unpack_from(found, side * CELL.size)
        answer.sets += [cell[4]] if cell[4] else []
        answer.sets += [cell[5]] if cell[5] and access.uid != access.owner_uid else []
        answer.sets += [cell[6]] if cell[6] and access.tty else []
        return cell if any(cell[:4]) else None

    def _scalars(
        self, access: Access, area: Area, header: tuple[int, ...], source: int, answer: Answer
    ) -> tuple[int, ...] | None:
        best = None
        for kind, what, bit in self._scalar_keys(access, area, header):
            if bit:
                best = self._look(what, area, kind, source, Side.READ, access, answer) or best
        return best

    def _scalar_keys(self, access: Access, area: Area, header: tuple[int, ...]) -> Iterator[tuple[Kind, int, bool]]:
        if area is Area.CAPABILITIES:
            name = access.target.lower().removeprefix("cap_")
            number = CAPABILITY_NAMES.index(name)
            yield Kind.CAPABILITY, number, _at(header[0], number)
            return
        kind = TYPES[access.type]
        protocol = socket_protocol(access.type, access.protocol)
        yield Kind.ALL, 0, _at(header[1], 0)
        yield Kind.TYPE, kind, _at(header[1], kind)
        yield Kind.PROTOCOL, protocol, _at(header[0], protocol)

    def _path(
        self,
        access: Access,
        area: Area,
        side: Side,
        path: Sequence[bytes],
        header: tuple[int, ...],
        source: int,
        everybody: tuple[int, ...],
        answer: Answer,
    ) -> tuple[int, ...] | None:
        best, value = None, SEED.start
        for depth in range(len(path) + 1):
            if depth:
                value = mix(value, SEED.name(path[depth - 1]))
            if _at(header[1], depth):
                kind = Kind.NEAR if len(path) - depth <= 1 else Kind.FAR
                best = self._look(value, area, kind, source, side, access, answer) or best
        if (header[2] | everybody[2]) & Flag.GLOBS and area in self.rows:
            state = everybody[4]
            for byte in b"/" + b"/".join(path):
                state = struct.unpack_from("<H", self.rows[area][state], 2 * byte)[0]
            accepts = STATE.unpack(self.rows[area][state])[1]
            if accepts:
                best = self._look(accepts, area, Kind.GLOB, source, side, access, answer) or best
        if header[2] & Flag.NAMES and path:
            best = self._look(SEED.name(path[-1]), area, Kind.NAME, source, side, access, answer) or best
        if _at(header[0], len(path)):
            best = self._look(value, area, Kind.EXACT, source, side, access, answer) or best
        return best


def _at(mask: int, bit: int) -> bool:
    return bool(mask >> min(bit, 63) & 1)


def verdict(answer: Answer) -> Verdict:
    return Verdict.DENIED if answer.denied else Verdict.ALLOWED


def reports(image: Image, answer: Answer) -> set[Report]:
    """As `decide` says them."""
    found: set[Report] = set()
    if answer.posture:
        found.add(Report("DefaultPosture", "Block" if answer.denied else "Audit", None))
    elif answer.denied:
        origin = image.rules[answer.rule - 1]
        allows = isinstance(origin.entry, Rule) and origin.entry.action is Action.ALLOW
        found.add(Report("DefaultPosture" if allows else origin.policy.name, "Block", origin.name))
    for number in answer.sets:
        for rule in image.sets[number - 1]:
            origin = image.rules[rule - 1]
            found.add(Report(origin.policy.name, "Audit", origin.name))
    return found
