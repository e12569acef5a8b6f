"""Readers of untrusted text: whatever a file holds, a document comes out, a problem with a place, or HauberkError.

HAUBERK_EXAMPLES multiplies the number of inputs (1 here: about twenty thousand).
"""

from __future__ import annotations

import json
import os
import re
from functools import cache
from importlib.resources import files
from typing import Any

import jsonschema_rs
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from hauberk.policy import schema, validate
from hauberk.policy.documents import Document, Parsed, decode, read
from hauberk.policy.facts import policy_facts, problem_facts
from hauberk.policy.loose import is_list, is_mapping
from hauberk.policy.parse import parse_policy
from hauberk.policy.problems import HauberkError, Position, Problem

TIMES = int(os.environ.get("HAUBERK_EXAMPLES", "1"))
BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
"""Line breaks of YAML 1.1, as libyaml counts lines."""


def inputs(count: int) -> settings:
    return settings(
        max_examples=count * TIMES,
        deadline=None,
        derandomize=bool(os.environ.get("CI")),
        phases=[phase for phase in Phase if phase is not Phase.explain],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
    )


SEEDS = [
    """\
apiVersion: security.kubearmor.com/v1
kind: KubeArmorPolicy
metadata:
  name: ksp-block
  namespace: multiubuntu
spec:
  severity: 5
  tags: ["MITRE", 'x y']
  message: "block # all"
  selector:
    matchLabels:
      group: group-1
      app.kubernetes.io/name: web   # a comment
    matchExpressions:
      - key: label
        operator: NotIn
        values: [a=b, c=d]
  process:
    matchPaths:
      - path: /usr/bin/apt
        ownerOnly: true
        fromSource:
          - path: /bin/bash
      - execname: apt-get
        allowedArgs: [-y, update]
    matchDirectories:
      - dir: /sbin/
        recursive: true
        pts: false
    matchPatterns:
      - pattern: /tmp/*.sh
  file:
    matchPaths:
      - {path: /etc/shadow, readOnly: true, action: Audit}
  network:
    matchProtocols:
      - protocol: tcp,udp
        fromSource: [{path: /usr/bin/curl}]
    matchDNSQueries:
      - domain: example.org
  capabilities:
    matchCapabilities:
      - capability: net_raw
  presets:
    - name: filelessExec
      action: Audit
  action:
    Block
""",
    """\
# a host policy
apiVersion: security.kubearmor.com/v1
kind: KubeArmorHostPolicy
metadata: &meta
  name: hsp
  annotations: {note: |-
    no}
spec:
  nodeSelector:
    matchLabels:
      kubernetes.io/hostname: "*"
  process: &p
    severity: 0x5
    matchPaths:
    - path: >-
        /usr/bin/a
        b
  syscalls:
    matchSyscalls:
    - syscall: [unlink, "rmdir"]
      fromSource:
      - path: /bin/ls
        recursive: yes
  device: {matchDevice: [{class: "8", subClass: 010, level: 1_0}]}
  action: Audit
---
apiVersion: security.kubearmor.com/v1
kind: KubeArmorNetworkPolicy
metadata: {name: np}
spec:
  selector: {matchLabels: {a: b}}
  ingress:
  - from: [{ipBlock: {cidr: 10.0.0.0/8}}]
    ports: [{port: "80", endPort: 90, protocol: TCP}]
    limit: 10MB
    duration: 1h
  action: Block
...
""",
    """\
{"apiVersion": "security.kubearmor.com/v1", "kind": "KubeArmorClusterPolicy",
 "metadata": {"name": "csp"}, "spec": {"selector": {"matchExpressions": [
   {"key": "namespace", "operator": "In", "values": ["a", "\\u00e9"]}]},
   "file": {"matchDirectories": [{"dir": "/etc/", "recursive": true, "action": "Allow"}]}, "severity": 1}}
""",
    """\
apiVersion: v1
kind: List
items:
- &one
  apiVersion: security.kubearmor.com/v1
  kind: KubeArmorPolicy
  metadata: {name: one}
  spec: {file: {matchPaths: [{path: /a}]}, action: Block}
- <<: *one
  metadata:
    name: two
- *one
-
- text
""",
]


def rows_of(text: str) -> list[str]:
    return BREAK.split(text)


def check_position(position: Position, rows: list[str]) -> None:
    """Inside the text: a column may stand one behind the last character, an end two (a mark of one character there)."""
    assert 1 <= position.line <= len(rows), position
    assert position.line <= position.end_line <= len(rows), position
    assert 1 <= position.column <= len(rows[position.line - 1]) + 1, position
    assert 1 <= position.end_column <= len(rows[position.end_line - 1]) + 2, position
    assert (position.line, position.column) <= (position.end_line, position.end_column), position


