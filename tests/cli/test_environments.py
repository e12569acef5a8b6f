"""Environments of hauberk.yaml: rendered, and compared by what they allow."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from support import ROOT, hauberk

SETTINGS = """\
environments:
  staging:
    namespaces: {web: web-staging}
    labels: {stage: staging}
    posture: {"*": {file: audit}}
    actions:
      - {from: Block, to: Audit, policies: [web/nginx-c*], reason: audit first}
  production:
    namespaces: {web: web-production}
  same: {labels: {other: label}}
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "examples/nginx/corrected", tmp_path / "policies")
    (tmp_path / "hauberk.yaml").write_text(SETTINGS)
    return tmp_path


def rendered(folder: Path, environment: str) -> list[Any]:
    done = hauberk("render", "policies", "--environment", environment, "--stdout", "--commit", "", cwd=folder)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def test_what_is_rendered(repository: Path) -> None:
    namespace, configuration, programs, bundle = rendered(repository, "staging")
    assert namespace["metadata"] == {
        "name": "web-staging",
        "labels": {"stage": "staging"},
        "annotations": {"kubearmor-file-posture": "audit"},
    }
    assert configuration["metadata"]["namespace"] == "web-staging"
    assert configuration["metadata"]["annotations"]["hauberk.dev/action-override"] == "Block to Audit: audit first"
    assert configuration["spec"]["action"] == "Audit"
    assert "hauberk.dev/action-override" not in programs["metadata"]["annotations"]
    assert bundle["data"]["environment"] == "staging"
    assert "commit" not in bundle["data"]
    wholes = {rendered(repository, name)[-1]["data"]["digest"] for name in ("staging", "production", "same")}
    assert len(wholes) == 3


def test_labels_are_not_added_to_definitions(repository: Path) -> None:
    done = hauberk("render", "policies", "--environment", "staging", "--with-crds", "--stdout", cwd=repository)
    labelled = {one["kind"]: "labels" in one["metadata"] for one in yaml.safe_load_all(done.stdout)}
    assert labelled == {
        "CustomResourceDefinition": False,
        "Namespace": True,
        "KubeArmorPolicy": True,
        "ConfigMap": True,
    }


def test_sections_with_tags(repository: Path) -> None:
    path = repository / "policies/policy.yaml"
    path.write_text(path.read_text().replace("  file:\n", "  file:\n    tags: [one]\n"))
    assert rendered(repository, "staging")[1]["spec"]["file"]["tags"] == ["one"]
    done = hauberk("diff", "--environment", "production", "staging", "policies", cwd=repository)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)


def test_two_environments_by_meaning(repository: Path) -> None:
    def compared(one: str, other: str) -> list[tuple[str, str, str]]:
        done = hauberk("diff", "--environment", one, other, "--format", "json", "policies", cwd=repository)
        assert done.returncode in (0, 1), done.stderr
        found = json.loads(done.stdout)["changes"]
        return [(one["direction"], one["operation"], one["witness"]["target"]) for one in found]

    # names of namespaces and labels are no difference
    assert compared("production", "same") == []
    found = compared("production", "staging")
    assert ("widened", "exec", "/usr/bin/id") in found
    assert ("widened", "read", "/etc/nginx/nginx.conf") in found
    back = hauberk("diff", "--environment", "staging", "production", "policies", cwd=repository)
    assert "(policies/policy.yaml:17)" in back.stdout
    assert "(staging -> production)" in back.stdout


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("environments:\n  e:\n    namespaces: {web: x, shop: x}\n", "shop and web would both be x"),
        ("environments:\n  e:\n    namespaces: {shop: web}\n", "shop and web would both be web"),
        ("environments:\n  e:\n    namespaces: {web: Not_A_Name}\n", "hauberk.yaml:3:23:"),
        ("environments:\n  e:\n    labels: {a: ' b'}\n", "hauberk.yaml:3:17:"),
        ("environments:\n  e:\n    posture: {web: {file: deny}}\n", "hauberk.yaml:3:27:"),
        ("environments:\n  e:\n    actions: [{from: Block, to: Audit}]\n", "hauberk.yaml:3:15:"),
        ("environments:\n  f: {}\n", "e: no such environment"),
    ],
)
def test_a_mistake_is_told(repository: Path, settings: str, said: str) -> None:
    (repository / "hauberk.yaml").write_text(settings)
    done = hauberk("render", "policies", "--environment", "e", "--stdout", cwd=repository)
    assert done.returncode == 2
    assert said in done.stderr


def test_usage_of_diff(repository: Path) -> None:
    done = hauberk("diff", "--environment", "same", "nothing", cwd=repository)
    assert (done.returncode, "no such environment" in done.stderr) == (2, True)
    done = hauberk("diff", "--environment", "same", "same", "--from", "policies", "--to", "policies", cwd=repository)
    assert (done.returncode, "do not go with them" in done.stderr) == (2, True)
