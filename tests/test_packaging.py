"""What is installed, and what an installed command may import."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

from support import ROOT, hauberk, snapshot

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
FOLDERS = {
    "hauberk.bpf": ROOT / "bpf",
    "hauberk.cli": ROOT / "cli/hauberk/cli",
    "hauberk.enforcer": ROOT / "enforcer/hauberk/enforcer",
    "hauberk.policy": ROOT / "policy/hauberk/policy",
    "hauberk.rego": ROOT / "rego",
}


def test_every_package_is_listed() -> None:
    found = {"hauberk.bpf", "hauberk.rego"}
    for name in ("hauberk.cli", "hauberk.enforcer", "hauberk.policy"):
        for init in FOLDERS[name].rglob("__init__.py"):
            found.add(".".join([name, *init.parent.relative_to(FOLDERS[name]).parts]))
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == found


def test_the_namespace_has_no_init() -> None:
    assert [path for path in ROOT.glob("*/hauberk/__init__.py") if ".venv" not in path.parts] == []


def test_the_wheel_holds_rules_and_no_tests(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--wheel-dir",
        tmp_path,
        snapshot(tmp_path / "source"),
    ]
    subprocess.run(list(map(str, command)), check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "hauberk/rego/policy.wasm" in names
    assert "hauberk/rego/catalogue.json" in names
    assert "hauberk/rego/rules/dead/builtin/rule.rego" in names
    assert "hauberk/cli/hauberk.schema.json" in names
    assert {f"hauberk/cli/output/matrix_page.{kind}" for kind in ("html", "css", "js")} <= set(names)
    assert "hauberk/policy/schemas/facts.json" in names
    sources = [path.relative_to(ROOT / "bpf").as_posix() for path in (ROOT / "bpf").rglob("*.[ch]")]
    assert {f"hauberk/bpf/{name}" for name in (*sources, "hauberk.bpf.o", "__init__.py")} <= set(names)
    assert not [name for name in names if "_test.rego" in name or "/bad/" in name or "/good/" in name]
    assert "hauberk/__init__.py" not in names


def test_the_base_install_is_light() -> None:
    names = {requirement.split(">")[0] for requirement in PROJECT["project"]["dependencies"]}
    assert names == {"jsonschema-rs", "PyYAML", "ruamel.yaml", "typer", "wasmtime"}


def test_version_and_help_import_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['hauberk', '--version']\n"
        "from hauberk.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit as done:\n    assert not done.code\n"
        "heavy = ('wasmtime', 'yaml', 'jsonschema_rs', 'rich', 'ruamel', 'kubernetes', 'opa_client', 'sqlite3')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_every_command_has_help_with_examples() -> None:
    for command in ("lint", "rules", "decide", "fmt", "explain", "test", "matrix"):
        done = hauberk(command, "--help")
        assert done.returncode == 0
        assert "Example" in done.stdout
    assert hauberk("nosuch").returncode == 2
