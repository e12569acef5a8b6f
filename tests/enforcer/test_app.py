"""The command line: help, completion, exit codes, and no traceback for a mistake."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from support.policies import policy

COMMANDS = ("check", "load", "test", "unload", "dump", "events")


def enforcer(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hauberk.enforcer.main", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment or None)


def test_version_and_help_import_nothing_heavy() -> None:
    for arguments in (["--version"], ["load", "--help"]):
        code = (
            f"import sys; sys.argv = ['hauberk-enforcer', *{arguments}]\n"
            "from hauberk.enforcer.main import main\n"
            "try:\n    main()\nexcept SystemExit as done:\n    assert not done.code\n"
            "heavy = ('yaml', 'jsonschema_rs', 'rich', 'hauberk.enforcer.kernel.libbpf', 'hauberk.policy.decision')\n"
            "print([name for name in heavy if name in sys.modules])"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_examples(command: str) -> None:
    done = enforcer(command, "--help")
    assert done.returncode == 0
    assert f"hauberk-enforcer {command}" in done.stdout.split("Examples:")[1]


def test_completion() -> None:
    words = {"_HAUBERK_ENFORCER_COMPLETE": "complete_bash", "COMP_WORDS": "hauberk-enforcer ", "COMP_CWORD": "1"}
    program = Path(sys.executable).with_name("hauberk-enforcer")
    done = subprocess.run([program], capture_output=True, text=True, check=False, env=words)
    assert set(COMMANDS) <= set(done.stdout.split())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nosuch"], "No such command"),
        (["load"], "Missing option '--policies'"),
        (["load", "--policies", "x"], "nothing to enforce it on"),
        (["load", "--policies", "x", "--pid", "1", "--label", "a"], "give key=value"),
        (["load", "--policies", "x", "--cgroup", "a", "--rate", "x"], "give N/SECONDS"),
        (["load", "--policies", "x", "--cgroup", "/nosuch/cgroup"], "no such cgroup"),
        (["load", "--policies", "/nosuch", "--host"], "/nosuch: No such file or directory"),
        (["load", "--policies", "/dev/null", "--host"], "is not a regular file"),
        (["events", "--config", "/nosuch"], "/nosuch: No such file or directory"),
        (["dump", "--format", "xml"], "'xml' is not"),
    ],
)
def test_mistakes(arguments: list[str], said: str) -> None:
    done = enforcer(*arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_policies_with_problems(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(policy("  actoin: Block\n"))
    (tmp_path / "b.yaml").write_text("kind: [\n")
    done = enforcer("load", "--policies", tmp_path, "--host")
    assert done.returncode == 1
    assert f"  {tmp_path}/a.yaml:11:3: " in done.stderr
    assert f"  {tmp_path}/b.yaml:2:1: " in done.stderr


def test_nothing_is_loaded(tmp_path: Path) -> None:
    where = ("--pins", tmp_path / "pins", "--state", tmp_path / "state.json")
    done = enforcer("unload", *where)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "note: nothing was loaded\n")
    done = enforcer("dump", *where)
    assert (done.returncode, done.stdout) == (0, "no programs are loaded\n")
    done = enforcer("events", *where)
    assert done.returncode == 1
    assert done.stderr == "hauberk-enforcer: no programs are loaded: `hauberk-enforcer load` loads them\n"


def test_pins_that_are_not_ours_are_not_removed(tmp_path: Path) -> None:
    (tmp_path / "pins").mkdir()
    (tmp_path / "pins/file").touch()
    where = ("--pins", tmp_path / "pins", "--state", tmp_path / "state.json")
    done = enforcer("unload", *where)
    assert done.returncode == 1
    assert "holds pins that are not ours (file): nothing is removed" in done.stderr
    assert (tmp_path / "pins/file").exists()
    assert enforcer("dump", *where).returncode == 1
