"""Sources over processes: each loads its share, all tell each other their policies, each judges its share.

A worker keeps its documents; what crosses between processes is small: policies, manifests, findings.
"""

from __future__ import annotations

import gc
import hashlib
import json
import multiprocessing
import pickle
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from hauberk.cli.commands.lint import program
from hauberk.cli.finding import EngineError, Finding
from hauberk.cli.image.notes import unseen
from hauberk.cli.judging import Memory, RuleSet, judge
from hauberk.cli.loading import Loaded, load
from hauberk.cli.sources import Source
from hauberk.cli.suppress import Suppressed
from hauberk.policy.exact import Answers, Group
from hauberk.policy.groups import Exact
from hauberk.policy.images import NO_IMAGES, Images
from hauberk.policy.model import Posture
from hauberk.policy.plain import from_plain, to_plain
from hauberk.policy.problems import HauberkError
from hauberk.policy.repository import Entry, Repository
from hauberk.policy.surroundings import Surroundings
from hauberk.policy.workloads import Manifest

MANY = 2000
"""Above this many files documents are read twice rather than kept: 600 MiB must hold ten thousand."""

FEW = 64
"""Below this many files one process is faster than the start of others."""


@dataclass(frozen=True, slots=True)
class Work:
    """`rule_sets` is called once in every process, as engines cannot be shared; `recall` finds an older answer.

    `exact`: whether to search for what takes a search.
    """

    sources: Sequence[Source]
    target: tuple[str, ...]
    posture: Posture | None
    rule_sets: Callable[[], Sequence[RuleSet]]
    recall: Callable[[bytes], bytes | None]
    images: Images = NO_IMAGES
    exact: bool = True


@dataclass(frozen=True, slots=True)
class Share:
    """What one process knows after loading: for each of its sources its number, entries and manifests."""

    sources: list[tuple[int, list[Entry], list[Manifest]]]


@dataclass(slots=True)
class Outcome:
    findings: list[Finding]
    errors: list[EngineError]
    notes: list[str]
    suppressions: list[Suppressed]
    unreadable: list[str]
    policies: int
    answers: dict[bytes, bytes]


