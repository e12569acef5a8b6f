"""Policies of which most rules have nothing to do with one another, and some do: what is asked in parts.

Names are few enough to meet now and then. Most policies select the one workload, some do by one model only.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from hypothesis import strategies as st

from hauberk.policy.exact import Group
from hauberk.policy.model import Model, Policy, Posture, Workload
from hauberk.policy.parse import parse_policy
from hauberk.policy.selection import selects

T = TypeVar("T")
Document = dict[str, Any]

FIRST = ("etc", "usr", "srv", "opt", "dev", "a", "proc", "run")
MIDDLE = ("bin", "lib", "shm", "b", "x", "1")
LAST = ("sh", "ls", "conf", "a", "b", "x", "environ")
SOURCES = ("/usr/bin/sh", "/a", "/srv/x", "/usr/bin/tool", "/usr/bin/other")
PATTERNS = ("/*/*/sh", "/etc/**", "/**/conf", "/usr/*/x", "/srv/b*", "/{a,opt}/*", "/dev/?", "x/**", "{/a,/b}/x")
ODD = ("sh", "/etc/*", "/srv/" + "l" * 194, "/etc/conf/", "/a" * 20, "/a" * 21, "/usr/b*[x]")
ACTIONS = (
    ("Block",),
    ("Block", "Block", "Audit"),
    ("Block", "Allow"),
    ("Allow",),
    ("Block", "block", "Audit", "Allow", "allow"),
)


def group_of(policies: Sequence[Policy], workload: Workload, posture: Posture) -> tuple[Group, list[Policy]]:
    """The group of a workload, with its members."""
    sides = {model: [selects(model, policy, workload) for policy in policies] for model in Model}
    members = [n for n in range(len(policies)) if any(side[n] for side in sides.values())]
    flags = [tuple(sides[model][n] for n in members) for model in (Model.HAUBERK, Model.KUBEARMOR)]
    group = Group(tuple(range(len(members))), flags[0], flags[1], posture, workload.namespace)
    return group, [policies[n] for n in members]


class Maker:
    """`below(n)` chooses a number from 0 to n - 1."""

    def __init__(self, below: Callable[[int], int]) -> None:
        self.below = below

    def one(self, options: Sequence[T]) -> T:
        return options[self.below(len(options))]

    def rarely(self, share: int) -> bool:
        return self.below(share) == share - 1

    def posture(self) -> Posture:
        return Posture(*[self.one(("block", "audit"))] * 3)

    def policies(self) -> list[Policy]:
        actions = self.one(ACTIONS)
        odd = self.rarely(4)
        found = (parse_policy(self.document(n, actions, odd=odd)) for n in range(self.one((1, 2, 4, 8))))
        return [policy for policy in found if policy is not None]

    def document(self, number: int, actions: Sequence[str], *, odd: bool) -> Document:
        spec: Document = {"action": self.one(actions), "selector": {"matchLabels": {"app": "w"}}}
        if self.rarely(12):
            # to KubeArmor an operator that it does not know is none
            spec["selector"]["matchExpressions"] = [{"key": "label", "operator": "Exists", "values": ["app=w"]}]
        elif self.rarely(12):
            # and a list of containers begins behind its bracket
            spec["selector"]["matchLabels"]["kubearmor.io/container.name"] = "c, dd"
        for section in self.one((("process",), ("file",), ("process", "file"))):
            lists: dict[str, list[Document]] = {}
            for _ in range(self.one((1, 2, 5))):
                name, rule = self.rule(section, odd=odd and self.rarely(3))
                if self.rarely(6):
                    rule["action"] = self.one(actions)
                if self.rarely(10):
                    rule["severity"] = 2
                lists.setdefault(name, []).append(rule)
            spec[section] = lists
        if self.rarely(10):
            spec["network"] = {"matchProtocols": [{"protocol": self.one(("tcp", "udp", "all"))}]}
        if self.rarely(10):
            name = self.one(("filelessExec", "exec", "protectEnv", "protectProc"))
            spec["presets"] = [{"name": name, "action": self.one(("Block", "Audit"))}]
        metadata = {"name": f"p{number}", "namespace": "default"}
        return {"kind": "KubeArmorPolicy", "metadata": metadata, "spec": spec}

    def path(self) -> str:
        names = [self.one(FIRST), *(self.one(MIDDLE) for _ in range(self.one((0, 0, 1))))]
        return "/" + "/".join([*names, self.one(LAST)] if not self.rarely(5) else names)

    def rule(self, section: str, *, odd: bool) -> tuple[str, Document]:
        rule: Document = {}
        match self.below(9):
            case 0:
                return "matchPatterns", {"pattern": self.one(PATTERNS)}
            case 1 | 2 | 3:
                name = "matchDirectories"
                rule["dir"] = f"{self.path()}/"
                if odd:
                    rule["dir"] = self.one(("/", "/a", "/a/b", "", "/srv/" + "l" * (56 + self.below(5)) + "/"))
                rule["recursive"] = not self.rarely(3)
            case _:
                name = "matchPaths"
                rule["path"] = self.one(ODD) if odd else self.path()
                if odd and section == "process" and self.rarely(2):
                    rule = {"execname": self.one(LAST)}
        if self.rarely(3):
            rule["fromSource"] = [{"path": self.one(SOURCES)} for _ in range(self.one((1, 1, 2)))]
            if self.rarely(12):
                rule["fromSource"].append({})
        if self.rarely(4):
            flags = ("readOnly", "readOnly", "readOnly", "ownerOnly", "pts")
            flag = self.one(flags if section == "file" else ("ownerOnly", "pts", "allowedArgs"))
            if flag != "allowedArgs" or name == "matchPaths":
                rule[flag] = {"pts": False, "allowedArgs": ["-a"]}.get(flag, True)
        return name, rule


_BELOW = {size: st.integers(0, size - 1) for size in range(1, 65)}


@st.composite
def makers(draw: st.DrawFn) -> Maker:
    return Maker(lambda size: draw(_BELOW[size]))


def random_maker(seed: int) -> Maker:
    return Maker(random.Random(seed).randrange)  # noqa: S311  chance here is no secret
