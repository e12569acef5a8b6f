"""What the API server says about every policy of the public corpus, against `hauberk lint`.

Each is created strictly, created with warnings, and applied by the server, all as dry runs.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from support import hauberk, shared
from support.cluster import Cluster

PLURALS = {
    "KubeArmorPolicy": "kubearmorpolicies",
    "KubeArmorClusterPolicy": "kubearmorclusterpolicies",
    "KubeArmorHostPolicy": "kubearmorhostpolicies",
}
REFUSING = frozenset(("HB103", "HB104", "HB105", "HB106", "HB210"))
"""Unknown fields, schema, other group or version, name, form of a path: what the API server may refuse.

HB210 is about what paths mean; only findings of it that say so count here.
"""

Verdicts = tuple[int, int, int]


@pytest.fixture(scope="module")
def corpus() -> Path:
    return shared("corpus", "policies")


@pytest.fixture(scope="module")
def verdicts(cluster: Cluster, policies: None, corpus: Path) -> dict[Path, Verdicts]:
    """What the CRDs of KubeArmor itself say."""
    for path in sorted(shared("corpus", "crds").glob("*.yaml")):
        cluster.add_crds(path.read_text())
    settled()
    return judged(cluster, corpus)


def settled() -> None:
    """A CRD that changes is in force a moment later; nothing in the API says when."""
    time.sleep(3)


def judged(cluster: Cluster, corpus: Path) -> dict[Path, Verdicts]:
    """By file the worst answers to strict creation, creation with warnings, and server-side apply."""
    namespaces = {"default"}
    found: dict[Path, Verdicts] = {}
    for path, document in documents(corpus):
        namespace = metadata(document).get("namespace")
        if isinstance(namespace, str) and namespace and namespace not in namespaces:
            namespaces.add(namespace)
            cluster.request("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
        answers = tuple(ask(cluster, document, how) for how in ("Strict", "Warn", "apply"))
        known = found.get(path, (0, 0, 0))
        found[path] = max(known[0], answers[0]), max(known[1], answers[1]), max(known[2], answers[2])
    return found


def documents(corpus: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    for path in sorted(corpus.rglob("*.yaml")):
        try:
            loaded = list(yaml.load_all(path.read_bytes(), Loader=yaml.CSafeLoader))
        except (yaml.YAMLError, ValueError):
            # a text that is no YAML reaches no API server
            continue
        for document in loaded:
            if isinstance(document, dict) and document.get("kind") in PLURALS:
                yield path, json.loads(json.dumps(document, default=str))


def metadata(document: dict[str, Any]) -> dict[str, Any]:
    found = document.get("metadata")
    return found if isinstance(found, dict) else {}


def ask(cluster: Cluster, document: dict[str, Any], how: str) -> int:
    kind = document["kind"]
    space = f"/namespaces/{metadata(document).get('namespace') or 'default'}" if kind == "KubeArmorPolicy" else ""
    path = f"/apis/{document.get('apiVersion')}{space}/{PLURALS[kind]}"
    if how != "apply":
        return cluster.request("POST", f"{path}?dryRun=All&fieldValidation={how}", document)[0]
    name = metadata(document).get("name")
    if not isinstance(name, str):
        return 422
    # exported objects carry what only the server may set
    kept = {key: value for key, value in metadata(document).items() if key not in ("uid", "resourceVersion")}
    query = "dryRun=All&fieldManager=tests&force=true"
    content = "application/apply-patch+yaml"
    return cluster.request(
        "PATCH", f"{path}/{name.replace(' ', '%20')}?{query}", {**document, "metadata": kept}, content
    )[0]


@pytest.fixture(scope="module")
def findings(corpus: Path) -> dict[Path, frozenset[str]]:
    done = hauberk("lint", corpus, "--select", ",".join(sorted(REFUSING)), "--no-exact", "--format", "json")
    found: dict[Path, set[str]] = {}
    for finding in json.loads(done.stdout)["findings"]:
        if finding["rule"] != "HB210" or "the API server refuses it" in finding["message"]:
            found.setdefault(Path(finding["path"]).resolve(), set()).add(finding["rule"])
    return {path: frozenset(rules) for path, rules in found.items()}


@pytest.mark.corpus
def test_lint_says_what_the_api_server_refuses(
    verdicts: dict[Path, Verdicts], findings: dict[Path, frozenset[str]], corpus: Path
) -> None:
    table: Counter[tuple[Verdicts, str]] = Counter()
    differ: list[str] = []
    for path, said in verdicts.items():
        rules = findings.get(path.resolve(), frozenset())
        table[said, " ".join(sorted(rules)) or "clean"] += 1
        if any(status >= 400 for status in said) is not bool(rules):
            differ.append(f"{path.relative_to(corpus)}: {said}, lint: {sorted(rules)}")
    print("\nstrict warn apply  files  lint")
    for (said, rules_text), count in sorted(table.items(), key=lambda item: -item[1]):
        print("{:6} {:4} {:5} {:6}  {}".format(*said, count, rules_text))
    assert len(verdicts) > 600
    assert differ == []


@pytest.mark.corpus
def test_lint_tells_how_a_policy_may_be_applied(
    verdicts: dict[Path, Verdicts], findings: dict[Path, frozenset[str]]
) -> None:
    """An unknown field alone is refused by strict creation and server-side apply, and passes with a warning."""
    only = [said for path, said in verdicts.items() if findings.get(path.resolve()) == frozenset(("HB103",))]
    assert only
    assert {said[0] for said in only} == {400}
    assert {said[1] for said in only} == {201}
    assert all(said[2] >= 400 for said in only)


@pytest.mark.corpus
def test_our_crds_accept_what_those_of_kubearmor_accept(
    cluster: Cluster, verdicts: dict[Path, Verdicts], corpus: Path
) -> None:
    done = hauberk("crds", "--policies")
    cluster.add_crds(done.stdout)
    settled()
    ours = judged(cluster, corpus)
    differ = {path.name: (verdicts[path], said) for path, said in ours.items() if said != verdicts[path]}
    assert differ == {}
