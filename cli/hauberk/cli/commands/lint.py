"""`hauberk lint`: sources and settings in, a report out."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from hauberk.cli import sources
from hauberk.cli.cache import ResultCache
from hauberk.cli.catalogue import rules_folder
from hauberk.cli.config import Config
from hauberk.cli.finding import Finding, Report, fingerprints, from_json
from hauberk.cli.sources import Source
from hauberk.policy.loose import is_list
from hauberk.policy.problems import HauberkError, Severity

Progress = Callable[[int, int], None]


def _silent(done: int, total: int) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Request:
    """`cache` is the folder of the cache, None for none; `today` decides which exceptions have expired.

    `whole`: all that the settings are for is linted, so that an exception without a finding is for nothing.
    """

    config: Config
    jobs: int
    cache: Path | None
    today: dt.date
    progress: Progress = _silent
    whole: bool = True
    exact: bool = True


def lint_paths(paths: Sequence[str], request: Request, *, allow_none: bool = False) -> Report:
    """Lints files; raises HauberkError when there is nothing to lint, unless that is expected."""
    config = request.config
    names = sources.find(paths, markdown=config.markdown, exclude=config.exclude)
    if not names and not allow_none:
        kinds = "YAML, JSON or Markdown" if config.markdown else "YAML or JSON"
        raise HauberkError(f"no {kinds} file in {', '.join(paths)}: name a file or folder of policies")
    report = lint_sources([sources.read(name) for name in names], request)
    if not report.policies and not report.findings and not report.errors and not report.refused and not allow_none:
        hint = "" if config.markdown else " (policies in Markdown code blocks are read with --markdown)"
        raise HauberkError(f"no policy in {', '.join(paths)}: {len(names)} files, none with a KubeArmor policy{hint}")
    return report


def lint_sources(given: Sequence[Source], request: Request) -> Report:
    """Lints texts: from the cache when nothing changed at all, else by asking the rules."""
    with ResultCache(request.cache) as cache:
        key = _identity(given, request)
        report = _unpack(cache.get(key)) if key is not None else None
        if report is None:
            report = _compute(given, request, cache)
            if key is not None and not report.errors and not report.refused:
                cache.put(key, _pack(report))
    report.texts = {source.path: source.data for source in given}
    if request.config.exceptions:
        from hauberk.cli.silence import config_path  # with the engine behind it

        report.texts[config_path(request.config)] = request.config.text.encode()
    if cache.trouble:
        report.notes.append(cache.trouble)
    return report


def _identity(given: Iterable[Source], request: Request) -> bytes | None:
    """Digest of everything that the findings depend on; None when that cannot be known before they are computed."""
    config = request.config
    digest = hashlib.sha256(program())
    if config.images:
        from hauberk.cli.image.load import identity

        state = identity(config.images)
        if state is None:
            return None
        digest.update(state)
    # the globs of exceptions are absolute: which relative paths they name depends on the current folder
    day = f"{request.today} {Path.cwd()}" if config.exceptions else ""
    settings = (
        config.target,
        config.engine,
        config.opa,
        config.opa_url,
        config.posture,
        config.exceptions,
        config.path,
        day,
        request.whole,
        request.exact,
    )
    digest.update(repr((settings, dict(config.severity), config.select, config.ignore, config.text)).encode())
    for folder in config.rules:
        for path in sorted(Path(folder).rglob("*.rego")) if Path(folder).is_dir() else [Path(folder)]:
            digest.update(f"\0{path}\0".encode() + (path.read_bytes() if path.is_file() else b""))
    for source in given:
        digest.update(f"\0{source.path}\0{source.trouble}\0".encode("utf-8", "surrogateescape"))
        digest.update(hashlib.sha256(source.data).digest())
    return digest.digest()


@cache
def program() -> bytes:
    """A digest of this program: it changes with every release, and with every edit of a development checkout."""
    import hauberk.policy  # only to find its folder

    digest = hashlib.sha256(version("hauberk").encode())
    for folder in (Path(__file__).parent.parent, Path(hauberk.policy.__file__).parent):
        for path in sorted((*folder.rglob("*.py"), *folder.rglob("*.json"))):
            status = path.stat()
            digest.update(f"{path.name} {status.st_size} {status.st_mtime_ns}\n".encode())
    digest.update((rules_folder() / "policy.wasm").read_bytes())
    return digest.digest()


def _pack(report: Report) -> bytes:
    whole = {
        "findings": [finding.as_json() for finding in report.findings],
        "notes": report.notes,
        "files": report.files,
        "policies": report.policies,
        "suppressed": report.suppressed,
    }
    return json.dumps(whole, separators=(",", ":")).encode()


def _unpack(stored: bytes | None) -> Report | None:
    """The report that was stored; None if there is none, or what is there is damaged."""
    if stored is None:
        return None
    try:
        whole: dict[str, Any] = json.loads(stored)
        findings = [from_json(value) for value in whole["findings"]]
        return Report(findings, [], whole["notes"], whole["files"], whole["policies"], whole["suppressed"])
    except (ValueError, TypeError, LookupError, AttributeError):
        return None


def _compute(given: Sequence[Source], request: Request, cache: ResultCache) -> Report:
    # YAML, the validator and the engine are imported only when something must be computed
    from hauberk.cli import parallel
    from hauberk.cli.rulesets import rule_sets
    from hauberk.cli.silence import silence
    from hauberk.policy.images import NO_IMAGES
    from hauberk.policy.model import Posture

    config = request.config
    make, refused = rule_sets(config)
    total = len(given)
    posture = Posture(**config.posture) if config.posture is not None else None
    images = NO_IMAGES
    if config.images:
        from hauberk.cli.image.load import load

        images = load(config.images)
    work = parallel.Work(given, config.targets, posture, make, cache.get, images, request.exact)
    outcome = parallel.run(work, request.jobs, lambda done: request.progress(done, total))
    for key, answer in outcome.answers.items():
        cache.put(key, answer)
    wanted = [_regraded(finding, config) for finding in outcome.findings if config.wanted(finding.rule)]
    silenced = silence(wanted, outcome.suppressions, request, make)
    about = [_regraded(finding, config) for finding in silenced.about.findings if config.wanted(finding.rule)]
    findings = sorted((*silenced.kept, *about), key=lambda finding: finding.order)
    errors = [*outcome.errors, *silenced.about.errors]
    errors.sort(key=lambda error: (error.path, error.line, error.reason))
    notes, refused = sorted(set(outcome.notes)), [*refused, *sorted(outcome.unreadable)]
    return Report(findings, errors, notes, total, outcome.policies, silenced.count, refused=refused)


def _regraded(finding: Finding, config: Config) -> Finding:
    chosen = config.severity.get(finding.rule)
    return finding if chosen is None else replace(finding, severity=Severity(chosen))


def without_known(report: Report, known: Iterable[str]) -> Report:
    """The report without findings whose fingerprints are known (a baseline, an older revision)."""
    names = set(known)
    new = [f for f, name in zip(report.findings, fingerprints(report.findings), strict=True) if name not in names]
    return replace(report, findings=new, baselined=report.baselined + len(report.findings) - len(new))


def read_baseline(path: Path) -> list[str]:
    """Fingerprints of a baseline file."""
    source = sources.read(str(path))
    if source.trouble:
        raise HauberkError(f"{path}: {source.trouble}; write one with --write-baseline")
    try:
        known = json.loads(source.data)["fingerprints"]
    except (ValueError, KeyError, TypeError, RecursionError):
        known = None
    if not is_list(known):
        raise HauberkError(f"{path}: not a baseline; write one with --write-baseline")
    return [str(name) for name in known]


def baseline_text(report: Report) -> str:
    entries = fingerprints(report.findings)
    return json.dumps({"version": 1, "fingerprints": sorted(entries)}, indent=1) + "\n"


def exit_code(report: Report, fail_on: Severity) -> int:
    """3 when a rule gave no answer, 2 for what was refused or unreadable, 1 for findings from `fail_on` on, else 0."""
    if report.errors:
        return 3
    if report.refused:
        return 2
    return int(any(finding.severity.rank >= fail_on.rank for finding in report.findings))
