"""`hauberk render`: the same bytes for the same policies, nothing half, nothing of others."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from hauberk.policy.digest import digest
from support import ROOT, hauberk
from support.rendering import CLEAN, done

ALLOW = ("--allow-findings", "HB203,HB401,HB413", "--commit", "c0ffee")


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def value(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    folder = tmp_path / "policies"
    folder.mkdir()
    (folder / "a.yaml").write_text(CLEAN)
    return folder


# ------------------------------------------------------------------------------------------------ what is written


@pytest.mark.parametrize("layout", ["plain", "flux", "argo"])
def test_the_same_bytes_whatever_surrounds_it(tmp_path: Path, layout: str) -> None:
    places = {"1": "C.UTF-8", "2": "C", "77": "tr_TR.UTF-8"}
    found: list[dict[str, bytes]] = []
    for seed, locale in places.items():
        env = {"PYTHONHASHSEED": seed, "LC_ALL": locale, "LANG": locale, "TZ": f"UTC{seed}"}
        shutil.copytree(ROOT / "examples", tmp_path / seed / "examples")
        done("examples", "--out", "out", "--layout", layout, *ALLOW, cwd=tmp_path / seed, env=env)
        found.append(tree(tmp_path / seed / "out"))
    assert found[0] == found[1] == found[2]


def test_the_examples(tmp_path: Path) -> None:
    said = done(ROOT / "examples", "--out", tmp_path / "out", *ALLOW)
    assert said.stderr.endswith("10 files written, 0 removed, 0 unchanged\n")
    listed = value(tmp_path / "out/kustomization.yaml")["resources"]
    assert listed == [
        "namespaces/web.yaml",
        "policies/default/only-allow-nginx-exec.yaml",
        "policies/shop/controller-token.yaml",
        "policies/shop/mysql-password.yaml",
        "policies/shop/php-worker.yaml",
        "policies/web/nginx-configuration.yaml",
        "policies/web/nginx-programs.yaml",
        "cluster-policies/no-package-managers.yaml",
        "bundle.yaml",
    ]
    namespace = value(tmp_path / "out/namespaces/web.yaml")
    assert namespace["metadata"] == {"name": "web", "annotations": {"kubearmor-file-posture": "block"}}
    bundle = value(tmp_path / "out/bundle.yaml")
    assert bundle["metadata"] == {"name": "hauberk-bundle", "namespace": "default"}
    assert bundle["data"]["commit"] == "c0ffee"
    rows = [row.split() for row in bundle["data"]["policies"].splitlines()]
    for kind, name, found in rows:
        folder = "policies" if kind == "KubeArmorPolicy" else "cluster-policies"
        rendered = value(tmp_path / "out" / folder / f"{name}.yaml")
        assert rendered["metadata"]["annotations"]["hauberk.dev/digest"] == found == digest(rendered)


def test_what_is_written_means_what_was_read(tmp_path: Path) -> None:
    for name in ("nginx/corrected", "web-shell", "package-managers"):
        done(ROOT / "examples" / name, "--out", tmp_path / "out", "--allow-findings", "HB401")
        both = hauberk("diff", "--from", ROOT / "examples" / name, "--to", tmp_path / "out", "--format", "json")
        assert json.loads(both.stdout)["changes"] == [], name


def test_the_form_is_canonical_and_fit_for_server_side_apply(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(
        "kind: KubeArmorPolicy\nspec:\n  action: Block\n  file:\n    matchPatterns: []\n    matchPaths:\n"
        "      - {readOnly: false, path: /a, fromSource: [], pts: true}\n  process: {}\n  message: ''\n  severity: 5\n"
        "  selector: {matchLabels: {z: '1', a: ''}, matchExpressions: []}\nstatus: {status: OK}\n"
        "apiVersion: security.kubearmor.com/v1\nmetadata:\n  uid: 1-2\n  resourceVersion: '5'\n  generation: 3\n"
        "  creationTimestamp: 2026-01-01T00:00:00Z\n  labels: {b: x, a: u}\n  name: p\n"
        "  annotations: {kubectl.kubernetes.io/last-applied-configuration: '{}', hauberk.dev/digest: old}\n"
    )
    done("p.yaml", "--out", "out", cwd=tmp_path)
    rows = (tmp_path / "out/policies/default/p.yaml").read_text().splitlines()
    found = digest(yaml.safe_load((tmp_path / "p.yaml").read_text()))
    assert "\n".join(rows[1:]) == (
        "apiVersion: security.kubearmor.com/v1\nkind: KubeArmorPolicy\nmetadata:\n  name: p\n  namespace: default\n"
        f"  labels:\n    a: u\n    b: x\n  annotations:\n    hauberk.dev/digest: {found}\n"
        'spec:\n  severity: 5\n  selector:\n    matchLabels:\n      a: ""\n      z: "1"\n'
        "  file:\n    matchPaths:\n      - path: /a\n  action: Block"
    )


def test_standard_output_is_the_objects_in_order(policies: Path) -> None:
    shown = done(policies, "--stdout", "--layout", "argo").stdout
    assert [one["kind"] for one in yaml.safe_load_all(shown)] == ["KubeArmorPolicy", "ConfigMap"]
    waves = [one["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"] for one in yaml.safe_load_all(shown)]
    assert waves == ["0", "10"]


def test_layouts_add_what_each_needs(tmp_path: Path) -> None:
    source = ROOT / "examples/nginx/corrected"
    done(source, "--out", tmp_path / "argo", "--layout", "argo")
    done(source, "--out", tmp_path / "flux", "--layout", "flux")
    in_argo = value(tmp_path / "argo/namespaces/web.yaml")["metadata"]["annotations"]
    assert in_argo["argocd.argoproj.io/sync-options"] == "Prune=false,Delete=false"
    assert in_argo["argocd.argoproj.io/sync-wave"] == "-10"
    in_flux = value(tmp_path / "flux/namespaces/web.yaml")["metadata"]["annotations"]
    assert in_flux["kustomize.toolkit.fluxcd.io/prune"] == "disabled"
    assert value(tmp_path / "argo/argo/application.yaml")["spec"]["ignoreDifferences"]
    assert {value(path)["kind"] for path in (tmp_path / "flux/flux").iterdir()} == {
        "GitRepository",
        "OCIRepository",
        "Kustomization",
    }
    for origin, sync, where in (("git-source", "sync", "./rendered"), ("oci-source", "oci-sync", "./")):
        given, reader = (value(tmp_path / f"flux/flux/{name}.yaml") for name in (origin, sync))
        wanted = {"kind": given["kind"], "name": given["metadata"]["name"]}
        # what `hauberk bundle` packs lies at the root of the artifact
        assert (reader["spec"]["sourceRef"], reader["spec"]["path"]) == (wanted, where)
    for folder in ("argo", "flux"):
        # examples are for the repository of Flux or Argo CD itself
        assert not [p for p in value(tmp_path / folder / "kustomization.yaml")["resources"] if p.startswith(folder)]


def test_the_plugin_of_argo_cd_runs(policies: Path) -> None:
    done(policies, "--out", policies.parent / "out", "--layout", "argo")
    (policies / "hauberk.yaml").write_text("environments: {e: {labels: {stage: e}}}\n")
    command = value(policies.parent / "out/argo/plugin.yaml")["spec"]["generate"]["command"]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    for name in ("", "e"):
        env = {**os.environ, "PATH": path, "ARGOCD_APP_REVISION": "c0ffee", "ARGOCD_ENV_ENVIRONMENT": name}
        ran = subprocess.run(command, cwd=policies, env=env, capture_output=True, check=True)
        first, bundle = yaml.safe_load_all(ran.stdout)
        assert first["metadata"].get("labels", {}) == ({"stage": "e"} if name else {})
        assert bundle["data"]["commit"] == "c0ffee"


def test_policies_from_a_pipe(policies: Path) -> None:
    shown = done("-", "--stdout", "--commit", "x", given=CLEAN.encode(), cwd=policies).stdout
    assert shown == done("a.yaml", "--stdout", "--commit", "x", cwd=policies).stdout


# ---------------------------------------------------------------------------------------------------------- check


def test_check_names_the_files_that_differ(policies: Path) -> None:
    out = policies.parent / "out"
    (policies / "b.yaml").write_text(CLEAN.replace("name: shadow", "name: other"))
    arguments = (policies, "--out", out, "--commit", "one")
    assert done(*arguments, "--check", code=1).stdout.count("is missing") == 4
    assert not out.exists()
    done(*arguments)
    done(*arguments, "--check")
    # which commit it was does not matter
    done(policies, "--out", out, "--commit", "two", "--check")
    (policies / "b.yaml").write_text(CLEAN.replace("name: shadow", "name: third"))
    path = out / "policies/ns/shadow.yaml"
    path.write_text(path.read_text() + "# edited\n")
    shown = done(*arguments, "--check", code=1).stdout
    assert shown == (
        f"{out}/bundle.yaml: differs\n{out}/kustomization.yaml: differs\n{out}/policies/ns/shadow.yaml: differs\n"
        f"{out}/policies/ns/third.yaml: is missing\n{out}/policies/ns/other.yaml: belongs no longer\n"
    )
    done(*arguments)
    done(*arguments, "--check")
    assert not (out / "policies/ns/other.yaml").exists()


def test_a_label_named_commit_is_not_the_commit(policies: Path) -> None:
    (policies / "hauberk.yaml").write_text("environments: {e: {labels: {commit: label}}}\n")
    arguments = (".", "--environment", "e", "--out", "out")
    for commit in ("one", "", "0" * 40, 'a "b" # c'):
        done(*arguments, "--commit", commit, cwd=policies)
        done(*arguments, "--commit", "two", "--check", cwd=policies)
    for text in ("[", "data: 5\n", "data: {commit: 2026-99-99}\n", "data: {commit: [x]}\n"):
        path = policies / "out/bundle.yaml"
        path.write_text(path.read_text().partition("\n")[0] + f"\n{text}")
        shown = done(*arguments, "--check", code=1, cwd=policies).stdout
        assert shown == "out/bundle.yaml: differs\n"


def test_a_rendered_folder_below_the_paths_is_not_read(policies: Path) -> None:
    for name in ("one", "two", "one"):
        done(".", "--out", f"rendered/{name}", cwd=policies)
    assert tree(policies / "rendered/one") == tree(policies / "rendered/two")


def test_folders_of_other_runs_are_left(policies: Path) -> None:
    (policies / "hauberk.yaml").write_text("environments: {staging: {labels: {stage: s}}}\n")
    runs = [
        ("render", "--out", "rendered"),
        ("render", "--environment", "staging", "--out", "rendered/staging"),
        ("crds", "--policies", "--out", "rendered"),
        ("crds", "--out", "rendered/definitions"),
    ]
    for run in (*runs, *runs):
        assert hauberk(*run, cwd=policies).returncode == 0
    for run in runs:
        found = hauberk(*run, "--check", cwd=policies)
        assert (found.returncode, found.stdout) == (0, "")
    # what `crds` wrote is no input either
    (policies / "a.yaml").unlink()
    assert "no policy in" in done(".", "--stdout", code=2, cwd=policies).stderr


# --------------------------------------------------------------------------------------------------------- commit


def test_the_commit_and_whether_the_inputs_are_as_it_has_them(policies: Path) -> None:
    def git(*arguments: str) -> str:
        command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments]
        return subprocess.run(command, cwd=policies, check=True, capture_output=True, text=True).stdout.strip()

    def commit() -> str:
        done(".", "--out", "rendered", cwd=policies)
        return str(value(policies / "rendered/bundle.yaml")["data"].get("commit", ""))

    assert commit() == ""
    git("init", "-q")
    git("add", "a.yaml")
    git("commit", "-qm", "one")
    head = git("rev-parse", "HEAD")
    assert commit() == head
    (policies / "b.yaml").write_text(CLEAN.replace("name: shadow", "name: other"))
    assert commit() == f"{head}+modified"
    git("add", ".")
    git("commit", "-qm", "two")
    assert commit() == git("rev-parse", "HEAD") != head
    # the current folder is no input, be it in a repository or in none
    (policies.parent / "elsewhere").mkdir()
    subprocess.run(["git", "init", "-q", policies.parent / "elsewhere"], check=True)
    whole = tree(policies / "rendered")
    for folder in ("elsewhere", "."):
        done(policies, "--out", policies / "rendered", cwd=policies.parent / folder)
        assert tree(policies / "rendered") == whole
