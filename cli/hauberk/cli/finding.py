"""What a rule found, with its place: the value that every output format reads."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field
from typing import Any

from hauberk.policy.problems import Position, Severity


@dataclass(frozen=True, slots=True)
class PolicyRef:
    kind: str
    namespace: str | None
    name: str | None


@dataclass(frozen=True, slots=True)
class Related:
    path: str
    line: int
    message: str


@dataclass(frozen=True, slots=True)
class Fix:
    """Text edits: each replaces what stands between two places (lines and columns from 1, end exclusive)."""

    safety: str
    edits: tuple[tuple[Position, str], ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """`model` is kubearmor, hauberk, or both; `hint` says what to write instead."""

    rule: str
    name: str
    severity: Severity
    message: str
    hint: str
    path: str
    position: Position
    pointer: str
    policy: PolicyRef | None
    model: str
    witness: dict[str, Any] | None = None
    related: tuple[Related, ...] = ()
    fix: Fix | None = None

    @property
    def order(self) -> tuple[str, int, int, str, str]:
        return (self.path, self.position.line, self.position.column, self.rule, self.message)

    def as_json(self) -> dict[str, Any]:
        """The published form; `from_json` reads it back."""
        return {
            "rule": self.rule,
            "name": self.name,
            "severity": self.severity.value,
            "message": self.message,
            "hint": self.hint,
            "path": self.path,
            "line": self.position.line,
            "column": self.position.column,
            "endLine": self.position.end_line,
            "endColumn": self.position.end_column,
            "pointer": self.pointer,
            "policy": asdict(self.policy) if self.policy else None,
            "model": self.model,
            "witness": self.witness,
            "related": [asdict(related) for related in self.related],
            "fix": None
            if self.fix is None
            else {
                "safety": self.fix.safety,
                "edits": [
                    {
                        "line": place.line,
                        "column": place.column,
                        "endLine": place.end_line,
                        "endColumn": place.end_column,
                        "text": text,
                    }
                    for place, text in self.fix.edits
                ],
            },
        }


def from_json(value: dict[str, Any]) -> Finding:
    """The finding that `as_json` wrote (into our own cache)."""
    fix = value["fix"]
    return Finding(
        rule=value["rule"],
        name=value["name"],
        severity=Severity(value["severity"]),
        message=value["message"],
        hint=value["hint"],
        path=value["path"],
        position=_position(value),
        pointer=value["pointer"],
        policy=PolicyRef(**value["policy"]) if value["policy"] else None,
        model=value["model"],
        witness=value["witness"],
        related=tuple(Related(**related) for related in value["related"]),
        fix=Fix(fix["safety"], tuple((_position(edit), edit["text"]) for edit in fix["edits"])) if fix else None,
    )


def _position(value: dict[str, Any]) -> Position:
    return Position(value["line"], value["column"], value["endLine"], value["endColumn"])


def fingerprints(findings: list[Finding]) -> list[str]:
    """One stable name for each finding: it survives moved lines, and tells equal findings apart by their order."""
    seen: dict[str, int] = {}
    names: list[str] = []
    for finding in findings:
        policy = finding.policy
        what = (
            finding.rule,
            finding.path,
            policy and (policy.kind, policy.namespace, policy.name),
            finding.message,
        )
        digest = hashlib.sha256(repr(what).encode("utf-8", "surrogatepass")).hexdigest()[:32]
        count = seen[digest] = seen.get(digest, 0) + 1
        names.append(f"{digest}-{count}")
    return names


@dataclass(frozen=True, slots=True)
class EngineError:
    """A document on which the rules gave no answer."""

    path: str
    line: int
    reason: str


@dataclass(slots=True)
class Report:
    """Everything a run of lint knows when it ends; `refused`: rules that cannot be used, files that cannot be read."""

    findings: list[Finding] = field(default_factory=list[Finding])
    errors: list[EngineError] = field(default_factory=list[EngineError])
    notes: list[str] = field(default_factory=list[str])
    files: int = 0
    policies: int = 0
    suppressed: int = 0
    baselined: int = 0
    refused: list[str] = field(default_factory=list[str])
    texts: dict[str, bytes] = field(default_factory=dict[str, bytes])

    def count(self, severity: Severity) -> int:
        return sum(finding.severity is severity for finding in self.findings)
