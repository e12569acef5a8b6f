"""Rules compiled to WebAssembly by OPA, run by wasmtime: no I/O exists in there, and fuel and memory are bounded.

Built-in functions that need a host are not provided: the rules use none, and a pack that does is refused when it is
loaded, as is one that does not load, start or answer like a module of OPA's.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import wasmtime

from hauberk.cli.engine import ENTRY_POINT, Failure, Violation
from hauberk.cli.engine.instance import MEMORY_PAGES, PAGE, AbortError, Instance
from hauberk.policy.problems import HauberkError

# The built-in rules take a thirtieth; compiling takes time and memory in proportion to it
LARGEST_MODULE = 16 << 20
# Documents that may use up all their fuel before the rest is not asked: a pack must not take two seconds for each
ENDLESS = 4
# What a module can make happen here: traps, texts that are no JSON or too deep, values that have another type
_TROUBLE = (
    wasmtime.Trap,
    wasmtime.WasmtimeError,
    AbortError,
    ArithmeticError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
_compiled_in = 0


class WasmEngine:
    """One module, one instance; after a failure the instance is thrown away, as its memory may be inconsistent."""

    def __init__(self, path: Path) -> None:
        self._engine = _engine()
        binary = _binary(path)
        try:
            self._module = wasmtime.Module(self._engine, binary)
        except wasmtime.WasmtimeError as error:
            raise HauberkError(f"{path}: not a WebAssembly module that can be loaded: {error}") from None
        # OPA's modules ask for two pages whatever their constants take; these are in the binary, so its size will do
        self._least = min(len(binary) // PAGE + 16, MEMORY_PAGES)
        self._instance: Instance | None = None
        self._exhausted = 0
        try:
            instance = self._ready()
        except _TROUBLE as error:
            raise HauberkError(
                f"{path}: not a pack of rules: {_reason(error)}; build it with `opa build -t wasm -e {ENTRY_POINT}` "
                "from your rules and the folder that `hauberk rules --sources` prints"
            ) from None
        _check(path, instance)

    def evaluate(self, documents: Iterable[bytes]) -> Iterator[list[Violation] | Failure]:
        for document in documents:
            yield self.one(document)

    def one(self, document: bytes) -> list[Violation] | Failure:
        if self._exhausted >= ENDLESS:
            return Failure(f"the rules were not asked: they ran out of fuel for {ENDLESS} documents before")
        try:
            return self._ready().evaluate(document)
        except _TROUBLE as error:
            self._instance = None
            reason = _reason(error)
            self._exhausted += reason == _NO_FUEL
            return Failure(reason)

    def _ready(self) -> Instance:
        if self._instance is None:
            self._instance = Instance(self._engine, self._module, self._least)
        return self._instance


def _binary(path: Path) -> bytes:
    try:
        if path.stat().st_size > LARGEST_MODULE or not path.is_file():
            limit = f"{LARGEST_MODULE >> 20} MiB"
            raise HauberkError(f"{path}: not a file of at most {limit}; give the Rego sources with --rules instead")
        return path.read_bytes()
    except OSError as error:
        raise HauberkError(f"{path}: cannot be read: {error.strerror}") from None


def _engine() -> wasmtime.Engine:
    global _compiled_in  # noqa: PLW0603  # it is a fact of the process: there is one pool of compiling threads in each
    config = wasmtime.Config()
    config.consume_fuel = True
    # A forked process has its parent's pool of compiling threads without the threads, and would wait for them for
    # ever. Alone it takes twice the time, which matters only where there is no folder to keep compiled code in.
    config.parallel_compilation = _compiled_in in (0, os.getpid())
    _compiled_in = _compiled_in or os.getpid()
    with suppress(wasmtime.WasmtimeError):  # no home folder to keep compiled code in: compile each time
        config.cache = True
    return wasmtime.Engine(config)


def _check(path: Path, instance: Instance) -> None:
    if instance.builtins:
        names = ", ".join(sorted(instance.builtins))
        raise HauberkError(
            f"{path}: needs built-in functions that only OPA itself has ({names}); "
            "give the Rego sources with --rules instead"
        )
    if ENTRY_POINT not in instance.entry_points:
        raise HauberkError(
            f"{path}: has no entry point {ENTRY_POINT}; build it with `opa build -t wasm -e {ENTRY_POINT}`"
        )


_NO_FUEL = "the rules ran out of fuel: an endless or far too large computation"


def _reason(error: Exception) -> str:
    text = str(error)
    if text.startswith("opa_malloc"):
        return f"the rules used up their memory ({MEMORY_PAGES * PAGE >> 20} MiB)"
    if "all fuel consumed" in text:
        return _NO_FUEL
    if not isinstance(error, wasmtime.Trap | wasmtime.WasmtimeError | AbortError):
        return f"the rules gave an answer that cannot be read ({type(error).__name__}: {text})"
    return text.strip().splitlines()[-1] if text.strip() else type(error).__name__
