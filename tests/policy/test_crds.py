"""CRDs that we ship: those of the policies are KubeArmor's own, those of ours are structural and hold good examples."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import cel
import jsonschema
import pytest
import yaml

from hauberk.policy.crds import policy_crds
from hauberk.policy.loose import is_list, is_mapping
from hauberk.policy.reportcrds import report_crds
from hauberk.policy.schema import KINDS
from support import shared

OURS = {crd["spec"]["names"]["kind"]: crd for crd in report_crds()}
ALL = [*report_crds(), *policy_crds()]
DIGEST = f"sha256:{'0' * 64}"
CONDITION = {
    "type": "Ready",
    "status": "False",
    "observedGeneration": 1,
    "lastTransitionTime": "2026-01-01T00:00:00Z",
    "reason": "CapacityExceeded",
    "message": "301 rules",
}
NODE: dict[str, Any] = {
    "apiVersion": "hauberk.dev/v1alpha1",
    "kind": "NodePolicyStatus",
    "metadata": {"name": "n1"},
    "spec": {"nodeName": "n1"},
    "status": {
        "observedGeneration": 1,
        "conditions": [CONDITION],
        "versions": {"enforcer": "0.1.0", "kernel": "6.12.1", "programs": DIGEST},
        "summary": {"enforced": 1, "partial": 0, "refused": 1, "pending": 0},
        "policies": [
            {"kind": "KubeArmorPolicy", "namespace": "web", "name": "a", "digest": DIGEST, "state": "Enforced"},
            {"kind": "KubeArmorHostPolicy", "namespace": "", "name": "b", "state": "Refused", "reason": "Capacity"},
        ],
    },
}
DRIFT: dict[str, Any] = {
    "apiVersion": "hauberk.dev/v1alpha1",
    "kind": "DriftReport",
    "metadata": {"name": "a-n1", "namespace": "web"},
    "spec": {"nodeName": "n1", "policy": {"kind": "KubeArmorPolicy", "name": "a", "digest": DIGEST}},
    "status": {
        "conditions": [CONDITION],
        "drifts": [
            {
                "type": "Behaviour",
                "message": "2 accesses would be denied",
                "firstSeen": "2026-01-01T00:00:00Z",
                "accesses": [{"operation": "exec", "target": "/bin/sh", "source": "/bin/x", "count": 2}],
            }
        ],
    },
}


def version(crd: Any) -> Any:
    (found,) = crd["spec"]["versions"]
    return found


def nodes(schema: Any) -> Iterator[Any]:
    """The schema and all below it."""
    yield schema
    inner = [*schema.get("properties", {}).values(), schema.get("items"), schema.get("additionalProperties")]
    for one in inner:
        if is_mapping(one):
            yield from nodes(one)


def valid(crd: Any, value: Any) -> bool:
    schema = version(crd)["schema"]["openAPIV3Schema"]
    return jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker()).is_valid(value)


@pytest.mark.parametrize("crd", ALL, ids=lambda crd: str(crd["spec"]["names"]["kind"]))
def test_it_is_structural(crd: Any) -> None:
    names = crd["spec"]["names"]
    assert crd["metadata"]["name"] == f"{names['plural']}.{crd['spec']['group']}"
    found = version(crd)
    assert (found["served"], found["storage"], found["subresources"]) == (True, True, {"status": {}})
    for node in nodes(found["schema"]["openAPIV3Schema"]):
        assert node["type"] in ("object", "array", "string", "integer", "boolean")
        assert ("items" in node) is (node["type"] == "array")
        assert not ("properties" in node and "additionalProperties" in node)
        assert not node.keys() & {"if", "then", "anyOf", "$ref", "definitions", "uniqueItems"}
        assert set(node.get("required", ())) <= node.get("properties", {}).keys()
        if node.get("x-kubernetes-list-type") == "map":
            assert set(node["x-kubernetes-list-map-keys"]) <= set(node["items"]["required"])


def test_every_list_and_text_of_ours_is_bounded() -> None:
    """Else the API server takes the cost of CEL rules for the largest possible object's."""
    for crd in report_crds():
        for node in nodes(version(crd)["schema"]["openAPIV3Schema"]["properties"]["status"]):
            if node["type"] == "array":
                assert node["maxItems"]
            if node["type"] == "string":
                assert node.keys() & {"maxLength", "enum", "pattern", "format"}


