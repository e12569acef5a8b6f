# ruff: noqa: SIM102  paths of policies; one condition for each clause of the text
"""Policies as a model reads them: sections 1 and 2."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Report = tuple[str, str, str | None]
Outcome = tuple[str, str | None, list[Report]]
Document = dict[str, Any]

# Section 2, the table: list -> (domain, matcher fields, other fields).
LISTS: dict[tuple[str, str], tuple[str, set[str], set[str]]] = {
    ("process", "matchPaths"): (
        "process",
        {"path", "execname"},
        {"ownerOnly", "pts", "allowedArgs", "fromSource"},
    ),
    ("process", "matchDirectories"): ("process", {"dir", "recursive"}, {"ownerOnly", "pts", "fromSource"}),
    ("process", "matchPatterns"): ("process", {"pattern"}, {"ownerOnly"}),
    ("file", "matchPaths"): ("file", {"path"}, {"readOnly", "ownerOnly", "pts", "fromSource"}),
    ("file", "matchDirectories"): (
        "file",
        {"dir", "recursive"},
        {"readOnly", "ownerOnly", "pts", "fromSource"},
    ),
    ("file", "matchPatterns"): ("file", {"pattern"}, {"readOnly", "ownerOnly"}),
    ("network", "matchProtocols"): ("network", {"protocol"}, {"pts", "fromSource"}),
    ("network", "matchDNSQueries"): ("dns", {"domain"}, {"fromSource"}),
    ("capabilities", "matchCapabilities"): ("capabilities", {"capability"}, {"fromSource"}),
}
COMMA_FIELDS = {"protocol", "domain", "capability"}

# Section 1.  `map_exec` is there "for one preset": no rule is about it.
DOMAINS = {
    "exec": "process",
    "read": "file",
    "write": "file",
    "modify": "file",
    "network": "network",
    "dns": "dns",
    "capability": "capabilities",
}
SOCKET_TYPES = ("stream", "dgram", "raw", "rdm", "seqpacket", "dccp", "packet")
PROTOCOL_NUMBERS = {"tcp": 6, "udp": 17, "icmp": 1, "icmpv6": 58, "sctp": 132}
CAPABILITIES = set(
    """chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable
    net_bind_service net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot sys_ptrace
    sys_pacct sys_admin sys_boot sys_nice sys_resource sys_time sys_tty_config mknod lease audit_write audit_control
    setfcap mac_override mac_admin syslog wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore""".split()
)


@dataclass
class Entry:
    """A rule as one model reads it: action resolved, comma lists split, unknown flags gone."""

    name: str
    policy: str
    domain: str
    list_name: str
    fields: dict[str, Any]
    action: str
    sources: list[str | None] | None  # None: global

    @property
    def owner_only(self) -> bool:
        return self.fields.get("ownerOnly") is True

    @property
    def read_only(self) -> bool:
        return self.fields.get("readOnly") is True

    @property
    def off_tty(self) -> bool:
        return self.fields.get("pts") is False  # 2: pts counts only when it is false

    @property
    def args(self) -> list[str]:
        return self.fields.get("allowedArgs") or []


# ------------------------------------------------------------------------------------------- 2 Reading a policy


def entries(model: str, document: Document) -> Iterator[Entry]:
    spec = document["spec"]
    for (section_name, list_name), (domain, matcher_fields, other_fields) in LISTS.items():
        section = spec.get(section_name) or {}
        items = section.get(list_name) or []
        known = matcher_fields | other_fields
        if list_name == "matchProtocols" and document["kind"] == "KubeArmorHostPolicy":
            known = known - {"pts"}
        comma = next(iter(matcher_fields & COMMA_FIELDS), None)
        for index, item in enumerate(items):
            fields = {key: value for key, value in item.items() if key in known}
            # Inheritance: the rule's own value, else the section's, else the spec's; empty counts as not given.
            action = resolve(model, item.get("action"), section.get("action"), spec.get("action"))
            sources = None
            if fields.get("fromSource"):
                sources = [entry.get("path") or None for entry in fields["fromSource"]]
            variants = [fields]
            if comma:
                # kubearmor: only if the first entry of that list contains a comma.
                if model == "hauberk" or "," in (items[0].get(comma) or ""):
                    words = (fields.get(comma) or "").split(",")
                    variants = [fields | {comma: word.replace(" ", "")} for word in words]
            for variant in variants:
                policy = document["metadata"]["name"]
                name = f"{policy}:{section_name}.{list_name}[{index}]"
                yield Entry(name, policy, domain, list_name, variant, action, sources)


def resolve(model: str, own: str | None, section: str | None, spec: str | None) -> str:
    if model == "hauberk":  # any case at every level
        word = (own or section or spec or "Block").lower()
        return {"allow": "Allow", "block": "Block", "audit": "Audit"}.get(word, "")
    # kubearmor: a wholly lower-case value at spec level is capitalised; anything else does nothing.
    if spec and spec == spec.lower():
        spec = spec[0].upper() + spec[1:]
    word = own or section or spec or "Block"
    return word if word in ("Allow", "Block", "Audit") else ""
