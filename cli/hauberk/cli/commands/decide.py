"""`hauberk decide`: cases in JSON lines -> decisions in JSON lines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn, cast

from hauberk.policy.decision import compile_policies
from hauberk.policy.documents import decode, read
from hauberk.policy.model import Access, Decision, Model, Policy, Verdict
from hauberk.policy.parse import parse_access, parse_policy, parse_posture, parse_workload
from hauberk.policy.problems import HauberkError, Problem


def run(lines: Iterable[str], model: Model, root: Path | None) -> Iterator[str]:
    """One line for each case, in order; empty lines are passed over. Files are looked up below `root`."""
    files = _Files(root)
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield _decide(line, model, files)
        except HauberkError as error:
            raise HauberkError(f"line {number}: {error}") from error


def _decide(line: str, model: Model, files: _Files) -> str:
    case = _case(line)
    policies = _policies(case.get("policies"), files)
    workload = parse_workload(case.get("workload"))
    posture = parse_posture(case.get("posture"))
    accesses = _accesses(case)
    compiled = compile_policies(model, policies, workload, posture)
    decisions = [compiled.decide(access) for access in accesses]
    deciding = next((index for index, decision in enumerate(decisions) if decision.verdict is Verdict.DENIED), None)
    result = {
        "id": case.get("id"),
        "outcome": (Verdict.ALLOWED if deciding is None else Verdict.DENIED).value,
        "deciding": deciding,
        "accesses": [_answer(decision) for decision in decisions],
    }
    return json.dumps(result)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _case(line: str) -> Mapping[str, Any]:
    try:
        case = json.loads(line, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise HauberkError(f"not JSON: {error.msg} at column {error.colno}; give one case in one line") from error
    except (ValueError, RecursionError) as error:
        raise HauberkError(f"JSON that cannot be read: {_reason(error)}; give one case in one line") from error
    if not isinstance(case, dict):
        raise HauberkError("a case must be an object with policies, workload, posture and accesses")
    return cast("dict[str, Any]", case)


def _policies(given: object, files: _Files) -> list[Policy]:
    if not isinstance(given, list):
        raise HauberkError("policies must be a list of policy objects or of file names")
    policies: list[Policy] = []
    for index, item in enumerate(cast("list[object]", given)):
        where = f"policies[{index}]"
        if isinstance(item, str):
            policies.extend(files.policies(item, where))
        elif isinstance(item, dict):
            policy = parse_policy(cast("dict[str, Any]", item))
            if policy is None:
                raise HauberkError(
                    f"{where} has no kind that can be decided: "
                    "give KubeArmorPolicy, KubeArmorClusterPolicy or KubeArmorHostPolicy"
                )
            policies.append(policy)
        else:
            raise HauberkError(f"{where} must be a policy object or a file name")
    return policies


def _accesses(case: Mapping[str, Any]) -> list[Access]:
    one, many = case.get("access"), case.get("accesses")
    if (one is None) == (many is None):
        raise HauberkError("give either access (one object) or accesses (a list of them)")
    if many is None:
        return [parse_access(one)]
    if not isinstance(many, list):
        raise HauberkError("accesses must be a list of objects")
    listed = cast("list[object]", many)
    return [parse_access(access, f"accesses[{index}]") for index, access in enumerate(listed)]


def _answer(decision: Decision) -> dict[str, Any]:
    return {
        "verdict": decision.verdict.value,
        "rule": decision.rule,
        "report": [
            {"policy": report.policy, "action": report.action, "rule": report.rule} for report in decision.reports
        ],
    }


def _reason(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


class _Files:
    """Policies of files below a root; a file is read once."""

    def __init__(self, root: Path | None) -> None:
        self._root = None if root is None else root.resolve()
        self._known: dict[str, list[Policy]] = {}

    def policies(self, name: str, where: str) -> list[Policy]:
        """The policies of all documents of a file, in order; other documents are passed over."""
        if name not in self._known:
            self._known[name] = self._read(self._path(name, where), name, where)
        return self._known[name]

    def _path(self, name: str, where: str) -> Path:
        if self._root is None:
            raise HauberkError(f"{where} is a file name, but no root is given: name their folder with --root")
        try:
            path = (self._root / name).resolve()
        except (OSError, ValueError, RuntimeError) as error:
            raise HauberkError(f"{where}: {name!r} is no file name: {_reason(error)}") from error
        if not path.is_relative_to(self._root):
            raise HauberkError(f"{where}: {name!r} lies outside the root: name a file below it")
        return path

    def _read(self, path: Path, name: str, where: str) -> list[Policy]:
        try:
            # A pipe would be waited for.
            if path.exists() and not path.is_file():
                raise HauberkError(f"{where}: {name!r} is not a regular file: name a file")
            text = decode(path.read_bytes())
        except OSError as error:
            raise HauberkError(f"{where}: {name!r} cannot be read: {_reason(error)}") from error
        if isinstance(text, Problem):
            raise HauberkError(f"{where}: {name!r}: {text.message}")
        parsed = read(text)
        found = [*parsed.problems, *(problem for document in parsed.documents for problem in document.problems)]
        for problem in found:
            # to guess what a broken file means would be to answer another question
            if problem.detail.get("severity") != "warning":
                line = f"line {problem.position.line}: " if problem.position else ""
                raise HauberkError(f"{where}: {name!r}: {line}{problem.message}")
        if parsed.skipped:
            raise HauberkError(f"{where}: {name!r}: {parsed.skipped}")
        policies = [policy for document in parsed.documents if (policy := parse_policy(document.data)) is not None]
        if not policies:
            raise HauberkError(f"{where}: {name!r} holds no policy")
        return policies
