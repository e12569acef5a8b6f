"""Rules for a source that let through what a Block for everybody forbids."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from hauberk.policy.encounters import Judge, Meeting, Ruled, accesses, sample
from hauberk.policy.matching import Below, Glob
from hauberk.policy.model import Access, Action, Directory, Model, Pattern, Verdict
from hauberk.policy.patterns import recognizer
from hauberk.policy.targets import Targets
from hauberk.policy.tree import View
from hauberk.policy.wanted import Limit, Wanted

MAX_HIDDEN = 10
"""Blocks named for one Allow with a source."""
_MOST_SEARCHES = 200
"""Pairs of a directory and a pattern that are searched for one workload."""
_SMALL = Limit(weight=20_000, components=2_000, steps=20_000, attempts=1)


def hidden(ruled: Sequence[Ruled], judge: Judge) -> Iterator[Meeting]:
    """Allow rules for a source on a directory that contains, and is wider than, what a Block for everybody matches.

    A sourced Allow on the same or a narrower place is the evident exception to the Block, and is not reported.
    """
    names: dict[str, list[tuple[str, Ruled]]] = defaultdict(list)
    patterns: dict[str, list[Ruled]] = defaultdict(list)
    for block in ruled:
        rule = block.rule
        if rule.action is not Action.BLOCK or rule.sources or rule.domain not in ("process", "file"):
            continue
        shown = sample(rule)
        if isinstance(rule.matcher, Pattern):
            patterns[rule.domain].append(block)
        elif shown is not None:
            names[rule.domain].append((shown.target, block))
    searches = _MOST_SEARCHES
    for one in ruled:
        matcher = one.rule.matcher
        if one.rule.action is not Action.ALLOW or not isinstance(matcher, Directory) or not matcher.recursive:
            continue
        if not any(one.rule.sources):
            continue
        pairs: list[tuple[Ruled, Iterable[Access]]] = []
        inside = matcher.dir.rstrip("/") + "/"
        for target, block in names[one.rule.domain]:
            own = block.rule.matcher
            wider = not isinstance(own, Directory) or len(own.dir.rstrip("/")) + 1 > len(inside)
            if target.startswith(inside) and wider:
                pairs.append((block, accesses(block.rule, None)))
        for block in patterns[one.rule.domain]:
            path = _within(inside, block.rule.matcher) if searches > 0 else None
            searches -= 1
            if path is not None:
                shown = Access("exec" if one.rule.domain == "process" else "read", path)
                pairs.append((block, accesses(block.rule, None, shown)))
        yield from _meetings(one, pairs, judge)


def _within(directory: str, matcher: object) -> str | None:
    """A path of the pattern, if all of its paths lie below the directory."""
    if not isinstance(matcher, Pattern) or recognizer(matcher.pattern) is None:
        return None
    views: list[View] = [(Model.HAUBERK, Below(directory, deep=True)), (Model.HAUBERK, Glob(matcher.pattern))]
    targets = Targets("file", views, {}, _SMALL, {})
    found: str | None = None
    for one in targets.classes(Wanted((1,))):
        if 1 not in one.hits:
            continue
        if 0 not in one.hits:
            return None
        found = found or one.target
    return None if targets.exhausted or targets.loose else found


def _meetings(one: Ruled, pairs: Iterable[tuple[Ruled, Iterable[Access]]], judge: Judge) -> Iterator[Meeting]:
    count = 0
    for block, shown in pairs:
        tried = list(shown)
        found = (_hides(one, block, source, tried, judge) for source in one.rule.sources if source)
        meeting = next((meeting for meeting in found if meeting is not None), None)
        if meeting is not None:
            yield meeting
            count += 1
            if count == MAX_HIDDEN:
                return


def _hides(one: Ruled, block: Ruled, source: str, tried: Iterable[Access], judge: Judge) -> Meeting | None:
    for other in tried:
        access = replace(other, source=source, parent_source=source)
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
