"""How two rules of one workload meet: contradiction, lost flags, a source that opens what is blocked for all.

Every relation is shown on an access, and the access is decided, by both models, with the two rules alone: so the
relation says what the rules do to each other, whatever a third rule may do.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

from hauberk.policy.decision import decide
from hauberk.policy.model import (
    Access,
    Action,
    Capability,
    Directory,
    DomainName,
    Kind,
    Model,
    Pattern,
    Policy,
    Posture,
    Program,
    Protocol,
    Rule,
    Selector,
    Verdict,
    Workload,
)

OTHER_PROGRAM = "/usr/bin/other"
MAX_RELATIONS = 50
MAX_HIDDEN = 10
"""Blocks named for one Allow with a source."""
_SOCKETS = {
    "tcp": ("stream", 6),
    "udp": ("dgram", 17),
    "icmp": ("raw", 1),
    "icmpv6": ("raw", 58),
    "sctp": ("seqpacket", 132),
    "all": ("stream", 6),
}
_AUDIT = Posture()

Key = tuple[str, str, str, str | None]


@dataclass(frozen=True, slots=True)
class Meeting:
    """`number` and `other` are numbers of entries; `rule` and `other_rule` positions in their rules (or presets)."""

    type: str
    number: int
    rule: int
    other: int
    other_rule: int
    access: Access | None
    hauberk: Verdict
    kubearmor: Verdict
    order_matters: bool


@dataclass(frozen=True, slots=True)
class _Ruled:
    number: int
    position: int
    policy: Policy
    rule: Rule

    def alone(self) -> Policy:
        """The policy with nothing but this rule, selecting everything."""
        return replace(self.policy, rules=(self.rule,), presets=(), selector=_anything(self.policy.kind))


def _anything(kind: Kind) -> Selector:
    return Selector((("kubernetes.io/hostname", "*"),)) if kind is Kind.HOST else Selector()


def meetings(workload: Workload, policies: Sequence[tuple[int, Policy]]) -> list[Meeting]:
    """All relations on one workload, in order of their rules."""
    judge = _Judge(workload)
    by_key: dict[Key, list[_Ruled]] = defaultdict(list)
    ruled: list[_Ruled] = []
    for number, policy in policies:
        for position, rule in enumerate(policy.rules):
            if rule.action in (Action.ALLOW, Action.BLOCK):
                one = _Ruled(number, position, policy, rule)
                ruled.append(one)
                for key in _keys(rule):
                    by_key[key].append(one)
    found: dict[tuple[str | int, ...], Meeting] = {}
    for meeting in (*_same_key(by_key, judge), *_hidden(ruled, judge), *_presets(policies)):
        # one Allow may hide many Blocks; of the other relations one is enough
        other = (meeting.other, meeting.other_rule) if meeting.type == "hides" else (-1, -1)
        found.setdefault((meeting.type, meeting.number, meeting.rule, *other), meeting)
    return sorted(found.values(), key=lambda m: (m.number, m.type, m.rule))


def _keys(rule: Rule) -> Iterator[Key]:
    texts: tuple[str, ...]
    match rule.matcher:
        case Program(path, execname):
            kind, texts = "path", ((path or f"*/{execname}"),) if path or execname else ()
        case Directory(directory):
            kind, texts = "dir", (directory.rstrip("/") + "/",) if directory else ()
        case Pattern(pattern):
            kind, texts = "pattern", (pattern,) if pattern else ()
        case Protocol(text) | DomainName(text) | Capability(text):
            kind = "value"
            texts = tuple(part.strip().lower().removeprefix("cap_").strip(".") for part in text.split(","))
    for text in texts:
        for source in dict.fromkeys(rule.sources) or (None,):
            if source is not None or not rule.sources:
                yield (rule.domain, kind, text, source)


@dataclass(frozen=True, slots=True)
class _Judge:
    workload: Workload

    def __call__(self, model: Model, access: Access, *rules: _Ruled) -> Verdict:
        host = self.workload.namespace is None
        workload = replace(self.workload, node_labels=(("kubernetes.io/hostname", "node"),)) if host else self.workload
        policies: list[Policy] = []
        numbers: list[int] = []
        for one in rules:
            if numbers and numbers[-1] == one.number:
                policies[-1] = replace(policies[-1], rules=(*policies[-1].rules, one.rule))
            else:
                policies.append(one.alone())
                numbers.append(one.number)
        placed = [replace(p, namespace=workload.namespace) if p.kind is Kind.POLICY else p for p in policies]
        return decide(model, placed, workload, _AUDIT, access).verdict

    def differing(
        self, model: Model, first: tuple[_Ruled, ...], second: tuple[_Ruled, ...], source: str | None
    ) -> Access | None:
        """An access on which the two sets of rules decide differently."""
        shown = first[0].rule
        return next(
            (a for a in accesses(shown, source) if self(model, a, *first) is not self(model, a, *second)),
            None,
        )


def accesses(rule: Rule, source: str | None) -> Iterator[Access]:
    """Accesses that the rule's matcher hits, the plainest first; with every way to meet or miss its requirements."""
    sample = _sample(rule)
    if sample is None:
        return
    acting = source or OTHER_PROGRAM
    sample = replace(sample, source=acting, parent_source=acting)
    ops: tuple[Access, ...] = (sample,)
    if rule.domain == "file":
        ops = (sample, replace(sample, op="write"), replace(sample, op="modify", how="delete"))
    arguments = [
        ("program", "--other"),
        *((("program", arg),) if (arg := next(iter(rule.flags.allowed_args), "")) else ()),
    ]
    for uid, tty, access, args in product((0, 1000), (False, True), ops, arguments):
        yield replace(access, uid=uid, tty=tty, args=args if access.op == "exec" else ())


