"""Decision lists: what both models compile policies to, and what every other stage reads.

A list belongs to one workload, one operation and one class of sources. Its entries are tried in order and the
first whose matcher and condition hold decides; if none does, the default (posture) decides. Watches never
decide: each that holds adds a report.
"""

from __future__ import annotations

from dataclasses import dataclass

from hauberk.policy.matching import Target, octets, subject_of
from hauberk.policy.model import Access, Decision, Model, Op, Policy, Preset, Report, Rule, Verdict


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments a rule lists; `most` bounds argv, `size` is what is seen of one argument in bytes."""

    listed: tuple[str, ...]
    most: int | None = None
    size: int | None = None

    def pass_for(self, argv: tuple[str, ...]) -> bool:
        """Whether argv[1:] are all listed, or argv[0] when it stands alone."""
        if not argv or (self.most is not None and len(argv) > self.most):
            return False
        given = argv[1:] or argv
        if self.size is None:
            return all(argument in self.listed for argument in given)
        listed = {octets(argument) for argument in self.listed}
        return all(octets(argument)[: self.size] in listed for argument in given)


@dataclass(frozen=True, slots=True)
class Condition:
    """What must hold besides the target: every part that is not None.

    `owner`: the user owns the file. `tty`: a controlling terminal. `listed`: the arguments pass
    (`arguments`). `chown`: the modification is one. The rest as in `Access`.
    """

    owner: bool | None = None
    tty: bool | None = None
    listed: bool | None = None
    arguments: Arguments | None = None
    chown: bool | None = None
    other_process: bool | None = None
    container_exec: bool | None = None

    def holds(self, access: Access) -> bool:
        return (
            (self.owner is None or self.owner == (access.uid == access.owner_uid))
            and (self.tty is None or self.tty == access.tty)
            and (self.arguments is None or self.listed == self.arguments.pass_for(access.args))
            and (self.chown is None or self.chown == (access.how == "chown"))
            and (self.other_process is None or self.other_process == access.other_process)
            and (self.container_exec is None or self.container_exec == access.container_exec)
        )


ALWAYS = Condition()
NOT_OWNER = Condition(owner=False)
ON_TTY = Condition(tty=True)


@dataclass(frozen=True, slots=True)
class Origin:
    """The entry of a document that something came from."""

    policy: Policy
    entry: Rule | Preset

    @property
    def name(self) -> str:
        """`<policy>:<section>.<list>[<index>]`, as verdicts and reports name it."""
        return f"{self.policy.name}:{self.entry.id}"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a list; `rule` and `origin` are None where no document says it but the model."""

    target: Target
    condition: Condition
    verdict: Verdict
    rule: str | None = None
    report: Report | None = None
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class Watch:
    """Reports when the target is hit and one of the conditions holds."""

    target: Target
    conditions: tuple[Condition, ...]
    report: Report
    origin: Origin


@dataclass(frozen=True, slots=True)
class Default:
    """The end of a list: the posture when the domain is allow-listed, else a silent pass."""

    verdict: Verdict = Verdict.ALLOWED
    report: Report | None = None

    @property
    def allow_listed(self) -> bool:
        return self.report is not None


PASS = Default()
POSTURE_POLICY = "DefaultPosture"


def posture_default(*, allow_listed: bool, blocks: bool) -> Default:
    """What decides when no entry does (semantics 4.5)."""
    if not allow_listed:
        return PASS
    if blocks:
        return Default(Verdict.DENIED, Report(POSTURE_POLICY, "Block", None))
    return Default(Verdict.ALLOWED, Report(POSTURE_POLICY, "Audit", None))


@dataclass(frozen=True, slots=True)
class DecisionList:
    """Ordered entries of one operation and one class of sources; `model` says how targets are seen."""

    model: Model
    op: Op
    entries: tuple[Entry, ...]
    default: Default = PASS
    watches: tuple[Watch, ...] = ()

    def decide(self, access: Access) -> Decision:
        """The decision on an access of this operation by a source of this class."""
        subject = subject_of(self.model, access)
        decision = None
        for entry in self.entries:
            if entry.target.hits(subject) and (entry.condition is ALWAYS or entry.condition.holds(access)):
                decision = Decision(entry.verdict, entry.rule, () if entry.report is None else (entry.report,))
                break
        if decision is None:
            end = self.default
            decision = Decision(end.verdict, None, () if end.report is None else (end.report,))
        if not self.watches:
            return decision
        reports = list(decision.reports)
        for watch in self.watches:
            if (
                watch.report not in reports
                and watch.target.hits(subject)
                and any(condition.holds(access) for condition in watch.conditions)
            ):
                reports.append(watch.report)
        return Decision(decision.verdict, decision.rule, tuple(reports))


def pass_entry(target: Target, origin: Origin) -> Entry:
    return Entry(target, ALWAYS, Verdict.ALLOWED, origin.name, None, origin)


def deny_entry(target: Target, condition: Condition, origin: Origin, *, blocks: bool) -> Entry:
    """A denial; one by an Allow rule is reported as posture, as KubeArmor's alerts do (semantics 4.6)."""
    name = origin.name
    policy = origin.policy.name if blocks else POSTURE_POLICY
    return Entry(target, condition, Verdict.DENIED, name, Report(policy, "Block", name), origin)
