"""Suppressions and exceptions: what they silence, and what the rules say about them in turn."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hauberk.cli.catalogue import catalogue
from hauberk.cli.config import Config, RuleException
from hauberk.cli.finding import Finding
from hauberk.cli.judging import Judged, Memory, RuleSet, judge
from hauberk.cli.loading import Loaded, Subject
from hauberk.cli.suppress import Suppressed, Suppression
from hauberk.policy.facts import Facts, envelope, position_facts

if TYPE_CHECKING:
    import datetime as dt

    from hauberk.cli.commands.lint import Request

_A_FEW = 100
_NO_MEMORY = Memory(lambda _: None, lambda _, __: None)


@dataclass(frozen=True, slots=True)
class Silenced:
    """Findings that stay, how many went, and what the rules say about the suppressions and exceptions themselves."""

    kept: list[Finding]
    count: int
    about: Judged


def silence(
    findings: Sequence[Finding],
    suppressed: Sequence[Suppressed],
    request: Request,
    make: Callable[[], Sequence[RuleSet]],
) -> Silenced:
    """Applies suppressions and exceptions; those without a reason silence nothing."""
    config, today = request.config, request.today
    by_line: dict[tuple[str, int], list[Suppression]] = {}
    for source in suppressed:
        for one in source.suppressions:
            by_line.setdefault((source.path, one.line), []).append(one)
    used = set[int]() if request.whole else set(range(len(config.exceptions)))
    kept: list[Finding] = []
    for finding in findings:
        own = [s for s in by_line.get((finding.path, finding.position.line), ()) if finding.rule in s.ids and s.reason]
        for one in own:
            one.used.add(finding.rule)
        exceptions = [n for n, e in enumerate(config.exceptions) if not e.expired(today) and _covers(e, finding)]
        used.update(exceptions)
        if not own and not exceptions:
            kept.append(finding)
    subjects = [*_of_suppressions(suppressed, config), *_of_exceptions(config, used, today)]
    about = Judged([], [])
    if subjects:
        about = judge(subjects, [0] * len(subjects), None, make()[:1], _NO_MEMORY, config.targets)
    return Silenced(kept, len(findings) - len(kept), about)


def _covers(exception: RuleException, finding: Finding) -> bool:
    policy = finding.policy
    return exception.covers(
        finding.rule, finding.path, policy.namespace if policy else None, policy.name if policy else None
    )


def _of_suppressions(suppressed: Iterable[Suppressed], config: Config) -> Iterable[Loaded]:
    for source in suppressed:
        # a document for each few: a source may have thousands, and the rules have a limit for one document
        for start in range(0, len(source.suppressions), _A_FEW):
            facts = envelope("suppressions", source.path, config.targets)
            few = source.suppressions[start : start + _A_FEW]
            facts["suppressions"] = [_suppression_facts(one, source.whole, config) for one in few]
            yield Loaded(source.path, subjects=[Subject(given=facts)])


def _suppression_facts(one: Suppression, whole: bool, config: Config) -> Facts:
    known = catalogue()
    return {
        "ids": list(one.ids),
        "reason": one.reason,
        "unused": [i for i in one.ids if whole and one.reason and i not in one.used and _was_asked(i, config)],
        "unknown": [i for i in one.ids if i not in known and i.startswith("HB")],
        "position": position_facts(one.position),
    }


def _was_asked(rule: str, config: Config) -> bool:
    """Whether the rule could have spoken: one that was not run, or needs files that may be missing, proves nothing."""
    info = catalogue().get(rule)
    return (
        info is not None
        and info.needs == "none"
        and bool(set(info.models) & set(config.targets))
        and config.wanted(rule)
    )


def _of_exceptions(config: Config, used: set[int], today: dt.date) -> Iterable[Loaded]:
    if not config.exceptions:
        return
    path = config_path(config)
    facts = envelope("suppressions", path, config.targets)
    facts["exceptions"] = [
        {
            "rules": list(one.rules),
            "reason": one.reason,
            "expires": one.expires.isoformat() if one.expires else None,
            "expired": one.expired(today),
            "used": number in used,
            "pointer": one.pointer,
        }
        for number, one in enumerate(config.exceptions)
    ]
    yield Loaded(path, text=config.text, subjects=[Subject(document=0, given=facts)])


def config_path(config: Config) -> str:
    """The settings' file as findings name it: from here, so that a baseline holds in another checkout too."""
    return Path(os.path.relpath(config.path)).as_posix()
