"""Of two revisions the files that a difference can depend on, found without reading the YAML of all others.

A file is passed over only if its text shows that it cannot matter: it holds nothing but policies in the plain form
that people write, each selects by labels, and no value of a label that some touched workload has occurs in it.
Whatever is written otherwise is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from hauberk.cli.loading import Loaded, load
from hauberk.cli.sources import Source
from hauberk.policy.model import Kind, Policy
from hauberk.policy.scalars import resolve
from hauberk.policy.selection import CONTAINER_NAME
from hauberk.policy.workloads import Manifest, Pods

_KIND = re.compile(rb"^kind: *KubeArmorPolicy *\r?$", re.MULTILINE)
_LABELS = re.compile(rb"^ +matchLabels: *\r?\n +[A-Za-z0-9_./-]+: +([A-Za-z0-9][A-Za-z0-9_.-]*) *\r?$", re.MULTILINE)
_ODD = re.compile(rb"[:-] +[*&!|>]|^[*&!%]", re.MULTILINE)
_ODD_WORDS = (b"matchExpressions", b"container.name", b"\\", b"{{")
_ODD_SIGNS = (b"*", b"&", b"!", b"|", b">", b"%")


Pair = tuple[list[Loaded], list[Loaded]]


def affected(before: Sequence[Source], after: Sequence[Source]) -> Pair:
    """The sources of both sides that differ, and those that can select a workload that they touch."""
    old, new = ({source.path: source for source in side} for side in (before, after))
    same = {path: source for path, source in new.items() if path in old and old[path].data == source.data}
    sides = [{path: _load(source) for path, source in side.items() if path not in same} for side in (old, new)]
    touched = _Touched()
    for loaded in (*sides[0].values(), *sides[1].values()):
        touched.changed(loaded)
    plain = [] if touched.everything else [source for source in same.values() if _is_plain(source.data)]
    left = {source.path for source in plain}
    fresh = [source for path, source in same.items() if path not in left]
    kept: dict[str, Loaded] = {}
    while True:
        loaded_now = {source.path: _load(source) for source in fresh}
        kept |= loaded_now
        touched.unchanged(loaded_now.values())
        fresh = touched.selecting(plain)
        if not fresh:
            break
        gone = {source.path for source in fresh}
        plain = [source for source in plain if source.path not in gone]
    # in the order of the sources, which stands for that of arrival
    picked = [
        [found for source in side if (found := own.get(source.path) or kept.get(source.path)) is not None]
        for side, own in zip((before, after), sides, strict=True)
    ]
    return picked[0], picked[1]


def _load(source: Source) -> Loaded:
    return load(source, keep=False)


def _is_plain(data: bytes) -> bool:
    kinds = data.count(b"kind:")
    return (
        kinds > 0
        and len(_KIND.findall(data)) == kinds
        and data.count(b"matchLabels") == kinds
        and not any(word in data for word in _ODD_WORDS)
        and not (any(sign in data for sign in _ODD_SIGNS) and _ODD.search(data))
        and not _may_span_lines(data)
        and len(values := _LABELS.findall(data)) == kinds
        # what YAML takes for a number or a yes is no label at all
        and all(isinstance(resolve(value.decode()), str) for value in values)
    )


def _may_span_lines(data: bytes) -> bool:
    """Whether a quoted text may go on in the next line: what looks like a selector can then be part of a message."""
    quotes = [quote for quote in (b'"', b"'") if quote in data]
    return bool(quotes) and any(row.count(quote) % 2 for quote in quotes for row in data.splitlines())


@dataclass(slots=True)
class _Touched:
    """Labels that a touched workload has: values, as any of them must stand in the text of what selects it."""

    everything: bool = False
    values: set[str] = field(default_factory=set[str])
    selectors: list[tuple[str, dict[str, str]]] = field(default_factory=list[tuple[str, dict[str, str]]])
    waiting: list[tuple[str, dict[str, str]]] = field(default_factory=list[tuple[str, dict[str, str]]])

    def changed(self, loaded: Loaded) -> None:
        for entry in loaded.entries:
            policy = entry.policy
            if not _by_labels(policy):
                self.everything = True
                return
            self._select(policy)
        for manifest in loaded.manifests:
            if not isinstance(manifest, Pods):
                self.everything = True
                return
            self._touch(dict(manifest.labels))

    def unchanged(self, loaded: Iterable[Loaded]) -> None:
        """Workloads and policies that are the same on both sides: those that a touched selector holds for count."""
        for one in loaded:
            self.waiting += [workload for manifest in one.manifests for workload in _labels(manifest)]
            self.waiting += [
                (entry.policy.effective_namespace or "", dict(entry.policy.selector.match_labels))
                for entry in one.entries
            ]
        left: list[tuple[str, dict[str, str]]] = []
        for namespace, labels in self.waiting:
            if any(home == namespace and own.items() <= labels.items() for home, own in self.selectors):
                self._touch(labels)
            else:
                left.append((namespace, labels))
        self.waiting = left

    def selecting(self, sources: Iterable[Source]) -> list[Source]:
        """The sources in whose text one of the values stands."""
        words = self._words()
        return [source for source in sources if words.search(source.data)]

    def _words(self) -> re.Pattern[bytes]:
        words = sorted(self.values) or ["\0"]
        return re.compile(b"|".join(re.escape(word.encode("utf-8", "surrogatepass")) for word in words))

    def _select(self, policy: Policy) -> None:
        labels = dict(policy.selector.match_labels)
        self._touch(labels)
        self.selectors.append((policy.effective_namespace or "", labels))

    def _touch(self, labels: dict[str, str]) -> None:
        self.values.update(value for value in labels.values() if value)


def _by_labels(policy: Policy) -> bool:
    selector = policy.selector
    return (
        policy.kind is Kind.POLICY
        and bool(selector.match_labels)
        and not selector.expressions
        and all(value for _, value in selector.match_labels)
        and all(key != CONTAINER_NAME for key, _ in selector.match_labels)
    )


def _labels(manifest: Manifest) -> list[tuple[str, dict[str, str]]]:
    return [(manifest.namespace, dict(manifest.labels))] if isinstance(manifest, Pods) else []
