from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hauberk.cli.commands.decide import run
from hauberk.policy.model import Model
from hauberk.policy.problems import HauberkError
from support import shared

POLICY: dict[str, Any] = {
    "apiVersion": "security.kubearmor.com/v1",
    "kind": "KubeArmorPolicy",
    "metadata": {"name": "p", "namespace": "n"},
    "spec": {"action": "Block", "file": {"matchPaths": [{"path": "/a"}]}},
}
CASE: dict[str, Any] = {
    "policies": [POLICY],
    "workload": {"namespace": "n"},
    "posture": {},
    "access": {"op": "read", "target": "/a"},
}


def answers(*cases: dict[str, Any], root: Path | None = None, model: Model = Model.HAUBERK) -> list[Any]:
    return [json.loads(line) for line in run([json.dumps(case) for case in cases], model, root)]


def refusal(line: str, root: Path | None = None) -> str:
    with pytest.raises(HauberkError) as caught:
        list(run(["", line], Model.HAUBERK, root))
    return str(caught.value)


def without(name: str, **fields: Any) -> str:
    return json.dumps({**{key: value for key, value in CASE.items() if key != name}, **fields})


def test_one_line_for_each_case_in_order() -> None:
    many = {
        **{key: value for key, value in CASE.items() if key != "access"},
        "id": "x",
        "accesses": [{"op": "read", "target": "/b"}, {"op": "read", "target": "/a"}],
    }
    rule = "p:file.matchPaths[0]"
    denied = {"verdict": "denied", "rule": rule, "report": [{"policy": "p", "action": "Block", "rule": rule}]}
    allowed: dict[str, Any] = {"verdict": "allowed", "rule": None, "report": []}
    assert answers(CASE, many, {**CASE, "policies": []}) == [
        {"id": None, "outcome": "denied", "deciding": 0, "accesses": [denied]},
        {"id": "x", "outcome": "denied", "deciding": 1, "accesses": [allowed, denied]},
        {"id": None, "outcome": "allowed", "deciding": None, "accesses": [allowed]},
    ]


def test_posture_may_be_left_out() -> None:
    assert json.loads(next(run([without("posture")], Model.HAUBERK, None)))["outcome"] == "denied"


def test_answers_come_as_lines_are_read() -> None:
    lines = iter([json.dumps(CASE), "not JSON"])
    answered = run(lines, Model.HAUBERK, None)
    assert json.loads(next(answered))["outcome"] == "denied"
    with pytest.raises(HauberkError, match=r"^line 2: not JSON"):
        next(answered)


def test_every_document_of_a_file_counts_in_order(tmp_path: Path) -> None:
    allow = {**POLICY, "spec": {**POLICY["spec"], "action": "Allow"}}
    text = "\n---\n".join(json.dumps(document) for document in (POLICY, {"kind": "Pod"}, None, allow))
    (tmp_path / "policies.yaml").write_text(text)
    case = {**CASE, "policies": ["policies.yaml"]}
    assert [answers(case, root=tmp_path, model=model)[0]["outcome"] for model in Model] == [
        "denied",
        "allowed",
    ]


def test_a_file_is_read_once(tmp_path: Path) -> None:
    name = tmp_path / "p.yaml"
    name.write_text(json.dumps(POLICY))
    line = json.dumps({**CASE, "policies": ["p.yaml"]})
    answered = run([line, line], Model.HAUBERK, tmp_path)
    first = next(answered)
    name.unlink()
    assert next(answered) == first


