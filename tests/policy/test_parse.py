from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hauberk.policy.model import (
    Access,
    Capability,
    Directory,
    DomainName,
    Expression,
    Flags,
    Kind,
    Level,
    Pattern,
    Policy,
    Preset,
    Program,
    Protocol,
    Rule,
    Workload,
)
from hauberk.policy.parse import parse_access, parse_policy, parse_posture, parse_workload
from hauberk.policy.problems import HauberkError


def parse(spec: dict[str, Any], kind: str = "KubeArmorPolicy", **metadata: Any) -> Policy:
    policy = parse_policy({"kind": kind, "metadata": metadata, "spec": spec})
    assert policy is not None
    return policy


def rule(spec: dict[str, Any], kind: str = "KubeArmorPolicy") -> Rule:
    (only,) = parse(spec, kind).rules
    return only


@pytest.mark.parametrize(
    "document", [None, 5, "text", [], {}, {"kind": None}, {"kind": ["KubeArmorPolicy"]}, {"kind": "Pod"}]
)
def test_other_documents_are_no_policy(document: Any) -> None:
    assert parse_policy(document) is None


def test_apiversion_is_not_looked_at() -> None:
    assert parse_policy({"apiVersion": "x/v0", "kind": "KubeArmorHostPolicy"}) == Policy(
        Kind.HOST, "", None, parse({}).selector, ()
    )


def test_every_list_yields_its_matcher() -> None:
    policy = parse(
        {
            "process": {
                "matchPaths": [{"path": "/a", "execname": "b"}],
                "matchDirectories": [{"dir": "/d/", "recursive": True}],
                "matchPatterns": [{"pattern": "/p*"}],
            },
            "file": {
                "matchPaths": [{"path": "/a", "execname": "b"}],
                "matchDirectories": [{"dir": "/d/"}],
                "matchPatterns": [{"pattern": "/p*"}],
            },
            "network": {
                "matchProtocols": [{"protocol": "TCP,udp"}],
                "matchDNSQueries": [{"domain": "x.org"}],
            },
            "capabilities": {"matchCapabilities": [{"capability": "kill"}]},
        },
        name="p",
        namespace="n",
    )
    assert (policy.name, policy.namespace) == ("p", "n")
    assert [(rule.id, rule.domain, rule.matcher) for rule in policy.rules] == [
        ("process.matchPaths[0]", "process", Program("/a", "b")),
        ("process.matchDirectories[0]", "process", Directory("/d/", recursive=True)),
        ("process.matchPatterns[0]", "process", Pattern("/p*")),
        ("file.matchPaths[0]", "file", Program("/a")),
        ("file.matchDirectories[0]", "file", Directory("/d/")),
        ("file.matchPatterns[0]", "file", Pattern("/p*")),
        ("network.matchProtocols[0]", "network", Protocol("TCP,udp")),
        ("network.matchDNSQueries[0]", "dns", DomainName("x.org")),
        ("capabilities.matchCapabilities[0]", "capabilities", Capability("kill")),
    ]


@pytest.mark.parametrize(
    ("own", "section", "spec", "text", "level"),
    [
        ("Allow", "Audit", "Block", "Allow", Level.RULE),
        (None, "Audit", "Block", "Audit", Level.SECTION),
        ("", "", "block", "block", Level.SPEC),
        (5, ["Allow"], None, "", Level.DEFAULT),
    ],
)
def test_an_action_is_inherited(own: Any, section: Any, spec: Any, text: str, level: Level) -> None:
    found = rule({"action": spec, "file": {"action": section, "matchPaths": [{"path": "/a", "action": own}]}})
    assert (found.action_text, found.action_level) == (text, level)


def test_severity_tags_and_message_are_inherited_one_by_one() -> None:
    spec = {
        "severity": 3,
        "tags": ["spec"],
        "message": "spec",
        "file": {
            "severity": 0,
            "tags": ["section", 5],
            "message": "",
            "matchPaths": [{"path": "/a", "severity": 7}, {"path": "/b", "tags": [], "message": "own"}],
        },
    }
    assert [(rule.severity, rule.tags, rule.message) for rule in parse(spec).rules] == [
        (7, ("section",), "spec"),
        (3, ("section",), "own"),
    ]


