"""Values that every stage speaks in: policies and rules as written, workloads, accesses, verdicts.

A `Rule` is one entry of a document: nothing is expanded, dropped or normalised here, because the two models of
the semantics do that differently. Inheritance of action, severity, tags and message is resolved, as both agree on it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

GROUP_VERSION = "security.kubearmor.com/v1"

Domain = Literal["process", "file", "network", "dns", "capabilities"]
Op = Literal["exec", "read", "write", "modify", "network", "dns", "capability", "map_exec"]

DOMAIN_OF_OP: dict[str, Domain] = {
    "exec": "process",
    "map_exec": "process",
    "read": "file",
    "write": "file",
    "modify": "file",
    "network": "network",
    "dns": "dns",
    "capability": "capabilities",
}


class Kind(StrEnum):
    """The kinds whose meaning the two models define."""

    POLICY = "KubeArmorPolicy"
    CLUSTER = "KubeArmorClusterPolicy"
    HOST = "KubeArmorHostPolicy"


class Action(StrEnum):
    ALLOW = "Allow"
    BLOCK = "Block"
    AUDIT = "Audit"


class Level(StrEnum):
    """Where a resolved value was written."""

    RULE = "rule"
    SECTION = "section"
    SPEC = "spec"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Program:
    """Entry of `matchPaths`: `path`, and for processes `execname`; either may be missing."""

    path: str | None = None
    execname: str | None = None


@dataclass(frozen=True, slots=True)
class Directory:
    dir: str
    recursive: bool = False


@dataclass(frozen=True, slots=True)
class Pattern:
    pattern: str


@dataclass(frozen=True, slots=True)
class Protocol:
    """As written: letter case kept, a comma list not split (the models split differently)."""

    protocol: str


@dataclass(frozen=True, slots=True)
class DomainName:
    """As written, see `Protocol`."""

    domain: str


@dataclass(frozen=True, slots=True)
class Capability:
    """As written, see `Protocol`."""

    capability: str


Matcher = Program | Directory | Pattern | Protocol | DomainName | Capability


@dataclass(frozen=True, slots=True)
class Flags:
    """Requirements of a rule; only those that its list knows are ever set."""

    read_only: bool = False
    owner_only: bool = False
    pts: bool | None = None
    allowed_args: tuple[str, ...] = ()


NO_FLAGS = Flags()


# a look-up costs a tenth of making an Action from its text, and every reader asks for it
_ACTIONS: dict[str, Action] = {"": Action.BLOCK, **{action.value: action for action in Action}}


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of one list of one policy.

    `sources` is empty for a global rule; an entry of `fromSource` without `path` is None in it.
    `action_text` is the resolved text as written ("" when no level has one), `action_level` its level.
    """

    section: str
    list: str
    index: int
    domain: Domain
    matcher: Matcher
    sources: tuple[str | None, ...]
    flags: Flags
    action_text: str
    action_level: Level
    severity: int | None = None
    tags: tuple[str, ...] = ()
    message: str | None = None

    @property
    def id(self) -> str:
        """`<section>.<list>[<index>]`, the index being that of the document."""
        return f"{self.section}.{self.list}[{self.index}]"

    @property
    def pointer(self) -> str:
        """JSON pointer of the entry in its document."""
        return f"/spec/{self.section}/{self.list}/{self.index}"

    @property
    def action(self) -> Action | None:
        """The action in any letter case, `Block` when none is given; None for another word."""
        return _ACTIONS.get(self.action_text) or _ACTIONS.get(self.action_text.capitalize())


@dataclass(frozen=True, slots=True)
class Preset:
    """Entry of `presets`; `action_text` is its own action, "" when it has none."""

    index: int
    name: str
    action_text: str

    @property
    def id(self) -> str:
        return f"presets[{self.index}]"

    @property
    def pointer(self) -> str:
        return f"/spec/presets/{self.index}"


@dataclass(frozen=True, slots=True)
class Expression:
    """Entry of `matchExpressions`; missing key or operator is ""."""

    key: str
    operator: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Selector:
    """`selector` or `nodeSelector`; `match_labels` in the order of the document."""

    match_labels: tuple[tuple[str, str], ...] = ()
    expressions: tuple[Expression, ...] = ()

    @property
    def empty(self) -> bool:
        return not self.match_labels and not self.expressions


@dataclass(frozen=True, slots=True)
class Policy:
    """One document. `namespace` is None when the document names none.

    `action_text` is `spec.action` as written ("" when missing): presets of the hauberk model inherit it.
    """

    kind: Kind
    name: str
    namespace: str | None
    selector: Selector
    rules: tuple[Rule, ...]
    presets: tuple[Preset, ...] = ()
    action_text: str = ""

    @property
    def effective_namespace(self) -> str | None:
        """Namespace whose workloads it selects; None for cluster-scoped kinds."""
        return (self.namespace or "default") if self.kind is Kind.POLICY else None


PostureValue = str
"""`block` blocks, any other value audits."""


@dataclass(frozen=True, slots=True)
class Posture:
    file: PostureValue = "audit"
    network: PostureValue = "audit"
    capabilities: PostureValue = "audit"

    def of(self, domain: Domain) -> PostureValue:
        """Process uses the file posture, dns the network posture."""
        match domain:
            case "process" | "file":
                return self.file
            case "network" | "dns":
                return self.network
            case "capabilities":
                return self.capabilities


@dataclass(frozen=True, slots=True)
class Workload:
    """A container of a pod, or the node itself when `namespace` is None."""

    namespace: str | None
    labels: tuple[tuple[str, str], ...] = ()
    container: str = ""
    node_labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Access:
    """One attempt of one task to do one thing; fields as in the semantics, section 1."""

    op: Op
    target: str = ""
    source: str | None = None
    parent_source: str | None = None
    uid: int = 0
    owner_uid: int = 0
    tty: bool = False
    args: tuple[str, ...] = ()
    how: str = ""
    type: str = ""
    protocol: int = 0
    other_process: bool = False
    container_exec: bool = False

    @property
    def domain(self) -> Domain:
        return DOMAIN_OF_OP[self.op]


class Verdict(StrEnum):
    ALLOWED = "allowed"
    DENIED = "denied"


@dataclass(frozen=True, slots=True)
class Report:
    """What is to be reported; `policy` may be `DefaultPosture`, then `rule` is None unless a requirement failed."""

    policy: str
    action: Literal["Block", "Audit"]
    rule: str | None


@dataclass(frozen=True, slots=True)
class Decision:
    """`rule` is `<policy>:<section>.<list>[<index>]` of the deciding rule, or None."""

    verdict: Verdict
    rule: str | None
    reports: tuple[Report, ...] = field(default=())


class Model(StrEnum):
    HAUBERK = "hauberk"
    KUBEARMOR = "kubearmor"
