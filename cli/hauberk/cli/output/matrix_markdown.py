"""A matrix for a merge request: one table a workload, who decides folded below it."""

from __future__ import annotations

from collections.abc import Iterator

from hauberk.cli.matrices import Matrices, WorkloadMatrix
from hauberk.cli.output.changes import MOST_MARKDOWN
from hauberk.cli.output.matrix_text import reasons
from hauberk.cli.output.matrix_words import MARKS, heading, legend, symbols
from hauberk.cli.output.visible import visible

_MOST_ASSETS = 30
_ROOM_FOR_NOTES = 3_000


def as_markdown(found: Matrices) -> str:
    """Cut before it is too long for a comment, with a count of what was cut; of two sides only what changes."""
    shown = [one for one in found.workloads if one.changed or not found.compared]
    text = "### Hauberk: who may do what\n"
    if found.compared:
        sides = " -> ".join(found.names)
        text += f"\n{sum(one.changed for one in shown)} cells change in {len(shown)} workloads ({_cell(sides)})\n"
    for number, one in enumerate(shown):
        block = "".join(_workload(found, one))
        if len(text) + len(block) > MOST_MARKDOWN - _ROOM_FOR_NOTES:
            text += f"\n{len(shown) - number} more workloads do not fit here: run `hauberk matrix`.\n"
            break
        text += block
    text += "".join(f"\n- note: {_cell(note)}" for note in found.notes[:10])
    return text + "\n" + "".join(f"\n{_cell(line)}  " for line in legend(found).split("\n")) + "\n"


def _workload(found: Matrices, one: WorkloadMatrix) -> Iterator[str]:
    matrix = one.matrix
    yield f"\n#### {_cell(heading(one))}\n\n"
    yield from (f"{_cell(text)}\n\n" for text in matrix.cut)
    columns = range(min(len(matrix.assets), _MOST_ASSETS))
    yield "| | " + " | ".join(_code(matrix.assets[n].label) for n in columns) + " |\n"
    yield "|---" * (len(columns) + 1) + "|\n"
    for number, program in enumerate(matrix.programs):
        cells: list[str] = []
        for column in columns:
            rulings = matrix.cell(number, column)
            text = f"`{symbols(matrix.assets[column], rulings)}`"
            changes = {d.value for ruling in rulings for d in ruling.directions()} if found.compared else set[str]()
            words = [name for name in MARKS if name in changes]
            cells.append(f"{text} **{', '.join(words)}**" if words else text)
        label = _code(program.label) if program.kind in ("path", "name") else _cell(program.label)
        yield f"| {label} | " + " | ".join(cells) + " |\n"
    if len(matrix.assets) > _MOST_ASSETS:
        yield f"\n{len(matrix.assets) - _MOST_ASSETS} more assets: see `--format html`.\n"
    yield "\n<details><summary>Which rule decides</summary>\n\n"
    for head, row in reasons(found, one):
        yield f"- **{_cell(row)}**\n" if head else f"  - {_cell(row)}\n"
    yield "\n</details>\n"


def _code(text: str) -> str:
    # a backtick would end the code, and a bar the cell even in code
    if "`" in text:
        return _cell(text)
    return f"`{visible(text).replace('|', chr(92) + '|')}`"


def _cell(text: str) -> str:
    for char in "\\`*_[]<|":
        text = text.replace(char, "&lt;" if char == "<" else f"\\{char}")
    return visible(text.replace("\n", " "))
