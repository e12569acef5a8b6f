"""Results for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hauberk.enforcer.alerts import Alert
from hauberk.enforcer.commands.check import Finding
from hauberk.enforcer.commands.dump import Dumped, HeldRule, HeldWorkload
from hauberk.enforcer.commands.events import Counts
from hauberk.enforcer.commands.load import Loaded, described
from hauberk.policy.model import Posture


def findings(found: Sequence[Finding]) -> str:
    lines = [f"{'ok' if one.ok else 'missing':8}{one.name}: {one.found}{_remedy(one)}" for one in found]
    lacking = sum(not one.ok for one in found)
    lines.append(f"{lacking} of {len(found)} missing" if lacking else "this node can enforce")
    return _joined(lines)


def _remedy(one: Finding) -> str:
    return "" if one.ok else f": {one.remedy}"


def loaded(result: Loaded) -> str:
    by_us = "; the programs were loaded by this command" if result.fresh else ""
    if result.replaced:
        by_us = "; the programs were of another version, and replaced"
    lines = [
        f"enforced: {described(result.workload)}"
        if result.changed
        else f"nothing changed: {described(result.workload)}",
        f"  policies   {', '.join(result.policies)}: {_count(result.rules, 'rule')}",
        f"  posture    {_posture(result.posture)}",
        *(f"  cgroup     {group.path}" for group in result.groups),
        f"  memory     {_memory(result)}",
        f"  digest     {result.digest}",
        f"  proved     a probe was denied{by_us}",
    ]
    return _joined(lines)


def _memory(result: Loaded) -> str:
    entries = _count(result.entries, "entry", "entries")
    return f"{_bytes(result.memory)} of the kernel's for {entries}, {_bytes(result.memory_per_1000)} per 1,000 rules"


def _posture(posture: Posture) -> str:
    return f"file {posture.file}, network {posture.network}, capabilities {posture.capabilities}"


def dumped(result: Dumped) -> str:
    if not result.loaded:
        return _joined(["no programs are loaded", *(f"drift: {said}" for said in result.drift)])
    lines = [f"{len(result.programs)} programs are attached"]
    for one in result.workloads:
        lines += _workload(one)
    lines += [f"drift: {said}" for said in result.drift]
    count = len(result.drift) + sum(len(one.drift) for one in result.workloads)
    total = _count(len(result.workloads), "workload")
    lines.append(f"{total}, {_count(count, 'difference')} from what was written to the kernel" if count else total)
    return _joined(lines)


def _workload(one: HeldWorkload) -> Iterator[str]:
    yield f"slot {one.slot}: {described(one.workload) if one.workload else 'nobody knows whose'}"
    if one.posture:
        yield f"  posture  {_posture(one.posture)}"
    for group in one.groups:
        yield f"  cgroup   {group.path or '?'} ({group.id})"
    yield f"  memory   {_bytes(one.memory)}"
    yield f"  digest   {one.digest}"
    yield from map(_rule, one.rules)
    yield from (f"  {line}" for line in one.raw)
    yield from (f"  drift: {said}" for said in one.drift)


def _rule(rule: HeldRule) -> str:
    sources = f" from {', '.join(rule.sources)}" if rule.sources else ""
    mark = "" if rule.whole else "  (not as written)"
    return f"  {rule.number:5}  {rule.policy}:{rule.rule} {rule.action} {rule.matcher}{sources}  [{rule.place}]{mark}"


def alert(one: Alert) -> str:
    """One line."""
    by = one["PolicyName"] or "?"
    source = f" by {one['Source']}" if one["Source"] else ""
    where = "/".join(filter(None, (one["NamespaceName"], one["ContainerName"] or one["ContainerID"])))
    told = f": {one['Message']}" if one.get("Message") else ""
    return (
        f"{one['UpdatedTime']} {one['Action']:5} {one['Operation']} {one['Resource'] or one['Data']}{source} "
        f"({one['Result']}; {by}; {where or 'node'}){told}"
    )


def counts(found: Counts) -> str:
    return (
        f"{_count(found.alerts, 'alert')}; since the programs were loaded: {found.denied} denied, "
        f"{found.lost} reports lost as the ring was full, {found.suppressed} suppressed by --rate"
    )


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


def _bytes(number: int) -> str:
    return f"{number / 1024:.1f} KiB" if number < 1 << 20 else f"{number / (1 << 20):.1f} MiB"


def _joined(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
