"""Of two revisions the files that a difference can depend on, found without reading the YAML of all others.

A file is passed over only if its text shows that it cannot matter: it holds nothing but policies in the plain form
that people write, line by line, each selects by labels, and no value of a label that some touched workload has occurs
in it. Whatever is written otherwise is read: nobody must be able to hide a policy by how it is spelt.
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

# Plain, quoted or listed in one line; what YAML could read as anything else is not in it.
_VALUE = rb"(?:[A-Za-z0-9/.~_+][A-Za-z0-9/.~_+,@%=()?*:<>; -]*|\"[^\"'\\]*\"|'[^\"'\\]*'|\[[A-Za-z0-9_., /-]*\])"
_LINE = re.compile(rb" *(?:- +)*(?:[A-Za-z][A-Za-z0-9_./-]*:(?: +" + _VALUE + rb")?|" + _VALUE + rb")?(?: *#.*)? *\r?")
# One policy in the order and form that nearly all have: most texts, read in one go.
_ROW = rb"  +(?:- )*[A-Za-z][A-Za-z0-9_./-]*:(?: (?:[A-Za-z0-9/.~_+][A-Za-z0-9/.~_+@%=-]*|\[[A-Za-z0-9_., /-]*\]))?\n"
_USUAL = re.compile(
    rb"apiVersion: [A-Za-z0-9./]+\nkind: KubeArmorPolicy\nmetadata:\n(?>" + _ROW + rb")*+"
    rb"spec:\n(?>(?!  selector:)" + _ROW + rb")*+  selector:\n    matchLabels:\n"
    rb"      [A-Za-z0-9_./-]+: ([A-Za-z0-9][A-Za-z0-9_.-]*)\n(?>(?!  selector:)" + _ROW + rb")*+"
)
_TOP = re.compile(
    rb"^(?:apiVersion: [^\n]*|kind: KubeArmorPolicy *\r?|metadata: *\r?|spec: *\r?|---\r?)$", re.MULTILINE
)
_SELECTOR = re.compile(
    rb"^spec: *\r?\n(?:(?:  .*| *#.*|)\r?\n)*?  selector: *\r?\n    matchLabels: *\r?\n"
    rb"      [A-Za-z0-9_./-]+: +([A-Za-z0-9][A-Za-z0-9_.-]*) *\r?$",
    re.MULTILINE,
)
_AT_MARGIN = re.compile(rb"^[^ \n\r#]", re.MULTILINE)


Pair = tuple[list[Loaded], list[Loaded]]


def affected(before: Sequence[Source], after: Sequence[Source]) -> Pair:
    """The sources of both sides that differ, and those that can select a workload that they touch."""
    old, new = ({source.path: source for source in side} for side in (before, after))
    same = {path: source for path, source in new.items() if path in old and old[path].data == source.data}
    sides = [{path: _load(source) for path, source in side.items() if path not in same} for side in (old, new)]
    touched = _Touched()
    for loaded in (*sides[0].values(), *sides[1].values()):
        touched.changed(loaded)
    known: set[bytes] = set()
    plain = [] if touched.everything else [source for source in same.values() if _is_plain(source.data, known)]
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


def _is_plain(data: bytes, known: set[bytes]) -> bool:
    """Whether it is nothing but KubeArmorPolicies, each with a label that every workload it selects has.

    `known` are plain lines that were seen before: policies are much alike.
    """
    if any(word in data for word in (b"container.name", b"matchExpressions", b"{{")):
        return False
    usual = _USUAL.fullmatch(data)
    if usual is not None:
        return _is_text(usual[1])
    fresh = set(data.split(b"\n")).difference(known)
    if not all(row == b"---" or _LINE.fullmatch(row) for row in fresh):
        return False
    known |= fresh
    count = data.count(b"\nkind:") + data.startswith(b"kind:")
    values = _SELECTOR.findall(data)
    return (
        count > 0
        and len(_TOP.findall(data)) == len(_AT_MARGIN.findall(data))
        and data.count(b"\nspec:") + data.startswith(b"spec:") == count
        and data.count(b"\n  selector:") == count == len(values)
        and all(map(_is_text, values))
    )


def _is_text(value: bytes) -> bool:
    """What YAML takes for a number or a yes is no label at all."""
    return isinstance(resolve(value.decode()), str)


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
