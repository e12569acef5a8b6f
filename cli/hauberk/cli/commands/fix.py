"""`hauberk lint --fix`: texts with their fixes applied, as often as a fix makes room for another."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace

from hauberk.cli import fixes, sources
from hauberk.cli.commands.lint import Request, lint_sources
from hauberk.cli.finding import Finding
from hauberk.cli.loading import load
from hauberk.cli.sources import STDIN, Source
from hauberk.policy.problems import HauberkError

MAX_ROUNDS = 10


def mend(paths: Sequence[str], request: Request, *, unsafe: bool) -> list[tuple[str, str, int]]:
    """Path, new text and number of fixes of each file that changes; nothing is written here."""
    names = sources.find(paths, markdown=request.config.markdown, exclude=request.config.exclude)
    if STDIN in names:
        raise HauberkError("--fix changes files: it cannot mend standard input")
    # names say what to write, the paths of sources what to tell: they differ where a name cannot be shown
    before = {name: sources.read(name) for name in names}
    now = dict(before)
    counts: Counter[str] = Counter()
    for _ in range(MAX_ROUNDS):
        report = lint_sources(list(now.values()), replace(request, cache=None))
        by_path: defaultdict[str, list[Finding]] = defaultdict(list)
        for finding in report.findings:
            by_path[finding.path].append(finding)
        changed = False
        for name, source in now.items():
            chosen = fixes.wanted(by_path[source.path], unsafe=unsafe)
            if not chosen:
                continue
            bom = source.data.startswith(b"\xef\xbb\xbf")
            text, applied = fixes.apply(source.data.decode("utf-8-sig"), chosen)
            data = (b"\xef\xbb\xbf" if bom else b"") + text.encode()
            mended = Source(source.path, data)
            if data != source.data and _as_sound(mended, source):
                now[name], changed = mended, True
                counts[name] += applied
        if not changed:
            break
    return [(name, now[name].data.decode(), counts[name]) for name in names if now[name].data != before[name].data]


def _as_sound(mended: Source, source: Source) -> bool:
    """Whether the text still reads as the same documents: a fix is not worth a file that nobody can apply."""
    new, old = load(mended, keep=False), load(source, keep=False)
    return (new.whole or not old.whole) and new.policies == old.policies
