"""`hauberk diff`: what two revisions allow differently; what means the same is no change."""

from __future__ import annotations

import json
import os
import random
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from hauberk.cli.affected import Pair, affected
from hauberk.cli.commands.diff import Side, diff
from hauberk.cli.loading import load
from hauberk.cli.opened import open_loaded
from hauberk.cli.sources import Source
from hauberk.policy.model import Model, Posture
from support import ROOT, hauberk, missing
from support.policies import policy

BLOCK = policy("  action: Block\n  file:\n    matchPaths:\n      - path: /etc/shadow\n      - path: /etc/passwd\n")


def git(folder: Path, *arguments: str) -> None:
    command = [
        "git",
        "-c",
        "user.name=t",
        "-c",
        "user.email=t@example.org",
        "-c",
        "init.defaultBranch=main",
        *arguments,
    ]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    (tmp_path / "policy.yaml").write_text(BLOCK)
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "one")
    return tmp_path


def changes(folder: Path, *arguments: str, code: int | None = None) -> list[dict[str, Any]]:
    done = hauberk("diff", *arguments, "--format", "json", cwd=folder)
    if code is not None:
        assert done.returncode == code, done.stdout + done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)["changes"]
    return found


def test_a_removed_rule_widens_and_says_which_rule_and_line(repository: Path) -> None:
    (repository / "policy.yaml").write_text(BLOCK.replace("      - path: /etc/shadow\n", ""))
    found = changes(repository, "HEAD", code=1)
    assert {change["direction"] for change in found} == {"widened"}
    assert {change["operation"] for change in found} == {"read", "write", "modify"}
    read = next(change for change in found if change["operation"] == "read")
    assert read["witness"]["target"] == "/etc/shadow"
    assert read["before"] == {
        "verdict": "denied",
        "rule": "p:file.matchPaths[0]",
        "path": "policy.yaml",
        "line": 14,
        "report": [{"policy": "p", "action": "Block", "rule": "p:file.matchPaths[0]"}],
    }
    assert read["after"]["verdict"] == "allowed"
    assert read["extent"] == "only /etc/shadow"


def test_an_added_rule_narrows_and_is_no_failure_by_default(repository: Path) -> None:
    (repository / "policy.yaml").write_text(BLOCK + "      - path: /etc/hosts\n")
    assert {change["direction"] for change in changes(repository, "HEAD", code=0)} == {"narrowed"}
    assert hauberk("diff", "HEAD", "--fail-on", "any", cwd=repository).returncode == 1
    assert hauberk("diff", "HEAD", "--fail-on", "none", cwd=repository).returncode == 0


def test_what_means_the_same_is_no_change(repository: Path) -> None:
    moved = repository / "moved" / "other.yaml"
    moved.parent.mkdir()
    (repository / "policy.yaml").unlink()
    rows = BLOCK.splitlines(keepends=True)
    text = "".join([*rows[:-2], rows[-1], rows[-2]]).replace("name: p\n", "name: q\n")
    moved.write_text("# reworded\n" + text.replace("action: Block", "action: Block # so"))
    assert changes(repository, "HEAD", code=0) == []


def test_an_allow_that_makes_an_allow_list_shows_as_what_it_is(repository: Path) -> None:
    namespace = (
        "---\nkind: Namespace\napiVersion: v1\nmetadata: {name: ns, annotations: {kubearmor-file-posture: block}}\n"
    )
    (repository / "policy.yaml").write_text(BLOCK + "      - path: /etc/hosts\n        action: Allow\n" + namespace)
    found = changes(repository, "HEAD", code=0)
    everything = [change for change in found if change["extent"].startswith("everything that no other rule")]
    assert {(change["direction"], change["operation"]) for change in everything} == {
        ("narrowed", "read"),
        ("narrowed", "write"),
        ("narrowed", "modify"),
    }


