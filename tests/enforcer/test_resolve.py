"""Rules mean what the kernel sees: names without links."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from enforcer.made import given
from hauberk.enforcer.resolve import Links, UnreadableError, resolved, written
from hauberk.policy.model import Directory, Pattern, Program


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A merged /usr, links that are absolute, relative, chained, circular, and that lead out."""
    for folder in ("usr/bin", "usr/lib", "etc", "var", "run", "proc/self"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "usr/bin/mawk").touch()
    for name, target in {
        "bin": "usr/bin",
        "lib": "/usr/lib",
        "usr/bin/awk": "/etc/awk",
        "etc/awk": "../bin/mawk",
        "a": "b",
        "b": "a",
        "out": "../../../../etc",
        "var/run": "/run",
        "proc/self/exe": "/usr/bin/mawk",
    }.items():
        (tmp_path / name).symlink_to(target)
    return tmp_path


@pytest.mark.parametrize(
    ("path", "real"),
    [
        ("/usr/bin/mawk", "/usr/bin/mawk"),
        ("/bin/mawk", "/usr/bin/mawk"),
        ("/bin/nothing/below", "/usr/bin/nothing/below"),
        ("/bin/", "/usr/bin/"),
        ("/bin/awk", "/usr/bin/mawk"),
        ("/lib/x.so", "/usr/lib/x.so"),
        ("/var/run/x", "/run/x"),
        ("/nothing/at/all", "/nothing/at/all"),
        ("/a/x", "/a/x"),
        ("/out/passwd", "/etc/passwd"),
        ("/", "/"),
        ("//bin//mawk", "/usr/bin/mawk"),
        ("/proc/self/exe", "/proc/self/exe"),
        ("/bin/\0", "/usr/bin/\0"),
    ],
)
def test_paths(root: Path, path: str, real: str) -> None:
    assert Links(root)(path) == real


def test_no_more_links_than_the_kernel_follows(tmp_path: Path) -> None:
    (tmp_path / "l0").touch()
    for number in range(1, 50):
        (tmp_path / f"l{number}").symlink_to(f"l{number - 1}")
    assert Links(tmp_path)("/l40") == "/l0"
    assert Links(tmp_path)("/l41") == "/l41"


def test_what_cannot_be_looked_into_is_not_taken_for_no_link(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may read all folders of a file system here, but not those of others without capabilities, or of NFS."""

    def readlink(path: str) -> str:
        raise PermissionError(errno.EACCES, "Permission denied", path)

    monkeypatch.setattr(os, "readlink", readlink)
    with pytest.raises(UnreadableError, match=r"whether /bin is a link cannot be seen: Permission denied"):
        Links(root)("/bin/ls")


SPEC = """
process:
  matchPaths: [{path: /bin/awk, fromSource: [{path: /bin/x}, {}]}, {execname: ls}, {path: /bin/*}]
  matchDirectories: [{dir: /bin/, recursive: true}, {dir: /}]
  matchPatterns: [{pattern: "/bin/**"}, {pattern: "/b*/x"}, {pattern: "/lib/x/{a,b}"}]
network: {matchProtocols: [{protocol: tcp, fromSource: [{path: /bin/y}]}]}
capabilities: {matchCapabilities: [{capability: net_raw}]}
"""


def test_all_that_names_a_path_is_resolved(root: Path) -> None:
    policy = resolved(given(SPEC).policy, Links(root))
    assert [rule.matcher for rule in policy.rules][:8] == [
        Program("/usr/bin/mawk"),
        Program(None, "ls"),
        Program("/usr/bin/*"),
        Directory("/usr/bin/", recursive=True),
        Directory("/"),
        Pattern("/usr/bin/**"),
        Pattern("/b*/x"),
        Pattern("/usr/lib/x/{a,b}"),
    ]
    assert policy.rules[0].sources == ("/usr/bin/x", None)
    assert policy.rules[8].sources == ("/usr/bin/y",)


def test_what_is_asked_about() -> None:
    assert list(written(given(SPEC).policy)) == ["/bin/x", "/bin/awk", "/bin/", "/lib/x/", "/bin/y"]


def test_nothing_to_resolve_leaves_the_policy_as_it_is() -> None:
    policy = given(SPEC).policy
    assert resolved(policy, lambda path: path) == policy


def test_a_pattern_is_left_alone_where_its_link_leads_to_characters_of_patterns(tmp_path: Path) -> None:
    (tmp_path / "[x]").mkdir()
    (tmp_path / "l").symlink_to("[x]")
    policy = resolved(given("file: {matchPatterns: [{pattern: /l/*}]}").policy, Links(tmp_path))
    assert policy.rules[0].matcher == Pattern("/l/*")
