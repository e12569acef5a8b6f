"""Small rule sets over three names, and every access that can tell them apart: the brute force for exact searches.

The accesses are those of paths up to depth 4 over the names of the rules and one other; what is deeper or named
otherwise is like one of them for every matcher these sets can have.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any, TypeVar

from hypothesis import strategies as st

from hauberk.policy.decision import Compiled, compile_policies
from hauberk.policy.model import Access, Decision, Model, Op, Policy, Posture, Rule, Workload
from hauberk.policy.parse import parse_policy

T = TypeVar("T")
Document = dict[str, Any]

POD = Workload("default", (("app", "w"),), "c")
NAMES = ("a", "b", "x")
PATHS = ("/", *("/" + "/".join(names) for depth in (1, 2, 3, 4) for names in product(NAMES, repeat=depth)))
SOURCES = (None, "/x", "/a", "/a/b")
DIRS = ("/", "/a/", "/b/", "/a/b/", "/a/a/", "/a/b/a/", "/a/b")
RULE_PATHS = ("/a", "/b", "/a/b", "/a/a", "/a/b/a", "/b/a", "/a/b/a/b")
TOKENS = ("/a", "/b", "/*", "/**", "/?", "/a*", "/*b", "/[ab]", "/{a,b}", "/{a/b,b}", "/**/", "/a**", "/*/", "*", "b")
PROTOCOLS = ("tcp", "udp", "raw", "stream", "all", "sctp", "icmp,udp", "dgram", "TCP")
DOMAINS = ("x.org", "ok.x.org", "org", "y.org", "www.ok.x.org", "x.org,y.org")
CAPABILITIES = ("net_raw", "kill", "chown", "net_raw,kill", "cap_kill", "bogus")
ARGS = ("-a", "-b")
SECTIONS = ("process", "file", "file", "process", "network", "dns", "capabilities")


class Maker:
    """Makes one set of policies for one section; `below(n)` chooses a number from 0 to n - 1."""

    def __init__(self, below: Callable[[int], int]) -> None:
        self.below = below

    def one(self, options: Sequence[T]) -> T:
        return options[self.below(len(options))]

    def rarely(self, share: int) -> bool:
        return self.below(share) == share - 1

    def posture(self) -> Posture:
        return Posture(*[self.one(("block", "audit"))] * 3)

    def policies(self, section: str) -> list[Policy]:
        documents = [self.document(section, number) for number in range(1 + self.below(3))]
        return [policy for policy in map(parse_policy, documents) if policy is not None]

    def changed(self, policies: Sequence[Policy], section: str) -> list[Policy]:
        """The policies with a few things changed, or nothing but places and names."""
        after = list(policies)
        match self.below(5):
            case 0:
                after = [replace(policy, name=f"{policy.name}-new") for policy in reversed(after)]
            case 1:
                del after[self.below(len(after))]
            case 2:
                after.append(self.parsed(section, len(after)))
            case _:
                place = self.below(len(after))
                other = self.parsed(section, 9)
                kept = [rule for rule in after[place].rules if not self.rarely(3)]
                after[place] = replace(after[place], rules=(*kept, *other.rules[:1]))
        return after

    def parsed(self, section: str, number: int) -> Policy:
        policy = parse_policy(self.document(section, number))
        assert policy is not None
        return policy

    def document(self, section: str, number: int) -> Document:
        lists: dict[str, list[Document]] = {}
        for _ in range(1 + self.below(4)):
            name, rule = self.rule(section)
            lists.setdefault(name, []).append(rule)
        spec: Document = {"action": self.one(("Allow", "Block", "Block", "Audit", "allow"))}
        spec["network" if section == "dns" else section] = lists
        if section in ("process", "file") and self.rarely(6):
            presets = ("filelessExec", "exec") if section == "process" else ("protectEnv", "protectProc")
            spec["presets"] = [{"name": self.one(presets), "action": self.one(("Block", "Audit"))}]
        return {"kind": "KubeArmorPolicy", "metadata": {"name": f"p{number}"}, "spec": spec}

    def rule(self, section: str) -> tuple[str, Document]:
        rule: Document = {}
        if self.one((True, False)):
            rule["action"] = self.one(("Allow", "Block", "Audit", "Allow", "Block"))
        if self.rarely(3) or section in ("network", "dns", "capabilities"):
            rule["severity"] = self.one((1, 1, 1, 2))
        match section:
            case "network":
                name, rule["protocol"] = "matchProtocols", self.one(PROTOCOLS)
            case "dns":
                name, rule["domain"] = "matchDNSQueries", self.one(DOMAINS)
            case "capabilities":
                name, rule["capability"] = "matchCapabilities", self.one(CAPABILITIES)
            case _:
                name = self.path_rule(section, rule)
        if self.rarely(4) and name != "matchPatterns":
            rule["fromSource"] = [
                {"path": self.one(("/a", "/a/b", "a"))} if not self.rarely(8) else {} for _ in range(1 + self.below(2))
            ]
        flags = {"process": ("ownerOnly", "pts", "allowedArgs"), "file": ("readOnly", "ownerOnly", "pts")}
        if self.rarely(3):
            flag = self.one(flags.get(section, ("pts",)))
            rule[flag] = {"pts": False, "allowedArgs": [self.one(ARGS) for _ in range(1 + self.below(2))]}.get(
                flag, True
            )
        return name, rule

    def path_rule(self, section: str, rule: Document) -> str:
        match self.below(5 if section == "process" else 4):
            case 0:
                rule["path"] = self.one(RULE_PATHS)
                return "matchPaths"
            case 1 | 2:
                rule["dir"] = self.one(DIRS)
                rule["recursive"] = self.one((True, True, False))
                return "matchDirectories"
            case 3:
                rule["pattern"] = "".join(self.one(TOKENS) for _ in range(1 + self.below(3)))
                return "matchPatterns"
            case _:
                rule["execname"] = self.one(NAMES)
                if self.rarely(3):
                    rule["path"] = self.one(("/**", "/*/*", "/a/*"))
                return "matchPaths"


_BELOW = {size: st.integers(0, size - 1) for size in range(1, 65)}


@st.composite
def makers(draw: st.DrawFn) -> Maker:
    return Maker(lambda size: draw(_BELOW[size]))


def random_maker(seed: int) -> Maker:
    return Maker(random.Random(seed).randrange)  # noqa: S311  chance here is no secret


def accesses(section: str, policies: Sequence[Policy]) -> list[Access]:
    """Every access that matters to sets of this section; attributes that no rule reads are left at one value."""
    flags = [rule.flags for policy in policies for rule in policy.rules]
    presets = [preset.name for policy in policies for preset in policy.presets]
    owners = [(0, 0), (1, 0)] if any(flag.owner_only for flag in flags) else [(0, 0)]
    ttys = [False, True] if "exec" in presets or any(flag.pts is False for flag in flags) else [False]
    named = {source for policy in policies for rule in policy.rules for source in rule.sources}
    sources = [source for source in SOURCES if source in (None, "/x") or source in named]
    found = list(_section_accesses(section, any(flag.allowed_args for flag in flags), presets))
    return [
        replace(access, source=source, parent_source=source, uid=uid, owner_uid=owner, tty=tty)
        for access in found
        for source in sources
        for uid, owner in owners
        for tty in ttys
    ]


def _section_accesses(section: str, with_args: bool, presets: Sequence[str]) -> Iterator[Access]:
    match section:
        case "process":
            vectors = [("p", *args) for args in ((), ("-a",), ("-b",), ("-a", "-b"), ("-c",))] if with_args else [()]
            started = (False, True) if "exec" in presets else (False,)
            for target in (*PATHS, "memfd:x", "/dev/shm/x", "/run/shm/x/x"):  # noqa: S108  a name in a policy
                for args, inside in product(vectors, started):
                    yield Access("exec", target, args=args, container_exec=inside)
        case "file":
            odd = ["/proc/1/environ", "/proc/1/x", "/proc/x/x", "/proc/1"] if presets else []
            for target in (*PATHS, "memfd:x", *odd):
                yield from (
                    Access("read", target, other_process=other) for other in ((False, True) if odd else (False,))
                )
                yield Access("write", target)
                yield from (Access("modify", target, how=how) for how in ("delete", "chown"))
        case "network":
            for kind in ("stream", "dgram", "raw", "rdm", "seqpacket", "dccp", "packet"):
                yield from (Access("network", type=kind, protocol=number) for number in (0, 1, 2, 6, 17, 132))
        case "dns":
            for name in ("org", "x.org", "y.org", "ok.x.org", "www.ok.x.org", "com"):
                for suffix in (
                    "",
                    ".cluster.local",
                    ".svc.cluster.local",
                    ".default.svc.cluster.local",
                    ".domain.name",
                ):
                    yield from (Access("dns", begin + name + suffix) for begin in ("", "x.", "x." * 10, "x." * 11))
        case _:
            yield from (Access("capability", name) for name in ("net_raw", "kill", "chown", "bogus", "setuid"))


def compiled(model: Model, policies: Sequence[Policy], posture: Posture) -> Compiled:
    return compile_policies(model, policies, POD, posture)


def by_name(policies: Sequence[Policy]) -> dict[str, Rule]:
    """The rules by the names that decisions give them."""
    return {f"{policy.name}:{rule.id}": rule for policy in policies for rule in policy.rules}


def alerts(decision: Decision, rules: Mapping[str, Rule]) -> Hashable:
    """Verdict and what the alerts say, found by the names of the rules alone."""
    said = set()
    for report in decision.reports:
        rule = None if report.rule is None else rules.get(report.rule)
        more = (None, (), None) if rule is None else (rule.severity, rule.tags, rule.message)
        said.add((report.policy, report.action, *more))
    return decision.verdict, frozenset(said)


def without(policies: Sequence[Policy], policy: int, rule: int) -> list[Policy]:
    kept = list(policies)
    one = kept[policy]
    kept[policy] = replace(one, rules=tuple(r for place, r in enumerate(one.rules) if place != rule))
    return kept


def op_of(access: Access) -> Op:
    return access.op