def _sample(rule: Rule) -> Access | None:
    target: str | None = None
    match rule.matcher:
        case Program(path, execname):
            target = path.replace("*", "x") if path else f"/usr/bin/{execname}" if execname else None
        case Directory(directory) if directory:
            target = directory.rstrip("/") + "/x"
        case Pattern(pattern) if pattern and not set(pattern) & set("[{\\"):
            target = pattern.replace("**", "x").replace("*", "x").replace("?", "x")
        case Protocol(text):
            word = text.split(",")[0].strip().lower()
            kind, number = _SOCKETS.get(word, (word, 0))
            return Access("network", type=kind, protocol=number)
        case DomainName(text):
            return Access("dns", target=text.split(",")[0].strip().lower().strip("."))
        case Capability(text):
            return Access("capability", target=text.split(",")[0].strip().lower().removeprefix("cap_"))
        case _:
            return None
    if not target or not target.startswith("/"):
        return None
    return Access("exec" if rule.domain == "process" else "read", target=target)


def _same_key(by_key: dict[Key, list[_Ruled]], judge: _Judge) -> Iterator[Meeting]:
    for key, group in by_key.items():
        if len(group) < 2:
            continue
        source = key[3]
        allows = [one for one in group if one.rule.action is Action.ALLOW]
        blocks = [one for one in group if one.rule.action is Action.BLOCK]
        for mine, others in ((allows, blocks), (blocks, allows)):
            for one in mine:
                # the same policy first: that contradiction is there whatever else is applied
                for other in sorted(others, key=lambda o, one=one: (o.number != one.number, o.number))[:1]:  # type: ignore[misc]
                    meeting = _conflict(one, other, source, judge)
                    if meeting is not None:
                        yield meeting
                    elif _before(one, other) and _other_flags(one.rule, other.rule):
                        # requirements can make Allow and Block equal; what is left are the flags
                        yield from _lost(one, other, source, judge)
        for same in (allows, blocks):
            last = same[-1] if same else None
            for one in same[:-1]:
                if last is not None and _other_flags(one.rule, last.rule):
                    yield from _lost(one, last, source, judge)


def _before(one: _Ruled, other: _Ruled) -> bool:
    return (one.number, one.position) < (other.number, other.position)


def _conflict(one: _Ruled, other: _Ruled, source: str | None, judge: _Judge) -> Meeting | None:
    """On an access that the Block alone denies and the Allow alone lets pass."""
    allow, block = (one, other) if one.rule.action is Action.ALLOW else (other, one)
    access = next(
        (
            a
            for a in accesses(one.rule, source)
            if judge(Model.HAUBERK, a, block) is Verdict.DENIED and judge(Model.HAUBERK, a, allow) is Verdict.ALLOWED
        ),
        None,
    )
    if access is None:
        return None
    first, second = (one, other) if _before(one, other) else (other, one)
    verdict = judge(Model.KUBEARMOR, access, first, second)
    swapped = verdict if one.number == other.number else judge(Model.KUBEARMOR, access, second, first)
    hauberk = judge(Model.HAUBERK, access, first, second)
    return Meeting(
        "conflict",
        one.number,
        one.position,
        other.number,
        other.position,
        access,
        hauberk,
        verdict,
        swapped is not verdict,
    )


