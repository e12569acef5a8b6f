"""Documents -> `Policy`: best effort and total, whatever a YAML or JSON parser can return.

A value of the wrong type counts as not given, an entry that is not a mapping is skipped while its neighbours
keep their index: saying what is wrong with a document is the work of the schema, not of this module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from hauberk.policy.inputs import parse_access, parse_posture, parse_workload
from hauberk.policy.loose import mapping
from hauberk.policy.model import (
    NO_FLAGS,
    Capability,
    Directory,
    Domain,
    DomainName,
    Expression,
    Flags,
    Kind,
    Level,
    Matcher,
    Pattern,
    Policy,
    Preset,
    Program,
    Protocol,
    Rule,
    Selector,
)

__all__ = ["parse_access", "parse_policy", "parse_posture", "parse_workload"]

_KINDS = {kind.value: kind for kind in Kind}
_PRESET_KINDS = (Kind.POLICY, Kind.CLUSTER)


def parse_policy(document: Mapping[str, Any]) -> Policy | None:
    """The policy a document states, or None when it is not a mapping of one of our kinds; never raises."""
    root = mapping(document)
    word = root.get("kind")
    kind = _KINDS.get(word) if isinstance(word, str) else None
    if kind is None:
        return None
    metadata = mapping(root.get("metadata"))
    spec = mapping(root.get("spec"))
    common = _common(spec)
    return Policy(
        kind=kind,
        name=_text(metadata.get("name")) or "",
        namespace=_text(metadata.get("namespace")),
        selector=_selector(kind, spec),
        rules=tuple(rule for shape in _SHAPES for rule in _rules(shape, kind, spec, common)),
        presets=_presets(spec) if kind in _PRESET_KINDS else (),
        action_text=common.action or "",
    )


@dataclass(frozen=True, slots=True)
class _Common:
    """What rule, section and spec may each say; None is "not given"."""

    action: str | None
    severity: int | None
    tags: tuple[str, ...]
    message: str | None


@dataclass(frozen=True, slots=True)
class _Shape:
    """One row of the table in section 2 of the semantics."""

    section: str
    list: str
    domain: Domain
    matcher: Callable[[Mapping[str, Any]], Matcher]
    fields: frozenset[str]


def _shape(
    section: str, name: str, domain: Domain, read: Callable[[Mapping[str, Any]], Matcher], *fields: str
) -> _Shape:
    return _Shape(section, name, domain, read, frozenset(fields))


def _program(entry: Mapping[str, Any]) -> Matcher:
    return Program(_text(entry.get("path")), _text(entry.get("execname")))


def _file(entry: Mapping[str, Any]) -> Matcher:
    return Program(_text(entry.get("path")))


def _directory(entry: Mapping[str, Any]) -> Matcher:
    return Directory(_text(entry.get("dir")) or "", entry.get("recursive") is True)


def _pattern(entry: Mapping[str, Any]) -> Matcher:
    return Pattern(_text(entry.get("pattern")) or "")


def _protocol(entry: Mapping[str, Any]) -> Matcher:
    return Protocol(_text(entry.get("protocol")) or "")


def _domain(entry: Mapping[str, Any]) -> Matcher:
    return DomainName(_text(entry.get("domain")) or "")


def _capability(entry: Mapping[str, Any]) -> Matcher:
    return Capability(_text(entry.get("capability")) or "")


_SHAPES = (
    _shape("process", "matchPaths", "process", _program, "ownerOnly", "pts", "allowedArgs", "fromSource"),
    _shape("process", "matchDirectories", "process", _directory, "ownerOnly", "pts", "fromSource"),
    _shape("process", "matchPatterns", "process", _pattern, "ownerOnly"),
    _shape("file", "matchPaths", "file", _file, "readOnly", "ownerOnly", "pts", "fromSource"),
    _shape("file", "matchDirectories", "file", _directory, "readOnly", "ownerOnly", "pts", "fromSource"),
    _shape("file", "matchPatterns", "file", _pattern, "readOnly", "ownerOnly"),
    _shape("network", "matchProtocols", "network", _protocol, "pts", "fromSource"),
    _shape("network", "matchDNSQueries", "dns", _domain, "fromSource"),
    _shape("capabilities", "matchCapabilities", "capabilities", _capability, "fromSource"),
)


def _rules(shape: _Shape, kind: Kind, spec: Mapping[str, Any], outer: _Common) -> list[Rule]:
    section = mapping(spec.get(shape.section))
    entries = section.get(shape.list)
    if not entries:
        return []
    middle = _common(section)
    fields = shape.fields
    if kind is Kind.HOST and shape.list == "matchProtocols":
        fields = fields - {"pts"}
    rules: list[Rule] = []
    for index, entry in _entries(entries):
        own = _common(entry)
        action, level = _action(own, middle, outer)
        rules.append(
            Rule(
                section=shape.section,
                list=shape.list,
                index=index,
                domain=shape.domain,
                matcher=shape.matcher(entry),
                sources=_sources(entry) if "fromSource" in fields else (),
                flags=_flags(entry, fields),
                action_text=action,
                action_level=level,
                severity=own.severity or middle.severity or outer.severity,
                tags=own.tags or middle.tags or outer.tags,
                message=own.message or middle.message or outer.message,
            )
        )
    return rules


def _action(own: _Common, middle: _Common, outer: _Common) -> tuple[str, Level]:
    if own.action:
        return own.action, Level.RULE
    if middle.action:
        return middle.action, Level.SECTION
    if outer.action:
        return outer.action, Level.SPEC
    return "", Level.DEFAULT


def _flags(entry: Mapping[str, Any], fields: frozenset[str]) -> Flags:
    read_only = "readOnly" in fields and entry.get("readOnly") is True
    owner_only = "ownerOnly" in fields and entry.get("ownerOnly") is True
    pts = entry.get("pts") if "pts" in fields else None
    if not isinstance(pts, bool):
        pts = None
    allowed = _texts(entry.get("allowedArgs")) if "allowedArgs" in fields else ()
    if not (read_only or owner_only or allowed) and pts is None:
        return NO_FLAGS
    return Flags(read_only, owner_only, pts, allowed)


def _sources(entry: Mapping[str, Any]) -> tuple[str | None, ...]:
    return tuple(_text(source.get("path")) for _, source in _entries(entry.get("fromSource")))


def _presets(spec: Mapping[str, Any]) -> tuple[Preset, ...]:
    return tuple(
        Preset(index, _text(entry.get("name")) or "", _text(entry.get("action")) or "")
        for index, entry in _entries(spec.get("presets"))
    )


def _selector(kind: Kind, spec: Mapping[str, Any]) -> Selector:
    selector = mapping(spec.get("nodeSelector" if kind is Kind.HOST else "selector"))
    labels = () if kind is Kind.CLUSTER else _labels(selector.get("matchLabels"))
    if kind is Kind.HOST:
        return Selector(labels)
    expressions = tuple(
        Expression(_text(entry.get("key")) or "", _text(entry.get("operator")) or "", _texts(entry.get("values")))
        for _, entry in _entries(selector.get("matchExpressions"))
    )
    return Selector(labels, expressions)


def _labels(given: object) -> tuple[tuple[str, str], ...]:
    pairs = cast("Mapping[Any, Any]", mapping(given)).items()
    return tuple((key, value) for key, value in pairs if isinstance(key, str) and isinstance(value, str))


def _common(given: Mapping[str, Any]) -> _Common:
    severity = given.get("severity")
    if not isinstance(severity, int) or isinstance(severity, bool):
        severity = None
    return _Common(_text(given.get("action")), severity, _texts(given.get("tags")), _text(given.get("message")))


def _entries(given: object) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The mappings of a list with their index in the document."""
    if isinstance(given, list):
        for index, entry in enumerate(cast("list[object]", given)):
            if isinstance(entry, Mapping):
                yield index, cast("Mapping[str, Any]", entry)


def _text(given: object) -> str | None:
    """Go's zero value and absence are the same thing to every reader of these documents."""
    return given if isinstance(given, str) and given else None


def _texts(given: object) -> tuple[str, ...]:
    if not isinstance(given, list):
        return ()
    return tuple(item for item in cast("list[object]", given) if isinstance(item, str))