def test_two_revisions_a_path_and_the_upstream(repository: Path) -> None:
    (repository / "policy.yaml").write_text(BLOCK.replace("/etc/shadow", "/etc/gshadow"))
    git(repository, "commit", "-qam", "two")
    assert {c["direction"] for c in changes(repository, "HEAD~1..HEAD", code=1)} == {"widened", "narrowed"}
    assert {c["direction"] for c in changes(repository, "HEAD~1..HEAD", "policy.yaml", code=1)} == {
        "widened",
        "narrowed",
    }
    done = hauberk("diff", cwd=repository)
    assert done.returncode == 2
    assert "name a revision" in done.stderr
    git(repository, "checkout", "-q", "-b", "topic", "HEAD~1")
    git(repository, "branch", "-q", "--set-upstream-to", "main")
    (repository / "policy.yaml").write_text(BLOCK + "      - path: /etc/hosts\n")
    assert {c["direction"] for c in changes(repository, code=0)} == {"narrowed"}


def test_two_folders_and_two_models() -> None:
    found = changes(ROOT, "--from", "examples/nginx/policy.yaml", "--to", "examples/nginx/corrected", code=1)
    assert found
    found = changes(ROOT, "--from-model", "kubearmor", "--to-model", "hauberk", "examples/nginx/policy.yaml")
    chown = [change for change in found if change["witness"]["how"] == "chown"]
    assert [change["direction"] for change in chown] == ["narrowed"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nosuch",), "no such revision"),
        (("--from", "a"), "--from and --to go together"),
        (("--from", "a", "--to", "b"), "no such file or folder"),
    ],
)
def test_bad_usage_is_told(repository: Path, arguments: tuple[str, ...], said: str) -> None:
    done = hauberk("diff", *arguments, cwd=repository)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_text_markdown_and_sarif(repository: Path) -> None:
    (repository / "policy.yaml").write_text(BLOCK.replace("      - path: /etc/shadow\n", ""))
    text = hauberk("diff", "HEAD", cwd=repository).stdout
    assert "widened read: /usr/bin/other reads /etc/shadow" in text
    assert "before: denied by p:file.matchPaths[0] (policy.yaml:14)" in text
    markdown = hauberk("diff", "HEAD", "--format", "markdown", cwd=repository).stdout
    assert "<details><summary>" in markdown
    assert markdown.count("| **widened** |") == 3
    schema = os.environ.get("HAUBERK_SARIF_SCHEMA", "")
    if not Path(schema).is_file():
        missing("HAUBERK_SARIF_SCHEMA names no schema: run `make test`")
    sarif = json.loads(hauberk("diff", "HEAD", "--format", "sarif", cwd=repository).stdout)
    jsonschema.validate(sarif, json.loads(Path(schema).read_text()))
    assert len(sarif["runs"][0]["results"]) == 3


def test_markdown_fits_a_comment(repository: Path) -> None:
    for number in range(300):
        text = policy(f"  action: Block\n  file:\n    matchPaths:\n      - path: /etc/{number}\n", name=f"p{number}")
        (repository / f"{number}.yaml").write_text(text.replace("app: x", f"app: x{number}"))
    markdown = hauberk("diff", "HEAD", "--format", "markdown", cwd=repository).stdout
    assert len(markdown) <= 60_000
    assert "more changes do not fit here" in markdown


# ------------------------------------------------------------------------------------- what is passed over

OPEN_ALL = (
    "apiVersion: security.kubearmor.com/v1\nkind: KubeArmorPolicy\nmetadata:\n  name: open\n  namespace: m\n"
    "spec:\n  action: Allow\n  process:\n    matchPaths:\n      - path: /usr/bin/ok\n"
)
ONE_POLICY = OPEN_ALL.replace("spec:\n", "spec:\n  selector:\n    matchLabels:\n      app: web\n").replace(
    "/usr/bin/ok", "/etc/a"
)


def everything(before: list[Source], after: list[Source]) -> Pair:
    return [load(s, keep=False) for s in before], [load(s, keep=False) for s in after]


