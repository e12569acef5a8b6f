"""Documents against the closed schemas: what is a problem, where, and what is said about it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hauberk.policy.documents import Document, read
from hauberk.policy.problems import Position, Problem
from hauberk.policy.schema import KINDS, schema_of
from hauberk.policy.validate import problems

HEAD = "apiVersion: security.kubearmor.com/v1\nkind: {kind}\nmetadata: {{name: p}}\n"


def document(spec: str, kind: str = "KubeArmorPolicy") -> Document:
    (found,) = read(HEAD.format(kind=kind) + "spec:\n" + "".join(f"  {row}\n" for row in spec.splitlines())).documents
    return found


def found(spec: str, kind: str = "KubeArmorPolicy") -> list[tuple[str, str]]:
    return [(problem.kind, problem.pointer) for problem in problems(document(spec, kind), kind)]


def only(spec: str, kind: str = "KubeArmorPolicy") -> Problem:
    (problem,) = problems(document(spec, kind), kind)
    return problem


GOOD = {
    "KubeArmorPolicy": """\
selector: {matchLabels: {app: x}, matchExpressions: [{key: label, operator: In, values: [a=b]}]}
process: {matchPaths: [{path: /a, execname: b, allowedArgs: [-c], pts: false, fromSource: [{path: /d}], severity: 1}]}
network: {matchProtocols: [{protocol: "tcp,UDP", pts: true}], matchDNSQueries: [{domain: x.org}]}
presets: [{name: exec, action: Audit}]
syscalls: {matchSyscalls: [{syscall: [open, rseq], fromSource: [{dir: /a/, recursive: true}]}]}
severity: 10
action: Block
""",
    "KubeArmorClusterPolicy": "selector: {matchExpressions: [{key: namespace, operator: NotIn, values: [a]}]}",
    "KubeArmorHostPolicy": """\
nodeSelector: {matchLabels: {a: b}}
capabilities: {matchCapabilities: [{capability: xkill, fromSource: []}]}
device: {matchDevice: [{class: "8", subClass: -1, level: 1}]}
""",
    "KubeArmorNetworkPolicy": """\