EVERY_FLAG = {
    "readOnly": True,
    "ownerOnly": True,
    "pts": False,
    "allowedArgs": ["-a"],
    "fromSource": [{"path": "/s"}, {}, {"dir": "/d/"}, "/t", None],
}


@pytest.mark.parametrize(
    ("section", "name", "field", "flags", "sourced"),
    [
        ("process", "matchPaths", "path", Flags(False, True, False, ("-a",)), True),
        ("process", "matchDirectories", "dir", Flags(False, True, False), True),
        ("process", "matchPatterns", "pattern", Flags(False, True), False),
        ("file", "matchPaths", "path", Flags(True, True, False), True),
        ("file", "matchDirectories", "dir", Flags(True, True, False), True),
        ("file", "matchPatterns", "pattern", Flags(True, True), False),
        ("network", "matchProtocols", "protocol", Flags(pts=False), True),
        ("network", "matchDNSQueries", "domain", Flags(), True),
        ("capabilities", "matchCapabilities", "capability", Flags(), True),
    ],
)
def test_only_the_flags_of_a_list_are_read(section: str, name: str, field: str, flags: Flags, sourced: bool) -> None:
    found = rule({section: {name: [{field: "/x", **EVERY_FLAG}]}})
    assert found.flags == flags
    assert found.sources == (("/s", None, None) if sourced else ())


def test_host_policies_have_no_pts_on_protocols_and_no_presets() -> None:
    spec = {
        "network": {"matchProtocols": [{"protocol": "tcp", "pts": False}]},
        "file": {"matchPaths": [{"path": "/a", "pts": False}]},
        "presets": [{"name": "exec"}],
    }
    policy = parse(spec, "KubeArmorHostPolicy")
    assert [rule.flags.pts for rule in policy.rules] == [False, None]
    assert policy.presets == ()


@pytest.mark.parametrize("kind", ["KubeArmorPolicy", "KubeArmorClusterPolicy"])
def test_presets_keep_their_own_action(kind: str) -> None:
    policy = parse({"action": "Audit", "presets": [None, {"name": "exec"}, {"name": 5, "action": "Block"}]}, kind)
    assert policy.presets == (Preset(1, "exec", ""), Preset(2, "", "Block"))
    assert policy.action_text == "Audit"


def test_flags_count_only_when_they_are_booleans() -> None:
    entry = {"path": "/a", "readOnly": "true", "ownerOnly": 1, "pts": 0}
    assert rule({"file": {"matchPaths": [entry]}}).flags == Flags()
    assert rule({"file": {"matchPaths": [{"path": "/a", "pts": True}]}}).flags == Flags(pts=True)


def test_skipped_entries_leave_the_index_of_others() -> None:
    policy = parse({"file": {"matchPaths": [None, {"path": "/a"}, "x", 5, {"path": 7}]}})
    assert [(rule.index, rule.matcher) for rule in policy.rules] == [(1, Program("/a")), (4, Program())]


def test_a_source_that_is_no_list_is_not_given() -> None:
    assert rule({"file": {"matchPaths": [{"path": "/a", "fromSource": {"path": "/s"}}]}}).sources == ()


def test_selectors() -> None:
    spec = {
        "selector": {
            "matchLabels": {"b": "1", "a": "2", "n": 3, 4: "x"},
            "matchExpressions": [
                {"key": "label", "operator": "In", "values": ["a=b", 5]},
                None,
                {"key": 1, "values": "a=b"},
            ],
        },
        "nodeSelector": {"matchLabels": {"node": "x"}, "matchExpressions": [{"key": "label"}]},
    }
    expressions = (Expression("label", "In", ("a=b",)), Expression("", "", ()))
    assert parse(spec).selector.match_labels == (("b", "1"), ("a", "2"))
    assert parse(spec).selector.expressions == expressions
    cluster = parse(spec, "KubeArmorClusterPolicy").selector
    assert (cluster.match_labels, cluster.expressions) == ((), expressions)
    host = parse(spec, "KubeArmorHostPolicy").selector
    assert (host.match_labels, host.expressions) == ((("node", "x"),), ())


