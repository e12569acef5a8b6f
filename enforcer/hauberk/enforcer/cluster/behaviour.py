"""What a posture that audits lets through and one that blocks would deny, counted by policy, with the rule to add."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from hauberk.enforcer.alerts import Alert
from hauberk.enforcer.cluster.reports import Access
from hauberk.enforcer.kernel.wire import Operation, Reason, Record
from hauberk.enforcer.node.wanted import PolicyKey, PolicyObject, Wanted
from hauberk.policy.model import Action

MOST = 1000
"""Different accesses that are counted for one policy."""

_OPERATIONS = {
    Operation.EXEC: ("exec", "process"),
    Operation.READ: ("read", "file"),
    Operation.WRITE: ("write", "file"),
    Operation.MODIFY: ("modify", "file"),
    Operation.NETWORK: ("network", "network"),
    Operation.CAPABILITY: ("capability", "capabilities"),
}

WantedAt = Callable[[int], Wanted | None]
"""Slot -> what is enforced there."""


class Behaviour:
    """Filled by the thread that reads records, asked by the one that reports."""

    def __init__(self, at: WantedAt, policies: Callable[[], Mapping[PolicyKey, PolicyObject]]) -> None:
        self._at, self._policies = at, policies
        self._lock = threading.Lock()
        self._counts: dict[PolicyKey, Counter[Access]] = {}

    def take(self, record: Record, alert: Alert) -> None:
        """One record, and the alert that was made of it."""
        if record.reason is not Reason.POSTURE or record.result or record.op not in _OPERATIONS:
            return
        wanted = self._at(record.slot)
        if wanted is None:
            return
        operation, domain = _OPERATIONS[record.op]
        access = Access(operation, str(alert["Resource"])[:4096], str(alert["Source"])[:4096], "")
        access = Access(operation, access.target, access.source, rule_for(operation, domain, alert))
        with self._lock:
            for key in self._listing(wanted.policies, domain):
                counts = self._counts.setdefault(key, Counter())
                if access in counts or len(counts) < MOST:
                    counts[access] += 1 + record.suppressed

    def _listing(self, keys: Iterable[PolicyKey], domain: str) -> list[PolicyKey]:
        """The policies that make an allow-list of the domain: in one of them, a rule would be added."""
        policies = self._policies()
        return [
            key
            for key in keys
            if (one := policies.get(key)) is not None
            and any(rule.domain == domain and rule.action is Action.ALLOW for rule in one.policy.rules)
        ]

    def counts(self, keys: Iterable[PolicyKey]) -> dict[PolicyKey, Counter[Access]]:
        """Of these policies; what is known of others is forgotten."""
        with self._lock:
            wanted = set(keys)
            self._counts = {key: counts for key, counts in self._counts.items() if key in wanted}
            return {key: counts.copy() for key, counts in self._counts.items()}


def rule_for(operation: str, domain: str, alert: Mapping[str, Any]) -> str:
    """The entry of an Allow policy that would let an access pass, as YAML (JSON's text is YAML)."""
    resource = str(alert["Resource"])
    match operation:
        case "network":
            fields = dict(part.split("=", 1) for part in resource.split() if "=" in part)
            protocol = fields.get("protocol") or fields.get("type", "").removeprefix("SOCK_")
            found: dict[str, Any] = {"matchProtocols": [{"protocol": protocol.lower()}]}
        case "capability":
            found = {"matchCapabilities": [{"capability": resource.removeprefix("CAP_").lower()}]}
        case "read":
            found = {"matchPaths": [{"path": resource, "readOnly": True}]}
        case _:
            found = {"matchPaths": [{"path": resource}]}
    return json.dumps({domain: found}, ensure_ascii=False)[:8192]
