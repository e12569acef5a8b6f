"""A PolicyTest: what a workload may and may not do, read from its document, and how a decision differs from it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from hauberk.policy.described import access_of
from hauberk.policy.documents import Document, pointer_token
from hauberk.policy.loose import is_mapping, mapping
from hauberk.policy.model import Access, Decision, Model, Posture, Workload
from hauberk.policy.problems import HauberkError
from hauberk.policy.repository import Repository
from hauberk.policy.workloads import Target

KIND = "PolicyTest"
_OPERATIONS = {
    "exec": "exec",
    "read": "read",
    "write": "write",
    "modify": "modify",
    "connect": "network",
    "resolve": "dns",
    "capability": "capability",
}


@dataclass(frozen=True, slots=True)
class Expectation:
    """`reported` is a policy's name, or whether anything is reported; None where that is not tested."""

    access: Access
    verdict: str
    reported: bool | str | None
    models: tuple[Model, ...]
    what: str
    line: int


@dataclass(frozen=True, slots=True)
class PolicyTest:
    name: str
    target: Target
    posture: Posture
    expectations: tuple[Expectation, ...]


def schema() -> dict[str, Any]:
    """JSON Schema of a PolicyTest."""
    found: dict[str, Any] = json.loads(schema_text())
    return found


def schema_text() -> str:
    """The schema as it is published, with its line breaks."""
    return (files("hauberk.policy.schemas") / "policytest.json").read_text(encoding="utf-8")


@cache
def _validator() -> Any:
    import jsonschema_rs

    return jsonschema_rs.validator_for(schema())


def is_test(document: Document) -> bool:
    return is_mapping(document.data) and document.data.get("kind") == KIND


def read_test(
    document: Document, path: str, repository: Repository, configured: Posture
) -> tuple[PolicyTest | None, list[str]]:
    """The test as far as it can be asked, and what is wrong with the rest, with `file:line:column`."""
    errors = list(_validator().iter_errors(document.data))
    if errors:
        pointers = ["".join(f"/{pointer_token(str(part))}" for part in error.instance_path) for error in errors]
        return None, [_said(document, path, at, error.message) for at, error in zip(pointers, errors, strict=True)]
    spec = document.data["spec"]
    try:
        target = _target(spec["given"], repository)
    except HauberkError as error:
        return None, [_said(document, path, "/spec/given", str(error))]
    posture, _ = repository.posture(target, configured, spec["given"].get("posture"))
    expectations: list[Expectation] = []
    broken: list[str] = []
    for index, expected in enumerate(spec["expect"]):
        pointer = f"/spec/expect/{index}"
        try:
            expectations.append(_expectation(expected, document.value_at(pointer).line))
        except HauberkError as error:
            broken.append(_said(document, path, pointer, str(error)))
    return PolicyTest(document.data["metadata"]["name"], target, posture, tuple(expectations)), broken


def _said(document: Document, path: str, pointer: str, message: str) -> str:
    at = document.place(pointer)
    return f"{path}:{at.line}:{at.column}: {message}"


def _target(given: dict[str, Any], repository: Repository) -> Target:
    if "workload" in given:
        return repository.target(given["workload"])
    workload = Workload(
        given["namespace"],
        tuple(mapping(given.get("labels")).items()),
        given.get("container", ""),
        tuple(mapping(given.get("nodeLabels")).items()),
    )
    return Target(workload, "the workload of the test")


def _expectation(expected: dict[str, Any], line: int) -> Expectation:
    access = access_of(
        {op: expected[field] for field, op in _OPERATIONS.items() if field in expected},
        source=expected.get("from"),
        parent=expected.get("parent"),
        how=expected.get("how"),
        args=tuple(expected.get("args", ())),
        uid=expected.get("uid", 0),
        owner=expected.get("owner", 0),
        tty=expected.get("tty", False),
    )
    models = (Model(expected["model"]),) if "model" in expected else tuple(Model)
    field = next(field for field in _OPERATIONS if field in expected)
    source = f" from {expected['from']}" if "from" in expected else ""
    what = f"{field} {expected[field]}{source}"
    return Expectation(access, expected["verdict"], expected.get("reported"), models, what, line)


def differences(expected: Expectation, decision: Decision, nobody: str = " as no rule decides") -> Iterator[str]:
    """How a decision is not what was expected, in words; `nobody` is said of one that names no rule."""
    if decision.verdict.value != expected.verdict:
        by = f" by {decision.rule}" if decision.rule else nobody
        yield f"{decision.verdict.value}{by}, expected {expected.verdict}"
    wanted = expected.reported
    named = [report.policy for report in decision.reports]
    if isinstance(wanted, str) and wanted not in named:
        yield f"reported: {', '.join(named) or 'nothing'}, expected {wanted}"
    elif isinstance(wanted, bool) and wanted is not bool(named):
        yield f"reported: {', '.join(named) or 'nothing'}, expected {'something' if wanted else 'nothing'}"