def _other_flags(one: Rule, other: Rule) -> bool:
    recursion = [isinstance(rule.matcher, Directory) and rule.matcher.recursive for rule in (one, other)]
    return one.flags != other.flags or recursion[0] != recursion[1]


def _lost(one: _Ruled, last: _Ruled, source: str | None, judge: _Judge) -> Iterator[Meeting]:
    access = judge.differing(Model.KUBEARMOR, (one,), (one, last), source)
    if access is None and one.number != last.number:
        access = judge.differing(Model.KUBEARMOR, (last, one), (one, last), source)
    if access is None:
        return
    verdict = judge(Model.KUBEARMOR, access, one, last)
    hauberk = judge(Model.HAUBERK, access, one, last)
    different = one.number != last.number and judge(Model.KUBEARMOR, access, last, one) is not verdict
    yield Meeting("flags", one.number, one.position, last.number, last.position, access, hauberk, verdict, different)


def _hidden(ruled: Sequence[_Ruled], judge: _Judge) -> Iterator[Meeting]:
    """Allow rules for a source on a directory that contains, and is wider than, what a Block for everybody names.

    A sourced Allow on the same or a narrower place is the evident exception to the Block, and is not reported.
    """
    blocks = [
        o
        for o in ruled
        if o.rule.action is Action.BLOCK and not o.rule.sources and o.rule.domain in ("process", "file")
    ]
    by_domain: dict[str, list[tuple[str, _Ruled]]] = defaultdict(list)
    for block in blocks:
        sample = _sample(block.rule)
        if sample is not None and not isinstance(block.rule.matcher, Pattern):
            by_domain[block.rule.domain].append((sample.target, block))
    for one in ruled:
        matcher = one.rule.matcher
        if one.rule.action is not Action.ALLOW or not isinstance(matcher, Directory) or not matcher.recursive:
            continue
        inside = matcher.dir.rstrip("/") + "/"
        hidden = 0
        for target, block in by_domain[one.rule.domain]:
            own = block.rule.matcher
            wider = not isinstance(own, Directory) or len(own.dir.rstrip("/")) + 1 > len(inside)
            if hidden == MAX_HIDDEN or not target.startswith(inside) or not wider:
                continue
            found = (_hides(one, block, source, judge) for source in one.rule.sources if source)
            meeting = next((meeting for meeting in found if meeting is not None), None)
            if meeting is not None:
                hidden += 1
                yield meeting


def _hides(one: _Ruled, block: _Ruled, source: str | None, judge: _Judge) -> Meeting | None:
    for access in accesses(block.rule, source):
        verdict = judge(Model.HAUBERK, access, one, block)
        kubearmor = judge(Model.KUBEARMOR, access, one, block)
        if Verdict.ALLOWED in (verdict, kubearmor) and judge(Model.HAUBERK, access, block) is Verdict.DENIED:
            return Meeting(
                "hides",
                one.number,
                one.position,
                block.number,
                block.position,
                access,
                verdict,
                kubearmor,
                order_matters=False,
            )
    return None


def _presets(policies: Sequence[tuple[int, Policy]]) -> Iterator[Meeting]:
    by_name: dict[str, list[tuple[int, int, str]]] = defaultdict(list)
    for number, policy in policies:
        for position, preset in enumerate(policy.presets):
            by_name[preset.name].append((number, position, preset.action_text))
    for group in by_name.values():
        for number, position, action in group:
            other = next((o for o in group if o[:2] != (number, position) and _audits(o[2]) != _audits(action)), None)
            if other is not None:
                verdict = Verdict.ALLOWED if _audits(group[-1][2]) else Verdict.DENIED
                yield Meeting(
                    "preset",
                    number,
                    position,
                    other[0],
                    other[1],
                    None,
                    Verdict.DENIED,
                    verdict,
                    number != other[0],
                )


def _audits(action: str) -> bool:
    return action == "Audit"