def test_files_outside_the_root_are_refused(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    secret = tmp_path / "secret.yaml"
    secret.write_text(json.dumps(POLICY))
    (root / "link.yaml").symlink_to(secret)
    for name in ("../secret.yaml", str(secret), "link.yaml", "x/../../secret.yaml"):
        assert "lies outside the root" in refusal(json.dumps({**CASE, "policies": [name]}), root)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "line 1: "),
        ("a: 2001-99-99", "holds no policy"),
        ("? {a: b}\n: c", "a mapping key must be a plain word"),
        ("kind: KubeArmorPolicy\nkind: ConfigMap\n", "line 2: kind is given"),
        ("{{ .Values.policy }}", "a template"),
        ("\udc80", "not UTF-8"),
        (None, "cannot be read"),
    ],
)
def test_unreadable_files_are_named(tmp_path: Path, text: str | None, message: str) -> None:
    if text is not None:
        (tmp_path / "p.yaml").write_bytes(text.encode("utf-8", "surrogateescape"))
    refused = refusal(json.dumps({**CASE, "policies": ["p.yaml"]}), tmp_path)
    assert refused.startswith("line 2: policies[0]: 'p.yaml'")
    assert message in refused


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 2: not JSON: "),
        ("[" * 100_000, "line 2: JSON that cannot be read: "),
        ('{"access": ' + "9" * 5000 + "}", "line 2: JSON that cannot be read: "),
        ("[]", "line 2: a case must be an object"),
        (without("policies"), "policies must be a list"),
        (without("policies", policies=["p.yaml"]), "policies[0] is a file name, but no root is given"),
        (without("policies", policies=[{"kind": "Pod"}]), "policies[0] has no kind that can be decided"),
        (without("policies", policies=[5]), "policies[0] must be a policy object or a file name"),
        (without("workload"), "workload must be an object, not null"),
        (without("posture", posture="block"), "posture must be an object"),
        (without("access"), "give either access (one object) or accesses"),
        (without("", accesses=[]), "give either access (one object) or accesses"),
        (without("access", accesses={}), "accesses must be a list"),
        (without("access", accesses=[{"op": "read", "target": "/a"}, {"op": "x"}]), "accesses[1].op is 'x'"),
        (without("access", access={"op": "read"}), "access.target is missing"),
        ('{"policies": [], "workload": {"namespace": NaN}}', "NaN is not JSON"),
    ],
)
def test_bad_lines_say_what_is_wrong(line: str, message: str) -> None:
    refused = refusal(line)
    assert refused.startswith("line 2: ")
    assert message in refused


@pytest.mark.parametrize("name", ["\u0000", "x" * 5000, "", "."])
def test_impossible_file_names_are_refused(tmp_path: Path, name: str) -> None:
    assert "policies[0]: " in refusal(json.dumps({**CASE, "policies": [name]}), tmp_path)


def test_a_list_in_a_file_is_its_items(tmp_path: Path) -> None:
    whole = {"apiVersion": "v1", "kind": "List", "items": [POLICY]}
    (tmp_path / "p.yaml").write_text(json.dumps(whole))
    (answer,) = answers({**CASE, "policies": ["p.yaml"]}, root=tmp_path)
    assert answer["outcome"] == "denied"


@pytest.mark.corpus
@pytest.mark.parametrize("model", list(Model))
def test_conformance(model: Model) -> None:
    folder = shared()
    lines = shared("conformance", "cases.jsonl").read_text(encoding="utf-8").splitlines()
    cases = [json.loads(line) for line in lines]
    assert len(cases) == 224
    wrong: list[str] = []
    against_upstream: list[str] = []
    applied = 0
    for case, line in zip(cases, run(lines, model, folder / "corpus"), strict=True):
        expected, answer = case["expect"], json.loads(line)
        if case["models"][model.value] is None:
            continue
        applied += 1
        if answer["outcome"] != case["models"][model.value]:
            wrong.append(f"{case['id']}: {answer['outcome']}")
        if answer["outcome"] != expected["outcome"]:
            against_upstream.append(case["id"])
        elif answer["deciding"] != expected["deciding"]:
            wrong.append(f"{case['id']}: decided by access {answer['deciding']}, not {expected['deciding']}")
        if model is Model.HAUBERK:
            wrong.extend(f"{case['id']}: {check}" for check in expected["reports"] if not reported(answer, check))
    assert wrong == []
    if model is Model.HAUBERK:
        assert (applied, against_upstream) == (224, [])
    else:
        assert (applied, len(against_upstream)) == (114, 1)


def reported(answer: dict[str, Any], check: dict[str, Any]) -> bool:
    """Whether a check of reports holds."""
    found = any(
        report["policy"] == check["policy"] and check.get("action") in (None, report["action"])
        for access in answer["accesses"]
        for report in access["report"]
    )
    return found is check["found"]
