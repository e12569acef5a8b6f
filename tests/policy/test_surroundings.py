"""Facts that other documents decide: relations, allow-lists, selection, capacity."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import yaml

from hauberk.policy.capacity import map_entries
from hauberk.policy.model import Posture
from hauberk.policy.parse import parse_policy
from hauberk.policy.repository import Entry, Repository
from hauberk.policy.surroundings import Surroundings
from hauberk.policy.workloads import Manifest, Place, parse_manifest
from support import ROOT
from support.policies import HEAD, policy

FACTS = json.loads((ROOT / "policy/hauberk/policy/schemas/facts.json").read_text())


def around(text: str, configured: Posture | None = None) -> list[dict[str, Any]]:
    """The facts of each policy of a text, in order."""
    entries: list[Entry] = []
    manifests: list[Manifest] = []
    for number, document in enumerate(yaml.safe_load_all(text)):
        place = Place("a.yaml", number + 1)
        parsed = parse_policy(document)
        if parsed is not None:
            lines = tuple(range(len(parsed.rules) + len(parsed.presets)))
            entries.append(Entry(parsed, place, lines))
        elif (manifest := parse_manifest(document, place)) is not None:
            manifests.append(manifest)
    surroundings = Surroundings(Repository(entries, manifests), configured)
    found = [surroundings.of(number) for number in range(len(entries))]
    for facts in found:
        for field, value in facts.items():
            schema = {**FACTS["properties"][field], "$defs": FACTS["$defs"]}
            jsonschema_rs.validate(schema, value)
    return found


def two(first: str, second: str) -> list[dict[str, Any]]:
    return around(policy(first, name="one") + "---\n" + policy(second, name="two"))


def rule(path: str, more: str = "", *, action: str = "Block") -> str:
    return f"  action: {action}\n  file:\n    matchPaths:\n      - path: {path}\n{more}"


def relations(facts: dict[str, Any]) -> list[tuple[str, str, str, bool]]:
    return [(r["type"], r["rule"], r["other"]["policy"], r["orderMatters"]) for r in facts["relations"]]


def test_allow_and_block_of_one_path_in_two_policies() -> None:
    first, second = two(rule("/a"), rule("/a", action="Allow"))
    assert relations(first) == [("conflict", "file.matchPaths[0]", "two", True)]
    assert relations(second) == [("conflict", "file.matchPaths[0]", "one", True)]
    assert first["relations"][0]["verdicts"] == {"hauberk": "denied", "kubearmor": "allowed"}


def test_near_misses_of_a_conflict() -> None:
    assert all(not facts["relations"] for facts in two(rule("/a"), rule("/b", action="Allow")))
    source = "        fromSource:\n          - path: /bin/x\n"
    assert all(not facts["relations"] for facts in two(rule("/a"), rule("/a", source, action="Allow")))
    # the same requirement makes Allow and Block equal
    owner = "        ownerOnly: true\n"
    assert all(not facts["relations"] for facts in two(rule("/a", owner), rule("/a", owner, action="Allow")))


def test_a_conflict_needs_an_access_that_the_block_alone_denies() -> None:
    both = "        ownerOnly: true\n        readOnly: true\n"
    first, second = two(rule("/a", both, action="Allow"), rule("/a", "        ownerOnly: true\n"))
    assert [r[0] for r in (*relations(first), *relations(second))] == ["flags"]
    first, _ = two(rule("/a", action="Allow"), rule("/a", "        readOnly: true\n"))
    assert [(r["type"], r["access"]["op"]) for r in first["relations"]] == [("conflict", "write")]


def test_flags_that_the_last_rule_replaces() -> None:
    first, second = two(rule("/a", "        readOnly: true\n"), rule("/a"))
    assert relations(first) == [("flags", "file.matchPaths[0]", "two", True)]
    assert relations(second) == []


def test_presets_with_two_actions() -> None:
    preset = "  presets:\n    - name: filelessExec\n      action: {}\n"
    first, _ = two(preset.format("Block"), preset.format("Audit"))
    assert relations(first) == [("preset", "presets[0]", "two", True)]
    assert all(not facts["relations"] for facts in two(preset.format("Block"), preset.format("Block")))


def test_an_audit_preset_covers_a_list_that_audits() -> None:
    spec = "  action: Allow\n  process:\n    matchPaths:\n      - path: /bin/x\n"
    preset = "  presets:\n    - name: filelessExec\n      action: {}\n"
    found: list[bool] = []
    for posture in ("audit", "block"):
        for action in ("Audit", "Block"):
            (facts,) = around(policy(spec + preset.format(action)), Posture(file=posture))
            (allow_list,) = facts["workloads"][0]["allowLists"]
            found.append(allow_list["filelessPreset"])
    assert found == [True, True, False, True]


def test_policies_for_other_pods_do_not_meet() -> None:
    other = policy(rule("/a", action="Allow"), name="two").replace("app: x", "app: y")
    assert all(not facts["relations"] for facts in around(policy(rule("/a")) + "---\n" + other))


def test_policies_whose_selectors_can_both_hold_meet() -> None:
    first = policy(rule("/a"), name="one").replace("app: x", "app: x\n      tier: web")
    second = policy(rule("/a", action="Allow"), name="two").replace("app: x", "app: x\n      env: prod")
    facts, _ = around(first + "---\n" + second)
    assert relations(facts) == [("conflict", "file.matchPaths[0]", "two", True)]
    expression = policy(rule("/a", action="Allow"), name="two").replace(
        "    matchLabels:\n      app: x\n",
        "    matchExpressions:\n      - {key: label, operator: In, values: [app=x, app=z]}\n",
    )
    facts, _ = around(policy(rule("/a"), name="one") + "---\n" + expression)
    assert relations(facts) == [("conflict", "file.matchPaths[0]", "two", True)]


DEPLOYMENT = """\
kind: Deployment
metadata: {name: web, namespace: ns}
spec:
  template:
    metadata: {labels: {app: x}}
    spec: {containers: [{name: one}], initContainers: [{name: first}]}
