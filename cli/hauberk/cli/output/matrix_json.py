"""A matrix for tools: answers are numbered, as many cells share them."""

from __future__ import annotations

import json
from typing import Any

from hauberk.cli.matrices import Matrices, WorkloadMatrix
from hauberk.cli.output.matrix_words import circumstances
from hauberk.policy.matrix import Ruling, Said


def as_json(found: Matrices) -> str:
    """`cells[program][asset]` maps operations to numbers of `answers`."""
    whole = {
        "version": 1,
        "model": found.model.value,
        "sides": list(found.names),
        "workloads": [_workload(found, one) for one in found.workloads],
        "notes": found.notes,
    }
    return json.dumps(whole, separators=(",", ":")) + "\n"


def _workload(found: Matrices, one: WorkloadMatrix) -> dict[str, Any]:
    matrix, workload = one.matrix, one.target.workload
    rows = [
        [
            dict(zip(asset.ops, matrix.cells[number], strict=True))
            for asset, number in zip(matrix.assets, matrix.rows[line], strict=True)
        ]
        for line in matrix.lines
    ]
    return {
        "workload": {
            "name": one.target.name,
            "namespace": workload.namespace,
            "labels": dict(workload.labels),
            "container": workload.container,
        },
        "posture": {
            "file": one.posture.file,
            "network": one.posture.network,
            "capabilities": one.posture.capabilities,
            "from": one.posture_from,
        },
        "programs": [{"name": p.label, "kind": p.kind, "source": p.source} for p in matrix.programs],
        "assets": [
            {
                "name": asset.label,
                "group": asset.group,
                "kind": asset.kind,
                "operations": list(asset.ops),
                "example": {"target": asset.target, "type": asset.type, "protocol": asset.protocol},
            }
            for asset in matrix.assets
        ],
        "cells": rows,
        "answers": [_answer(found, ruling) for ruling in matrix.rulings],
        "changed": one.changed,
        "cut": matrix.cut,
    }


def _answer(found: Matrices, ruling: Ruling) -> dict[str, Any]:
    answer: dict[str, Any] = {"verdict": ruling.sense().value}
    if found.compared:
        answer["before"] = ruling.sense(0).value
        answer["change"] = [direction.value for direction in ruling.directions()]
    answer["partial"] = ruling.partial
    cases: list[dict[str, Any]] = []
    for one in ruling.answers:
        case: dict[str, Any] = {"when": circumstances(one.way, ruling.depends), **_said(found, one.said[-1])}
        if found.compared:
            case["before"] = _said(found, one.said[0])
        cases.append(case)
    return {**answer, "cases": cases}


def _said(found: Matrices, said: Said) -> dict[str, Any]:
    place = found.place(said.origin)
    return {
        "verdict": said.decision.verdict.value,
        "rule": place.rule,
        "path": place.path or None,
        "line": place.line or None,
        "report": [{"policy": r.policy, "action": r.action, "rule": r.rule} for r in said.decision.reports],
    }
