"""Rules compiled to WebAssembly by OPA, run by wasmtime: no I/O exists in there, and fuel and memory are bounded.

The host side of OPA's wasm ABI 1.3 (https://www.openpolicyagent.org/docs/wasm), its one-call `opa_eval` form. Built-in
functions that need a host are not provided: the rules use none, and a pack that does is refused when it is loaded.
"""

from __future__ import annotations

import ctypes
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import wasmtime

from hauberk.cli.engine import ENTRY_POINT, Failure, Violation
from hauberk.policy.problems import HauberkError

# About two seconds of work; the largest document of the public corpus needs a thousandth of it.
FUEL = 4_000_000_000
MEMORY_PAGES = 4096  # 256 MiB
PAGE = 65536


class _AbortError(Exception):
    """opa_abort: the policy or the runtime gave up, with a reason."""


class WasmEngine:
    """One module, one instance; after a failure the instance is thrown away, as its memory may be inconsistent."""

    def __init__(self, path: Path) -> None:
        config = wasmtime.Config()
        config.consume_fuel = True
        with suppress(wasmtime.WasmtimeError):  # no home folder to keep compiled code in: compile each time
            config.cache = True
        self._engine = wasmtime.Engine(config)
        try:
            binary = path.read_bytes()
            self._module = wasmtime.Module(self._engine, binary)
        except (wasmtime.WasmtimeError, OSError) as error:
            raise HauberkError(f"{path}: not a WebAssembly module that can be loaded: {error}") from None
        # OPA's modules ask for two pages whatever their constants take; these are in the binary, so its size will do
        self._least = min(len(binary) // PAGE + 16, MEMORY_PAGES)
        self._instance: _Instance | None = None
        needed = self._ready().builtins
        if needed:
            names = ", ".join(sorted(needed))
            raise HauberkError(
                f"{path}: needs built-in functions that only OPA itself has ({names}); "
                "give the Rego sources with --rules instead"
            )
        if ENTRY_POINT not in self._ready().entry_points:
            raise HauberkError(
                f"{path}: has no entry point {ENTRY_POINT}; build it with `opa build -t wasm -e {ENTRY_POINT}`"
            )

    def evaluate(self, documents: Iterable[bytes]) -> Iterator[list[Violation] | Failure]:
        for document in documents:
            yield self.one(document)

    def one(self, document: bytes) -> list[Violation] | Failure:
        try:
            answer = self._ready().evaluate(document)
        except (wasmtime.Trap, wasmtime.WasmtimeError, _AbortError) as error:
            self._instance = None
            return Failure(_reason(error))
        return answer

    def _ready(self) -> _Instance:
        if self._instance is None:
            self._instance = _Instance(self._engine, self._module, self._least)
        return self._instance


def _reason(error: Exception) -> str:
    text = str(error)
    if "opa_malloc" in text:
        return f"the rules used up their memory ({MEMORY_PAGES * PAGE >> 20} MiB)"
    if "fuel" in text:
        return "the rules ran out of fuel: an endless or far too large computation"
    return text.strip().splitlines()[-1] if text.strip() else type(error).__name__


class _Instance:
    def __init__(self, engine: wasmtime.Engine, module: wasmtime.Module, least: int) -> None:
        self.store = wasmtime.Store(engine)
        self.store.set_fuel(FUEL)
        self.memory = wasmtime.Memory(self.store, wasmtime.MemoryType(wasmtime.Limits(least, MEMORY_PAGES)))
        linker = wasmtime.Linker(engine)
        linker.define(self.store, "env", "memory", self.memory)
        i32 = wasmtime.ValType.i32()
        self._define(linker, "opa_abort", [i32], [], self._abort)
        self._define(linker, "opa_println", [i32], [], self._ignore)
        for count in range(5):
            self._define(linker, f"opa_builtin{count}", [i32] * (count + 2), [i32], self._builtin)
        exports = linker.instantiate(self.store, module).exports(self.store)
        self.call: dict[str, Any] = {
            name: exports[name]
            for name in (
                "opa_malloc",
                "opa_json_parse",
                "opa_json_dump",
                "opa_eval",
                "opa_heap_ptr_get",
                "builtins",
                "entrypoints",
            )
        }
        self.builtins: dict[str, int] = self._dump(self.call["builtins"](self.store))
        self.entry_points: dict[str, int] = self._dump(self.call["entrypoints"](self.store))
        self.data = self._parse(b"{}")
        self.base: int = self.call["opa_heap_ptr_get"](self.store)

    def _define(
        self,
        linker: wasmtime.Linker,
        name: str,
        parameters: list[Any],
        results: list[Any],
        function: Callable[..., Any],
    ) -> None:
        kind = wasmtime.FuncType(parameters, results)
        linker.define(self.store, "env", name, wasmtime.Func(self.store, kind, function))

    def evaluate(self, document: bytes) -> list[Violation]:
        self.store.set_fuel(FUEL)
        self._write(self.base, document)
        heap = (self.base + len(document) + 7) & ~7
        entry = self.entry_points[ENTRY_POINT]
        address = self.call["opa_eval"](self.store, 0, entry, self.data, self.base, len(document), heap, 0)
        answer = json.loads(self._text(address))
        violations: list[Violation] = answer[0]["result"] if answer else []
        return violations

    def _abort(self, address: int) -> None:
        raise _AbortError(self._text(address))

    def _ignore(self, address: int) -> None:
        """opa_println: rules have nothing to say but their findings."""

    def _builtin(self, number: int, *_: int) -> int:
        raise _AbortError(f"built-in function {number} needs a host")

    def _address(self) -> int:
        return ctypes.addressof(self.memory.data_ptr(self.store).contents)

    def _text(self, address: int) -> str:
        return ctypes.string_at(self._address() + address).decode()

    def _dump(self, value: int) -> Any:
        return json.loads(self._text(self.call["opa_json_dump"](self.store, value)))

    def _write(self, address: int, data: bytes) -> None:
        missing = address + len(data) - self.memory.data_len(self.store)
        if missing > 0:
            self.memory.grow(self.store, (missing + PAGE - 1) // PAGE)
        ctypes.memmove(self._address() + address, data, len(data))

    def _parse(self, data: bytes) -> int:
        address: int = self.call["opa_malloc"](self.store, len(data))
        self._write(address, data)
        value: int = self.call["opa_json_parse"](self.store, address, len(data))
        return value
