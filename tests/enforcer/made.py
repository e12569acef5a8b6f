"""Policies and what is made of them, for the tests of this folder."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import yaml

from hauberk.enforcer.kernel.encode import encode
from hauberk.enforcer.kernel.image import Image
from hauberk.enforcer.kernel.wire import How, Operation, Reason, Record
from hauberk.enforcer.policies import Given
from hauberk.enforcer.state import Generation
from hauberk.policy.model import Posture, Workload

WORKLOAD = Workload("web", (("app", "nginx"),), "nginx")
RECORD = Record(
    time=5_000_001_000,
    cgroup=7,
    slot=1,
    policy=1,
    rule=0,
    suppressed=0,
    pid=12,
    tgid=11,
    ppid=10,
    inner_pid=3,
    inner_ppid=2,
    uid=0,
    result=-13,
    number=0,
    op=Operation.EXEC,
    how=How.NONE,
    reason=Reason.POSTURE,
    cut=False,
    resource="/usr/bin/ls",
    program="/usr/bin/bash",
    parent="/usr/sbin/nginx",
    comm="bash",
)


def document(spec: str, name: str = "p") -> dict[str, Any]:
    """A KubeArmorPolicy for WORKLOAD."""
    head: dict[str, Any] = {"selector": {"matchLabels": {"app": "nginx"}}}
    return {
        "apiVersion": "security.kubearmor.com/v1",
        "kind": "KubeArmorPolicy",
        "metadata": {"name": name, "namespace": "web"},
        "spec": head | yaml.safe_load(spec),
    }


def given(spec: str, name: str = "p") -> Given:
    return Given(f"{name}.yaml", 1, {}, document(spec, name))


def generation(*specs: str, **other: Any) -> Generation:
    policies = tuple(given(spec, f"p{number}") for number, spec in enumerate(specs))
    return replace(Generation(0, WORKLOAD, Posture(file="block"), policies, {}, "d"), **other)


def image(*specs: str) -> Image:
    return encode(generation(*specs).compiled())


def number_of(made: Image, name: str) -> int:
    """The number under which the kernel knows a rule."""
    return next(number for number, origin in enumerate(made.rules, 1) if origin.name == name)
