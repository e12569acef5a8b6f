"""Which engine runs which rules, from the settings."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

from hauberk.cli.catalogue import catalogue, rules_folder
from hauberk.cli.config import Config
from hauberk.cli.engine import Engine
from hauberk.cli.judging import RuleSet
from hauberk.policy.problems import HauberkError


def rule_sets(config: Config) -> tuple[Callable[[], Sequence[RuleSet]], list[str]]:
    """A maker to call once in each process, and why users' rules are refused: those are compiled here, once."""
    own: list[tuple[Callable[[], Engine], bytes]] = []
    refused: list[str] = []
    for path in config.rules:
        try:
            own.append(_prepared(Path(path), config))
        except HauberkError as error:
            refused.append(str(error))

    def make() -> Sequence[RuleSet]:
        return [_built_in(config), *(RuleSet(engine(), identity, None) for engine, identity in own)]

    return make, refused


def _built_in(config: Config) -> RuleSet:
    folder = rules_folder()
    wasm = folder / "policy.wasm"
    identity = hashlib.sha256(wasm.read_bytes()).digest()
    engine: Engine
    match config.engine:
        case "opa":
            from hauberk.cli.engine.opa import OpaEngine, find_opa

            engine = OpaEngine(find_opa(config.opa), folder)
        case "server":
            from hauberk.cli.engine.server import ServerEngine

            engine = ServerEngine(config.opa_url, folder)
        case _:
            from hauberk.cli.engine.wasm import WasmEngine

            engine = WasmEngine(wasm)
    return RuleSet(engine, config.engine.encode() + identity, catalogue())


def _prepared(path: Path, config: Config) -> tuple[Callable[[], Engine], bytes]:
    if path.suffix == ".wasm":
        from hauberk.cli.engine.wasm import WasmEngine

        checked = WasmEngine(path)
        del checked
        return lambda: WasmEngine(path), hashlib.sha256(path.read_bytes()).digest()
    from hauberk.cli.engine.opa import OpaEngine, find_opa

    engine = OpaEngine(find_opa(config.opa), path, [rules_folder() / "main.rego", rules_folder() / "lib"])
    return lambda: engine, engine.identity
