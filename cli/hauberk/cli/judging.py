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
from hauberk.policy.documents import Document
from hauberk.policy.facts import Facts, envelope, namespace_facts, policy_facts, problem_facts
from hauberk.policy.problems import Position, Severity
from hauberk.policy.surroundings import Surroundings


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


CHUNK = 256


def judge(
    loaded: Sequence[Loaded],
    first_entries: Sequence[int],
    surroundings: Surroundings | None,
    rule_sets: Sequence[RuleSet],
    memory: Memory,
    target: tuple[str, ...],
) -> Judged:
    """What the rules say about all subjects of these sources; the entries of each start at its `first_entries`."""
    judged = Judged([], [])
    for start in range(0, len(loaded), CHUNK):
        asked: list[tuple[Loaded, Subject, Document | None]] = []
        facts: list[bytes] = []
        for source, first in zip(loaded[start : start + CHUNK], first_entries[start : start + CHUNK], strict=True):
            documents = source.documents() if source.subjects else []
            for subject in source.subjects:
                document = None if subject.document is None else documents[subject.document]
                asked.append((source, subject, document))
                facts.append(encode(_facts(source, subject, document, first, surroundings, target)))
        for rule_set in rule_sets:
            for (source, subject, document), answer in zip(asked, _answers(rule_set, facts, memory), strict=True):
                _add(judged, answer, source, subject, document, rule_set, target)
    return judged


def encode(facts: object) -> bytes:
    return json.dumps(facts, ensure_ascii=True, separators=(",", ":")).encode()


def _facts(
    source: Loaded,
    subject: Subject,
    document: Document | None,
    first_entry: int,
    surroundings: Surroundings | None,
    target: tuple[str, ...],
) -> Facts:
    """The document that the rules read: what the source says, and what other sources say about it."""
    if subject.given is not None:
        return subject.given
    kind = "policy" if subject.ref is not None else "namespace" if subject.namespace is not None else "file"
    facts = envelope(kind, source.path, target)
    facts["problems"] = problem_facts(subject.problems)
    if document is not None and subject.ref is not None:
        entry = None if subject.entry is None else source.entries[subject.entry]
        facts["policy"] = policy_facts(document.data, entry.policy if entry else None)
        if subject.entry is not None and surroundings is not None:
            facts.update(surroundings.of(first_entry + subject.entry))
    elif subject.namespace is not None and surroundings is not None:
        facts["namespace"] = namespace_facts(subject.namespace, surroundings.namespace(subject.namespace))
    return facts


def _add(
    judged: Judged,
    answer: list[Violation] | Failure,
    source: Loaded,
    subject: Subject,
    document: Document | None,
    rule_set: RuleSet,
    target: tuple[str, ...],
) -> None:
    if isinstance(answer, Failure):
        line = document.value_at("").line if document else 1
        judged.errors.append(EngineError(source.path, line, answer.reason))
        return
    for violation in answer:
        try:
            finding = _finding(violation, source, subject, document, rule_set, target)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            reason = f"a rule gave a violation of the wrong form ({error!r}): {json.dumps(violation)[:200]}"
            judged.errors.append(EngineError(source.path, 1, reason))
            continue
        if finding is not None:
            judged.findings.append(finding)


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
            memory.keep(key, encode(answer))
        yield answer


def _finding(
    violation: Violation,
    source: Loaded,
    subject: Subject,
    document: Document | None,
    rule_set: RuleSet,
    target: tuple[str, ...],
) -> Finding | None:
    rule: str = violation["id"]
    info = rule_set.info.get(rule) if rule_set.info is not None else None
    if info is not None and not set(info.models) & set(target):
        return None
    if rule_set.info is None and rule.startswith("HB"):
        raise ValueError(f"{rule}: ids that start with HB are kept for built-in rules")
    pointer: str = violation.get("pointer", "")
    severity = violation.get("severity") or (info.severity if info else "warning")
    given = violation.get("position")
    if given:
        position = Position(*(int(given[name]) for name in ("line", "column", "endLine", "endColumn")))
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
            Related(str(item["place"]["file"]), int(item["place"]["line"]), _place_name(item))
            for item in violation.get("related", ())
        ),
        fix=fixes.build(fix, document, source.text.splitlines()) if fix else None,
    )


def _place_name(item: dict[str, Any]) -> str:
    return str(item.get("message") or item["place"].get("rule") or item["place"]["policy"])
