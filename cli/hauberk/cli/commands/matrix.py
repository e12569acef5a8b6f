"""`hauberk matrix`: programs by assets, workload by workload, of one set of policies or of two."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hauberk.cli.commands.diff import Side
from hauberk.cli.matrices import Matrices, WorkloadMatrix
from hauberk.policy.decision import Compiled, compile_policies
from hauberk.policy.matrix import Matrix, matrix
from hauberk.policy.model import Posture
from hauberk.policy.problems import HauberkError
from hauberk.policy.rulings import Key
from hauberk.policy.workloads import Target

MOST_CELLS = 500_000
"""Of all workloads together; what is over it is not computed."""

Progress = Callable[[int, int], None]


def matrices(
    sides: Sequence[Side], wanted: str | None, configured: Posture, posture: str | None, progress: Progress
) -> Matrices:
    """Every workload of the sides, or the one that is wanted; `posture` replaces what the files say."""
    result = Matrices(sides[0].model, tuple(side.name for side in sides), places=_places(sides))
    for side in sides:
        where = f"{side.name}: " if len(sides) > 1 else ""
        result.notes += [f"{where}{path} cannot be read whole" for path in side.opened.broken]
    targets = _targets(sides, wanted)
    cells = 0
    for done, pair in enumerate(targets):
        progress(done, len(targets))
        if cells > MOST_CELLS:
            left = len(targets) - done
            result.notes.append(
                f"{left} workloads are left out, as the table would be too large: name one by --workload"
            )
            break
        shown = _shown(sides, pair, configured, posture)
        cells += len(shown.matrix.programs) * len(shown.matrix.assets)
        result.workloads.append(shown)
    progress(len(targets), len(targets))
    return result


def _targets(sides: Sequence[Side], wanted: str | None) -> list[tuple[Target, ...]]:
    """Each workload as every side describes it; one that only one side has is as that side has it."""
    if wanted is not None and len(sides) == 1:
        return [(sides[0].opened.repository.target(wanted),)]
    by_name = [{target.name: target for target in side.opened.repository.targets()} for side in sides]
    names = dict.fromkeys(name for found in reversed(by_name) for name in found)
    if wanted is not None:
        names = dict.fromkeys(_chosen(list(names), wanted))
    return [tuple(found.get(name) or _other(by_name, name) for found in by_name) for name in names]


def _other(by_name: Sequence[dict[str, Target]], name: str) -> Target:
    return next(found[name] for found in by_name if name in found)


def _chosen(names: Sequence[str], wanted: str) -> list[str]:
    """The only name that is meant, as `Opened.target` chooses it."""
    found = [name for name in names if wanted in (name, name.partition("/")[2])] or [n for n in names if wanted in n]
    if len(found) != 1:
        what = "more than one workload" if found else "no such workload"
        some = "\n  ".join(sorted(names)[:30])
        raise HauberkError(f"{wanted}: {what} in the two sides, which have:\n  {some}")
    return found


def _shown(
    sides: Sequence[Side], targets: tuple[Target, ...], configured: Posture, given: str | None
) -> WorkloadMatrix:
    compiled: list[Compiled] = []
    posture, posture_from = configured, ""
    for side, target in zip(sides, targets, strict=True):
        posture, posture_from = side.opened.repository.posture(target, configured, given)
        policies = side.opened.repository.candidates(target.workload)
        compiled.append(compile_policies(side.model, policies, target.workload, posture))
    found = matrix(compiled, targets[-1].workload)
    changed = _changed(found) if len(sides) > 1 else 0
    return WorkloadMatrix(targets[-1], posture, posture_from, found, changed)


def _changed(found: Matrix) -> int:
    rulings = [bool(ruling.directions()) for ruling in found.rulings]
    cells = [any(rulings[number] for number in cell) for cell in found.cells]
    lines = [sum(cells[number] for number in row) for row in found.rows]
    return sum(lines[line] for line in found.lines)


def _places(sides: Sequence[Side]) -> dict[Key, tuple[str, int]]:
    return {
        (id(entry.policy), id(part)): (entry.place.file, line)
        for side in sides
        for entry in side.opened.repository.entries
        for part, line in zip((*entry.policy.rules, *entry.policy.presets), entry.lines, strict=True)
    }
