"""Policies are read whole; everything that is wrong is told with its place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hauberk.enforcer.faults import RefusedError
from hauberk.enforcer.policies import beyond, read_policies
from hauberk.policy.problems import HauberkError
from support.policies import policy

BLOCK = "  action: Block\n  file:\n    matchPaths:\n      - path: /etc/shadow\n"


def wrong(folder: Path) -> list[str]:
    with pytest.raises(RefusedError) as caught:
        read_policies([str(folder)])
    return str(caught.value).replace(f"{folder}/", "").splitlines()[1:]


def test_files_and_folders(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b/two.yml").write_text("kind: Deployment\n---\n" + policy(BLOCK, name="two"))
    (tmp_path / "one.yaml").write_text(policy(BLOCK, name="one"))
    (tmp_path / "readme.md").write_text(policy(BLOCK, name="not"))
    read = read_policies([str(tmp_path)])
    assert [one.policy.name for one in read] == ["one", "two"]
    assert read[1].place("/spec/file/matchPaths/0").endswith("two.yml:16:9")
    assert read[1].given.line == 3
    assert read[1].given.place(read[1].policy.rules[0]).endswith("two.yml:16")
    assert read[1].given.place(None).endswith("two.yml:3")


def test_all_problems_of_all_files(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("kind: [\n")
    (tmp_path / "b.yaml").write_text(policy("  actoin: Block\n"))
    (tmp_path / "c.yaml").write_text(policy(BLOCK).replace("security.kubearmor.com/v1", "security.kubearmor.com/v2"))
    (tmp_path / "d.yaml").write_text(policy(BLOCK).replace("KubeArmorPolicy", "KubeArmorNetworkPolicy"))
    (tmp_path / "e.yaml").write_bytes(b"\xff")
    (tmp_path / "f.yaml").write_text("a: {{ .Values.x }}\n")
    (tmp_path / "g.yaml").write_text(policy(BLOCK) + "  action: Allow\n")
    (tmp_path / "h.yaml").write_text(policy(BLOCK))
    said = wrong(tmp_path)
    for begins, tells in (
        ("  a.yaml:2:1: ", ""),
        ("  b.yaml:11:3: ", "actoin"),
        ("  c.yaml:1:13: ", "known as security.kubearmor.com/v1 only"),
        ("  d.yaml:2:7: ", "not enforced (HB607)"),
        ("  e.yaml:1:1: ", "not UTF-8"),
        ("  f.yaml: ", "a template"),
        ("  g.yaml:", "action"),
    ):
        assert [line for line in said if line.startswith(begins) and tells in line], (begins, said)
    assert not [line for line in said if "h.yaml" in line]


def test_sections_that_no_model_carries(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(policy(BLOCK + "  syscalls:\n    matchSyscalls:\n      - syscall: [unlink]\n"))
    (read,) = read_policies([str(path)])
    assert beyond(read) == [f"{path}:15:3: syscalls are never enforced, and not reported either (HB607)"]


def test_nothing_to_enforce(tmp_path: Path) -> None:
    with pytest.raises(HauberkError, match="no policy in"):
        read_policies([str(tmp_path)])
    with pytest.raises(FileNotFoundError):
        read_policies([str(tmp_path / "nothing.yaml")])


def test_a_pipe_without_a_writer_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    with pytest.raises(HauberkError, match="is not a regular file"):
        read_policies([str(tmp_path)])