def compared(pair: Pair) -> list[tuple[object, ...]]:
    sides = [Side(name, open_loaded(side), Model.HAUBERK) for name, side in zip("ab", pair, strict=True)]
    found = [
        (c.target.name, c.operation, c.direction, c.witness, c.before, c.after, c.rule_before, c.rule_after)
        for c in diff(sides[0], sides[1], Posture("block", "block", "block")).changes
    ]
    return sorted(found, key=repr)


# one of them is no text to YAML
LABELS = ("app: front", "app: rear", "tier: outer", "tier: inner", "zone: on", "zone: north")


def some_policy(dice: random.Random, number: int) -> str:
    labels = dice.sample(LABELS, dice.randrange(1, 3))
    selector = "      " + "\n      ".join(labels)
    form = dice.randrange(30)
    if form == 0:
        selector = "      app: 'front'"
    elif form == 1:
        selector = '      "app": rear'
    rule = f"{dice.choice(('- path: /a/', '- path: /b/'))}{number}\n        action: {dice.choice(('Allow', 'Block'))}"
    text = (
        "apiVersion: security.kubearmor.com/v1\nkind: KubeArmorPolicy\n"
        f"metadata:\n  name: p{number}\n  namespace: {dice.choice('mn')}\nspec:\n  selector:\n    matchLabels:\n"
        f"{selector}\n  action: Block\n  file:\n    matchPaths:\n      {rule}\n"
    )
    if form == 2:
        text = (
            text.replace("    matchLabels:\n", "    {}\n")
            .replace(f"{selector}\n", "")
            .replace("selector:\n    {}", "selector: {}")
        )
    elif form == 3:
        text = text.replace("KubeArmorPolicy", "KubeArmorClusterPolicy")
    elif form == 4:
        text = text.replace("spec:\n", 'spec:\n  message: "\n    matchLabels:\n      app: q\n    "\n')
    elif form == 5:
        text = (
            f"apiVersion: v1\nkind: Pod\nmetadata:\n  name: pod{number}\n  namespace: {dice.choice('mn')}\n"
            f"  labels:\n    app: {dice.choice(('front', 'rear'))}\n    tier: {dice.choice(('outer', 'inner'))}\n"
            "spec:\n  containers:\n    - name: c\n"
        )
    return text


