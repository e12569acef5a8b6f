"""`hauberk matrix`: its values, its forms, and that text of policies stays text in them."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from hauberk.cli.commands import matrix as command
from hauberk.cli.commands.diff import Side
from hauberk.cli.commands.matrix import matrices
from hauberk.cli.opened import open_repository
from hauberk.cli.output.matrix_html import embedded
from hauberk.cli.output.matrix_text import shortened
from hauberk.policy.circumstances import Way, at
from hauberk.policy.decision import compile_policies
from hauberk.policy.model import Model, Posture
from support import ROOT, hauberk
from support.pages import page_data
from support.policies import policy

SEED = ROOT / "examples/nginx/policy.yaml"
INJECTION = "</script><img src=x onerror=alert(1)>"
BLOCK = "  action: Block\n  file:\n    matchPaths:\n      - path: /etc/shadow\n      - path: /etc/passwd\n"


@pytest.mark.parametrize("model", list(Model))
@pytest.mark.parametrize("name", ["policy.yaml", "corrected"])
def test_every_cell_of_the_seed_is_what_decide_says(model: Model, name: str) -> None:
    opened = open_repository([str(ROOT / "examples/nginx" / name)])
    found = matrices([Side("now", opened, model)], None, Posture(), None, lambda _done, _all: None)
    asked = 0
    for one in found.workloads:
        compiled = compile_policies(model, opened.policies, one.target.workload, one.posture)
        for row, program in enumerate(one.matrix.programs):
            for column, asset in enumerate(one.matrix.assets):
                for op, ruling in zip(asset.ops, one.matrix.cell(row, column), strict=True):
                    for answer in ruling.answers:
                        access = at(asset.access(op, program), Way(answer.way, frozenset()))
                        decision = compiled.decide(access)
                        assert decision == answer.said[0].decision
                        assert found.place(answer.said[0].origin).rule == decision.rule
                        if decision.rule:
                            place = found.place(answer.said[0].origin)
                            assert f"{place.path}:{place.line}" == opened.place_of(decision.rule)
                        asked += 1
    assert asked > 40


def test_the_table_of_the_seed() -> None:
    done = hauberk("matrix", "examples/nginx/policy.yaml", cwd=ROOT, env={"COLUMNS": "100"})
    assert done.returncode == 0, done.stderr
    rows = {line[:21].strip(): line[21:].split() for line in done.stdout.splitlines()[2:7]}
    assert rows == {
        "": ["/**", "/etc/nginx/**", "/usr/bin/bash", "/usr/sbin/nginx"],
        "every other program": ["rwmX", "r--X", "rwmx", "rwmx"],
        "/usr/bin/cd": ["rwmX", "rwmX", "rwmx", "rwmx"],
        "/usr/sbin/nginx": ["rwmX", "rwmX", "rwmx", "rwmx"],
        "/usr/bin/bash": ["rwmX", "r--X", "rwmx", "rwmx"],
    }
    assert (
        "write, modify: denied by only-allow-nginx-exec:file.matchDirectories[3] (examples/nginx/policy.yaml:29): "
        "every other program, /usr/bin/bash"
    ) in done.stdout
    assert "\x1b" not in done.stdout


def test_a_narrow_terminal_gets_several_tables() -> None:
    done = hauberk("matrix", "examples/nginx/policy.yaml", cwd=ROOT, env={"COLUMNS": "50"})
    table = done.stdout.split("/** (for example")[0]
    assert max(map(len, table.splitlines()[1:])) <= 50
    assert table.count("every other program") > 1
    assert shortened("/usr/share/nginx/html/index.html", 20) == "/usr/s.../index.html"


def test_json() -> None:
    done = hauberk("matrix", "examples/nginx/policy.yaml", "--format", "json", "--posture", "block", cwd=ROOT)
    whole = json.loads(done.stdout)
    assert whole["version"] == 1
    (one,) = whole["workloads"]
    assert one["workload"] == {
        "name": "pods in default with app=nginx",
        "namespace": "default",
        "labels": {"app": "nginx"},
        "container": "",
    }
    assert one["posture"]["from"] == "--posture"
    column = [asset["name"] for asset in one["assets"]].index("/etc/nginx/**")
    row = [program["name"] for program in one["programs"]].index("/usr/bin/bash")
    cell = one["cells"][row][column]
    answers = {op: one["answers"][number] for op, number in cell.items()}
    assert {op: answer["verdict"] for op, answer in answers.items()} == {
        "read": "allowed", "write": "denied", "modify": "denied", "exec": "denied"
    }  # fmt: skip
    assert answers["write"]["cases"] == [
        {
            "when": "",
            "verdict": "denied",
            "rule": "only-allow-nginx-exec:file.matchDirectories[3]",
            "path": "examples/nginx/policy.yaml",
            "line": 29,
            "report": [
                {
                    "policy": "only-allow-nginx-exec",
                    "action": "Block",
                    "rule": "only-allow-nginx-exec:file.matchDirectories[3]",
                }
            ],
        }
    ]


def test_markdown() -> None:
    done = hauberk("matrix", "examples/nginx/policy.yaml", "--format", "markdown", cwd=ROOT)
    assert "| every other program | `rwmX` | `r--X` | `rwmx` | `rwmx` |" in done.stdout
    assert "<details><summary>Which rule decides</summary>" in done.stdout


def test_markdown_fits_a_comment(tmp_path: Path) -> None:
    for number in range(200):
        text = policy(BLOCK, name=f"p{number}").replace("app: x", f"app: x{number}")
        (tmp_path / f"{number}.yaml").write_text(text)
    done = hauberk("matrix", ".", "--format", "markdown", cwd=tmp_path)
    assert len(done.stdout) <= 60_000
    assert "more workloads do not fit here" in done.stdout


def test_the_form_follows_the_name_of_the_output(tmp_path: Path) -> None:
    for name, start in (("m.html", "<!DOCTYPE html>"), ("m.json", '{"version":1'), ("m.md", "### Hauberk")):
        assert hauberk("matrix", SEED, "--output", tmp_path / name).returncode == 0
        assert (tmp_path / name).read_text().startswith(start)
    assert hauberk("matrix", SEED, "--format", "text", "--output", tmp_path / "m.html").returncode == 0
    assert "every other program" in (tmp_path / "m.html").read_text()


def test_one_workload_of_several_and_the_other_model() -> None:
    done = hauberk("matrix", "examples", "--workload", "mysql", "--model", "kubearmor", "--format", "json", cwd=ROOT)
    whole = json.loads(done.stdout)
    assert whole["model"] == "kubearmor"
    assert [one["workload"]["name"] for one in whole["workloads"]] == ["StatefulSet/shop/mysql/mysql"]
    everything = json.loads(hauberk("matrix", "examples", "--format", "json", cwd=ROOT).stdout)
    assert len(everything["workloads"]) > 4


def test_what_depends_is_told_with_both_answers(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(policy(BLOCK + "        ownerOnly: true\n"))
    done = hauberk("matrix", "p.yaml", cwd=tmp_path)
    assert "as its owner: allowed by p:file.matchPaths[1] (p.yaml:15); as a user who does not own it: denied by" in (
        done.stdout
    )
    assert re.search(r"every other program +\?\?\?x", done.stdout)


def folders(folder: Path) -> tuple[str, ...]:
    (folder / "old").mkdir()
    (folder / "new").mkdir()
    (folder / "old/p.yaml").write_text(policy(BLOCK))
    (folder / "new/p.yaml").write_text(policy(BLOCK.replace("      - path: /etc/shadow\n", "")))
    return "--from", "old", "--to", "new"


def test_two_folders_mark_what_changed(tmp_path: Path) -> None:
    sides = folders(tmp_path)
    text = hauberk("matrix", *sides, cwd=tmp_path).stdout
    assert re.search(r"every other program +---x +rwmx\^ +rwmx", text)
    assert "before denied by p:file.matchPaths[0] (old/p.yaml:14); after allowed, as no rule decides" in text
    assert "1 cells change in 1 of 1 workloads (old -> new)" in text
    whole = json.loads(hauberk("matrix", *sides, "--format", "json", cwd=tmp_path).stdout)
    changes = [answer for answer in whole["workloads"][0]["answers"] if answer["change"]]
    assert {(one["before"], one["verdict"], *one["change"]) for one in changes} == {("denied", "allowed", "widened")}
    assert "**widened**" in hauberk("matrix", *sides, "--format", "markdown", cwd=tmp_path).stdout


def test_revisions(tmp_path: Path) -> None:
    from cli.test_diff import git

    git(tmp_path, "init", "-q")
    (tmp_path / "p.yaml").write_text(policy(BLOCK))
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "one")
    (tmp_path / "p.yaml").write_text(policy(BLOCK + "      - path: /etc/hosts\n"))
    done = hauberk("matrix", "--diff", "HEAD", cwd=tmp_path)
    assert re.search(r"every other program +---xv", done.stdout), done.stdout + done.stderr
    git(tmp_path, "commit", "-qam", "two")
    assert "(HEAD~1 -> HEAD)" in hauberk("matrix", "--diff", "HEAD~1..HEAD", "p.yaml", cwd=tmp_path).stdout
    assert "0 cells change" in hauberk("matrix", "--diff", "HEAD", cwd=tmp_path).stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nosuch.yaml",), "no such file or folder"),
        (("--posture", "loud"), "give audit or block"),
        (("--workload", "nosuch"), "no such workload"),
        (("--from", "old"), "--from and --to go together"),
        (("--from", "old", "--to", "new", "old"), "--diff and paths do not go with them"),
        (("--from", "old", "--to", "new", "--workload", "nosuch"), "no such workload"),
        (("--format", "pdf"), "pdf"),
        (("--output", "nosuch/m.html"), "cannot be written"),
        (("--diff", "nosuch"), "git"),
    ],
)
def test_bad_usage_is_told(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    folders(tmp_path)
    done = hauberk("matrix", *arguments, cwd=tmp_path, env={"GIT_CEILING_DIRECTORIES": str(tmp_path.parent)})
    assert done.returncode == 2, done.stdout + done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_without_policies_is_told(tmp_path: Path) -> None:
    done = hauberk("matrix", cwd=tmp_path)
    assert (done.returncode, "no policy in" in done.stderr) == (2, True)


def hostile(folder: Path) -> Path:
    """A policy whose names are markup, and would end the script they stand in."""
    name = json.dumps(INJECTION)
    rules = f"      - path: {json.dumps('/srv/' + INJECTION)}\n        fromSource:\n"
    rules += '          - path: "/x<b>`|$\\u2028{{data}}"\n'
    rules += '      - path: "/e\\e[31m\\u202e"\n'
    path = folder / "hostile.yaml"
    path.write_text(policy("  action: Block\n  file:\n    matchPaths:\n" + rules).replace("name: p", f"name: {name}"))
    return path


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.found.append(tag)


def test_names_in_policies_are_never_markup(tmp_path: Path) -> None:
    page = hauberk("matrix", hostile(tmp_path), "--format", "html").stdout
    tags = _Tags()
    tags.feed(page)
    assert tags.found.count("script") == 2
    assert not {"img", "b", "iframe"} & set(tags.found)
    labels = [asset[1] for asset in page_data(page)["workloads"][0]["assets"]]
    assert "/srv/" + INJECTION in labels
    assert "/e\\x1b[31m\\u202e" in labels
    markdown = hauberk("matrix", hostile(tmp_path), "--format", "markdown").stdout
    assert "<img" not in markdown.replace(f"`/srv/{INJECTION}`", "")
    text = hauberk("matrix", hostile(tmp_path)).stdout
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_embedded_data_is_safe_and_the_same() -> None:
    data = ["</script>", "<!--", "\u2028\u2029", "a&b", "\ud800", "'\"\\"]
    text = embedded(data)
    assert json.loads(text) == data
    assert not set("<>&\u2028\u2029") & set(text)
    assert text.isascii()


@pytest.mark.parametrize("model", list(Model))
def test_the_data_of_the_page_are_the_answers(model: Model) -> None:
    whole = json.loads(hauberk("matrix", "examples", "--model", model.value, "--format", "json", cwd=ROOT).stdout)
    data = page_data(hauberk("matrix", "examples", "--model", model.value, "--format", "html", cwd=ROOT).stdout)
    senses = ("allowed", "denied", "audited", "depends")
    assert [one["name"] for one in data["workloads"]] == [one["workload"]["name"] for one in whole["workloads"]]
    for shown, one in zip(data["workloads"], whole["workloads"], strict=True):
        for line, cells in zip(shown["lines"], one["cells"], strict=True):
            for number, cell in zip(shown["rows"][line], cells, strict=True):
                rulings = [data["rulings"][ruling] for ruling in data["cells"][number]]
                answers = [one["answers"][answer] for answer in cell.values()]
                assert [senses[ruling[0]] for ruling in rulings] == [answer["verdict"] for answer in answers]
                rules = [[data["said"][case[1]][1] for case in ruling[4]] for ruling in rulings]
                expected = [[case["rule"] for case in answer["cases"]] for answer in answers]
                assert [[rule if ":" in rule else None for rule in some] for some in rules] == expected


def test_workloads_that_are_left_out_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "MOST_CELLS", 20)
    opened = open_repository([str(ROOT / "examples")])
    side = Side("now", opened, Model.HAUBERK)
    found = matrices([side], None, Posture(), None, lambda _done, _all: None)
    left = len(opened.repository.targets()) - len(found.workloads)
    assert left > 0
    assert found.notes == [f"{left} workloads are left out, as the table would be too large: name one by --workload"]


def test_the_page_loads_nothing() -> None:
    page = hauberk("matrix", SEED, "--format", "html").stdout
    policies = re.findall(r'<meta http-equiv="Content-Security-Policy" content="([^"]+)">', page)
    assert len(policies) == 1
    assert policies[0].startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policies[0]
    assert not re.search(r"""(?:src|href|action)\s*=|https?:|url\(|@import|innerHTML|\beval\b""", page)
