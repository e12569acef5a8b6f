"""For a terminal: one block a finding with its line and a caret, then a summary."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import typer

from hauberk.cli.finding import Finding, Report
from hauberk.cli.output.visible import visible
from hauberk.policy.problems import Severity

_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "blue"}
_WIDEST = 160
Style = Callable[..., str]


def _plain(text: str, **_: object) -> str:
    return text


def render(report: Report, *, colour: bool) -> str:
    style: Style = typer.style if colour else _plain
    rows: dict[str, list[str]] = {}
    blocks: list[str] = []
    for finding in report.findings:
        if finding.path not in rows:
            rows[finding.path] = report.texts.get(finding.path, b"").decode("utf-8-sig", "replace").splitlines()
        blocks.append(_block(finding, rows[finding.path], style))
    blocks.extend(
        f"{visible(error.path)}:{error.line}: {style('engine error', fg='red', bold=True)} {visible(error.reason)}\n"
        for error in report.errors
    )
    return "\n".join(blocks) + ("\n" if blocks else "") + summary(report) + "\n"


def _block(finding: Finding, rows: Sequence[str], style: Style) -> str:
    at, colour = finding.position, _COLOURS[finding.severity]
    only = "" if finding.model == "both" else f" ({finding.model})"
    paint = partial(style, fg=colour, bold=True)
    place = f"{style(visible(finding.path), bold=True)}:{at.line}:{at.column}"
    head = f"{place} {paint(finding.severity.value)} {finding.rule} {finding.name}{only}\n"
    lines = [head]
    if 0 < at.line <= len(rows):
        row = rows[at.line - 1].expandtabs(1)
        end = at.end_column if at.end_line == at.line else len(row) + 1
        width = max(1, min(end, len(row) + 1) - at.column)
        shown, start = row, at.column - 1
        if len(row) > _WIDEST:
            cut = max(0, start - 20)
            shown, start = row[cut : cut + _WIDEST], start - cut
        number = f"{at.line:>5} | "
        lines.append(f"{style(number, dim=True)}{visible(shown)}\n")
        caret = "^" * min(width, _WIDEST - start)
        lines.append(f"{style('      | ', dim=True)}{' ' * start}{paint(caret)} {visible(finding.message)}\n")
    else:
        lines.append(f"        {visible(finding.message)}\n")
    lines.extend(
        f"        -> {visible(related.path)}:{related.line}: {visible(related.message)}\n"
        for related in finding.related
    )
    if finding.hint:
        lines.append(f"        = {visible(finding.hint)}   {style(_more(finding.rule), dim=True)}\n")
    return "".join(lines)


def _more(rule: str) -> str:
    """`hauberk rules` knows our own rules only."""
    return f"(hauberk rules {rule})" if rule.startswith("HB") else f"({rule})"


def summary(report: Report) -> str:
    """`3 errors, 1 warning in 2 policies (4 files)`, and what was left out."""
    counts = [
        f"{count} {name}{'' if count == 1 or name == 'info' else 's'}"
        for severity, name in (
            (Severity.ERROR, "error"),
            (Severity.WARNING, "warning"),
            (Severity.INFO, "info"),
        )
        if (count := report.count(severity))
    ]
    text = ", ".join(counts) or "no findings"
    text += f" in {_plural(report.policies, 'policy', 'policies')} ({_plural(report.files, 'file', 'files')})"
    if fixable := sum(f.fix is not None and f.fix.safety == "safe" for f in report.findings):
        text += f"; {fixable} can be fixed with --fix"
    if report.suppressed:
        text += f"; {report.suppressed} suppressed"
    if report.baselined:
        text += f"; {report.baselined} known and not shown"
    if report.errors:
        text += f"; NO ANSWER for {_plural(len(report.errors), 'document', 'documents')}"
    return text


def _plural(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"
