"""`hauberk crds`: printed, written, compared."""

from __future__ import annotations

from pathlib import Path

import yaml

from support import ROOT, hauberk


def test_printed() -> None:
    done = hauberk("crds")
    assert done.returncode == 0
    kinds = [one["spec"]["names"]["kind"] for one in yaml.safe_load_all(done.stdout)]
    assert kinds == ["ClusterDriftReport", "DriftReport", "NodePolicyStatus"]


def test_written_and_compared(tmp_path: Path) -> None:
    arguments = ("crds", "--policies", "--admission", "--out", tmp_path / "crds")
    assert hauberk(*arguments, "--check").returncode == 1
    assert hauberk(*arguments).stderr.endswith("13 files written, 0 removed, 0 unchanged\n")
    assert hauberk(*arguments, "--check").returncode == 0
    assert hauberk("crds", "--out", tmp_path / "crds").stderr.endswith("0 files written, 10 removed, 3 unchanged\n")
    assert hauberk("crds", "--check").returncode == 2
    done = hauberk("crds", "--out", "", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (2, "hauberk: --out is empty: name a folder\n")
    assert [path.name for path in tmp_path.iterdir()] == ["crds"]


def test_with_render(tmp_path: Path) -> None:
    source = ROOT / "examples/nginx/corrected"
    done = hauberk("render", source, "--out", tmp_path / "out", "--with-crds", "--layout", "argo")
    assert done.returncode == 0, done.stderr
    listed = yaml.safe_load((tmp_path / "out/kustomization.yaml").read_text())["resources"]
    assert [name.partition("/")[0] for name in listed] == ["crds"] * 3 + [
        "namespaces",
        "policies",
        "policies",
        "bundle.yaml",
    ]
    first = yaml.safe_load((tmp_path / "out" / listed[0]).read_text())
    assert first["metadata"]["annotations"] == {"argocd.argoproj.io/sync-wave": "-30"}
