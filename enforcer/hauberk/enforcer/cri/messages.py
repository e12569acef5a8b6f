"""The messages of the CRI that are used, with the numbers that its `api.proto` (k8s.io/cri-api, v1) gives them.

Fields that are not named here are skipped by whoever reads them; enumerations are numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PACKAGE = "runtime.v1"
RUNNING = 1
"""CONTAINER_RUNNING."""

_TEXT, _NUMBER, _FLAG, _MAP = "string", "int64", "bool", "map"
_MESSAGES: dict[str, dict[str, tuple[int, str]]] = {
    "ContainerStateValue": {"state": (1, _NUMBER)},
    "ContainerFilter": {"state": (2, "ContainerStateValue")},
    "ListContainersRequest": {"filter": (1, "ContainerFilter")},
    "ContainerMetadata": {"name": (1, _TEXT)},
    "ImageSpec": {"image": (1, _TEXT), "user_specified_image": (18, _TEXT)},
    "Container": {
        "id": (1, _TEXT),
        "pod_sandbox_id": (2, _TEXT),
        "metadata": (3, "ContainerMetadata"),
        "image": (4, "ImageSpec"),
        "state": (6, _NUMBER),
    },
    "ListContainersResponse": {"containers": (1, "[]Container")},
    "ListPodSandboxRequest": {},
    "PodSandboxMetadata": {"name": (1, _TEXT), "namespace": (3, _TEXT)},
    "PodSandbox": {"id": (1, _TEXT), "metadata": (2, "PodSandboxMetadata"), "labels": (5, _MAP)},
    "ListPodSandboxResponse": {"items": (1, "[]PodSandbox")},
    "ContainerStatusRequest": {"container_id": (1, _TEXT), "verbose": (2, _FLAG)},
    "ContainerStatusResponse": {"info": (2, _MAP)},
    "GetEventsRequest": {},
    "ContainerEventResponse": {"container_id": (1, _TEXT), "container_event_type": (2, _NUMBER)},
}
_Field = descriptor_pb2.FieldDescriptorProto
_TYPES = {_TEXT: _Field.TYPE_STRING, _NUMBER: _Field.TYPE_INT64, _FLAG: _Field.TYPE_BOOL}


def classes_of(messages: Mapping[str, Mapping[str, tuple[int, str]]]) -> dict[str, Any]:
    """Classes by the names of messages, given fields with their numbers and kinds: a message's name, or of `_TYPES`.

    `[]` before a kind means several, `map` is one of texts by texts.
    """
    file = descriptor_pb2.FileDescriptorProto(name="hauberk/cri.proto", package=PACKAGE, syntax="proto3")
    for name, fields in messages.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            if kind == _MAP:
                _add_map(message, name, field, number)
                continue
            label = _Field.LABEL_REPEATED if kind.startswith("[]") else _Field.LABEL_OPTIONAL
            added = message.field.add(name=field, number=number, label=label)
            one = kind.removeprefix("[]")
            if one in _TYPES:
                added.type = _TYPES[one]
            else:
                added.type, added.type_name = _Field.TYPE_MESSAGE, f".{PACKAGE}.{one}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}")) for name in messages}


def _add_map(message: Any, name: str, field: str, number: int) -> None:
    """A map is a repeated entry of key and value."""
    entry = message.nested_type.add(name="".join(part.title() for part in field.split("_")) + "Entry")
    entry.options.map_entry = True
    for at, part in enumerate(("key", "value"), 1):
        entry.field.add(name=part, number=at, type=_Field.TYPE_STRING, label=_Field.LABEL_OPTIONAL)
    kind = f".{PACKAGE}.{name}.{entry.name}"
    message.field.add(name=field, number=number, label=_Field.LABEL_REPEATED, type=_Field.TYPE_MESSAGE, type_name=kind)


MESSAGES = classes_of(_MESSAGES)
"""Classes by the names of the messages."""