def run(work: Work, jobs: int, progress: Callable[[int], None]) -> Outcome:
    """All sources judged."""
    jobs = min(jobs, max(1, len(work.sources) // FEW))
    collecting = gc.isenabled()
    # nothing makes cycles of objects, and looking for some among a million values takes a fifth of the time
    gc.disable()
    try:
        if jobs == 1:
            return _single(work, progress)
        return _shared(work, jobs, progress)
    finally:
        if collecting:
            gc.enable()


def _shared(work: Work, jobs: int, progress: Callable[[int], None]) -> Outcome:
    context = multiprocessing.get_context("fork")
    workers: list[tuple[BaseProcess, Connection]] = []
    for number in range(jobs):
        ours, theirs = context.Pipe()
        share = [(index, source) for index, source in enumerate(work.sources) if index % jobs == number]
        inherited = [ours, *(connection for _, connection in workers)]
        arguments = (theirs, inherited, share, (number, jobs), work)
        process: BaseProcess = context.Process(target=_worker, args=arguments, daemon=True)
        # an interrupt meets no worker before it ignores that
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()
        workers.append((process, ours))
    try:
        # compiles the rules into the engine's cache while the workers read: they then find them there, and not each
        work.rule_sets()
        _pass_around(workers)
        progress(len(work.sources) // 3)
        if work.exact:
            _pass_around(workers)
            progress(len(work.sources) * 2 // 3)
        outcomes: list[Outcome] = []
        for _, connection in workers:
            answer: Outcome | HauberkError = pickle.loads(_receive(connection))  # noqa: S301  # our own child
            if isinstance(answer, HauberkError):
                raise answer
            outcomes.append(answer)
        progress(len(work.sources))
    finally:
        for worker, connection in workers:
            connection.close()
            worker.terminate()
            worker.join(timeout=5)
    return _merged(outcomes)


def _pass_around(workers: Sequence[tuple[BaseProcess, Connection]]) -> None:
    """What each worker says, told to all others in the order of their numbers."""
    packed = [_receive(connection) for _, connection in workers]
    for number, (_, connection) in enumerate(workers):
        for other, said in enumerate(packed):
            if other != number:
                _pass_on(connection, said)


class WorkerDiedError(RuntimeError):
    """A process ended without an answer: a bug, or the machine ran out of memory."""


def _receive(connection: Connection) -> bytes:
    try:
        return connection.recv_bytes()
    except (EOFError, OSError):
        raise WorkerDiedError(_DIED) from None


def _pass_on(connection: Connection, said: bytes) -> None:
    try:
        connection.send_bytes(said)
    except OSError:
        # not the broken pipe of a reader of our output
        raise WorkerDiedError(_DIED) from None


_DIED = "a worker process ended without an answer; try --jobs 1 to see why"


def _worker(
    connection: Connection,
    inherited: Sequence[Connection],
    share: list[tuple[int, Source]],
    place: tuple[int, int],
    work: Work,
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it and ends us
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    for other in inherited:
        # as long as one of us holds the parent's ends, nobody hears that the parent is gone
        other.close()
    with suppress(BrokenPipeError, EOFError):  # the parent is gone: so is the reason to go on
        _serve(connection, share, place, work)


def _serve(connection: Connection, share: list[tuple[int, Source]], place: tuple[int, int], work: Work) -> None:
    number, jobs = place
    loaded = [(index, _load(source, work)) for index, source in share]
    mine = Share([(index, one.entries, one.manifests) for index, one in loaded])
    _send(connection, mine)
    theirs = [pickle.loads(connection.recv_bytes()) for _ in range(jobs - 1)]  # noqa: S301  # from our own parent
    whole = _whole([mine, *theirs], work)
    if whole.exact is not None:
        # each searches a share of the groups, whosever files they are from
        groups = whole.exact.groups()
        found = whole.ask(groups[number::jobs], work.recall)
        _send(connection, found)
        for other in (other for other in range(jobs) if other != number):
            answers: list[Answers] = pickle.loads(connection.recv_bytes())  # noqa: S301  # from our own parent
            whole.exact.known.update(zip(groups[other::jobs], answers, strict=True))
    try:
        _send(connection, _judge(loaded, whole, work))
    except HauberkError as error:
        _send(connection, error)


def _send(connection: Connection, value: Share | list[Answers] | Outcome | HauberkError) -> None:
    connection.send_bytes(pickle.dumps(value, protocol=5))


def _single(work: Work, progress: Callable[[int], None]) -> Outcome:
    loaded: list[tuple[int, Loaded]] = []
    for number, source in enumerate(work.sources):
        loaded.append((number, _load(source, work)))
        progress(number // 2)
    mine = Share([(number, one.entries, one.manifests) for number, one in loaded])
    whole = _whole([mine], work)
    if whole.exact is not None:
        whole.ask(whole.exact.groups(), work.recall)
    outcome = _judge(loaded, whole, work)
    progress(len(work.sources))
    return outcome


def _load(source: Source, work: Work) -> Loaded:
    return load(source, keep=len(work.sources) <= MANY)


@dataclass(slots=True)
class _Whole:
    """All that is linted together, of all processes; `fresh` are answers that no cache had."""

    repository: Repository
    exact: Exact | None
    first: dict[int, int]
    fresh: dict[bytes, bytes]

    def ask(self, groups: Sequence[Group], recall: Callable[[bytes], bytes | None]) -> list[Answers]:
        """The exact answers for groups, older ones where nothing changed."""
        if self.exact is None:
            return []
        found: list[Answers] = []
        for group in groups:
            identity = self.exact.identity(group)
            key = None if identity is None else hashlib.sha256(b"exact" + program() + identity).digest()
            stored = None if key is None else _restored(recall(key))
            if stored is not None:
                self.exact.known[group] = stored
            answers = self.exact.of(group)
            found.append(answers)
            if key is not None and stored is None:
                self.fresh[key] = json.dumps(to_plain(answers), separators=(",", ":")).encode()
        return found


def _restored(stored: bytes | None) -> Answers | None:
    """Older answers; None if there are none, or what is there is damaged."""
    try:
        return None if stored is None else from_plain(Answers, json.loads(stored))
    except (ValueError, TypeError, IndexError, KeyError, AttributeError):
        return None


def _whole(shares: Sequence[Share], work: Work) -> _Whole:
    entries: list[Entry] = []
    manifests: list[Manifest] = []
    first: dict[int, int] = {}
    for number, own_entries, own_manifests in sorted(
        (item for share in shares for item in share.sources), key=lambda item: item[0]
    ):
        first[number] = len(entries)
        entries.extend(own_entries)
        manifests.extend(own_manifests)
    repository = Repository(entries, manifests)
    return _Whole(repository, Exact(repository, work.posture) if work.exact else None, first, {})


def _judge(loaded: Sequence[tuple[int, Loaded]], whole: _Whole, work: Work) -> Outcome:
    answers = whole.fresh
    judged = judge(
        [one for _, one in loaded],
        [whole.first[number] for number, _ in loaded],
        Surroundings(whole.repository, work.posture, work.images, whole.exact),
        work.rule_sets(),
        Memory(work.recall, answers.__setitem__),
        work.target,
    )
    return Outcome(
        judged.findings,
        judged.errors,
        [*(note for _, one in loaded for note in one.notes), *unseen(work.images, whole.repository.manifests)],
        [Suppressed(one.path, one.whole, one.suppressions) for _, one in loaded if one.suppressions],
        [one.unreadable for _, one in loaded if one.unreadable],
        sum(one.policies for _, one in loaded),
        answers,
    )


def _merged(outcomes: Sequence[Outcome]) -> Outcome:
    whole = Outcome([], [], [], [], [], 0, {})
    for outcome in outcomes:
        whole.findings += outcome.findings
        whole.errors += outcome.errors
        whole.notes += outcome.notes
        whole.suppressions += outcome.suppressions
        whole.unreadable += outcome.unreadable
        whole.policies += outcome.policies
        whole.answers |= outcome.answers
    return whole
