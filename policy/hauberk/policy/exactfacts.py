"""The exact answers as facts about one policy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

from hauberk.policy.exact import Answers, Drop, Hides, OnAppArmor, Open, Parted, RuleReach, Spot
from hauberk.policy.groups import Exact, Stand
from hauberk.policy.model import Access, Action, Model, Policy, Preset, Rule
from hauberk.policy.reach import Standing
from hauberk.policy.repository import Entry

Facts = dict[str, Any]
About = TypeVar("About", Open, Drop, Hides, Parted, OnAppArmor)
MODELS = (Model.HAUBERK, Model.KUBEARMOR)
_MOST_NAMES = 5


def place_facts(entry: Entry, position: int | None = None) -> Facts:
    """Where a policy stands, or one of its rules; presets are numbered after the rules."""
    policy = entry.policy
    rule: str | None = None
    line = entry.place.line
    if position is not None:
        is_rule = position < len(policy.rules)
        rule = policy.rules[position].id if is_rule else policy.presets[position - len(policy.rules)].id
        line = entry.lines[position] if position < len(entry.lines) else line
    return {"file": entry.place.file, "line": line, "policy": policy.name, "rule": rule}


def access_facts(access: Access) -> Facts:
    target = f"{access.type} protocol {access.protocol}" if access.op == "network" else access.target
    return {"op": access.op, "target": target, "source": access.source}


def exact_facts(exact: Exact, number: int) -> Facts:
    """The parts of a facts document that `schemas/facts.json` names reach, openAssets, dropPlaces, ..."""
    return _Entry(exact, number).facts()


class _Entry:
    def __init__(self, exact: Exact, number: int) -> None:
        self._exact = exact
        self._number = number
        self._policy: Policy = exact.repository.entries[number].policy
        self._stands: Sequence[Stand] = exact.stands(number)
        self._answers: list[tuple[Stand, Answers]] = [(stand, exact.of(stand.group)) for stand in self._stands]

    def facts(self) -> Facts:
        return {
            "reach": list(self._reach()),
            "openAssets": list(self._open()),
            "dropPlaces": list(self._drops()),
            "hides": list(self._hides()),
            "unopened": list(self._unopened()),
            "parted": list(self._parted()),
            "apparmor": list(self._apparmor()),
            "ends": self._ends(),
            "inconclusive": sorted({cause for _, found in self._answers for cause in found.inconclusive}),
        }

    def _place(self, stand: Stand, spot: Spot | None) -> Facts | None:
        if spot is None:
            return None
        return place_facts(self._exact.repository.entries[stand.group.members[spot[0]]], spot[1])

    def _own(self, stand: Stand, answers: Iterable[About]) -> Iterator[About]:
        """Of answers for a group those about this policy."""
        own = self._local(stand)
        return (one for one in answers if one.spot[0] == own)

    def _local(self, stand: Stand) -> int:
        return stand.group.members.index(self._number)

    # -- which rules decide

    def _reach(self) -> Iterator[Facts]:
        for position, rule in enumerate(self._policy.rules):
            found = self._rule(position, rule)
            if found is not None:
                yield found

    def _rule(self, position: int, rule: Rule) -> Facts | None:
        sides = {model: self._sides(model, position) for model in MODELS}
        told = [(model, stand, one) for model in MODELS for stand, one in sides[model] if one is not None]
        if not told:
            return None
        whole = self._exact.is_complete(self._number)
        dead = [m for m in MODELS if whole and _all(sides[m], Standing.UNREACHABLE)]
        shells = [m for m in MODELS if whole and sides[m] and all(one and one.shell for _, one in sides[m])]
        gone = [m for m in MODELS if whole and sides[m] and all(one and one.redundant for _, one in sides[m])]
        closed = not gone or self._exact.is_closed(self._number)
        unsure = [one for _, _, one in told if one.standing is Standing.INCONCLUSIVE]
        partly = [] if dead or shells or not all(stand.real for stand in self._stands) else self._partly(sides)
        if not dead and not gone and not unsure and not partly and not shells:
            return None
        shown = next(((stand, one) for m, stand, one in told if m in (dead or shells)), None) or (
            partly[0][1] if partly else None
        )
        return {
            "pointer": rule.pointer,
            "rule": rule.id,
            "unreachable": [model.value for model in dead],
            "shells": [model.value for model in shells],
            "redundant": [model.value for model in gone],
            "cover": [self._covering(rule, shown[0], spot) for spot in shown[1].cover] if shown else [],
            "access": access_facts(shown[1].access) if shown and shown[1].access else None,
            "workload": told[0][1].names[0],
            "partly": {
                "models": [model.value for model, _, _, _ in partly],
                "dead": list(partly[0][2]),
                "alive": list(partly[0][3]),
                "shell": partly[0][1][1].shell,
            }
            if partly
            else None,
            "inconclusive": unsure[0].cause if unsure else None,
            "closed": closed,
            "removable": whole
            and (set(gone) == set(MODELS) or set(dead) == set(MODELS))
            and (closed or set(dead) == set(MODELS))
            and all((self._local(stand), position) in found.removable for stand, found in self._answers),
        }

    def _sides(self, model: Model, position: int) -> list[tuple[Stand, RuleReach | None]]:
        found: list[tuple[Stand, RuleReach | None]] = []
        for stand, answers in self._answers:
            own = self._local(stand)
            if own in stand.group.of(model):
                found.append((stand, answers.reach[model].get((own, position))))
        return found

    @staticmethod
    def _partly(
        sides: dict[Model, list[tuple[Stand, RuleReach | None]]],
    ) -> list[tuple[Model, tuple[Stand, RuleReach], Sequence[str], Sequence[str]]]:
        """By model, where a rule decides nothing in some workloads and something in others."""
        found: list[tuple[Model, tuple[Stand, RuleReach], Sequence[str], Sequence[str]]] = []
        for model, side in sides.items():
            dead = [(stand, one) for stand, one in side if one and _is_dead(one)]
            alive = [s for s, one in side if one is None or (one.standing is Standing.REACHABLE and not one.shell)]
            if dead and alive:
                names = [[name for stand in some for name in stand.names] for some in ([s for s, _ in dead], alive)]
                found.append((model, dead[0], names[0][:_MOST_NAMES], names[1][:_MOST_NAMES]))
        return found

    def _covering(self, rule: Rule, stand: Stand, spot: Spot) -> Facts:
        number = stand.group.members[spot[0]]
        policy = self._exact.repository.entries[number].policy
        if spot[1] < len(policy.rules):
            action = policy.rules[spot[1]].action
        else:
            text = policy.presets[spot[1] - len(policy.rules)].action_text or policy.action_text
            action = Action.AUDIT if text.lower() == "audit" else Action.BLOCK
        return {
            "place": self._place(stand, spot),
            "samePolicy": number == self._number,
            "action": action.value if action else None,
            "otherAction": action is not rule.action,
        }

    # -- what is open

    def _open(self) -> Iterator[Facts]:
        found: dict[tuple[object, ...], Facts] = {}
        for stand, answers in self._answers:
            for model in MODELS:
                for one in self._own(stand, answers.opened[model]):
                    rule = self._policy.rules[one.spot[1]]
                    # rules that give one thing to several programs have one gap
                    item = found.setdefault((rule.matcher, one.through), self._opened(stand, rule, one))
                    item["given"] += [source for source in rule.sources if source and source not in item["given"]]
                    if model.value not in item["models"]:
                        item["models"].append(model.value)
                    access = access_facts(one.access)
                    if all(access["op"] != other["op"] for other in item["accesses"]):
                        item["accesses"].append(access)
        yield from found.values()

    def _opened(self, stand: Stand, rule: Rule, one: Open) -> Facts:
        known = self._exact.configured is not None or stand.group.namespace in self._exact.repository.namespaces
        return {
            "pointer": rule.pointer,
            "rule": rule.id,
            "workload": stand.names[0],
            "given": [],
            "models": [],
            "accesses": [],
            "through": self._place(stand, one.through),
            "reported": one.reported,
            "when": one.when,
            "postureKnown": known,
        }

    def _drops(self) -> Iterator[Facts]:
        found: dict[str, Facts] = {}
        for stand, answers in self._answers:
            for model in MODELS:
                for one in self._own(stand, answers.drops[model]):
                    rule = self._policy.rules[one.spot[1]]
                    item = found.setdefault(
                        rule.pointer,
                        {
                            "pointer": rule.pointer,
                            "rule": rule.id,
                            "workload": stand.names[0],
                            "models": [],
                            "write": access_facts(one.write),
                            "run": access_facts(one.run),
                            "through": self._place(stand, one.through),
                        },
                    )
                    if model.value not in item["models"]:
                        item["models"].append(model.value)
        yield from found.values()

    def _hides(self) -> Iterator[Facts]:
        found: dict[tuple[str, object], Facts] = {}
        for stand, answers in self._answers:
            for model in MODELS:
                for one in self._own(stand, answers.hides[model]):
                    rule = self._policy.rules[one.spot[1]]
                    member = stand.group.members[one.block[0]]
                    item = found.setdefault(
                        (rule.pointer, (member, one.block[1])),
                        {
                            "pointer": rule.pointer,
                            "rule": rule.id,
                            "workload": stand.names[0],
                            "models": [],
                            "block": self._place(stand, one.block),
                            "samePolicy": member == self._number,
                            "access": access_facts(one.access),
                        },
                    )
                    if model.value not in item["models"]:
                        item["models"].append(model.value)
        yield from found.values()

    def _unopened(self) -> Iterator[Facts]:
        seen: set[str] = set()
        for stand, answers in self._answers:
            for spot, access, denied in answers.unopened:
                rule = self._policy.rules[spot[1]] if spot[0] == self._local(stand) else None
                if rule is not None and rule.pointer not in seen:
                    seen.add(rule.pointer)
                    yield {
                        "pointer": rule.pointer,
                        "rule": rule.id,
                        "workload": stand.names[0],
                        "access": access_facts(access),
                        "posture": "block" if denied else "audit",
                    }

    def _ends(self) -> list[Facts]:
        found: dict[str, Facts] = {}
        for _, answers in self._answers:
            for access in answers.ends:
                found.setdefault(access.op, access_facts(access))
        return list(found.values())

    # -- where models and enforcers part

    def _parted(self) -> Iterator[Facts]:
        seen: set[Spot] = set()
        for stand, answers in self._answers:
            for one in self._own(stand, answers.parted):
                if one.spot not in seen:
                    seen.add(one.spot)
                    rule = self._policy.rules[one.spot[1]]
                    yield {
                        "pointer": rule.pointer,
                        "rule": rule.id,
                        "workload": stand.names[0],
                        "access": access_facts(one.access),
                        "hauberk": {"verdict": one.hauberk[0], "place": self._place(stand, one.hauberk[1])},
                        "kubearmor": {"verdict": one.kubearmor[0], "place": self._place(stand, one.kubearmor[1])},
                    }

    def _apparmor(self) -> Iterator[Facts]:
        seen: set[Spot] = set()
        entries: tuple[Rule | Preset, ...] = (*self._policy.rules, *self._policy.presets)
        for stand, answers in self._answers:
            for one in self._own(stand, answers.apparmor):
                if one.spot not in seen:
                    seen.add(one.spot)
                    yield {
                        "pointer": entries[one.spot[1]].pointer,
                        "rule": entries[one.spot[1]].id,
                        "topic": one.topic,
                        "access": access_facts(one.access),
                        "bpf": one.bpf,
                        "apparmor": one.apparmor,
                    }


def _is_dead(one: RuleReach) -> bool:
    return one.standing is Standing.UNREACHABLE or one.shell


def _all(sides: Sequence[tuple[Stand, RuleReach | None]], standing: Standing) -> bool:
    return bool(sides) and all(one is not None and one.standing is standing for _, one in sides)
