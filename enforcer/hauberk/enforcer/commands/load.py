"""`hauberk-enforcer load`: policies of a folder for a workload that is named by its cgroups."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hauberk.enforcer import state as states
from hauberk.enforcer.enforceable import image_of
from hauberk.enforcer.faults import RefusedError
from hauberk.enforcer.groups import PROC, Tree, exists, slot_of
from hauberk.enforcer.kernel.encode import encode
from hauberk.enforcer.kernel.image import Image
from hauberk.enforcer.policies import Read, read_policies
from hauberk.enforcer.resolve import Links, written
from hauberk.enforcer.session import Places, Session, at_work, refuse_if_lacking
from hauberk.enforcer.state import Generation, Group, Held, State
from hauberk.policy.model import Model, Posture, Workload
from hauberk.policy.problems import HauberkError
from hauberk.policy.selection import selects

if TYPE_CHECKING:
    from hauberk.enforcer.kernel.maps import Kernel

NODE = 0
AT_WORK = "`hauberk-enforcer run` keeps this node: give it the policies, or end it first"
_RATE = (100, 1.0)


@dataclass(frozen=True, slots=True)
class Options:
    paths: tuple[str, ...]
    cgroups: tuple[str, ...]
    pids: tuple[int, ...]
    workload: Workload
    posture: Posture
    most_bytes: int
    rate: tuple[int, float] | None
    places: Places
    programs: Path


@dataclass(frozen=True, slots=True)
class Loaded:
    """What is enforced now; `changed` says whether it was something else before."""

    slot: int
    workload: Workload
    posture: Posture
    groups: tuple[Group, ...]
    policies: tuple[str, ...]
    rules: int
    entries: int
    memory: int
    digest: str
    changed: bool
    fresh: bool
    replaced: bool
    notes: tuple[str, ...]

    @property
    def memory_per_1000(self) -> int:
        return self.memory * 1000 // max(1, self.rules)


def run(options: Options) -> Loaded:
    """All of the policies that select the workload are enforced, or nothing is changed.

    Raises:
        RefusedError: why they are not.

    """
    tree = Tree()
    groups = tree.named(options.cgroups, options.pids)
    generation, image, notes = prepared(options)
    refuse_if_lacking()
    with (
        states.locked(options.places.state, "daemon.lock", busy=AT_WORK),
        states.locked(options.places.state),
        at_work(options.places, options.programs, most_bytes=options.most_bytes) as session,
    ):
        return _enforce(session, options, generation, image, groups, tree, notes)


def prepared(options: Options) -> tuple[Generation, Image, tuple[str, ...]]:
    """What is to be in the kernel, before a kernel is asked; with notes for who reads the result."""
    read = read_policies(options.paths)
    chosen, notes = _chosen(read, options.workload)
    links = _links(chosen, options)
    notes += [f"{path} leads to {real}: the rules on it mean that" for path, real in links.items()]
    generation = Generation(0, options.workload, options.posture, tuple(one.given for one in chosen), links, "")
    image = image_of(chosen, generation.workload, generation.posture, generation.compiled())
    return generation, image, tuple(notes)


def _chosen(read: Sequence[Read], workload: Workload) -> tuple[list[Read], list[str]]:
    chosen: list[Read] = []
    notes: list[str] = []
    for one in read:
        if selects(Model.HAUBERK, one.policy, workload):
            chosen.append(one)
        else:
            notes.append(f"{one.place('')}: {one.policy.name} does not select the workload: left out")
    if not chosen:
        is_node = workload.namespace is None
        remedy = (
            "--host takes KubeArmorHostPolicies, by --label"
            if is_node
            else "give its --namespace, --label and --container"
        )
        raise RefusedError("\n  ".join([f"no policy selects {described(workload)}: {remedy}", *notes]))
    return chosen, notes


def described(workload: Workload) -> str:
    """As messages name a workload."""
    labels = ",".join(f"{key}={value}" for key, value in (workload.labels or workload.node_labels))
    if workload.namespace is None:
        return f"the node{f' with {labels}' if labels else ''}"
    name = f"namespace {workload.namespace}"
    name += f", container {workload.container}" if workload.container else ""
    return f"{name}, labels {labels}" if labels else name


def _links(chosen: Sequence[Read], options: Options) -> dict[str, str]:
    """The paths of rules that are other paths for the kernel, where a root file system is known to look into."""
    if options.workload.namespace is None:
        root = Path("/")
    elif options.pids:
        root = PROC / str(options.pids[0]) / "root"
    else:
        return {}
    resolve = Links(root)
    found = {path: resolve(path) for one in chosen for path in written(one.policy)}
    return {path: real for path, real in found.items() if path != real}


def _enforce(
    session: Session,
    options: Options,
    generation: Generation,
    image: Image,
    groups: tuple[Group, ...],
    tree: Tree,
    notes: tuple[str, ...],
) -> Loaded:
    from hauberk.enforcer.kernel import loader
    from hauberk.enforcer.kernel.maps import digest_of
    from hauberk.enforcer.selftest import prove_a_denial

    kernel, path = session.kernel, options.places.state
    state = (None if session.fresh else states.read(path)) or State()
    prove_a_denial(kernel, path.parent)
    registered = kernel.containers()
    state = _without_gone(kernel, state)
    slot = NODE if generation.workload.namespace is None else slot_of(groups, registered, tree.ids())
    slot = kernel.free_slot() if slot is None else slot
    held = state.slots.get(slot)
    if options.rate or session.fresh:
        kernel.set_rate(*(options.rate or _RATE))
    missing = [group for group in groups if registered.get(group.id) != slot]
    same = held is not None and _same(held.now, generation) and kernel.holds(slot, image)
    with _undone(kernel, slot, held, missing, lambda held: states.write(path, state.with_slot(slot, held))):
        if not same:
            kernel.set_policy(slot, image)
            if not kernel.holds(slot, image):
                raise RefusedError("the kernel does not hold what was written to it: report this with its version")
        for group in missing:
            kernel.register(Path(group.path), slot)
        digest = digest_of(kernel.read_policy(slot) or {})
        now = replace(generation, version=kernel.version(slot), digest=digest)
        held = _held(held, now, groups, same=same)
        programs = loader.attached(pins=session.places.pins)
        states.write(path, replace(state.with_slot(slot, held), programs=programs))
    policies = [given.policy for given in generation.policies]
    return Loaded(
        slot,
        generation.workload,
        generation.posture,
        held.groups,
        tuple(policy.name for policy in policies),
        sum(len(policy.rules) + len(policy.presets) for policy in policies),
        image.size,
        kernel.memory(slot),
        digest,
        not same or bool(missing),
        session.fresh,
        session.replaced,
        notes,
    )


def _without_gone(kernel: Kernel, state: State) -> State:
    """Cgroups that were removed are forgotten; no task can be in them."""
    slots = dict(state.slots)
    for slot, held in state.slots.items():
        gone = [group for group in held.groups if not exists(group)]
        for group in gone:
            kernel.unregister(group.id)
        slots[slot] = replace(held, groups=tuple(group for group in held.groups if group not in gone))
    return replace(state, slots=slots)


def _held(held: Held | None, generation: Generation, groups: tuple[Group, ...], *, same: bool) -> Held:
    """A workload keeps the cgroups that it had."""
    kept = {group.id: group for group in (*(held.groups if held else ()), *groups)}
    if held is None:
        return Held(tuple(kept.values()), (generation,))
    return replace(held, groups=tuple(kept.values())) if same else held.followed_by(generation, tuple(kept.values()))


@contextmanager
def _undone(
    kernel: Kernel, slot: int, held: Held | None, groups: Sequence[Group], write: Callable[[Held], None]
) -> Generator[None]:
    """When the block fails, a workload is judged by what it was before, or by nothing."""
    new = kernel.read_policy(slot) is None
    try:
        yield
    except BaseException:
        if new:
            for group in groups:
                kernel.unregister(group.id)
            kernel.clear_policy(slot)
        elif held is not None:
            kernel.set_policy(slot, encode(held.now.compiled()))
            write(held.followed_by(replace(held.now, version=kernel.version(slot)), held.groups))
        raise


def _same(one: Generation, other: Generation) -> bool:
    return replace(one, version=0, digest="") == replace(other, version=0, digest="")


def workload_of(
    namespace: str | None, labels: Sequence[str], container: str | None, *, host: bool, named: bool
) -> Workload:
    """The workload that options describe; `named` says whether cgroups or processes are given."""
    pairs = pairs_of(labels)
    if host:
        if named or namespace is not None or container is not None:
            raise HauberkError("--host is the node itself: it goes with --label only")
        return Workload(None, node_labels=pairs)
    if not named:
        raise HauberkError("nothing to enforce it on: give --cgroup or --pid of the workload, or --host for the node")
    return Workload(namespace or "default", pairs, container or "")


def pairs_of(labels: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Labels as the command line has them."""
    pairs: list[tuple[str, str]] = []
    for label in labels:
        key, equals, value = label.partition("=")
        if not key or not equals:
            raise HauberkError(f"--label {label}: give key=value")
        pairs.append((key, value))
    return tuple(pairs)


def rate_of(text: str) -> tuple[int, float]:
    """`N/SECONDS`: at most so many reports of one rule in so many seconds; 0 for all."""
    count, slash, seconds = text.partition("/")
    try:
        found = int(count), float(seconds) if slash else 1.0
    except ValueError:
        found = (-1, 0.0)
    if found[0] < 0 or not 0 < found[1] < 1e9:
        raise HauberkError(f"--rate {text}: give N/SECONDS, such as 100/1, or 0/1 for no limit")
    return found
