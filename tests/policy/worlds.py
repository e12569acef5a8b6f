# ruff: noqa: S108, S311  paths of policies; chance here is no secret
"""Small worlds for differential tests: few names that collide, every flag everywhere, sizes around the limits.

One generator, two drivers: hypothesis (which shrinks what it finds) and `random` (which is fast and can be counted).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from hypothesis import strategies as st

from hauberk.policy.model import Access, Op, Posture, Workload

T = TypeVar("T")
Document = dict[str, Any]

A60, MANY = "a" * 60, "/".join("abcdefghijklmnopqrstuvwxyz")
DEEP = {count: "/" + MANY[: 2 * count - 1] for count in (19, 20, 21, 22)}
"""Paths by their number of components."""
LONG = {size: "/l/" + "x" * (size - 3) for size in (198, 199, 200, 201)}
"""Paths by their number of bytes, and beside them one whose bytes are more than its characters."""
WIDE = "/l/" + "\u00e9" * 99
DIRS_64 = {size: "/" + "d" * (size - 2) + "/" for size in (63, 64, 65)}
TAIL_199 = "/l/" + "y" * 190 + "/tool"

NEAR = ["/a", "/a/b", "/a/b/c", "/a/b/c/d", "/ab", "/etc", "/etc/x", "/etc/ssl/x"]
PROGRAMS = ["/a", "/a/b", "/bin/ls", "/bin/sh", "/etc/x"]
ODD = [
    "/",
    *DEEP.values(),
    "/" + "/".join(MANY.split("/")[1:21]),
    *LONG.values(),
    LONG[199] + "tail",
    WIDE,
    TAIL_199,
    f"/tmp/{A60}/x",
    f"/tmp/{A60[1:]}/x",
    f"/tmp/{A60[2:]}/x",
    *(folder + "f" for folder in DIRS_64.values()),
    *(folder + "e/f" for folder in DIRS_64.values()),
    "/a/*",
    "/A",
    "/a\nb",
    "/proc/1/environ",
    "/proc/12/environ/x",
    "/proc/x/environ",
    "/proc/1",
    "/proc/1/maps",
    "/dev/shm/x",
    "/dev/shm",
    "/run/shm/a/b",
]
PATHLESS = ["memfd:x", "pipe:[1]", "socket:[a/b]"]
DIRS = [
    "/",
    "/a",
    "/a/",
    "/a/b/",
    "/a/b/c/",
    "/etc/",
    "/etc/ssl/",
    "/etc/ssl",
    "/b/",
    "/tmp/",
    f"/tmp/{A60}/",
    f"/tmp/{A60[1:]}/",
    f"/tmp/{A60[2:]}/",
    *DIRS_64.values(),
    "/proc/1/",
    "/*/",
    "//",
    DEEP[20] + "/",
    DEEP[21] + "/",
    TAIL_199[:-4],
]
GLOBS = ["/a/*", "/*", "/**", "/a/**/c", "/a*", "/{a,etc}/*", "/a/b*", "/etc/**", "/a/[a-c]", "/*\\"]
TOKENS = [
    *["/", "a", "b", "c", "*", "**", "?", "/*/", "/**", "/**/"],
    *["[ab]", "[^a]", "[a-c]", "[^/]", "[]]", "[^]a]", "[\\]", "[a-]", "[*]", "[,]", "[]-a]", "[^^]", "[a-/]"],
    *["{a,b}", "{,a}", "{a,{b,}c}", "{*,a/b}", "{}", "{a}", "{/**,}", "{[,}],a}", "{\\,,\\}}", "{?,**/b}", "{a,*}"],
    *["\\*", "\\/", "\\a", "\\[", "\\\\", ",", "]", "-", ".", "etc", "x", "***"],
    *["[", "{", "}", "[c-a]", "\\", "[]", "[^]", "{a", "{a,{b}"],
]
LETTERS = ["a", "b", "c", "/", "/", "*", ",", "]", "[", "}", "\\", "x", "-", "^", "/a", "/b", "etc"]
EXECNAMES = ["a", "b", "c", "ls", "x", "/a", "a/", "tool", LONG[200][3:]]
ARGS = ["-a", "-b", "ls", "r" * 102, "r" * 103, "r" * 104, "\u00e9" * 52, ""]
ACTIONS = ["Allow", "Block", "Audit"]
ODD_ACTIONS = ["allow", "block", "audit", "ALLOW", "bLock", "AUDIT", "Deny", "", None]
PROTOCOL_WORDS = ["tcp", "udp", "icmp", "sctp", "icmpv6", "stream", "dgram", "raw", "seqpacket", "all"]
ODD_PROTOCOLS = ["TCP", "All", "Raw", "tcp,udp", "stream, tcp", "all,udp", "bogus", "bogus, tcp", " udp", ",", "u dp"]
DOMAINS = ["x.org", "ok.x.org", "org", "svc", "svc.n", "y.org"]
ODD_DOMAINS = ["X.org", ".x.org.", "x.org,y.org", "y.org, .ok.X.org", "x.org.cluster.local", " x.org", ".", "local"]
ODD_DOMAINS += ["x.org.domain.name", "l" * 62, "l" * 63, "l" * 64, "svc.n.svc", "x.org,"]
NAMES = ["x.org", "ok.x.org", "www.ok.x.org", "y.org", "svc", "svc.n", "org", "xx.org"]
ODD_NAMES = ["X.org", "x.ORG.cluster.local", "svc.n.svc.cluster.local", "svc.N.svc.cluster.local", "x.org.domain.name"]
ODD_NAMES += ["svc.default.svc.cluster.local", "x.org.svc.cluster.local", "l" * 63, "l" * 64, "a." + "l" * 63]
ODD_NAMES += [f"{'a.' * count}x.org" for count in (8, 9, 10, 11, 12)] + ["m" * 54 + ".x.org", "m" * 58 + ".x.org"]
CAPABILITIES = ["net_raw", "kill", "chown", "cap_net_raw", "checkpoint_restore"]
ODD_CAPABILITIES = [
    "CAP_NET_RAW",
    "CAP_kill",
    "Net_Raw",
    "no_kill",
    "net_raw,kill",
    "kill, cap_chown",
    "x_cap_kill",
    " kill",
]
PRESETS = ["filelessExec", "exec", "protectEnv", "protectProc", "anonymousMapExec", "Exec", "nothing"]
LABELS = ["app=w", "app=v", "tier=db", "tier=web", "pod-template-hash=h1", "app", "=", ""]
CONTAINERS = [
    "[nginx]",
    "[nginx, side]",
    "[side]",
    "nginx",
    "side",
    "[]",
    "[ , ]",
    "x",
    "",
    "xnginxx",
    "[nginx",
    " nginx ",
]
HOSTS = ["n1", "n2", "*", "n2, n1", "n2,*", "", ","]
HOST_PATTERNS = ["n.*", "n*", "*", "n[0-9]", "x", "", "n1|n2", "1", "n1$", "^n", "n1x"]


@dataclass(frozen=True)
class World:
    policies: list[Document]
    workload: Workload
    posture: Posture
    access: Access


class Maker:
    """Makes one world; `below(n)` chooses a number from 0 to n - 1."""

    def __init__(self, below: Callable[[int], int]) -> None:
        self.below = below

    def one(self, options: Sequence[T]) -> T:
        return options[self.below(len(options))]

    def often(self, usual: Sequence[T], odd: Sequence[T], share: int = 4) -> T:
        """One of `usual`, once in `share` one of `odd`."""
        return self.one(odd) if self.below(share) == share - 1 else self.one(usual)

    def rarely(self, share: int) -> bool:
        return self.below(share) == share - 1

    # -- access

    def access(self) -> Access:
        ops: list[Op] = ["exec", "read", "write", "modify", "network", "dns", "capability"]
        op = self.one([*ops, *ops[:4]]) if not self.rarely(40) else "map_exec"
        fields: dict[str, Any] = {"op": op, "tty": self.one([False, True])}
        fields["source"] = self.often(PROGRAMS[:3], [None, DEEP[21], LONG[201], "/l"], 5)
        if op == "exec":
            fields["parent_source"] = self.often([fields["source"], *PROGRAMS], [None, DEEP[22]], 5)
            fields["args"] = self.args()
            fields["container_exec"] = self.rarely(3)
        if op in ("exec", "read", "write", "modify"):
            fields["target"] = self.often([*NEAR, *NEAR, "/bin/ls"], [*ODD, *PATHLESS])
            fields["uid"], fields["owner_uid"] = self.one([(0, 0), (1, 1), (0, 1), (1, 0)])
            fields["other_process"] = self.one([False, True])
        if op == "modify":
            fields["how"] = self.one(["create", "delete", "rename", "link", "truncate", "chmod", "chown"])
        if op == "network":
            fields["type"], fields["protocol"] = self.often(
                [("stream", 6), ("stream", 0), ("dgram", 0), ("dgram", 17), ("raw", 1)],
                [
                    ("stream", 132),
                    ("seqpacket", 0),
                    ("seqpacket", 132),
                    ("raw", 6),
                    ("dgram", 58),
                    ("packet", 3),
                    ("rdm", 0),
                ],
            )
        if op == "dns":
            fields["target"] = self.often(NAMES, ODD_NAMES, 3)
        if op == "capability":
            fields["target"] = self.often(["net_raw", "kill", "chown"], ["checkpoint_restore", "CAP_KILL", "bogus"])
        return Access(**fields)

    def args(self) -> tuple[str, ...]:
        match self.below(8):
            case 0:
                return ()
            case 1:
                return (self.one(ARGS),)
            case 2 | 3:
                return ("ls", *["-a"] * (19 + self.below(2)))
            case _:
                return ("ls", *(self.one(ARGS) for _ in range(1 + self.below(2))))

    # -- policies

    def world(self) -> World:
        access = self.access()
        node = self.rarely(6)
        if node:
            labels = (("kubearmor.io/hostname", "n1"), ("kubernetes.io/hostname", "n1"), ("os", "linux"))
            workload = Workload(None, node_labels=labels if not self.rarely(4) else labels[1:])
        else:
            pairs = [("app", "w"), ("tier", "db"), ("pod-template-hash", "h1")]
            if self.rarely(12):
                pairs.append(("kubearmor.io/container.name", "[nginx]"))
            workload = Workload(self.one(["n", "default"]), tuple(pairs), self.often(["nginx"], ["side"]))
        values = ["block", "audit", "Block"]
        posture = Posture(*(self.one(values) for _ in range(3)))
        policies = [self.policy(access, workload, number) for number in range(1 + self.below(3))]
        return World(policies, workload, posture, access)

    def policy(self, access: Access, workload: Workload, number: int) -> Document:
        usual = "KubeArmorPolicy" if workload.namespace is not None else "KubeArmorHostPolicy"
        kind = self.often([usual], ["KubeArmorPolicy", "KubeArmorClusterPolicy", "KubeArmorHostPolicy"])
        metadata: Document = {"name": self.often([f"p{number}"], ["p0", "q"], 8)}
        namespace = self.often([workload.namespace or "default"], ["n", "default", None, ""], 5)
        if namespace is not None and kind != "KubeArmorClusterPolicy":
            metadata["namespace"] = namespace
        spec: Document = {}
        self.select(kind, spec)
        self.action(spec, 2)
        section = {"map_exec": "process", "dns": "network"}.get(access.op, access.domain)
        for name in ("process", "file", "network", "capabilities"):
            if name == section or self.rarely(10):
                spec[name] = self.section(name, access)
        if self.rarely(4):
            spec["presets"] = [self.preset(access) for _ in range(1 + self.below(3))]
        return {"apiVersion": "security.kubearmor.com/v1", "kind": kind, "metadata": metadata, "spec": spec}

    def preset(self, access: Access) -> Document:
        apt = {"exec": PRESETS[:2], "read": PRESETS[2:4]}.get(access.op, PRESETS[4:5])
        preset: Document = {"name": self.often(apt, PRESETS)}
        self.action(preset, 2)
        return preset

    def action(self, where: Document, share: int) -> None:
        """An action, once in `share`."""
        if self.rarely(share):
            where["action"] = self.often(ACTIONS, ODD_ACTIONS, 5)

    def section(self, name: str, access: Access) -> Document:
        section: Document = {}
        self.action(section, 6)
        lists: dict[str, tuple[str, ...]] = {
            "process": ("matchPaths", "matchDirectories", "matchPatterns"),
            "file": ("matchPaths", "matchDirectories", "matchPatterns"),
            "network": ("matchProtocols", "matchDNSQueries"),
            "capabilities": ("matchCapabilities",),
        }
        names = lists[name]
        if name == "network":
            names = names[1:] if access.op == "dns" else names[: 1 + self.below(2)]
        for each in names:
            count = self.below(3) if len(names) > 2 else 1 + self.below(3)
            if count:
                section[each] = [self.rule(name, each, access) for _ in range(count)]
        return section

    def rule(self, section: str, name: str, access: Access) -> Document:
        rule: Document = {}
        aimed = self.one([True, False])
        target = access.target
        match name:
            case "matchPaths":
                rule["path"] = target if aimed else self.often([*NEAR, "/bin/ls"], [*GLOBS, *ODD])
                if section == "process" and self.rarely(3):
                    rule["execname"] = target.rpartition("/")[2] if aimed else self.one(EXECNAMES)
                    if self.one([True, True, False]):
                        del rule["path"]
                elif self.rarely(20):
                    rule["path"] = self.one(["", None, "/a/", "/etc/"])
            case "matchDirectories":
                rule["dir"] = self.one(above(target)) if aimed else self.often(DIRS[:8], DIRS, 3)
            case "matchPatterns":
                rule["pattern"] = self.one(GLOBS) if aimed else self.pattern()
            case "matchProtocols":
                rule["protocol"] = self.often(PROTOCOL_WORDS, ODD_PROTOCOLS)
            case "matchDNSQueries":
                parts = target.split(".")
                below = ".".join(parts[self.below(len(parts)) :])
                rule["domain"] = below if aimed else self.often(DOMAINS, ODD_DOMAINS, 3)
            case _:
                rule["capability"] = target if aimed else self.often(CAPABILITIES, ODD_CAPABILITIES, 3)
        self.action(rule, 2)
        if self.rarely(3):
            rule["fromSource"] = self.sources(access)
        if self.one([True, False]):
            flags = ["recursive", "readOnly", "ownerOnly", "pts", "pts", "allowedArgs"]
            if name == "matchDirectories":
                flags += ["recursive"] * 4
            elif access.op == "exec":
                flags += ["allowedArgs"] * 4
            for flag in dict.fromkeys(self.one(flags) for _ in range(1 + self.below(2))):
                if flag == "allowedArgs":
                    size = self.one([102, 103, 104])
                    aimed_at = list(dict.fromkeys(arg[:size] for arg in access.args[1:]))
                    rule[flag] = aimed_at if self.one([True, False]) else [self.one(ARGS) for _ in range(self.below(3))]
                else:
                    rule[flag] = self.often([flag != "pts"], [True, False], 5)
        return rule

    def sources(self, access: Access) -> list[Document] | None:
        acting = [source for source in (access.source, access.parent_source) if source is not None]
        match self.below(10):
            case 0:
                return []
            case 1:
                return None
            case 2:
                return [{}]
            case 3:
                return [{"path": self.one(PROGRAMS)}, self.one([{}, {"path": ""}, {"path": None}])]
            case 4:
                return [{"path": self.one([DEEP[21], LONG[201], LONG[199], "/" + DEEP[21][3:]])}]
            case 5:
                return [{"path": self.one(PROGRAMS)} for _ in range(1 + self.below(2))]
            case _:
                return [{"path": self.one(acting or PROGRAMS)}]

    def pattern(self) -> str:
        start = "" if self.rarely(8) else "/"
        return start + "".join(self.one(TOKENS) for _ in range(1 + self.below(4)))

    def name(self) -> str:
        """A path for patterns to be tried on."""
        return "/" + "".join(self.one(LETTERS) for _ in range(self.below(5)))

    def select(self, kind: str, spec: Document) -> None:
        if kind == "KubeArmorHostPolicy":
            spec["nodeSelector"] = self.often(
                [{"matchLabels": {"os": "linux"}}],
                [
                    {"matchLabels": {self.one(["kubearmor.io/hostname", "kubernetes.io/hostname"]): self.one(HOSTS)}},
                    {
                        "matchLabels": {
                            self.one(["kubearmor.io/hostnamereg", "kubernetes.io/hostnamereg"]): self.one(HOST_PATTERNS)
                        }
                    },
                    {"matchLabels": {"os": "other"}},
                    {"matchLabels": {}},
                    {},
                ],
                3,
            )
            return
        if self.rarely(2):
            selector: Document = {}
            if self.rarely(2):
                selector["matchLabels"] = self.often(
                    [{"app": "w"}, {"app": "w", "tier": "db"}],
                    [
                        {},
                        None,
                        {"app": "v"},
                        {"pod-template-hash": "h1"},
                        {"kubearmor.io/container.name": self.one(CONTAINERS)},
                    ],
                    2,
                )
            if self.rarely(2):
                selector["matchExpressions"] = [self.expression(kind) for _ in range(1 + self.below(3))]
            spec["selector"] = selector

    def expression(self, kind: str) -> Document:
        keys = ["label", "label", "namespace"] if kind == "KubeArmorClusterPolicy" else ["label"]
        key = self.often(keys, ["namespace", "labels", None], 10)
        values = ["n", "default", "other"] if key == "namespace" else self.often([LABELS[:4]], [LABELS], 3)
        expression: Document = {
            "operator": self.often(["In", "NotIn"], ["Exists", "in", "", None], 10),
            "values": [self.one(values) for _ in range(1 + self.below(2))] if not self.rarely(10) else [],
        }
        if key is not None:
            expression["key"] = key
        return expression


def above(target: str) -> list[str]:
    """The directories a path lies in or is, some without the final slash."""
    parts = target.split("/")[1:]
    found = ["/", *("/" + "/".join(parts[:count]) + "/" for count in range(1, len(parts) + 1))]
    return [*found[-4:], *found, target if target.startswith("/") else "/a"]


# One strategy for each size of choice: to build them anew is most of the time of a run.
_BELOW = {size: st.integers(0, size - 1) for size in range(1, 129)}


@st.composite
def makers(draw: st.DrawFn) -> Maker:
    return Maker(lambda size: draw(_BELOW[size]))


@st.composite
def worlds(draw: st.DrawFn) -> World:
    return Maker(lambda size: draw(_BELOW[size])).world()


def random_maker(seed: int) -> Maker:
    return Maker(random.Random(seed).randrange)
