"""Sources over processes: each loads its share, all tell each other their policies, each judges its share.

A worker keeps its documents; what crosses between processes is small: policies, manifests, findings.
"""

from __future__ import annotations

import gc
import multiprocessing
import pickle
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from hauberk.cli.finding import EngineError, Finding
from hauberk.cli.image.notes import unseen
from hauberk.cli.judging import Memory, RuleSet, judge
from hauberk.cli.loading import Loaded, load
from hauberk.cli.sources import Source
from hauberk.cli.suppress import Suppressed
from hauberk.policy.images import NO_IMAGES, Images
from hauberk.policy.model import Posture
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
    """`rule_sets` is called once in every process, as engines cannot be shared; `recall` finds an older answer."""

    sources: Sequence[Source]
    target: tuple[str, ...]
    posture: Posture | None
    rule_sets: Callable[[], Sequence[RuleSet]]
    recall: Callable[[bytes], bytes | None]
    images: Images = NO_IMAGES


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
    # nothing here makes cycles of objects, and looking for some among a million values takes a fifth of the time
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
        process: BaseProcess = context.Process(target=_worker, args=(theirs, share, jobs - 1, work), daemon=True)
        process.start()
        theirs.close()
        workers.append((process, ours))
    try:
        # compiles the rules into the engine's cache while the workers read: they then find them there, and not each
        work.rule_sets()
        packed = [_receive(connection) for _, connection in workers]
        progress(len(work.sources) // 2)
        for number, (_, connection) in enumerate(workers):
            for other, share_bytes in enumerate(packed):
                if other != number:
                    connection.send_bytes(share_bytes)
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


class WorkerDiedError(RuntimeError):
    """A process ended without an answer: a bug, or the machine ran out of memory."""


def _receive(connection: Connection) -> bytes:
    try:
        return connection.recv_bytes()
    except EOFError:
        raise WorkerDiedError("a worker process ended without an answer; try --jobs 1 to see why") from None


def _worker(connection: Connection, share: list[tuple[int, Source]], others: int, work: Work) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it and ends us
    with suppress(BrokenPipeError, EOFError):  # the parent is gone: so is the reason to go on
        _serve(connection, share, others, work)


def _serve(connection: Connection, share: list[tuple[int, Source]], others: int, work: Work) -> None:
    loaded = [(number, _load(source, work)) for number, source in share]
    mine = Share([(number, one.entries, one.manifests) for number, one in loaded])
    _send(connection, mine)
    theirs = [pickle.loads(connection.recv_bytes()) for _ in range(others)]  # noqa: S301  # from our own parent
    shares = [mine, *theirs]
    try:
        _send(connection, _judge(loaded, shares, work))
    except HauberkError as error:
        _send(connection, error)


def _send(connection: Connection, value: Share | Outcome | HauberkError) -> None:
    connection.send_bytes(pickle.dumps(value, protocol=5))


def _single(work: Work, progress: Callable[[int], None]) -> Outcome:
    loaded: list[tuple[int, Loaded]] = []
    for number, source in enumerate(work.sources):
        loaded.append((number, _load(source, work)))
        progress(number // 2)
    mine = Share([(number, one.entries, one.manifests) for number, one in loaded])
    outcome = _judge(loaded, [mine], work)
    progress(len(work.sources))
    return outcome


def _load(source: Source, work: Work) -> Loaded:
    return load(source, keep=len(work.sources) <= MANY)


def _judge(loaded: Sequence[tuple[int, Loaded]], shares: Sequence[Share], work: Work) -> Outcome:
    entries: list[Entry] = []
    manifests: list[Manifest] = []
    first: dict[int, int] = {}
    for number, own_entries, own_manifests in sorted(
        (item for share in shares for item in share.sources), key=lambda item: item[0]
    ):
        first[number] = len(entries)
        entries.extend(own_entries)
        manifests.extend(own_manifests)
    surroundings = Surroundings(Repository(entries, manifests), work.posture, work.images)
    answers: dict[bytes, bytes] = {}
    judged = judge(
        [one for _, one in loaded],
        [first[number] for number, _ in loaded],
        surroundings,
        work.rule_sets(),
        Memory(work.recall, answers.__setitem__),
        work.target,
    )
    return Outcome(
        judged.findings,
        judged.errors,
        [*(note for _, one in loaded for note in one.notes), *unseen(work.images, manifests)],
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
