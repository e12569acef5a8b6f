"""`--new-since REV`: what an older revision already had, read from git objects without a checkout."""

from __future__ import annotations

from collections.abc import Sequence

from hauberk.cli import git, sources
from hauberk.cli.commands.lint import Request, lint_sources
from hauberk.cli.finding import fingerprints


def known_at(revision: str, paths: Sequence[str], request: Request) -> list[str]:
    """Fingerprints of the findings that the same paths had at the revision."""
    config = request.config
    suffixes = (*sources.SUFFIXES, ".md", ".markdown") if config.markdown else sources.SUFFIXES
    old = [
        source
        for source in git.files_at(revision, paths)
        if source.path.endswith(suffixes) and not sources.excluded(source.path, config.exclude)
    ]
    return fingerprints(lint_sources(old, request).findings) if old else []
