"""`hauberk test`: policy tests beside the policies, answered by both models, and which rules no test reaches."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from pathlib import PurePosixPath
from typing import Any

import jsonschema_rs

from hauberk.cli import sources
from hauberk.cli.access import access_of
from hauberk.cli.opened import Opened, open_repository
from hauberk.cli.tested import Checked, TestRun
from hauberk.policy.decision import compile_policies
from hauberk.policy.documents import Document, decode, pointer_token, read
from hauberk.policy.loose import is_mapping, mapping
from hauberk.policy.model import Access, Action, Decision, Model, Posture, Workload
from hauberk.policy.problems import HauberkError, Problem
from hauberk.policy.workloads import Target

_OPERATIONS = {
    "exec": "exec",
    "read": "read",
    "write": "write",
    "modify": "modify",
    "connect": "network",
    "resolve": "dns",
    "capability": "capability",
}


def schema() -> dict[str, Any]:
    """JSON Schema of a PolicyTest."""
    found: dict[str, Any] = json.loads((files("hauberk.cli") / "policytest.schema.json").read_text(encoding="utf-8"))
    return found


@cache
def _validator() -> Any:
    return jsonschema_rs.validator_for(schema())


def run(paths: Sequence[str], configured: Posture, exclude: Sequence[str] = ()) -> TestRun:
    """All PolicyTests below the paths against all policies there; raises HauberkError when there are none."""
    opened = open_repository(paths, exclude)
    result = TestRun(broken=[f"{name}: cannot be read whole: `hauberk lint {name}` says why" for name in opened.broken])
    deciding: set[str] = set()
    found = 0
    for name in sources.find(paths, markdown=False, exclude=exclude):
        for document in _documents(name):
            if is_mapping(document.data) and document.data.get("kind") == "PolicyTest":
                found += 1
                _one(document, sources.displayed(name), opened, configured, result, deciding)
    if not found:
        raise HauberkError(f"no PolicyTest in {', '.join(paths)}: `hauberk schema test` says what one looks like")
    _coverage(opened, deciding, result)
    return result


def _documents(name: str) -> list[Document]:
    text = decode(sources.read(name).data)
    return [] if isinstance(text, Problem) or "PolicyTest" not in text else read(text).documents


def _one(
    document: Document, path: str, opened: Opened, configured: Posture, result: TestRun, deciding: set[str]
) -> None:
    errors = list(_validator().iter_errors(document.data))
    for error in errors:
        pointer = "".join(f"/{pointer_token(str(part))}" for part in error.instance_path)
        at = document.place(pointer)
        result.broken.append(f"{path}:{at.line}:{at.column}: {error.message}")
    if errors:
        return
    spec, test = document.data["spec"], document.data["metadata"]["name"]
    try:
        target = _target(spec["given"], opened)
    except HauberkError as error:
        at = document.place("/spec/given")
        result.broken.append(f"{path}:{at.line}:{at.column}: {error}")
        return
    posture, _ = opened.posture(target, configured, spec["given"].get("posture"))
    for index, expected in enumerate(spec["expect"]):
        line = document.value_at(f"/spec/expect/{index}").line
        try:
            access = _access(expected)
        except HauberkError as error:
            result.broken.append(f"{path}:{line}: {error}")
            continue
        for model in Model:
            if expected.get("model", model.value) != model.value:
                continue
            decision = compile_policies(model, opened.policies, target.workload, posture).decide(access)
            deciding.update(_names(decision))
            wrong = "; ".join(_differences(expected, decision))
            what = _said(expected)
            result.checked.append(Checked(test, path, line, what, model.value, wrong, decision.rule))


def _target(given: dict[str, Any], opened: Opened) -> Target:
    if "workload" in given:
        return opened.target(given["workload"])
    workload = Workload(
        given["namespace"],
        tuple(mapping(given.get("labels")).items()),
        given.get("container", ""),
        tuple(mapping(given.get("nodeLabels")).items()),
    )
    return Target(workload, "the workload of the test")


def _access(expected: dict[str, Any]) -> Access:
    return access_of(
        {op: expected[field] for field, op in _OPERATIONS.items() if field in expected},
        source=expected.get("from"),
        parent=expected.get("parent"),
        how=expected.get("how"),
        args=tuple(expected.get("args", ())),
        uid=expected.get("uid", 0),
        owner=expected.get("owner", 0),
        tty=expected.get("tty", False),
    )


def _differences(expected: dict[str, Any], decision: Decision) -> Iterator[str]:
    if decision.verdict.value != expected["verdict"]:
        by = f" by {decision.rule}" if decision.rule else " as no rule decides"
        yield f"{decision.verdict.value}{by}, expected {expected['verdict']}"
    wanted = expected.get("reported")
    named = [report.policy for report in decision.reports]
    if isinstance(wanted, str) and wanted not in named:
        yield f"reported: {', '.join(named) or 'nothing'}, expected {wanted}"
    elif isinstance(wanted, bool) and wanted is not bool(named):
        yield f"reported: {', '.join(named) or 'nothing'}, expected {'something' if wanted else 'nothing'}"


def _names(decision: Decision) -> Iterator[str]:
    if decision.rule:
        yield decision.rule
    yield from (report.rule for report in decision.reports if report.rule)


def _said(expected: dict[str, Any]) -> str:
    field = next(field for field in _OPERATIONS if field in expected)
    source = f" from {expected['from']}" if "from" in expected else ""
    return f"{field} {expected[field]}{source}"


def _coverage(opened: Opened, deciding: set[str], result: TestRun) -> None:
    for entry in opened.repository.entries:
        for rule, line in zip(entry.policy.rules, entry.lines, strict=False):
            if rule.action in tuple(Action):
                result.rules += 1
                name = f"{entry.policy.name}:{rule.id}"
                if name not in deciding:
                    result.uncovered.append((name, f"{PurePosixPath(entry.place.file)}:{line}"))