selector: {matchLabels: {a: b}}
ingress: [{limit: 10MB, duration: 1h, from: [{ipBlock: {cidr: 10.0.0.0/8}}], ports: [{port: "80", protocol: tcp}]}]
""",
}


@pytest.mark.parametrize("kind", KINDS)
def test_good_documents_have_no_problem(kind: str) -> None:
    assert found(GOOD[kind], kind) == []


@pytest.mark.parametrize("kind", KINDS)
def test_schemas_are_json_schemas(kind: str) -> None:
    import jsonschema

    jsonschema.Draft202012Validator.check_schema(schema_of(kind))


def test_another_kind_has_no_schema() -> None:
    with pytest.raises(KeyError):
        schema_of("Pod")


# ------------------------------------------------------------------------------------------ unknown fields


@pytest.mark.parametrize(
    ("spec", "pointer", "nearest"),
    [
        ("severty: 1", "/spec/severty", "severity"),
        ("Action: Block", "/spec/Action", "action"),
        ("nonsense: 1", "/spec/nonsense", None),
        ("process: {matchpath: []}", "/spec/process/matchpath", "matchPaths"),
        ("process: {matchPaths: [{path: /a, ownerOny: true}]}", "/spec/process/matchPaths/0/ownerOny", "ownerOnly"),
        ("process: {matchPaths: [{path: /a, paht: /b}]}", "/spec/process/matchPaths/0/paht", None),
        ("selector: {app: x}", "/spec/selector/app", "spec.selector.matchLabels.app"),
        ("file: {selector: {}}", "/spec/file/selector", "spec.selector"),
        ('"a/b~c": 1', "/spec/a~1b~0c", None),
    ],
)
def test_unknown_fields_and_what_was_probably_meant(spec: str, pointer: str, nearest: str | None) -> None:
    problem = only(spec)
    assert (problem.kind, problem.pointer, problem.detail["nearest"]) == ("unknown-field", pointer, nearest)
    assert problem.position == document(spec).key_at(pointer)


def test_fields_that_belong_elsewhere_are_sent_there() -> None:
    (text,) = read("apiVersion: x\nkind: KubeArmorPolicy\nmetadata: {}\nnamespace: n\nprocess: {}\n").documents
    assert [(problem.pointer, problem.detail["nearest"]) for problem in problems(text, "KubeArmorPolicy")] == [
        ("/namespace", "metadata.namespace"),
        ("/process", "spec.process"),
    ]


def test_each_unknown_field_is_a_problem_of_its_own() -> None:
    assert sorted(found("a: 1\nb: 2\nfile: {c: 3}")) == [
        ("unknown-field", "/spec/a"),
        ("unknown-field", "/spec/b"),
        ("unknown-field", "/spec/file/c"),
    ]


@pytest.mark.parametrize(
    ("kind", "spec", "pointer"),
    [
        ("KubeArmorHostPolicy", "nodeSelector: {}\nselector: {}", "/spec/selector"),
        ("KubeArmorHostPolicy", "nodeSelector: {}\npresets: []", "/spec/presets"),
        ("KubeArmorHostPolicy", "nodeSelector: {matchExpressions: []}", "/spec/nodeSelector/matchExpressions"),
        ("KubeArmorClusterPolicy", "selector: {matchLabels: {a: b}}", "/spec/selector/matchLabels"),
        ("KubeArmorPolicy", "nodeSelector: {}", "/spec/nodeSelector"),
        (
            "KubeArmorPolicy",
            "process: {matchPatterns: [{pattern: /a, fromSource: []}]}",
            "/spec/process/matchPatterns/0/fromSource",
        ),
    ],
)
def test_fields_of_another_kind_are_unknown(kind: str, spec: str, pointer: str) -> None:
    assert found(spec, kind) == [("unknown-field", pointer)]


# ------------------------------------------------------------------------------------------ nulls, types, limits


@pytest.mark.parametrize(
    ("spec", "pointer"),
    [
        ("selector:", "/spec/selector"),
        ("action:", "/spec/action"),
        ("severity: ~", "/spec/severity"),
        ("process: {matchPaths: null}", "/spec/process/matchPaths"),
        ("process: {matchPaths: [null]}", "/spec/process/matchPaths/0"),
        ("file: {matchPaths: [{path: null}]}", "/spec/file/matchPaths/0/path"),
        ("selector: {matchLabels: {a: }}", "/spec/selector/matchLabels/a"),
    ],
)
def test_a_field_without_a_value_is_a_problem_of_its_own_kind(spec: str, pointer: str) -> None:
    assert found(spec) == [("null", pointer)]
    assert only(spec).position == document(spec).key_at(pointer)


@pytest.mark.parametrize(
    ("spec", "canonical", "text"),
    [
        ("selector:\n  matchExpressions:", "[]", ""),
        ("selector:\n  matchExpressions: # why", "[]", ""),
        ("selector:\n  matchLabels: ~", "{}", "~"),
        ("selector:\n  matchLabels: null", "{}", None),
        ("selector: {matchLabels : }", "{}", None),
        ("process:\n  tags: []\n  matchPaths:", None, ""),
        ("process:\n  action:", None, ""),
    ],
)
def test_a_null_that_is_alone_in_its_parent_has_an_empty_value(spec: str, canonical: str, text: str) -> None:
    assert (only(spec).detail["canonical"], only(spec).detail["text"]) == (canonical, text)


def test_a_label_beside_match_labels_is_named_by_its_whole_path() -> None:
    assert only("selector: {app: web}").detail["nearest"] == "spec.selector.matchLabels.app"


@pytest.mark.parametrize(
    ("spec", "pointer", "message"),
    [
        ("severity: high", "/spec/severity", "spec.severity must be of type integer, not string"),
        ("severity: 5.5", "/spec/severity", "spec.severity must be of type integer, not number"),
        ("action: yes", "/spec/action", "spec.action must be of type string, not boolean"),
        ("tags: a", "/spec/tags", "spec.tags must be of type array, not string"),
        ("process: []", "/spec/process", "spec.process must be of type object, not array"),
        (
            "file: {matchPaths: [/a]}",
            "/spec/file/matchPaths/0",
            "spec.file.matchPaths[0] must be of type object, not string",
        ),
        (
            "selector: {matchLabels: {a: 1}}",
            "/spec/selector/matchLabels/a",
            "spec.selector.matchLabels.a must be of type string, not integer",
        ),
    ],
)
def test_types(spec: str, pointer: str, message: str) -> None:
    found = [
        problem for problem in problems(document(spec), "KubeArmorPolicy") if problem.detail.get("keyword") == "type"
    ]
    assert [(problem.kind, problem.pointer, problem.message) for problem in found] == [("schema", pointer, message)]


@pytest.mark.parametrize("severity", ["5.0", "0x5", "05", "1e0"])
def test_whole_numbers_may_be_written_in_any_way(severity: str) -> None:
    assert found(f"severity: {severity}") == []


@pytest.mark.parametrize(
    ("spec", "pointer", "keyword"),
    [
        ("severity: 0", "/spec/severity", "minimum"),
        ("severity: 11", "/spec/severity", "maximum"),
        ("severity: 99999999999999999999999", "/spec/severity", "maximum"),
        ("severity: -18446744073709551616", "/spec/severity", "minimum"),
        (f"file: {{matchPaths: [{{path: /{'x' * 200}}}]}}", "/spec/file/matchPaths/0/path", "maxLength"),
        (
            f"process: {{matchPaths: [{{path: /a, allowedArgs: [{'x, ' * 21}]}}]}}",
            "/spec/process/matchPaths/0/allowedArgs",
            "maxItems",
        ),
        ("file: {matchPaths: [{}]}", "/spec/file/matchPaths/0", "required"),
        ("network: {matchProtocols: [{}]}", "/spec/network/matchProtocols/0", "required"),
        ("action: allow", "/spec/action", "enum"),
        ("file: {matchPaths: [{path: a}]}", "/spec/file/matchPaths/0/path", "pattern"),
    ],
)
def test_limits(spec: str, pointer: str, keyword: str) -> None:
    problem = only(spec)
    assert (problem.kind, problem.pointer, problem.detail["keyword"]) == ("schema", pointer, keyword)
    assert problem.message


def test_no_number_of_a_policy_is_beyond_the_schema() -> None:
    for number in ("1e308", "1e309", "-1e400", "9" * 60, "-" + "9" * 5000, "0x" + "f" * 30, ".inf", ".nan"):
        assert [pointer for _, pointer in found(f"severity: {number}")] == ["/spec/severity"]


@pytest.mark.parametrize(
    ("spec", "nearest"),
    [("action: allow", "Allow"), ("action: Blocked", "Block"), ("action: Deny", None), ('action: ""', None)],
)
def test_the_member_that_was_probably_meant(spec: str, nearest: str | None) -> None:
    assert only(spec).detail["nearest"] == nearest


@pytest.mark.parametrize(
    ("rule", "canonical"),
    [
        ("matchPaths: [{path: a/b}]", "/a/b"),
        ("matchPaths: [{path: /a/}]", "/a"),
        ("matchPaths: [{path: /}]", None),
        ("matchDirectories: [{dir: /a}]", "/a/"),
        ("matchDirectories: [{dir: a//b/../c}]", "/a/c/"),
        ('matchDirectories: [{dir: ""}]', "/"),
    ],
)
def test_a_path_of_another_form_has_a_canonical_one(rule: str, canonical: str | None) -> None:
    problem = only(f"file: {{{rule}}}")
    assert (problem.detail["keyword"], problem.detail["canonical"]) == ("pattern", canonical)


# ------------------------------------------------------------------------------------------ the kinds


def test_host_rules_of_network_and_capabilities_need_a_source() -> None:
    spec = """\
