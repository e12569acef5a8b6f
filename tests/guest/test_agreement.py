"""The verdicts of the kernel are those of `decide()` (E1): random policies, and accesses done for real."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from guest.worlds import Case, Step, cases, decisions
from hauberk.policy.decision import Compiled
from hauberk.policy.model import Access, Verdict
from support.keeper import Keeper
from support.programs import INSIDE, OBJECT, compiled

pytestmark = pytest.mark.guest

POLICIES = 90
STEPS = 6
DENIED = {1, 13}
"""EPERM and EACCES."""

Outcome = tuple[int, list[list[Any]]]


@pytest.fixture(scope="module")
def outcomes(keeper: Keeper) -> list[tuple[Case, Compiled, Step, Outcome]]:
    """What a kernel did with each of at least 500 accesses, on an overlay and on ext4."""
    guest = keeper.guest()
    # other policies for each kernel
    given = cases(seed=sum(guest.kernel.encode()), count=POLICIES, steps=STEPS)
    guest.put("/t/actor", compiled("actor.c"), 0o755)
    guest.put("/t/true", compiled("true.S"), 0o755)
    guest.put("/t/agreement.py", (INSIDE / "agreement.py").read_bytes())
    guest.put("/t/cases.json", json.dumps([case.document() for case in given]).encode())
    arguments = ["/t/agreement.py", OBJECT, "/t/cases.json", "/t/results.json"]
    guest.run(["python3", *arguments], timeout=600).checked()
    results = json.loads(guest.get("/t/results.json"))
    assert results["counters"]["LOST"] == 0
    return [
        (case, compiled_, step, (outcome[0], outcome[1]))
        for case, found in zip(given, results["results"], strict=True)
        for compiled_ in [case.compiled()]
        for step, outcome in zip(case.steps, found, strict=True)
    ]


def guarded(compiled_: Compiled, step: Step) -> bool:
    """Whether the step takes the name of a program that some rule can deny to somebody."""
    taken = [one for one in step.accesses[:1] if one.how in {"delete", "rename", "link"}]
    return any(
        decision.verdict is Verdict.DENIED and decision.rule is not None
        for one in taken
        for source in compiled_.source_classes("exec")
        for decision in [compiled_.decide(_exec_by_stranger(one, source))]
    )


def _said(step: Step) -> str:
    return f"{step.line} by {step.source} as {step.uid}{' on a terminal' if step.tty else ''}"


def _exec_by_stranger(one: Access, source: str | None) -> Access:
    return replace(one, op="exec", source=source, how="", uid=one.owner_uid + 1, tty=True)


def test_the_kernel_and_the_model_give_the_same_verdicts(
    outcomes: list[tuple[Case, Compiled, Step, Outcome]],
) -> None:
    assert len(outcomes) >= 500
    differing: list[str] = []
    denied = 0
    for case, compiled_, step, (error, _) in outcomes:
        found = decisions(compiled_, step)
        expected = found[-1].verdict is Verdict.DENIED
        denied += expected
        if not expected and guarded(compiled_, step):
            expected = True
        if error not in {0, *DENIED} or (error in DENIED) != expected:
            differing.append(
                f"{_said(step)}: errno {error}, not {found}, by {json.dumps(case.policies)} {case.posture}"
            )
    assert not differing, "\n".join(differing[:5])
    assert denied > len(outcomes) // 5


def test_the_kernel_names_the_rules_that_the_model_names(
    outcomes: list[tuple[Case, Compiled, Step, Outcome]],
) -> None:
    differing: list[str] = []
    compared = 0
    for case, compiled_, step, (_, records) in outcomes:
        if any(reason == "GUARD" for reason, _ in records):
            continue  # beyond the model
        expected = {
            (report.policy, report.action, report.rule)
            for decision in decisions(compiled_, step)
            for report in decision.reports
        }
        reported = set(_reports(records))
        compared += len(expected)
        if reported != expected:
            differing.append(
                f"{_said(step)}: {reported}, not {expected}, by {json.dumps(case.policies)} {case.posture}"
            )
    assert not differing, "\n".join(differing[:5])
    assert compared > len(outcomes) // 4


def _reports(records: list[list[Any]]) -> Iterator[tuple[str, str, str | None]]:
    for _, reports in records:
        yield from map(tuple, reports)
