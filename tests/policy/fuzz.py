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
from hypothesis import HealthCheck, Phase, settings

from hauberk.policy import schema, validate
from hauberk.policy.documents import Document, Parsed, read
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
