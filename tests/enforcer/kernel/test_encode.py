"""A decision list and its encoding say the same: verdict, rule and reports, for random policies and accesses (E1)."""

from __future__ import annotations

from typing import Any

import pytest

from enforcer.kernel.twin import Kernel, reports, verdict
from hauberk.enforcer.kernel.encode import ANYBODY, NotEncodableError, encode
from hauberk.enforcer.kernel.hashing import Seed, components_of
from hauberk.enforcer.kernel.image import Image, Place
from hauberk.enforcer.kernel.wire import SEED, Area, Kind, Side
from hauberk.policy.decision import Compiled, compile_policies
from hauberk.policy.model import Access, Model, Policy, Posture, Workload
from hauberk.policy.parse import parse_policy
from hauberk.policy.tables import CAPABILITIES
from policy.worlds import random_maker

WORLDS = 6_000


def parsed(spec: dict[str, Any], name: str = "p") -> Policy:
    document = {"kind": "KubeArmorPolicy", "metadata": {"name": name, "namespace": "default"}, "spec": spec}
    found = parse_policy(document)
    assert found is not None
    return found


def compiled(*specs: dict[str, Any]) -> Compiled:
    policies = [parsed(spec, f"p{index}") for index, spec in enumerate(specs)]
    return compile_policies(Model.HAUBERK, policies, Workload("default"), Posture("block", "block", "block"))


def is_real(access: Access) -> bool:
    """Whether the programs are ever asked such a thing."""
    if access.op == "capability":
        return access.target.lower().removeprefix("cap_") in CAPABILITIES
    return access.op not in {"dns", "map_exec"}


def test_the_kernel_side_decides_names_and_reports_as_the_lists_do() -> None:
    compared = denied = reported = 0
    for seed in range(WORLDS):
        world = random_maker(seed).world()
        policies = [policy for document in world.policies if (policy := parse_policy(document))]
        lists = compile_policies(Model.HAUBERK, policies, world.workload, world.posture)
        if not is_real(world.access):
            continue
        try:
            image = encode(lists)
        except NotEncodableError:
            continue
        expected = lists.decide(world.access)
        answer = Kernel(image).decide(world.access)
        said = f"{seed}: {world.policies} {world.access}"
        assert verdict(answer) is expected.verdict, said
        assert reports(image, answer) == set(expected.reports), said
        if expected.rule is not None and not answer.posture:
            assert image.rules[answer.rule - 1].name == expected.rule, said
        compared += 1
        denied += answer.denied
        reported += bool(expected.reports)
    assert compared > WORLDS // 4
    assert denied > compared // 6
    assert reported > compared // 5


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"process": {"matchPaths": [{"path": "/a", "allowedArgs": ["-x"]}]}}, "allowedArgs"),
        ({"network": {"matchDNSQueries": [{"domain": "x.org"}]}}, "DNS"),
        ({"presets": [{"name": "protectProc"}]}, "protectProc"),
    ],
)
def test_what_the_programs_do_not_do_is_refused_by_name(spec: dict[str, Any], reason: str) -> None:
    with pytest.raises(NotEncodableError, match=reason) as caught:
        encode(compiled(spec))
    assert caught.value.origin is not None


def test_patterns_that_need_too_many_states_are_refused() -> None:
    patterns = [{"pattern": f"/**/dir{n}/**"} for n in range(20)]
    with pytest.raises(NotEncodableError, match="file rules"):
        encode(compiled({"action": "Block", "file": {"matchPatterns": patterns}}), most_states=500)


def cell(image: Image, area: Area, kind: Kind, path: str, source: tuple[bytes, ...] | None = None) -> Any:
    components = components_of(path.encode())
    assert components is not None
    return image.cells.get(Place(area, kind, components, source))


def test_directories_above_a_path_with_a_denial_keep_their_names() -> None:
    image = encode(compiled({"action": "Block", "file": {"matchPaths": [{"path": "/a/b/c/key"}]}}))
    assert [bool(cell(image, Area.FILE, Kind.ABOVE, path)) for path in ("/a", "/a/b", "/a/b/c", "/a/b/c/key")] == [
        True,
        True,
        True,
        False,
    ]


def test_directories_above_a_path_that_only_passes_do_not() -> None:
    image = encode(compiled({"action": "Allow", "file": {"matchPaths": [{"path": "/a/b/c/key"}]}}))
    assert cell(image, Area.FILE, Kind.ABOVE, "/a") is None


def test_a_program_that_is_blocked_for_one_source_keeps_its_name_for_all() -> None:
    rule = {"path": "/usr/bin/ls", "fromSource": [{"path": "/usr/bin/bash"}]}
    image = encode(compiled({"action": "Block", "process": {"matchPaths": [rule]}}))
    assert cell(image, Area.PROCESS, Kind.EXACT, "/usr/bin/ls", ANYBODY)[Side.CHANGE].deny == 1
    assert cell(image, Area.PROCESS, Kind.EXACT, "/usr/bin/ls") is None


def test_names_hash_by_all_their_bytes_and_by_the_secret() -> None:
    one, other = Seed.of(_secret(1)), Seed.of(_secret(2))
    names = [b"a", b"b", b"ab", b"ba", b"a" * 8, b"a" * 9, b"a" * 255, b"a" * 254 + b"b", b"\xe1aaaaaaaaaaaaaa"]
    assert len({one.name(name) for name in names}) == len(names)
    assert one.name(b"a") != other.name(b"a")
    assert Seed.of(one.pack()) == one


def _secret(start: int) -> bytes:
    return bytes((start * 37 + n * 101) % 256 for n in range(SEED.size))


@pytest.mark.parametrize(
    ("path", "components"),
    [
        ("/", ()),
        ("/a/b", (b"a", b"b")),
        ("a/b", None),
        ("/a//b", None),
        ("/a/", None),
        ("/a/../b", None),
        ("/./a", None),
        ("/" + "a" * 256, None),
        ("/a\0b", None),
    ],
)
def test_components_are_those_of_paths_that_the_kernel_has(path: str, components: tuple[bytes, ...] | None) -> None:
    assert components_of(path.encode()) == components
