"""The wasm engine: limits, traps, refusals. A failure is never an empty answer."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from hauberk.cli.catalogue import rules_folder
from hauberk.cli.engine import Failure, instance
from hauberk.cli.engine.wasm import WasmEngine
from hauberk.cli.judging import encode
from hauberk.policy.facts import envelope
from hauberk.policy.problems import HauberkError
from support import opa

FACTS = encode(envelope("file", "a.yaml", ("kubearmor", "hauberk")))


def answer_of(engine: WasmEngine, document: bytes) -> Any:
    return engine.one(document)


def compiled(tmp_path: Path, source: str, entry: str = "hauberk/violations") -> Path:
    (tmp_path / "p.rego").write_text(source)
    command = [opa(), "build", "-t", "wasm", "-e", entry, "-o", tmp_path / "b.tar.gz", tmp_path / "p.rego"]
    subprocess.run(list(map(str, command)), check=True, capture_output=True)
    with tarfile.open(fileobj=io.BytesIO((tmp_path / "b.tar.gz").read_bytes())) as archive:
        member = archive.extractfile("/policy.wasm")
        assert member is not None
        (tmp_path / "p.wasm").write_bytes(member.read())
    return tmp_path / "p.wasm"


def test_the_built_in_rules_need_no_host_function() -> None:
    assert WasmEngine(rules_folder() / "policy.wasm").one(FACTS) == []


@pytest.mark.opa
def test_a_computation_that_takes_all_memory_is_stopped_and_the_engine_goes_on(tmp_path: Path) -> None:
    path = compiled(
        tmp_path,
        "package hauberk\n\nviolations := [x | input.slow; some a in numbers.range(1, 9999); "
        "some b in numbers.range(1, 9999); x := a * b; x < 0]\n",
    )
    engine = WasmEngine(path)
    answer = engine.one(b'{"slow": true}')
    assert isinstance(answer, Failure)
    assert answer.reason == "the rules used up their memory (256 MiB)"
    assert engine.one(b"{}") == []


@pytest.mark.opa
def test_an_endless_computation_is_stopped_and_the_engine_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instance, "FUEL", 50_000_000)
    nested = "; ".join(f"some x{n} in input.xs" for n in range(9))
    engine = WasmEngine(compiled(tmp_path, f"package hauberk\n\nviolations := [1 | {nested}; x0 + x1 < 0]\n"))
    answer = engine.one(b'{"xs": [1, 2, 3, 4, 5, 6, 7, 8, 9]}')
    assert isinstance(answer, Failure)
    assert "fuel" in answer.reason
    assert engine.one(b'{"xs": []}') == []


@pytest.mark.opa
def test_a_conflict_in_the_rules_is_a_failure_with_its_place(tmp_path: Path) -> None:
    engine = WasmEngine(
        compiled(tmp_path, "package hauberk\n\nviolations := [1] if input.a\n\nviolations := [2] if input.b\n")
    )
    answer = engine.one(b'{"a": 1, "b": 2}')
    assert isinstance(answer, Failure)
    assert "p.rego:" in answer.reason
    assert answer_of(engine, b'{"a": 1}') == [1]


@pytest.mark.opa
def test_a_document_that_does_not_fit_the_memory_is_a_failure(tmp_path: Path) -> None:
    engine = WasmEngine(compiled(tmp_path, "package hauberk\n\nviolations := [input.a]\n"))
    assert isinstance(engine.one(b'{"a": "' + b"x" * (300 * 1024 * 1024) + b'"}'), Failure)
    assert answer_of(engine, b'{"a": 1}') == [1]


@pytest.mark.opa
def test_packs_that_cannot_run_are_refused_by_name(tmp_path: Path) -> None:
    needs_host = compiled(tmp_path, 'package hauberk\n\nviolations := [sprintf("%d", [input.a])]\n')
    with pytest.raises(HauberkError, match="sprintf"):
        WasmEngine(needs_host)
    other = compiled(tmp_path, "package other\n\nx := [input.a]\n", "other/x")
    with pytest.raises(HauberkError, match="entry point"):
        WasmEngine(other)
    (tmp_path / "no.wasm").write_bytes(b"not wasm")
    with pytest.raises(HauberkError, match="not a WebAssembly module"):
        WasmEngine(tmp_path / "no.wasm")