_NAMES = """
kind metadata name namespace spec action severity tags message process file network capabilities
presets selector nodeSelector matchLabels matchExpressions key operator values matchPaths
matchDirectories matchPatterns matchProtocols matchDNSQueries matchCapabilities path execname dir
recursive pattern protocol domain capability readOnly ownerOnly pts allowedArgs fromSource
"""
NAMES = st.sampled_from(_NAMES.split())
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.just(10**400)
    | st.floats()
    | st.text(max_size=4)
    | st.binary(max_size=2)
    | st.sampled_from(["Allow", "Block", "\ud800", "/a", "5"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | SCALARS, inner, max_size=6),
    max_leaves=40,
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([kind.value for kind in Kind]), VALUES, VALUES, st.dictionaries(NAMES, VALUES, max_size=6))
def test_parsing_never_raises(kind: str, metadata: Any, spec: Any, sections: Any) -> None:
    assert parse_policy({"kind": kind, "metadata": metadata, "spec": spec}) is not None
    assert parse_policy({"kind": kind, "spec": sections}) is not None
    parse_policy(spec)


def test_workload() -> None:
    given = {"namespace": "n", "labels": {"a": "b"}, "container": None, "node_labels": {"c": "d"}, "note": 1}
    assert parse_workload(given) == Workload("n", (("a", "b"),), "", (("c", "d"),))
    assert parse_workload({"namespace": None}) == Workload(None)


def test_posture() -> None:
    posture = parse_posture({"file": "block", "network": None})
    assert (posture.file, posture.network, posture.capabilities) == ("block", "audit", "audit")
    assert parse_posture(None).file == "audit"


def test_access() -> None:
    given = {
        "op": "exec",
        "target": "/a",
        "source": "/s",
        "parent_source": None,
        "uid": 1,
        "owner_uid": 2,
        "tty": True,
        "args": ["a", "-b"],
        "role": "target",
    }
    assert parse_access(given) == Access("exec", "/a", "/s", None, 1, 2, tty=True, args=("a", "-b"))
    assert parse_access({"op": "network", "type": "raw"}) == Access("network", type="raw")
    assert parse_access({"op": "map_exec"}) == Access("map_exec")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        (None, "access must be an object"),
        ([], "access must be an object"),
        ({}, "access.op is missing"),
        ({"op": "open"}, "access.op is 'open'"),
        ({"op": 5}, "access.op must be a string, not a number"),
        ({"op": "read"}, "access.target is missing"),
        ({"op": "read", "target": None}, "access.target is missing"),
        ({"op": "read", "target": []}, "access.target must be a string, not a list"),
        ({"op": "network"}, "access.type is missing"),
        ({"op": "network", "type": "tcp"}, "access.type is 'tcp'"),
        ({"op": "network", "type": "raw", "protocol": "6"}, "access.protocol must be a whole number"),
        ({"op": "read", "target": "/a", "uid": math.nan}, "access.uid must be a whole number"),
        ({"op": "read", "target": "/a", "uid": True}, "access.uid must be a whole number, not a boolean"),
        ({"op": "read", "target": "/a", "tty": 1}, "access.tty must be true or false"),
        (
            {"op": "read", "target": "/a", "source": {}},
            "access.source must be a string or null, not an object",
        ),
        ({"op": "exec", "target": "/a", "args": "a"}, "access.args must be a list of strings"),
        ({"op": "exec", "target": "/a", "args": ["a", 1]}, r"access.args\[1\] must be a string"),
        ({"op": "modify", "target": "/a", "how": "chattr"}, "access.how is 'chattr'"),
    ],
)
def test_wrong_accesses_are_refused_by_name(given: Any, field: str) -> None:
    with pytest.raises(HauberkError, match=field):
        parse_access(given)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        (None, "workload must be an object"),
        ({}, "workload.namespace is missing"),
        ({"namespace": 5}, "workload.namespace must be a string or null"),
        ({"namespace": "n", "labels": ["a=b"]}, "workload.labels must be an object"),
        ({"namespace": "n", "labels": {"a": 1}}, r"workload.labels\['a'\] must be a string"),
        ({"namespace": "n", "labels": {1: "a"}}, "workload.labels must be an object whose keys are strings"),
    ],
)
def test_wrong_workloads_are_refused_by_name(given: Any, field: str) -> None:
    with pytest.raises(HauberkError, match=field):
        parse_workload(given)


def test_wrong_postures_are_refused_by_name() -> None:
    with pytest.raises(HauberkError, match="posture must be an object"):
        parse_posture("block")
    with pytest.raises(HauberkError, match=r"posture\.network must be a string, not a boolean"):
        parse_posture({"network": False})
