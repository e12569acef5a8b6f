"""Facts about one policy document that the document alone decides: the resolved rules, each with its pointer.

The shape is `schemas/facts.json`. What other documents say is added by `surroundings`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hauberk.policy.documents import pointer_token
from hauberk.policy.loose import is_list, is_mapping, listing, mapping
from hauberk.policy.loose import text as text_of
from hauberk.policy.model import Capability, Directory, DomainName, Pattern, Policy, Program, Protocol, Rule
from hauberk.policy.paths import canonical_directory, canonical_path
from hauberk.policy.problems import Position, Problem
from hauberk.policy.tables import CAPABILITIES, PRESETS, PROTOCOLS, nearest
from hauberk.policy.workloads import Namespace

VERSION = 1
Facts = dict[str, Any]

_GLOBS = "*?[]{}"


def envelope(subject: str, file: str, target: Iterable[str]) -> Facts:
    """A facts document with every field present and nothing said."""
    return {
        "facts": VERSION,
        "subject": subject,
        "file": file,
        "target": list(target),
        "problems": [],
        "policy": None,
        "duplicates": [],
        "relations": [],
        "workloads": [],
        "unreadable": [],
        "reach": [],
        "openAssets": [],
        "dropPlaces": [],
        "hides": [],
        "unopened": [],
        "parted": [],
        "apparmor": [],
        "ends": [],
        "inconclusive": [],
        "images": [],
        "namespaces": [],
        "repository": {"manifests": 0, "matched": 0, "sameNameCluster": []},
        "namespace": None,
        "suppressions": [],
        "exceptions": [],
    }


def namespace_facts(namespace: Namespace, allow_domains: Iterable[str]) -> Facts:
    """The `namespace` part."""
    return {
        "name": namespace.name,
        "annotations": [
            {"key": key, "value": value, "pointer": f"/metadata/annotations/{pointer_token(key)}"}
            for key, value in namespace.annotations
        ],
        "allowDomains": list(allow_domains),
    }


def problem_facts(problems: Iterable[Problem]) -> list[Facts]:
    return [
        {
            "kind": problem.kind,
            "pointer": problem.pointer,
            "message": problem.message,
            "position": position_facts(problem.position),
            "detail": {
                "keyword": problem.detail.get("keyword", ""),
                "name": problem.detail.get("name", ""),
                "nearest": problem.detail.get("nearest"),
                "text": problem.detail.get("text"),
                "canonical": problem.detail.get("canonical"),
                "severity": problem.detail.get("severity", "error"),
            },
        }
        for problem in problems
    ]


def position_facts(position: Position | None) -> Facts | None:
    if position is None:
        return None
    return {
        "line": position.line,
        "column": position.column,
        "endLine": position.end_line,
        "endColumn": position.end_column,
    }


def policy_facts(document: Mapping[str, Any], policy: Policy | None) -> Facts:
    """The `policy` part; `policy` is None for kinds without a model (KubeArmorNetworkPolicy)."""
    metadata, spec = mapping(document.get("metadata")), mapping(document.get("spec"))
    severity = spec.get("severity")
    return {
        "apiVersion": text_of(document.get("apiVersion")) or "",
        "kind": document["kind"],
        "name": text_of(metadata.get("name")),
        "namespace": text_of(metadata.get("namespace")),
        "action": text_of(spec.get("action")) or "",
        "severity": severity if isinstance(severity, int) and not isinstance(severity, bool) else None,
        "tags": list(_tags(spec)),
        "apparmor": bool(spec.get("apparmor")),
        "selector": _selector(spec, "selector"),
        "nodeSelector": _selector(spec, "nodeSelector"),
        "rules": _rules(policy, spec) if policy else [],
        "presets": [
            {
                "pointer": preset.pointer,
                "name": _preset_name(preset.name, preset.pointer),
                "action": preset.action_text,
            }
            for preset in (policy.presets if policy else ())
        ],
        "syscalls": list(_syscalls(mapping(spec.get("syscalls")))),
        "devices": [
            f"/spec/device/matchDevice/{index}"
            for index, _ in enumerate(listing(mapping(spec.get("device")).get("matchDevice")))
        ],
    }


def name_facts(field: str, text: str, pointer: str) -> Facts:
    """Facts about a path, dir, execname or pattern; `canonical` is the text itself where there is no canonical form."""
    canonical = text
    if field == "path":
        canonical = canonical_path(text) or text
    elif field == "dir":
        canonical = canonical_directory(text)
    parts = [part for part in text.split("/") if part]
    return {
        "field": field,
        "text": text,
        "pointer": pointer,
        "canonical": canonical,
        "bytes": len(text.encode("utf-8", "surrogatepass")),
        "components": len(parts),
        "name": parts[-1] if parts else "",
        "globs": [char for char in _GLOBS if char in text],
    }


def _rules(policy: Policy, spec: Mapping[str, Any]) -> list[Facts]:
    first_has_comma = {
        key: any(
            "," in text
            for rule in policy.rules
            if rule.list == key and rule.index == 0
            for text in (_value_text(rule),)
        )
        for key in ("matchProtocols", "matchDNSQueries", "matchCapabilities")
    }
    facts: list[Facts] = []
    for rule in policy.rules:
        entry = _entry(spec, rule)
        pts = entry.get("pts")
        text = _value_text(rule)
        facts.append(
            {
                "id": rule.id,
                "pointer": rule.pointer,
                "section": rule.section,
                "list": rule.list,
                "index": rule.index,
                "domain": rule.domain,
                "targets": list(_targets(rule)),
                "values": _values(rule, text) if text else [],
                "commaIgnored": "," in text and not first_has_comma.get(rule.list, True),
                "sources": _sources(rule, entry),
                "recursive": isinstance(rule.matcher, Directory) and rule.matcher.recursive,
                "readOnly": rule.flags.read_only,
                "ownerOnly": rule.flags.owner_only,
                "pts": pts if isinstance(pts, bool) else None,
                "allowedArgs": [
                    {
                        "text": arg,
                        "bytes": len(arg.encode("utf-8", "surrogatepass")),
                        "pointer": f"{rule.pointer}/allowedArgs/{index}",
                    }
                    for index, arg in enumerate(rule.flags.allowed_args)
                ],
                "action": rule.action.value if rule.action else None,
                "actionText": rule.action_text,
                "actionLevel": rule.action_level.value,
                "severity": rule.severity or None,
            }
        )
    return facts


def _entry(spec: Mapping[str, Any], rule: Rule) -> Mapping[str, Any]:
    return mapping(listing(mapping(spec.get(rule.section)).get(rule.list))[rule.index])


def _targets(rule: Rule) -> Iterable[Facts]:
    match rule.matcher:
        case Program(path, execname):
            if path is not None:
                yield name_facts("path", path, f"{rule.pointer}/path")
            if execname is not None:
                yield name_facts("execname", execname, f"{rule.pointer}/execname")
        case Directory(directory):
            if directory:
                yield name_facts("dir", directory, f"{rule.pointer}/dir")
        case Pattern(pattern):
            yield name_facts("pattern", pattern, f"{rule.pointer}/pattern")
        case _:
            return


def _value_text(rule: Rule) -> str:
    match rule.matcher:
        case Protocol(text) | DomainName(text) | Capability(text):
            return text
        case _:
            return ""


def _values(rule: Rule, text: str) -> list[Facts]:
    field = {"matchProtocols": "protocol", "matchDNSQueries": "domain"}.get(rule.list, "capability")
    pointer = f"{rule.pointer}/{field}"
    parts = text.replace(" ", "").split(",")  # as both models split
    return [_value(field, part, pointer, listed=len(parts) > 1) for part in parts if part or len(parts) == 1]


def _value(field: str, text: str, pointer: str, *, listed: bool) -> Facts:
    known, close = True, None
    if field == "protocol":
        known = text.lower() in PROTOCOLS
        close = None if known else nearest(text, PROTOCOLS)
    elif field == "capability":
        bare = text.lower().removeprefix("cap_")
        known = bare in CAPABILITIES
        close = None if known else nearest(bare, CAPABILITIES)
    elif field == "preset":
        known = text in PRESETS
        close = None if known else nearest(text, PRESETS)
    return {"text": text, "pointer": pointer, "known": known, "nearest": close, "listed": listed}


def _preset_name(name: str, pointer: str) -> Facts:
    return _value("preset", name, f"{pointer}/name", listed=False)


def _sources(rule: Rule, entry: Mapping[str, Any]) -> list[Facts]:
    if not rule.sources:
        return []
    facts: list[Facts] = []
    given = (index for index, item in enumerate(listing(entry.get("fromSource"))) if isinstance(item, Mapping))
    for index, path in zip(given, rule.sources, strict=True):
        pointer = f"{rule.pointer}/fromSource/{index}"
        facts.append(
            {
                "pointer": pointer,
                "path": None if path is None else name_facts("path", path, f"{pointer}/path"),
            }
        )
    return facts


def _selector(spec: Mapping[str, Any], field: str) -> Facts:
    selector = mapping(spec.get(field))
    pointer = f"/spec/{field}"
    labels = mapping(selector.get("matchLabels"))
    expressions: list[Facts] = []
    for index, item in enumerate(listing(selector.get("matchExpressions"))):
        entry, at = mapping(item), f"{pointer}/matchExpressions/{index}"
        values = [value for value in enumerate(listing(entry.get("values"))) if isinstance(value[1], str)]
        expressions.append(
            {
                "pointer": at,
                "key": text_of(entry.get("key")) or "",
                "operator": text_of(entry.get("operator")) or "",
                "values": [{"text": text, "pointer": f"{at}/values/{number}"} for number, text in values],
            }
        )
    return {
        "pointer": pointer,
        "written": field in spec,
        "matchLabels": [
            {"key": key, "value": value, "pointer": f"{pointer}/matchLabels/{pointer_token(key)}"}
            for key, value in labels.items()
            if isinstance(value, str)
        ],
        "expressions": expressions,
    }


def _tags(node: object, pointer: str = "/spec") -> Iterable[Facts]:
    """Tags of the spec, of its sections and of their rules."""
    if is_mapping(node):
        for key, value in node.items():
            if key == "tags" and is_list(value):
                for index, tag in enumerate(value):
                    if isinstance(tag, str):
                        yield {"text": tag, "pointer": f"{pointer}/tags/{index}"}
            elif key not in ("selector", "nodeSelector", "fromSource") and (is_mapping(value) or is_list(value)):
                yield from _tags(value, f"{pointer}/{pointer_token(str(key))}")
    elif is_list(node):
        for index, value in enumerate(node):
            if is_mapping(value):
                yield from _tags(value, f"{pointer}/{index}")


def _syscalls(section: Mapping[str, Any]) -> Iterable[Facts]:
    for name in ("matchSyscalls", "matchPaths"):
        for index, item in enumerate(listing(section.get(name))):
            path = text_of(mapping(item).get("path")) if name == "matchPaths" else None
            yield {"pointer": f"/spec/syscalls/{name}/{index}", "path": path}