def test_how_a_final_failure_is_told_is_described() -> None:
    """kstatus waits until its timeout for an object that says Ready=False and nothing else."""
    for crd in report_crds():
        status = version(crd)["schema"]["openAPIV3Schema"]["properties"]["status"]
        assert "Stalled=True" in status["properties"]["conditions"]["description"]


def test_examples_of_ours() -> None:
    assert valid(OURS["NodePolicyStatus"], NODE)
    assert valid(OURS["DriftReport"], DRIFT)
    cluster = copy.deepcopy(DRIFT)
    cluster["spec"]["policy"]["kind"] = "KubeArmorHostPolicy"
    assert valid(OURS["ClusterDriftReport"], cluster)
    assert not valid(OURS["DriftReport"], cluster)
    broken = copy.deepcopy(NODE)
    broken["status"]["policies"][0]["state"] = "Maybe"
    assert not valid(OURS["NodePolicyStatus"], broken)
    assert not valid(OURS["NodePolicyStatus"], {**NODE, "spec": {}})


def test_cel_rules_of_ours() -> None:
    def holds(node: Any, value: Any, old: Any = None) -> bool:
        rules = node.get("x-kubernetes-validations", ())
        return all(
            cel.evaluate(rule["rule"], {"self": value, "oldSelf": old})
            for rule in rules
            if old is not None or "oldSelf" not in rule["rule"]
        )

    node = version(OURS["NodePolicyStatus"])["schema"]["openAPIV3Schema"]
    assert holds(node, NODE, NODE)
    assert not holds(node, NODE | {"metadata": {"name": "n2"}})
    assert not holds(node, NODE, NODE | {"spec": {"nodeName": "n2"}})
    policy = node["properties"]["status"]["properties"]["policies"]["items"]
    assert all(holds(policy, one) for one in NODE["status"]["policies"])
    assert not holds(policy, {"state": "Refused"})
    drift = version(OURS["DriftReport"])["schema"]["openAPIV3Schema"]
    assert holds(drift, DRIFT, DRIFT)
    moved = {"nodeName": "n2", "policy": DRIFT["spec"]["policy"]}
    assert not holds(drift, DRIFT, DRIFT | {"spec": moved})
    one = drift["properties"]["status"]["properties"]["drifts"]["items"]
    assert holds(one, DRIFT["status"]["drifts"][0])
    assert not holds(one, DRIFT["status"]["drifts"][0] | {"type": "Edited"})


@pytest.mark.corpus
@pytest.mark.parametrize("kind", KINDS)
def test_those_of_the_policies_are_kubearmors(kind: str) -> None:
    theirs = yaml.safe_load(shared("corpus", "crds", f"{kind}.yaml").read_text(encoding="utf-8"))
    ours = next(crd for crd in policy_crds() if crd["spec"]["names"]["kind"] == kind)
    assert ours["spec"]["names"] == theirs["spec"]["names"]
    assert ours["spec"]["scope"] == theirs["spec"]["scope"]
    assert ours["metadata"]["name"] == theirs["metadata"]["name"]
    assert said(version(ours)["schema"]) == said(version(theirs)["schema"])


def said(node: Any) -> Any:
    """What a schema says, without words for people, the order of sets, and a format that a maximum makes idle."""
    if is_list(node):
        return sorted(map(str, node)) if all(isinstance(item, str) for item in node) else [said(item) for item in node]
    if not is_mapping(node):
        return node
    rules = node.get("x-kubernetes-validations")
    left = {key: value for key, value in node.items() if key != "x-kubernetes-validations"}
    if isinstance(left.get("description"), str):
        del left["description"]
    if "maximum" in left:
        left.pop("format", None)
    found = {key: said(value) for key, value in left.items()}
    # the names of CEL's variables are anybody's
    return found | ({"rules": len(rules)} if rules else {})
