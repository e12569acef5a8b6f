"""GitLab's code quality report."""

from __future__ import annotations

import json

from hauberk.cli.finding import Report, fingerprints
from hauberk.policy.problems import Severity

_SEVERITIES = {Severity.ERROR: "major", Severity.WARNING: "minor", Severity.INFO: "info"}


def render(report: Report) -> str:
    entries = [
        {
            "description": f"{finding.rule} {finding.name}: {finding.message}",
            "check_name": finding.rule,
            "fingerprint": name,
            "severity": _SEVERITIES[finding.severity],
            "location": {
                "path": finding.path,
                "lines": {"begin": finding.position.line, "end": finding.position.end_line},
            },
        }
        for finding, name in zip(report.findings, fingerprints(report.findings), strict=True)
    ]
    entries.extend(
        {
            "description": f"engine error: {error.reason}",
            "check_name": "engine",
            "fingerprint": f"engine-{number}",
            "severity": "blocker",
            "location": {"path": error.path, "lines": {"begin": error.line, "end": error.line}},
        }
        for number, error in enumerate(report.errors)
    )
    return json.dumps(entries, indent=2, ensure_ascii=False) + "\n"
