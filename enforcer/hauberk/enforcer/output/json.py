"""Results for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from hauberk.enforcer.alerts import Alert
from hauberk.enforcer.commands.check import Finding
from hauberk.enforcer.commands.dump import Dumped
from hauberk.enforcer.commands.events import Counts
from hauberk.enforcer.commands.load import Loaded
from hauberk.enforcer.state import workload_document


def findings(found: Sequence[Finding]) -> str:
    return _text([asdict(one) | {"ok": one.ok} for one in found])


def loaded(result: Loaded) -> str:
    document = asdict(result) | {"memory_per_1000": result.memory_per_1000}
    return _text(document | {"workload": workload_document(result.workload)})


def dumped(result: Dumped) -> str:
    document = asdict(result)
    for one, target in zip(result.workloads, document["workloads"], strict=True):
        target["workload"] = workload_document(one.workload) if one.workload else None
    return _text(document)


def alert(one: Alert) -> str:
    """One line."""
    return json.dumps(one, ensure_ascii=False)


def counts(found: Counts) -> str:
    return json.dumps(asdict(found))


def _text(document: Any) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