def check_problem(problem: Problem, document: Document | None, rows: list[str]) -> None:
    assert problem.message
    if problem.position is not None:
        check_position(problem.position, rows)
    else:
        assert document is not None
        for find in (document.value_at, document.key_at, document.place):
            check_position(find(problem.pointer), rows)


@cache
def validator(name: str) -> Any:
    facts = json.loads((files("hauberk.policy.schemas") / "facts.json").read_text(encoding="utf-8"))
    return jsonschema_rs.validator_for(
        {"$schema": facts["$schema"], "$defs": facts["$defs"], "$ref": f"#/$defs/{name}"}
    )


def pointers(node: Any, pointer: str = "") -> list[str]:
    found = [pointer]
    if is_mapping(node):
        for key, child in node.items():
            found += pointers(child, f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}")
    elif is_list(node):
        for index, child in enumerate(node):
            found += pointers(child, f"{pointer}/{index}")
    return found


def check_facts(name: str, facts: Any) -> None:
    # through JSON, as that is what rules see
    validator(name).validate(json.loads(json.dumps(facts, allow_nan=False)))


def check(text: str) -> Parsed:
    """Reads a text, and has every stage say what it says about each document, whatever kind it claims to be."""
    try:
        parsed = read(text)
    except HauberkError:
        return Parsed()
    again = read(text)
    assert repr(parsed) == repr(again)
    rows = rows_of(text)
    for problem in parsed.problems:
        check_problem(problem, None, rows)
    check_problem_facts(parsed.problems)
    for document in parsed.documents:
        found = list(document.problems)
        for pointer in pointers(document.data)[:100]:
            for find in (document.value_at, document.key_at, document.place):
                check_position(find(pointer), rows)
        for kind in schema.KINDS:
            found += validate.problems(document, kind)
            if is_mapping(document.data):
                check_model({**document.data, "kind": kind})
        for problem in found:
            check_problem(problem, document, rows)
        check_problem_facts(found)
        parse_policy(document.data)
    return parsed


def check_problem_facts(problems: list[Problem]) -> None:
    for facts in problem_facts(problems):
        check_facts("problem", facts)


def check_model(data: dict[str, Any]) -> None:
    check_facts("policy", policy_facts(data, parse_policy(data)))


# ------------------------------------------------------------------------------------------ any bytes, any text


@inputs(4000)
@given(data=st.binary(max_size=60))
def test_any_bytes(data: bytes) -> None:
    decoded = decode(data)
    if isinstance(decoded, str):
        check(decoded)
    else:
        check_position(decoded.position, rows_of(data.decode("utf-8", "replace")))  # type: ignore[arg-type]
        check_problem_facts([decoded])


YAML_WORDS = st.sampled_from(
    [
        *"\n\n\n \t:-?,[]{}#&*!|>'\"%@`~\r\x85\u2028\ufeff\0\x1f\u00e9\U0001f600a1",
        *[
            "  ",
            ": ",
            "- ",
            "? ",
            "\n  ",
            "\n- ",
            "---\n",
            "...\n",
            "\n---\n",
            "&a ",
            "*a",
            "<<: ",
            "!!str ",
            "!x ",
            "{{ .Values }}",
        ],
        *[
            "kind: List\nitems:\n",
            "a: ",
            "b: 1",
            "|-\n",
            ">\n",
            "\\u0041",
            "1e999",
            ".nan",
            "0x",
            "1_",
            "-",
            "%YAML 1.2\n---\n",
        ],
        *[
            "kind: KubeArmorPolicy\n",
            "spec:\n",
            "metadata:\n",
            "\\ud83d",
            "=",
            "y",
            "~",
            "0o8",
            "089",
            "2020-01-01",
            "1:30",
        ],
    ]
)


@inputs(5000)
@given(words=st.lists(YAML_WORDS, max_size=14))
def test_any_words_of_yaml(words: list[str]) -> None:
    check("".join(words))


@inputs(1000)
@given(text=st.text(max_size=40))
def test_any_text(text: str) -> None:
    check(text)


# ------------------------------------------------------------------------------------------ mutated policies

SNIPPETS = [
    "\t",
    "  ",
    " ",
    "x",
    "# ",
    ": ",
    "- ",
    "&a ",
    "*a ",
    "&one ",
    "*one",
    "*meta",
    "<<: *p",
    "<<: {path: /x}",
    "{a: [b, {c: d}]}",
    "[1, [2, [3]]]",
    "null",
    "~: x",
    "1: x",
    "1.5: y",
    "true: z",
    "? [a]\n: b",
    "123456789012345678901234567890",
    "1e400",
    "0x" + "f" * 30,
    "-" + "9" * 5000,
    ".inf",
    ".nan",
    "089",
    "0_8",
    "yes",
    "!!int '5'",
    "!!binary aGk=",
    "!foo bar",
    "|",
    ">-",
    "'",
    '"',
    "---",
    "...",
    "\r",
    "\u2028",
    "\u00e9\U0001f600",
    "\x07",
    "{{ .Values.x }}",
    "{{",
    "%TAG ! x",
    "a/b~c: 1",
    "'': 1",
    "path: /a",
    "spec: {}",
    "kind: List\nitems: []",
    "severity: 99999999999999999999",
    "severity: 5.0",
    "severity: -0x5",
]