nodeSelector: {}
network: {matchProtocols: [{protocol: tcp}]}
capabilities: {matchCapabilities: [{capability: kill}]}
"""
    assert sorted(found(spec, "KubeArmorHostPolicy")) == [
        ("schema", "/spec/capabilities/matchCapabilities/0"),
        ("schema", "/spec/network/matchProtocols/0"),
    ]
    assert found("action: Block", "KubeArmorHostPolicy") == [("schema", "/spec")]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("nodeSelector: {}\nselector: {}", []),
        ("nodeSelector: {}\nselector: {matchLabels: {}}", ["/spec/nodeSelector"]),
        ("selector: {matchExpressions: []}\ningress: [{}]", ["/spec/ingress/0"]),
        ("selector: {matchLabels: {}}\negress: [{limit: 1K, duration: 1s}, {limit: 1K}]", ["/spec/egress/1"]),
        ("selector: {}\ningress: [{}]", []),
        ("ingress: [{limit: 10mb}]", ["/spec/ingress/0/limit"]),
    ],
)
def test_network_policies_are_for_nodes_or_for_quotas(spec: str, expected: list[str]) -> None:
    assert sorted({pointer for _, pointer in found(spec, "KubeArmorNetworkPolicy")}) == expected


@pytest.mark.parametrize(
    "data", [[], "x", 1, True, {}, {"kind": "KubeArmorPolicy"}, {"spec": 1, "kind": 2, "metadata": []}]
)
def test_what_is_no_policy_at_all(data: Any) -> None:
    (text,) = read(json.dumps(data)).documents
    for kind in KINDS:
        assert problems(text, kind)


def test_positions_are_those_of_the_key_where_something_is_missing() -> None:
    problem = only("file:\n  matchPaths:\n  - readOnly: true")
    assert problem.position == Position(7, 7, 7, 21)
    assert problem.detail["name"] == "path"


def test_one_problem_for_each_place() -> None:
    spec = "process:\n  matchPaths:\n" + "".join(f"  - path: {number}\n" for number in range(3))
    assert found(spec) == [("schema", f"/spec/process/matchPaths/{number}/path") for number in range(3)]
