"""The user's `opa` binary: users' rules, and the built-in ones on request. Exact semantics and OPA's own messages.

Rules get no network, no environment and no files: the functions that reach out are taken from the capabilities they are
compiled with, the process has an empty environment, and the facts come through a pipe.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from hauberk.cli.cache import cache_folder
from hauberk.cli.engine import Failure, Violation
from hauberk.policy.loose import is_list
from hauberk.policy.problems import HauberkError

FORBIDDEN = frozenset(("http.send", "net.lookup_ip_addr", "opa.runtime", "rego.parse_module", "trace"))
TIMEOUT = 4.0
CHUNK = 200
_ENDLESS = "the rules did not finish"
_EACH = (
    "answers := [answer | some document in input.documents; answer := data.hauberk.violations with input as document]"
)


def find_opa(given: str | None) -> Path:
    """The binary from `--opa`, else the one on PATH."""
    found = shutil.which(given or "opa")
    if found is None:
        what = f"{given} is not an executable" if given else "there is no `opa` on PATH"
        raise HauberkError(
            f"{what}: users' rules and --engine opa need Open Policy Agent; install it "
            "(https://www.openpolicyagent.org/docs/#running-opa), name it with --opa, "
            "or give a compiled pack with --rules FILE.wasm"
        )
    return Path(found)


class OpaEngine:
    """Rules of one or more folders, compiled once into a bundle that is cached by their content."""

    def __init__(self, opa: Path, folders: Sequence[Path]) -> None:
        self._opa = opa
        self._folders = folders
        self._bundle = _bundle(opa, folders)
        self.identity = self._bundle.name.encode()

    def evaluate(self, documents: Iterable[bytes]) -> Iterator[list[Violation] | Failure]:
        """Stops asking after the first time-out: rules that do not end for one document would not for the next."""
        waiting = iter(documents)
        endless: Failure | None = None
        size = 1  # the first document alone: rules that never end are found out in one time-out
        while chunk := list(islice(waiting, size)):
            size = CHUNK
            if endless is None:
                answers = self._chunk(chunk)
                endless = next((a for a in answers if isinstance(a, Failure) and _ENDLESS in a.reason), None)
                yield from answers
            else:
                yield from [endless] * len(chunk)

    def _chunk(self, documents: list[bytes]) -> list[list[Violation] | Failure]:
        given = b'{"documents":[' + b",".join(documents) + b"]}"
        command = ["eval", "--bundle", str(self._bundle), "--stdin-input", "--format", "json"]
        try:
            done = _run(self._opa, [*command, "--timeout", f"{TIMEOUT}s", _EACH], given, TIMEOUT + 1)
        except subprocess.TimeoutExpired:
            return [self._endless()] * len(documents)
        answers = _answers(done.stdout) if done.returncode == 0 else None
        if answers is not None and len(answers) == len(documents):
            return list(answers)
        said = done.stdout + done.stderr
        if b"timeout" in said or b"cancel" in said:
            return [self._endless()] * len(documents)
        if len(documents) > 1:
            # one document must not take the others with it
            return [answer for document in documents for answer in self._chunk([document])]
        return [Failure(_message(done.stdout, done.stderr) or "the rules gave no answer")]

    def _endless(self) -> Failure:
        where = ", ".join(map(str, self._folders))
        return Failure(f"{where}: {_ENDLESS} within {TIMEOUT:.0f} s: an endless or far too large computation")


def _answers(output: bytes) -> list[list[Violation]] | None:
    try:
        result: object = json.loads(output)["result"][0]["bindings"]["answers"]
    except (ValueError, KeyError, IndexError, TypeError):
        return None
    return result if is_list(result) else None


def _run(opa: Path, command: list[str], given: bytes = b"", timeout: float = 60) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [str(opa), *command],
        input=given,
        capture_output=True,
        check=False,
        timeout=timeout,
        env={"HOME": "/"},
    )


def _message(*outputs: bytes) -> str:
    """OPA's own errors, from its JSON or its text."""
    for output in outputs:
        try:
            errors = json.loads(output).get("errors", [])
        except (ValueError, AttributeError):
            continue
        return "; ".join(_one_error(error) for error in errors)
    return " ".join(b" ".join(outputs).decode("utf-8", "replace").split())


def _one_error(error: dict[str, Any]) -> str:
    place: dict[str, Any] = error.get("location") or {}
    where = f"{place['file']}:{place['row']}:{place.get('col', 1)}: " if "file" in place else ""
    return f"{where}{error.get('message', error)}"


def _bundle(opa: Path, folders: Sequence[Path]) -> Path:
    sources = sorted(source for folder in folders for source in _sources(folder))
    if not sources:
        raise HauberkError(f"{', '.join(map(str, folders))}: no Rego rules there (*.rego, tests apart)")
    digest = hashlib.sha256(str((opa, opa.stat().st_size, opa.stat().st_mtime_ns)).encode())
    for source in sources:
        digest.update(f"{source}\0".encode() + source.read_bytes() + b"\0")
    folder = cache_folder() / "rules"
    bundle = folder / f"{digest.hexdigest()}.tar.gz"
    if bundle.exists():
        return bundle
    capabilities = json.loads(_run(opa, ["capabilities", "--current"]).stdout or b"{}")
    capabilities["builtins"] = [b for b in capabilities.get("builtins", []) if b["name"] not in FORBIDDEN]
    capabilities["allow_net"] = []
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        allowed, made = Path(scratch) / "capabilities.json", Path(scratch) / "bundle.tar.gz"
        allowed.write_text(json.dumps(capabilities))
        checked = _run(
            opa, ["check", "--strict", "--format", "json", "--capabilities", str(allowed), *map(str, sources)]
        )
        if checked.returncode:
            raise HauberkError(f"rules that OPA refuses: {_message(checked.stdout, checked.stderr)}")
        built = _run(opa, ["build", "--capabilities", str(allowed), "--output", str(made), *map(str, sources)])
        if built.returncode:
            raise HauberkError(f"rules that OPA refuses: {_message(built.stdout, built.stderr)}")
        made.replace(bundle)
    return bundle


def _sources(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    elif path.is_dir():
        yield from (found for found in path.rglob("*.rego") if not found.name.endswith("_test.rego"))
    else:
        raise HauberkError(f"{path}: no such folder of rules")
