"""How two rules of one workload meet: contradiction, lost flags, presets.

Every relation is shown on an access, and the access is decided, by both models, with the two rules alone: so the
relation says what the rules do to each other, whatever a third rule may do.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from hauberk.policy.encounters import Judge, Meeting, Ruled, accesses
from hauberk.policy.model import (
    Action,
    Capability,
    Directory,
    DomainName,
    Model,
    Pattern,
    Policy,
    Program,
    Protocol,
    Rule,
    Verdict,
    Workload,
)

MAX_RELATIONS = 50
Key = tuple[str, str, str, str | None]


def meetings(workload: Workload, policies: Sequence[tuple[int, Policy]]) -> list[Meeting]:
    """All relations on one workload, in order of their rules."""
    judge = Judge(workload)
    by_key: dict[Key, list[Ruled]] = defaultdict(list)
    for number, policy in policies:
        for position, rule in enumerate(policy.rules):
            if rule.action in (Action.ALLOW, Action.BLOCK):
                one = Ruled(number, position, policy, rule)
                for key in _keys(rule):
                    by_key[key].append(one)
    found: dict[tuple[str, int, int], Meeting] = {}
    for meeting in (*_same_key(by_key, judge), *_presets(policies)):
        found.setdefault((meeting.type, meeting.number, meeting.rule), meeting)
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


def _same_key(by_key: dict[Key, list[Ruled]], judge: Judge) -> Iterator[Meeting]:
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


def _before(one: Ruled, other: Ruled) -> bool:
    return (one.number, one.position) < (other.number, other.position)


def _conflict(one: Ruled, other: Ruled, source: str | None, judge: Judge) -> Meeting | None:
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


def _lost(one: Ruled, last: Ruled, source: str | None, judge: Judge) -> Iterator[Meeting]:
    access = judge.differing(Model.KUBEARMOR, (one,), (one, last), source)
    if access is None and one.number != last.number:
        access = judge.differing(Model.KUBEARMOR, (last, one), (one, last), source)
    if access is None:
        return
    verdict = judge(Model.KUBEARMOR, access, one, last)
    hauberk = judge(Model.HAUBERK, access, one, last)
    different = one.number != last.number and judge(Model.KUBEARMOR, access, last, one) is not verdict
    yield Meeting("flags", one.number, one.position, last.number, last.position, access, hauberk, verdict, different)


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
