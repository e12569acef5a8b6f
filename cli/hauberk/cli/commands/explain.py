"""`hauberk explain`: one access, the verdict of both models, the list as it was walked, and what would change it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from hauberk.cli.explanation import Explanation, Step, Walk
from hauberk.cli.opened import Opened
from hauberk.policy.decision import Compiled, DecisionList, Entry, compile_policies
from hauberk.policy.matching import subject_of
from hauberk.policy.model import (
    NO_FLAGS,
    Access,
    Action,
    Capability,
    DomainName,
    Kind,
    Level,
    Matcher,
    Model,
    Policy,
    Posture,
    Program,
    Protocol,
    Rule,
    Selector,
    Verdict,
)
from hauberk.policy.workloads import Target

_LISTS = {
    "process": ("process", "matchPaths"),
    "file": ("file", "matchPaths"),
    "network": ("network", "matchProtocols"),
    "dns": ("network", "matchDNSQueries"),
    "capabilities": ("capabilities", "matchCapabilities"),
}
_NUMBERS = {6: "tcp", 17: "udp", 1: "icmp", 58: "icmpv6", 132: "sctp"}


def explain(opened: Opened, target: Target, posture: tuple[Posture, str], access: Access) -> Explanation:
    """How both models decide the access of the workload."""
    compiled = {m: compile_policies(m, opened.policies, target.workload, posture[0]) for m in Model}
    walks = tuple(_walk(compiled[model], opened, access) for model in (Model.HAUBERK, Model.KUBEARMOR))
    return Explanation(
        access,
        target,
        posture[0],
        posture[1],
        tuple(policy.name for policy in compiled[Model.HAUBERK].policies),
        walks,
        tuple(_changes(opened, target, posture[0], access, walks)),
    )


def _walk(compiled: Compiled, opened: Opened, access: Access) -> Walk:
    decisions = compiled.list_of(access.op, compiled.source_class(access))
    decision = decisions.decide(access)
    subject = subject_of(compiled.model, access)
    steps: list[Step] = []
    skipped = 0
    end = _end(decisions)
    for entry in decisions.entries:
        hit = entry.target.hits(subject)
        holds = hit and entry.condition.holds(access)
        if not hit:
            skipped += 1
            continue
        steps.append(_step(entry, opened, "decides" if holds else "matches, but its condition does not hold"))
        if holds:
            end = ""
            break
    place = opened.place_of(decision.rule) if decision.rule else ""
    return Walk(compiled.model, decision, place, tuple(steps), skipped, end)


def _step(entry: Entry, opened: Opened, outcome: str) -> Step:
    origin = entry.origin
    if origin is None:
        return Step(None, "", "", "", entry.verdict, outcome)
    action = origin.entry.action_text or "Block"
    if isinstance(origin.entry, Rule):
        matcher = _described(origin.entry.matcher)
        action = " ".join((action, *_requirements(origin.entry)))
    else:
        matcher = f"preset {origin.entry.name}"
    return Step(origin.name, opened.place_of(origin.name), action, matcher, entry.verdict, outcome)


def _requirements(rule: Rule) -> Iterator[str]:
    flags = rule.flags
    if flags.read_only:
        yield "readOnly"
    if flags.owner_only:
        yield "ownerOnly"
    if flags.pts is False:
        yield "pts: false"
    if flags.allowed_args:
        yield f"allowedArgs {list(flags.allowed_args)}"


def _described(matcher: Matcher) -> str:
    fields = ((name, getattr(matcher, name)) for name in matcher.__dataclass_fields__)
    return " ".join(f"{name} {value}" if value is not True else name for name, value in fields if value)


def _end(decisions: DecisionList) -> str:
    end = decisions.default
    if not end.allow_listed:
        return "no rule decides, and no Allow rule makes an allow-list: allowed"
    posture = "block: denied" if end.verdict is Verdict.DENIED else "audit: allowed, and reported"
    return f"no rule decides; an Allow rule makes an allow-list here, and the posture is {posture}"


def _changes(opened: Opened, target: Target, posture: Posture, access: Access, walks: Sequence[Walk]) -> Iterator[str]:
    """Changes that give the other verdict; each was tried, by both models, before it is named."""
    now = {walk.model: walk.decision.verdict for walk in walks}
    hauberk = walks[0].decision

    def flips(policies: Sequence[Policy], with_posture: Posture) -> list[str]:
        flipped: list[str] = []
        for model in Model:
            verdict = compile_policies(model, policies, target.workload, with_posture).decide(access).verdict
            if verdict is not now[model]:
                flipped.append(model.value)
        return flipped

    def said(what: str, models: list[str]) -> str:
        return what if len(models) == len(Model) else f"{what} (changes {', '.join(models)} only)"

    other = "audit" if posture.of(access.domain) == "block" else "block"
    if models := flips(opened.policies, Posture(other, other, other)):
        yield said(f"posture {other} instead of {posture.of(access.domain)}", models)
    if hauberk.rule and (models := flips(_without(opened.policies, hauberk.rule), posture)):
        yield said(f"remove {hauberk.rule} ({walks[0].place})", models)
    action = Action.ALLOW if hauberk.verdict is Verdict.DENIED else Action.BLOCK
    for source in dict.fromkeys((access.source, None)):
        rule = _rule(access, action, source)
        added = _policy(target, rule)
        if models := flips([*opened.policies, added], posture):
            who = f" fromSource {source}" if source else ""
            yield said(
                f"add {rule.section}.{rule.list}: {_described(rule.matcher)}{who}, action {action.value}", models
            )
            return


def _without(policies: Sequence[Policy], name: str) -> list[Policy]:
    policy_name, _, rule = name.partition(":")
    return [
        replace(
            policy,
            rules=tuple(r for r in policy.rules if r.id != rule),
            presets=tuple(p for p in policy.presets if p.id != rule),
        )
        if policy.name == policy_name
        else policy
        for policy in policies
    ]


def _rule(access: Access, action: Action, source: str | None) -> Rule:
    section, name = _LISTS[access.domain]
    matcher: Matcher
    match access.domain:
        case "process" | "file":
            matcher = Program(access.target)
        case "network":
            matcher = Protocol(_NUMBERS.get(access.protocol, access.type))
        case "dns":
            matcher = DomainName(access.target)
        case "capabilities":
            matcher = Capability(access.target)
    sources = (source,) if source else ()
    return Rule(section, name, 0, access.domain, matcher, sources, NO_FLAGS, action.value, Level.RULE)


def _policy(target: Target, rule: Rule) -> Policy:
    """A policy with this rule alone that selects the workload and comes last."""
    workload = target.workload
    if workload.namespace is None:
        return Policy(Kind.HOST, "added", None, Selector(workload.node_labels), (rule,))
    return Policy(Kind.POLICY, "added", workload.namespace, Selector(workload.labels), (rule,))
