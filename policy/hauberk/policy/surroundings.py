"""Facts about one policy that other documents decide: what it selects, and what other policies say there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from hauberk.policy.capacity import map_entries
from hauberk.policy.decision import Compiled, compile_policies
from hauberk.policy.encounters import Meeting
from hauberk.policy.exactfacts import access_facts, exact_facts, place_facts
from hauberk.policy.groups import Exact
from hauberk.policy.imagelookup import ImageLookup
from hauberk.policy.images import NO_IMAGES, Images
from hauberk.policy.model import (
    Access,
    Action,
    Domain,
    Kind,
    Model,
    Policy,
    Posture,
    Program,
    Rule,
    Verdict,
)
from hauberk.policy.relations import MAX_RELATIONS, meetings
from hauberk.policy.repository import Repository, Scene
from hauberk.policy.rulings import OTHER_PROGRAM
from hauberk.policy.workloads import Namespace, Place, Pods, posture_in

Facts = dict[str, Any]

MAX_NAMESPACES = 20
_DOMAINS: tuple[Domain, ...] = ("process", "file", "network", "dns", "capabilities")
_POSTURE_FIELD = {
    "process": "file",
    "file": "file",
    "network": "network",
    "dns": "network",
    "capabilities": "capabilities",
}
_SOCKETS = (
    ("tcp", "stream", 6),
    ("udp", "dgram", 17),
    ("unix-stream", "stream", 0),
    ("unix-dgram", "dgram", 0),
)


@dataclass(frozen=True, slots=True)
class _Stage:
    """What is computed once for a workload and serves all its policies."""

    scene: Scene
    posture: Posture
    annotated: frozenset[str]
    compiled: Compiled
    meetings: dict[int, list[Meeting]]
    allowing: dict[Domain, list[tuple[int, Rule]]]
    entries: int
    fileless: frozenset[bool]


@dataclass(slots=True)
class Surroundings:
    """Facts for each entry of a repository; `configured` is the default posture of the cluster, None where unknown.

    `exact` answers what takes a search; without it those facts are empty.
    """

    repository: Repository
    configured: Posture | None = None
    images: Images = NO_IMAGES
    exact: Exact | None = None
    _stages: dict[int, _Stage] = field(default_factory=dict[int, _Stage])
    _lookup: ImageLookup = field(init=False)

    def __post_init__(self) -> None:
        self._lookup = ImageLookup(self.images)

    def of(self, number: int) -> Facts:
        """The parts of a facts document that `schemas/facts.json` names duplicates, relations, workloads, ..."""
        repository, policy = self.repository, self.repository.entries[number].policy
        stages = [self._stage(scene) for scene in repository.scenes(number)]
        count, chosen = repository.selectable(number)
        return {
            **(exact_facts(self.exact, number) if self.exact is not None else {}),
            "duplicates": [self._place(other) for other in repository.duplicates(number)],
            "relations": self._relations(number, stages),
            "workloads": [self._workload(number, policy, stage) for stage in stages],
            "unreadable": list(self._unreadable(number, policy, stages)),
            "images": self._lookup.facts(
                number, policy, chosen, {one.scene.target.workload: (one.compiled, one.allowing) for one in stages}
            ),
            "namespaces": [self._namespace(item) for item in self._selected_namespaces(number, stages)],
            "repository": {
                "manifests": count,
                "matched": len(chosen),
                "sameNameCluster": [self._place(other) for other in repository.same_name(number)],
            },
        }

    def namespace(self, namespace: Namespace) -> list[Domain]:
        """Domains for which some policy that can select a workload of the namespace has an Allow rule."""
        found = {
            rule.domain
            for entry in self.repository.entries
            if entry.policy.kind is Kind.CLUSTER or entry.policy.effective_namespace == namespace.name
            for rule in entry.policy.rules
            if rule.action is Action.ALLOW
        }
        return [domain for domain in _DOMAINS if domain in found]

    def _place(self, number: int, position: int | None = None) -> Facts:
        return place_facts(self.repository.entries[number], position)

    def _stage(self, scene: Scene) -> _Stage:
        key = id(scene)
        stage = self._stages.get(key)
        if stage is None:
            if len(self._stages) > 512:
                self._stages.clear()
            stage = self._stages[key] = self._compute(scene)
        return stage

    def _compute(self, scene: Scene) -> _Stage:
        workload = scene.target.workload
        policies = [(number, self.repository.entries[number].policy) for number in scene.entries]
        namespace = self.repository.namespaces.get(workload.namespace or "")
        posture, annotated = posture_in(namespace, self.configured or Posture())
        only = [policy for _, policy in policies]
        compiled = compile_policies(Model.HAUBERK, only, workload, posture)
        by_entry: dict[int, list[Meeting]] = {}
        for meeting in meetings(workload, policies):
            by_entry.setdefault(meeting.number, []).append(meeting)
        allowing: dict[Domain, list[tuple[int, Rule]]] = {}
        for number, policy in policies:
            for rule in policy.rules:
                if rule.action is Action.ALLOW:
                    allowing.setdefault(rule.domain, []).append((number, rule))
        return _Stage(
            scene=scene,
            posture=posture,
            annotated=annotated,
            compiled=compiled,
            meetings=by_entry,
            allowing=allowing,
            entries=map_entries(only),
            fileless=frozenset(
                (preset.action_text or policy.action_text) != "Audit"
                for policy in only
                for preset in policy.presets
                if preset.name == "filelessExec"
            ),
        )

    def _relations(self, number: int, stages: Iterable[_Stage]) -> list[Facts]:
        found: dict[tuple[str, int], Facts] = {}
        policy = self.repository.entries[number].policy
        for stage in stages:
            for meeting in stage.meetings.get(number, ()):
                key = (meeting.type, meeting.rule)
                if key not in found and len(found) < MAX_RELATIONS:
                    found[key] = self._relation(policy, meeting, stage)
        return list(found.values())

    def _relation(self, policy: Policy, meeting: Meeting, stage: _Stage) -> Facts:
        preset = meeting.type == "preset"
        own = policy.presets[meeting.rule] if preset else policy.rules[meeting.rule]
        other = self.repository.entries[meeting.other].policy
        access = meeting.access
        return {
            "type": meeting.type,
            "pointer": own.pointer,
            "rule": own.id,
            "other": self._place(meeting.other, meeting.other_rule + (len(other.rules) if preset else 0)),
            "samePolicy": meeting.number == meeting.other,
            "access": access and access_facts(access),
            "verdicts": {"hauberk": meeting.hauberk.value, "kubearmor": meeting.kubearmor.value},
            "orderMatters": meeting.order_matters,
            "workload": stage.scene.target.name,
        }

    def _workload(self, number: int, policy: Policy, stage: _Stage) -> Facts:
        target = stage.scene.target
        manifest = target.manifest
        pods = manifest if isinstance(manifest, Pods) else None
        return {
            "name": target.name,
            "from": "manifest" if manifest else "selector",
            "namespace": target.workload.namespace,
            "place": _manifest_place(manifest.place, manifest.name) if manifest else None,
            "hostPID": bool(pods and pods.host_pid),
            "initContainers": list(pods.init_containers) if pods else [],
            "ephemeralContainers": list(pods.ephemeral_containers) if pods else [],
            "kubearmorPolicy": pods.kubearmor_policy if pods else None,
            "mapEntries": stage.entries,
            "ownEntries": stage.entries if len(stage.scene.entries) == 1 else map_entries([policy]),
            "allowLists": [self._allow_list(number, domain, stage) for domain in _DOMAINS if domain in stage.allowing],
        }

    def _allow_list(self, number: int, domain: Domain, stage: _Stage) -> Facts:
        allowing = stage.allowing[domain]
        annotated = _POSTURE_FIELD[domain] in stage.annotated
        blocked = stage.posture.of(domain) == "block"
        return {
            "domain": domain,
            "posture": "block" if blocked else "audit",
            "postureFrom": "annotation" if annotated else "configuration" if self.configured else "default",
            "own": [rule.pointer for other, rule in allowing if other == number],
            "everybody": any(not rule.sources for _, rule in allowing),
            # an Audit preset is enough beside a list that only audits too
            "filelessPreset": True in stage.fileless or (bool(stage.fileless) and not blocked),
            "passes": list(_passes(stage.compiled)) if domain == "network" else [],
        }

    def _selected_namespaces(self, number: int, stages: Iterable[_Stage]) -> list[Namespace]:
        names = dict.fromkeys(stage.scene.target.workload.namespace for stage in stages)
        policy = self.repository.entries[number].policy
        if policy.kind is Kind.POLICY:
            names.setdefault(policy.effective_namespace)
        known = (self.repository.namespaces.get(name) for name in names if name is not None)
        return [item for item in known if item is not None][:MAX_NAMESPACES]

    def _unreadable(self, number: int, policy: Policy, stages: Iterable[_Stage]) -> Iterable[Facts]:
        """Programs that a rule lets run and no file rule lets be opened: exec opens them (semantics, section 1)."""
        seen: set[str] = set()
        for stage in stages:
            if "file" not in stage.allowing:
                continue
            for rule in policy.rules:
                path = rule.matcher.path if isinstance(rule.matcher, Program) else None
                if (
                    rule.domain != "process"
                    or rule.action is not Action.ALLOW
                    or not path
                    or "*" in path
                    or rule.pointer in seen
                ):
                    continue
                source = next((source for source in rule.sources if source), OTHER_PROGRAM)
                if stage.compiled.decide(Access("exec", target=path, source=source)).verdict is not Verdict.ALLOWED:
                    continue
                decision = stage.compiled.decide(Access("read", target=path, source=source))
                if any(report.policy == "DefaultPosture" and report.rule is None for report in decision.reports):
                    seen.add(rule.pointer)
                    yield {
                        "pointer": rule.pointer,
                        "program": path,
                        "workload": stage.scene.target.name,
                        "posture": "block" if decision.verdict is Verdict.DENIED else "audit",
                        "turnedOnBy": self._turned_on_by(number, stage.allowing["file"]),
                    }

    def _turned_on_by(self, number: int, allowing: Sequence[tuple[int, Rule]]) -> Facts | None:
        """Where another policy has the first of these Allow rules; None when this policy has one itself."""
        if any(other == number for other, _ in allowing):
            return None
        other, rule = allowing[0]
        return self._place(other, self.repository.entries[other].policy.rules.index(rule))

    @staticmethod
    def _namespace(item: Namespace) -> Facts:
        return {
            "name": item.name,
            "place": _manifest_place(item.place, item.name),
            "visibility": item.annotation("kubearmor-visibility"),
        }


def _manifest_place(place: Place, name: str) -> Facts:
    return {"file": place.file, "line": place.line, "policy": name, "rule": None}


def _passes(compiled: Compiled) -> Iterable[str]:
    for name, kind, protocol in _SOCKETS:
        decision = compiled.decide(Access("network", source=OTHER_PROGRAM, type=kind, protocol=protocol))
        if decision.verdict is Verdict.ALLOWED and not decision.reports:
            yield name
