"""JSON mappings -> `Workload`, `Posture`, `Access`: here, unlike in policies, wrong input is refused by name.

These values come from a test or a question, not from a cluster: to guess would be to answer another question.
Fields that are not ours are left alone, so that cases may carry notes; null is the same as absence.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from hauberk.policy.model import DOMAIN_OF_OP, Access, Op, Posture, Workload
from hauberk.policy.problems import HauberkError
from hauberk.policy.tables import SOCKET_TYPES

_HOWS = ("create", "delete", "rename", "link", "truncate", "chmod", "chown")
_OPS = tuple(DOMAIN_OF_OP)
_NEED_TARGET = frozenset(("exec", "read", "write", "modify", "dns", "capability"))


def parse_workload(given: object, where: str = "workload") -> Workload:
    """The workload; `namespace` must be written, as its absence would silently mean the node."""
    fields = _object(given, where)
    if "namespace" not in fields:
        raise HauberkError(f"{where}.namespace is missing: give a namespace, or null for the node itself")
    return Workload(
        namespace=_text_or_none(fields, "namespace", where),
        labels=_labels(fields, "labels", where),
        container=_text(fields, "container", where),
        node_labels=_labels(fields, "node_labels", where),
    )


def parse_posture(given: object, where: str = "posture") -> Posture:
    """The postures; one that is not given audits, as KubeArmor's does."""
    if given is None:
        return Posture()
    fields = _object(given, where)
    return Posture(
        file=_text(fields, "file", where, "audit"),
        network=_text(fields, "network", where, "audit"),
        capabilities=_text(fields, "capabilities", where, "audit"),
    )


def parse_access(given: object, where: str = "access") -> Access:
    """The access; a field that its operation cannot do without must be there."""
    fields = _object(given, where)
    op = _choice(fields, "op", where, _OPS)
    if not op:
        raise HauberkError(f"{where}.op is missing: give one of {', '.join(_OPS)}")
    target = _text(fields, "target", where)
    if not target and op in _NEED_TARGET:
        raise HauberkError(f"{where}.target is missing: give what the {op} is about, a non-empty string")
    kind = _choice(fields, "type", where, SOCKET_TYPES)
    if not kind and op == "network":
        raise HauberkError(f"{where}.type is missing: give one of {', '.join(SOCKET_TYPES)}")
    return Access(
        op=cast("Op", op),
        target=target,
        source=_text_or_none(fields, "source", where),
        parent_source=_text_or_none(fields, "parent_source", where),
        uid=_number(fields, "uid", where),
        owner_uid=_number(fields, "owner_uid", where),
        tty=_flag(fields, "tty", where),
        args=_texts(fields, "args", where),
        how=_choice(fields, "how", where, _HOWS),
        type=kind,
        protocol=_number(fields, "protocol", where),
        other_process=_flag(fields, "other_process", where),
        container_exec=_flag(fields, "container_exec", where),
    )


def _object(given: object, where: str) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        raise HauberkError(f"{where} must be an object, not {_kind(given)}")
    return cast("Mapping[str, Any]", given)


def _wrong(where: str, name: str, wanted: str, value: object) -> HauberkError:
    return HauberkError(f"{where}.{name} must be {wanted}, not {_kind(value)}")


def _text_or_none(fields: Mapping[str, Any], name: str, where: str) -> str | None:
    value = fields.get(name)
    if value is None or isinstance(value, str):
        return value
    raise _wrong(where, name, "a string or null", value)


def _text(fields: Mapping[str, Any], name: str, where: str, default: str = "") -> str:
    value = fields.get(name)
    if value is None:
        return default
    if isinstance(value, str):
        return value
    raise _wrong(where, name, "a string", value)


def _choice(fields: Mapping[str, Any], name: str, where: str, choices: tuple[str, ...]) -> str:
    value = _text(fields, name, where)
    if value and value not in choices:
        raise HauberkError(f"{where}.{name} is {_short(value)}: give one of {', '.join(choices)}")
    return value


def _number(fields: Mapping[str, Any], name: str, where: str) -> int:
    value = fields.get(name)
    if value is None:
        return 0
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise _wrong(where, name, "a whole number", value)


def _flag(fields: Mapping[str, Any], name: str, where: str) -> bool:
    value = fields.get(name)
    if value is None:
        return False
    if isinstance(value, bool):
        return value
    raise _wrong(where, name, "true or false", value)


def _texts(fields: Mapping[str, Any], name: str, where: str) -> tuple[str, ...]:
    value = fields.get(name)
    if value is None:
        return ()
    if not isinstance(value, list):
        raise _wrong(where, name, "a list of strings", value)
    texts: list[str] = []
    for index, item in enumerate(cast("list[object]", value)):
        if not isinstance(item, str):
            raise _wrong(where, f"{name}[{index}]", "a string", item)
        texts.append(item)
    return tuple(texts)


def _labels(fields: Mapping[str, Any], name: str, where: str) -> tuple[tuple[str, str], ...]:
    value = fields.get(name)
    if value is None:
        return ()
    if not isinstance(value, Mapping):
        raise _wrong(where, name, "an object of strings", value)
    labels: list[tuple[str, str]] = []
    for key, item in cast("Mapping[object, object]", value).items():
        if not isinstance(key, str):
            raise _wrong(where, name, "an object whose keys are strings", key)
        if not isinstance(item, str):
            raise _wrong(where, f"{name}[{_short(key)}]", "a string", item)
        labels.append((key, item))
    return tuple(labels)


def _kind(value: object) -> str:
    """The JSON name of a value's type: a value itself may be too long to show."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case str():
            return "a string"
        case int() | float():
            return "a number"
        case list() | tuple():
            return "a list"
        case Mapping():
            return "an object"
        case _:
            return f"a {type(value).__name__}"


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")
