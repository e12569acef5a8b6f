"""What changes between two rule sets: direct cases, and against every access of a small world."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from hauberk.policy.compare import Change, Comparison, Direction, Extent, compare
from hauberk.policy.decision import Compiled, compile_policies
from hauberk.policy.model import Access, Model, Op, Policy, Posture, Verdict, Workload
from hauberk.policy.parse import parse_policy
from hauberk.policy.realpaths import real_path
from hauberk.policy.wanted import Limit
from policy import worlds
from policy.smallworlds import POD, SECTIONS, Maker, accesses, compiled, makers, random_maker

SEED = Path(__file__).parents[2] / "examples/nginx"
BLOCK = Posture("block", "block", "block")
AUDIT = Posture()
MANY = settings(
    max_examples=150 * int(os.environ.get("HAUBERK_EXAMPLES", "1")),
    deadline=None,
    derandomize=True,
    phases=[phase for phase in Phase if phase is not Phase.explain],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)

Spec = dict[str, Any]
Told = list[tuple[str, str, str, Extent]]


def policy(spec: Spec, name: str = "p") -> Policy:
    parsed = parse_policy({"kind": "KubeArmorPolicy", "metadata": {"name": name}, "spec": spec})
    assert parsed is not None
    return parsed


def changes(
    before: Sequence[Spec], after: Sequence[Spec], *, posture: Posture = BLOCK, limit: Limit | None = None
) -> Comparison:
    sides = [[policy(spec, f"p{number}") for number, spec in enumerate(specs)] for specs in (before, after)]
    compiled_sides = [compile_policies(Model.HAUBERK, side, POD, posture) for side in sides]
    return compare(*compiled_sides, limit=limit)


def told(comparison: Comparison) -> Told:
    assert not comparison.inconclusive
    return [(one.op, one.direction.value, one.witness.target, one.extent) for one in comparison.changes]


def file(action: str = "Block", **lists: Any) -> Spec:
    return {"action": action, "file": lists}


def rows(direction: str, target: str, extent: Extent, ops: Sequence[str] = ("read", "write", "modify")) -> Told:
    return [(op, direction, target, extent) for op in ops]


# ------------------------------------------------------------------------------------- direct cases


def test_one_path() -> None:
    found = changes([file(matchPaths=[{"path": "/a"}])], [])
    assert told(found) == rows("widened", "/a", Extent("path", "/a"))
    first = found.changes[0]
    assert first.rule_before is not None
    assert (first.rule_before.name, first.rule_after) == ("p0:file.matchPaths[0]", None)
    assert (first.before.verdict, first.after.verdict) == (Verdict.DENIED, Verdict.ALLOWED)
    assert (first.common, first.sources, first.more) == (True, (), 0)


@pytest.mark.parametrize(
    ("rule", "extent", "witness"),
    [
        ({"dir": "/etc/", "recursive": True}, Extent("below", "/etc/"), "/etc/passwd"),
        ({"dir": "/etc/"}, Extent("directory", "/etc/"), "/etc/passwd"),
        ({"dir": "/", "recursive": True}, Extent("below", "/"), "/x"),
    ],
)
def test_extent_of_directories(rule: Spec, extent: Extent, witness: str) -> None:
    assert told(changes([], [file(matchDirectories=[rule])])) == rows("narrowed", witness, extent)


def test_one_rule_over_many_is_one_change() -> None:
    inner = [{"path": f"/d/{number}"} for number in range(50)]
    over = {"pattern": "/d/**", "action": "Allow"}
    outer = [{"dir": "/d/", "recursive": True, "action": "Block"}]
    before = file(matchDirectories=[*({"dir": f"/d/{n}/"} for n in range(50)), *outer])
    after = file(matchDirectories=before["file"]["matchDirectories"], matchPatterns=[over])
    found = changes([before, file("Allow", matchPaths=inner)], [after, file("Allow", matchPaths=inner)])
    assert told(found) == rows("widened", "/d/x", Extent("pattern", "/d/**"))
    assert {one.more for one in found.changes} == {50}


def test_allow_list_that_begins_shows_as_the_end_of_the_list() -> None:
    before = file(matchPaths=[{"path": "/a"}])
    allow = file("Allow", matchPaths=[{"path": "/b"}])
    found = changes([before], [before, allow])
    assert told(found) == rows("narrowed", "/etc/passwd", Extent("everything"))
    found = changes([before], [before, allow], posture=AUDIT)
    assert told(found) == rows("reported", "/etc/passwd", Extent("everything"))
    back = changes([before, allow], [before])
    assert told(back) == rows("widened", "/etc/passwd", Extent("everything"))


def test_an_end_that_nothing_reaches_is_no_change() -> None:
    everything = {"dir": "/", "recursive": True}
    before = file(matchDirectories=[everything])
    after = file(matchDirectories=[everything], matchPaths=[{"path": "relative", "action": "Allow"}])
    assert told(changes([before], [after])) == []


def test_moved_renamed_reordered_is_no_change() -> None:
    seed = parse_policy(yaml.safe_load((SEED / "policy.yaml").read_text()))
    assert seed is not None
    workload = Workload("default", (("app", "nginx"),), "nginx")
    other = replace(seed, name="new", rules=tuple(reversed(seed.rules)))
    sides = [compile_policies(Model.HAUBERK, [one], workload, BLOCK) for one in (seed, other)]
    assert compare(*sides) == Comparison(())
    halves = [replace(seed, name=f"half{n}", rules=seed.rules[n::2]) for n in range(2)]
    parted = compile_policies(Model.HAUBERK, halves, workload, BLOCK)
    assert compare(sides[0], parted) == Comparison(())


def test_seed_and_its_corrected_form() -> None:
    workload = Workload("web", (("app", "nginx"),), "nginx")
    seed = parse_policy(yaml.safe_load((SEED / "policy.yaml").read_text()))
    corrected = [
        parsed
        for path in sorted((SEED / "corrected").glob("*.yaml"))
        for document in yaml.safe_load_all(path.read_text())
        if (parsed := parse_policy(document)) is not None
    ]
    assert seed is not None
    assert corrected
    sides = [
        compile_policies(Model.HAUBERK, side, workload, AUDIT) for side in ([replace(seed, namespace="web")], corrected)
    ]
    found = compare(*sides)
    assert not found.inconclusive
    closed = [one for one in found.changes if one.op == "read" and one.direction is Direction.NARROWED]
    assert any(one.witness.target.startswith("/etc/nginx/") for one in closed)


def test_sources() -> None:
    tool = {"dir": "/a/", "recursive": True, "action": "Allow", "fromSource": [{"path": "/bin/tool"}]}
    before = file(matchDirectories=[{"dir": "/a/", "recursive": True}])
    after = file(matchDirectories=[{"dir": "/a/", "recursive": True}, tool])
    found = [one for one in changes([before], [after], posture=AUDIT).changes if one.direction is Direction.WIDENED]
    assert [(one.op, one.witness.source, one.common, one.sources) for one in found] == [
        (op, "/bin/tool", False, ("/bin/tool",)) for op in ("read", "write", "modify")
    ]


def test_flags() -> None:
    before = file(matchPaths=[{"path": "/a"}])
    after = file(matchPaths=[{"path": "/a", "readOnly": True}])
    assert told(changes([before], [after])) == rows("widened", "/a", Extent("path", "/a"), ["read"])
    owner = file(matchPaths=[{"path": "/a", "ownerOnly": True}])
    found = changes([owner], [before])
    assert told(found) == rows("narrowed", "/a", Extent("path", "/a"))
    assert {one.witness.uid == one.witness.owner_uid for one in found.changes} == {True}


def test_execname_and_arguments() -> None:
    before = {"process": {"matchPaths": [{"execname": "apt", "action": "Block"}]}}
    assert told(changes([before], [])) == [("exec", "widened", "/apt", Extent("name", "apt"))]
    python = {"path": "/bin/python", "action": "Block", "allowedArgs": ["-m", "pip"]}
    after = {"process": {"matchPaths": [{**python, "allowedArgs": ["-m"]}]}}
    (found,) = changes([{"process": {"matchPaths": [python]}}], [after]).changes
    assert (found.direction, "pip" in found.witness.args) == (Direction.NARROWED, True)


def test_audit_rules_change_reports_only() -> None:
    audit = file("Audit", matchDirectories=[{"dir": "/srv/", "recursive": True}])
    assert told(changes([], [audit])) == rows("reported", "/srv/x", Extent("below", "/srv/"))
    assert told(changes([audit, audit], [audit])) == []


def test_what_was_reported_and_now_passes_in_silence_is_widened() -> None:
    audit = file("Audit", matchDirectories=[{"dir": "/srv/", "recursive": True}])
    assert told(changes([audit], [])) == rows("widened", "/srv/x", Extent("below", "/srv/"))
    allow = file("Allow", matchPaths=[{"path": "/b"}])
    everything = file("Allow", matchDirectories=[{"dir": "/", "recursive": True}])
    found = changes([allow], [everything], posture=AUDIT)
    assert {one.direction for one in found.changes} == {Direction.WIDENED}


def test_other_domains() -> None:
    block: Spec = {
        "action": "Block",
        "network": {"matchProtocols": [{"protocol": "udp"}], "matchDNSQueries": [{"domain": "x.org"}]},
        "capabilities": {"matchCapabilities": [{"capability": "net_raw"}]},
        "presets": [{"name": "anonymousMapExec"}],
    }
    found = changes([block], [])
    assert [(one.op, one.direction.value, one.extent.text) for one in found.changes] == [
        ("network", "widened", "protocol 17"),
        ("dns", "widened", "x.org"),
        ("capability", "widened", "net_raw"),
        ("map_exec", "widened", ""),
    ]
    assert (found.changes[0].witness.type, found.changes[0].witness.protocol) == ("dgram", 17)


def two_models(*specs: Spec, posture: Posture = BLOCK) -> list[Change]:
    policies = [policy(spec, f"p{number}") for number, spec in enumerate(specs)]
    sides = [compile_policies(model, policies, POD, posture) for model in (Model.KUBEARMOR, Model.HAUBERK)]
    found = compare(*sides)
    assert not found.inconclusive
    return list(found.changes)


def test_models_differ_in_patterns() -> None:
    found = two_models(
        file(matchPatterns=[{"pattern": "/etc/*.key"}], matchDirectories=[{"dir": "/a/"}, {"dir": "/b/"}])
    )
    assert {(one.direction.value, one.extent) for one in found} >= {("narrowed", Extent("pattern", "/etc/*.key"))}


def test_models_differ_in_who_starts_a_program() -> None:
    rule = {"path": "/bin/ls", "fromSource": [{"path": "/bin/dash"}]}
    found = two_models({"action": "Block", "process": {"matchPaths": [rule]}})
    pairs = {(one.direction.value, one.witness.source, one.witness.parent_source) for one in found}
    assert ("narrowed", "/bin/dash", "/usr/bin/other") in pairs
    assert ("widened", "/usr/bin/other", "/bin/dash") in pairs


def test_models_differ_beyond_20_components() -> None:
    found = two_models(file(matchDirectories=[{"dir": "/srv/", "recursive": True}]))
    assert any(one.witness.target.count("/") > 20 and one.direction is Direction.NARROWED for one in found)


def test_models_read_many_rules_otherwise_for_one_cause() -> None:
    paths = [{"path": f"/a/{number}", "readOnly": True, "action": "Allow"} for number in range(40)]
    found = [one for one in two_models(file(matchPaths=paths)) if one.op == "modify" and one.extent.kind == "path"]
    assert sum(one.more for one in found) >= 39
    assert len(found) <= 2


def test_patterns_too_large_are_named() -> None:
    hostile = file("Allow", matchPatterns=[{"pattern": f"/**x{'?' * 24}"}])
    before = file(matchDirectories=[{"dir": "/a/", "recursive": True}])
    few = Limit(weight=5_000, components=500)
    found = changes([before, hostile], [hostile], posture=AUDIT, limit=few)
    assert {one.direction for one in found.changes} == {Direction.WIDENED}
    assert {one.cause for one in found.inconclusive} == {f"/**x{'?' * 24}"}
    assert {one.ops for one in found.inconclusive} == {("read", "write", "modify")}


def test_a_change_that_the_lists_do_not_confirm_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        Compiled, "decide", lambda self, access: self.list_of(access.op, None).decide(Access("read", "/"))
    )
    with pytest.raises(RuntimeError, match="the search said"):
        changes([file(matchPaths=[{"path": "/a"}])], [])


# ------------------------------------------------------------------------------------- against every access

Kind = tuple[Op, Direction]


def kind_of(before: Compiled, after: Compiled, access: Access) -> Kind | None:
    old, new = before.decide(access), after.decide(access)
    alerts = [{report.action for report in decision.reports} for decision in (old, new)]
    if new.verdict is Verdict.DENIED and old.verdict is Verdict.ALLOWED:
        return access.op, Direction.NARROWED
    if new.verdict is Verdict.ALLOWED and (old.verdict is Verdict.DENIED or (alerts[0] and not alerts[1])):
        return access.op, Direction.WIDENED
    return None if alerts[0] == alerts[1] else (access.op, Direction.REPORTED)


def compared(before: Compiled, after: Compiled, tried: Sequence[Access]) -> None:
    """Every access that changes is told of, and everything that is told is shown by an access."""
    found = compare(before, after)
    assert not found.inconclusive
    said = {(change.op, change.direction) for change in found.changes}
    assert {kind for access in tried if (kind := kind_of(before, after, access))} <= said
    for change in found.changes:
        assert kind_of(before, after, change.witness) == (change.op, change.direction)
        assert (before.decide(change.witness), after.decide(change.witness)) == (change.before, change.after)


@pytest.mark.parametrize("model", list(Model))
@pytest.mark.parametrize("seed", range(1000, 2000))
def test_changes_are_those_of_every_access(model: Model, seed: int) -> None:
    maker = random_maker(seed)
    section = SECTIONS[seed % len(SECTIONS)]
    policies = maker.policies(section)
    later = maker.changed(policies, section)
    posture = maker.posture()
    sides = compiled(model, policies, posture), compiled(model, later, posture)
    compared(*sides, accesses(section, [*policies, *later]))


@pytest.mark.parametrize("seed", range(40))
def test_nothing_changes_between_a_set_and_itself_in_another_order(seed: int) -> None:
    maker = random_maker(seed)
    section = SECTIONS[seed % len(SECTIONS)]
    policies, posture = maker.policies(section), maker.posture()
    before = compiled(Model.HAUBERK, policies, posture)
    shuffled = [replace(one, name=f"{one.name}x", rules=tuple(reversed(one.rules))) for one in reversed(policies)]
    assert compare(before, compiled(Model.HAUBERK, shuffled, posture)).changes == ()


@MANY
@given(maker=makers(), models=st.sampled_from([(one, other) for one in Model for other in Model]))
def test_any_small_world(maker: Maker, models: tuple[Model, Model]) -> None:
    section = maker.one(SECTIONS)
    posture, policies = maker.posture(), maker.policies(section)
    later = maker.changed(policies, section) if models[0] is models[1] else policies
    sides = compiled(models[0], policies, posture), compiled(models[1], later, posture)
    compared(*sides, accesses(section, [*policies, *later]))


@MANY
@given(world=worlds.worlds(), model=st.sampled_from(list(Model)), drop=st.integers(0, 2))
def test_odd_accesses_that_change_are_told_of(world: worlds.World, model: Model, drop: int) -> None:
    policies = [one for one in map(parse_policy, world.policies) if one is not None]
    fewer = [one for number, one in enumerate(policies) if number != drop]
    before = compile_policies(model, policies, world.workload, world.posture)
    after = compile_policies(model, fewer, world.workload, world.posture)
    compared(before, after, [world.access] if worlds_are_real(world.access) else [])


def worlds_are_real(access: Access) -> bool:
    """Whether a kernel can show the target and the sources."""
    if access.op == "dns":
        return all(0 < len(label) <= 63 for label in access.target.split("."))
    paths = [access.source or "/", access.parent_source or "/"]
    paths += [access.target] if access.target.startswith("/") else []
    return all(map(real_path, paths))


def test_what_only_one_model_sees_is_no_change_of_everything() -> None:
    """Programs without a file on disk are not asked about under kubearmor, and fall to the end of the list here."""
    policies = [policy({"action": "Allow", "process": {"matchPaths": [{"path": "/usr/bin/id"}]}})]
    sides = [compile_policies(model, policies, POD, BLOCK) for model in (Model.KUBEARMOR, Model.HAUBERK)]
    (found,) = compare(*sides).changes
    assert (found.direction, found.witness.target) == (Direction.NARROWED, "memfd:x")
    assert found.extent == Extent("value", "what has no path, and /")
