"""Where a node that enforces by AppArmor decides otherwise than one with BPF LSM, shown on an access.

Neither model is AppArmor's. What is known of the profiles that KubeArmor 1.7.4 writes (`AppArmorTemplate.go`,
`appArmorProfile.go`) is said of single rules here; BPF LSM's side is decided by the kubearmor model.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from hauberk.policy.decision import Compiled
from hauberk.policy.lists import Origin
from hauberk.policy.model import (
    Access,
    Action,
    Capability,
    Directory,
    DomainName,
    Matcher,
    Op,
    Pattern,
    Program,
    Rule,
    Verdict,
)
from hauberk.policy.rulings import OTHER_PROGRAM
from hauberk.policy.semantics.store import action_of
from hauberk.policy.targets import shortest_paths

_GLOBS = frozenset("*?[]{}")
_UNLISTED = ("/etc/passwd", "/usr/bin/id")


@dataclass(frozen=True, slots=True)
class Parting:
    """`topic` is the difference in a few words; the verdicts are those on `access`."""

    rule: Origin
    topic: str
    access: Access
    bpf: Verdict
    apparmor: Verdict


def partings(compiled: Compiled) -> Iterator[Parting]:
    """At most one parting for each rule or preset of a compiled kubearmor model."""
    rules = [Origin(policy, rule) for policy in compiled.policies for rule in policy.rules]
    allowing = {id(one.entry) for one in rules if isinstance(one.entry, Rule) and action_of(one.entry) is Action.ALLOW}
    for origin in rules:
        # all that is asked of other rules hangs on one that allows, and is answered at once where there is none
        for topic, access, verdict in _claims(origin, rules if allowing else []):
            bpf = compiled.decide(access).verdict
            if bpf is not verdict:
                yield Parting(origin, topic, access, bpf, verdict)
                break
    yield from _presets(compiled)


Claim = tuple[str, Access, Verdict]


def _claims(origin: Origin, rules: list[Origin]) -> Iterator[Claim]:
    """What AppArmor says to accesses that have to do with the rule."""
    rule = origin.entry
    if not isinstance(rule, Rule) or action_of(rule) not in (Action.ALLOW, Action.BLOCK):
        return
    blocks = action_of(rule) is Action.BLOCK
    verdict = Verdict.DENIED if blocks else Verdict.ALLOWED
    source = next((source for source in rule.sources if source), OTHER_PROGRAM)
    text = _text(rule.matcher)
    match rule.matcher:
        case Pattern():
            for path in shortest_paths(text):
                yield "only AppArmor enforces patterns", _access(rule, path, source), verdict
        case Program() | Directory():
            if _GLOBS & set(text):
                ending = "**" if isinstance(rule.matcher, Directory) else ""
                for path in shortest_paths(text + ending):
                    yield "AppArmor takes the signs in it for a pattern", _access(rule, path, source), verdict
            elif text:
                yield from _paths(rule, text, source, [one.entry for one in rules if isinstance(one.entry, Rule)])
        case Capability():
            if text.lower().startswith("cap_"):
                access = Access("capability", target=text.lower().removeprefix("cap_"), source=source)
                yield "AppArmor refuses a profile with the prefix cap_", access, Verdict.ALLOWED
        case DomainName():
            yield "AppArmor knows no names", Access("dns", target=text.strip("."), source=source), Verdict.ALLOWED
        case _:
            return


def _paths(rule: Rule, text: str, source: str, rules: list[Rule]) -> Iterator[Claim]:
    access = _access(rule, text.rstrip("/") + "/x" if isinstance(rule.matcher, Directory) else text, source)
    blocks = action_of(rule) is Action.BLOCK
    others = [one for one in rules if one.domain == rule.domain and one is not rule]
    if blocks and not rule.sources:
        if any(one.matcher == rule.matcher and not one.sources and action_of(one) is Action.ALLOW for one in others):
            yield "of Allow and Block for one path AppArmor lets Block win", access, Verdict.DENIED
        if isinstance(rule.matcher, Directory):
            for one in others:
                inside = _text(one.matcher)
                narrower = inside != text and inside.startswith(text) and action_of(one) is Action.ALLOW
                for named in one.sources if narrower else ():
                    if named and not _covers(named, text, others):
                        yield (
                            "a wider Block stands before a source's Allow",
                            _access(one, inside, named),
                            Verdict.DENIED,
                        )
    if blocks and rule.flags.allowed_args and rule.domain == "process":
        given = replace(access, args=("program", rule.flags.allowed_args[0]))
        yield "AppArmor blocks whatever the arguments", given, Verdict.DENIED
    listed = any(action_of(one) is Action.ALLOW for one in others)
    if blocks and rule.sources and listed:
        named = next((name for name in rule.sources if name), None)
        if named and not any(named in one.sources and action_of(one) is Action.ALLOW for one in others):
            for path in _UNLISTED:
                yield (
                    "a source with a Block of its own leaves the allow-list",
                    _access(rule, path, named),
                    Verdict.ALLOWED,
                )


def _covers(source: str, text: str, rules: list[Rule]) -> bool:
    """Whether the source has a rule of its own for all of the directory: then the Block is not copied to it."""
    return any(
        source in one.sources and isinstance(one.matcher, Directory) and text.startswith(one.matcher.dir)
        for one in rules
    )


def _text(matcher: Matcher) -> str:
    match matcher:
        case Program(path=text):
            return text or ""
        case Directory(dir=text) | Pattern(pattern=text) | Capability(capability=text) | DomainName(domain=text):
            return text
        case _:
            return ""


def _access(rule: Rule, path: str, source: str) -> Access:
    if rule.domain == "process":
        return Access("exec", target=path, source=source, parent_source=source)
    op: Op = "write" if rule.flags.read_only and action_of(rule) is Action.BLOCK else "read"
    target = path if not path.endswith("/") else f"{path}x"
    return Access(op, target=target, source=source)


_OF_PRESETS = {
    "filelessExec": Access("exec", target="memfd:payload", source=OTHER_PROGRAM, parent_source=OTHER_PROGRAM),
    "anonymousMapExec": Access("map_exec", source=OTHER_PROGRAM),
}


def _presets(compiled: Compiled) -> Iterator[Parting]:
    for policy in compiled.policies:
        for preset in policy.presets:
            access = _OF_PRESETS.get(preset.name)
            if access is not None and compiled.decide(access).verdict is Verdict.DENIED:
                origin = Origin(policy, preset)
                yield Parting(origin, "AppArmor knows no presets", access, Verdict.DENIED, Verdict.ALLOWED)
