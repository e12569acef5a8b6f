"""Reading YAML in tests: one document, one value, or what is wrong."""

from __future__ import annotations

from typing import Any

from hauberk.policy.documents import Document, read


def only(text: str) -> Document:
    parsed = read(text)
    assert not parsed.problems
    assert len(parsed.documents) == 1
    return parsed.documents[0]


def value(scalar: str) -> Any:
    return only(f"a: {scalar}\n").data["a"]


def kinds(text: str) -> list[tuple[str, int, int]]:
    """Kind, line and column of every problem, those of documents first."""
    parsed = read(text)
    found = [problem for document in parsed.documents for problem in document.problems] + parsed.problems
    return [(problem.kind, problem.position.line, problem.position.column) for problem in found if problem.position]
