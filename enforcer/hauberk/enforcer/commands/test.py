"""`hauberk-enforcer test`: what PolicyTests expect, asked of the kernel by doing it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hauberk.enforcer import state as states
from hauberk.enforcer.commands import unload
from hauberk.enforcer.enforceable import UnenforceableError, image_of
from hauberk.enforcer.faults import RefusedError, explained
from hauberk.enforcer.kernel.errors import KernelError, NotOursError, TooLargeError
from hauberk.enforcer.policies import Read, read_documents
from hauberk.enforcer.session import Places, at_work, refuse_if_lacking
from hauberk.enforcer.trials.deeds import deed_of
from hauberk.enforcer.trials.found import decision_of
from hauberk.policy.documents import Document
from hauberk.policy.loose import is_mapping
from hauberk.policy.model import Decision, Model, Posture, Preset, Report, Rule
from hauberk.policy.policytest import Expectation, PolicyTest, differences, is_test, read_test
from hauberk.policy.problems import HauberkError
from hauberk.policy.repository import Entry, Repository
from hauberk.policy.selection import selects
from hauberk.policy.workloads import Manifest, Place, parse_manifest

if TYPE_CHECKING:
    from hauberk.enforcer.kernel.image import Image
    from hauberk.enforcer.session import Session
    from hauberk.enforcer.trials.performance import Stand


_MOST_BYTES = 512 << 20


@dataclass(frozen=True, slots=True)
class Options:
    paths: tuple[str, ...]
    posture: Posture
    places: Places
    programs: Path


@dataclass(frozen=True, slots=True)
class Tried:
    """One expectation. `wrong` says how the kernel's answer differs, "" when it holds; `rule` is what denied."""

    test: str
    path: str
    line: int
    what: str
    verdict: str
    reports: tuple[Report, ...]
    rule: str | None
    wrong: str


@dataclass(slots=True)
class Trials:
    """`broken` are tests, and expectations of them, that were not run, with the reason."""

    tried: list[Tried] = field(default_factory=list[Tried])
    broken: list[str] = field(default_factory=list[str])

    @property
    def failed(self) -> list[Tried]:
        return [one for one in self.tried if one.wrong]


@dataclass(frozen=True, slots=True)
class _Planned:
    """A test whose policies are ready for the kernel."""

    path: str
    test: PolicyTest
    image: Image
    expectations: tuple[Expectation, ...]


def run(options: Options, progress: Callable[[int, int, float], None]) -> Trials:
    """Does every expectation of the hauberk model for real; `progress` hears how many of how many, and the seconds.

    Raises:
        HauberkError: a file has something wrong, there is no test, or nothing can be enforced here.

    """
    result = Trials()
    planned = _planned(options, result)
    total = sum(len(one.expectations) for one in planned)
    if not total:
        return result
    try:
        refuse_if_lacking()
        with states.locked(options.places.state), _programs(options) as session, _stand(session, options) as place:
            begun = time.monotonic()
            waiting = [(one, expected) for one in planned for expected in one.expectations]
            for count, (one, expected) in enumerate(waiting, 1):
                _try(place, one, expected, result)
                progress(count, total, time.monotonic() - begun)
    except (RefusedError, KernelError, NotOursError, TooLargeError) as error:
        # of a test, 1 says that an expectation does not hold
        raise HauberkError(explained(error)) from error
    return result


@contextmanager
def _programs(options: Options) -> Generator[Session]:
    """Those that are at work, which stay so, or new ones for as long as the tests take."""
    with at_work(options.places, options.programs, most_bytes=_MOST_BYTES, replaces=False) as session:
        try:
            yield session
        finally:
            if session.fresh:
                unload.removed(options.places, lambda _programs, _seconds: None)


@contextmanager
def _stand(session: Session, options: Options) -> Generator[Stand]:
    from hauberk.enforcer.selftest import prove_a_denial
    from hauberk.enforcer.trials.performance import stand

    prove_a_denial(session.kernel, options.places.state.parent)
    with stand(session.kernel, session.records, session.rates, f".hauberk-test-{secrets.token_hex(4)}") as found:
        yield found


# -- what is to be tried


def _planned(options: Options, result: Trials) -> list[_Planned]:
    try:
        policies, others = read_documents(options.paths)
    except RefusedError as error:
        raise HauberkError(str(error)) from error
    tests = [(path, document) for path, document in others if is_test(document)]
    if not tests:
        raise HauberkError(
            f"no PolicyTest in {', '.join(options.paths)}: `hauberk schema test` says what one looks like"
        )
    if not policies:
        raise HauberkError(f"no policy in {', '.join(options.paths)}: name the folder that holds tests and policies")
    repository = Repository([_entry(one) for one in policies], _manifests(others))
    planned: list[_Planned] = []
    for path, document in tests:
        test, broken = read_test(document, path, repository, options.posture)
        result.broken += broken
        if test is None:
            continue
        expectations = tuple(one for one in test.expectations if Model.HAUBERK in one.models)
        chosen = [one for one in policies if selects(Model.HAUBERK, one.policy, test.target.workload)]
        try:
            image = image_of(chosen, test.target.workload, test.posture)
        except UnenforceableError as error:
            at = document.place("/metadata/name")
            said = "\n  ".join([f"{test.name}: its policies cannot all be enforced:", *error.reasons])
            result.broken.append(f"{path}:{at.line}:{at.column}: {said}")
        else:
            planned.append(_Planned(path, test, image, expectations))
    return planned


def _entry(one: Read) -> Entry:
    entries: tuple[Rule | Preset, ...] = (*one.policy.rules, *one.policy.presets)
    lines = tuple(one.given.lines[entry.pointer] for entry in entries)
    return Entry(one.policy, Place(one.given.file, one.given.line), lines)


def _manifests(documents: Sequence[tuple[str, Document]]) -> list[Manifest]:
    found = (
        parse_manifest(document.data, Place(path, document.value_at("").line))
        for path, document in documents
        if is_mapping(document.data)
    )
    return [one for one in found if one is not None]


# -- one expectation


def _try(place: Stand, planned: _Planned, expected: Expectation, result: Trials) -> None:
    found = _decision(place, planned.image, expected)
    if isinstance(found, str):
        result.broken.append(f"{planned.path}:{expected.line}: {planned.test.name}: {expected.what}: not run: {found}")
        return
    wrong = "; ".join(differences(expected, found, nobody=""))
    result.tried.append(
        Tried(
            planned.test.name,
            planned.path,
            expected.line,
            expected.what,
            found.verdict.value,
            found.reports,
            found.rule,
            wrong,
        )
    )


def _decision(place: Stand, image: Image, expected: Expectation) -> Decision | str:
    from hauberk.enforcer.trials.actors import NotRunError

    deed = deed_of(expected.access, place.aside)
    if isinstance(deed, str):
        return deed
    try:
        return decision_of(deed, place.perform(deed, image), image)
    except NotRunError as error:
        return str(error)
