"""Small policies as text, and linting them in this process."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from hauberk.cli.commands.lint import Request, lint_sources
from hauberk.cli.config import Config, overridden
from hauberk.cli.finding import Finding, Report
from hauberk.cli.sources import Source

HEAD = "apiVersion: security.kubearmor.com/v1\nkind: KubeArmorPolicy\nmetadata:\n  name: p\n  namespace: ns\nspec:\n"
SELECTOR = "  selector:\n    matchLabels:\n      app: x\n  severity: 5\n"


def policy(spec: str, *, name: str = "p") -> str:
    """A KubeArmorPolicy with this text as the rest of its spec (indented by two)."""
    return HEAD.replace("name: p", f"name: {name}") + SELECTOR + spec


def request(**settings: Any) -> Request:
    return Request(overridden(Config(), settings), 1, None, dt.date(2026, 1, 1))


def report(*texts: str | bytes, **settings: Any) -> Report:
    sources = [
        Source(f"f{number}.yaml", text if isinstance(text, bytes) else text.encode())
        for number, text in enumerate(texts)
    ]
    return lint_sources(sources, request(**settings))


def lint(*texts: str | bytes, **settings: Any) -> list[Finding]:
    return report(*texts, **settings).findings


def rules(*texts: str | bytes, **settings: Any) -> list[str]:
    return [finding.rule for finding in lint(*texts, **settings)]


def lint_file(path: Path, **settings: Any) -> list[Finding]:
    return lint_sources([Source(path.name, path.read_bytes())], request(**settings)).findings
