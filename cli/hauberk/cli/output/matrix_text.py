"""A matrix for a terminal: a table as wide as it, and below it which rules decide."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence

import typer

from hauberk.cli.matrices import Matrices, WorkloadMatrix
from hauberk.cli.output.matrix_words import MARKS, answered, example, heading, legend, symbol
from hauberk.cli.output.visible import visible
from hauberk.policy.compare import Direction
from hauberk.policy.matrix import Matrix, Ruling, Sense

_WIDEST_PROGRAM, _WIDEST_ASSET, _GAP = 36, 28, 2
_MOST_REASONS = 200
_COLOURS = {Sense.ALLOWED: "green", Sense.AUDITED: "yellow", Sense.DENIED: "red", Sense.DEPENDS: "magenta"}
Style = Callable[..., str]


def _plain(text: str, **_: object) -> str:
    return text


def as_text(found: Matrices, *, colour: bool, width: int | None = None) -> str:
    """Of two sides only workloads that change are shown."""
    style: Style = typer.style if colour else _plain
    columns = width or shutil.get_terminal_size((100, 24)).columns
    lines: list[str] = []
    shown = [one for one in found.workloads if one.changed or not found.compared]
    for one in shown:
        lines.append(style(heading(one), bold=True))
        lines += [f"note: {visible(text)}" for text in one.matrix.cut]
        for first, last in _blocks(one.matrix, columns):
            lines += ["", *_table(one.matrix, first, last, style)]
        lines += ["", *_reasons(found, one, style), ""]
    lines += [f"note: {visible(note)}" for note in found.notes]
    if found.compared:
        count = sum(one.changed for one in found.workloads)
        sides = " -> ".join(found.names)
        lines.append(visible(f"{count} cells change in {len(shown)} of {len(found.workloads)} workloads ({sides})"))
    lines += legend(found).split("\n")
    return "\n".join(lines) + "\n"


def shortened(text: str, size: int) -> str:
    """The ends of a path tell more than its middle."""
    text = visible(text)
    if len(text) <= size:
        return text
    tail = (size - 3) * 2 // 3
    return f"{text[: size - 3 - tail]}...{text[-tail:]}"


def _widths(found: Matrix) -> list[int]:
    # room for the letters and a mark of what changed
    return [max(6, min(_WIDEST_ASSET, len(visible(asset.label)))) for asset in found.assets]


def _side(found: Matrix) -> int:
    return min(_WIDEST_PROGRAM, max(len(visible(program.label)) for program in found.programs))


def _blocks(found: Matrix, columns: int) -> Iterator[tuple[int, int]]:
    """Runs of columns that fit beside the programs; at least one each."""
    room = columns - _side(found)
    first, used = 0, 0
    for number, width in enumerate(_widths(found)):
        if used and used + width + _GAP > room:
            yield first, number
            first, used = number, 0
        used += width + _GAP
    yield first, len(found.assets)


def _table(found: Matrix, first: int, last: int, style: Style) -> Iterator[str]:
    widths, side = _widths(found), _side(found)
    heads = [shortened(found.assets[n].label, widths[n]).ljust(widths[n]) for n in range(first, last)]
    yield (" " * side + "".join(" " * _GAP + head for head in heads)).rstrip()
    for number, program in enumerate(found.programs):
        row = shortened(program.label, side).ljust(side)
        for column in range(first, last):
            text, shown = _cell(found, number, column, style)
            row += " " * _GAP + shown + " " * (widths[column] - len(text))
        yield row.rstrip()


def _cell(found: Matrix, program: int, asset: int, style: Style) -> tuple[str, str]:
    """Without colour and with it."""
    plain = painted = ""
    directions = ""
    for op, ruling in zip(found.assets[asset].ops, found.cell(program, asset), strict=True):
        sense = ruling.sense()
        char = symbol(op, sense)
        plain += char
        painted += style(char, fg=_COLOURS[sense])
        directions += "".join(MARKS[direction.value] for direction in _changes(ruling))
    marks = "".join(mark for mark in MARKS.values() if mark in directions)
    return plain + marks, painted + (style(marks, bold=True) if marks else "")


def _changes(ruling: Ruling) -> Sequence[Direction]:
    return ruling.directions() if len(ruling.answers[0].said) > 1 else ()


def _reasons(found: Matrices, one: WorkloadMatrix, style: Style) -> Iterator[str]:
    rows = list(reasons(found, one))
    for head, row in rows[:_MOST_REASONS]:
        yield f"  {row}" if not head else style(row, bold=True)
    if len(rows) > _MOST_REASONS:
        yield f"{len(rows) - _MOST_REASONS} more lines: see --format html or json"


def reasons(found: Matrices, one: WorkloadMatrix) -> Iterator[tuple[bool, str]]:
    """For each asset (a head) who may do what and by which rule; of two sides only what changes."""
    matrix = one.matrix
    for column, asset in enumerate(matrix.assets):
        said: dict[tuple[str, str], list[str]] = {}
        for number, program in enumerate(matrix.programs):
            for op, ruling in zip(asset.ops, matrix.cell(number, column), strict=True):
                if found.compared and not ruling.directions():
                    continue
                words = "; ".join(answered(found, ruling, answer) for answer in ruling.answers)
                words += "; and more combinations of arguments" if ruling.partial else ""
                said.setdefault((words, op), []).append(visible(program.label))
        by_words: dict[tuple[str, tuple[str, ...]], list[str]] = {}
        for (words, operation), who in said.items():
            by_words.setdefault((words, tuple(who)), []).append(operation)
        if by_words:
            shown = example(asset)
            yield True, visible(asset.label if shown in (asset.label, "") else f"{asset.label} (for example {shown})")
        for (words, programs), ops in by_words.items():
            named = ", ".join(programs[:4]) + (f" and {len(programs) - 4} more" if len(programs) > 4 else "")
            named = "every program" if len(programs) == len(matrix.programs) else named
            yield False, f"{', '.join(ops)}: {words}: {named}"
