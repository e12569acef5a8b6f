"""Documents measured against the schema of their kind: one problem for each place, in words for people."""

from __future__ import annotations

from functools import cache
from typing import Any

from hauberk.policy.documents import Document, pointer_token, split_pointer
from hauberk.policy.loose import is_list, is_mapping, mapping
from hauberk.policy.paths import canonical_directory, canonical_path
from hauberk.policy.problems import Problem
from hauberk.policy.schema import PROTOCOLS, Schema, schema_of
from hauberk.policy.tables import nearest


@cache
def _validator(kind: str) -> Any:
    import jsonschema_rs  # 40 ms that a run answered from the cache does not pay

    return jsonschema_rs.validator_for(schema_of(kind))


def problems(document: Document, kind: str) -> list[Problem]:
    """Everything about the document that its schema does not accept, one problem for each place."""
    validator = _validator(kind)
    try:
        if validator.is_valid(document.data):
            return []
        errors = list(validator.iter_errors(document.data))
    except (
        ValueError,
        OverflowError,
        RecursionError,
    ) as error:  # e.g. an integer beyond what JSON readers hold
        return [Problem("schema", "", f"cannot be checked: {error}", None, {"keyword": "value"})]
    found: dict[tuple[str, str, str], Problem] = {}
    for failure in errors:
        for problem in _translate(failure, document, schema_of(kind)):
            found.setdefault((problem.kind, problem.pointer, str(problem.detail.get("name", ""))), problem)
    return list(found.values())


def _translate(error: Any, document: Document, schema: Schema) -> list[Problem]:
    pointer = "".join(f"/{pointer_token(str(part))}" for part in error.instance_path)
    keyword = str(error.kind.name) if hasattr(error.kind, "name") else type(error.kind).__name__.lower()
    value = error.instance
    if value is None and keyword in ("type", "enum", "pattern", "falseSchema"):
        return [
            Problem(
                "null",
                pointer,
                f"{_field(pointer)} is given without a value (null)",
                document.key_at(pointer),
                _null_detail(document, pointer, str(error.message)),
            )
        ]
    match keyword:
        case "additionalProperties":
            path: list[Any] = list(error.instance_path)
            names = [name for name in mapping(value) if name not in _properties(schema, path)]
            return [_unknown_field(document, pointer, name, schema, path) for name in names]
        case "required":
            name = str(error.kind.property)
            message = f"{name} is missing in {_field(pointer) or 'the document'}"
            return [Problem("schema", pointer, message, document.key_at(pointer), {"keyword": keyword, "name": name})]
        case "enum":
            options = [str(option) for option in (error.kind.options or ())]
            close = nearest(str(value), tuple(options)) if isinstance(value, str) else None
            listed = ", ".join(options) if len(options) <= 10 else f"one of {len(options)} known names"
            detail = {"keyword": keyword, "text": str(value), "nearest": close}
            return [Problem("schema", pointer, f"{_text(value)} is not {listed}", None, detail)]
        case "pattern":
            detail = {"keyword": keyword, "text": str(value), "canonical": _canonical(pointer, str(value))}
            return [Problem("schema", pointer, _pattern_message(pointer, str(value)), None, detail)]
        case "type":
            wanted = str(error.message).rsplit("type", 1)[-1].strip(' "')
            message = f"{_field(pointer) or 'the document'} must be of type {wanted}, not {_type(value)}"
            return [Problem("schema", pointer, message, None, {"keyword": keyword, "text": _text(value)})]
        case "falseSchema":
            message = "nodeSelector and a selector exclude each other: a policy is for nodes or for containers"
            return [Problem("schema", pointer, message, None, {"keyword": keyword})]
        case _:
            message = f"{_field(pointer)}: {_limit_message(keyword, value, str(error.message))}"
            return [Problem("schema", pointer, message, None, {"keyword": keyword, "text": _text(value)})]


