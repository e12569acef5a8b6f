"""A table for a merge request comment."""

from __future__ import annotations

from hauberk.cli.finding import Report
from hauberk.cli.output.text import summary
from hauberk.cli.output.visible import visible


def render(report: Report) -> str:
    lines = [f"### Hauberk: {summary(report)}", ""]
    if report.findings:
        lines += ["| | rule | where | what | instead |", "|---|---|---|---|---|"]
        lines += [
            f"| {finding.severity.value} | {finding.rule} {finding.name} "
            f"| `{_cell(finding.path)}:{finding.position.line}` | {_cell(finding.message)} | {_cell(finding.hint)} |"
            for finding in report.findings
        ]
    lines += [
        f"- **engine error** `{_cell(error.path)}:{error.line}`: {_cell(error.reason)}" for error in report.errors
    ]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return (
        visible(text)
        .replace("\\", "\\\\")
        .replace("|", "\\|")
        .replace("\n", " ")
        .replace("<", "&lt;")
        .replace("`", "\\`")
    )
