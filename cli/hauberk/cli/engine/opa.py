"""The user's `opa` binary: users' rules, and the built-in ones on request. Exact semantics and OPA's own messages.

One process of `opa` answers for as many documents as it is likely to manage in half of a document's time limit. What
rules may cost is bounded for the whole run: a rule that does not end, takes all memory, or fails again and again is
not asked again, and the time for all documents is linear in their number.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from hauberk.cli.engine import Failure, Violation
from hauberk.cli.engine.bundle import bundle
from hauberk.cli.engine.process import MEMORY, message, run
from hauberk.policy.loose import is_list
from hauberk.policy.problems import HauberkError

TIMEOUT = 4.0
CHUNK = 200
# A chunk without an answer is divided by this: a document that takes the others with it is alone after two steps
PARTS = 15
# Documents that may have no answer before the rest is not asked
FAILURES = 10
# What all documents together may take, a fixed part and one for each: slow rules may be slow, not endless
ALLOWANCE, EACH = 60.0, 0.25
LONGEST_ANSWER = 64 << 20
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


# Go says the first two; where its own threads and collector cannot map memory, it dies of the others
_NO_MEMORY = (
    b"out of memory",
    b"cannot allocate memory",
    b"failed to create new OS thread",
    b"SIGSEGV: segmentation violation",
)


class OpaEngine:
    """The rules of a file or folder and the library they need, compiled once into a bundle cached by its content."""

    def __init__(self, opa: Path, rules: Path, library: Sequence[Path] = ()) -> None:
        self._opa = opa
        self._rules = rules
        self._bundle = bundle(opa, rules, library)
        self.identity = self._bundle.name.encode()
        self._given_up: Failure | None = None
        self._size = 1  # the first document alone: rules that never end are found out in one time-out
        self._asked = 0
        self._failed = 0
        self._spent = 0.0

    def evaluate(self, documents: Iterable[bytes]) -> Iterator[list[Violation] | Failure]:
        waiting = iter(documents)
        while chunk := list(islice(waiting, self._size)):
            yield from self._answers(chunk)

    def _answers(self, chunk: list[bytes]) -> Iterator[list[Violation] | Failure]:
        """One answer for each document; a chunk without an answer is asked again in parts."""
        if self._given_up is not None:
            yield from [self._given_up] * len(chunk)
            return
        answer = self._ask(chunk)
        if not isinstance(answer, Failure):
            self._asked += len(chunk)
            yield from answer
        elif len(chunk) > 1:
            self._size = step = -(-len(chunk) // PARTS)
            for start in range(0, len(chunk), step):
                yield from self._answers(chunk[start : start + step])
        else:
            self._asked += 1
            self._failed += 1
            if self._failed >= FAILURES:
                self._give_up(f"they failed for {FAILURES} documents before, at last with: {answer.reason}")
            yield answer

    def _ask(self, chunk: list[bytes]) -> list[list[Violation]] | Failure:
        start = time.monotonic()
        answer = self._evaluated(chunk)
        took = time.monotonic() - start
        self._spent += took
        if not isinstance(answer, Failure):
            fitting = int(TIMEOUT / 2 * len(chunk) / max(took, 0.001))
            self._size = max(1, min(CHUNK, fitting, len(chunk) * 16))
        if self._spent > ALLOWANCE + EACH * (self._asked + len(chunk)):
            self._give_up(f"they took {self._spent:.0f} s for the {self._asked + len(chunk)} documents before")
        return answer

    def _evaluated(self, chunk: list[bytes]) -> list[list[Violation]] | Failure:
        given = b'{"documents":[' + b",".join(chunk) + b"]}"
        command = ["eval", "--bundle", str(self._bundle), "--stdin-input", "--format", "json"]
        try:
            done = run(self._opa, [*command, "--timeout", f"{TIMEOUT}s", _EACH], given, TIMEOUT + 1)
        except subprocess.TimeoutExpired:
            return self._endless(chunk)
        answers = _parsed(done.stdout) if done.returncode == 0 else None
        if answers is not None and len(answers) == len(chunk):
            return answers
        if b"eval_cancel_error" in done.stdout:
            return self._endless(chunk)
        if any(sign in done.stderr for sign in _NO_MEMORY):
            return self._fatal(chunk, f"the rules used up their memory ({MEMORY >> 20} MiB)")
        return Failure(message(done.stdout, done.stderr)[:2000] or f"{self._rules}: the rules gave no answer")

    def _endless(self, chunk: list[bytes]) -> Failure:
        reason = f"the rules did not finish within {TIMEOUT:.0f} s: an endless or far too large computation"
        return self._fatal(chunk, reason)

    def _fatal(self, chunk: list[bytes], reason: str) -> Failure:
        """What costs seconds happens once: rules that do not end for one document would not for the next."""
        failure = Failure(f"{self._rules}: {reason}")
        if len(chunk) == 1:
            self._given_up = failure
        return failure

    def _give_up(self, why: str) -> None:
        self._given_up = self._given_up or Failure(f"{self._rules}: the rules were not asked: {why}")


def _parsed(output: bytes) -> list[list[Violation]] | None:
    if len(output) > LONGEST_ANSWER:
        return None
    try:
        result: object = json.loads(output)["result"][0]["bindings"]["answers"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    return result if is_list(result) and all(is_list(answer) for answer in result) else None
