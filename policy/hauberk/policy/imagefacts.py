"""Facts that the images of workloads decide: links and scripts among the paths of a policy, starts that are denied."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hauberk.policy.containers import Container
from hauberk.policy.decision import Compiled
from hauberk.policy.imagepaths import below, file_at, resolve
from hauberk.policy.images import Elf, FileKind, Image, Script
from hauberk.policy.libraries import Loader, Loads
from hauberk.policy.model import Access, Action, Decision, Directory, Domain, Policy, Preset, Program, Rule, Verdict
from hauberk.policy.paths import canonical_path
from hauberk.policy.rulings import OTHER_PROGRAM
from hauberk.policy.starts import Start, interpreters

Facts = dict[str, Any]

# the runtime mounts these, whatever the image has there
_RUNTIME = (
    *("/dev", "/proc", "/sys", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf"),
    *("/run/secrets/kubernetes.io", "/var/run/secrets/kubernetes.io"),
)
_MULTICALL = ("busybox", "toybox", "coreutils", "busybox.static")
MAX_FILES = 200
MAX_ITEMS = 200


@dataclass(frozen=True, slots=True)
class Seen:
    """A workload whose image is known, with the lists of its policies; `allowing` are their Allow rules by domain."""

    workload: str
    container: Container
    name: str
    image: Image
    loader: Loader
    compiled: Compiled
    allowing: Mapping[Domain, Sequence[tuple[int, Rule]]]
    starts: Sequence[Start]
    """What the container starts."""


def image_facts(number: int, policy: Policy, seen: Sequence[Seen], *, complete: bool) -> list[Facts]:
    """The `images` part for entry `number`: one item for each image and set of volumes that its workloads have.

    `complete`: there is no workload of the policy that runs another image.
    """
    groups: dict[tuple[str, tuple[str, ...]], list[Seen]] = {}
    for one in seen:
        groups.setdefault((one.name, one.container.mounts), []).append(one)
    return [
        {
            "image": members[0].name,
            "complete": complete,
            "workloads": [one.workload for one in members],
            "names": list(_names(policy, members[0])),
            "entrypoints": _first(item for one in members for item in _entrypoints(number, policy, one)),
            "loaders": _first(item for one in members for item in _loaders(number, policy, one)),
        }
        for members in groups.values()
    ]


def _first(items: Iterable[Facts]) -> list[Facts]:
    """One for each program and deciding rule: other workloads of the same image say the same again."""
    found: dict[tuple[object, ...], Facts] = {}
    for item in items:
        found.setdefault((item["program"], item["pointer"], item["rule"], item["posture"]), item)
        if len(found) == MAX_ITEMS:
            break
    return list(found.values())


def _names(policy: Policy, seen: Seen) -> Iterator[Facts]:
    """What the image has at each path of the policy that is no pattern."""
    hidden = (*_RUNTIME, *seen.container.mounts)
    for rule in policy.rules:
        match rule.matcher:
            case Program(path) if path and "*" not in path:
                yield from _name(seen, f"{rule.pointer}/path", path, hidden)
            case Directory(directory) if directory:
                yield from _name(seen, f"{rule.pointer}/dir", directory, hidden, folder=True)
            case _:
                pass
        for index, source in enumerate(rule.sources):
            if source:
                yield from _name(seen, f"{rule.pointer}/fromSource/{index}/path", source, hidden)


def _name(seen: Seen, pointer: str, text: str, hidden: Sequence[str], *, folder: bool = False) -> Iterator[Facts]:
    """Nothing where the image cannot tell: hidden by a mount, a loop of links, a name that is no UTF-8."""
    written = canonical_path(text) or "/"
    if below(written, hidden):
        return
    place = resolve(seen.image, written)
    if place is None or below(place.path, hidden) or not place.path.isprintable():
        return
    entry = place.entry
    content = seen.image.content(place.path) if entry is not None and entry.kind is FileKind.FILE else None
    resolved = f"{place.path.rstrip('/')}/" if folder else place.path
    last = place.path.rpartition("/")[2]
    yield {
        "pointer": pointer,
        "text": text,
        "resolved": resolved,
        "link": place.path != written,
        "multicall": last in _MULTICALL and last != written.rpartition("/")[2],
        "found": entry.kind.value if entry is not None else None,
        "program": "script" if isinstance(content, Script) else "elf" if isinstance(content, Elf) else None,
        "interpreters": list(map(_shown, interpreters(seen.image, place.path))) if isinstance(content, Script) else [],
    }


def _entrypoints(number: int, policy: Policy, seen: Seen) -> Iterator[Facts]:
    """Starts that the process rules do not let pass, told at the policy that decides them."""
    allowing = seen.allowing.get("process", ())
    for start in seen.starts:
        decision = seen.compiled.decide(_exec(start))
        outcome = _outcome(decision)
        pointer = outcome and _blame(number, policy, decision, allowing, "/spec/process")
        if pointer is not None:
            yield {
                "pointer": pointer,
                "workload": seen.workload,
                "field": start.field,
                "program": _shown(start.program),
                "source": start.source and _shown(start.source),
                "rule": decision.rule,
                "posture": outcome,
            }


def _shown(path: str) -> str:
    """A path as reports can show it: images choose theirs, control characters and bytes that are no UTF-8 too."""
    return path if path.isprintable() else path.encode("unicode_escape").decode()


def _exec(start: Start) -> Access:
    return Access(
        "exec", start.program, start.source, args=start.argv, container_exec=start.field.endswith(".exec.command")
    )


def _outcome(decision: Decision) -> str | None:
    """`block` when it is denied, `audit` when posture would deny it, None when it passes."""
    if decision.verdict is Verdict.DENIED:
        return "block"
    by_posture = any(report.policy == "DefaultPosture" and report.rule is None for report in decision.reports)
    return "audit" if by_posture else None


def _blame(
    number: int, policy: Policy, decision: Decision, allowing: Sequence[tuple[int, Rule]], section: str
) -> str | None:
    """The pointer to show it at: the deciding rule, or what turns the list on in the first policy that does."""
    if decision.rule is not None:
        entries: tuple[Rule | Preset, ...] = (*policy.rules, *policy.presets)
        return next((entry.pointer for entry in entries if f"{policy.name}:{entry.id}" == decision.rule), None)
    return section if allowing and allowing[0][0] == number else None


def _loaders(number: int, policy: Policy, seen: Seen) -> Iterator[Facts]:
    """Programs that may run, with those files of their dynamic loader that the file rules keep them from."""
    own: set[str] = set()
    for rule in policy.rules:
        path = rule.matcher.path if isinstance(rule.matcher, Program) else None
        if rule.domain != "process" or rule.action is not Action.ALLOW or not path or "*" in path:
            continue
        place = file_at(seen.image, path)
        # a path that is a link never matches: that is told already
        if place is None or place.path != path or below(path, (*_RUNTIME, *seen.container.mounts)):
            continue
        source = next((source for source in rule.sources if source), OTHER_PROGRAM)
        own.add(path)
        item = _loader(seen, Access("exec", path, source), rule.pointer, "")
        if item is not None:
            yield item
    for start in seen.starts:
        if start.program not in own and isinstance(start.content, Elf):
            item = _loader(seen, _exec(start), "/spec/file", start.field)
            if item is not None and _first_to_say(number, policy, seen, item):
                own.add(start.program)
                yield item


def _first_to_say(number: int, policy: Policy, seen: Seen, item: Facts) -> bool:
    decision = Decision(Verdict.DENIED, item["rule"])
    pointer = _blame(number, policy, decision, seen.allowing.get("file", ()), "/spec/file")
    if pointer is not None:
        item["pointer"] = pointer
    return pointer is not None


def _loader(seen: Seen, start: Access, pointer: str, field: str) -> Facts | None:
    if seen.compiled.decide(start).verdict is not Verdict.ALLOWED:
        return None
    loads = seen.loader.loads(start.target)
    found: list[str] = []
    outcomes: set[str] = set()
    rule: str | None = None
    for access in _reads(loads, start) if loads is not None else ():
        if below(access.target, seen.container.mounts):
            continue
        decision = seen.compiled.decide(access)
        outcome = _outcome(decision)
        if outcome is not None:
            found.append(_shown(access.target))
            outcomes.add(outcome)
            rule = rule or decision.rule
    if not found or loads is None:
        return None
    return {
        "pointer": pointer,
        "workload": seen.workload,
        "field": field,
        "program": _shown(start.target),
        "interpreter": found[0] if loads.interpreter and found[0] == _shown(loads.interpreter) else None,
        "files": found[:MAX_FILES],
        "rule": rule,
        "posture": "block" if "block" in outcomes else "audit",
    }


def _reads(loads: Loads, start: Access) -> Iterator[Access]:
    """The caller opens the interpreter while it still is itself; the new program opens the libraries."""
    if loads.interpreter is not None:
        yield Access("read", loads.interpreter, start.source)
    for library in loads.libraries:
        yield Access("read", library, start.target)
