"""Where an AppArmor node decides otherwise: one case for each difference, and rules that mean the same on both."""

from __future__ import annotations

from typing import Any

import pytest

from hauberk.policy.apparmor import partings
from hauberk.policy.decision import compile_policies
from hauberk.policy.model import Model, Posture
from hauberk.policy.parse import parse_policy
from policy.smallworlds import POD

NGINX = [{"path": "/usr/sbin/nginx"}]


def told(spec: dict[str, Any], posture: str = "block") -> list[tuple[str, str, str, str, str]]:
    policy = parse_policy({"kind": "KubeArmorPolicy", "metadata": {"name": "p"}, "spec": spec})
    assert policy is not None
    compiled = compile_policies(Model.KUBEARMOR, [policy], POD, Posture(*[posture] * 3))
    found = list(partings(compiled))
    for one in found:
        assert compiled.decide(one.access).verdict is one.bpf
        assert one.bpf is not one.apparmor
    return [(one.rule.entry.id, one.access.op, one.access.target, one.bpf.value, one.apparmor.value) for one in found]


def file(action: str = "Block", **lists: Any) -> dict[str, Any]:
    return {"action": action, "file": lists}


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [
        (
            file(matchPatterns=[{"pattern": "/etc/*.key"}]),
            ("file.matchPatterns[0]", "read", "/etc/.key", "allowed", "denied"),
        ),
        (
            file(matchPaths=[{"path": "/etc/*.key"}]),
            ("file.matchPaths[0]", "read", "/etc/.key", "allowed", "denied"),
        ),
        (
            file(matchPaths=[{"path": "/a"}, {"path": "/a", "action": "Allow"}]),
            ("file.matchPaths[0]", "read", "/a", "allowed", "denied"),
        ),
        (
            file(
                matchDirectories=[
                    {"dir": "/etc/", "recursive": True},
                    {"dir": "/etc/nginx/", "recursive": True, "action": "Allow", "fromSource": NGINX},
                ]
            ),
            ("file.matchDirectories[0]", "read", "/etc/nginx/x", "allowed", "denied"),
        ),
        (
            file(
                matchPaths=[
                    {"path": "/a", "fromSource": NGINX},
                    {"path": "/b", "action": "Allow"},
                ]
            ),
            ("file.matchPaths[0]", "read", "/etc/passwd", "denied", "allowed"),
        ),
        (
            {"action": "Block", "process": {"matchPaths": [{"path": "/bin/x", "allowedArgs": ["-v"]}]}},
            ("process.matchPaths[0]", "exec", "/bin/x", "allowed", "denied"),
        ),
        (
            {"action": "Block", "capabilities": {"matchCapabilities": [{"capability": "cap_net_raw"}]}},
            ("capabilities.matchCapabilities[0]", "capability", "net_raw", "denied", "allowed"),
        ),
        (
            {"action": "Block", "network": {"matchDNSQueries": [{"domain": "x.org"}]}},
            ("network.matchDNSQueries[0]", "dns", "x.org", "denied", "allowed"),
        ),
        (
            {"action": "Block", "presets": [{"name": "filelessExec", "action": "Block"}]},
            ("presets[0]", "exec", "memfd:payload", "denied", "allowed"),
        ),
    ],
)
def test_a_difference_is_shown_on_an_access(spec: dict[str, Any], wanted: tuple[str, ...]) -> None:
    assert wanted in told(spec)


@pytest.mark.parametrize(
    "spec",
    [
        file(matchPaths=[{"path": "/etc/shadow"}], matchDirectories=[{"dir": "/root/", "recursive": True}]),
        file("Allow", matchPaths=[{"path": "/a"}]),
        file("Audit", matchPatterns=[{"pattern": "/a/*"}]),
        {"action": "Block", "capabilities": {"matchCapabilities": [{"capability": "net_raw"}]}},
    ],
)
def test_what_means_the_same_is_not_told(spec: dict[str, Any]) -> None:
    assert told(spec) == []


def test_a_source_with_a_block_leaves_the_list_only_where_that_blocks() -> None:
    spec = file(matchPaths=[{"path": "/a", "fromSource": NGINX}, {"path": "/b", "action": "Allow"}])
    assert told(spec, posture="audit") == []