@pytest.mark.parametrize("seed", range(120))
def test_what_is_passed_over_changes_no_answer(seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311  chance here is no secret
    before = [Source(f"{n:02}.yaml", some_policy(dice, n).encode()) for n in range(14)]
    after = list(before)
    for place in dice.sample(range(14), dice.randrange(1, 3)):
        after[place] = Source(f"{place:02}.yaml", some_policy(dice, place).encode())
    whole, less = everything(before, after), affected(before, after)
    assert compared(less) == compared(whole)


def test_most_of_them_pass_something_over() -> None:
    less = 0
    for seed in range(30):
        dice = random.Random(seed)  # noqa: S311  chance here is no secret
        before = [Source(f"{n:02}.yaml", some_policy(dice, n).encode()) for n in range(14)]
        after = [Source("00.yaml", some_policy(dice, 0).encode()), *before[1:]]
        less += len(affected(before, after)[1]) < len(after)
    assert less > 15


def test_files_of_other_workloads_are_passed_over() -> None:
    def text(app: str, path: str) -> bytes:
        whole = policy(f"  action: Block\n  file:\n    matchPaths:\n      - path: {path}\n")
        return whole.replace("      app: x\n", f"      app: {app}\n").encode()

    before = [Source(f"{app}.yaml", text(app, "/etc/shadow")) for app in ("first", "second")]
    after = [Source("first.yaml", text("first", "/etc/passwd")), before[1]]
    assert [loaded.path for loaded in affected(before, after)[1]] == ["first.yaml"]


HIDING = {
    "quoted kind": OPEN_ALL.replace("kind:", '"kind":'),
    "blank before the colon": OPEN_ALL.replace("kind:", "kind :"),
    "block scalar": OPEN_ALL.replace("spec:\n", "spec:\n  message:\n    |\n      matchLabels:\n        app: zzz\n"),
    "quotes over lines": OPEN_ALL.replace(
        "spec:\n", "spec:\n  tags: ['\"', \"a\n    matchLabels:\n      app: zzz\n    b\", '\"']\n"
    ),
    "annotations": OPEN_ALL.replace("metadata:\n", "metadata:\n  annotations:\n    matchLabels:\n      app: zzz\n"),
    "selector of metadata": OPEN_ALL.replace(
        "metadata:\n", "metadata:\n  selector:\n    matchLabels:\n      app: zzz\n"
    ),
    "selector in a list": OPEN_ALL.replace(
        "spec:\n", "spec:\n  tags:\n  - a\n  - selector:\n    matchLabels:\n      app: zzz\n"
    ),
    "namespace": '"kind": Namespace\nmetadata:\n  name: m\n  annotations: {kubearmor-file-posture: block}\n',
    "two selectors": OPEN_ALL.replace(
        "spec:\n", "spec:\n  selector:\n    matchLabels:\n      app: zzz\n  selector: {}\n"
    ),
}


@pytest.mark.parametrize("text", HIDING.values(), ids=HIDING)
def test_no_spelling_hides_a_policy(text: str) -> None:
    plain = OPEN_ALL.replace("spec:\n", "spec:\n  selector:\n    matchLabels:\n      app: zzz\n")
    for other in (text, f"{plain}---\n{text}", f"{text}---\n{plain}"):
        given = Source("other.yaml", other.encode())
        before = [Source("p.yaml", ONE_POLICY.encode()), given]
        after = [Source("p.yaml", ONE_POLICY.replace("/etc/a", "/etc/b").encode()), given]
        assert [loaded.path for loaded in affected(before, after)[1]] == ["p.yaml", "other.yaml"]
    given = Source("other.yaml", plain.encode())
    assert len(affected([before[0], given], [after[0], given])[1]) == 1


def test_what_cannot_be_read_and_differs_does_not_pass(repository: Path) -> None:
    (repository / "other.yaml").write_text("a: [\n")
    done = hauberk("diff", "HEAD", cwd=repository)
    assert done.returncode == 1
    assert "other.yaml cannot be read whole" in done.stdout
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "broken")
    done = hauberk("diff", "HEAD", cwd=repository)
    assert (done.returncode, "note: other.yaml cannot be read whole" in done.stdout) == (0, True)
    (repository / "policy.yaml").write_text(BLOCK.replace("/etc/shadow", "/etc/x") + "#" * (6 * 2**20))
    assert hauberk("diff", "HEAD", cwd=repository).returncode == 1


def test_links_and_submodules_are_named(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    inner = tmp_path_factory.mktemp("inner")
    git(inner, "init", "-q")
    git(inner, "commit", "-q", "--allow-empty", "-m", "one")
    git(repository, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(inner), "inner")
    (repository / "link.yaml").symlink_to("policy.yaml")
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "two")
    done = hauberk("diff", "HEAD~1..HEAD", cwd=repository)
    assert done.returncode == 0
    assert "inner is a submodule" in done.stdout
    assert "link.yaml is a symbolic link" in done.stdout


def test_from_a_folder_of_the_repository_all_of_it_is_compared(repository: Path) -> None:
    (repository / "sub").mkdir()
    (repository / "policy.yaml").unlink()
    assert hauberk("diff", "HEAD", cwd=repository / "sub").returncode == 1
    assert hauberk("diff", "HEAD", "policy.yaml", cwd=repository).returncode == 1
    outside = hauberk("diff", cwd=repository.parent)
    assert (outside.returncode, "git" in outside.stderr) == (2, True)
