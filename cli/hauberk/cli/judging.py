"""Subjects -> findings: facts are completed with what other files say, the rules are asked, places are looked up."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from hauberk.cli import fixes
from hauberk.cli.catalogue import RuleInfo
from hauberk.cli.engine import Engine, Failure, Violation
from hauberk.cli.finding import EngineError, Finding, Related
from hauberk.cli.loading import Loaded, Subject
from hauberk.policy.problems import Position, Severity
from hauberk.policy.surroundings import Surroundings

Remember = Callable[[bytes], bytes | None]


@dataclass(frozen=True, slots=True)
class Judged:
    """Findings in order of the subjects, and documents without an answer."""

    findings: list[Finding]
    errors: list[EngineError]


@dataclass(frozen=True, slots=True)
class RuleSet:
    """An engine with the rules it runs; `info` is None for users' rules, which have no catalogue."""

    engine: Engine
    identity: bytes
    info: dict[str, RuleInfo] | None


@dataclass(frozen=True, slots=True)
class Memory:
    """Answers by content: `recall` gives one or None, `keep` stores one."""

    recall: Callable[[bytes], bytes | None]
    keep: Callable[[bytes, bytes], None]


def complete(loaded: Loaded, first_entry: int, surroundings: Surroundings) -> None:
    """Writes into the facts of a source what other documents say; its entries start at `first_entry`."""
    for subject in loaded.subjects:
        if subject.entry is not None:
            subject.facts.update(surroundings.of(first_entry + subject.entry))
        elif subject.namespace is not None:
            subject.facts["namespace"]["allowDomains"] = surroundings.namespace(subject.namespace)


def judge(loaded: Sequence[Loaded], rule_sets: Sequence[RuleSet], memory: Memory, target: tuple[str, ...]) -> Judged:
    """What the rules say about all subjects of these sources."""
    asked = [(source, subject) for source in loaded for subject in source.subjects]
    documents = [encode(subject.facts) for _, subject in asked]
    findings: list[Finding] = []
    errors: list[EngineError] = []
    for rule_set in rule_sets:
        for (source, subject), answer in zip(asked, _answers(rule_set, documents, memory), strict=True):
            if isinstance(answer, Failure):
                line = subject.document.value_at("").line if subject.document else 1
                errors.append(EngineError(source.path, line, answer.reason))
                continue
            found, wrong = _findings(answer, source, subject, rule_set, target)
            findings.extend(found)
            errors.extend(wrong)
    return Judged(findings, errors)


def encode(facts: dict[str, Any]) -> bytes:
    return json.dumps(facts, ensure_ascii=True, separators=(",", ":")).encode()


def _answers(rule_set: RuleSet, documents: list[bytes], memory: Memory) -> Iterator[list[Violation] | Failure]:
    keys = [hashlib.sha256(rule_set.identity + document).digest() for document in documents]
    known = [memory.recall(key) for key in keys]
    fresh = rule_set.engine.evaluate(document for document, old in zip(documents, known, strict=True) if old is None)
    for key, old in zip(keys, known, strict=True):
        if old is not None:
            yield json.loads(old)
            continue
        answer = next(fresh)
        if not isinstance(answer, Failure):
            memory.keep(key, encode(answer))  # type: ignore[arg-type]
        yield answer


def _findings(
    violations: list[Violation], source: Loaded, subject: Subject, rule_set: RuleSet, target: tuple[str, ...]
) -> tuple[list[Finding], list[EngineError]]:
    found: list[Finding] = []
    wrong: list[EngineError] = []
    rows = source.text.splitlines()
    for violation in violations:
        try:
            finding = _finding(violation, source, subject, rule_set, target, rows)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            reason = f"a rule gave a violation of the wrong form ({error!r}): {json.dumps(violation)[:200]}"
            wrong.append(EngineError(source.path, 1, reason))
            continue
        if finding is not None:
            found.append(finding)
    return found, wrong


def _finding(
    violation: Violation,
    source: Loaded,
    subject: Subject,
    rule_set: RuleSet,
    target: tuple[str, ...],
    rows: Sequence[str],
) -> Finding | None:
    rule: str = violation["id"]
    info = rule_set.info.get(rule) if rule_set.info is not None else None
    if info is not None and not set(info.models) & set(target):
        return None
    if rule_set.info is None and rule.startswith("HB"):
        raise ValueError(f"{rule}: ids that start with HB are kept for built-in rules")
    pointer: str = violation.get("pointer", "")
    severity = violation.get("severity") or (info.severity if info else "warning")
    document = subject.document
    given = violation.get("position")
    if given:
        position = Position(given["line"], given["column"], given["endLine"], given["endColumn"])
    else:
        position = document.place(pointer) if document else Position(1, 1, 1, 2)
    fix = violation.get("fix")
    return Finding(
        rule=rule,
        name=info.name if info else violation.get("name", rule),
        severity=Severity(severity),
        message=str(violation["message"]),
        hint=str(violation.get("hint", info.recommended_action if info else "")),
        path=source.path,
        position=position,
        pointer=(document.base if document else "") + pointer,
        policy=subject.ref,
        model=violation.get("model") or (info.model if info else "both"),
        witness=violation.get("witness"),
        related=tuple(
            Related(item["place"]["file"], item["place"]["line"], _place_name(item))
            for item in violation.get("related", ())
        ),
        fix=fixes.build(fix, document, rows) if fix else None,
    )


def _place_name(item: dict[str, Any]) -> str:
    return str(item.get("message") or item["place"].get("rule") or item["place"]["policy"])
