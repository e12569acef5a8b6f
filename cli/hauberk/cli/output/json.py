"""The published machine form; a field may be added within version 1, none changes or goes."""

from __future__ import annotations

import json

from hauberk.cli.finding import Report
from hauberk.policy.problems import Severity


def render(report: Report) -> str:
    whole = {
        "version": 1,
        "findings": [finding.as_json() for finding in report.findings],
        "errors": [{"path": error.path, "line": error.line, "reason": error.reason} for error in report.errors],
        "summary": {
            **{severity.value: report.count(severity) for severity in Severity},
            "files": report.files,
            "policies": report.policies,
            "suppressed": report.suppressed,
            "baselined": report.baselined,
            "engineErrors": len(report.errors),
        },
    }
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"
