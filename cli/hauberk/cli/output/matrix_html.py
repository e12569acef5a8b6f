"""A matrix as one page that needs nothing else: no network, no server, no other file.

Its policy forbids the browser to load or send anything; the only script and style are those whose digests it names.
Text of policies stands in the page as data alone, and its script writes it as text.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from importlib.resources import files
from typing import Any, TypeVar

from hauberk.cli.matrices import Matrices, WorkloadMatrix
from hauberk.cli.output.matrix_words import LETTERS, circumstances, example, parts
from hauberk.cli.output.visible import visible
from hauberk.policy.matrix import Ruling, Sense

T = TypeVar("T")
_SENSES = (Sense.ALLOWED, Sense.DENIED, Sense.AUDITED, Sense.DEPENDS)
# a script that holds data ends at the first such tag, whatever JSON says about quotes
_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}
_HOLE = re.compile(r"\{\{(\w+)\}\}")


def as_html(found: Matrices) -> str:
    """The page."""
    template, style, script = (_resource(f"matrix_page.{kind}") for kind in ("html", "css", "js"))
    policy = (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    parts = {"policy": policy, "style": style, "script": script, "data": embedded(_Encoder(found).whole())}
    # one pass: what was filled in is not looked at again
    return _HOLE.sub(lambda hole: parts[hole[1]], template)


def embedded(data: object) -> str:
    """JSON that cannot end the element it stands in; ASCII, so that line separators and lone surrogates are escaped."""
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"))
    return re.sub("[<>&]", lambda char: _ESCAPES[char[0]], text)


def _resource(name: str) -> str:
    return (files("hauberk.cli.output") / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


class _Encoder:
    """Everything that occurs more than once is numbered, over all workloads: most cells say the same."""

    def __init__(self, found: Matrices) -> None:
        self._found = found
        self._said: dict[tuple[str, str, str], int] = {}
        self._whens: dict[str, int] = {}
        self._rulings: dict[str, int] = {}
        self._cells: dict[tuple[int, ...], int] = {}

    def whole(self) -> dict[str, Any]:
        found = self._found
        workloads = [self._workload(one) for one in found.workloads]
        return {
            "model": found.model.value,
            "sides": [visible(name) for name in found.names],
            "notes": [visible(note) for note in found.notes],
            "workloads": workloads,
            "cells": list(self._cells),
            "rulings": [json.loads(text) for text in self._rulings],
            "said": list(self._said),
            "whens": list(self._whens),
        }

    def _workload(self, one: WorkloadMatrix) -> dict[str, Any]:
        matrix = one.matrix
        rulings = [self._ruling(ruling) for ruling in matrix.rulings]
        cells = [_number(self._cells, tuple(rulings[number] for number in cell)) for cell in matrix.cells]
        posture = one.posture
        held = f"file {posture.file}, network {posture.network}, capabilities {posture.capabilities}"
        return {
            "name": visible(one.target.name),
            "posture": visible(f"{held} ({one.posture_from})"),
            "changed": one.changed,
            "notes": [visible(text) for text in matrix.cut],
            "programs": [
                [visible(program.label), None if program.source is None else visible(program.source), program.kind]
                for program in matrix.programs
            ],
            "assets": [
                [
                    asset.group,
                    visible(asset.label),
                    asset.kind,
                    visible(example(asset)),
                    "".join(LETTERS[op] for op in asset.ops),
                ]
                for asset in matrix.assets
            ],
            "lines": matrix.lines,
            "rows": [[cells[number] for number in row] for row in matrix.rows],
        }

    def _ruling(self, ruling: Ruling) -> int:
        found = self._found
        answers: list[list[int]] = []
        for answer in ruling.answers:
            when = _number(self._whens, visible(circumstances(answer.way, ruling.depends)))
            sides = [_number(self._said, parts(found, said)) for said in reversed(answer.said)]
            answers.append([when, *sides])
        before = _SENSES.index(ruling.sense(0)) if found.compared else -1
        directions = "".join(direction.value[0] for direction in ruling.directions()) if found.compared else ""
        encoded = [_SENSES.index(ruling.sense()), before, directions, int(ruling.partial), answers]
        return _number(self._rulings, json.dumps(encoded))


def _number(known: dict[T, int], value: T) -> int:
    return known.setdefault(value, len(known))
