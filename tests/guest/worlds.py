# ruff: noqa: S311  chance here is no secret
"""Random policies, and accesses that a program can do for real, with what the hauberk model says of them."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from hauberk.policy.decision import Compiled, compile_policies
from hauberk.policy.model import Access, Decision, Model, Op, Verdict
from hauberk.policy.parse import parse_policy, parse_posture, parse_workload

BASES = ("/w", "/mnt/ext4/w")
"""On an overlay, as in a container's image, and on ext4, as on a volume."""
DIRECTORIES = ("a", "a/b", "a/b/c", "ab")
OWNERS = {"f": 0, "g": 1000, "x.conf": 1000, "ls": 0}
SOURCES = ("/w/bin/one", "/w/bin/two-with-a-longer-name", None)
SOCKETS = ((1, 0), (1, 6), (2, 0), (2, 17), (3, 1))
TYPES = {1: "stream", 2: "dgram", 3: "raw"}
CAPABILITIES = ("sys_nice", "sys_chroot", "sys_resource", "setgid", "ipc_lock")
PROTOCOLS = ("tcp", "udp", "icmp", "raw", "stream", "dgram", "all", "TCP,udp")
WORKLOAD = {"namespace": "default", "labels": {"app": "w"}, "container": "c"}


@dataclass(frozen=True, slots=True)
class Step:
    """One access of an actor, as the model sees it: all of `accesses` must be allowed."""

    line: str
    source: str | None
    uid: int
    tty: bool
    changes: bool
    accesses: tuple[Access, ...]


@dataclass(frozen=True, slots=True)
class Case:
    base: str
    policies: tuple[dict[str, Any], ...]
    posture: dict[str, str]
    steps: tuple[Step, ...]

    def compiled(self) -> Compiled:
        policies = [policy for document in self.policies if (policy := parse_policy(document))]
        return compile_policies(Model.HAUBERK, policies, parse_workload(WORKLOAD), parse_posture(self.posture))

    def document(self) -> dict[str, Any]:
        return {
            "base": self.base,
            "policies": self.policies,
            "posture": self.posture,
            "workload": WORKLOAD,
            "accesses": [
                {"line": s.line, "source": s.source, "uid": s.uid, "tty": s.tty, "changes": s.changes}
                for s in self.steps
            ],
        }


def decisions(compiled: Compiled, step: Step) -> list[Decision]:
    """Of each access up to the first that is denied."""
    found: list[Decision] = []
    for access in step.accesses:
        found.append(compiled.decide(access))
        if found[-1].verdict is Verdict.DENIED:
            break
    return found


def cases(seed: int, count: int, steps: int) -> list[Case]:
    chance = random.Random(seed)
    return [_case(chance, steps) for _ in range(count)]


def _case(chance: random.Random, steps: int) -> Case:
    base = chance.choice(BASES)
    policies = tuple(_policy(chance, base, index) for index in range(chance.choice((1, 1, 2, 3))))
    posture = {key: chance.choice(("block", "block", "audit")) for key in ("file", "network", "capabilities")}
    return Case(base, policies, posture, tuple(_step(chance, base) for _ in range(steps)))


def _policy(chance: random.Random, base: str, index: int) -> dict[str, Any]:
    spec: dict[str, Any] = {"selector": {"matchLabels": {"app": "w"}}, "action": _action(chance)}
    for section in ("process", "file"):
        rules: dict[str, list[dict[str, Any]]] = {}
        for _ in range(chance.choice((0, 1, 2, 3))):
            name, rule = _path_rule(chance, base, section)
            rules.setdefault(name, []).append(rule)
        if rules:
            spec[section] = rules
    if chance.random() < 0.4:
        rules_ = [_common(chance, {"protocol": chance.choice(PROTOCOLS)}, owner=False) for _ in range(2)]
        spec["network"] = {"matchProtocols": rules_}
    if chance.random() < 0.4:
        found = [_common(chance, {"capability": chance.choice(CAPABILITIES)}, owner=False) for _ in range(2)]
        for rule in found:
            rule.pop("pts", None)
        spec["capabilities"] = {"matchCapabilities": found}
    if chance.random() < 0.1:
        spec["presets"] = [{"name": "filelessExec", "action": chance.choice(("Block", "Audit"))}]
    return {
        "apiVersion": "security.kubearmor.com/v1",
        "kind": "KubeArmorPolicy",
        "metadata": {"name": f"p{index}", "namespace": "default"},
        "spec": spec,
    }


