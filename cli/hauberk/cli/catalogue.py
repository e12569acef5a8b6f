"""The catalogue of rules, read from the METADATA that was collected when they were compiled."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from hauberk.policy.problems import Severity


@dataclass(frozen=True, slots=True)
class RuleInfo:
    """`models` names the targets for which the rule speaks; `page` is its documentation in Markdown."""

    id: str
    name: str
    category: str
    severity: Severity
    models: tuple[str, ...]
    needs: str
    fix: str
    description: str
    recommended_action: str
    page: str

    @property
    def model(self) -> str:
        return self.models[0] if len(self.models) == 1 else "both"


@cache
def catalogue() -> dict[str, RuleInfo]:
    """All built-in rules by id, in order."""
    entries = json.loads((files("hauberk.rego") / "catalogue.json").read_text(encoding="utf-8"))
    return {
        entry["id"]: RuleInfo(**(entry | {"severity": Severity(entry["severity"]), "models": tuple(entry["models"])}))
        for entry in entries
    }


def rules_folder() -> Path:
    """Folder of the built-in Rego sources and of `policy.wasm`."""
    return Path(str(files("hauberk.rego")))
