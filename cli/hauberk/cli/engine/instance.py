"""The host side of OPA's wasm ABI 1.3 (https://www.openpolicyagent.org/docs/wasm), its one-call `opa_eval` form.

Every address comes from the module, which may be anybody's: none reaches the host's memory before it was found to lie
within the module's own.
"""

from __future__ import annotations

import ctypes
import json
from collections.abc import Callable
from typing import Any, cast

import wasmtime

from hauberk.cli.engine import ENTRY_POINT, Violation
from hauberk.policy.loose import is_list

# About two seconds of work; the largest document of the public corpus needs a thousandth of it.
FUEL = 4_000_000_000
PAGE = 65536
MEMORY_PAGES = 4096  # 256 MiB
# Python's objects take some twenty times the text they are read from
LONGEST_ANSWER = 8 << 20
# OPA's own modules have one table, an entry for each function
TABLE_ENTRIES = 100_000
_FUNCTIONS = (
    "opa_malloc",
    "opa_json_parse",
    "opa_json_dump",
    "opa_eval",
    "opa_heap_ptr_get",
    "builtins",
    "entrypoints",
)


class AbortError(Exception):
    """The policy or the runtime gave up, or the module broke the ABI, with a reason."""


class Instance:
    """One instance with a memory of its own; what it raises leaves that memory in an unknown state."""

    def __init__(self, engine: wasmtime.Engine, module: wasmtime.Module, least: int) -> None:
        self.store = wasmtime.Store(engine)
        # a module that brings a memory of its own has chosen its size, and would not find the facts in it
        self.store.set_limits(
            memory_size=MEMORY_PAGES * PAGE, table_elements=TABLE_ENTRIES, instances=1, tables=1, memories=1
        )
        self.store.set_fuel(FUEL)
        self.memory = wasmtime.Memory(self.store, wasmtime.MemoryType(wasmtime.Limits(least, MEMORY_PAGES)))
        exports = self._linker(engine).instantiate(self.store, module).exports(self.store)
        self.call: dict[str, Callable[..., int]] = {name: _function(exports, name) for name in _FUNCTIONS}
        self.builtins: dict[str, int] = _mapping(self._dump(self.call["builtins"](self.store)))
        self.entry_points: dict[str, int] = _mapping(self._dump(self.call["entrypoints"](self.store)))
        self.data = self._parse(b"{}")
        self.base = _unsigned(self.call["opa_heap_ptr_get"](self.store))

    def _linker(self, engine: wasmtime.Engine) -> wasmtime.Linker:
        linker = wasmtime.Linker(engine)
        linker.define(self.store, "env", "memory", self.memory)
        i32 = wasmtime.ValType.i32()
        functions: list[tuple[str, int, list[Any], Callable[..., Any]]] = [
            ("opa_abort", 1, [], self._abort),
            ("opa_println", 1, [], self._ignore),
            *((f"opa_builtin{count}", count + 2, [i32], self._builtin) for count in range(5)),
        ]
        for name, parameters, results, function in functions:
            kind = wasmtime.FuncType([i32] * parameters, results)
            linker.define(self.store, "env", name, wasmtime.Func(self.store, kind, function))
        return linker

    def evaluate(self, document: bytes) -> list[Violation]:
        self.store.set_fuel(FUEL)
        self._write(self.base, document)
        heap = (self.base + len(document) + 7) & ~7
        entry = self.entry_points[ENTRY_POINT]
        address = self.call["opa_eval"](self.store, 0, entry, self.data, self.base, len(document), heap, 0)
        return _violations(json.loads(self._text(address)))

    def _abort(self, address: int) -> None:
        raise AbortError(self._text(address))

    def _ignore(self, address: int) -> None:
        """opa_println: rules have nothing to say but their findings."""

    def _builtin(self, number: int, *_: int) -> int:
        raise AbortError(f"built-in function {number} needs a host")

    def _host(self) -> int:
        return ctypes.addressof(self.memory.data_ptr(self.store).contents)

    def _text(self, address: int) -> str:
        start = _unsigned(address)
        end = min(self.memory.data_len(self.store), start + LONGEST_ANSWER)
        host, text = self._host(), bytearray()
        for place in range(start, end, PAGE):
            piece, zero, _ = ctypes.string_at(host + place, min(PAGE, end - place)).partition(b"\0")
            text += piece
            if zero:
                return text.decode()
        raise AbortError(
            f"the module gave a text that ends neither in its memory nor within {LONGEST_ANSWER >> 20} MiB"
        )

    def _dump(self, value: int) -> object:
        return json.loads(self._text(self.call["opa_json_dump"](self.store, value)))

    def _write(self, address: int, data: bytes) -> None:
        missing = address + len(data) - self.memory.data_len(self.store)
        if missing > 0:
            self.memory.grow(self.store, (missing + PAGE - 1) // PAGE)  # raises when that is above the limit
        ctypes.memmove(self._host() + address, data, len(data))

    def _parse(self, data: bytes) -> int:
        address = _unsigned(self.call["opa_malloc"](self.store, len(data)))
        self._write(address, data)
        return self.call["opa_json_parse"](self.store, address, len(data))


def _unsigned(address: int) -> int:
    """An i32 comes with a sign, an address has none; what is no integer at all is a TypeError."""
    return address & 0xFFFFFFFF


def _function(exports: Any, name: str) -> Callable[..., int]:
    function = exports.get(name)
    if not isinstance(function, wasmtime.Func):
        raise AbortError(f"it has no function {name}, as OPA's modules have")
    return function


def _violations(answer: Any) -> list[Violation]:
    if answer == []:
        return []
    violations: object = answer[0]["result"]
    if not is_list(violations):
        raise AbortError(f"{ENTRY_POINT} is not a list")
    return violations


def _mapping(value: object) -> dict[str, int]:
    if not isinstance(value, dict):
        raise AbortError("its lists of built-in functions and entry points are not those of an OPA module")
    return cast("dict[str, int]", value)
