"""All engines give the same findings, byte for byte, over the public corpus."""

from __future__ import annotations

import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hauberk.cli.catalogue import rules_folder
from hauberk.cli.engine.server import ServerEngine
from hauberk.policy.problems import HauberkError
from support import hauberk, opa, shared


@contextmanager
def server() -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        [opa(), "run", "--server", "--addr", f"127.0.0.1:{port}", "--disable-telemetry", "--log-level", "error"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(100):
            try:
                urllib.request.urlopen(f"{url}/health", timeout=1).close()  # noqa: S310  # our own server
                break
            except OSError:
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=10)


@pytest.mark.corpus
@pytest.mark.opa
def test_engines_agree_over_the_corpus(tmp_path: Path) -> None:
    corpus = shared("corpus", "policies")

    def findings(name: str, *arguments: str) -> bytes:
        out = tmp_path / name
        done = hauberk("lint", ".", "--no-cache", "--format", "json", "--output", out, *arguments, cwd=corpus)
        assert done.returncode == 1, done.stderr
        return out.read_bytes()

    wasm = findings("wasm", "--engine", "wasm")
    assert wasm.count(b'"rule"') > 1000
    assert findings("opa", "--engine", "opa", "--opa", str(opa())) == wasm
    with server() as url:
        assert findings("server", "--engine", "server", "--opa-url", url) == wasm


def test_a_server_that_is_not_there_is_bad_usage(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("kind: KubeArmorPolicy\napiVersion: security.kubearmor.com/v1\n")
    done = hauberk("lint", tmp_path, "--no-cache", "--engine", "server", "--opa-url", "http://127.0.0.1:9")
    assert done.returncode == 2
    assert "cannot be used" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://me:secret@127.0.0.1:9", "user or password"),
        ("http://127.0.0.1:9/opa", "a path"),
        ("http://127.0.0.1:9?x=1", "a path"),
        ("http://127.0.0.1:nine", "not the URL"),
        ("http://[::1", "not the URL"),
        ("ftp://127.0.0.1", "not the URL"),
        ("http://127.0.0.1", "127.0.0.1:80 "),
        ("https://127.0.0.1", "127.0.0.1:443 "),
        ("http://[::1]:9", "[::1]:9 "),
    ],
)
def test_a_url_is_taken_as_a_whole_or_refused(url: str, said: str) -> None:
    with pytest.raises(HauberkError) as refused:
        ServerEngine(url, rules_folder())
    assert said in str(refused.value)
    assert "secret" not in str(refused.value)


@pytest.mark.opa
def test_rules_of_an_older_version_are_taken_off_the_server(tmp_path: Path) -> None:
    (tmp_path / "main.rego").write_text((rules_folder() / "main.rego").read_text())
    rule = 'package hauberk.rules.a.b\n\nviolation contains {"id": "HB000"}\n'
    (tmp_path / "old.rego").write_text(rule)
    with server() as url:
        assert list(ServerEngine(url, tmp_path).evaluate([b"{}"])) == [[{"id": "HB000"}]]
        (tmp_path / "old.rego").unlink()
        assert list(ServerEngine(url, tmp_path).evaluate([b"{}"])) == [[]]