"""
NAMESPACE = """\
kind: Namespace
metadata: {name: ns, annotations: {kubearmor-file-posture: block, kubearmor-visibility: process}}
"""


def test_manifests_give_workloads_postures_and_namespaces() -> None:
    (facts,) = around("---\n".join((policy(rule("/a", action="Allow")), DEPLOYMENT, NAMESPACE)))
    (workload,) = facts["workloads"]
    assert (workload["name"], workload["from"]) == ("Deployment/ns/web/one", "manifest")
    assert workload["initContainers"] == ["first"]
    (allow,) = workload["allowLists"]
    assert (allow["domain"], allow["posture"], allow["postureFrom"]) == ("file", "block", "annotation")
    assert facts["namespaces"][0]["visibility"] == "process"
    assert facts["repository"] == {"manifests": 1, "matched": 1, "sameNameCluster": []}


def test_a_selector_that_matches_no_manifest() -> None:
    (facts,) = around(policy(rule("/a")).replace("app: x", "app: y") + "---\n" + DEPLOYMENT)
    assert facts["repository"]["manifests"] == 1
    assert facts["repository"]["matched"] == 0
    assert facts["workloads"][0]["from"] == "selector"


def test_duplicates_and_names_of_cluster_policies() -> None:
    first, second = around(policy(rule("/a")) + "---\n" + policy(rule("/b")))
    assert first["duplicates"][0]["policy"] == second["duplicates"][0]["policy"] == "p"
    cluster = HEAD.replace("KubeArmorPolicy", "KubeArmorClusterPolicy").replace("  namespace: ns\n", "") + rule("/a")
    facts, _ = around(cluster + "---\n" + policy(rule("/b")))
    assert facts["duplicates"] == []
    assert [place["policy"] for place in facts["repository"]["sameNameCluster"]] == ["p"]
    first, second = around(cluster + "---\n" + cluster)
    assert [len(facts["duplicates"]) for facts in (first, second)] == [1, 1]
    assert first["repository"]["sameNameCluster"] == second["repository"]["sameNameCluster"] == []


def test_programs_that_may_run_but_not_be_opened() -> None:
    programs = "  process:\n    matchPaths:\n      - path: /usr/bin/app\n"
    (facts,) = around(policy(rule("/etc/app", action="Allow") + programs))
    assert [item["program"] for item in facts["unreadable"]] == ["/usr/bin/app"]
    assert facts["unreadable"][0]["turnedOnBy"] is None
    _, facts = two(rule("/etc/app", action="Allow"), "  action: Allow\n" + programs)
    assert [item["turnedOnBy"] for item in facts["unreadable"]] == [
        {"file": "a.yaml", "line": 0, "policy": "one", "rule": "file.matchPaths[0]"}
    ]
    (facts,) = around(policy(rule("/usr/bin/app", action="Allow") + programs))
    assert facts["unreadable"] == []
    (facts,) = around(policy("  action: Allow\n" + programs))
    assert facts["unreadable"] == []
    _, facts = two(
        rule("/etc/app", action="Allow") + programs.replace("/app", "/app\n        action: Block"),
        "  action: Allow\n" + programs,
    )
    assert facts["unreadable"] == [], "what a Block of another policy stops does not start anyway"


def test_what_a_network_list_lets_pass() -> None:
    (facts,) = around(policy("  action: Allow\n  network:\n    matchProtocols:\n      - protocol: tcp\n"))
    assert facts["workloads"][0]["allowLists"][0]["passes"] == ["tcp", "unix-stream"]


def entries(spec: str) -> int:
    parsed = parse_policy(yaml.safe_load(policy(spec)))
    assert parsed is not None
    return map_entries([parsed])


def test_map_entries() -> None:
    """The counts of the table: components + 2 for a directory, 7 for `all`, one for each posture that is set."""
    assert entries(rule("/a/b")) == 1
    assert entries(rule("/a/b", action="Allow")) == 2
    directory = "  action: Block\n  file:\n    matchDirectories:\n      - dir: {}\n        recursive: true\n"
    assert entries(directory.format("/a/b/")) == 4
    assert entries(directory.format("/")) == 2
    assert entries("  action: Block\n  network:\n    matchProtocols:\n      - protocol: all\n") == 7
    same = "  process:\n    matchPaths:\n      - path: /a/b\n"
    assert entries(rule("/a/b") + same) == 1
