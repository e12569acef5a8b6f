"""How many entries KubeArmor's BPF map of one container needs (it has room for 256)."""

from __future__ import annotations

from collections.abc import Sequence

from hauberk.policy.model import Domain, Policy
from hauberk.policy.semantics.store import Store, fill

_DOMAINS: tuple[Domain, ...] = ("process", "file", "network", "dns", "capabilities")


def map_entries(policies: Sequence[Policy]) -> int:
    """Entries for these policies together: keys, a hint for each parent of a directory, a posture key a domain.

    A path that both a process and a file rule name takes one entry (`rulesHandling.go` of KubeArmor 1.7.4 joins them).
    """
    stores = [fill(domain, policies) for domain in _DOMAINS]
    paths = {place for store in stores[:2] for place in _paths(store)}
    others = sum(len(keys) for store in stores[2:] for keys in store.scopes.values())
    return len(paths) + others + sum(store.allow_listed for store in stores)


def _paths(store: Store) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    for scope, keys in store.scopes.items():
        for key in keys:
            found.add((scope, key))
            if key == "/":
                found.add((scope, ""))  # the root's own key as a file: written, never looked up
            elif key.endswith("/"):
                parts = key.split("/")[:-1]
                found.update((scope, "/".join(parts[:depth]) + "/") for depth in range(1, len(parts)))
    return found
