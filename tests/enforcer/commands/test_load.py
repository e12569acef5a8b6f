"""What options mean, and which rules are refused, before a kernel is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hauberk.enforcer.commands.load import Options, prepared, rate_of, workload_of
from hauberk.enforcer.faults import RefusedError
from hauberk.enforcer.session import Places
from hauberk.policy.model import Posture, Workload
from hauberk.policy.problems import HauberkError
from support.policies import policy


def workload(
    namespace: str | None = None, *labels: str, container: str | None = None, host: bool = False, named: bool = True
) -> Workload:
    return workload_of(namespace, labels, container, host=host, named=named)


def test_workloads() -> None:
    assert workload() == Workload("default")
    assert workload("web", "a=b", "c=d=e", container="x") == Workload("web", (("a", "b"), ("c", "d=e")), "x")
    assert workload(None, "a=", host=True, named=False) == Workload(None, node_labels=(("a", ""),))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"named": False}, "nothing to enforce it on"),
        ({"host": True}, "--host is the node itself"),
        ({"host": True, "named": False, "container": "x"}, "--host is the node itself"),
    ],
)
def test_workloads_that_contradict(options: dict[str, Any], said: str) -> None:
    with pytest.raises(HauberkError, match=said):
        workload(**options)


@pytest.mark.parametrize("label", ["a", "=b", ""])
def test_labels_that_are_none(label: str) -> None:
    with pytest.raises(HauberkError, match="give key=value"):
        workload("web", label)


def test_rates() -> None:
    assert rate_of("10/2") == (10, 2.0)
    assert rate_of("5") == (5, 1.0)
    assert rate_of("0/1") == (0, 1.0)
    for text in ("", "a", "-1/1", "1/0", "1/-1", "1/x", "1/nan", "1/inf", "1/1/1"):
        with pytest.raises(HauberkError, match="N/SECONDS"):
            rate_of(text)


def options(folder: Path, spec: str, **other: Any) -> Options:
    (folder / "a.yaml").write_text(policy(spec))
    given: dict[str, Any] = {"workload": Workload("ns", (("app", "x"),)), "pids": ()} | other
    return Options(
        paths=(str(folder),),
        cgroups=(),
        posture=Posture(),
        most_bytes=1,
        rate=None,
        places=Places(),
        programs=Path("x"),
        **given,
    )


def test_what_selects_another_workload_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text(policy("  action: Block\n", name="other").replace("app: x", "app: other"))
    generation, _, notes = prepared(options(tmp_path, "  action: Block\n"))
    assert [given.policy.name for given in generation.policies] == ["p"]
    assert notes == (f"{tmp_path}/b.yaml:1:1: other does not select the workload: left out",)
    with pytest.raises(RefusedError, match="no policy selects namespace ns, labels app=z"):
        prepared(options(tmp_path, "", workload=Workload("ns", (("app", "z"),))))


def test_every_rule_that_is_not_enforced_is_told(tmp_path: Path) -> None:
    spec = """  action: Block
  process:
    matchPaths:
      - path: /a
        allowedArgs: [-v]
      - path: /b
      - path: /c
        allowedArgs: [-v]
  network:
    matchDNSQueries:
      - domain: example.com
  presets:
    - name: filelessExec
    - name: protectEnv
"""
    with pytest.raises(RefusedError) as caught:
        prepared(options(tmp_path, spec))
    said = str(caught.value).replace(f"{tmp_path}/", "").splitlines()
    assert said == [
        "nothing is changed, as not all of it can be enforced:",
        "  a.yaml:14:9: allowedArgs are not enforced (HB607)",
        "  a.yaml:17:9: allowedArgs are not enforced (HB607)",
        "  a.yaml:21:9: DNS queries are not enforced (HB607)",
        "  a.yaml:24:7: preset protectEnv is not enforced (HB607)",
    ]


def test_sections_that_no_model_has_are_told_beside_rules(tmp_path: Path) -> None:
    spec = "  syscalls:\n    matchSyscalls:\n      - syscall: [unlink]\n  presets:\n    - name: exec\n"
    with pytest.raises(RefusedError) as caught:
        prepared(options(tmp_path, spec))
    assert len(str(caught.value).splitlines()) == 3


def test_links_of_the_node_are_resolved_for_its_own_policies(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("/usr/bin/env")
    spec = f"  action: Block\n  file:\n    matchPaths:\n      - path: {link}\n"
    host = policy(spec).replace("KubeArmorPolicy", "KubeArmorHostPolicy").replace("selector", "nodeSelector")
    given = options(tmp_path, "", workload=Workload(None, node_labels=(("app", "x"),)))
    (tmp_path / "a.yaml").write_text(host)
    generation, image, notes = prepared(given)
    assert generation.links == {str(link): "/usr/bin/env"}
    assert notes == (f"{link} leads to /usr/bin/env: the rules on it mean that",)
    assert image.rules
