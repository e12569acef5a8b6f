"""Suppressions and exceptions: what they silence, and what the rules say about them in turn."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence

from hauberk.cli.catalogue import catalogue
from hauberk.cli.config import Config, RuleException
from hauberk.cli.finding import Finding
from hauberk.cli.judging import Memory, RuleSet, judge
from hauberk.cli.loading import Loaded, Subject
from hauberk.cli.suppress import Suppression
from hauberk.policy.facts import envelope, position_facts

_NO_MEMORY = Memory(lambda _: None, lambda _, __: None)


def silence(
    findings: Sequence[Finding],
    suppressions: Sequence[tuple[str, list[Suppression]]],
    config: Config,
    today: dt.date,
    make: Callable[[], Sequence[RuleSet]],
) -> tuple[list[Finding], int, list[Finding]]:
    """Findings that stay, how many went, and findings about the suppressions and exceptions themselves."""
    by_line: dict[tuple[str, int], list[Suppression]] = {}
    for path, found in suppressions:
        for one in found:
            by_line.setdefault((path, one.line), []).append(one)
    used: set[int] = set()
    kept: list[Finding] = []
    for finding in findings:
        own = [s for s in by_line.get((finding.path, finding.position.line), ()) if finding.rule in s.ids and s.reason]
        for one in own:
            one.used.add(finding.rule)
        exceptions = [n for n, e in enumerate(config.exceptions) if not e.expired(today) and _covers(e, finding)]
        used.update(exceptions)
        if not own and not exceptions:
            kept.append(finding)
    subjects = [*_of_suppressions(suppressions, config), *_of_exceptions(config, used, today)]
    if not subjects:
        return kept, len(findings) - len(kept), []
    judged = judge(subjects, [0] * len(subjects), None, make()[:1], _NO_MEMORY, config.targets)
    if judged.errors:
        raise RuntimeError(judged.errors[0].reason)
    return kept, len(findings) - len(kept), [f for f in judged.findings if config.wanted(f.rule)]


def _covers(exception: RuleException, finding: Finding) -> bool:
    policy = finding.policy
    return exception.covers(
        finding.rule, finding.path, policy.namespace if policy else None, policy.name if policy else None
    )


def _of_suppressions(suppressions: Iterable[tuple[str, list[Suppression]]], config: Config) -> Iterable[Loaded]:
    known = catalogue()
    for path, found in suppressions:
        facts = envelope("suppressions", path, config.targets)
        facts["suppressions"] = [
            {
                "ids": list(one.ids),
                "reason": one.reason,
                # a rule that was not run cannot have been silenced: that is no reason to call the comment useless
                "unused": [i for i in one.ids if i in known and i not in one.used and config.wanted(i)]
                if one.reason
                else [],
                "unknown": [i for i in one.ids if i not in known and i.startswith("HB")],
                "position": position_facts(one.position),
            }
            for one in found
        ]
        yield Loaded(path, subjects=[Subject(given=facts)])


def _of_exceptions(config: Config, used: set[int], today: dt.date) -> Iterable[Loaded]:
    if not config.exceptions:
        return
    facts = envelope("suppressions", config.path, config.targets)
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
    yield Loaded(config.path, text=config.text, subjects=[Subject(document=0, given=facts)])
