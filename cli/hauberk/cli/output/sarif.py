"""SARIF 2.1.0 (OASIS), with rule help, fingerprints and fixes: what code scanning services read."""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import Any
from urllib.parse import quote

from hauberk.cli.catalogue import RuleInfo, catalogue
from hauberk.cli.finding import Finding, Report, fingerprints
from hauberk.policy.problems import Position, Severity

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_HOME = "https://github.com/hauberk/hauberk"


def render(report: Report) -> str:
    known = catalogue()
    used = sorted({finding.rule for finding in report.findings})
    driver = {
        "name": "hauberk",
        "version": version("hauberk"),
        "informationUri": _HOME,
        "rules": [_rule(name, known.get(name)) for name in used],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [
            _result(finding, used.index(finding.rule), name)
            for finding, name in zip(report.findings, fingerprints(report.findings), strict=True)
        ],
        "invocations": [
            {
                "executionSuccessful": not report.errors,
                "toolExecutionNotifications": [
                    {
                        "level": "error",
                        "message": {"text": error.reason},
                        "locations": [_location(error.path, Position(error.line, 1, error.line, 2))],
                    }
                    for error in report.errors
                ],
            }
        ],
    }
    whole = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _rule(name: str, info: RuleInfo | None) -> dict[str, Any]:
    if info is None:
        return {"id": name}
    return {
        "id": name,
        "name": info.name,
        "shortDescription": {"text": info.name},
        "fullDescription": {"text": info.description},
        "help": {"text": info.recommended_action, "markdown": info.page},
        "helpUri": f"{_HOME}/blob/main/docs/rules/{name}.md",
        "defaultConfiguration": {"level": _LEVELS[info.severity]},
        "properties": {"category": info.category, "models": list(info.models)},
    }


def _result(finding: Finding, index: int, fingerprint: str) -> dict[str, Any]:
    text = finding.message + (f". {finding.hint}" if finding.hint else "")
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": _LEVELS[finding.severity],
        "message": {"text": text},
        "locations": [_location(finding.path, finding.position)],
        "partialFingerprints": {"hauberk/v1": fingerprint},
    }
    if finding.related:
        result["relatedLocations"] = [
            {
                "id": number,
                "message": {"text": related.message},
                **_location(related.path, Position(related.line, 1, related.line, 2)),
            }
            for number, related in enumerate(finding.related)
        ]
    if finding.fix is not None:
        replacements = [
            {"deletedRegion": _region(place), "insertedContent": {"text": new}} for place, new in finding.fix.edits
        ]
        change = {"artifactLocation": {"uri": quote(finding.path)}, "replacements": replacements}
        result["fixes"] = [{"description": {"text": finding.hint or finding.name}, "artifactChanges": [change]}]
    return result


def _location(path: str, place: Position) -> dict[str, Any]:
    return {"physicalLocation": {"artifactLocation": {"uri": quote(path)}, "region": _region(place)}}


def _region(place: Position) -> dict[str, int]:
    return {
        "startLine": place.line,
        "startColumn": place.column,
        "endLine": place.end_line,
        "endColumn": place.end_column,
    }