def _null_detail(document: Document, pointer: str, message: str) -> dict[str, Any]:
    """`canonical` is the empty value, where leaving the field out would leave its parent without a value.

    `text` is the null as written, where it is known to be editable: nothing just behind the colon, or `~`.
    """
    parent = document.data
    for token in split_pointer(pointer)[:-1]:
        parent = parent[int(token)] if is_list(parent) else parent[token]
    wanted = message.rsplit("type", 1)[-1].strip(' "')
    canonical = {"array": "[]", "object": "{}"}.get(wanted) if is_mapping(parent) and len(parent) == 1 else None
    key, value = document.key_at(pointer), document.value_at(pointer)
    text: str | None = None
    if key.end_line == value.line == value.end_line:
        width = value.end_column - value.column
        text = "" if width == 0 and value.column == key.end_column + 1 else "~" if width == 1 else None
    return {"canonical": canonical, "text": text}


def _limit_message(keyword: str, value: Any, message: str) -> str:
    match keyword:
        case "maxLength":
            return f"{len(value)} characters, 200 at most"
        case "maxItems":
            return f"{len(value)} entries, 20 at most"
        case "minimum" | "maximum":
            return message.replace(" of ", " ")
        case _:
            return message


def _properties(schema: Schema, path: Any) -> dict[str, Schema]:
    for part in path:
        schema = schema.get("items", {}) if isinstance(part, int) else schema.get("properties", {}).get(part, {})
    properties: dict[str, Schema] = schema.get("properties", {})
    return properties


def _unknown_field(document: Document, parent: str, name: str, schema: Schema, path: list[Any]) -> Problem:
    known = _properties(schema, path)
    pointer = f"{parent}/{pointer_token(name)}"
    node = document.data
    for part in path:
        node = node[part]
    close = nearest(name, tuple(known))
    if close in node:
        close = None
    if close is None:
        close = _elsewhere(schema, path, name, node[name])
    message = f"unknown field {name}" + (f" in {_field(parent)}" if parent else "")
    return Problem("unknown-field", pointer, message, document.key_at(pointer), {"name": name, "nearest": close})


def _elsewhere(schema: Schema, path: list[Any], name: str, value: Any) -> str | None:
    """Dotted path of the place where the field is known, for the usual slips."""
    if not path:
        if name in ("name", "namespace", "labels", "annotations"):
            return f"metadata.{name}"
        return f"spec.{name}" if name in _properties(schema, ["spec"]) else None
    if path[-1] in ("selector", "nodeSelector") and isinstance(value, str):
        known = "matchLabels" in _properties(schema, path)
        return f"{'.'.join(map(str, path))}.matchLabels.{name}" if known else None
    if len(path) > 1 and path[0] == "spec" and name in _properties(schema, ["spec"]):
        return f"spec.{name}"
    return None


def _canonical(pointer: str, text: str) -> str | None:
    match pointer.rsplit("/", 1)[-1]:
        case "path" if "/syscalls/" not in pointer:
            form = canonical_path(text)
        case "dir":
            form = canonical_directory(text)
        case _:
            return None
    return form if form not in ("", text) else None


def _pattern_message(pointer: str, text: str) -> str:
    match pointer.rsplit("/", 1)[-1]:
        case "path":
            return f"{text!r} is not an absolute path of a file (it starts with / and does not end with /)"
        case "dir":
            return f"{text!r} is not a directory (it starts and ends with /)"
        case "execname":
            return f"{text!r} is not a program name: an execname has no slash"
        case "protocol":
            return f"{text!r} is not a protocol: {', '.join(PROTOCOLS)}, all lower or all upper case"
        case "capability":
            return f"{text!r} is not a capability that the API server accepts (net_raw, sys_admin, ...)"
        case field:
            return f"{text!r} is not a valid {field}"


def _field(pointer: str) -> str:
    """`/spec/file/matchPaths/0` -> `spec.file.matchPaths[0]`."""
    text = ""
    for token in pointer.split("/")[1:]:
        token = token.replace("~1", "/").replace("~0", "~")  # noqa: PLW2901
        text += f"[{token}]" if token.isdigit() else f".{token}"
    return text.lstrip(".")


def _type(value: Any) -> str:
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return next((name for kind, name in names.items() if type(value) is kind), "null")


def _text(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "..."
