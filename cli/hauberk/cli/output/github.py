"""GitHub Actions workflow commands: annotations on the lines of a pull request."""

from __future__ import annotations

from hauberk.cli.finding import Report
from hauberk.cli.output.visible import visible
from hauberk.policy.problems import Severity

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


def render(report: Report) -> str:
    lines: list[str] = []
    for finding in report.findings:
        at = finding.position
        place = f"file={_value(finding.path)},line={at.line},endLine={at.end_line}"
        place += f",col={at.column},endColumn={at.end_column}"
        text = visible(finding.message) + (f"\n{visible(finding.hint)}" if finding.hint else "")
        title = _value(f"{finding.rule} {finding.name}")
        lines.append(f"::{_COMMANDS[finding.severity]} {place},title={title}::{_text(text)}")
    lines.extend(
        f"::error file={_value(e.path)},line={e.line},title=engine error::{_text(e.reason)}" for e in report.errors
    )
    return "".join(f"{line}\n" for line in lines)


def _text(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _value(text: str) -> str:
    return _text(text).replace(":", "%3A").replace(",", "%2C")
