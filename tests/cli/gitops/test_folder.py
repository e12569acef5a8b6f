"""A folder of ours: files of others stay, and what fails half-way leaves all as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from hauberk.cli.gitops import folder as folders
from hauberk.cli.gitops.folder import Command, Differences, differences, is_ours, marker
from hauberk.policy.problems import HauberkError


def files(command: Command = "render", /, **texts: str) -> dict[str, str]:
    return {name.replace("__", "/") + ".yaml": f"{marker(command)}\n{text}\n" for name, text in texts.items()}


def replace(folder: Path, wanted: dict[str, str], command: Command = "render") -> Differences:
    return folders.replace(folder, wanted, command)


def tree(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_what_is_written_removed_and_left(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    first = files(a="1", b__c="2", b__d="3")
    assert replace(out, first).missing == ("a.yaml", "b/c.yaml", "b/d.yaml")
    assert tree(out) == first
    before = (out / "a.yaml").stat().st_mtime_ns
    (out / "README.md").write_text("theirs")
    (out / "b" / "other.yaml").write_text("theirs: too\n")
    second = files(a="1", b__c="new", e__f__g="4")
    found = replace(out, second)
    assert (found.changed, found.missing, found.extra) == (("b/c.yaml",), ("e/f/g.yaml",), ("b/d.yaml",))
    assert tree(out) == {**second, "README.md": "theirs", "b/other.yaml": "theirs: too\n"}
    assert (out / "a.yaml").stat().st_mtime_ns == before
    assert replace(out, second).none
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["out"]


def test_folders_that_become_empty_go(tmp_path: Path) -> None:
    replace(tmp_path / "out", files(a="1", b__c__d="2"))
    replace(tmp_path / "out", files(a="1"))
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.yaml"]


def test_a_file_that_is_not_ours_is_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("theirs: 1\n")
    with pytest.raises(HauberkError, match=r"a\.yaml: is there and not of hauberk render"):
        replace(tmp_path, files(a="1", b="2"))
    assert tree(tmp_path) == {"a.yaml": "theirs: 1\n"}
    (tmp_path / "b").write_text("a file where a folder is needed")
    with pytest.raises(HauberkError, match="b: is there"):
        differences(tmp_path, files(b__c="1"), "render")
    (tmp_path / "out").write_text("")
    with pytest.raises(HauberkError, match="out: is there"):
        replace(tmp_path / "out", files(a="1"))
    with pytest.raises(HauberkError, match="out: cannot be written to: not a folder"):
        replace(tmp_path / "out/sub", files(a="1"))


def test_commands_leave_each_others_files(tmp_path: Path) -> None:
    rendered, definitions = files(a="1", crds__b="2"), files("crds", crds__c="3", admission__d="4")
    replace(tmp_path, rendered)
    assert replace(tmp_path, definitions, "crds").extra == ()
    assert replace(tmp_path, rendered).none
    assert tree(tmp_path) == rendered | definitions
    assert all(is_ours(text.encode()) for text in tree(tmp_path).values())
    with pytest.raises(HauberkError, match=r"b\.yaml: is there and not of hauberk crds"):
        replace(tmp_path, files("crds", crds__b="2"), "crds")


def test_what_another_run_wrote_below_is_left(tmp_path: Path) -> None:
    index = "apiVersion: kustomize.config.k8s.io/v1beta1"
    whole = files(kustomization=index, policies__a="1")
    definitions = files("crds", crds__a="2")
    for name in ("", "staging", "deep/down"):
        replace(tmp_path / name, whole)
        replace(tmp_path / name / "definitions", definitions, "crds")
    assert replace(tmp_path, files(kustomization=index)).extra == ("policies/a.yaml",)
    assert replace(tmp_path, definitions, "crds").extra == ()
    assert tree(tmp_path / "staging") == whole | {"definitions/crds/a.yaml": definitions["crds/a.yaml"]}
    assert replace(tmp_path / "deep/down", whole).none
    with pytest.raises(HauberkError, match="staging: another run of hauberk wrote it"):
        replace(tmp_path, files(kustomization=index, staging__b="1"))


def test_a_folder_that_is_a_part_of_another_run_is_left(tmp_path: Path) -> None:
    whole = files(kustomization="apiVersion: kustomize.config.k8s.io/v1beta1", policies__ns__a="1")
    definitions = files("crds", crds__a="2", crds__b="3")
    replace(tmp_path, whole)
    replace(tmp_path, definitions, "crds")
    with pytest.raises(HauberkError, match="as a part of"):
        replace(tmp_path / "policies", whole)
    with pytest.raises(HauberkError, match="as a part of"):
        replace(tmp_path / "crds", definitions, "crds")
    (tmp_path / "link").symlink_to("policies")
    with pytest.raises(HauberkError, match="link: has files that hauberk render wrote as a part of"):
        differences(tmp_path / "link", whole, "render")
    (tmp_path / "link").unlink()
    assert tree(tmp_path) == whole | definitions


def test_a_policy_with_the_name_of_the_index_is_none(tmp_path: Path) -> None:
    wanted = files(policies__ns__kustomization="apiVersion: security.kubearmor.com/v1", policies__ns__a="1")
    replace(tmp_path, wanted)
    assert replace(tmp_path, wanted).none
    assert replace(tmp_path, {}).extra == ("policies/ns/a.yaml", "policies/ns/kustomization.yaml")


def test_links_are_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    replace(outside, files(a="ours, but elsewhere"))
    out = tmp_path / "out"
    out.mkdir()
    (out / "sub").symlink_to(outside)
    (out / "file.yaml").symlink_to(outside / "a.yaml")
    assert replace(out, files(x="1")).extra == ()
    for wanted in (files(sub__a="1"), files(file="1")):
        with pytest.raises(HauberkError, match="is a link"):
            replace(out, wanted)
    assert tree(outside) == files(a="ours, but elsewhere")


def test_a_folder_named_by_a_link_is_that_folder(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    replace(tmp_path / "link", files(a="1"))
    assert (tmp_path / "link").is_symlink()
    assert tree(tmp_path / "real") == files(a="1")


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("step", range(1, 7))
def test_a_failure_at_any_step_leaves_everything_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int, error: BaseException
) -> None:
    """Before or after one of the renames and removals something fails: what was done is taken back."""
    out = tmp_path / "out"
    replace(out, files(a="1", b__c="2", b__d="3", e="4"))
    before = tree(out)
    calls = 0
    renames, removes = Path.replace, Path.unlink

    def count() -> None:
        nonlocal calls
        calls += 1
        if calls == step:
            raise error

    def rename(self: Path, target: Path) -> Path:
        if "new" in self.parts and isinstance(error, OSError):
            count()
        found = renames(self, target)
        if "new" in self.parts and not isinstance(error, OSError):
            count()
        return found

    def remove(self: Path, *, missing_ok: bool = False) -> None:
        if not missing_ok:
            count()
        removes(self, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "replace", rename)
    monkeypatch.setattr(Path, "unlink", remove)
    with pytest.raises((HauberkError, KeyboardInterrupt)) as caught:
        replace(out, files(a="new", b__c="new", f__g="new", h="new"))
    assert "nothing was changed" in str(caught.value) or isinstance(error, KeyboardInterrupt)
    assert tree(out) == before
    assert sorted(path.name for path in out.iterdir()) == ["a.yaml", "b", "e.yaml"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HauberkError, match="cannot be"):
        replace(tmp_path / "file" / "out", files(a="1"))
