"""Two rules of one workload, and what both models say when there is nothing but these two."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

from hauberk.policy.decision import decide
from hauberk.policy.model import (
    Access,
    Capability,
    Directory,
    DomainName,
    Kind,
    Model,
    Pattern,
    Policy,
    Posture,
    Program,
    Protocol,
    Rule,
    Selector,
    Verdict,
    Workload,
)
from hauberk.policy.rulings import OTHER_PROGRAM

_SOCKETS = {
    "tcp": ("stream", 6),
    "udp": ("dgram", 17),
    "icmp": ("raw", 1),
    "icmpv6": ("raw", 58),
    "sctp": ("seqpacket", 132),
    "all": ("stream", 6),
}
_AUDIT = Posture()


@dataclass(frozen=True, slots=True)
class Meeting:
    """`number` and `other` are numbers of entries; `rule` and `other_rule` positions in their rules (or presets)."""

    type: str
    number: int
    rule: int
    other: int
    other_rule: int
    access: Access | None
    hauberk: Verdict
    kubearmor: Verdict
    order_matters: bool


@dataclass(frozen=True, slots=True)
class Ruled:
    """A rule with the numbers of its entry and of itself."""

    number: int
    position: int
    policy: Policy
    rule: Rule

    def alone(self) -> Policy:
        """The policy with nothing but this rule, selecting everything."""
        return replace(self.policy, rules=(self.rule,), presets=(), selector=_anything(self.policy.kind))


def _anything(kind: Kind) -> Selector:
    return Selector((("kubernetes.io/hostname", "*"),)) if kind is Kind.HOST else Selector()


@dataclass(frozen=True, slots=True)
class Judge:
    workload: Workload

    def __call__(self, model: Model, access: Access, *rules: Ruled) -> Verdict:
        host = self.workload.namespace is None
        workload = replace(self.workload, node_labels=(("kubernetes.io/hostname", "node"),)) if host else self.workload
        policies: list[Policy] = []
        numbers: list[int] = []
        for one in rules:
            if numbers and numbers[-1] == one.number:
                policies[-1] = replace(policies[-1], rules=(*policies[-1].rules, one.rule))
            else:
                policies.append(one.alone())
                numbers.append(one.number)
        placed = [replace(p, namespace=workload.namespace) if p.kind is Kind.POLICY else p for p in policies]
        return decide(model, placed, workload, _AUDIT, access).verdict

    def differing(
        self, model: Model, first: tuple[Ruled, ...], second: tuple[Ruled, ...], source: str | None
    ) -> Access | None:
        """An access on which the two sets of rules decide differently."""
        shown = first[0].rule
        return next(
            (a for a in accesses(shown, source) if self(model, a, *first) is not self(model, a, *second)),
            None,
        )


def accesses(rule: Rule, source: str | None) -> Iterator[Access]:
    """Accesses that the rule's matcher hits, the plainest first; with every way to meet or miss its requirements."""
    shown = sample(rule)
    if shown is None:
        return
    acting = source or OTHER_PROGRAM
    shown = replace(shown, source=acting, parent_source=acting)
    ops: tuple[Access, ...] = (shown,)
    if rule.domain == "file":
        ops = (shown, replace(shown, op="write"), replace(shown, op="modify", how="delete"))
    arguments = [
        ("program", "--other"),
        *((("program", arg),) if (arg := next(iter(rule.flags.allowed_args), "")) else ()),
    ]
    for uid, tty, access, args in product((0, 1000), (False, True), ops, arguments):
        yield replace(access, uid=uid, tty=tty, args=args if access.op == "exec" else ())


def sample(rule: Rule) -> Access | None:
    """The plainest access that the matcher hits; None where there is none, or only a search finds one."""
    target: str | None = None
    match rule.matcher:
        case Program(path, execname):
            target = path.replace("*", "x") if path else f"/usr/bin/{execname}" if execname else None
        case Directory(directory) if directory:
            target = directory.rstrip("/") + "/x"
        case Pattern(pattern) if pattern and not set(pattern) & set("[{\\"):
            target = pattern.replace("**", "x").replace("*", "x").replace("?", "x")
        case Protocol(text):
            word = text.split(",")[0].strip().lower()
            kind, number = _SOCKETS.get(word, (word, 0))
            return Access("network", type=kind, protocol=number)
        case DomainName(text):
            return Access("dns", target=text.split(",")[0].strip().lower().strip("."))
        case Capability(text):
            return Access("capability", target=text.split(",")[0].strip().lower().removeprefix("cap_"))
        case _:
            return None
    if not target or not target.startswith("/"):
        return None
    return Access("exec" if rule.domain == "process" else "read", target=target)
