"""The cache: the same answers, safe beside other runs, harmless when it is lost, full or damaged."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hauberk.cli.cache import ResultCache
from support import hauberk
from support.policies import policy

TEXT = policy("  action: Block\n  file:\n    matchPaths:\n      - path: /a\n        readOnly: true\n")


def run(folder: Path, *arguments: str) -> str:
    done = hauberk(
        "lint", "p.yaml", "--format", "json", *arguments, cwd=folder, env={"XDG_CACHE_HOME": str(folder / "cache")}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_second_run_says_the_same(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(TEXT)
    first = run(tmp_path)
    assert (tmp_path / "cache/hauberk/results-1.sqlite").exists()
    assert (tmp_path / "cache/hauberk").stat().st_mode & 0o777 == 0o700
    assert run(tmp_path) == first == run(tmp_path, "--no-cache")


def test_a_changed_file_or_setting_is_another_question(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(TEXT)
    first = run(tmp_path)
    assert run(tmp_path, "--ignore", "HB304") != first
    (tmp_path / "p.yaml").write_text(TEXT.replace("readOnly", "ownerOnly"))
    assert '"HB305"' in run(tmp_path)


def test_a_cached_run_imports_no_engine_and_no_parser(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(TEXT)
    run(tmp_path)
    code = (
        "import sys; sys.argv = ['hauberk', 'lint', 'p.yaml']\n"
        "from hauberk.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print([m for m in ('wasmtime', 'yaml', 'jsonschema_rs', 'rich', 'ruamel', 'kubernetes') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        env={"XDG_CACHE_HOME": str(tmp_path / "cache"), "HOME": str(tmp_path)},
    )
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("damage", ["garbage", "folder", "readonly"])
def test_a_cache_that_cannot_be_used_is_a_note(tmp_path: Path, damage: str) -> None:
    (tmp_path / "p.yaml").write_text(TEXT)
    cache = tmp_path / "cache/hauberk"
    if damage == "garbage":
        cache.mkdir(parents=True)
        (cache / "results-1.sqlite").write_bytes(b"no database at all" * 100)
    elif damage == "folder":
        cache.parent.mkdir()
        cache.write_text("a file where the folder should be")
    else:
        (cache / "results-1.sqlite").mkdir(parents=True)
    done = hauberk("lint", "p.yaml", cwd=tmp_path, env={"XDG_CACHE_HOME": str(tmp_path / "cache")})
    assert done.returncode == 0
    assert "HB304" in done.stdout
    assert "results are not cached" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_full_disk_is_a_note(tmp_path: Path) -> None:
    with ResultCache(tmp_path) as cache:
        database = cache._database
        assert database is not None
        # SQLite's own limit stands for the disk's: the same error, "database or disk is full"
        database.execute("PRAGMA max_page_count = 2")
        for number in range(200):
            cache.put(b"key%d" % number, bytes(range(256)) * 40)
    assert "full" in cache.trouble
    with ResultCache(tmp_path) as cache:
        assert cache.get(b"key1") is None
        assert not cache.trouble


def test_many_runs_at_once(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(TEXT)
    command = [sys.executable, "-m", "hauberk.cli.main", "lint", "p.yaml", "--format", "json"]
    env = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "HOME": str(tmp_path)}
    runs = [
        subprocess.Popen(command, cwd=tmp_path, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(8)
    ]
    answers = {one.communicate() for one in runs}
    assert len(answers) == 1
    assert all(one.returncode == 0 for one in runs)


def test_the_oldest_entries_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hauberk.cli.cache._KEEP", 10)
    for number in range(4):
        with ResultCache(tmp_path) as cache:
            for index in range(5):
                cache.put(b"%d-%d" % (number, index), b"x")
    with ResultCache(tmp_path) as cache:
        assert cache.get(b"0-0") is None
        assert cache.get(b"3-4") == b"x"
