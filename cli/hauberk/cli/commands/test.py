"""`hauberk test`: policy tests beside the policies, answered by both models, and which rules no test reaches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from hauberk.cli import sources
from hauberk.cli.opened import Opened, open_repository
from hauberk.cli.tested import Checked, TestRun
from hauberk.policy.decision import compile_policies
from hauberk.policy.documents import Document, decode, read
from hauberk.policy.model import Action, Decision, Model, Posture
from hauberk.policy.policytest import KIND, differences, is_test, read_test
from hauberk.policy.problems import HauberkError, Problem


def run(paths: Sequence[str], configured: Posture, exclude: Sequence[str] = ()) -> TestRun:
    """All PolicyTests below the paths against all policies there; raises HauberkError when there are none."""
    opened = open_repository(paths, exclude)
    result = TestRun(broken=[f"{name}: cannot be read whole: `hauberk lint {name}` says why" for name in opened.broken])
    deciding: set[str] = set()
    found = 0
    for name in sources.find(paths, markdown=False, exclude=exclude):
        for document in _documents(name):
            if is_test(document):
                found += 1
                _one(document, sources.displayed(name), opened, configured, result, deciding)
    if not found:
        raise HauberkError(f"no PolicyTest in {', '.join(paths)}: `hauberk schema test` says what one looks like")
    _coverage(opened, deciding, result)
    return result


def _documents(name: str) -> list[Document]:
    text = decode(sources.read(name).data)
    return [] if isinstance(text, Problem) or KIND not in text else read(text).documents


def _one(
    document: Document, path: str, opened: Opened, configured: Posture, result: TestRun, deciding: set[str]
) -> None:
    test, broken = read_test(document, path, opened.repository, configured)
    result.broken += broken
    if test is None:
        return
    compiled = {m: compile_policies(m, opened.policies, test.target.workload, test.posture) for m in Model}
    for expected in test.expectations:
        for model in expected.models:
            decision = compiled[model].decide(expected.access)
            deciding.update(_names(decision))
            wrong = "; ".join(differences(expected, decision))
            result.checked.append(
                Checked(test.name, path, expected.line, expected.what, model.value, wrong, decision.rule)
            )


def _names(decision: Decision) -> Iterator[str]:
    if decision.rule:
        yield decision.rule
    yield from (report.rule for report in decision.reports if report.rule)


def _coverage(opened: Opened, deciding: set[str], result: TestRun) -> None:
    for entry in opened.repository.entries:
        for rule, line in zip(entry.policy.rules, entry.lines, strict=False):
            if rule.action in tuple(Action):
                result.rules += 1
                name = f"{entry.policy.name}:{rule.id}"
                if name not in deciding:
                    result.uncovered.append((name, f"{PurePosixPath(entry.place.file)}:{line}"))
