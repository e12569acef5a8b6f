"""Every cell of a matrix says what `Compiled.decide` says about its example, under all circumstances that matter."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from hauberk.policy import matrix as module
from hauberk.policy.axes import EVERY_OTHER, UNKNOWN
from hauberk.policy.circumstances import Way, at
from hauberk.policy.compare import Direction
from hauberk.policy.decision import Compiled
from hauberk.policy.matrix import Matrix, Sense, matrix
from hauberk.policy.model import Access, Model, Posture
from policy.smallworlds import ARGS, POD, SECTIONS, Document, compiled, random_maker
from policy.test_compare import policy

BLOCK = Posture("block", "block", "block")


def of(*specs: Document, model: Model = Model.HAUBERK, posture: Posture = BLOCK) -> Matrix:
    return matrix([compiled(model, [policy(spec, f"p{n}") for n, spec in enumerate(specs)], posture)], POD)


def senses(found: Matrix, program: str, asset: str) -> dict[str, str]:
    row = next(n for n, one in enumerate(found.programs) if one.label == program)
    column = next(n for n, one in enumerate(found.assets) if one.label == asset)
    rulings = found.cell(row, column)
    return {op: one.sense().value for op, one in zip(found.assets[column].ops, rulings, strict=True)}


def confirm(found: Matrix, sides: list[Compiled]) -> int:
    """Every answer is that of decide, and no circumstances give an answer that is not there."""
    asked = 0
    for (row, program), (column, asset) in product(enumerate(found.programs), enumerate(found.assets)):
        for op, ruling in zip(asset.ops, found.cell(row, column), strict=True):
            access = asset.access(op, program)
            for answer in ruling.answers:
                here = at(access, attributes(answer.way))
                assert [side.decide(here) for side in sides] == [said.decision for said in answer.said], here
            known = {tuple(said.sense for said in answer.said) for answer in ruling.answers}
            for other in circumstances(access):
                decisions = [side.decide(other) for side in sides]
                told = tuple(module.Said(decision, None).sense for decision in decisions)
                assert told in known, (other, known)
                asked += 1
    return asked


def attributes(way: Access) -> Way:
    # the program and the target are those of the first cell that asked
    return Way(way, frozenset())


def circumstances(access: Access) -> list[Access]:
    vectors: list[tuple[str, ...]] = [()]
    if access.op == "exec":
        vectors += [("p",), *(("p", one) for one in (*ARGS, "-c")), ("p", *ARGS)]
    return [
        replace(access, args=args, uid=7 * other_user, tty=tty, other_process=other, container_exec=inside)
        for args in vectors
        for other_user, tty, other, inside in product((False, True), repeat=4)
    ]


@pytest.mark.parametrize("seed", range(60))
def test_small_worlds(seed: int) -> None:
    maker = random_maker(seed)
    section = SECTIONS[seed % len(SECTIONS)]
    model = list(Model)[seed % 2]
    policies, posture = maker.policies(section), maker.posture()
    sides = [compiled(model, policies, posture)]
    if seed % 3 == 0:
        sides.append(compiled(model, maker.changed(policies, section), posture))
    found = matrix(sides, POD)
    assert all("no path that" in note or "no short path" in note for note in found.cut)
    assert confirm(found, sides) > 0


def test_the_axes() -> None:
    found = of(
        {
            "action": "Allow",
            "process": {"matchPaths": [{"path": "/bin/sh"}, {"execname": "apt"}]},
            "file": {
                "matchDirectories": [{"dir": "/etc", "recursive": True, "fromSource": [{"path": "/bin/app"}]}],
                "matchPaths": [{"path": "/etc/example", "fromSource": [{"path": "relative"}]}],
                "matchPatterns": [{"pattern": "/srv/*.key"}, {"pattern": "[broken"}],
            },
            "network": {"matchProtocols": [{"protocol": "tcp"}, {"protocol": "stream"}, {"protocol": "all"}]},
            "capabilities": {"matchCapabilities": [{"capability": "net_raw"}]},
            "presets": [{"name": "filelessExec"}, {"name": "anonymousMapExec"}],
        }
    )
    assert [program.label for program in found.programs] == [EVERY_OTHER, "/bin/app", "/bin/sh", "apt"]
    assert [(asset.label, asset.target or (asset.type, asset.protocol)) for asset in found.assets] == [
        ("/bin/sh", "/bin/sh"),
        ("/etc/**", "/etc/example-x"),
        ("/etc/example", "/etc/example"),
        ("/srv/*.key", "/srv/.key"),
        ("apt", "/usr/bin/apt"),
        ("anything else", "/example"),
        ("a program without a file", "memfd:x"),
        ("anonymous memory", ("", 0)),
        ("all", ("dgram", 17)),
        ("stream", ("stream", 132)),
        ("tcp", ("stream", 6)),
        ("net_raw", "net_raw"),
        ("anything else", "audit_control"),
    ]
    assert found.cut == ["1 of the sources are no path that a file can have: no program is ever one of them"]
    assert senses(found, "/bin/app", "/etc/**")["write"] == "allowed"
    assert senses(found, EVERY_OTHER, "/etc/**")["write"] == "denied"


def test_patterns_that_ask_for_a_name() -> None:
    programs = [{"path": "/opt/*/*", "execname": "run"}, {"path": "/opt/*.x", "execname": "run"}]
    found = of({"action": "Block", "process": {"matchPaths": programs}})
    assert [(one.label, one.target) for one in found.assets][:1] == [("/opt/*/* named run", "/opt/x/run")]
    assert found.cut == ["1 of the patterns are left out: no short path was found that they match"]


def test_what_passes_and_is_reported_is_audited() -> None:
    found = of({"action": "Audit", "file": {"matchPaths": [{"path": "/a", "readOnly": True}]}})
    assert senses(found, EVERY_OTHER, "/a") == {
        "read": "allowed", "write": "audited", "modify": "audited", "exec": "allowed"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "depends"),
    [
        ({"ownerOnly": True}, ("owner",)),
        ({"pts": False}, ("tty",)),
        ({"allowedArgs": ["-a"]}, ("arguments",)),
    ],
)
def test_what_depends_shows_both_answers(rule: Document, depends: tuple[str, ...]) -> None:
    found = of({"action": "Block", "process": {"matchPaths": [{"path": "/a", **rule}]}})
    ruling = found.cell(0, 0)[3]
    assert ruling.sense() is Sense.DEPENDS
    assert ruling.depends == depends
    assert {answer.said[0].sense for answer in ruling.answers} == {Sense.ALLOWED, Sense.DENIED}


def test_too_many_lists_of_arguments_are_said() -> None:
    # a word for each set of lists that can hold it
    rules = [{"path": "/**", "allowedArgs": [f"-{n}" for n in range(1024) if n >> bit & 1]} for bit in range(10)]
    ruling = of({"action": "Allow", "process": {"matchPaths": rules}}).cell(0, 0)[3]
    assert ruling.partial
    assert ruling.sense() is Sense.DEPENDS


def test_an_unknown_program_stands_apart_only_where_it_differs() -> None:
    spec = {
        "action": "Allow",
        "file": {
            "matchPaths": [{"path": "/a", "action": "Block"}],
            "matchDirectories": [{"dir": "/", "recursive": True}],
        },
    }
    assert [program.label for program in of(spec).programs] == [EVERY_OTHER]
    found = of(spec, model=Model.KUBEARMOR)
    assert [program.label for program in found.programs] == [EVERY_OTHER, UNKNOWN]
    assert senses(found, EVERY_OTHER, "/a")["read"] == "denied"
    assert senses(found, UNKNOWN, "/a")["read"] == "allowed"


def test_two_sides_say_what_changed() -> None:
    before = {"action": "Block", "file": {"matchPaths": [{"path": "/a"}, {"path": "/b"}]}}
    after = {"action": "Block", "file": {"matchPaths": [{"path": "/b"}, {"path": "/c", "action": "Audit"}]}}
    found = matrix([compiled(Model.HAUBERK, [policy(spec)], BLOCK) for spec in (before, after)], POD)
    said = {asset.label: found.cell(0, n)[0].directions() for n, asset in enumerate(found.assets)}
    assert said == {
        "/a": (Direction.WIDENED,), "/b": (), "/c": (Direction.REPORTED,), "anything else": ()
    }  # fmt: skip


def test_what_is_cut_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_PROGRAMS", 3)
    monkeypatch.setattr(module, "MOST_CELLS", 6)
    sources = [{"path": f"/s{n}"} for n in range(9)]
    paths = [{"path": f"/a{n}", "fromSource": sources} for n in range(9)]
    found = of({"action": "Block", "file": {"matchPaths": paths}})
    assert (len(found.programs), len(found.assets)) == (3, 2)
    assert found.cut == ["of 10 programs 3 are shown", "of 10 assets 2 are shown"]