def _action(chance: random.Random) -> str:
    return chance.choice(("Allow", "Block", "Block", "Audit"))


def _path_rule(chance: random.Random, base: str, section: str) -> tuple[str, dict[str, Any]]:
    kind = chance.choice(("path", "path", "dir", "dir", "pattern", "name" if section == "process" else "path"))
    match kind:
        case "path":
            rule: dict[str, Any] = {"path": _target(chance, base)}
        case "name":
            rule = {"execname": chance.choice(tuple(OWNERS))}
        case "dir":
            rule = {"dir": f"{base}/{chance.choice(DIRECTORIES)}/"}
            if chance.random() < 0.2:
                rule["dir"] = chance.choice(("/", f"{base}/"))
            if chance.random() < 0.6:
                rule["recursive"] = True
        case _:
            tail = chance.choice(("*/f", "**/g", "a/*", "a/**", "{a,ab}/[fg]", "a/?/x.conf", "**/*.conf", "a*/**/ls"))
            rule = {"pattern": f"{base}/{tail}"}
            if chance.random() < 0.3:
                rule["ownerOnly"] = True
            if section == "file" and chance.random() < 0.3:
                rule["readOnly"] = True
            if chance.random() < 0.5:
                rule["action"] = _action(chance)
            return "matchPatterns", rule
    if section == "file" and chance.random() < 0.3:
        rule["readOnly"] = True
    names = {"path": "matchPaths", "name": "matchPaths", "dir": "matchDirectories"}
    return names[kind], _common(chance, rule)


def _common(chance: random.Random, rule: dict[str, Any], *, owner: bool = True) -> dict[str, Any]:
    if owner and chance.random() < 0.25:
        rule["ownerOnly"] = True
    if chance.random() < 0.2:
        rule["pts"] = False
    if chance.random() < 0.35:
        rule["fromSource"] = [{"path": chance.choice(("/w/bin/one", "/w/bin/two-with-a-longer-name", "/w/bin/other"))}]
    if chance.random() < 0.5:
        rule["action"] = _action(chance)
    return rule


def _target(chance: random.Random, base: str) -> str:
    return f"{base}/{chance.choice(DIRECTORIES)}/{chance.choice(tuple(OWNERS))}"


def _step(chance: random.Random, base: str) -> Step:
    source = chance.choice(SOURCES)
    tty = source == SOURCES[0] and chance.random() < 0.4
    uid = chance.choice((0, 0, 1000))
    path = _target(chance, base)
    owner = OWNERS[path.rsplit("/", 1)[1]]
    new = f"{base}/{chance.choice(DIRECTORIES)}/new"
    op = chance.choice(
        (
            *("exec", "exec", "exec", "read", "read", "read", "write", "both", "create", "mkdir", "symlink", "delete"),
            *("truncate", "chmod", "chown", "rename", "link", "socket", "socket", "capability"),
        )
    )

    def access(kind: Op, target: str = path, belongs: int = owner, how: str = "", **more: Any) -> Access:
        return Access(kind, target, source=source, uid=uid, owner_uid=belongs, tty=tty, how=how, **more)

    line, changes = f"{op} {path}", False
    found: tuple[Access, ...] = ()
    match op:
        case "exec":
            # the kernel opens a program before it asks whether it may run, see do_open_execat() in fs/exec.c
            found = (access("read"), access("exec"))
        case "read" | "write":
            found = (access(op),)
        case "both":
            found = (access("read"), access("write"))
        case "create" | "mkdir" | "symlink":
            line, changes = f"{op} {new}", True
            found = (access("modify", new, 0, "create"),)
        case "delete" | "truncate" | "chmod" | "chown":
            changes = op in {"delete", "truncate"}
            found = (access("modify", how=op),)
            if op == "chmod" and uid != owner:
                found = (*found, access("capability", "fowner"))
        case "rename" | "link":
            line, changes = f"{line} {new}", True
            found = (access("modify", how=op), access("modify", new, 0, op))
        case "socket":
            type_, protocol = chance.choice(SOCKETS)
            line = f"socket {type_} {protocol}"
            found = (access("network", "", type=TYPES[type_], protocol=protocol),)
            if type_ == 3:
                found = (*found, access("capability", "net_raw"))
        case _:
            name = chance.choice(CAPABILITIES)
            line = f"capability {name}"
            found = (access("capability", name),)
    return Step(line, source, uid, tty, changes, found)