@st.composite
def mutants(draw: st.DrawFn) -> str:
    rows = draw(st.sampled_from(SEEDS)).splitlines(keepends=True)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(rows) - 1))
        row = rows[at]
        match draw(st.integers(0, 9)):
            case 0:
                del rows[at : at + draw(st.integers(1, 3))]
            case 1:
                rows.insert(draw(st.integers(0, len(rows))), row)
            case 2:
                rows.insert(at, " " * draw(st.integers(0, 6)) + draw(st.sampled_from(SNIPPETS)) + "\n")
            case 3 | 4:
                column = draw(st.integers(0, len(row)))
                rows[at] = row[:column] + draw(st.sampled_from(SNIPPETS)) + row[column:]
            case 5 | 6:
                key, colon, _ = row.partition(":")
                rows[at] = f"{key}{colon} {draw(st.sampled_from(SNIPPETS))}\n"
            case 7:
                rows[at] = " " * draw(st.integers(0, 8)) + row.lstrip(" ")
            case 8:
                column = draw(st.integers(0, len(row)))
                rows[at] = row[:column] + row[column + draw(st.integers(1, 4)) :]
            case _:
                end = draw(st.integers(at, len(rows)))
                rows[at:end] = ["".join(rows[at:end]).replace(draw(st.sampled_from([" ", ":", "-", "\n"])), "", 1)]
        if not rows:
            rows = ["\n"]
    return "".join(rows)


@inputs(7000)
@given(text=mutants())
def test_mutated_policies(text: str) -> None:
    compare_shape(text, check(text))


def compare_shape(text: str, parsed: Parsed) -> None:
    """Where nothing was found odd, libyaml's own composer sees the same mappings, lists and text."""
    if parsed.problems or parsed.skipped or any(document.problems for document in parsed.documents):
        return
    try:
        loaded = [node for node in yaml.load_all(text, yaml.CBaseLoader) if node not in (None, "")]
    except yaml.composer.ComposerError as error:
        if "duplicate anchor" in str(error):  # PyYAML alone refuses these
            return
        raise
    roots: list[Any] = []
    for document in parsed.documents:
        if document.root != "" and (not roots or roots[-1] is not document.root):
            roots.append(document.root)
    assert len([root for root in loaded if not empty_list_kind(root)]) >= len(roots)
    if len(loaded) == len(roots):
        for ours, theirs in zip(roots, loaded, strict=True):
            compare(ours, theirs)


def empty_list_kind(node: Any) -> bool:
    return isinstance(node, dict) and node.get("kind") == "List" and node.get("items") == []


def compare(ours: Any, theirs: Any) -> None:
    if is_mapping(ours):
        assert isinstance(theirs, dict)
        assert len(ours) == len(theirs)
        for mine, yours in zip(ours.values(), theirs.values(), strict=True):
            compare(mine, yours)
    elif is_list(ours):
        assert isinstance(theirs, list)
        for mine, yours in zip(ours, theirs, strict=True):
            compare(mine, yours)
    else:
        assert isinstance(theirs, str)
        if isinstance(ours, str):
            assert ours == theirs


# ------------------------------------------------------------------------------------------ plain data

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn", "Co"]), max_size=12),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.from_regex(r"[A-Za-z/~ .-]{1,8}", fullmatch=True), inner, max_size=4)
    ),
    max_leaves=12,
)


@inputs(3000)
@given(data=PLAIN, flow=st.sampled_from([None, True, False]), style=st.sampled_from([None, "'", '"', "|", ">"]))
def test_plain_data_is_read_as_it_was_written(data: Any, flow: bool | None, style: str | None) -> None:
    text = yaml.dump(
        data, Dumper=Quoting, default_flow_style=flow, default_style=style, allow_unicode=True, sort_keys=False
    )
    if "{{" in text:
        return
    expected = list(yaml.load_all(text, yaml.CSafeLoader))
    assert expected == [data]
    parsed = check(text)
    assert not parsed.problems
    if data is None:
        assert not parsed.documents
    else:
        assert [document.data for document in parsed.documents] == [data]
        assert not parsed.documents[0].problems


class Quoting(yaml.SafeDumper):
    """Quotes every text, as the two readers differ about plain ones (`y`, `1:30`), and numbers only when asked."""


def quoted(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = dumper.default_style or '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


Quoting.add_representer(str, quoted)
