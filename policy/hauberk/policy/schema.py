"""Closed schemas of the policy kinds.

They accept what the CRDs of KubeArmor 1.7.4 accept, with two differences that depend on how a policy is applied
(client-side apply prunes, server-side apply refuses): unknown fields and explicit nulls are problems of their own kind.
The order of their properties is the canonical order of fields.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from hauberk.policy.tables import SYSCALLS

Schema = dict[str, Any]

PATH_PATTERN = r"^\/+.*[^\/]$"
DIRECTORY_PATTERN = r"^\/$|^\/.*\/$"

_STRING: Schema = {"type": "string"}
_BOOLEAN: Schema = {"type": "boolean"}
_INT32: Schema = {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1}
_ACTION: Schema = {"type": "string", "enum": ["Allow", "Audit", "Block"]}
_PATH: Schema = {"type": "string", "pattern": PATH_PATTERN, "maxLength": 200}
_DIRECTORY: Schema = {"type": "string", "pattern": DIRECTORY_PATTERN}
PROTOCOLS = "tcp udp raw icmp icmpv6 sctp stream dgram rdm seqpacket dccp packet all".split()
_PROTOCOL: Schema = {
    "type": "string",
    "pattern": "(" + "|".join(f"{name}|{name.upper()}" for name in PROTOCOLS) + ")$",
}
_CAPABILITY: Schema = {
    "type": "string",
    "pattern": "(chown|dac_override|dac_read_search|fowner|fsetid|kill|setgid|setuid|setpcap|linux_immutable|"
    "net_bind_service|net_broadcast|net_admin|net_raw|ipc_lock|ipc_owner|sys_module|sys_rawio|sys_chroot|sys_ptrace|"
    "sys_pacct|sys_admin|sys_boot|sys_nice|sys_resource|sys_time|sys_tty_config|mknod|lease|audit_write|audit_control|"
    "setfcap|mac_override|mac_admin)$",
}


def _object(required: tuple[str, ...] = (), /, **properties: Schema) -> Schema:
    schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return schema | {"required": list(required)} if required else schema


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


_LABELS: Schema = {"type": "object", "additionalProperties": _STRING}
_NOTES: dict[str, Schema] = {
    "severity": {"type": "integer", "minimum": 1, "maximum": 10},
    "tags": _list(_STRING),
    "message": _STRING,
}
_COMMON = _NOTES | {"action": _ACTION}
_SOURCES = {"fromSource": _list(_object(path=_PATH))}
_SYSCALL_SOURCES = {"fromSource": _list(_object(path=_PATH, dir=_STRING, recursive=_BOOLEAN))}
_SYSCALL_NAMES = {"syscall": _list({"type": "string", "enum": list(SYSCALLS)})}


def _section(**lists: Schema) -> Schema:
    return _object(**_NOTES, **lists, action=_ACTION)


def _selector(*keys: str, labels: bool) -> Schema:
    expression = _object(
        key={"type": "string", "enum": list(keys)},
        operator={"type": "string", "enum": ["In", "NotIn"]},
        values=_list(_STRING),
    )
    return _object(matchExpressions=_list(expression), **({"matchLabels": _LABELS} if labels else {}))


def _spec(selector: dict[str, Schema], extra: dict[str, Schema], *, host: bool) -> dict[str, Schema]:
    owner, pts, read_only = {"ownerOnly": _BOOLEAN}, {"pts": _BOOLEAN}, {"readOnly": _BOOLEAN}
    directory = {"dir": _DIRECTORY, "recursive": _BOOLEAN}
    program = {"path": _PATH, "execname": {"type": "string", "pattern": r"^[^\/]+$"}}
    arguments: dict[str, Schema] = {"allowedArgs": _list(_STRING) | {"maxItems": 20}}
    need_source: tuple[str, ...] = ("fromSource",) if host else ()
    return {
        **_NOTES,
        **selector,
        "apparmor": _STRING,
        "process": _section(
            matchPaths=_list(_object(**program, **arguments, **owner, **pts, **_SOURCES, **_COMMON)),
            matchDirectories=_list(_object(("dir",), **directory, **owner, **pts, **_SOURCES, **_COMMON)),
            matchPatterns=_list(_object(("pattern",), pattern=_STRING, **owner, **_COMMON)),
        ),
        "file": _section(
            matchPaths=_list(_object(("path",), path=_PATH, **read_only, **owner, **pts, **_SOURCES, **_COMMON)),
            matchDirectories=_list(_object(("dir",), **directory, **read_only, **owner, **pts, **_SOURCES, **_COMMON)),
            matchPatterns=_list(_object(("pattern",), pattern=_STRING, **read_only, **owner, **_COMMON)),
        ),
        "network": _section(
            matchProtocols=_list(
                _object(
                    ("protocol", *need_source),
                    protocol=_PROTOCOL,
                    **({} if host else pts),
                    **_SOURCES,
                    **_COMMON,
                )
            ),
            matchDNSQueries=_list(_object(("domain",), domain=_STRING, **_SOURCES, **_COMMON)),
        ),
        "capabilities": _section(
            matchCapabilities=_list(
                _object(("capability", *need_source), capability=_CAPABILITY, **_SOURCES, **_COMMON)
            ),
        ),
        "syscalls": _object(
            **_NOTES,
            matchSyscalls=_list(_object(**_SYSCALL_NAMES, **_SYSCALL_SOURCES)),
            matchPaths=_list(
                _object(
                    path={"type": "string", "pattern": r"(^\/+.*[^\/]$)|(^\/$|^\/.*\/$)"},
                    recursive=_BOOLEAN,
                    **_SYSCALL_NAMES,
                    **_SYSCALL_SOURCES,
                )
            ),
        ),
        **extra,
        "action": _ACTION,
    }


_PRESETS = {"presets": _list(_object(name=_STRING, action=_ACTION))}
_DEVICE = {
    "device": _section(
        matchDevice=_list(
            _object(
                ("class",),
                **{"class": _STRING},
                subClass=_INT32,
                protocol=_INT32,
                level=_INT32 | {"minimum": 1},
                **_COMMON,
            )
        ),
    )
}


def _network_rule(peers: str) -> Schema:
    port = _object(
        ("port",),
        port=_STRING,
        endPort={"type": "integer", "minimum": 1, "maximum": 65535},
        protocol={"type": "string", "enum": ["TCP", "UDP", "SCTP", "tcp", "udp", "sctp"]},
    )
    return _object(
        **_COMMON | {"severity": {"type": "integer"}},
        **{peers: _list(_object(("ipBlock",), ipBlock=_object(("cidr",), cidr=_STRING)))},
        iface=_list(_STRING),
        ports=_list(port),
        limit={"type": "string", "pattern": "^[0-9]+(KB|MB|GB|K|M|G)?$"},
        duration=_STRING,
    )


def _network_policy() -> Schema:
    spec = _object(
        **_NOTES,
        level={"type": "string", "enum": ["Pod", "Policy", "pod", "policy"]},
        nodeSelector=_object(matchLabels=_LABELS),
        selector=_selector("label", labels=True),
        ingress=_list(_network_rule("from")),
        egress=_list(_network_rule("to")),
        action=_ACTION,
    )
    # the two CEL rules of the CRD: a selector that says something excludes nodes, and allows quota rules only
    for_containers = {
        "required": ["selector"],
        "properties": {"selector": {"anyOf": [{"required": ["matchLabels"]}, {"required": ["matchExpressions"]}]}},
    }
    quota = {"items": {"required": ["limit", "duration"]}}
    only_quota = {"properties": {"nodeSelector": False, "ingress": quota, "egress": quota}}
    return spec | {"if": for_containers, "then": only_quota}


def _document(spec: Schema) -> Schema:
    metadata: Schema = {
        "type": "object",
        "properties": {"name": {}, "namespace": {}, "labels": _LABELS, "annotations": _LABELS},
    }
    return _object(
        ("apiVersion", "kind", "metadata"),
        apiVersion=_STRING,
        kind=_STRING,
        metadata=metadata,
        spec=spec,
        status=_object(status=_STRING),
    )


@cache
def schema_of(kind: str) -> Schema:
    """JSON Schema of a document of that kind."""
    match kind:
        case "KubeArmorPolicy":
            selector = {"selector": _selector("label", labels=True)}
            return _document(_object(**_spec(selector, _PRESETS, host=False)))
        case "KubeArmorClusterPolicy":
            selector = {"selector": _selector("namespace", "label", labels=False)}
            return _document(_object(**_spec(selector, _PRESETS, host=False)))
        case "KubeArmorHostPolicy":
            selector = {"nodeSelector": _object(matchLabels=_LABELS)}
            return _document(_object(("nodeSelector",), **_spec(selector, _DEVICE, host=True)))
        case "KubeArmorNetworkPolicy":
            return _document(_network_policy())
        case _:
            raise KeyError(kind)


KINDS = ("KubeArmorPolicy", "KubeArmorClusterPolicy", "KubeArmorHostPolicy", "KubeArmorNetworkPolicy")
