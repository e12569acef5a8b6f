"""Gaps of one workload: direct cases, and against every access of a small world."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from hauberk.policy.decision import Compiled, compile_policies
from hauberk.policy.gaps import OPS, Gaps, gaps
from hauberk.policy.lists import Origin
from hauberk.policy.model import NO_FLAGS, Access, Action, Directory, Model, Op, Policy, Posture, Program, Rule, Verdict
from hauberk.policy.parse import parse_policy
from hauberk.policy.rulings import OTHER_PROGRAM, acting, key_of, names_in
from policy.smallworlds import PATHS, POD, Maker, accesses, random_maker

BLOCK = Posture("block", "block", "block")
NGINX = {"fromSource": [{"path": "/usr/sbin/nginx"}]}
ETC = {"dir": "/etc/nginx/", "recursive": True}

both_models = pytest.mark.parametrize("model", list(Model))


def policy(spec: dict[str, Any], name: str = "p") -> Policy:
    parsed = parse_policy({"kind": "KubeArmorPolicy", "metadata": {"name": name}, "spec": spec})
    assert parsed is not None
    return parsed


def found(spec: dict[str, Any], *, model: Model = Model.HAUBERK, posture: Posture = BLOCK) -> Gaps:
    compiled = compile_policies(model, [policy(spec)], POD, posture)
    return gaps(compiled, names_in(compiled.policies))


def told(gap: Gaps) -> list[tuple[str, str, str | None, str, str | None]]:
    return [
        (
            one.rule.entry.id,
            one.access.op,
            one.access.source,
            one.access.target,
            one.through.entry.id if one.through else None,
        )
        for one in gap.open_assets
    ]


@both_models
def test_asset_that_another_rule_opens(model: Model) -> None:
    process = {"matchPaths": [{"path": "/usr/bin/bash"}]}
    files = {"matchDirectories": [{"dir": "/", "recursive": True}, {**ETC, **NGINX}]}
    gap = found({"action": "Allow", "process": process, "file": files}, model=model)
    assert told(gap) == [
        ("file.matchDirectories[1]", op, "/usr/bin/bash", "/etc/nginx/nginx.conf", "file.matchDirectories[0]")
        for op in OPS
    ]


@both_models
def test_asset_that_the_posture_closes_or_only_reports(model: Model) -> None:
    spec = {"action": "Allow", "file": {"matchDirectories": [{**ETC, **NGINX}]}}
    assert told(found(spec, model=model)) == []
    gap = found(spec, model=model, posture=Posture())
    assert [(one.access.op, one.through, one.reported) for one in gap.open_assets] == [(op, None, True) for op in OPS]


def test_asset_given_by_a_block_with_read_only() -> None:
    files = {"matchDirectories": [ETC, {**ETC, **NGINX, "readOnly": True}]}
    assert told(found({"action": "Block", "file": files})) == []
    files = {"matchDirectories": [{**ETC, "readOnly": True}, {**ETC, **NGINX, "readOnly": True}]}
    assert [one[1] for one in told(found({"action": "Block", "file": files}))] == ["read"]


def test_what_everybody_is_given_by_name_and_the_root_are_no_assets() -> None:
    files = {"matchDirectories": [ETC, {**ETC, **NGINX}, {"dir": "/", "recursive": True, **NGINX}]}
    assert told(found({"action": "Allow", "file": files})) == []


@both_models
def test_places_to_drop_a_program_in(model: Model) -> None:
    process = {"matchDirectories": [{"dir": "/opt/app/", "recursive": True}, {"dir": "/usr/bin/"}]}
    files = {"matchDirectories": [{"dir": "/opt/", "recursive": True}, {"dir": "/usr/", "readOnly": True}]}
    gap = found({"action": "Allow", "process": process, "file": files}, model=model)
    assert [(one.rule.entry.id, one.write.target) for one in gap.drop_places] == [
        ("process.matchDirectories[0]", "/opt/app/x")
    ]
    gap = found({"action": "Allow", "process": {"matchDirectories": [{"dir": "/tmp/"}]}}, model=model)  # noqa: S108
    assert [(one.write.target, one.through) for one in gap.drop_places] == [("/tmp/x", None)]  # noqa: S108


@both_models
def test_programs_of_which_none_can_be_opened(model: Model) -> None:
    process = {"matchDirectories": [{"dir": "/usr/bin/"}, {"dir": "/opt/"}]}
    files = {"matchPaths": [{"path": "/opt/run"}]}
    gap = found({"action": "Allow", "process": process, "file": files}, model=model)
    assert [(one.rule.entry.id, one.read.target, one.denied) for one in gap.unopened] == [
        ("process.matchDirectories[0]", "/usr/bin/id", True)
    ]


def test_what_the_end_of_a_list_is_asked_about() -> None:
    process = {"matchPaths": [{"path": "/usr/bin/id"}]}
    gap = found({"action": "Allow", "process": process})
    assert [(one.op, one.target) for one in gap.ends] == [("exec", "/usr/bin/wget")]
    assert found({"action": "Block", "process": process}).ends == ()


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ({"network": {"matchProtocols": [{"protocol": "tcp"}]}}, ("network", "", "dgram", 17)),
        ({"network": {"matchDNSQueries": [{"domain": "example.com"}]}}, ("dns", "example.org", "", 0)),
        ({"capabilities": {"matchCapabilities": [{"capability": "net_raw"}]}}, ("capability", "sys_admin", "", 0)),
    ],
)
def test_ends_of_lists_without_paths(section: dict[str, Any], expected: tuple[str, str, str, int]) -> None:
    gap = found({"action": "Allow", **section})
    assert [(one.op, one.target, one.type, one.protocol) for one in gap.ends] == [expected]


def test_a_list_that_allows_everything_has_no_end() -> None:
    gap = found({"action": "Allow", "network": {"matchProtocols": [{"protocol": "all"}]}})
    assert gap.ends == ()


@both_models
@pytest.mark.parametrize("seed", range(60))
def test_ends_are_named_where_some_access_reaches_them(model: Model, seed: int) -> None:
    maker: Maker = random_maker(2000 + seed)
    section = ("network", "dns", "capabilities")[seed % 3]
    policies = maker.policies(section)
    compiled = compile_policies(model, policies, POD, maker.posture())
    tried = [
        replace(access, source=OTHER_PROGRAM, parent_source=OTHER_PROGRAM)
        for access in accesses(section, policies)
        if access.source is None
    ]
    assert tried
    unmatched = {
        access.op
        for access in tried
        if compiled.list_of(access.op, None if model is Model.HAUBERK else "").default.allow_listed
        and not compiled.decide(access).rule
    }
    assert {one.op for one in gaps(compiled, names_in(policies)).ends} == unmatched


def test_no_rule_at_all_is_no_gap() -> None:
    assert found({"action": "Block"}) == Gaps()


# ------------------------------------------------------------------------------------- against every access


def attributes() -> list[dict[str, Any]]:
    return [{"uid": uid, "tty": tty} for uid, tty in product((0, 1000), (False, True))]


def decides(compiled: Compiled, access: Access, origin: Origin) -> bool:
    deciding = acting(compiled, access)
    return compiled.decide(access).rule == origin.name and key_of(deciding[0]) == key_of(origin)


def is_given(rule: Rule, policies: list[Policy]) -> bool:
    reads_only = rule.action is Action.BLOCK and rule.flags.read_only
    if not any(rule.sources) or not (rule.action is Action.ALLOW or reads_only):
        return False
    if isinstance(rule.matcher, Directory) and rule.matcher.dir == "/":
        return False
    return not any(
        other.action is Action.ALLOW
        and not other.sources
        and other.matcher == rule.matcher
        and other.flags in (NO_FLAGS, rule.flags)
        for one in policies
        for other in one.rules
        if other.domain == "file"
    )


def open_by_force(compiled: Compiled, policies: list[Policy]) -> set[tuple[str, Op]]:
    open_assets: set[tuple[str, Op]] = set()
    for one in policies:
        for rule in one.rules:
            if rule.domain != "file" or not is_given(rule, policies):
                continue
            origin = Origin(one, rule)
            for op, path, more in product(OPS, PATHS, attributes()):
                how = "delete" if op == "modify" else ""
                other = Access(op, path, OTHER_PROGRAM, how=how, **more)
                if compiled.decide(other).verdict is Verdict.DENIED:
                    continue
                for source in filter(None, rule.sources):
                    own = Access(op, path, source, how=how, **more)
                    if compiled.decide(own).verdict is Verdict.ALLOWED and decides(compiled, own, origin):
                        open_assets.add((origin.name, op))
    return open_assets


@both_models
@pytest.mark.parametrize("seed", range(80))
def test_assets_are_open_where_some_access_shows_it(model: Model, seed: int) -> None:
    maker: Maker = random_maker(seed)
    policies = [*maker.policies("file"), *maker.policies("process")]
    policies = [
        Policy(p.kind, f"p{number}", p.namespace, p.selector, p.rules, p.presets, p.action_text)
        for number, p in enumerate(policies)
    ]
    compiled = compile_policies(model, policies, POD, maker.posture())
    gap = gaps(compiled, names_in(policies))
    assert gap.inconclusive is None
    said = {(one.rule.name, one.access.op) for one in gap.open_assets}
    shown = open_by_force(compiled, policies)
    assert shown <= said
    for name, op in said - shown:
        # the search also knows paths deeper than those of the small world, and ways to change a file
        one = next(o for o in gap.open_assets if (o.rule.name, o.access.op) == (name, op))
        assert one.access.target not in PATHS or one.access.how == "chown"
        assert compiled.decide(one.access).verdict is Verdict.ALLOWED


@both_models
@pytest.mark.parametrize("seed", range(80))
def test_drop_places_are_written_and_run(model: Model, seed: int) -> None:
    maker: Maker = random_maker(1000 + seed)
    policies = [*maker.policies("file"), *maker.policies("process")]
    compiled = compile_policies(model, policies, POD, maker.posture())
    gap = gaps(compiled, names_in(policies))
    for one in gap.drop_places:
        assert one.write.target == one.run.target
        assert compiled.decide(one.write).verdict is Verdict.ALLOWED
        assert decides(compiled, one.run, one.rule)
    named = {key_of(one.rule) for one in gap.drop_places}
    for owner in policies:
        for rule in owner.rules:
            origin = Origin(owner, rule)
            everything = isinstance(rule.matcher, Directory) and rule.matcher.dir == "/"
            one_file = isinstance(rule.matcher, Program) and rule.matcher.path is not None
            if rule.domain == "process" and rule.action is Action.ALLOW and not (everything or one_file):
                for path in PATHS:
                    write = Access("write", path, OTHER_PROGRAM)
                    for source in [s for s in rule.sources if s] or [OTHER_PROGRAM]:
                        run = Access("exec", path, source, source)
                        through = [o for o in acting(compiled, write) if isinstance(o.entry, Rule)]
                        explicit = through and through[0].entry.action is Action.ALLOW  # type: ignore[union-attr]
                        if (
                            compiled.decide(write).verdict is Verdict.ALLOWED
                            and explicit
                            and compiled.decide(write).rule == through[0].name
                            and decides(compiled, run, origin)
                        ):
                            assert key_of(origin) in named, (path, origin.name)
