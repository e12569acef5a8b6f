"""The published machine form; a field may be added within version 1, none changes or goes."""

from __future__ import annotations

import json

from hauberk.cli.finding import Report
from hauberk.policy.problems import Severity


def render(report: Report) -> str:
    whole = {
        "version": 1,
        "findings": [],
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
    text = json.dumps(whole, indent=2, ensure_ascii=False) + "\n"
    if not report.findings:
        return text
    # a line for each: it can be grepped and diffed, and json's indenting encoder takes seconds for many findings
    lines = (json.dumps(finding.as_json(), ensure_ascii=False) for finding in report.findings)
    return text.replace('"findings": []', '"findings": [\n    ' + ",\n    ".join(lines) + "\n  ]", 1)
