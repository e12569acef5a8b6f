"""Rego sources -> a bundle that OPA evaluates, checked first and cached by its content."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hauberk.cli.cache import cache_folder
from hauberk.cli.engine.process import finished, message
from hauberk.policy.problems import HauberkError

FORBIDDEN = frozenset(("http.send", "net.lookup_ip_addr", "opa.runtime", "rego.parse_module", "trace"))
_RULE_PARTS = 5  # hauberk.rules.<category>.<name>.violation


def bundle(opa: Path, rules: Path, library: Sequence[Path]) -> Path:
    """The compiled bundle; HauberkError with OPA's words, or when there is no rule in `rules` that would be asked."""
    own = sorted(_sources(rules))
    if not own:
        raise HauberkError(f"{rules}: no Rego rules there (*.rego, tests apart)")
    sources = [*own, *sorted(source for path in library for source in _sources(path))]
    folder = _folder()
    made = folder / f"{_digest(opa, sources)}.tar.gz"
    if not made.exists():
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            _compile(opa, rules, own, sources, Path(scratch)).replace(made)
    return made


def _sources(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    elif path.is_dir():
        yield from (found for found in path.rglob("*.rego") if not found.name.endswith("_test.rego"))
    else:
        raise HauberkError(f"{path}: no such folder of rules")


def _folder() -> Path:
    folder = cache_folder() / "rules"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HauberkError(
            f"{folder}: {error.strerror}: rules are compiled there; set XDG_CACHE_HOME to a folder that can be written"
        ) from None
    return folder


def _digest(opa: Path, sources: Sequence[Path]) -> str:
    digest = hashlib.sha256(str((opa, opa.stat().st_size, opa.stat().st_mtime_ns)).encode())
    for source in sources:
        digest.update(f"{source}\0".encode() + source.read_bytes() + b"\0")
    return digest.hexdigest()


def _compile(opa: Path, rules: Path, own: Sequence[Path], sources: Sequence[Path], scratch: Path) -> Path:
    allowed, made = scratch / "capabilities.json", scratch / "bundle.tar.gz"
    allowed.write_text(json.dumps(_capabilities(opa)))
    names = [str(source) for source in sources]
    _accepted(opa, ["check", "--strict", "--format", "json", "--capabilities", str(allowed), *names])
    if not any(_is_asked(opa, source) for source in own):
        raise HauberkError(
            f"{rules}: no rule there would be asked: the package of a rule is `hauberk.rules.<category>.<name>`, "
            "and `violation` is a set in it"
        )
    _accepted(opa, ["build", "--capabilities", str(allowed), "--output", str(made), *names])
    return made


def _capabilities(opa: Path) -> dict[str, Any]:
    """What this OPA can do, without what reaches out."""
    try:
        capabilities: dict[str, Any] = json.loads(finished(opa, ["capabilities", "--current"]).stdout)
        allowed = [builtin for builtin in capabilities["builtins"] if builtin["name"] not in FORBIDDEN]
    except (ValueError, LookupError, TypeError):
        raise HauberkError(f"{opa} is not Open Policy Agent: `{opa} capabilities --current` lists none") from None
    return {**capabilities, "builtins": allowed, "allow_net": []}


def _accepted(opa: Path, command: list[str]) -> None:
    done = finished(opa, command)
    if done.returncode:
        raise HauberkError(f"rules that OPA refuses: {message(done.stdout, done.stderr)}")


def _is_asked(opa: Path, source: Path) -> bool:
    """Whether main.rego would find a rule of this file."""
    module = json.loads(finished(opa, ["parse", "--format", "json", str(source)]).stdout or b"{}")
    package = [part["value"] for part in module.get("package", {}).get("path", [])]
    return any(_names(package, rule) for rule in module.get("rules", []))


def _names(package: Sequence[Any], rule: dict[str, Any]) -> bool:
    path = [*package[1:], *(part["value"] for part in rule["head"].get("ref", []))]
    return path[:2] == ["hauberk", "rules"] and len(path) >= _RULE_PARTS and path[_RULE_PARTS - 1] == "violation"
